// QueryTests: orders and trades as queries show them, and the rules of their parameters.

import Engine
import Market
import Testing

@testable import Gateway

@Suite struct QueryTests {
  static let client = ShortText("mine-1") ?? .empty

  static func order(
    _ id: Int64, _ status: OrderStatus, executed: Int64 = 0, quote: Int64 = 0,
    client: ShortText = client,
    side: Side = .buy, created: Int64 = Edge.start + 1_000_000
  ) -> OrderView {
    OrderView(
      symbol: Edge.btcusdt.id, id: OrderID(id), account: Edge.account, clientOrderID: client,
      side: side, type: .limit, timeInForce: .gtc, status: status, price: 60_000_000_000,
      quantity: 100_000_000, executed: executed, executedQuote: quote, createdAt: created,
      updatedAt: created, workingAt: created)
  }

  /// Order 1 rests, order 2 of the same account takes it in full: both are filled.
  static let history: [[Event]] = {
    let maker = order(1, .filled, executed: 100_000_000, quote: 60_000_000_000)
    var taker = order(
      2, .filled, executed: 100_000_000, quote: 60_000_000_000,
      client: ShortText("theirs") ?? .empty, side: .sell, created: Edge.start + 2_000_000)
    taker.account = AccountID(1002)
    var fresh = taker
    fresh.status = .new
    fresh.executed = 0
    fresh.executedQuote = 0
    let trade = Trade(
      symbol: Edge.btcusdt.id, id: TradeID(1), price: 60_000_000_000, quantity: 100_000_000,
      quoteQuantity: 60_000_000_000, maker: maker, taker: taker, makerFee: 100_000,
      takerFee: 90_000_000, makerFeeAsset: Edge.btcusdt.base,
      takerFeeAsset: Edge.btcusdt.quote, stamp: Edge.start + 2_000_000)
    return [[.orderAccepted(order(1, .new))], [.orderAccepted(fresh), .trade(trade)]]
  }()

  func ask(
    _ path: String, _ parameters: String, timeUnit: String? = nil, events: [[Event]] = history
  ) throws -> HTTPResponse? {
    var edge = Edge()
    let action = edge.signed("GET", path, parameters, timeUnit: timeUnit)
    if case .read(let linearizable, _) = action { #expect(linearizable) }
    return action.answered(try edge.model(events)) ?? action.response
  }

  static let filled =
    "{\"symbol\":\"BTCUSDT\",\"orderId\":1,\"orderListId\":-1,\"clientOrderId\":\"mine-1\","
    + "\"price\":\"60000.00000000\",\"origQty\":\"1.00000000\",\"executedQty\":\"1.00000000\","
    + "\"cummulativeQuoteQty\":\"60000.00000000\",\"status\":\"FILLED\",\"timeInForce\":\"GTC\","
    + "\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":\"0.00000000\",\"icebergQty\":\"0.00000000\","
    + "\"time\":1499827320600,\"updateTime\":1499827320600,\"isWorking\":true,"
    + "\"workingTime\":1499827320600,\"origQuoteOrderQty\":\"0.00000000\","
    + "\"selfTradePreventionMode\":\"NONE\"}"

  @Test func `an order is found by id, by client id and by both`() throws {
    for name in ["orderId=1", "origClientOrderId=mine-1", "orderId=1&origClientOrderId=mine-1"] {
      let response = try ask("/api/v3/order", "symbol=BTCUSDT&" + name)
      #expect(response?.text == Self.filled, "\(name)")
      #expect(response?.header("X-Castle-Index") == "3")
    }
  }

  @Test(arguments: [
    ("orderId=9", "400 -2013 Order does not exist."),
    ("orderId=2", "400 -2013 Order does not exist."),
    ("origClientOrderId=none", "400 -2013 Order does not exist."),
    (
      "orderId=1&origClientOrderId=other",
      "400 -2039 Client order ID is not correct for this order ID."
    ),
    (
      "recvWindow=5000",
      "400 -1102 Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
    ),
    (
      "orderId=x",
      "400 -1100 Illegal characters found in parameter 'orderId'; legal range is '^[0-9]{1,20}$'."
    ),
  ])
  func `an order that is not there, or not the caller's, is not shown`(
    _ name: String, _ said: String
  ) throws {
    #expect(try ask("/api/v3/order", "symbol=BTCUSDT&" + name)?.failure == said)
  }

  @Test func `all orders lists the caller's orders only`() throws {
    #expect(try ask("/api/v3/allOrders", "symbol=BTCUSDT")?.text == "[\(Self.filled)]")
    #expect(try ask("/api/v3/allOrders", "symbol=BTCUSDT&orderId=2")?.text == "[]")
    #expect(try ask("/api/v3/allOrders", "symbol=LTCBTC")?.text == "[]")
    let micro = try ask("/api/v3/allOrders", "symbol=BTCUSDT", timeUnit: "MICROSECOND")
    #expect(micro?.text.contains("\"time\":1499827320600000,") == true)
  }

  @Test func `trades show the caller's side and what it paid`() throws {
    let trade =
      "[{\"symbol\":\"BTCUSDT\",\"id\":1,\"orderId\":1,\"orderListId\":-1,"
      + "\"price\":\"60000.00000000\",\"qty\":\"1.00000000\",\"quoteQty\":\"60000.00000000\","
      + "\"commission\":\"0.00100000\",\"commissionAsset\":\"BTC\",\"time\":1499827321600,"
      + "\"isBuyer\":true,\"isMaker\":true,\"isBestMatch\":true}]"
    #expect(try ask("/api/v3/myTrades", "symbol=BTCUSDT")?.text == trade)
    #expect(try ask("/api/v3/myTrades", "symbol=BTCUSDT&orderId=1")?.text == trade)
    #expect(try ask("/api/v3/myTrades", "symbol=BTCUSDT&orderId=1&fromId=2")?.text == "[]")
    #expect(try ask("/api/v3/myTrades", "symbol=BTCUSDT&fromId=1&limit=1")?.text == trade)
  }

  @Test(
    arguments: [
      (
        "/api/v3/myTrades", "symbol=BTCUSDT&orderId=1&startTime=1499827300000",
        "400 -1128 Combination of optional parameters invalid."
      ),
      (
        "/api/v3/myTrades", "symbol=BTCUSDT&fromId=1&endTime=1499827300000",
        "400 -1128 Combination of optional parameters invalid."
      ),
      (
        "/api/v3/myTrades", "symbol=BTCUSDT&startTime=1499700000000&endTime=1499786400001",
        "400 -1127 More than 24 hours between startTime and endTime."
      ),
      (
        "/api/v3/allOrders", "symbol=BTCUSDT&startTime=1499700000000&endTime=1499786400001",
        "400 -1127 More than 24 hours between startTime and endTime."
      ),
      (
        "/api/v3/allOrders", "symbol=BTCUSDT&startTime=1499700000001&endTime=1499700000000",
        "400 -1130 Data sent for parameter 'endTime' is not valid."
      ),
      (
        "/api/v3/allOrders", "symbol=BTCUSDT&limit=1001",
        "400 -1130 Data sent for parameter 'limit' is not valid."
      ),
      (
        "/api/v3/allOrders", "limit=1",
        "400 -1102 Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
      ),
    ] as [(String, String, String)])
  func `lists refuse what Binance refuses`(_ path: String, _ query: String, _ said: String) throws {
    #expect(try ask(path, query)?.failure == said)
  }

  @Test func `a day exactly is not too wide`() throws {
    let day = "symbol=BTCUSDT&startTime=1499700000000&endTime=1499786400000"
    #expect(try ask("/api/v3/allOrders", day)?.status == 200)
    #expect(try ask("/api/v3/myTrades", day)?.status == 200)
  }

  @Test func `an end in milliseconds includes the whole of its millisecond`() throws {
    // The trade of the history is at ...321600000 microseconds; this one is 250 later.
    var late = Self.order(3, .filled, executed: 1_000_000, created: Edge.start + 2_000_250)
    late.clientOrderID = ShortText("late") ?? .empty
    var other = late
    other.account = AccountID(1002)
    other.id = OrderID(4)
    other.side = .sell
    let trade = Trade(
      symbol: Edge.btcusdt.id, id: TradeID(2), price: 60_000_000_000, quantity: 1_000_000,
      quoteQuantity: 600_000_000, maker: late, taker: other, makerFee: 1, takerFee: 1,
      makerFeeAsset: Edge.btcusdt.base, takerFeeAsset: Edge.btcusdt.quote,
      stamp: Edge.start + 2_000_250)
    let events = Self.history + [[.orderAccepted(late), .trade(trade)]]
    func ids(_ path: String, _ end: String) throws -> [Int64?] {
      let query = "symbol=BTCUSDT&endTime=\(end)"
      let answer = try #require(try ask(path, query, events: events))
      guard case .array(let list) = try JSONValue.parse(answer.body) else { return [] }
      return list.map { $0["orderId"]?.integer }
    }
    for path in ["/api/v3/myTrades", "/api/v3/allOrders"] {
      #expect(try ids(path, "1499827321600") == [1, 3], "\(path)")
      #expect(try ids(path, "1499827321600250") == [1, 3], "\(path)")
      #expect(try ids(path, "1499827321600249") == [1], "\(path)")
      #expect(try ids(path, "1499827321599").contains(3) == false, "\(path)")
    }
  }

  @Test func `commissions are those of the symbol`() throws {
    #expect(
      try ask("/api/v3/account/commission", "symbol=BTCUSDT")?.text
        == "{\"symbol\":\"BTCUSDT\",\"standardCommission\":{\"maker\":\"0.00100000\","
        + "\"taker\":\"0.00150000\",\"buyer\":\"0.00000000\",\"seller\":\"0.00000000\"},"
        + "\"specialCommission\":{\"maker\":\"0.00000000\",\"taker\":\"0.00000000\","
        + "\"buyer\":\"0.00000000\",\"seller\":\"0.00000000\"},"
        + "\"taxCommission\":{\"maker\":\"0.00000000\",\"taker\":\"0.00000000\","
        + "\"buyer\":\"0.00000000\",\"seller\":\"0.00000000\"},"
        + "\"discount\":{\"enabledForAccount\":false,\"enabledForSymbol\":false,"
        + "\"discountAsset\":null,\"discount\":\"0.00000000\"}}")
    #expect(
      try ask("/sapi/v1/asset/tradeFee", "symbol=LTCBTC")?.text
        == "[{\"symbol\":\"LTCBTC\",\"makerCommission\":\"0.00100000\",\"takerCommission\":\"0.00100000\"}]"
    )
    #expect(try ask("/sapi/v1/asset/tradeFee", "")?.text.contains("BTCUSDT") == true)
  }

  @Test func `keys and accounts tell what they may do`() throws {
    #expect(
      try ask("/sapi/v1/account/apiRestrictions", "")?.text
        == "{\"ipRestrict\":false,\"createTime\":1483300000123,\"enableReading\":true,"
        + "\"enableSpotAndMarginTrading\":true,\"enableWithdrawals\":false,"
        + "\"enableInternalTransfer\":false,\"enableMargin\":false,\"enableFutures\":false,"
        + "\"permitsUniversalTransfer\":false,\"enableVanillaOptions\":false,"
        + "\"enablePortfolioMarginTrading\":false}")
    #expect(try ask("/sapi/v1/account/status", "")?.text == "{\"data\":\"Normal\"}")
    #expect(try ask("/sapi/v1/account/apiTradingStatus", "")?.status == 200)
  }

  @Test func `deposits and withdrawals are told apart, newest first`() throws {
    let events: [[Event]] = [
      (1, 150_000_000, "tx1"), (2, -50_000_000, "tx2"), (3, 1_000_000, "tx3"),
    ].map { at, amount, id in
      [
        .fundsMoved(
          FundsMoved(
            account: Edge.account, asset: Edge.btc.id, amount: amount, id: id,
            stamp: Edge.start + at * 1_000_000))
      ]
    }
    func deposit(_ id: String, _ amount: String, _ time: String) -> String {
      "{\"id\":\"\(id)\",\"amount\":\"\(amount)\",\"coin\":\"BTC\",\"network\":\"\",\"status\":1,"
        + "\"address\":\"\",\"addressTag\":\"\",\"txId\":\"\(id)\",\"insertTime\":\(time),"
        + "\"transferType\":0,\"confirmTimes\":\"1/1\"}"
    }
    let path = "/sapi/v1/capital/deposit/hisrec"
    let first = deposit("tx1", "1.50000000", "1499827320600")
    let third = deposit("tx3", "0.01000000", "1499827322600")
    #expect(try ask(path, "", events: events)?.text == "[\(third),\(first)]")
    #expect(try ask(path, "coin=BTC&limit=1", events: events)?.text == "[\(third)]")
    #expect(try ask(path, "coin=USDT", events: events)?.text == "[]")
    #expect(try ask(path, "endTime=1499827321000", events: events)?.text == "[\(first)]")
    let withdrawals = try ask("/sapi/v1/capital/withdraw/history", "", events: events)
    #expect(withdrawals?.text.contains("\"amount\":\"0.50000000\"") == true)
    #expect(withdrawals?.text.contains("\"applyTime\":\"2017-07-12 02:42:01\"") == true)
    #expect(withdrawals?.text.contains("tx1") == false)
  }

  @Test func `calendar times are right across leap years`() {
    for (seconds, text) in [
      (0, "1970-01-01 00:00:00"), (951_782_400, "2000-02-29 00:00:00"),
      (951_868_799, "2000-02-29 23:59:59"), (951_868_800, "2000-03-01 00:00:00"),
      (1_709_164_800, "2024-02-29 00:00:00"), (4_107_542_400, "2100-03-01 00:00:00"),
      (1_735_689_599, "2024-12-31 23:59:59"),
    ] as [(Int64, String)] {
      #expect(CivilTime.text(seconds * 1_000_000) == text)
    }
  }
}
