// SpecialVenueTests: conversations over the real engine with lists, cancel-replace, amendments, self-trade prevention
// and stop orders: what a client writes is what it reads back.

import Engine
import Market
import Testing

@testable import Gateway

@Suite struct SpecialVenueTests {
  static let sell = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.5&price=60000"
  static let buy = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.5&price=60000"

  /// A last price of 60,000.
  func traded() throws -> Venue {
    let venue = try Venue()
    _ = venue.send("POST", "/api/v3/order", Self.sell)
    #expect(
      field(venue.send("POST", "/api/v3/order", Self.buy, key: Venue.bobKey), "status") == "FILLED")
    return venue
  }

  @Test func `an OCO is placed, found, amended, and ended by one of its legs`() throws {
    let venue = try traded()
    let placed = venue.send(
      "POST", "/api/v3/orderList/oco", OrderListTests.oco + "&listClientOrderId=l1")
    #expect(placed.status == 200, "\(placed.text)")
    #expect(field(placed, "listOrderStatus") == "EXECUTING")
    #expect(field(placed, "orderReports", "1", "type") == "STOP_LOSS_LIMIT")
    let id = try #require(field(placed, "orderListId"))
    let order = try #require(field(placed, "orders", "1", "orderId"))
    let stop = venue.send("GET", "/api/v3/order", "symbol=BTCUSDT&orderId=\(order)")
    #expect(field(stop, "orderListId") == id)
    #expect(field(stop, "stopPrice") == "59000.00000000")
    #expect(stop.text.contains("\"isWorking\":false,\"workingTime\":-1,"))
    let found = venue.send("GET", "/api/v3/orderList", "orderListId=\(id)").text
    for query in ["origClientOrderId=l1", "orderListId=\(id)&origClientOrderId=l1"] {
      #expect(venue.send("GET", "/api/v3/orderList", query).text == found)
    }
    #expect(venue.send("GET", "/api/v3/openOrderList").text == "[\(found)]")
    #expect(venue.send("GET", "/api/v3/allOrderList").text == "[\(found)]")
    #expect(venue.send("GET", "/api/v3/openOrderList", key: Venue.bobKey).text == "[]")
    for query in ["orderListId=99", "origClientOrderId=l2", "orderListId=1&origClientOrderId=l2"] {
      #expect(
        venue.send("GET", "/api/v3/orderList", query).failure
          == "400 -2013 Order list does not exist.")
    }
    let amended = venue.send(
      "PUT", "/api/v3/order/amend/keepPriority", "symbol=BTCUSDT&orderId=\(order)&newQty=0.4")
    #expect(field(amended, "amendedOrder", "qty") == "0.40000000", "\(amended.text)")
    #expect(field(amended, "listStatus", "orderListId") == id)
    let cancelled = venue.send("DELETE", "/api/v3/order", "symbol=BTCUSDT&orderId=\(order)")
    #expect(field(cancelled, "listStatusType") == "ALL_DONE")
    #expect(venue.send("GET", "/api/v3/openOrderList").text == "[]")
    #expect(
      field(venue.send("GET", "/api/v3/allOrderList", "fromId=\(id)"), "0", "listOrderStatus")
        == "ALL_DONE")
    #expect(
      venue.send("DELETE", "/api/v3/orderList", "symbol=BTCUSDT&orderListId=\(id)").failure
        == "400 -2011 Unknown order list sent.")
  }

  @Test func `an OCO on the wrong side of the market is refused`() throws {
    let venue = try traded()
    #expect(
      venue.send(
        "POST", "/api/v3/orderList/oco",
        OrderListTests.oco.replacing("abovePrice=61000", with: "abovePrice=59500")
      ).failure == "400 -2010 The relationship of the prices for the orders is not correct.")
  }

  @Test func `the pending leg of an OTO enters once the working one is filled`() throws {
    let venue = try traded()
    let list =
      "symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice=60000&workingQuantity=0.5"
      + "&workingTimeInForce=GTC&pendingSide=SELL&pendingType=LIMIT_MAKER&pendingPrice=70000"
    let placed = venue.send("POST", "/api/v3/orderList/oto", list + "&pendingQuantity=0.5")
    #expect(field(placed, "orderReports", "1", "status") == "PENDING_NEW", "\(placed.text)")
    let pending = try #require(field(placed, "orders", "1", "orderId"))
    _ = venue.send("POST", "/api/v3/order", Self.sell, key: Venue.bobKey)
    let entered = venue.send("GET", "/api/v3/order", "symbol=BTCUSDT&orderId=\(pending)")
    #expect(field(entered, "status") == "NEW", "\(entered.text)")
    let trades = venue.send("GET", "/api/v3/myTrades", "symbol=BTCUSDT")
    #expect(field(trades, "0", "orderListId") == "-1")
    #expect(field(trades, "1", "orderListId") == field(placed, "orderListId"))
    let opo = venue.send("POST", "/api/v3/orderList/opo", list + "&listClientOrderId=o1")
    #expect(field(opo, "contingencyType") == "OTO", "\(opo.text)")
    #expect(field(opo, "orderReports", "1", "origQty") == nil)
    let ended = venue.send("DELETE", "/api/v3/openOrders", "symbol=BTCUSDT")
    #expect(field(ended, "0", "orderListId") == field(placed, "orderListId"), "\(ended.text)")
    #expect(field(ended, "1", "listOrderStatus") == "ALL_DONE")
  }

  @Test func `a trailing order shows when it began to follow`() throws {
    let venue = try traded()
    let order = "symbol=BTCUSDT&side=SELL&type=STOP_LOSS&quantity=0.5&trailingDelta=100"
    let placed = venue.send("POST", "/api/v3/order", order + "&newOrderRespType=RESULT")
    #expect(field(placed, "trailingDelta") == "100", "\(placed.text)")
    #expect(field(placed, "trailingTime") == "\(venue.time / 1000)")
    #expect(
      venue.send(
        "POST", "/api/v3/order",
        "symbol=BTCUSDT&side=SELL&type=STOP_LOSS&quantity=0.5&stopPrice=60000"
      ).failure == "400 -2010 Order would trigger immediately.")
  }

  @Test func `prevented matches are told to both sides and kept`() throws {
    let venue = try Venue()
    let maker = venue.send("POST", "/api/v3/order", Self.sell)
    let taker = venue.send(
      "POST", "/api/v3/order", Self.buy + "&selfTradePreventionMode=EXPIRE_BOTH")
    #expect(field(taker, "status") == "EXPIRED_IN_MATCH", "\(taker.text)")
    #expect(field(taker, "preventedQuantity") == "0.50000000")
    let id = try #require(field(taker, "preventedMatches", "0", "preventedMatchId"))
    let expected =
      "[{\"symbol\":\"BTCUSDT\",\"preventedMatchId\":\(id),"
      + "\"takerOrderId\":\(field(taker, "orderId") ?? ""),\"makerSymbol\":\"BTCUSDT\","
      + "\"makerOrderId\":\(field(maker, "orderId") ?? ""),\"tradeGroupId\":-1,"
      + "\"selfTradePreventionMode\":\"EXPIRE_BOTH\",\"price\":\"60000.00000000\","
      + "\"takerPreventedQuantity\":\"0.50000000\",\"makerPreventedQuantity\":\"0.50000000\","
      + "\"transactTime\":1499827319600}]"
    for query in [
      "preventedMatchId=\(id)", "orderId=1", "orderId=2",
      "orderId=2&fromPreventedMatchId=\(id)&limit=5",
    ] {
      #expect(
        venue.send("GET", "/api/v3/myPreventedMatches", "symbol=BTCUSDT&" + query).text == expected,
        "\(query)")
    }
    #expect(
      venue.send(
        "GET", "/api/v3/myPreventedMatches", "symbol=BTCUSDT&orderId=2&fromPreventedMatchId=9"
      ).text == "[]")
    #expect(
      venue.send("GET", "/api/v3/myPreventedMatches", "symbol=BTCUSDT").failure
        == "400 -1102 Param 'preventedMatchId' or 'orderId' must be sent, but both were empty/null!"
    )
    #expect(
      venue.send("GET", "/api/v3/myPreventedMatches", "symbol=BTCUSDT&orderId=2&limit=5").failure
        == "400 -1128 Combination of optional parameters invalid.")
  }

  @Test func `amendments are answered, kept, and refused in Binance's words`() throws {
    let venue = try Venue()
    _ = venue.send("POST", "/api/v3/order", Self.sell + "&newClientOrderId=a")
    let path = "/api/v3/order/amend/keepPriority"
    let amended = venue.send(
      "PUT", path, "symbol=BTCUSDT&origClientOrderId=a&newQty=0.4&newClientOrderId=b")
    let execution = try #require(field(amended, "executionId"))
    #expect(
      amended.text
        == "{\"transactTime\":1499827319600,\"executionId\":\(execution),\"amendedOrder\":{"
        + "\"symbol\":\"BTCUSDT\",\"orderId\":1,\"orderListId\":-1,\"origClientOrderId\":\"a\","
        + "\"clientOrderId\":\"b\",\"price\":\"60000.00000000\",\"qty\":\"0.40000000\","
        + "\"executedQty\":\"0.00000000\",\"preventedQty\":\"0.00000000\","
        + "\"quoteOrderQty\":\"0.00000000\",\"cumulativeQuoteQty\":\"0.00000000\","
        + "\"status\":\"NEW\",\"timeInForce\":\"GTC\",\"type\":\"LIMIT\",\"side\":\"SELL\","
        + "\"workingTime\":1499827319600,\"selfTradePreventionMode\":\"NONE\"}}")
    #expect(amended.weight == 4)
    #expect(
      venue.send("GET", "/api/v3/order/amendments", "symbol=BTCUSDT&orderId=1").text
        == "[{\"symbol\":\"BTCUSDT\",\"orderId\":1,\"executionId\":\(execution),"
        + "\"origClientOrderId\":\"a\",\"newClientOrderId\":\"b\",\"origQty\":\"0.50000000\","
        + "\"newQty\":\"0.40000000\",\"time\":1499827319600}]")
    #expect(
      venue.send("GET", "/api/v3/order/amendments", "symbol=BTCUSDT&orderId=1&fromExecutionId=99")
        .text == "[]")
    for (quantity, said) in [
      ("0.5", "-2038 Order amend (quantity increase) is not supported."),
      ("0.40", "-2038 The requested action would change no state; rejecting"),
      ("0", "-1013 Price * QTY is zero or less."),
    ] {
      #expect(
        venue.send("PUT", path, "symbol=BTCUSDT&orderId=1&newQty=\(quantity)").failure
          == "400 " + said)
    }
    #expect(
      venue.send("PUT", path, "symbol=BTCUSDT&orderId=9&newQty=0.1").failure
        == "400 -2038 Unknown order sent.")
  }

  @Test func `a cancel-replace tells both halves, and its status how many succeeded`() throws {
    let venue = try Venue()
    let path = "/api/v3/order/cancelReplace"
    _ = venue.send("POST", "/api/v3/order", Self.sell + "&newClientOrderId=a")
    let both = venue.send(
      "POST", path,
      Self.sell + "&cancelReplaceMode=STOP_ON_FAILURE&cancelOrigClientOrderId=a"
        + "&newClientOrderId=b&newOrderRespType=ACK")
    #expect(both.status == 200, "\(both.text)")
    #expect(both.text.hasPrefix("{\"cancelResult\":\"SUCCESS\",\"newOrderResult\":\"SUCCESS\","))
    #expect(field(both, "cancelResponse", "origClientOrderId") == "a")
    #expect(field(both, "newOrderResponse", "clientOrderId") == "b")
    #expect(both.weight == 0)
    #expect(both.header("X-MBX-ORDER-COUNT-10S") == "2")
    let stopped = venue.send(
      "POST", path, Self.sell + "&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId=99")
    #expect(stopped.status == 400)
    #expect(stopped.weight == 1)
    #expect(
      stopped.text
        == "{\"code\":-2022,\"msg\":\"Order cancel-replace failed.\",\"data\":{"
        + "\"cancelResult\":\"FAILURE\",\"newOrderResult\":\"NOT_ATTEMPTED\","
        + "\"cancelResponse\":{\"code\":-2011,\"msg\":\"Unknown order sent.\"},"
        + "\"newOrderResponse\":null}}")
    let poor = Self.sell.replacing("quantity=0.5", with: "quantity=50")
    let neither = venue.send(
      "POST", path, poor + "&cancelReplaceMode=ALLOW_FAILURE&cancelOrderId=99")
    #expect(neither.status == 400)
    #expect(field(neither, "code") == "-2022")
    #expect(field(neither, "data", "newOrderResponse", "code") == "-2010")
    let placed = venue.send(
      "POST", path, Self.sell + "&cancelReplaceMode=ALLOW_FAILURE&cancelOrderId=99")
    #expect(placed.status == 409)
    #expect(field(placed, "code") == "-2021")
    #expect(field(placed, "data", "newOrderResponse", "status") == "NEW")
    let cancelled = venue.send(
      "POST", path, poor + "&cancelReplaceMode=STOP_ON_FAILURE&cancelOrigClientOrderId=b")
    #expect(cancelled.status == 409)
    #expect(field(cancelled, "data", "cancelResponse", "status") == "CANCELED")
    #expect(
      field(cancelled, "data", "newOrderResponse", "msg")
        == "Account has insufficient balance for requested action.")
    for (rest, said) in [
      (
        "cancelOrderId=1",
        "-1102 Mandatory parameter 'cancelReplaceMode' was not sent, was empty/null, or malformed."
      ),
      (
        "cancelReplaceMode=STOP_ON_FAILURE",
        "-1102 Param 'cancelOrigClientOrderId' or 'cancelOrderId' must be sent, but both were "
          + "empty/null!"
      ),
      (
        "cancelReplaceMode=MAYBE&cancelOrderId=1",
        "-1130 Data sent for parameter 'cancelReplaceMode' is not valid."
      ),
    ] {
      #expect(venue.send("POST", path, Self.sell + "&" + rest).failure == "400 " + said)
    }
  }

  @Test func `a cancel-replace over the order limit does nothing, or only cancels`() throws {
    let venue = try Venue()
    let path = "/api/v3/order/cancelReplace"
    _ = venue.send("POST", "/api/v3/order", Self.sell)
    let account = try #require(venue.model.catalog.account(named: "alice")?.id)
    try venue.administer(
      .setOrderLimits(
        SetOrderLimits(account: account, limits: OrderLimits(per10Seconds: 1, perDay: 9))))
    let request = Self.sell + "&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId=1"
    let nothing = venue.send("POST", path, request)
    #expect(
      nothing.failure == "429 -1015 Too many new orders; current limit is 1 orders per 10 SECOND.")
    #expect(field(venue.send("GET", "/api/v3/openOrders"), "0", "orderId") == "1")
    let only = venue.send("POST", path, request + "&orderRateLimitExceededMode=CANCEL_ONLY")
    #expect(only.status == 429)
    #expect(field(only, "code") == "-2021")
    #expect(field(only, "data", "cancelResult") == "SUCCESS")
    #expect(field(only, "data", "newOrderResponse", "code") == "-1015")
    #expect(only.header("Retry-After") != nil)
    #expect(venue.send("GET", "/api/v3/openOrders").text == "[]")
  }
}
