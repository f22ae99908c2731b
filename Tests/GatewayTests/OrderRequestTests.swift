// OrderRequestTests: requests to commands, field by field, and the exact error for every order that makes no sense.

import Engine
import Market
import Testing

@testable import Gateway

@Suite struct OrderRequestTests {
  static let base = "symbol=BTCUSDT&side=BUY"

  func command(_ parameters: String, inBody: Bool = false) -> PlaceOrder? {
    var edge = Edge()
    let action = edge.signed("POST", "/api/v3/order", parameters, inBody: inBody)
    guard case .placeOrder(let order) = action.request?.command else { return nil }
    return order
  }

  func failure(_ parameters: String) -> String {
    var edge = Edge()
    return edge.signed("POST", "/api/v3/order", parameters).response?.failure ?? "none"
  }

  @Test func `a limit order keeps every field`() {
    let order = command(
      "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=IOC&quantity=0.001&price=60000.01"
        + "&newClientOrderId=x-TKT5PX2F0123456789abcdef012345&strategyId=7&strategyType=1000000"
        + "&newOrderRespType=ACK&selfTradePreventionMode=NONE")
    #expect(
      order
        == PlaceOrder(
          account: Edge.account, symbol: Edge.btcusdt.id, side: .sell, type: .limit,
          timeInForce: .ioc, quantity: 100_000, quoteOrderQuantity: 0, price: 60_000_010_000,
          clientOrderID: ShortText("x-TKT5PX2F0123456789abcdef012345") ?? .empty,
          selfTradePrevention: SelfTradePrevention.none, strategyID: 7,
          strategyType: 1_000_000))
  }

  @Test func `what real clients send becomes an order`() {
    // python-binance: sorted, in the body. binance-sdk: all in the query, floats. ccxt: market buys by quote quantity.
    let sorted = command(
      "price=60000&quantity=0.001&recvWindow=10000&side=BUY&symbol=BTCUSDT&timeInForce=GTC"
        + "&timestamp=\(Edge.timestamp)&type=LIMIT", inBody: true)
    #expect(sorted?.price == 60_000_000_000)
    let floats = command(Self.base + "&type=LIMIT&timeInForce=GTC&quantity=1.0&price=60000.0")
    #expect(floats?.quantity == 100_000_000)
    let market = command(
      Self.base
        + "&newClientOrderId=x-TKT5PX2F1&newOrderRespType=FULL&type=MARKET&quoteOrderQty=100")
    #expect(market?.quoteOrderQuantity == 100_000_000)
    #expect(market?.quantity == 0)
    #expect(market?.timeInForce == .gtc)
    let maker = command(Self.base + "&type=LIMIT_MAKER&quantity=1&price=1")
    #expect(maker?.type == .limitMaker)
    #expect(command(Self.base + "&type=MARKET&quantity=1&icebergQty=0")?.type == .market)
  }

  @Test func `an order without a client id gets one of 22 alphanumerics`() {
    let text = Self.base + "&type=MARKET&quantity=1"
    let first = command(text)?.clientOrderID
    #expect(first?.count == 22)
    #expect(first != command(text)?.clientOrderID)
  }

  static let bad: [(String, String)] = [
    ("", "-1102 Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
    (
      "symbol=BTCUSDT",
      "-1102 Mandatory parameter 'side' was not sent, was empty/null, or malformed."
    ),
    ("\(base)", "-1102 Mandatory parameter 'type' was not sent, was empty/null, or malformed."),
    ("symbol=BTCUSDT&side=buy&type=MARKET", "-1117 Invalid side."),
    ("\(base)&type=limit", "-1116 Invalid orderType."),
    ("\(base)&type=", "-1105 Parameter 'type' was empty."),
    (
      "\(base)&type=LIMIT&quantity=1&price=1",
      "-1102 Mandatory parameter 'timeInForce' was not sent, was empty/null, or malformed."
    ),
    ("\(base)&type=LIMIT&timeInForce=GTX&quantity=1&price=1", "-1115 Invalid timeInForce."),
    (
      "\(base)&type=LIMIT&timeInForce=GTC&price=1",
      "-1102 Mandatory parameter 'quantity' was not sent, was empty/null, or malformed."
    ),
    (
      "\(base)&type=LIMIT&timeInForce=GTC&quantity=1",
      "-1102 Mandatory parameter 'price' was not sent, was empty/null, or malformed."
    ),
    (
      "\(base)&type=LIMIT&timeInForce=GTC&quantity=1&price=1&quoteOrderQty=1",
      "-1106 Parameter 'quoteOrderQty' sent when not required."
    ),
    (
      "\(base)&type=LIMIT&timeInForce=GTC&quantity=1&price=1&stopPrice=1",
      "-1106 Parameter 'stopPrice' sent when not required."
    ),
    (
      "\(base)&type=LIMIT&timeInForce=GTC&quantity=1&price=1&trailingDelta=10",
      "-1106 Parameter 'trailingDelta' sent when not required."
    ),
    (
      "\(base)&type=MARKET&quantity=1&timeInForce=GTC",
      "-1114 TimeInForce parameter sent when not required."
    ),
    (
      "\(base)&type=LIMIT_MAKER&quantity=1&price=1&timeInForce=GTC",
      "-1114 TimeInForce parameter sent when not required."
    ),
    ("\(base)&type=MARKET&quantity=1&price=1", "-1106 Parameter 'price' sent when not required."),
    (
      "\(base)&type=MARKET",
      "-1102 Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"
    ),
    (
      "\(base)&type=MARKET&quantity=1&quoteOrderQty=1",
      "-1128 Combination of optional parameters invalid."
    ),
    ("\(base)&type=MARKET&quantity=0", "-1013 Price * QTY is zero or less."),
    ("\(base)&type=MARKET&quoteOrderQty=0.000", "-1013 Price * QTY is zero or less."),
    (
      "\(base)&type=MARKET&quantity=0.000000001",
      "-1111 Parameter 'quantity' has too much precision."
    ),
    (
      "\(base)&type=LIMIT&timeInForce=GTC&quantity=1&price=0.0000001",
      "-1111 Parameter 'price' has too much precision."
    ),
    (
      "\(base)&type=MARKET&quoteOrderQty=0.0000001",
      "-1111 Parameter 'quoteOrderQty' has too much precision."
    ),
    ("\(base)&type=MARKET&quantity=99999999999999999999", "-1108 Parameter 'quantity' overflowed."),
    (
      "\(base)&type=MARKET&quantity=1e-5",
      "-1100 Illegal characters found in parameter 'quantity'; legal range is '^([0-9]{1,20})(\\.[0-9]{1,20})?$'."
    ),
    (
      "\(base)&type=MARKET&quantity=1&newClientOrderId=a%20b",
      "-1100 Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'."
    ),
    (
      "\(base)&type=MARKET&quantity=1&newClientOrderId=0123456789012345678901234567890123456",
      "-1100 Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'."
    ),
    (
      "\(base)&type=MARKET&quantity=1&newClientOrderId=",
      "-1105 Parameter 'newClientOrderId' was empty."
    ),
    (
      "\(base)&type=MARKET&quantity=1&newOrderRespType=SHORT",
      "-1130 Data sent for parameter 'newOrderRespType' is not valid."
    ),
    (
      "\(base)&type=MARKET&quantity=1&strategyType=999999",
      "-1134 strategyType was less than 1000000."
    ),
    (
      "\(base)&type=MARKET&quantity=1&selfTradePreventionMode=NEVER",
      "-1130 Data sent for parameter 'selfTradePreventionMode' is not valid."
    ),
    (
      "\(base)&type=STOP_LOSS&quantity=1",
      "-1102 Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!"
    ),
  ]

  @Test(arguments: bad)
  func `a bad order is answered with Binance's code and words`(_ parameters: String, _ said: String)
  {
    #expect(failure(parameters) == "400 " + said)
  }

  @Test func `what is wrong beyond syntax is told only to the owner of the key`() {
    var edge = Edge()
    let stop = Self.base + "&type=MARKET&quantity=0&timestamp=\(Edge.timestamp)"
    #expect(
      edge.handle(Edge.request("POST", "/api/v3/order", stop + "&signature=00")).response?.failure
        == "400 -1022 Signature for this request is not valid.")
  }

  @Test func `cancels name an order by id, by client id, or by both`() {
    var edge = Edge()
    func cancel(_ text: String) -> CancelOrder? {
      guard
        case .cancelOrder(let cancel) = edge.signed("DELETE", "/api/v3/order", text, inBody: true)
          .request?.command
      else { return nil }
      return cancel
    }
    #expect(
      cancel("symbol=LTCBTC&orderId=7&newClientOrderId=mine&cancelRestrictions=ONLY_NEW")
        == CancelOrder(
          account: Edge.account, symbol: Edge.ltcbtc.id, orderID: OrderID(7),
          originalClientOrderID: .empty, cancelClientOrderID: ShortText("mine") ?? .empty,
          restriction: .onlyNew))
    let byBoth = cancel("symbol=LTCBTC&orderId=7&origClientOrderId=theirs")
    #expect(byBoth?.orderID == OrderID(7))
    #expect(byBoth?.originalClientOrderID == ShortText("theirs"))
    #expect(byBoth?.cancelClientOrderID.count == 22)
    #expect(cancel("symbol=LTCBTC&origClientOrderId=theirs")?.orderID == nil)
    #expect(
      edge.signed("DELETE", "/api/v3/order", "symbol=LTCBTC").response?.failure
        == "400 -1102 Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
    )
    #expect(
      edge.signed("DELETE", "/api/v3/order", "symbol=LTCBTC&orderId=1&cancelRestrictions=ALL")
        .response?.failure == "400 -1145 Invalid cancelRestrictions")
  }

  @Test func `cancelling all names the symbol`() {
    var edge = Edge()
    let action = edge.signed("DELETE", "/api/v3/openOrders", "symbol=LTCBTC")
    guard case .cancelAllOrders(let cancel) = action.request?.command else {
      Issue.record("not a cancel of all orders")
      return
    }
    #expect(cancel.account == Edge.account)
    #expect(cancel.symbol == Edge.ltcbtc.id)
    #expect(cancel.cancelClientOrderID.count == 22)
  }

  @Test func `order test validates, and tells rates when asked`() {
    var edge = Edge()
    let order = Self.base + "&type=LIMIT&timeInForce=GTC&quantity=1&price=60000"
    #expect(edge.signed("POST", "/api/v3/order/test", order).response?.text == "{}")
    #expect(
      edge.signed("POST", "/api/v3/order/test", order + "&computeCommissionRates=true").response?
        .text
        == "{\"standardCommissionForOrder\":{\"maker\":\"0.00100000\",\"taker\":\"0.00150000\"},"
        + "\"specialCommissionForOrder\":{\"maker\":\"0.00000000\",\"taker\":\"0.00000000\"},"
        + "\"taxCommissionForOrder\":{\"maker\":\"0.00000000\",\"taker\":\"0.00000000\"},"
        + "\"discount\":{\"enabledForAccount\":false,\"enabledForSymbol\":false,"
        + "\"discountAsset\":null,\"discount\":\"0.00000000\"}}")
    #expect(
      edge.signed("POST", "/api/v3/order/test", Self.base + "&type=MARKET").response?.status == 400)
    #expect(
      edge.signed("POST", "/api/v3/order/test", order, key: Edge.readOnlyKey).response?.status
        == 401)
  }
}
