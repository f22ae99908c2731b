// OrderListTests: lists of orders: requests to commands, replies to exact JSON bytes, and the error for every list
// that makes no sense.

import Engine
import Market
import Testing

@testable import Gateway

@Suite struct OrderListTests {
  static let oco =
    "symbol=BTCUSDT&side=SELL&quantity=1&aboveType=LIMIT_MAKER&abovePrice=61000"
    + "&belowType=STOP_LOSS_LIMIT&belowTimeInForce=GTC&belowPrice=58000&belowStopPrice=59000"
  static let working =
    "symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice=60000&workingQuantity=2"
    + "&workingTimeInForce=GTC&pendingSide=SELL"
  static let pair =
    "&pendingAboveType=TAKE_PROFIT&pendingAboveStopPrice=62000&pendingBelowType=STOP_LOSS"
    + "&pendingBelowTrailingDelta=100"

  func parsed(_ path: String, _ parameters: String) -> PlaceOrderList? {
    var edge = Edge()
    let action = edge.signed("POST", path, parameters)
    guard case .placeOrderList(let list) = action.request?.command else { return nil }
    return list
  }

  @Test func `an OCO keeps both of its legs`() throws {
    let list = try #require(
      parsed(
        "/api/v3/orderList/oco",
        Self.oco + "&listClientOrderId=l1&aboveClientOrderId=a1&belowIcebergQty=0.5"
          + "&belowStrategyId=4&belowStrategyType=1000000&selfTradePreventionMode=EXPIRE_MAKER"))
    #expect(list.kind == .oco)
    #expect(list.clientListID == ShortText("l1"))
    #expect(list.account == Edge.account)
    try #require(list.legs.count == 2)
    #expect(list.legs[0].type == .limitMaker)
    #expect(list.legs[0].price == 61_000_000_000)
    #expect(list.legs[0].clientOrderID == ShortText("a1"))
    #expect(list.legs[0].special == .none)
    #expect(list.legs[1].type == .stopLossLimit)
    #expect(list.legs[1].clientOrderID.count == 22)
    #expect(list.legs[1].strategyID == 4)
    #expect(list.legs[1].strategyType == 1_000_000)
    #expect(
      list.legs[1].special
        == SpecialTerms(stopPrice: 59_000_000_000, icebergQuantity: 50_000_000))
    for leg in list.legs {
      #expect(leg.side == .sell)
      #expect(leg.quantity == 100_000_000)
      #expect(leg.selfTradePrevention == .expireMaker)
    }
  }

  @Test func `the old OCO form becomes the same list`() throws {
    let old = "symbol=BTCUSDT&quantity=1&price=61000&stopPrice=59000&limitClientOrderId=x"
    let sell = try #require(parsed("/api/v3/order/oco", old + "&side=SELL"))
    #expect(sell.kind == .oco)
    #expect(sell.legs.map(\.type) == [.limitMaker, .stopLoss])
    #expect(sell.legs[0].clientOrderID == ShortText("x"))
    #expect(sell.legs[1].special.stopPrice == 59_000_000_000)
    let buy = try #require(
      parsed(
        "/api/v3/order/oco",
        old + "&side=BUY&stopLimitPrice=58000&stopLimitTimeInForce=IOC&trailingDelta=20"))
    #expect(buy.legs.map(\.type) == [.stopLossLimit, .limitMaker])
    #expect(buy.legs[0].price == 58_000_000_000)
    #expect(buy.legs[0].timeInForce == .ioc)
    #expect(buy.legs[0].special.trailingDelta == 20)
    #expect(buy.legs[1].price == 61_000_000_000)
  }

  @Test func `lists with pending legs keep them in order`() throws {
    let oto = try #require(
      parsed("/api/v3/orderList/oto", Self.working + "&pendingQuantity=3&pendingType=MARKET"))
    #expect(oto.kind == .oto)
    #expect(oto.legs.map(\.type) == [.limit, .market])
    #expect(oto.legs.map(\.quantity) == [200_000_000, 300_000_000])
    #expect(oto.legs.map(\.side) == [.buy, .sell])
    let otoco = try #require(
      parsed("/api/v3/orderList/otoco", Self.working + "&pendingQuantity=3" + Self.pair))
    #expect(otoco.kind == .otoco)
    #expect(otoco.legs.map(\.type) == [.limit, .takeProfit, .stopLoss])
    #expect(otoco.legs[2].special == SpecialTerms(trailingDelta: 100))
    let opo = try #require(parsed("/api/v3/orderList/opo", Self.working + "&pendingType=MARKET"))
    #expect(opo.kind == .opo)
    #expect(opo.legs.map(\.quantity) == [200_000_000, 0])
    let opoco = try #require(parsed("/api/v3/orderList/opoco", Self.working + Self.pair))
    #expect(opoco.kind == .opoco)
    #expect(opoco.legs.map(\.quantity) == [200_000_000, 0, 0])
  }

  static func pair(_ side: String, _ above: String, _ below: String) -> String {
    "symbol=BTCUSDT&side=\(side)&quantity=1&aboveType=\(above)&belowType=\(below)"
  }

  static let bad: [(String, String, String)] = [
    ("oco", pair("SELL", "LIMIT", "STOP_LOSS"), "-1158 Order type not supported in OCO."),
    ("oco", pair("SELL", "LIMIT_MAKER", "MARKET"), "-1158 Order type not supported in OCO."),
    ("oco", pair("SELL", "NONE", "STOP_LOSS"), "-1116 Invalid orderType."),
    (
      "oco", pair("SELL", "LIMIT_MAKER", "LIMIT_MAKER"),
      "-1168 At least one OCO order must be contingent."
    ),
    (
      "oco", pair("BUY", "LIMIT_MAKER", "STOP_LOSS"),
      "-1165 A limit order in a buy OCO must be below."
    ),
    (
      "oco", pair("SELL", "STOP_LOSS", "LIMIT_MAKER"),
      "-1166 A limit order in a sell OCO must be above."
    ),
    (
      "oco", pair("BUY", "STOP_LOSS", "STOP_LOSS"),
      "-1196 A stop loss order in a buy OCO must be above."
    ),
    (
      "oco", pair("SELL", "STOP_LOSS_LIMIT", "STOP_LOSS"),
      "-1197 A stop loss order in a sell OCO must be below."
    ),
    (
      "oco", pair("BUY", "TAKE_PROFIT", "TAKE_PROFIT"),
      "-1198 A take profit order in a buy OCO must be below."
    ),
    (
      "oco", pair("SELL", "STOP_LOSS", "TAKE_PROFIT_LIMIT"),
      "-1199 A take profit order in a sell OCO must be above."
    ),
    (
      "oco", pair("SELL", "LIMIT_MAKER", "STOP_LOSS") + "&belowStopPrice=1",
      "-1102 Mandatory parameter 'abovePrice' was not sent, was empty/null, or malformed."
    ),
    (
      "oco", pair("SELL", "LIMIT_MAKER", "STOP_LOSS") + "&abovePrice=1",
      "-1102 Param 'belowStopPrice' or 'belowTrailingDelta' must be sent, but both were empty/null!"
    ),
    (
      "oco", oco.replacing("TimeInForce=GTC", with: "TimeInForce=IOC") + "&belowIcebergQty=0.1",
      "-1160 Parameter 'belowIcebergQty' is not supported if aboveTimeInForce/belowTimeInForce is "
        + "not GTC."
    ),
    (
      "oto", working + "&pendingType=MARKET",
      "-1102 Mandatory parameter 'pendingQuantity' was not sent, was empty/null, or malformed."
    ),
    (
      "oto", working.replacing("Type=LIMIT", with: "Type=MARKET") + "&pendingType=MARKET",
      "-1130 Data sent for parameter 'workingType' is not valid."
    ),
    (
      "opo", working.replacing("Side=BUY", with: "Side=SELL") + "&pendingType=MARKET",
      "-1222 Working order in an OPO list must be a bid."
    ),
    (
      "opoco", working.replacing("pendingSide=SELL", with: "pendingSide=BUY") + pair,
      "-1223 Pending orders in an OPO list must be asks."
    ),
    (
      "opo", working + "&pendingType=MARKET&pendingQuantity=1",
      "-1225 Pending orders should not include the 'pendingQuantity' tag."
    ),
    (
      "oco", oco + "&price=1",
      "-1104 Not all sent parameters were read; read '11' parameter(s) but was sent '12'."
    ),
  ]

  @Test(arguments: bad)
  func `a bad list is answered with Binance's code and words`(
    _ kind: String, _ parameters: String, _ said: String
  ) {
    var edge = Edge()
    let action = edge.signed("POST", "/api/v3/orderList/\(kind)", parameters)
    #expect(action.response?.failure == "400 " + said, "\(kind) \(parameters)")
  }

  // MARK: Answers

  static func view(
    _ id: Int64, _ status: OrderStatus, _ type: OrderType, quantity: Int64 = 100_000_000,
    stop: Int64 = 0
  ) -> OrderView {
    OrderView(
      symbol: Edge.btcusdt.id, id: OrderID(id), account: Edge.account,
      clientOrderID: ShortText("c\(id)") ?? .empty, side: .sell, type: type, timeInForce: .gtc,
      status: status, price: 61_000_000_000, quantity: quantity, createdAt: Edge.start,
      updatedAt: Edge.start, workingAt: -1,
      extras: OrderExtras(terms: SpecialTerms(stopPrice: stop), list: OrderListID(3)))
  }

  static func list(
    _ kind: OrderListKind = .oco, _ type: ListStatusType = .execStarted, legs: [Int64] = [7, 8]
  ) -> OrderListView {
    OrderListView(
      id: OrderListID(3), account: Edge.account, symbol: Edge.btcusdt.id, kind: kind,
      statusType: type, status: type == .allDone ? .allDone : .executing,
      clientListID: ShortText("l1") ?? .empty, createdAt: Edge.start, updatedAt: Edge.start,
      legs: legs.map { ListLeg(order: OrderID($0), clientOrderID: ShortText("c\($0)") ?? .empty) })
  }

  static func text(_ contingency: String, _ status: String, _ order: String) -> String {
    "{\"orderListId\":3,\"contingencyType\":\"\(contingency)\",\"listStatusType\":\"\(status)\","
      + "\"listOrderStatus\":\"\(order)\",\"listClientOrderId\":\"l1\","
      + "\"transactionTime\":1499827319600,\"symbol\":\"BTCUSDT\",\"orders\":["
      + "{\"symbol\":\"BTCUSDT\",\"orderId\":7,\"clientOrderId\":\"c7\"},"
      + "{\"symbol\":\"BTCUSDT\",\"orderId\":8,\"clientOrderId\":\"c8\"}]"
  }

  @Test func `a placed list shows its orders in the form that was asked for`() throws {
    let placed = ListPlaced(
      list: Self.list(),
      orders: [Self.view(7, .new, .limitMaker), Self.view(8, .new, .stopLoss, stop: 5_000_000)],
      fills: [], counts: OrderCounts(in10Seconds: 2, inDay: 4))
    var edge = Edge()
    let outcome = WriteOutcome.reply(.listPlaced(placed), index: 9, stamp: 1)
    func answer(_ form: String) -> HTTPResponse? {
      edge.signed("POST", "/api/v3/orderList/oco", Self.oco + "&newOrderRespType=\(form)")
        .rendered(outcome)
    }
    #expect(
      answer("ACK")?.text == Self.text("OCO", "EXEC_STARTED", "EXECUTING")
        + ",\"orderReports\":[{\"symbol\":\"BTCUSDT\",\"orderId\":7,\"orderListId\":3,"
        + "\"clientOrderId\":\"c7\",\"transactTime\":1499827319600},"
        + "{\"symbol\":\"BTCUSDT\",\"orderId\":8,\"orderListId\":3,"
        + "\"clientOrderId\":\"c8\",\"transactTime\":1499827319600}]}")
    let result = try #require(answer("RESULT"))
    #expect(
      result.text.hasSuffix(
        "\"type\":\"STOP_LOSS\",\"side\":\"SELL\",\"stopPrice\":\"5.00000000\",\"workingTime\":-1,"
          + "\"selfTradePreventionMode\":\"NONE\"}]}"))
    #expect(result.header("X-MBX-ORDER-COUNT-10S") == "2")
    #expect(result.header("X-MBX-ORDER-COUNT-1D") == "4")
    #expect(result.weight == 0)
    #expect(answer("FULL")?.text.hasSuffix("\"NONE\",\"fills\":[]}]}") == true)
  }

  @Test func `a leg that will sell proceeds has no quantity yet, and all but OCO are OTO`() {
    var edge = Edge()
    let placed = ListPlaced(
      list: Self.list(.opo),
      orders: [Self.view(7, .new, .limit), Self.view(8, .pendingNew, .market, quantity: 0)],
      fills: [], counts: OrderCounts(in10Seconds: 2, inDay: 4))
    let text =
      edge.signed("POST", "/api/v3/orderList/opo", Self.working + "&pendingType=MARKET")
      .rendered(.reply(.listPlaced(placed), index: 9, stamp: 1))?.text ?? ""
    #expect(text.hasPrefix(Self.text("OTO", "EXEC_STARTED", "EXECUTING")))
    #expect(
      text.contains(
        "\"price\":\"61000.00000000\",\"executedQty\":\"0.00000000\","
          + "\"origQuoteOrderQty\":\"0.00000000\",\"cummulativeQuoteQty\":\"0.00000000\","
          + "\"status\":\"PENDING_NEW\""))
  }

  @Test func `every cancel that ends a list answers with the list`() throws {
    var edge = Edge()
    let cancelled = ListCancelled(
      list: Self.list(.oco, .allDone),
      orders: [7, 8].map {
        Cancelled(
          order: Self.view($0, .canceled, .limitMaker),
          cancelClientOrderID: ShortText("end") ?? .empty)
      })
    let reply = WriteOutcome.reply(.cancelledList(cancelled), index: 9, stamp: 1)
    let byList = edge.signed("DELETE", "/api/v3/orderList", "symbol=BTCUSDT&orderListId=3")
    let text = try #require(byList.rendered(reply)?.text)
    #expect(
      text.hasPrefix(
        Self.text("OCO", "ALL_DONE", "ALL_DONE")
          + ",\"orderReports\":[{\"symbol\":\"BTCUSDT\",\"origClientOrderId\":\"c7\",\"orderId\":7,"
          + "\"orderListId\":3,\"clientOrderId\":\"end\",\"transactTime\":1499827319600,"))
    let byLeg = edge.signed("DELETE", "/api/v3/order", "symbol=BTCUSDT&orderId=7")
    #expect(byLeg.rendered(reply)?.text == text)
    var single = OrderAnswerTests.view(status: .canceled)
    single.id = OrderID(1)
    let one = Cancelled(order: single, cancelClientOrderID: ShortText("cancel1") ?? .empty)
    let all = edge.signed("DELETE", "/api/v3/openOrders", "symbol=BTCUSDT").rendered(
      .reply(
        .cancelledAll([one] + cancelled.orders, lists: [cancelled.list]), index: 9, stamp: 1))
    let first = OrderAnswerTests.cancelledText.replacing(
      "\"orderId\":28", with: "\"orderId\":1")
    #expect(all?.text == "[\(first),\(text)]")
  }

  @Test func `a cancel of a list names it by id, by client id, or by both`() {
    var edge = Edge()
    func cancel(_ text: String) -> CancelOrderList? {
      guard
        case .cancelOrderList(let cancel) = edge.signed(
          "DELETE", "/api/v3/orderList", "symbol=BTCUSDT&" + text
        ).request?.command
      else { return nil }
      return cancel
    }
    let both = cancel("orderListId=3&listClientOrderId=l1&newClientOrderId=end")
    #expect(both?.list == OrderListID(3))
    #expect(both?.clientListID == ShortText("l1"))
    #expect(both?.cancelClientOrderID == ShortText("end"))
    #expect(cancel("listClientOrderId=l1")?.list == nil)
    #expect(
      edge.signed("DELETE", "/api/v3/orderList", "symbol=BTCUSDT").response?.failure
        == "400 -1102 Param 'orderListId' or 'listClientOrderId' must be sent, but both were empty/null!"
    )
  }
}
