// SymbolMarket: market data of one symbol: depth, windows, recent trades, running candles, the
// rolling day.
//
// Invariants: memory is bounded (levels of the book, 1,000 trades, 16 candles, 1,441 minutes);
// everything here can be rebuilt from the rows that `store` and `fold` wrote, and then says the
// same as before.
// Not here: history of accounts (HistoryRows), and queries (ReadModel).

import Engine
import Wire

/// One symbol's part of the fold.
struct SymbolMarket {
  static let recentTradesMax = 1000
  /// `allCases` builds an array at each call.
  private static let intervals = Interval.allCases

  let id: SymbolID
  let base: AssetID
  let quote: AssetID
  var depth = Depth()
  var window = DepthWindow()
  /// What `bookTicker` streams were told last.
  var reportedTop: BookTicker
  var recent = Ring<TradeRecord>(capacity: recentTradesMax)
  /// The id of the next aggregate trade.
  var nextAggregate: Int64 = 1
  /// The running candle of each interval (by raw value - 1), `nil` if nobody traded in its period.
  var candles = [Candle?](repeating: nil, count: Interval.allCases.count)
  var day = RollingDay()
  /// When the next candle or window ends; `Int64.max` if nothing waits.
  private(set) var deadline = Int64.max
  /// Stamp of the last entry that changed this symbol's market data.
  private(set) var lastStamp: Int64 = 0

  private var stateIsDirty = false
  private var candlesAreDirty = false
  private var dirtyLevels: [LevelName] = []
  private var dirtyLevelSet: Set<LevelName> = []

  init(_ info: SymbolInfo) {
    id = info.id
    base = info.base
    quote = info.quote
    let nothing = PriceLevel(price: 0, quantity: 0)
    reportedTop = BookTicker(symbol: info.id, updateID: 0, bid: nothing, ask: nothing)
  }

  /// The best prices now.
  var top: BookTicker {
    BookTicker(
      symbol: id, updateID: depth.lastUpdateID, bid: depth.best(.buy), ask: depth.best(.sell))
  }

  func runningCandle(_ interval: Interval) -> Candle? { candles[Int(interval.rawValue) - 1] }

  // MARK: Fold

  /// Time has come to `stamp`: ends windows and candles that end at or before it.
  mutating func advance(
    to stamp: Int64, into rows: inout RowBatch, updates: inout [MarketUpdate]
  ) {
    guard stamp >= deadline else { return }
    touch(stamp)
    if window.isPending, stamp >= window.end {
      let time = window.end
      let traded = window.traded
      if let diff = window.close(id, depth) { updates.append(.depth(diff)) }
      if traded { updates.append(.statistics(symbol: id, time: time)) }
    }
    for interval in Self.intervals {
      let at = Int(interval.rawValue) - 1
      guard let candle = candles[at], stamp >= interval.end(of: candle.openTime) else { continue }
      updates.append(.candleClosed(symbol: id, interval: interval, candle: candle, time: stamp))
      if candlesAreDirty, Interval.bases.contains(interval) { put(candle, interval, into: &rows) }
      candles[at] = nil
    }
    findDeadline()
  }

  /// Takes a level change. `advance` was called with the stamp of its entry.
  mutating func apply(_ change: LevelChange, stamp: Int64) {
    touch(stamp)
    depth.apply(change)
    window.note(change, stamp: stamp)
    deadline = min(deadline, window.end)
    let name = LevelName(change.side, change.price)
    if dirtyLevelSet.insert(name).inserted { dirtyLevels.append(name) }
  }

  /// Takes a trade. `advance` was called with the stamp of its entry.
  mutating func apply(_ trade: Trade, into rows: inout RowBatch) {
    touch(trade.stamp)
    let record = TradeRecord(
      id: trade.id, price: trade.price, quantity: trade.quantity,
      quoteQuantity: trade.quoteQuantity, time: trade.stamp, buyerIsMaker: trade.buyerIsMaker)
    recent.append(record)
    rows.put(MarketRows.key(MarketRows.tradePrefix, id, trade.id.value), record.encoded())
    window.noteTrade(stamp: trade.stamp)
    deadline = min(deadline, window.end)
    day.add(trade)
    candlesAreDirty = true
    var opened = false
    for interval in Self.intervals {
      let at = Int(interval.rawValue) - 1
      if candles[at] != nil {
        candles[at]?.add(trade)
      } else {
        candles[at] = Candle(first: trade, openTime: interval.start(of: trade.stamp))
        opened = true
      }
    }
    if opened { findDeadline() }
  }

  /// The best prices if they differ from what streams were told last.
  mutating func newTop() -> BookTicker? {
    let now = top
    guard now.bid != reportedTop.bid || now.ask != reportedTop.ask else { return nil }
    reportedTop = now
    return now
  }

  private mutating func touch(_ stamp: Int64) {
    lastStamp = stamp
    stateIsDirty = true
  }

  private mutating func findDeadline() {
    deadline = window.isPending ? window.end : Int64.max
    for interval in Self.intervals {
      if let candle = candles[Int(interval.rawValue) - 1] {
        deadline = min(deadline, interval.end(of: candle.openTime))
      }
    }
  }

  // MARK: Rows

  private func put(_ candle: Candle, _ interval: Interval, into rows: inout RowBatch) {
    rows.put(MarketRows.candleKey(id, interval, candle.openTime), candle.encoded())
  }

  /// Adds the rows that changed since the last call.
  mutating func store(into rows: inout RowBatch) {
    guard stateIsDirty else { return }
    stateIsDirty = false
    var state = MarketRows.start()
    state.i64(lastStamp)
    state.i64(depth.lastUpdateID)
    state.i64(nextAggregate)
    window.encode(into: &state)
    rows.put(MarketRows.key(MarketRows.statePrefix, id).bytes, state.bytes)
    for name in dirtyLevels {
      let key = MarketRows.key(MarketRows.levelPrefix, id, name.raw)
      let quantity = depth.quantity(name)
      if quantity == 0 {
        rows.delete(key)
      } else {
        var value = MarketRows.start()
        value.i64(quantity)
        rows.put(key, value.bytes)
      }
    }
    dirtyLevels.removeAll(keepingCapacity: true)
    dirtyLevelSet.removeAll(keepingCapacity: true)
    guard candlesAreDirty else { return }
    candlesAreDirty = false
    for interval in Interval.bases {
      if let candle = runningCandle(interval) { put(candle, interval, into: &rows) }
    }
  }

  /// Rebuilds a symbol's market data from its rows.
  init(_ info: SymbolInfo, rows: any RowReader) throws {
    self.init(info)
    guard let value = try rows.row(MarketRows.key(MarketRows.statePrefix, id).bytes) else { return }
    var reader = try MarketRows.open(value)
    lastStamp = try reader.i64()
    let lastUpdateID = try reader.i64()
    nextAggregate = try reader.i64()
    window = try DepthWindow(from: &reader)
    try reader.finish()
    depth = Depth(levels: try Self.levels(of: id, rows), lastUpdateID: lastUpdateID)
    reportedTop = top
    for record in try Self.lastTrades(of: id, rows) { recent.append(record) }
    if let lastTrade = recent.last {
      try restoreCandles(lastTrade: lastTrade.time, rows)
      try restoreDay(lastTrade: lastTrade.time, rows)
    }
    findDeadline()
  }

  private static func levels(
    of symbol: SymbolID, _ rows: any RowReader
  ) throws -> [(name: LevelName, quantity: Int64)] {
    try rows.collect(prefix: MarketRows.key(MarketRows.levelPrefix, symbol).bytes) {
      key, value throws(WireError) in
      var reader = try MarketRows.open(value)
      let name = LevelName(raw: try MarketRows.number(key, at: MarketRows.afterSymbol))
      return (name, try reader.i64())
    }
  }

  private static func lastTrades(
    of symbol: SymbolID, _ rows: any RowReader
  ) throws -> [TradeRecord] {
    let prefix = MarketRows.key(MarketRows.tradePrefix, symbol).bytes
    let newest = try rows.collect(
      from: prefix, upTo: RowKey.after(prefix), reverse: true, limit: recentTradesMax
    ) { key, value throws(WireError) in try TradeRecord(key: key, value: value) }
    return newest.reversed()
  }

  /// The candles that hold the last trade, unless they had been closed before.
  private mutating func restoreCandles(lastTrade: Int64, _ rows: any RowReader) throws {
    for interval in Self.intervals {
      let start = interval.start(of: lastTrade)
      let end = interval.end(of: start)
      guard lastStamp < end else { continue }
      var candle = Candle(flatAt: 0, openTime: start)
      let parts = try CandleParts(rows, id, interval, offset: 0)
      for part in try parts.read(cuts: [start, end]) { candle.add(part) }
      candles[Int(interval.rawValue) - 1] = candle
    }
  }

  private mutating func restoreDay(lastTrade: Int64, _ rows: any RowReader) throws {
    let start = RollingDay.start(endingAt: Interval.minute1.start(of: lastTrade))
    let minutes = try CandleRows.read(rows, id, .minute1, from: start, upTo: Int64.max)
    let before = try CandleRows.last(rows, id, .minute1, before: start)
    day = RollingDay(minutes: minutes, previousClose: before?.close ?? 0)
  }
}
