// DiscountTests: commission in the discount asset, from the switch to the trade history, over the real
// engine.

import Engine
import Testing

@testable import Gateway

@Suite struct DiscountTests {
  /// BNB at 300 USDT, 75 % of the standard commission if it is paid in BNB; alice has BNB and bob has
  /// none.
  static func venue() throws -> Venue {
    let venue = try Venue()
    try venue.administer(.addAsset(AddAsset(name: "BNB", scale: 8)))
    let bnb = try #require(venue.model.catalog.asset(named: "BNB")?.id)
    try venue.administer(
      .addSymbol(
        AddSymbol(
          name: "BNBUSDT", base: "BNB", quote: "USDT", filters: Edge.btcusdt.filters,
          makerRate: 0, takerRate: 0)))
    let alice = try #require(venue.model.catalog.account(named: "alice")?.id)
    try venue.administer(
      .deposit(Funds(account: alice, asset: bnb, amount: 10_100_000_000, id: "bnb")))
    try venue.administer(.setDiscount(DiscountSettings(asset: bnb, factor: 75_000_000)))
    let symbol = try #require(venue.model.catalog.symbol(named: "BTCUSDT")?.id)
    try venue.administer(.setSymbolDiscount(SetSymbolDiscount(symbol: symbol, isOffered: true)))
    let limit = "symbol=BNBUSDT&type=LIMIT&timeInForce=GTC&quantity=1&price=300"
    #expect(venue.send("POST", "/api/v3/order", limit + "&side=SELL").status == 200)
    let bought = venue.send("POST", "/api/v3/order", limit + "&side=BUY", key: Venue.bobKey)
    #expect(field(bought, "status") == "FILLED")
    return venue
  }

  @Test func `the switch is told and set, and interest is never paid so`() throws {
    let venue = try Self.venue()
    let off = "{\"spotBNBBurn\":false,\"interestBNBBurn\":false}"
    let on = "{\"spotBNBBurn\":true,\"interestBNBBurn\":false}"
    #expect(venue.send("GET", "/sapi/v1/bnbBurn").text == off)
    #expect(venue.send("POST", "/sapi/v1/bnbBurn", "spotBNBBurn=true").text == on)
    #expect(venue.send("GET", "/sapi/v1/bnbBurn").text == on)
    #expect(venue.send("GET", "/sapi/v1/bnbBurn", key: Venue.bobKey).text == off)
    #expect(venue.send("POST", "/sapi/v1/bnbBurn", "interestBNBBurn=false").text == on)
    #expect(
      venue.send("POST", "/sapi/v1/bnbBurn", "spotBNBBurn=false&interestBNBBurn=false").text == off)
    #expect(venue.send("GET", "/sapi/v1/bnbBurn").text == off)
    for (parameters, failure) in [
      (
        "",
        "400 -1102 Param 'spotBNBBurn' or 'interestBNBBurn' must be sent, but both were empty/null!"
      ),
      (
        "spotBNBBurn=maybe",
        "400 -1100 Illegal characters found in parameter 'spotBNBBurn'; legal range is '^(true|false)$'."
      ),
      ("spotBNBBurn=true&interestBNBBurn=true", "400 -1020 This operation is not supported."),
    ] {
      #expect(venue.send("POST", "/sapi/v1/bnbBurn", parameters).failure == failure)
    }
    #expect(venue.send("GET", "/sapi/v1/bnbBurn").text == off, "a refused change changed something")
  }

  @Test func `rates tell of the discount`() throws {
    let venue = try Self.venue()
    _ = venue.send("POST", "/sapi/v1/bnbBurn", "spotBNBBurn=true")
    func discount(_ used: Bool, _ offered: Bool) -> String {
      "\"discount\":{\"enabledForAccount\":\(used),\"enabledForSymbol\":\(offered),"
        + "\"discountAsset\":\"BNB\",\"discount\":\"0.75000000\"}}"
    }
    func rates(_ symbol: String, key: String = Edge.apiKey) -> String {
      venue.send("GET", "/api/v3/account/commission", "symbol=\(symbol)", key: key).text
    }
    #expect(rates("BTCUSDT").hasSuffix(discount(true, true)))
    #expect(rates("BNBUSDT").hasSuffix(discount(true, false)))
    #expect(rates("BTCUSDT", key: Venue.bobKey).hasSuffix(discount(false, true)))
    let test = VenueTests.sell + "&computeCommissionRates=true"
    #expect(
      venue.send("POST", "/api/v3/order/test", test).text
        == "{\"standardCommissionForOrder\":{\"maker\":\"0.00100000\",\"taker\":\"0.00150000\"},"
        + "\"specialCommissionForOrder\":{\"maker\":\"0.00000000\",\"taker\":\"0.00000000\"},"
        + "\"taxCommissionForOrder\":{\"maker\":\"0.00000000\",\"taker\":\"0.00000000\"},"
        + discount(true, true))
    try venue.administer(.setDiscount(.none))
    #expect(
      rates("BTCUSDT").hasSuffix(
        "\"discount\":{\"enabledForAccount\":true,\"enabledForSymbol\":false,"
          + "\"discountAsset\":null,\"discount\":\"0.00000000\"}}"))
  }

  @Test func `an account sees its own terms wherever rates are told`() throws {
    let venue = try Self.venue()
    let alice = try #require(venue.model.catalog.account(named: "alice")?.id)
    let symbol = try #require(venue.model.catalog.symbol(named: "BTCUSDT")?.id)
    func set(_ account: AccountID, _ commission: Commission) throws {
      try venue.administer(
        .setCommission(
          AccountCommission(account: account, symbol: symbol, commission: commission)))
    }
    func fees(_ key: String = Edge.apiKey) -> String {
      venue.send("GET", "/sapi/v1/asset/tradeFee", key: key).text
    }
    let free =
      "{\"symbol\":\"BNBUSDT\",\"makerCommission\":\"0.00000000\","
      + "\"takerCommission\":\"0.00000000\"}]"
    func fees(_ maker: String, _ taker: String) -> String {
      "[{\"symbol\":\"BTCUSDT\",\"makerCommission\":\"\(maker)\","
        + "\"takerCommission\":\"\(taker)\"}," + free
    }
    #expect(fees() == fees("0.00100000", "0.00150000"))
    // For all accounts; then alice's own, of which the buyer's side is the dearer one.
    try set(
      .operator, Commission(standard: CommissionRates(maker: 20_000, taker: 40_000)))
    try set(
      alice,
      Commission(
        standard: CommissionRates(maker: 30_000, taker: 60_000, buyer: 50_000, seller: 10_000),
        tax: CommissionRates(maker: 1_000, taker: 2_000),
        special: CommissionRates(buyer: 4_000, seller: 5_000)))
    #expect(fees(Venue.bobKey) == fees("0.00020000", "0.00040000"))
    #expect(fees() == fees("0.00085000", "0.00116000"))
    func rates(_ key: String = Edge.apiKey) -> String {
      String(venue.send("GET", "/api/v3/account", key: key).text.prefix { $0 != "}" })
    }
    #expect(
      rates()
        == "{\"makerCommission\":3,\"takerCommission\":6,\"buyerCommission\":5,"
        + "\"sellerCommission\":1,\"commissionRates\":{\"maker\":\"0.00030000\","
        + "\"taker\":\"0.00060000\",\"buyer\":\"0.00050000\",\"seller\":\"0.00010000\"")
    #expect(
      rates(Venue.bobKey).hasPrefix("{\"makerCommission\":2,\"takerCommission\":4,"))
    let own = venue.send("GET", "/api/v3/account/commission", "symbol=BTCUSDT")
    #expect(field(own, "standardCommission", "buyer") == "0.00050000")
    #expect(field(own, "taxCommission", "taker") == "0.00002000")
    #expect(field(own, "specialCommission", "seller") == "0.00005000")
  }

  /// The node that is asked may not have heard yet of a switch that was thrown on another one.
  @Test func `rates are read behind what was acknowledged`() throws {
    let venue = try Self.venue()
    for path in ["/api/v3/account/commission", "/sapi/v1/asset/tradeFee", "/api/v3/account"] {
      let parameters = path == "/api/v3/account" ? "" : "symbol=BTCUSDT"
      guard case .read(let linearizable, let answer) = venue.action("GET", path, parameters)
      else {
        Issue.record("\(path) is answered from what the edge remembers")
        continue
      }
      #expect(linearizable)
      guard path == "/api/v3/account/commission" else { continue }
      _ = venue.send("POST", "/sapi/v1/bnbBurn", "spotBNBBurn=true")
      #expect(answer(venue.model).text.contains("\"enabledForAccount\":true"))
    }
  }

  /// The order was read by the edge before the asset was named, and accepted behind that.
  @Test func `a fill names an asset that commission was not paid in when the order came`() throws {
    let venue = try Self.venue()
    let discount = venue.model.catalog.discount
    _ = venue.send("POST", "/sapi/v1/bnbBurn", "spotBNBBurn=true")
    let rest = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.5&price=60000"
    #expect(venue.send("POST", "/api/v3/order", rest, key: Venue.bobKey).status == 200)
    try venue.administer(.setDiscount(.none))
    let order = venue.action(
      "POST", "/api/v3/order",
      "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.2&newOrderRespType=FULL")
    try venue.administer(.setDiscount(discount))
    let taken = venue.finish(order)
    #expect(field(taken, "fills", "0", "commission") == "0.04500000")
    #expect(field(taken, "fills", "0", "commissionAsset") == "BNB")
  }

  @Test func `fills and trades carry the asset that was paid in`() throws {
    let venue = try Self.venue()
    _ = venue.send("POST", "/sapi/v1/bnbBurn", "spotBNBBurn=true")
    _ = venue.send("POST", "/sapi/v1/bnbBurn", "spotBNBBurn=true", key: Venue.bobKey)
    let rest = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.5&price=60000"
    #expect(venue.send("POST", "/api/v3/order", rest, key: Venue.bobKey).status == 200)
    // 12,000 USDT at 75 % of 0.15 % are 13.5 USDT, 0.045 BNB. Bob pays 0.1 %: 9 USDT, 0.03 BNB.
    let taken = venue.send(
      "POST", "/api/v3/order",
      "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.2&newOrderRespType=FULL")
    #expect(field(taken, "fills", "0", "commission") == "0.04500000")
    #expect(field(taken, "fills", "0", "commissionAsset") == "BNB")
    let trades = venue.send("GET", "/api/v3/myTrades", "symbol=BTCUSDT")
    #expect(field(trades, "0", "commission") == "0.04500000")
    #expect(field(trades, "0", "commissionAsset") == "BNB")
    let others = venue.send("GET", "/api/v3/myTrades", "symbol=BTCUSDT", key: Venue.bobKey)
    #expect(field(others, "0", "commission") == "0.03000000")
    #expect(field(others, "0", "commissionAsset") == "BNB")
    let balances = venue.send("GET", "/api/v3/account", "omitZeroBalances=true").text
    #expect(balances.contains("{\"asset\":\"BNB\",\"free\":\"99.95500000\""))
    // Bob has 0.97 BNB, and the commission on the next is 0.675 BNB; then there is too little.
    _ = venue.send(
      "POST", "/api/v3/order",
      "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=9&price=60000")
    for (quantity, commission, asset) in [
      ("2.7", "0.60750000", "BNB"), ("2.7", "0.00405000", "BTC"),
    ] {
      let bought = venue.send(
        "POST", "/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=\(quantity)",
        key: Venue.bobKey)
      #expect(field(bought, "fills", "0", "commission") == commission)
      #expect(field(bought, "fills", "0", "commissionAsset") == asset)
      venue.time += 1_000_000
    }
  }
}
