// SimulatedDisk: one node's log on a disk that takes its time and forgets what was not finished.
//
// Invariant: writes become durable in order, each whole or not at all.

import Raft

/// A log disk. `durable` survives a crash, the queue does not.
struct SimulatedDisk {
  struct Queued {
    var write: LogWrite
    var due: Int
  }

  private(set) var hardState = HardState()
  /// Entry `i` stands at `entries[i - 1]`.
  private(set) var entries: [Entry] = []
  private(set) var queue: [Queued] = []
  /// What the log held when entries were removed last, and the last entry that stayed.
  private(set) var replaced: (entries: [Entry], after: LogIndex)?

  var last: LogIndex { LogIndex(UInt64(entries.count)) }

  func term(at index: LogIndex) -> Term? {
    if index == .zero { return .zero }
    return index <= last ? entries[Int(index.value) - 1].term : nil
  }

  mutating func enqueue(_ write: LogWrite, due: Int) {
    queue.append(Queued(write: write, due: max(due, queue.last?.due ?? 0)))
  }

  /// Finishes the oldest write if its time has come.
  mutating func finishNext(now: Int) -> LogWrite? {
    guard let first = queue.first, first.due <= now else { return nil }
    queue.removeFirst()
    if let after = first.write.truncateAfter {
      if after < last { replaced = (entries, after) }
      entries.removeLast(entries.count - Int(after.value))
    }
    entries.append(contentsOf: first.write.entries)
    if let hardState = first.write.hardState { self.hardState = hardState }
    return first.write
  }

  mutating func crash() { queue.removeAll() }

  mutating func loseHardState() { hardState = HardState() }

  /// Everything becomes another node's log, as a snapshot does in effect.
  mutating func replace(_ entries: [Entry]) {
    precondition(queue.isEmpty)
    replaced = nil
    self.entries = entries
    if let last = entries.last, last.term > hardState.term {
      hardState = HardState(term: last.term)
    }
  }

  /// The record of the last removal is damaged, and all behind it is lost: what was removed stands again.
  mutating func forgetRemoval() {
    guard let replaced else { return }
    entries = replaced.entries
    self.replaced = nil
  }

  /// A disk that comes back without its newest entries: a fault that Raft does not promise to survive.
  mutating func lose(after index: LogIndex) {
    precondition(queue.isEmpty)
    replaced = nil
    entries.removeLast(entries.count - Int(index.value))
  }
}
