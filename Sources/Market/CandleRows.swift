// CandleRows: reading stored candles, and collecting decoded rows in general.
//
// Not here: writing them (SymbolMarket), and putting coarser candles together (ReadModel).

import Engine
import Wire

/// Reads candles of the stored intervals. Only periods with trades have a row.
enum CandleRows {
  /// Candles with `from <= openTime < upTo`, ascending, at most `limit`.
  static func read(
    _ rows: any RowReader, _ symbol: SymbolID, _ interval: Interval, from: Int64, upTo: Int64,
    limit: Int = .max
  ) throws -> [Candle] {
    guard max(0, from) < upTo else { return [] }
    return try rows.collect(
      from: MarketRows.candleKey(symbol, interval, max(0, from)),
      upTo: MarketRows.candleKey(symbol, interval, upTo), reverse: false, limit: limit
    ) { key, value throws(WireError) in try Candle(key: key, value: value) }
  }

  /// The newest candle with `openTime < before`.
  static func last(
    _ rows: any RowReader, _ symbol: SymbolID, _ interval: Interval, before: Int64
  ) throws -> Candle? {
    guard before > 0 else { return nil }
    return try rows.collect(
      from: MarketRows.candleKey(symbol, interval, 0),
      upTo: MarketRows.candleKey(symbol, interval, before), reverse: true, limit: 1
    ) { key, value throws(WireError) in try Candle(key: key, value: value) }.first
  }

  /// The oldest candle with `openTime >= from`.
  static func first(
    _ rows: any RowReader, _ symbol: SymbolID, _ interval: Interval, from: Int64
  ) throws -> Candle? {
    try read(rows, symbol, interval, from: from, upTo: Int64.max, limit: 1).first
  }
}

extension RowReader {
  /// The rows with `from <= key < upTo`, decoded, in key order (or its reverse), at most `limit`.
  func collect<Value>(
    from: [UInt8], upTo: [UInt8], reverse: Bool, limit: Int,
    _ decode: (_ key: [UInt8], _ value: [UInt8]) throws(WireError) -> Value
  ) throws -> [Value] {
    var values: [Value] = []
    var failure: WireError?
    guard limit > 0 else { return values }
    try scan(from: from, upTo: upTo, reverse: reverse) { key, value in
      do throws(WireError) {
        values.append(try decode(key, value))
        return values.count < limit
      } catch {
        failure = error
        return false
      }
    }
    if let failure { throw failure }
    return values
  }

  /// All rows whose key starts with `prefix`, decoded, in key order.
  func collect<Value>(
    prefix: [UInt8], limit: Int = .max,
    _ decode: (_ key: [UInt8], _ value: [UInt8]) throws(WireError) -> Value
  ) throws -> [Value] {
    try collect(from: prefix, upTo: RowKey.after(prefix), reverse: false, limit: limit, decode)
  }
}
