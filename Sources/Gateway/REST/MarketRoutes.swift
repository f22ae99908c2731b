// MarketRoutes: the market data endpoints: parameters in, a read of the model out.
//
// Invariant: everything is checked before the read is queued; the read itself refuses nothing but a
// store that fails.
// Not here: tickers (MarketTickers), the rest of the REST surface (RESTAPI).

import Engine
import Market

/// Market data over REST.
enum MarketRoutes {
  /// What a market data route has to do. Market data is not linearizable; it says how fresh it is
  /// by `X-Castle-Index`.
  ///
  /// - Throws: what is wrong with the parameters.
  static func handle(
    _ route: Route, _ parameters: Parameters, catalog: Catalog
  ) throws(APIError) -> Action {
    switch route.endpoint {
    case .depth: try depth(parameters, catalog)
    case .trades: try trades(parameters, catalog, fromID: nil)
    case .historicalTrades:
      try trades(parameters, catalog, fromID: try parameters.integer("fromId"))
    case .aggTrades: try aggregateTrades(parameters, catalog)
    case .klines, .uiKlines: try candles(parameters, catalog)
    case .avgPrice: try averagePrice(parameters, catalog)
    case .ticker24h: try MarketTickers.day(parameters, catalog)
    case .tickerPrice: try MarketTickers.prices(parameters, catalog)
    case .bookTicker: try MarketTickers.books(parameters, catalog)
    default: throw .notFound
    }
  }

  /// A read whose failure is an error answer.
  static func read(
    _ answer: @escaping @Sendable (ReadModel) throws -> HTTPResponse
  ) -> Action {
    .read(linearizable: false) { model in
      do { return try answer(model) } catch { return .error(.unexpected) }
    }
  }

  // MARK: Book and trades

  private static func depth(
    _ parameters: Parameters, _ catalog: Catalog
  ) throws(APIError) -> Action {
    let symbol = try parameters.symbol(catalog)
    let status = try parameters.symbolStatus()
    let limit = try parameters.limit(standard: 100, most: 5000, clamped: true)
    if let status, status != symbol.status { throw .symbolStatusMismatch }
    let base = catalog.baseScale(symbol)
    let quote = catalog.quoteScale(symbol)
    return read { model in
      guard let depth = model.depth(symbol.id, limit: limit) else { return .error(.invalidSymbol) }
      return .json(capacity: 64 + 40 * (depth.bids.count + depth.asks.count)) {
        $0.object { $0.depth(depth, base: base, quote: quote) }
      }
    }
  }

  private static func trades(
    _ parameters: Parameters, _ catalog: Catalog, fromID: Int64?
  ) throws(APIError) -> Action {
    let symbol = try parameters.symbol(catalog)
    let limit = try parameters.limit()
    let base = catalog.baseScale(symbol)
    let quote = catalog.quoteScale(symbol)
    let unit = parameters.timeUnit
    return read { model in
      let trades = try model.trades(symbol.id, fromID: fromID.map { TradeID($0) }, limit: limit)
      return .json(capacity: 16 + 160 * trades.count) {
        $0.array {
          for trade in trades {
            $0.object {
              $0.field("id", trade.id.value)
              $0.field("price", decimal: trade.price, scale: quote)
              $0.field("qty", decimal: trade.quantity, scale: base)
              $0.field("quoteQty", decimal: trade.quoteQuantity, scale: quote)
              $0.time("time", trade.time, unit)
              $0.field("isBuyerMaker", trade.buyerIsMaker)
              $0.field("isBestMatch", true)
            }
          }
        }
      }
    }
  }

  private static func aggregateTrades(
    _ parameters: Parameters, _ catalog: Catalog
  ) throws(APIError) -> Action {
    let symbol = try parameters.symbol(catalog)
    let fromID = try parameters.integer("fromId")
    let start = try parameters.time("startTime")
    let end = try parameters.time("endTime")
    if fromID != nil, start != nil || end != nil { throw .combination }
    let limit = try parameters.limit()
    let base = catalog.baseScale(symbol)
    let quote = catalog.quoteScale(symbol)
    let unit = parameters.timeUnit
    return read { model in
      let trades = try model.aggregateTrades(
        symbol.id, fromID: fromID, start: start, end: inclusive(end), limit: limit)
      return .json(capacity: 16 + 128 * trades.count) {
        $0.array {
          for trade in trades {
            $0.object {
              $0.field("a", trade.id)
              $0.field("p", decimal: trade.price, scale: quote)
              $0.field("q", decimal: trade.quantity, scale: base)
              $0.field("f", trade.firstTrade.value)
              $0.field("l", trade.lastTrade.value)
              $0.time("T", trade.time, unit)
              $0.field("m", trade.buyerIsMaker)
              $0.field("M", true)
            }
          }
        }
      }
    }
  }

  /// An end in whole milliseconds includes that millisecond: clients take it from printed times,
  /// which are cut.
  static func inclusive(_ end: Int64?) -> Int64? {
    end.map { $0 % 1000 == 0 ? $0 + 999 : $0 }
  }

  // MARK: Candles

  private static func candles(
    _ parameters: Parameters, _ catalog: Catalog
  ) throws(APIError) -> Action {
    let symbol = try parameters.symbol(catalog)
    guard let name = try parameters.text("interval") else { throw .missing("interval") }
    guard let interval = Interval(name: name) else { throw .invalidInterval }
    let start = try parameters.time("startTime")
    let end = try parameters.time("endTime")
    let offset = try timeZone(parameters)
    let limit = try parameters.limit()
    let base = catalog.baseScale(symbol)
    let quote = catalog.quoteScale(symbol)
    let unit = parameters.timeUnit
    let now = parameters.now
    return read { model in
      let candles = try model.klines(
        symbol.id, interval, start: start, end: end, offset: offset, limit: limit, now: now)
      return .json(capacity: 16 + 200 * candles.count) {
        $0.array {
          for candle in candles {
            let closeTime = interval.end(of: candle.openTime, offset: offset) - 1
            $0.candle(candle, closeTime: closeTime, base: base, quote: quote, unit)
          }
        }
      }
    }
  }

  /// `timeZone`: hours with an optional sign and optional minutes, -12:00 to +14:00. In
  /// microseconds east; 0 if not sent.
  static func timeZone(_ parameters: Parameters) throws(APIError) -> Int64 {
    guard let text = try parameters.text("timeZone") else { return 0 }
    var digits = text[...]
    let isNegative = digits.hasPrefix("-")
    // An unescaped `+` arrives as a space.
    if isNegative || digits.hasPrefix("+") || digits.hasPrefix(" ") { digits = digits.dropFirst() }
    let parts = digits.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count),
      parts.allSatisfy({ (1...2).contains($0.count) && $0.allSatisfy(\.isWholeNumber) }),
      let hours = Int64(parts[0]), let minutes = parts.count == 2 ? Int64(parts[1]) : 0,
      minutes < 60
    else { throw .invalid("timeZone") }
    let offset = (hours * 60 + minutes) * (isNegative ? -1 : 1)
    guard (-12 * 60...14 * 60).contains(offset) else { throw .invalid("timeZone") }
    return offset * 60_000_000
  }

  private static func averagePrice(
    _ parameters: Parameters, _ catalog: Catalog
  ) throws(APIError) -> Action {
    let symbol = try parameters.symbol(catalog)
    let quote = catalog.quoteScale(symbol)
    let unit = parameters.timeUnit
    let now = parameters.now
    return read { model in
      guard let average = model.averagePrice(symbol.id, now: now) else {
        return .error(.invalidSymbol)
      }
      return .json(capacity: 96) {
        $0.object {
          $0.field("mins", average.minutes)
          $0.field("price", decimal: average.price, scale: quote)
          $0.time("closeTime", average.closeTime, unit)
        }
      }
    }
  }
}
