// MarketTickers: the ticker endpoints, for one symbol, a list of them or all.
//
// `symbol` answers an object, everything else an array. `symbolStatus` refuses a single symbol and
// filters a list.
// Not here: how the numbers come about (Market).

import Engine
import Market

/// ticker/24hr, ticker/price and ticker/bookTicker.
enum MarketTickers {
  /// Which symbols a request asks for.
  private enum Selection: Sendable {
    case one(SymbolInfo)
    case some([SymbolInfo], SymbolStatus?)
    case all(SymbolStatus?)
  }

  static func day(_ parameters: Parameters, _ catalog: Catalog) throws(APIError) -> Action {
    let selection = try select(parameters, catalog)
    let isMini: Bool
    switch try parameters.text("type") {
    case nil, "FULL": isMini = false
    case "MINI": isMini = true
    default: throw .invalidTickerType
    }
    let unit = parameters.timeUnit
    let now = parameters.now
    return answer(selection, capacity: 640) { symbol, model, json in
      guard let ticker = model.ticker24(symbol.id, now: now) else { return }
      json.object { ticker.write(symbol, model.catalog, isMini: isMini, unit, into: &$0) }
    }
  }

  static func prices(_ parameters: Parameters, _ catalog: Catalog) throws(APIError) -> Action {
    answer(try select(parameters, catalog), capacity: 64) { symbol, model, json in
      let quote = model.catalog.quoteScale(symbol)
      json.object {
        $0.field("symbol", symbol.name)
        $0.field("price", decimal: model.lastPrice(symbol.id) ?? 0, scale: quote)
      }
    }
  }

  static func books(_ parameters: Parameters, _ catalog: Catalog) throws(APIError) -> Action {
    answer(try select(parameters, catalog), capacity: 160) { symbol, model, json in
      guard let top = model.bookTicker(symbol.id) else { return }
      let base = model.catalog.baseScale(symbol)
      let quote = model.catalog.quoteScale(symbol)
      json.object {
        $0.field("symbol", symbol.name)
        $0.field("bidPrice", decimal: top.bid.price, scale: quote)
        $0.field("bidQty", decimal: top.bid.quantity, scale: base)
        $0.field("askPrice", decimal: top.ask.price, scale: quote)
        $0.field("askQty", decimal: top.ask.quantity, scale: base)
      }
    }
  }

  private static func select(
    _ parameters: Parameters, _ catalog: Catalog
  ) throws(APIError) -> Selection {
    if parameters.has("symbol"), parameters.has("symbols") { throw .combination }
    let status = try parameters.symbolStatus()
    if let symbol = try parameters.symbolIfSent(catalog) {
      if let status, status != symbol.status { throw .symbolStatusMismatch }
      return .one(symbol)
    }
    guard let symbols = try parameters.symbolList(catalog) else { return .all(status) }
    return .some(symbols, status)
  }

  private static func answer(
    _ selection: Selection, capacity: Int,
    _ write: @escaping @Sendable (SymbolInfo, ReadModel, inout JSONWriter) -> Void
  ) -> Action {
    MarketRoutes.read { model in
      let symbols: [SymbolInfo]
      let wanted: SymbolStatus?
      switch selection {
      case .one(let symbol): return .json(capacity: capacity) { write(symbol, model, &$0) }
      case .some(let list, let status): (symbols, wanted) = (list, status)
      case .all(let status): (symbols, wanted) = (model.catalog.symbols, status)
      }
      return .json(capacity: 16 + capacity * symbols.count) {
        $0.array {
          for symbol in symbols {
            // The status may have changed since the request was read.
            let now = model.catalog.symbol(symbol.id) ?? symbol
            if wanted == nil || wanted == now.status { write(now, model, &$0) }
          }
        }
      }
    }
  }
}

extension TickerStatistics {
  /// The fields of FULL and MINI.
  fileprivate func write(
    _ symbol: SymbolInfo, _ catalog: Catalog, isMini: Bool, _ unit: TimeUnit,
    into json: inout JSONWriter
  ) {
    let base = catalog.baseScale(symbol)
    let quote = catalog.quoteScale(symbol)
    json.field("symbol", symbol.name)
    if !isMini {
      json.field("priceChange", decimal: change, scale: quote)
      json.key("priceChangePercent")
      json.decimal(changePercent, scale: 3, decimals: 3)
      json.field("weightedAvgPrice", decimal: weightedAverage, scale: quote)
      json.field("prevClosePrice", decimal: previousClose, scale: quote)
    }
    if isMini {
      prices(quote, into: &json)
      json.field("lastPrice", decimal: last, scale: quote)
    } else {
      json.field("lastPrice", decimal: last, scale: quote)
      json.field("lastQty", decimal: lastQuantity, scale: base)
      json.field("bidPrice", decimal: bid.price, scale: quote)
      json.field("bidQty", decimal: bid.quantity, scale: base)
      json.field("askPrice", decimal: ask.price, scale: quote)
      json.field("askQty", decimal: ask.quantity, scale: base)
      prices(quote, into: &json)
    }
    json.field("volume", decimal: volume, scale: base)
    json.field("quoteVolume", decimal: quoteVolume, scale: quote)
    json.time("openTime", openTime, unit)
    json.time("closeTime", closeTime, unit)
    json.field("firstId", firstTrade)
    json.field("lastId", lastTrade)
    json.field("count", count)
  }

  private func prices(_ quote: Int, into json: inout JSONWriter) {
    json.field("openPrice", decimal: open, scale: quote)
    json.field("highPrice", decimal: high, scale: quote)
    json.field("lowPrice", decimal: low, scale: quote)
  }
}
