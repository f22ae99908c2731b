// StreamPayload: the JSON of each market stream, in Binance's field order.
//
// Invariants: a removed level's quantity is printed as 0.00000000 (clients compare the text);
// bookTicker has no `e` and no `E` (ccxt tells it apart by that); partial depth has no symbol.
// Not here: which of them are wanted (StreamRenderer).

import Engine
import Market

/// Writes the payloads of one symbol.
struct StreamPayload {
  let symbol: SymbolInfo
  let model: ReadModel
  let base: Int
  let quote: Int

  init(_ symbol: SymbolInfo, _ model: ReadModel) {
    self.symbol = symbol
    self.model = model
    base = model.catalog.baseScale(symbol)
    quote = model.catalog.quoteScale(symbol)
  }

  /// The payload of an update for a kind of stream, `nil` if it is of no concern to it. `tickers`:
  /// tickers are due.
  func render(
    _ update: MarketUpdate, _ kind: StreamName.Kind, _ unit: TimeUnit, tickers: Bool
  ) -> [UInt8]? {
    switch (update, kind) {
    case (.trade(let trade), .trade): return render(trade, unit)
    case (.aggregateTrade(let trade), .aggregateTrade): return render(trade, unit)
    case (.bookTicker(let top), .bookTicker): return render(top)
    case (.depth(let diff), .depth): return render(diff, unit)
    case (.depth, .partialDepth(let levels)): return partialDepth(levels)
    case (.candleClosed(_, let interval, let candle, let time), .candle(let wanted)):
      guard interval == wanted else { return nil }
      return render(candle, interval, closed: true, time: time, unit)
    case (.statistics(_, let time), .candle(let interval)):
      return model.market.runningCandle(symbol.id, interval).map {
        render($0, interval, closed: false, time: time, unit)
      }
    case (.statistics(_, let time), .averagePrice): return averagePrice(time, unit)
    case (.statistics(_, let time), .ticker), (.statistics(_, let time), .miniTicker):
      return ticker(kind, time, unit)
    case (.depth(let diff), .ticker), (.depth(let diff), .miniTicker):
      return tickers ? ticker(kind, diff.time, unit) : nil
    default: return nil
    }
  }

  private func object(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
    var json = JSONWriter(capacity: 256)
    json.object(body)
    return json.bytes
  }

  private func head(_ event: String, _ time: Int64, _ unit: TimeUnit, _ json: inout JSONWriter) {
    json.field("e", event)
    json.time("E", time, unit)
    json.field("s", symbol.name)
  }

  // MARK: Trades

  private func render(_ trade: Trade, _ unit: TimeUnit) -> [UInt8] {
    object {
      head("trade", trade.stamp, unit, &$0)
      $0.field("t", trade.id.value)
      $0.field("p", decimal: trade.price, scale: quote)
      $0.field("q", decimal: trade.quantity, scale: base)
      $0.time("T", trade.stamp, unit)
      $0.field("m", trade.buyerIsMaker)
      $0.field("M", true)
    }
  }

  private func render(_ trade: AggregateTrade, _ unit: TimeUnit) -> [UInt8] {
    object {
      head("aggTrade", trade.time, unit, &$0)
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

  // MARK: Book

  private func render(_ top: BookTicker) -> [UInt8] {
    object {
      $0.field("u", top.updateID)
      $0.field("s", symbol.name)
      $0.field("b", decimal: top.bid.price, scale: quote)
      $0.field("B", decimal: top.bid.quantity, scale: base)
      $0.field("a", decimal: top.ask.price, scale: quote)
      $0.field("A", decimal: top.ask.quantity, scale: base)
    }
  }

  private func render(_ diff: DepthDiff, _ unit: TimeUnit) -> [UInt8] {
    object {
      head("depthUpdate", diff.time, unit, &$0)
      $0.field("U", diff.firstUpdateID)
      $0.field("u", diff.lastUpdateID)
      $0.key("b")
      $0.levels(diff.bids, base: base, quote: quote)
      $0.key("a")
      $0.levels(diff.asks, base: base, quote: quote)
    }
  }

  private func partialDepth(_ levels: Int) -> [UInt8]? {
    model.depth(symbol.id, limit: levels).map { depth in
      object { $0.depth(depth, base: base, quote: quote) }
    }
  }

  // MARK: Candles and tickers

  private func render(
    _ candle: Candle, _ interval: Interval, closed: Bool, time: Int64, _ unit: TimeUnit
  ) -> [UInt8] {
    object {
      head("kline", time, unit, &$0)
      $0.key("k")
      $0.object {
        $0.time("t", candle.openTime, unit)
        $0.time("T", interval.end(of: candle.openTime) - 1, unit)
        $0.field("s", symbol.name)
        $0.field("i", interval.name)
        $0.field("f", candle.firstTrade)
        $0.field("L", candle.lastTrade)
        $0.field("o", decimal: candle.open, scale: quote)
        $0.field("c", decimal: candle.close, scale: quote)
        $0.field("h", decimal: candle.high, scale: quote)
        $0.field("l", decimal: candle.low, scale: quote)
        $0.field("v", decimal: candle.volume, scale: base)
        $0.field("n", candle.count)
        $0.field("x", closed)
        $0.field("q", decimal: candle.quoteVolume, scale: quote)
        $0.field("V", decimal: candle.takerBuyVolume, scale: base)
        $0.field("Q", decimal: candle.takerBuyQuoteVolume, scale: quote)
        $0.field("B", "0")
      }
    }
  }

  private func averagePrice(_ time: Int64, _ unit: TimeUnit) -> [UInt8]? {
    model.averagePrice(symbol.id, now: time).map { average in
      object {
        head("avgPrice", time, unit, &$0)
        $0.field("i", "\(average.minutes)m")
        $0.field("w", decimal: average.price, scale: quote)
        $0.time("T", average.closeTime, unit)
      }
    }
  }

  private func ticker(_ kind: StreamName.Kind, _ time: Int64, _ unit: TimeUnit) -> [UInt8]? {
    model.ticker24(symbol.id, now: time).map { ticker in
      object {
        if kind == .ticker {
          full(ticker, time, unit, &$0)
        } else {
          mini(ticker, time, unit, &$0)
        }
      }
    }
  }

  private func mini(
    _ ticker: TickerStatistics, _ time: Int64, _ unit: TimeUnit, _ json: inout JSONWriter
  ) {
    head("24hrMiniTicker", time, unit, &json)
    json.field("c", decimal: ticker.last, scale: quote)
    json.field("o", decimal: ticker.open, scale: quote)
    json.field("h", decimal: ticker.high, scale: quote)
    json.field("l", decimal: ticker.low, scale: quote)
    json.field("v", decimal: ticker.volume, scale: base)
    json.field("q", decimal: ticker.quoteVolume, scale: quote)
  }

  private func full(
    _ ticker: TickerStatistics, _ time: Int64, _ unit: TimeUnit, _ json: inout JSONWriter
  ) {
    head("24hrTicker", time, unit, &json)
    json.field("p", decimal: ticker.change, scale: quote)
    json.key("P")
    json.decimal(ticker.changePercent, scale: 3, decimals: 3)
    json.field("w", decimal: ticker.weightedAverage, scale: quote)
    json.field("x", decimal: ticker.previousClose, scale: quote)
    json.field("c", decimal: ticker.last, scale: quote)
    json.field("Q", decimal: ticker.lastQuantity, scale: base)
    json.field("b", decimal: ticker.bid.price, scale: quote)
    json.field("B", decimal: ticker.bid.quantity, scale: base)
    json.field("a", decimal: ticker.ask.price, scale: quote)
    json.field("A", decimal: ticker.ask.quantity, scale: base)
    json.field("o", decimal: ticker.open, scale: quote)
    json.field("h", decimal: ticker.high, scale: quote)
    json.field("l", decimal: ticker.low, scale: quote)
    json.field("v", decimal: ticker.volume, scale: base)
    json.field("q", decimal: ticker.quoteVolume, scale: quote)
    json.time("O", ticker.openTime, unit)
    json.time("C", ticker.closeTime, unit)
    json.field("F", ticker.firstTrade)
    json.field("L", ticker.lastTrade)
    json.field("n", ticker.count)
  }

  /// `!miniTicker@arr`: the mini tickers of these symbols.
  static func miniTickers(
    _ symbols: [SymbolID], _ model: ReadModel, time: Int64, _ unit: TimeUnit
  ) -> [UInt8] {
    var json = JSONWriter(capacity: 256 * symbols.count)
    json.array {
      for id in symbols {
        guard let symbol = model.catalog.symbol(id),
          let ticker = model.ticker24(id, now: time)
        else { continue }
        let payload = StreamPayload(symbol, model)
        $0.object { payload.mini(ticker, time, unit, &$0) }
      }
    }
    return json.bytes
  }
}
