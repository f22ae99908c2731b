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
  /// - Complexity: O(stored candles read), `Interval.rowsPerCandle` for each of the answer.
  public func klines(
    _ symbol: SymbolID, _ interval: Interval, start: Int64?, end: Int64?, offset: Int64 = 0,
    limit: Int, now: Int64
  ) throws -> [Candle] {
    guard limit > 0 else { return [] }
    let parts = try CandleParts(rows, symbol, interval, offset: offset)
    guard let oldest = parts.start else { return [] }
    let earliest = interval.start(of: oldest, offset: offset)
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
    var cuts = [first]
    var open = first
    while open <= last, cuts.count <= limit {
      open = interval.end(of: open, offset: offset)
      cuts.append(open)
    }
    let before = try CandleRows.last(rows, symbol, parts.finest, before: first)
    return Self.candles(cuts, try parts.read(cuts: cuts), price: before?.close ?? 0)
  }

  /// One candle between each two cuts.
  private static func candles(_ cuts: [Int64], _ parts: [Candle], price: Int64) -> [Candle] {
    var price = price
    var next = parts.startIndex
    var answer: [Candle] = []
    answer.reserveCapacity(cuts.count - 1)
    for (openTime, end) in zip(cuts, cuts.dropFirst()) {
      var candle = Candle(flatAt: price, openTime: openTime)
      while next < parts.endIndex, parts[next].openTime < end {
        candle.add(parts[next])
        next += 1
      }
      price = candle.close
      answer.append(candle)
    }
    return answer
  }
}
