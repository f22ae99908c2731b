// ReadModel+Market: queries about symbols.
//
// `now` is cluster time in microseconds; a stamp ahead of it wins. A period that ends now holds the
// running minute.
// Not here: candles (ReadModel+Candles), queries about accounts (ReadModel+Accounts).

import Engine
import Wire

extension ReadModel {
  /// The best `limit` levels of both sides. `nil`: no such symbol. O(limit).
  public func depth(_ symbol: SymbolID, limit: Int) -> DepthSnapshot? {
    guard let market = market.symbol(symbol) else { return nil }
    return DepthSnapshot(
      symbol: symbol, lastUpdateID: market.depth.lastUpdateID,
      bids: market.depth.top(.buy, limit: limit), asks: market.depth.top(.sell, limit: limit))
  }

  /// The best prices. `nil`: no such symbol. O(1).
  public func bookTicker(_ symbol: SymbolID) -> BookTicker? { market.symbol(symbol)?.top }

  /// The price of the last trade, `nil` if there was none. O(1).
  public func lastPrice(_ symbol: SymbolID) -> Int64? { market.symbol(symbol)?.recent.last?.price }

  /// Trades from `fromID` up, or the newest; ascending, at most `limit`. From memory if the last
  /// 1,000 suffice.
  public func trades(_ symbol: SymbolID, fromID: TradeID?, limit: Int) throws -> [TradeRecord] {
    guard let recent = market.symbol(symbol)?.recent, recent.count > 0 else { return [] }
    let oldest = recent[0].id.value
    if let fromID, fromID.value >= oldest {
      let from = min(Int(fromID.value - oldest), recent.count)
      return recent.part(from..<from + min(limit, recent.count - from))
    }
    if fromID == nil, limit <= recent.count || oldest == 1 {
      return recent.part(max(0, recent.count - limit)..<recent.count)
    }
    let window = HistoryWindow<TradeRecord>(
      rows: rows, prefix: MarketRows.key(MarketRows.tradePrefix, symbol).bytes,
      decode: { key, value throws(WireError) in try TradeRecord(key: key, value: value) },
      time: { $0.time })
    return try window.select(fromID: fromID?.value, start: nil, end: nil, limit: limit)
  }

  /// Aggregate trades by Binance's window rules, `fromID` before times; bounds inclusive,
  /// ascending, at most `limit`.
  public func aggregateTrades(
    _ symbol: SymbolID, fromID: Int64?, start: Int64?, end: Int64?, limit: Int
  ) throws -> [AggregateTrade] {
    let window = HistoryWindow<AggregateTrade>(
      rows: rows, prefix: MarketRows.key(MarketRows.aggregatePrefix, symbol).bytes,
      decode: { key, value throws(WireError) in
        try AggregateTrade(symbol: symbol, key: key, value: value)
      },
      time: { $0.time })
    return try window.select(fromID: fromID, start: start, end: end, limit: limit)
  }

  /// The rolling 24 hours. `nil`: no such symbol. O(minutes with trades).
  public func ticker24(_ symbol: SymbolID, now: Int64) -> TickerStatistics? {
    guard let market = market.symbol(symbol) else { return nil }
    let end = max(now, stamp)
    let start = RollingDay.start(endingAt: end)
    let (total, before) = market.day.total(since: start)
    return statistics(market, total: total, before: before, start: start, end: end)
  }

  /// Trading from the minute that holds `since` until now, for at most eight days. `nil`: no such
  /// symbol.
  public func statistics(
    _ symbol: SymbolID, since: Int64, now: Int64
  ) throws -> TickerStatistics? {
    guard let market = market.symbol(symbol) else { return nil }
    let end = max(now, stamp)
    let start = max(
      Interval.minute1.start(of: since), Interval.minute1.start(of: end - 8 * RollingDay.length))
    var total = Candle(flatAt: 0, openTime: start)
    for part in try CandleRows.read(rows, symbol, .minute1, from: start, upTo: Int64.max) {
      total.add(part)
    }
    let before = try CandleRows.last(rows, symbol, .minute1, before: start)?.close ?? 0
    return statistics(market, total: total, before: before, start: start, end: end)
  }

  private func statistics(
    _ market: SymbolMarket, total: Candle, before: Int64, start: Int64, end: Int64
  ) -> TickerStatistics {
    let traded = total.firstTrade >= 0
    let scale = catalog.symbol(market.id).map(catalog.baseScale) ?? 8
    let top = market.top
    return TickerStatistics(
      symbol: market.id, openTime: start, closeTime: end, open: total.open, high: total.high,
      low: total.low, last: traded ? total.close : before,
      lastQuantity: traded ? market.recent.last?.quantity ?? 0 : 0, previousClose: before,
      volume: total.volume, quoteVolume: total.quoteVolume,
      weightedAverage: Market.averagePrice(
        quote: total.quoteVolume, volume: total.volume, baseScale: scale),
      firstTrade: total.firstTrade, lastTrade: total.lastTrade, count: total.count, bid: top.bid,
      ask: top.ask)
  }

  /// The average price over 5 minutes, the running one included. `nil`: no such symbol.
  public func averagePrice(_ symbol: SymbolID, now: Int64) -> AveragePrice? {
    guard let market = market.symbol(symbol) else { return nil }
    let minutes: Int64 = 5
    let running = Interval.minute1.start(of: max(now, stamp))
    let (total, before) = market.day.total(since: running - (minutes - 1) * 60_000_000)
    let scale = catalog.symbol(symbol).map(catalog.baseScale) ?? 8
    let average = Market.averagePrice(
      quote: total.quoteVolume, volume: total.volume, baseScale: scale)
    return AveragePrice(
      symbol: symbol, minutes: Int(minutes), price: total.volume > 0 ? average : before,
      closeTime: market.recent.last?.time ?? 0)
  }
}
