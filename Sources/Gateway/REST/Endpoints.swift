// Endpoints: which handler answers which endpoint.
//
// Not here: the checks before and the frame after (RESTAPI), market data (MarketRoutes).

import Market

extension RESTAPI {
  func draft(
    _ route: Route, _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller?
  ) throws(APIError) -> Draft {
    switch route.endpoint {
    case .ping: return .constant("{}")
    case .time: return general.time(parameters)
    case .exchangeInfo: return try general.exchangeInfo(parameters, catalog)
    case .noSymbols: return .constant("{\"symbols\":[]}")
    case .systemStatus: return .constant("{\"status\":0,\"msg\":\"normal\"}")
    case .marginPairs, .delistSchedule: return .constant("[]")
    default: break
    }
    guard let caller else { throw .unexpected }
    return try own(route, parameters, catalog, caller)
  }

  private func own(
    _ route: Route, _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    switch route.endpoint {
    case .newOrder: try Orders.place(parameters, catalog, caller)
    case .testOrder: try Orders.test(parameters, catalog, caller)
    case .cancelOrder: try Orders.cancel(parameters, catalog, caller)
    case .cancelOpenOrders: try Orders.cancelAll(parameters, catalog, caller)
    case .cancelReplace: try OrderChanges.replace(parameters, catalog, caller)
    case .amendOrder: try OrderChanges.amend(parameters, catalog, caller)
    case .newOCO: try OrderLists.place(.oco, parameters, catalog, caller)
    case .newOTO: try OrderLists.place(.oto, parameters, catalog, caller)
    case .newOTOCO: try OrderLists.place(.otoco, parameters, catalog, caller)
    case .newOPO: try OrderLists.place(.opo, parameters, catalog, caller)
    case .newOPOCO: try OrderLists.place(.opoco, parameters, catalog, caller)
    case .oldOCO: try OrderLists.place(nil, parameters, catalog, caller)
    case .cancelOrderList: try OrderLists.cancel(parameters, catalog, caller)
    case .queryOrderList: try OrderListQueries.list(parameters, catalog, caller)
    case .openOrderLists: OrderListQueries.open(parameters, caller)
    case .allOrderLists: try OrderListQueries.all(parameters, caller)
    case .preventedMatches: try OrderListQueries.preventedMatches(parameters, catalog, caller)
    case .amendments: try OrderListQueries.amendments(parameters, catalog, caller)
    case .queryOrder: try OrderQueries.order(parameters, catalog, caller)
    case .openOrders: try OrderQueries.openOrders(parameters, catalog, caller)
    case .allOrders: try OrderQueries.allOrders(parameters, catalog, caller)
    case .myTrades: try OrderQueries.trades(parameters, catalog, caller)
    case .account: try AccountQueries.account(parameters, caller)
    case .accountCommission: try AccountQueries.commission(parameters, catalog, caller)
    case .rateLimitOrder: AccountQueries.orderCounts(parameters, caller)
    case .allCoins: SAPI.coins(caller)
    case .tradeFee: try SAPI.tradeFees(parameters, catalog, caller)
    case .apiRestrictions: SAPI.restrictions(caller)
    case .discountSwitch: SAPI.discount(caller)
    case .setDiscountSwitch: try SAPI.setDiscount(parameters, caller)
    case .accountStatus: SAPI.accountStatus(caller)
    case .apiTradingStatus: SAPI.tradingStatus(parameters)
    case .depositHistory: try SAPI.transfers(parameters, catalog, caller, deposits: true)
    case .withdrawHistory: try SAPI.transfers(parameters, catalog, caller, deposits: false)
    default: throw .unexpected
    }
  }
}
