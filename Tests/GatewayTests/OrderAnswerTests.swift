// OrderAnswerTests: replies to exact JSON bytes and headers, and every way in which a write can end.

import Engine
import Market
import Testing

@testable import Gateway

@Suite struct OrderAnswerTests {
  static let limit = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=60000"

  static func view(
    status: OrderStatus = .partiallyFilled, type: OrderType = .limit, reason: ExpiryReason = .none
  ) -> OrderView {
    OrderView(
      symbol: Edge.btcusdt.id, id: OrderID(28), account: Edge.account,
      clientOrderID: ShortText("6gCrw2kRUAF9CvJDGP16IP") ?? .empty, side: .buy, type: type,
      timeInForce: .gtc, status: status, expiryReason: reason, price: 60_000_000_000,
      quantity: 100_000_000, executed: 40_000_000, executedQuote: 23_999_990_000,
      createdAt: 1_507_725_176_595_123, updatedAt: 1_507_725_176_600_000,
      workingAt: 1_507_725_176_595_123)
  }

  static let fills = [
    Fill(
      price: 60_000_000_000, quantity: 30_000_000, commission: 45_000, commissionAsset: Edge.btc.id,
      trade: TradeID(56)),
    Fill(
      price: 59_999_900_000, quantity: 10_000_000, commission: 15_000, commissionAsset: Edge.btc.id,
      trade: TradeID(57)),
  ]

  static func reply(_ view: OrderView = view(), fills: [Fill] = fills) -> WriteOutcome {
    .reply(
      .placed(
        Placed(order: view, fills: fills, counts: OrderCounts(in10Seconds: 3, inDay: 17))),
      index: 99, stamp: 1_507_725_176_595_123)
  }

  static let ack =
    "\"symbol\":\"BTCUSDT\",\"orderId\":28,\"orderListId\":-1,"
    + "\"clientOrderId\":\"6gCrw2kRUAF9CvJDGP16IP\",\"transactTime\":1507725176595"
  static let result =
    ack + ",\"price\":\"60000.00000000\",\"origQty\":\"1.00000000\",\"executedQty\":\"0.40000000\","
    + "\"origQuoteOrderQty\":\"0.00000000\",\"cummulativeQuoteQty\":\"23999.99000000\","
    + "\"status\":\"PARTIALLY_FILLED\",\"timeInForce\":\"GTC\",\"type\":\"LIMIT\",\"side\":\"BUY\","
    + "\"workingTime\":1507725176595,\"selfTradePreventionMode\":\"NONE\""
  static let full =
    result
    + ",\"fills\":[{\"price\":\"60000.00000000\",\"qty\":\"0.30000000\","
    + "\"commission\":\"0.00045000\",\"commissionAsset\":\"BTC\",\"tradeId\":56},"
    + "{\"price\":\"59999.90000000\",\"qty\":\"0.10000000\",\"commission\":\"0.00015000\","
    + "\"commissionAsset\":\"BTC\",\"tradeId\":57}]"

  func placed(_ parameters: String, timeUnit: String? = nil) -> HTTPResponse? {
    var edge = Edge()
    return edge.signed("POST", "/api/v3/order", parameters, timeUnit: timeUnit)
      .rendered(Self.reply())
  }

  @Test func `the three forms of a placed order have Binance's fields in order`() {
    #expect(placed(Self.limit + "&newOrderRespType=ACK")?.text == "{\(Self.ack)}")
    #expect(placed(Self.limit + "&newOrderRespType=RESULT")?.text == "{\(Self.result)}")
    #expect(placed(Self.limit + "&newOrderRespType=FULL")?.text == "{\(Self.full)}")
  }

  @Test func `limit and market orders default to FULL, the others to ACK`() {
    #expect(placed(Self.limit)?.text == "{\(Self.full)}")
    let market = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1"
    #expect(placed(market)?.text == "{\(Self.full)}")
    let maker = "symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&quantity=1&price=1"
    #expect(placed(maker)?.text == "{\(Self.ack)}")
  }

  @Test func `placed orders carry the log index and the order counts`() {
    let response = placed(Self.limit)
    #expect(response?.status == 200)
    #expect(response?.header("Content-Type") == "application/json;charset=UTF-8")
    #expect(response?.header("X-Castle-Index") == "99")
    #expect(response?.header("X-MBX-ORDER-COUNT-10S") == "3")
    #expect(response?.header("X-MBX-ORDER-COUNT-1D") == "17")
    #expect(response?.weight == 0)
  }

  @Test func `times are printed in the unit that was asked for`() {
    for unit in ["MICROSECOND", "microsecond"] {
      let text = placed(Self.limit + "&newOrderRespType=ACK", timeUnit: unit)?.text
      #expect(text?.hasSuffix("\"transactTime\":1507725176595123}") == true)
    }
    #expect(placed(Self.limit, timeUnit: "MILLISECOND")?.text == "{\(Self.full)}")
    var edge = Edge()
    #expect(
      edge.signed("POST", "/api/v3/order", Self.limit, timeUnit: "NANOSECOND").response?.failure
        == "400 -1194 Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")
  }

  @Test func `an expired order says why, and an untraded one has no fills`() {
    var edge = Edge()
    let action = edge.signed(
      "POST", "/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1")
    var view = Self.view(status: .expired, type: .market, reason: .insufficientLiquidity)
    view.workingAt = -1
    let text = action.rendered(Self.reply(view, fills: []))?.text ?? ""
    #expect(text.contains("\"status\":\"EXPIRED\""))
    #expect(text.contains("\"workingTime\":-1,"))
    #expect(
      text.hasSuffix(
        "\"selfTradePreventionMode\":\"NONE\",\"expiryReason\":\"INSUFFICIENT_LIQUIDITY\",\"fills\":[]}"
      ))
  }

  @Test func `strategies are shown only when there are any`() {
    var edge = Edge()
    let action = edge.signed("POST", "/api/v3/order", Self.limit)
    var view = Self.view()
    view.strategyID = 5
    view.strategyType = 1_000_001
    let text = action.rendered(Self.reply(view))?.text ?? ""
    #expect(
      text.contains("\"side\":\"BUY\",\"strategyId\":5,\"strategyType\":1000001,\"workingTime\""))
  }

  static let cancelledText =
    "{\"symbol\":\"BTCUSDT\",\"origClientOrderId\":\"6gCrw2kRUAF9CvJDGP16IP\",\"orderId\":28,"
    + "\"orderListId\":-1,\"clientOrderId\":\"cancel1\",\"transactTime\":1507725176600,"
    + "\"price\":\"60000.00000000\",\"origQty\":\"1.00000000\",\"executedQty\":\"0.40000000\","
    + "\"origQuoteOrderQty\":\"0.00000000\",\"cummulativeQuoteQty\":\"23999.99000000\","
    + "\"status\":\"CANCELED\",\"timeInForce\":\"GTC\",\"type\":\"LIMIT\",\"side\":\"BUY\","
    + "\"selfTradePreventionMode\":\"NONE\"}"

  @Test func `cancels show both client ids`() {
    var edge = Edge()
    let cancelled = Cancelled(
      order: Self.view(status: .canceled), cancelClientOrderID: ShortText("cancel1") ?? .empty)
    let one = edge.signed("DELETE", "/api/v3/order", "symbol=BTCUSDT&orderId=28")
    #expect(
      one.rendered(.reply(.cancelled(cancelled), index: 5, stamp: 1))?.text == Self.cancelledText)
    let all = edge.signed("DELETE", "/api/v3/openOrders", "symbol=BTCUSDT")
    let both = all.rendered(.reply(.cancelledAll([cancelled, cancelled]), index: 5, stamp: 1))
    #expect(both?.text == "[\(Self.cancelledText),\(Self.cancelledText)]")
    #expect(both?.header("X-Castle-Index") == "5")
    #expect(both?.header("X-MBX-ORDER-COUNT-10S") == nil)
  }

  static let ends: [(WriteOutcome, String)] = [
    (.expired, "400 -1021 Timestamp for this request is outside of the recvWindow."),
    (
      .unknown,
      "503 -1007 Timeout waiting for response from backend server. Send status unknown; execution "
        + "status unknown. Unknown error, please check your request or try again later."
    ),
    (
      .overloaded,
      "503 -1008 Server is currently overloaded with other requests. Please try again in a few minutes."
    ),
    (.noLeader, "503 -1001 Internal error; unable to process your request. Please try again."),
    (.refused("a level is too high"), "400 -1020 This operation is not supported."),
    (
      .reply(.done, index: 1, stamp: 1),
      "503 -1007 Timeout waiting for response from backend server. Send status unknown; execution "
        + "status unknown. Unknown error, please check your request or try again later."
    ),
  ]

  @Test(arguments: ends)
  func `an outcome without a result has its own error`(_ outcome: WriteOutcome, _ said: String) {
    var edge = Edge()
    let response = edge.signed("POST", "/api/v3/order", Self.limit).rendered(outcome)
    #expect(response?.failure == said)
    #expect(response?.header("Content-Type")?.hasPrefix("application/json") == true)
    #expect(response?.weight == 1)
  }

  static let refusals: [(Rejection, String)] = [
    (
      .timestampAhead, "400 -1021 Timestamp for this request was 1000ms ahead of the server's time."
    ),
    (.deadlinePassed, "400 -1021 Timestamp for this request is outside of the recvWindow."),
    (.keyUnknown, "401 -2015 Invalid API-key, IP, or permissions for action."),
    (.keyRevoked, "401 -2015 Invalid API-key, IP, or permissions for action."),
    (.permissionMissing, "401 -2015 Invalid API-key, IP, or permissions for action."),
    (
      .tooManyOrders10Seconds,
      "429 -1015 Too many new orders; current limit is 100 orders per 10 SECOND."
    ),
    (.tooManyOrdersDay, "429 -1015 Too many new orders; current limit is 200000 orders per 1 DAY."),
    (.symbolUnknown, "400 -1121 Invalid symbol."),
    (.marketClosed, "400 -1013 Market is closed."),
    (.orderTypeNotSupported, "400 -1013 Limit orders are not supported for this symbol."),
    (.filterPrice, "400 -1013 Filter failure: PRICE_FILTER"),
    (.filterLotSize, "400 -1013 Filter failure: LOT_SIZE"),
    (.filterMarketLotSize, "400 -1013 Filter failure: MARKET_LOT_SIZE"),
    (.filterNotional, "400 -1013 Filter failure: NOTIONAL"),
    (.filterMaxOpenOrders, "400 -2010 Filter failure: MAX_NUM_ORDERS"),
    (.priceTimesQuantityZero, "400 -1013 Price * QTY is zero or less."),
    (.insufficientBalance, "400 -2010 Account has insufficient balance for requested action."),
    (.duplicateClientOrderID, "400 -2010 Duplicate order sent."),
    (.wouldTakeImmediately, "400 -2010 Order would immediately match and take."),
    (
      .selfTradePreventionNotAllowed,
      "400 -1013 This symbol does not allow the specified self-trade prevention mode."
    ),
    (
      .liquidityBelowLotSize,
      "400 -2010 Order book liquidity is less than LOT_SIZE filter minimum quantity."
    ),
    (
      .liquidityBelowMarketLotSize,
      "400 -2010 Order book liquidity is less than MARKET_LOT_SIZE filter minimum quantity."
    ),
    (.quantityTooLarge, "400 -1013 Filter failure: LOT_SIZE"),
    (.orderUnknown, "400 -2011 Unknown order sent."),
    (.cancelIDsDisagree, "400 -2011 Cancel order is invalid. Check origClOrdId and orderId."),
    (.cancelRestricted, "400 -2011 Order was not canceled due to cancel restrictions."),
    (.noOpenOrders, "400 -2011 Unknown order sent."),
    (.limitReached, "400 -2010 Filter failure: EXCHANGE_MAX_NUM_ORDERS"),
    (.engineFault, "400 -1013 Market is closed."),
  ]

  @Test(arguments: refusals)
  func `a refusal by the engine has Binance's code and words`(
    _ rejection: Rejection, _ said: String
  ) {
    var edge = Edge()
    let response = edge.signed("POST", "/api/v3/order", Self.limit).rendered(
      .reply(.rejected(rejection), index: 7, stamp: 1_507_725_176_595_123))
    #expect(response?.failure == said)
    #expect(response?.header("X-Castle-Index") == "7")
    #expect(response?.weight == 1)
  }

  @Test func `no refusal is reported as an unknown outcome`() {
    for rejection in Rejection.allCases {
      let error = ErrorCode.error(rejection)
      #expect((400..<500).contains(error.status), "\(rejection)")
      #expect(error.code < 0 && !error.message.isEmpty)
    }
  }

  @Test func `too many orders tell when the window ends`() {
    func wait(_ rejection: Rejection, _ stamp: Int64) -> Int64? {
      ErrorCode.error(rejection, stamp: stamp).retryAfter
    }
    #expect(wait(.tooManyOrders10Seconds, 1_507_725_176_595_123) == 4)
    #expect(wait(.tooManyOrders10Seconds, 1_507_725_170_000_000) == 10)
    #expect(wait(.tooManyOrdersDay, 86_400_000_000 * 3 - 1) == 1)
  }
}
