// LogLedger: how many bytes the log holds behind an index, roughly, so that a bounded window of it is kept.
//
// Invariant: samples are ordered by index and bounded; what was there before this life counts as nothing.
// Not here: cutting (Coordinator+Snapshots, Storage).

import Raft

/// Cumulative bytes of the log by index, in steps of about a hundredth of the window.
struct LogLedger: Sendable {
  private static let samplesMax = 4096
  private let step: UInt64
  private var samples: [(index: UInt64, bytes: UInt64)] = []
  private var total: UInt64 = 0
  private var last: UInt64 = 0

  init(windowBytes: UInt64) { step = max(1, windowBytes / 128) }

  /// Entries joined the log; those after the first one's index that were there before are gone.
  mutating func appended(_ entries: [Entry]) {
    guard let first = entries.first else { return }
    while let sample = samples.last, sample.index >= first.index.value { samples.removeLast() }
    for entry in entries {
      total += UInt64(entry.payload.count) + 64
      last = entry.index.value
      guard total - (samples.last?.bytes ?? 0) >= step else { continue }
      samples.append((last, total))
      if samples.count > Self.samplesMax { samples.removeFirst(Self.samplesMax / 2) }
    }
  }

  /// The highest known index behind which at least `bytes` are left; 0 if there is none.
  func index(keeping bytes: UInt64) -> UInt64 {
    if bytes == 0 { return last }
    guard total >= bytes else { return 0 }
    let limit = total - bytes
    var low = 0
    var high = samples.count
    while low < high {
      let middle = (low + high) / 2
      if samples[middle].bytes <= limit { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? 0 : samples[low - 1].index
  }
}
