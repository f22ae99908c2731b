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
  private var waiting = RowBatch()
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
    waiting.append(rows)
    waitingIndex = index
    if waiting.count >= Self.changesMax { try writeOut() }
  }

  /// Writes what waits to the store.
  ///
  /// - Complexity: O(n log n) in the changes that wait.
  public func writeOut() throws(StorageError) {
    if !waiting.isEmpty {
      try store.write(Self.last(of: waiting))
      waiting.removeAll()
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
  static func last(of changes: RowBatch) -> RowBatch {
    var places: [Place] = []
    places.reserveCapacity(changes.count)
    for at in 0..<changes.count {
      places.append(changes.withChange(at: at) { key, _ in place(of: key, at) })
    }
    places.sort { a, b in
      if a.high != b.high { return a.high < b.high }
      if a.middle != b.middle { return a.middle < b.middle }
      if a.low != b.low { return a.low < b.low }
      let order = compare(a.at, b.at, in: changes)
      return order != 0 ? order < 0 : a.at < b.at
    }
    var batch = RowBatch()
    for (position, place) in places.enumerated() {
      let next = position + 1 < places.count ? places[position + 1] : nil
      if let next, next.high == place.high, next.middle == place.middle,
        next.low == place.low, compare(next.at, place.at, in: changes) == 0
      {
        continue
      }
      batch.append(place.at, of: changes)
    }
    return batch
  }

  private static func place(of key: UnsafeRawBufferPointer, _ at: Int) -> Place {
    var words: (UInt64, UInt64, UInt64) = (0, 0, 0)
    withUnsafeMutableBytes(of: &words) {
      $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: key.prefix(24)))
    }
    return Place(
      high: words.0.bigEndian, middle: words.1.bigEndian, low: words.2.bigEndian, at: at)
  }

  /// Below 0, 0 or above 0, as the keys of two changes sort.
  private static func compare(_ a: Int, _ b: Int, in changes: RowBatch) -> Int {
    changes.withChange(at: a) { x, _ in
      changes.withChange(at: b) { y, _ in
        guard let p = x.baseAddress, let q = y.baseAddress else { return x.count - y.count }
        let order = Int(memcmp(p, q, min(x.count, y.count)))
        return order != 0 ? order : x.count - y.count
      }
    }
  }
}
