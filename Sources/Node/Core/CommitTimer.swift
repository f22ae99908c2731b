// CommitTimer: how long this leader's entries take from proposal to commit.
//
// Invariant: bounded; entries beyond the bound are not measured.
// Not here: who measures what else (Metrics).

import Raft

/// The proposals under way, oldest first.
struct CommitTimer {
  private static let watchedMax = 4096
  private var proposed: [(index: UInt64, at: Int64)] = []

  /// Notes entries that a leader wrote to its log at `now`.
  mutating func note(_ writes: [LogWrite], at now: Int64) {
    for write in writes {
      guard let last = write.entries.last, proposed.count < Self.watchedMax else { continue }
      proposed.append((last.index.value, now))
    }
  }

  /// Measures what is committed by now.
  mutating func measure(committed: UInt64, into times: Histogram) {
    let done = proposed.firstIndex { $0.index > committed } ?? proposed.count
    guard done > 0 else { return }
    for proposal in proposed[..<done] { times.add(since: proposal.at) }
    proposed.removeFirst(done)
  }

  /// Another node leads: what was under way is not ours to measure.
  mutating func reset() { proposed.removeAll(keepingCapacity: true) }
}
