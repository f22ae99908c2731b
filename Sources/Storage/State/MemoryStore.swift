// MemoryStore: rows in memory, sorted by key: the model of StateStore for tests and the simulator.
//
// Invariants: rows are sorted by key in unsigned byte order, over all chunks; no chunk is empty or above the limit.
// Not here: durability. `StateStoreTests` checks that both stores answer alike.

import Glibc
import Wire

/// A row store without files, with the semantics of `StateStore`.
public final class MemoryStore: RowReader {
  private struct Row {
    var key: [UInt8]
    var value: [UInt8]
  }

  private static let chunkRowsMax = 256
  private var chunks: [[Row]] = []

  public init() {}

  /// How many rows there are.
  public private(set) var count = 0

  /// Applies a batch: all changes, in order.
  ///
  /// - Complexity: O(log n) a change.
  public func write(_ batch: RowBatch) {
    for change in batch.changes {
      if let value = change.value {
        put(change.key, value)
      } else {
        delete(change.key)
      }
    }
  }

  /// An independent copy, as a checkpoint is one.
  public func copy() -> MemoryStore {
    let other = MemoryStore()
    other.chunks = chunks
    other.count = count
    return other
  }

  public func row(_ key: [UInt8]) -> [UInt8]? {
    let place = find(key)
    guard place.found else { return nil }
    return chunks[place.chunk][place.slot].value
  }

  public func scan(
    from: [UInt8], upTo: [UInt8], reverse: Bool, _ body: (_ key: [UInt8], _ value: [UInt8]) -> Bool
  ) {
    guard Self.order(from, upTo) < 0, !chunks.isEmpty else { return }
    var place = find(reverse ? upTo : from)
    while true {
      if reverse {
        if place.slot > 0 {
          place.slot -= 1
        } else {
          guard place.chunk > 0 else { return }
          place.chunk -= 1
          place.slot = chunks[place.chunk].count - 1
        }
      } else if place.slot == chunks[place.chunk].count {
        place.chunk += 1
        place.slot = 0
        if place.chunk == chunks.count { return }
      }
      let row = chunks[place.chunk][place.slot]
      if reverse ? Self.order(row.key, from) < 0 : Self.order(row.key, upTo) >= 0 { return }
      guard body(row.key, row.value) else { return }
      if !reverse { place.slot += 1 }
    }
  }

  private func put(_ key: [UInt8], _ value: [UInt8]) {
    guard !chunks.isEmpty else {
      chunks = [[Row(key: key, value: value)]]
      count = 1
      return
    }
    let place = find(key)
    if place.found {
      chunks[place.chunk][place.slot].value = value
      return
    }
    chunks[place.chunk].insert(Row(key: key, value: value), at: place.slot)
    count += 1
    if chunks[place.chunk].count > Self.chunkRowsMax {
      let half = chunks[place.chunk].count / 2
      let upper = Array(chunks[place.chunk][half...])
      chunks[place.chunk].removeSubrange(half...)
      chunks.insert(upper, at: place.chunk + 1)
    }
  }

  private func delete(_ key: [UInt8]) {
    let place = find(key)
    guard place.found else { return }
    chunks[place.chunk].remove(at: place.slot)
    count -= 1
    if chunks[place.chunk].isEmpty { chunks.remove(at: place.chunk) }
  }

  /// Where `key` is, or where it would be put: the last chunk that starts at or below it (or the first one).
  private func find(_ key: [UInt8]) -> (chunk: Int, slot: Int, found: Bool) {
    guard !chunks.isEmpty else { return (0, 0, false) }
    var low = 0
    var high = chunks.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if Self.order(chunks[middle][0].key, key) <= 0 { low = middle } else { high = middle }
    }
    let chunk = low
    low = 0
    high = chunks[chunk].count
    while low < high {
      let middle = (low + high) / 2
      if Self.order(chunks[chunk][middle].key, key) < 0 { low = middle + 1 } else { high = middle }
    }
    let found = low < chunks[chunk].count && chunks[chunk][low].key == key
    return (chunk, low, found)
  }

  /// Below, at or above 0 as `a` sorts before, equals or sorts after `b`.
  private static func order(_ a: [UInt8], _ b: [UInt8]) -> Int {
    let common = a.withUnsafeBytes { p in
      b.withUnsafeBytes { q in
        guard let x = p.baseAddress, let y = q.baseAddress else { return 0 as Int32 }
        return memcmp(x, y, min(p.count, q.count))
      }
    }
    return common != 0 ? Int(common) : a.count - b.count
  }
}
