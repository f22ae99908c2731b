// RouteTable: every path that is known, whether served or not.
//
// Parameters are those of Binance's documentation, so that nothing a real client sends is refused as unknown.
// Not here: what the endpoints do.

/// Finds the route of a request.
public struct RouteTable: Sendable {
  private let byPath: [String: [Route]]

  /// The table of everything this exchange knows.
  public static let standard = RouteTable(
    general + market + trading + lists + account + sapi + elsewhere)

  init(_ routes: [Route]) {
    byPath = Dictionary(grouping: routes, by: \.path)
  }

  /// The route of `method` and `path`.
  ///
  /// - Throws: 404 for an unknown path, 405 if the path takes other methods.
  public func route(method: String, path: String) throws(APIError) -> Route {
    guard let routes = byPath[path] else { throw .notFound }
    guard let route = routes.first(where: { $0.method == method || $0.method == "*" }) else {
      throw .wrongMethod
    }
    return route
  }

  /// All routes, in no particular order.
  var all: [Route] { byPath.values.flatMap(\.self) }
}

private let general: [Route] = [
  Route("GET", "/api/v3/ping", .ping),
  Route("GET", "/api/v3/time", .time),
  Route(
    "GET", "/api/v3/exchangeInfo", .exchangeInfo, weight: 20,
    ["symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus"]),
]

private let market: [Route] = [
  Route("GET", "/api/v3/depth", .depth, weight: 5, ["symbol", "limit", "symbolStatus"]),
  Route("GET", "/api/v3/trades", .trades, weight: 25, ["symbol", "limit"]),
  Route(
    "GET", "/api/v3/historicalTrades", .historicalTrades, weight: 25, ["symbol", "limit", "fromId"]),
  Route(
    "GET", "/api/v3/aggTrades", .aggTrades, weight: 4,
    ["symbol", "fromId", "startTime", "endTime", "limit"]),
  Route("GET", "/api/v3/klines", .klines, weight: 2, candleParameters),
  Route("GET", "/api/v3/uiKlines", .uiKlines, weight: 2, candleParameters),
  Route("GET", "/api/v3/avgPrice", .avgPrice, weight: 2, ["symbol"]),
  Route(
    "GET", "/api/v3/ticker/24hr", .ticker24h, weight: 2,
    ["symbol", "symbols", "type", "symbolStatus"]),
  Route(
    "GET", "/api/v3/ticker/price", .tickerPrice, weight: 2, ["symbol", "symbols", "symbolStatus"]),
  Route(
    "GET", "/api/v3/ticker/bookTicker", .bookTicker, weight: 2,
    ["symbol", "symbols", "symbolStatus"]),
]

private let candleParameters: [StaticString] = [
  "symbol", "interval", "startTime", "endTime", "timeZone", "limit",
]

private let orderParameters: [StaticString] =
  ["symbol", "side", "quantity", "quoteOrderQty", "newOrderRespType", "selfTradePreventionMode"]
  + LegNames.order.all

private let trading: [Route] = [
  Route("POST", "/api/v3/order", .newOrder, .trade, orderParameters),
  Route(
    "POST", "/api/v3/order/test", .testOrder, .trade, orderParameters + ["computeCommissionRates"]),
  Route(
    "DELETE", "/api/v3/order", .cancelOrder, .trade,
    ["symbol", "orderId", "origClientOrderId", "newClientOrderId", "cancelRestrictions"]),
  Route("DELETE", "/api/v3/openOrders", .cancelOpenOrders, .trade, ["symbol"]),
  Route(
    "POST", "/api/v3/order/cancelReplace", .cancelReplace, .trade,
    orderParameters + [
      "cancelReplaceMode", "cancelNewClientOrderId", "cancelOrigClientOrderId", "cancelOrderId",
      "cancelRestrictions", "orderRateLimitExceededMode",
    ]),
  Route(
    "PUT", "/api/v3/order/amend/keepPriority", .amendOrder, .trade, weight: Weight.amendment,
    ["symbol", "orderId", "origClientOrderId", "newClientOrderId", "newQty"]),
]

private let listParameters: [StaticString] = [
  "symbol", "listClientOrderId", "newOrderRespType", "selfTradePreventionMode",
]
private let workingParameters: [StaticString] =
  listParameters + ["workingSide", "workingQuantity", "pendingSide", "pendingQuantity"]
  + LegNames.working.plain
private let pendingPairParameters: [StaticString] =
  workingParameters + LegNames.pendingAbove.all + LegNames.pendingBelow.all

private let lists: [Route] = [
  Route(
    "POST", "/api/v3/orderList/oco", .newOCO, .trade,
    listParameters + ["side", "quantity"] + LegNames.above.all + LegNames.below.all),
  Route(
    "POST", "/api/v3/orderList/oto", .newOTO, .trade, workingParameters + LegNames.pending.all),
  Route("POST", "/api/v3/orderList/otoco", .newOTOCO, .trade, pendingPairParameters),
  Route(
    "POST", "/api/v3/orderList/opo", .newOPO, .trade, workingParameters + LegNames.pending.all),
  Route("POST", "/api/v3/orderList/opoco", .newOPOCO, .trade, pendingPairParameters),
  Route(
    "POST", "/api/v3/order/oco", .oldOCO, .trade,
    listParameters + [
      "side", "quantity", "price", "limitClientOrderId", "limitStrategyId", "limitStrategyType",
      "limitIcebergQty", "trailingDelta", "stopClientOrderId", "stopPrice", "stopStrategyId",
      "stopStrategyType", "stopLimitPrice", "stopIcebergQty", "stopLimitTimeInForce",
    ]),
  Route(
    "DELETE", "/api/v3/orderList", .cancelOrderList, .trade,
    ["symbol", "orderListId", "listClientOrderId", "newClientOrderId"]),
  Route(
    "GET", "/api/v3/orderList", .queryOrderList, .userData, weight: 4,
    ["orderListId", "origClientOrderId"]),
  Route(
    "GET", "/api/v3/allOrderList", .allOrderLists, .userData, weight: 20,
    ["fromId", "startTime", "endTime", "limit"]),
  Route("GET", "/api/v3/openOrderList", .openOrderLists, .userData, weight: 6),
]

private let account: [Route] = [
  Route(
    "GET", "/api/v3/order", .queryOrder, .userData, weight: 4,
    ["symbol", "orderId", "origClientOrderId"]),
  Route("GET", "/api/v3/openOrders", .openOrders, .userData, weight: 6, ["symbol"]),
  Route(
    "GET", "/api/v3/allOrders", .allOrders, .userData, weight: 20,
    ["symbol", "orderId", "startTime", "endTime", "limit"]),
  Route(
    "GET", "/api/v3/myTrades", .myTrades, .userData, weight: 20,
    ["symbol", "orderId", "startTime", "endTime", "fromId", "limit"]),
  Route("GET", "/api/v3/account", .account, .userData, weight: 20, ["omitZeroBalances"]),
  Route(
    "GET", "/api/v3/account/commission", .accountCommission, .userData, weight: 20, ["symbol"]),
  Route("GET", "/api/v3/rateLimit/order", .rateLimitOrder, .userData, weight: 40),
  Route(
    "GET", "/api/v3/myPreventedMatches", .preventedMatches, .userData, weight: 2,
    ["symbol", "preventedMatchId", "orderId", "fromPreventedMatchId", "limit"]),
  Route(
    "GET", "/api/v3/order/amendments", .amendments, .userData, weight: 4,
    ["symbol", "orderId", "fromExecutionId", "limit"]),
]

/// Beside the trading API. Unknown parameters are ignored here, as clients send many that mean nothing to a spot venue.
private let sapi: [Route] = [
  Route("GET", "/sapi/v1/system/status", .systemStatus),
  Route("GET", "/sapi/v1/capital/config/getall", .allCoins, .userData, weight: 10),
  Route("GET", "/sapi/v1/margin/allPairs", .marginPairs),
  Route("GET", "/sapi/v1/margin/isolated/allPairs", .marginPairs, .userData),
  Route("GET", "/sapi/v1/asset/tradeFee", .tradeFee, .userData),
  Route("GET", "/sapi/v1/account/apiRestrictions", .apiRestrictions, .userData),
  Route("GET", "/sapi/v1/account/status", .accountStatus, .userData),
  Route("GET", "/sapi/v1/account/apiTradingStatus", .apiTradingStatus, .userData),
  Route("GET", "/sapi/v1/bnbBurn", .discountSwitch, .userData),
  Route(
    "POST", "/sapi/v1/bnbBurn", .setDiscountSwitch, .trade, ["spotBNBBurn", "interestBNBBurn"]),
  Route("GET", "/sapi/v1/spot/delist-schedule", .delistSchedule),
  Route("GET", "/sapi/v1/capital/deposit/hisrec", .depositHistory, .userData),
  Route("GET", "/sapi/v1/capital/withdraw/history", .withdrawHistory, .userData),
]

private func unsupported(_ method: String, _ paths: [String]) -> [Route] {
  paths.map { Route(method, $0, .unsupported) }
}

private let elsewhere: [Route] =
  [
    Route("GET", "/fapi/v1/exchangeInfo", .noSymbols),
    Route("GET", "/dapi/v1/exchangeInfo", .noSymbols),
    Route("*", "/api/v3/userDataStream", .retired),
  ]
  + unsupported(
    "POST",
    [
      "/api/v3/sor/order", "/api/v3/sor/order/test",
      "/sapi/v1/capital/withdraw/apply", "/sapi/v3/asset/getUserAsset",
      "/sapi/v1/asset/get-funding-asset",
    ])
  + unsupported(
    "GET",
    [
      "/api/v3/executionRules", "/api/v3/historicalBlockTrades", "/api/v3/ticker/tradingDay",
      "/api/v3/ticker", "/api/v3/referencePrice", "/api/v3/referencePrice/calculation",
      "/api/v3/myAllocations", "/api/v3/myFilters", "/sapi/v1/capital/deposit/address",
      "/sapi/v1/asset/assetDetail",
      "/sapi/v1/asset/wallet/balance", "/sapi/v1/accountSnapshot",
    ])
