// Weight: what a request costs its address, where that depends on its parameters.
//
// Malformed parameters weigh as the plain form: they are refused later.
// Not here: counting (Limits/RateLimiter).

import Market

/// Request weights.
enum Weight {
  /// The weight of a request, before anything else is known of it.
  static func of(_ route: Route, _ parameters: Parameters) -> Int {
    switch route.endpoint {
    case .depth: depth(parameters)
    case .klines, .uiKlines: candles(parameters)
    case .ticker24h: ticker(parameters)
    case .tickerPrice, .bookTicker: parameters.has("symbol") ? 2 : 4
    case .openOrders: parameters.has("symbol") ? 6 : 80
    case .myTrades: parameters.has("orderId") ? 5 : 20
    case .preventedMatches: parameters.has("orderId") ? 20 : 2
    case .testOrder: (try? parameters.flag("computeCommissionRates")) == true ? 20 : 1
    default: route.weight
    }
  }

  /// True if success costs nothing (Binance since 2026-04-02): only failures of trade calls are charged.
  static func isFreeOnSuccess(_ route: Route) -> Bool {
    switch route.endpoint {
    case .newOrder, .cancelOrder, .cancelOpenOrders, .cancelReplace, .amendOrder, .newOCO,
      .newOTO, .newOTOCO, .newOPO, .newOPOCO, .oldOCO, .cancelOrderList:
      true
    default: false
    }
  }

  /// What an amendment costs unless it ends its order.
  static let amendment = 4

  private static func depth(_ parameters: Parameters) -> Int {
    guard let limit = try? parameters.integer("limit") else { return 5 }
    return switch limit {
    case ...100: 5
    case ...500: 25
    case ...1000: 50
    default: 250
    }
  }

  /// Binance's 2, and as much again for each further 5,000 stored candles that a moved grid costs.
  private static func candles(_ parameters: Parameters) -> Int {
    guard let name = try? parameters.text("interval"), let interval = Interval(name: name),
      let offset = try? MarketRoutes.timeZone(parameters), offset != 0,
      let limit = try? parameters.limit()
    else { return 2 }
    return 2 * (1 + (limit * interval.rowsPerCandle(offset: offset) - 1) / 5000)
  }

  /// What an answer owes beyond its request's weight: one for each 500 items above 1,000.
  static func owed(items: Int) -> Int { max(0, items - 1000) / 500 }

  private static func ticker(_ parameters: Parameters) -> Int {
    if parameters.has("symbol") { return 2 }
    guard let list = try? parameters.bytes("symbols") else { return 80 }
    return switch list.count(where: { $0 == UInt8(ascii: ",") }) + 1 {
    case ...20: 2
    case ...100: 40
    default: 80
    }
  }
}
