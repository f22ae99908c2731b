// Route: one endpoint of the REST surface: who may call it, what it weighs, which parameters Binance lists for it.
// Not here: the list of them (RouteTable), what they answer (the handlers).

/// An endpoint.
public struct Route: Sendable {
  /// Which handler answers.
  public enum Endpoint: Sendable, Hashable, CaseIterable {
    // General
    case ping, time, exchangeInfo
    // Market data
    case depth, trades, historicalTrades, aggTrades, klines, uiKlines, avgPrice
    case ticker24h, tickerPrice, bookTicker
    // Trading
    case newOrder, testOrder, cancelOrder, cancelOpenOrders, cancelReplace, amendOrder
    case newOCO, newOTO, newOTOCO, newOPO, newOPOCO, oldOCO, cancelOrderList
    // Account
    case queryOrder, openOrders, allOrders, myTrades, account, accountCommission, rateLimitOrder
    case queryOrderList, openOrderLists, allOrderLists, preventedMatches, amendments
    // SAPI
    case systemStatus, allCoins, tradeFee, marginPairs, apiRestrictions, accountStatus
    case discountSwitch, setDiscountSwitch
    case apiTradingStatus, delistSchedule, depositHistory, withdrawHistory
    // Asked by clients that look for other markets
    case noSymbols
    /// Known to Binance, not served here.
    case unsupported
    /// Known to Binance once, and gone there too.
    case retired
  }

  /// What a request must prove.
  public enum Security: Sendable {
    case none
    /// A valid key and a signature.
    case userData
    /// A valid key with trade permission, and a signature.
    case trade
  }

  public let method: String
  public let path: String
  public let endpoint: Endpoint
  public let security: Security
  /// Request weight; endpoints whose weight depends on parameters start from this one (see Weight).
  public let weight: Int
  /// Every parameter that Binance lists, without timestamp, recvWindow and signature.
  public let parameters: [StaticString]

  init(
    _ method: String, _ path: String, _ endpoint: Endpoint, _ security: Security = .none,
    weight: Int = 1, _ parameters: [StaticString] = []
  ) {
    self.method = method
    self.path = path
    self.endpoint = endpoint
    self.security = security
    self.weight = weight
    self.parameters = parameters
  }

  /// True if unknown parameters are refused. Beside the trading API they are ignored, as at Binance.
  var isStrict: Bool { path.hasPrefix("/api/") }

  /// True if `MarketRoutes` answers it.
  public var isMarketData: Bool {
    switch endpoint {
    case .depth, .trades, .historicalTrades, .aggTrades, .klines, .uiKlines, .avgPrice, .ticker24h,
      .tickerPrice, .bookTicker:
      true
    default: false
    }
  }
}
