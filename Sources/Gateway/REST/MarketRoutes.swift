// MarketRoutes: the market data endpoints. A stand-in until market data is rendered.
// Not here: everything else of the REST surface (RESTAPI).

import Market

/// Market data over REST.
enum MarketRoutes {
  /// The action of a market data route.
  static func handle(
    _ route: Route, _ parameters: Parameters, catalog: Catalog
  ) throws(APIError) -> Action {
    throw .notSupported
  }
}
