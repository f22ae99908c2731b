// ReadModel+Candles: candles of every interval, put together from the stored ones.
//
// Invariants: the answer has no gaps between its first and last candle: a period without trades is
// flat at the price before it; no candle begins before the first trade's or after now's.
// Not here: folding trades (SymbolMarket), the grid (Interval).

import Engine
import Wire

extension ReadModel {
  /// Candles by open time, ascending, at most `limit`, the running one included. `start` and `end`
  /// bound open times (inclusive, UTC) by Binance's window rules. `offset` moves the grid (a time
  /// zone, microseconds east).
  ///
  /// - Complexity: O(stored candles in the answer's time); a candle of 30 minutes is made of 30
  /// stored ones.
  public func klines(
    _ symbol: SymbolID, _ interval: Interval, start: Int64?, end: Int64?, offset: Int64 = 0,
    limit: Int, now: Int64
  ) throws -> [Candle] {
    let base = interval.base(offset: offset)
    guard limit > 0, let oldest = try CandleRows.first(rows, symbol, base, from: 0) else {
      return []
    }
    let earliest = interval.start(of: oldest.openTime, offset: offset)
    let last = interval.start(of: min(end ?? Int64.max, max(now, stamp)), offset: offset)
    var first: Int64
    if let start {
      first = interval.start(of: max(start, earliest), offset: offset)
      if first < start { first = interval.end(of: first, offset: offset) }
    } else {
      first = last
      for _ in 1..<limit where first > earliest {
        first = interval.start(of: first - 1, offset: offset)
      }
    }
    guard first <= last, first >= earliest else { return [] }
    return try candles(symbol, interval, from: first, through: last, offset: offset, limit: limit)
  }

  private func candles(
    _ symbol: SymbolID, _ interval: Interval, from first: Int64, through last: Int64,
    offset: Int64, limit: Int
  ) throws -> [Candle] {
    var starts: [Int64] = []
    var next = first
    while next <= last, starts.count < limit {
      starts.append(next)
      next = interval.end(of: next, offset: offset)
    }
    let base = interval.base(offset: offset)
    let hour: Int64 = 3_600_000_000
    let mixed = base == .minute1 && offset % hour != 0 && (interval.length ?? .max) > hour
    let parts = mixed ? [] : try CandleRows.read(rows, symbol, base, from: first, upTo: next)
    var price = try CandleRows.last(rows, symbol, base, before: first)?.close ?? 0
    var at = 0
    var answer: [Candle] = []
    for (position, openTime) in starts.enumerated() {
      let end = position + 1 < starts.count ? starts[position + 1] : next
      var candle = Candle(flatAt: price, openTime: openTime)
      if mixed {
        for part in try mixedParts(symbol, from: openTime, upTo: end) { candle.add(part) }
      }
      while at < parts.count, parts[at].openTime < end {
        candle.add(parts[at])
        at += 1
      }
      price = candle.close
      answer.append(candle)
    }
    return answer
  }

  /// Stored candles that together cover a period that begins within an hour: minutes at its ends,
  /// hours between them.
  private func mixedParts(
    _ symbol: SymbolID, from start: Int64, upTo end: Int64
  ) throws -> [Candle] {
    let firstHour = Interval.hour1.start(of: start + 3_599_999_999)
    let lastHour = Interval.hour1.start(of: end)
    return try CandleRows.read(rows, symbol, .minute1, from: start, upTo: firstHour)
      + CandleRows.read(rows, symbol, .hour1, from: firstHour, upTo: lastHour)
      + CandleRows.read(rows, symbol, .minute1, from: lastHour, upTo: end)
  }
}
