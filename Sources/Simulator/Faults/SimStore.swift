// SimStore: the model of the state store: rows in memory that survive a crash only up to the last
// flush.
//
// The real store has one column family and no write-ahead log: batches are lost from the newest on,
// never one in the middle. `StateStoreTests` checks that MemoryStore, which holds the rows, and the
// real store answer alike.
// Not here: when it is flushed (SimNode).

import Storage
import Wire

/// What one node has stored.
struct SimStore {
  /// Durable rows.
  private(set) var flushed = MemoryStore()
  /// Batches that a crash may take, oldest first, with the log index of each.
  private var unflushed: [(rows: RowBatch, index: UInt64)] = []
  private(set) var flushedIndex: UInt64 = 0

  init() {}

  /// A store that was installed.
  init(_ rows: MemoryStore, upTo index: UInt64) {
    flushed = rows
    flushedIndex = index
  }

  var unflushedCount: Int { unflushed.count }

  mutating func write(_ rows: RowBatch, upTo index: UInt64) { unflushed.append((rows, index)) }

  /// Makes everything durable. Returns the index that is covered.
  mutating func flush() -> UInt64 {
    keep(unflushed.count)
    return flushedIndex
  }

  /// The process or the power goes: the store falls back to some batch at or after the last flush.
  mutating func crash(_ random: inout SimRandom) {
    if !unflushed.isEmpty, random.chance(50) { keep(random.below(unflushed.count + 1)) }
    unflushed.removeAll()
  }

  /// An independent copy of what is durable, as a checkpoint is one.
  func copy() -> SimStore {
    var other = SimStore()
    other.flushed = flushed.copy()
    other.flushedIndex = flushedIndex
    return other
  }

  private mutating func keep(_ count: Int) {
    for batch in unflushed[..<count] {
      flushed.write(batch.rows)
      flushedIndex = batch.index
    }
    unflushed.removeFirst(count)
  }
}
