// SpecialOrderTests: stop, trailing, iceberg and pegged orders and self-trade prevention: requests to commands,
// replies to exact JSON bytes, and the error for every combination that makes no sense.

import Engine
import Market
import Testing

@testable import Gateway

@Suite struct SpecialOrderTests {
  static let base = "symbol=BTCUSDT&side=SELL&quantity=1"
  static let limit = base + "&type=LIMIT&timeInForce=GTC&price=60000"
  static let stop = base + "&type=STOP_LOSS_LIMIT&timeInForce=GTC&price=59000"

  func command(_ parameters: String) -> PlaceOrder? {
    var edge = Edge()
    let action = edge.signed("POST", "/api/v3/order", parameters)
    guard case .placeOrder(let order) = action.request?.command else { return nil }
    return order
  }

  func failure(_ parameters: String, path: String = "/api/v3/order") -> String {
    var edge = Edge()
    return edge.signed("POST", path, parameters).response?.failure ?? "none"
  }

  @Test func `stop and trailing orders keep their terms`() {
    for (name, type) in [("STOP_LOSS", OrderType.stopLoss), ("TAKE_PROFIT", .takeProfit)] {
      let order = command(Self.base + "&type=\(name)&stopPrice=59000.01")
      #expect(order?.type == type)
      #expect(order?.special == SpecialTerms(stopPrice: 59_000_010_000))
      #expect(order?.price == 0)
      let limited = command(
        Self.base + "&type=\(name)_LIMIT&timeInForce=FOK&price=1&stopPrice=2&trailingDelta=75")
      #expect(limited?.special == SpecialTerms(stopPrice: 2_000_000, trailingDelta: 75))
      #expect(limited?.timeInForce == .fok)
      #expect(limited?.price == 1_000_000)
    }
    #expect(
      command(Self.base + "&type=STOP_LOSS&trailingDelta=500")?.special
        == SpecialTerms(trailingDelta: 500))
  }

  @Test func `icebergs, pegs and self-trade prevention keep their terms`() {
    #expect(
      command(Self.limit + "&icebergQty=0.1")?.special == SpecialTerms(icebergQuantity: 10_000_000))
    #expect(command(Self.limit + "&icebergQty=0.0")?.special == SpecialTerms.none)
    let pegged = command(
      Self.base + "&type=LIMIT&timeInForce=GTC&pegPriceType=PRIMARY_PEG&pegOffsetType=PRICE_LEVEL"
        + "&pegOffsetValue=100")
    #expect(pegged?.special == SpecialTerms(peg: .primary, pegLevels: 100))
    #expect(pegged?.price == 0)
    #expect(
      command(Self.limit + "&pegPriceType=MARKET_PEG")?.special == SpecialTerms(peg: .market))
    for mode in SelfTradePrevention.allCases {
      #expect(
        command(Self.limit + "&selfTradePreventionMode=\(mode.text)")?.selfTradePrevention == mode)
    }
    #expect(command(Self.limit)?.selfTradePrevention == nil)
  }

  static let bad: [(String, String)] = [
    (
      base + "&type=TAKE_PROFIT",
      "-1102 Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!"
    ),
    (base + "&type=STOP_LOSS&stopPrice=0", "-1013 Filter failure: PRICE_FILTER"),
    (base + "&type=STOP_LOSS&trailingDelta=0", "-1013 Filter failure: TRAILING_DELTA"),
    (
      base + "&type=STOP_LOSS&trailingDelta=99999999999", "-1013 Filter failure: TRAILING_DELTA"
    ),
    (
      base + "&type=STOP_LOSS&stopPrice=1&price=1",
      "-1106 Parameter 'price' sent when not required."
    ),
    (
      base + "&type=STOP_LOSS&stopPrice=1&timeInForce=GTC",
      "-1114 TimeInForce parameter sent when not required."
    ),
    (
      base + "&type=STOP_LOSS&stopPrice=0.0000001",
      "-1111 Parameter 'stopPrice' has too much precision."
    ),
    (
      stop + "&trailingDelta=1.5",
      "-1100 Illegal characters found in parameter 'trailingDelta'; legal range is '^[0-9]{1,20}$'."
    ),
    (limit + "&stopPrice=1", "-1106 Parameter 'stopPrice' sent when not required."),
    (
      base + "&type=MARKET&icebergQty=0.1",
      "-1106 Parameter 'icebergQty' sent when not required."
    ),
    (
      base + "&type=LIMIT&timeInForce=IOC&price=1&icebergQty=0.1",
      "-1014 Unsupported order combination."
    ),
    (limit + "&pegPriceType=BEST", "-1210 Invalid pegPriceType."),
    (
      limit + "&pegPriceType=MARKET_PEG&pegOffsetType=TICKS&pegOffsetValue=1",
      "-1211 Invalid pegOffsetType."
    ),
    (
      limit + "&pegPriceType=MARKET_PEG&pegOffsetValue=1",
      "-1128 Fields [pegOffsetType, pegOffsetValue] must be sent together or omitted entirely."
    ),
    (
      limit + "&pegPriceType=MARKET_PEG&pegOffsetType=PRICE_LEVEL&pegOffsetValue=101",
      "-1102 'pegOffsetValue' contains unexpected value. Cannot be greater than 100."
    ),
    (
      limit + "&pegOffsetType=PRICE_LEVEL&pegOffsetValue=1",
      "-1102 Mandatory parameter 'pegPriceType' was not sent, was empty/null, or malformed."
    ),
  ]

  @Test(arguments: bad)
  func `a bad combination is answered with Binance's code and words`(
    _ parameters: String, _ said: String
  ) {
    #expect(failure(parameters) == "400 " + said)
    #expect(failure(parameters, path: "/api/v3/order/test") == "400 " + said)
  }

  static let dry: [(String, String)] = [
    (base + "&type=STOP_LOSS&stopPrice=0.001", "-1013 Filter failure: PRICE_FILTER"),
    (base + "&type=STOP_LOSS&trailingDelta=10000", "-1013 Filter failure: TRAILING_DELTA"),
    (limit + "&icebergQty=1.1", "-2010 IcebergQty exceeds QTY."),
    (limit + "&icebergQty=0.001", "-1013 Filter failure: ICEBERG_PARTS"),
    (limit + "&icebergQty=0.000001", "-1013 Filter failure: LOT_SIZE"),
    (
      base + "&type=MARKET&pegPriceType=MARKET_PEG",
      "-2010 This order type may not use pegged price."
    ),
    (
      base + "&type=LIMIT_MAKER&price=60000&pegPriceType=MARKET_PEG",
      "-2010 This price peg cannot be used with this order type."
    ),
  ]

  @Test(arguments: dry)
  func `order test and the engine refuse the same terms`(
    _ parameters: String, _ said: String
  ) throws {
    let venue = try Venue()
    #expect(venue.send("POST", "/api/v3/order/test", parameters).failure == "400 " + said)
    #expect(venue.send("POST", "/api/v3/order", parameters).failure == "400 " + said)
  }

  @Test func `a mode that the symbol does not allow is refused`() throws {
    let venue = try Venue()
    let id = try #require(venue.model.catalog.symbol(named: "BTCUSDT")?.id)
    try venue.administer(
      .setSelfTradeRules(
        SetSelfTradeRules(
          symbol: id, rules: SelfTradeRules(allowing: [.none], standard: .none))))
    for path in ["/api/v3/order", "/api/v3/order/test"] {
      #expect(
        venue.send("POST", path, Self.limit + "&selfTradePreventionMode=EXPIRE_TAKER").failure
          == "400 -1013 This symbol does not allow the specified self-trade prevention mode.")
    }
  }

  @Test func `what the operator switched off is called by its name`() throws {
    let venue = try Venue()
    try venue.administer(.setFeatures(.all))
    for (parameters, said) in [
      (Self.limit, "-2010 Limit orders are not supported for this symbol."),
      (
        Self.stop + "&stopPrice=1",
        "-2010 Stop loss limit orders are not supported for this symbol."
      ),
      (
        Self.base + "&type=TAKE_PROFIT&stopPrice=1",
        "-2010 Take profit orders are not supported for this symbol."
      ),
      (
        Self.stop + "&trailingDelta=1",
        "-2010 Trailing stop orders are not supported for this symbol."
      ),
      (Self.limit + "&icebergQty=0.1", "-2010 Iceberg orders are not supported for this symbol."),
      (
        Self.limit + "&pegPriceType=PRIMARY_PEG",
        "-2010 Pegged orders are not supported for this symbol."
      ),
    ] {
      #expect(venue.send("POST", "/api/v3/order", parameters).failure == "400 " + said)
    }
  }

  // MARK: Answers

  static func view(_ extras: OrderExtras, type: OrderType = .stopLossLimit) -> OrderView {
    var view = OrderAnswerTests.view(status: .new, type: type)
    view.executed = 0
    view.executedQuote = 0
    view.workingAt = -1
    view.extras = extras
    return view
  }

  static let head =
    "\"symbol\":\"BTCUSDT\",\"orderId\":28,\"orderListId\":-1,"
    + "\"clientOrderId\":\"6gCrw2kRUAF9CvJDGP16IP\",\"transactTime\":1507725176595,"
  static let amounts =
    "\"origQty\":\"1.00000000\",\"executedQty\":\"0.00000000\","
    + "\"origQuoteOrderQty\":\"0.00000000\",\"cummulativeQuoteQty\":\"0.00000000\","

  func placed(_ view: OrderView, _ preventions: [Prevention] = []) -> String {
    var edge = Edge()
    let action = edge.signed("POST", "/api/v3/order", Self.limit + "&newOrderRespType=FULL")
    let placed = Placed(
      order: view, fills: [], counts: OrderCounts(in10Seconds: 1, inDay: 1),
      preventions: preventions)
    return action.rendered(.reply(.placed(placed), index: 9, stamp: 1))?.text ?? ""
  }

  @Test func `special terms are shown where an order has them`() {
    let terms = SpecialTerms(
      stopPrice: 59_000_000_000, trailingDelta: 75, icebergQuantity: 10_000_000)
    let expected =
      "{" + Self.head + "\"price\":\"60000.00000000\"," + Self.amounts
      + "\"status\":\"NEW\",\"timeInForce\":\"GTC\",\"type\":\"STOP_LOSS_LIMIT\",\"side\":\"BUY\","
      + "\"stopPrice\":\"59000.00000000\",\"trailingDelta\":75,\"trailingTime\":-1,"
      + "\"icebergQty\":\"0.10000000\",\"workingTime\":-1,"
      + "\"selfTradePreventionMode\":\"NONE\",\"fills\":[]}"
    #expect(placed(Self.view(OrderExtras(terms: terms))) == expected)
    let peg = OrderExtras(terms: SpecialTerms(peg: .primary, pegLevels: 5))
    let pegged =
      "\"price\":\"0.00000000\",\"pegPriceType\":\"PRIMARY_PEG\",\"pegOffsetType\":\"PRICE_LEVEL\","
      + "\"pegOffsetValue\":5,\"peggedPrice\":\"60000.00000000\",\"origQty\""
    #expect(placed(Self.view(peg, type: .limit)).contains(pegged))
  }

  @Test func `prevented matches are told`() {
    var view = Self.view(
      OrderExtras(prevented: 100_000_000, preventedMatch: PreventedMatchID(8)), type: .limit)
    view.status = .expiredInMatch
    view.selfTradePrevention = .expireBoth
    let prevention = Prevention(
      id: PreventedMatchID(8), maker: OrderID(27), price: 60_000_000_000,
      makerQuantity: 200_000_000, takerQuantity: 100_000_000)
    let expected =
      "\"status\":\"EXPIRED_IN_MATCH\",\"timeInForce\":\"GTC\",\"type\":\"LIMIT\",\"side\":\"BUY\","
      + "\"workingTime\":-1,\"selfTradePreventionMode\":\"EXPIRE_BOTH\","
      + "\"preventedMatchId\":8,\"preventedQuantity\":\"1.00000000\",\"fills\":[],"
      + "\"preventedMatches\":[{\"preventedMatchId\":8,\"makerOrderId\":27,"
      + "\"price\":\"60000.00000000\",\"takerPreventedQuantity\":\"1.00000000\","
      + "\"makerPreventedQuantity\":\"2.00000000\"}]}"
    #expect(placed(view, [prevention]).hasSuffix(expected))
  }
}
