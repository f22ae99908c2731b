// HistoryWindow: Binance's rules for a list with `fromId`, `startTime`, `endTime` and `limit`, over
// rows in id order.
//
// Neither start nor end: the newest. Start only: the oldest from it on. End only: the newest up to
// it. Both: like start, bounded by end. Bounds are inclusive, the answer ascends.
// Invariant that makes time searchable: ids and stamps grow together, so rows in id order are in
// time order.
// Not here: which combinations a route allows (Gateway).

import Engine
import Wire

/// A list of rows whose keys are a prefix, an id of eight bytes, and possibly more.
struct HistoryWindow<Value> {
  let rows: any RowReader
  let prefix: [UInt8]
  let decode: (_ key: [UInt8], _ value: [UInt8]) throws(WireError) -> Value
  let time: (Value) -> Int64

  /// The rows that the rules select.
  ///
  /// - Complexity: O(limit) row reads, and O(log ids) seeks for each bound in time.
  func select(fromID: Int64?, start: Int64?, end: Int64?, limit: Int) throws -> [Value] {
    if let fromID {
      return try ascending(from: max(0, fromID), start: start, end: end, limit: limit)
    }
    if let start {
      return try ascending(from: try first(atOrAfter: start), start: nil, end: end, limit: limit)
    }
    let upTo = try end.map { $0 == Int64.max ? Int64.max : try first(atOrAfter: $0 + 1) }
    let newest = try rows.collect(
      from: prefix, upTo: upTo.map(key) ?? RowKey.after(prefix), reverse: true, limit: limit, decode
    )
    return newest.reversed()
  }

  private func ascending(
    from id: Int64, start: Int64?, end: Int64?, limit: Int
  ) throws -> [Value] {
    var from = id
    if let start { from = max(from, try first(atOrAfter: start)) }
    let values = try rows.collect(
      from: key(from), upTo: RowKey.after(prefix), reverse: false, limit: limit, decode)
    guard let end else { return values }
    return Array(values.prefix { time($0) <= end })
  }

  /// The smallest id from which on all rows have `time >= moment`; one above the last id if there
  /// is none.
  private func first(atOrAfter moment: Int64) throws -> Int64 {
    let last = try rows.collect(
      from: prefix, upTo: RowKey.after(prefix), reverse: true, limit: 1
    ) { key, value throws(WireError) in
      (try MarketRows.number(key, at: prefix.count), try decode(key, value))
    }.first
    guard let last, time(last.1) >= moment else { return (last?.0 ?? 0) + 1 }
    var low: Int64 = 0
    var high = last.0
    while low < high {
      let middle = low + (high - low) / 2
      let next = try rows.collect(
        from: key(middle), upTo: RowKey.after(prefix), reverse: false, limit: 1, decode)
      if let value = next.first, time(value) < moment {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }

  private func key(_ id: Int64) -> [UInt8] {
    var writer = ByteWriter(capacity: prefix.count + 8)
    writer.raw(prefix)
    writer.i64(id)
    return writer.bytes
  }
}
