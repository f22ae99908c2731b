// StoreBuffer: collects row changes in memory and writes them to the state store in larger, sorted batches.
//
// Most rows change many times in a second (balances, counters, candles); only their last value needs
// to reach RocksDB, and sorted keys make its insertions cheap (measured: the store was 40 % of a loaded
// node's CPU without this).
//
// Invariants:
//   * a read sees every change: it writes out first
//   * what is written out is everything up to one log index, in one batch, so the store is never torn
//   * at most `changesMax` changes wait (and one run more)
// Safe without a log of its own: after a crash the rows are made again from the Raft log.
// Not here: when the store is flushed to disk (Node), what the rows mean.

import Glibc
import Wire

/// A write-behind buffer in front of a `StateStore`. Used by the thread that owns the store.
public final class StoreBuffer: RowReader {
  /// Changes that wait before they are written out.
  public static let changesMax = 8192

  private let store: StateStore
  private var waiting: [RowChange] = []
  private var waitingIndex: UInt64
  /// The log index up to which everything has been written to the store.
  public private(set) var writtenIndex: UInt64

  /// `index`: what the store covers now.
  public init(_ store: StateStore, writtenUpTo index: UInt64) {
    self.store = store
    waitingIndex = index
    writtenIndex = index
  }

  /// Takes the changes of a run of log entries that ends at `index`.
  public func write(_ rows: RowBatch, upTo index: UInt64) throws(StorageError) {
    precondition(index >= waitingIndex, "runs are stored in order")
    waiting.append(contentsOf: rows.changes)
    waitingIndex = index
    if waiting.count >= Self.changesMax { try writeOut() }
  }

  /// Writes what waits to the store.
  ///
  /// - Complexity: O(n log n) in the changes that wait.
  public func writeOut() throws(StorageError) {
    if !waiting.isEmpty {
      try store.write(Self.last(of: waiting))
      waiting.removeAll(keepingCapacity: true)
    }
    writtenIndex = waitingIndex
  }

  public func row(_ key: [UInt8]) throws -> [UInt8]? {
    try writeOut()
    return try store.row(key)
  }

  public func scan(
    from: [UInt8], upTo: [UInt8], reverse: Bool, _ body: (_ key: [UInt8], _ value: [UInt8]) -> Bool
  ) throws {
    try writeOut()
    try store.scan(from: from, upTo: upTo, reverse: reverse, body)
  }

  /// The first 24 bytes of a key as numbers that sort as the bytes do, and where its change stands.
  private struct Place {
    let high: UInt64
    let middle: UInt64
    let low: UInt64
    let at: Int
  }

  /// The last change of each key, in key order.
  static func last(of changes: [RowChange]) -> RowBatch {
    var places: [Place] = []
    places.reserveCapacity(changes.count)
    for at in changes.indices { places.append(place(of: changes[at].key, at)) }
    places.sort { a, b in
      if a.high != b.high { return a.high < b.high }
      if a.middle != b.middle { return a.middle < b.middle }
      if a.low != b.low { return a.low < b.low }
      let order = compare(changes[a.at].key, changes[b.at].key)
      return order != 0 ? order < 0 : a.at < b.at
    }
    var batch = RowBatch()
    for (position, place) in places.enumerated() {
      let next = position + 1 < places.count ? places[position + 1] : nil
      let change = changes[place.at]
      if let next, next.high == place.high, next.middle == place.middle,
        next.low == place.low, changes[next.at].key == change.key
      {
        continue
      }
      if let value = change.value { batch.put(change.key, value) } else { batch.delete(change.key) }
    }
    return batch
  }

  private static func place(of key: [UInt8], _ at: Int) -> Place {
    var words: (UInt64, UInt64, UInt64) = (0, 0, 0)
    key.withUnsafeBytes { bytes in
      withUnsafeMutableBytes(of: &words) {
        $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(24)))
      }
    }
    return Place(
      high: words.0.bigEndian, middle: words.1.bigEndian, low: words.2.bigEndian, at: at)
  }

  /// Below 0, 0 or above 0, as the bytes sort.
  private static func compare(_ a: [UInt8], _ b: [UInt8]) -> Int {
    let order = a.withUnsafeBytes { x in
      b.withUnsafeBytes { y in
        guard let p = x.baseAddress, let q = y.baseAddress else { return 0 }
        return Int(memcmp(p, q, min(x.count, y.count)))
      }
    }
    return order != 0 ? order : a.count - b.count
  }
}
