// Histogram: how often something took how long, in Prometheus' buckets.
//
// Invariant: any thread may add and read; a reading may be torn between its counters, and its total is
// the sum of the buckets that it read.
// Not here: the text form of other metrics (Metrics).

import Synchronization

/// Counts of amounts at or below fixed bounds.
final class Histogram: Sendable {
  /// Microseconds, from a quick sync to a hanging disk.
  static let times: [UInt64] = [
    50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 5_000_000,
  ]
  static let sizes: [UInt64] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]

  private let bounds: [UInt64]
  private let buckets: [Counter]
  private let sum = Counter()
  /// What one unit is worth in the text form.
  private let scale: Double

  init(bounds: [UInt64], scale: Double = 1) {
    self.bounds = bounds
    self.scale = scale
    buckets = (0...bounds.count).map { _ in Counter() }
  }

  /// Of microseconds, shown in seconds.
  static func ofTimes() -> Histogram { Histogram(bounds: times, scale: 1e-6) }

  func add(_ amount: UInt64) {
    buckets[bounds.firstIndex { amount <= $0 } ?? bounds.count].add()
    sum.add(amount)
  }

  /// The microseconds since `start` on the monotonic clock.
  func add(since start: Int64) { add(UInt64(max(0, SystemClock.monotonic() - start))) }

  /// The lines of the text form.
  func text(_ name: String, _ help: String) -> String {
    var out = "# HELP castle_\(name) \(help)\n# TYPE castle_\(name) histogram\n"
    var total: UInt64 = 0
    for (bound, bucket) in zip(bounds, buckets) {
      total += bucket.current
      out += "castle_\(name)_bucket{le=\"\(shown(bound))\"} \(total)\n"
    }
    total += buckets[bounds.count].current
    out += "castle_\(name)_bucket{le=\"+Inf\"} \(total)\n"
    out += "castle_\(name)_sum \(shown(sum.current))\ncastle_\(name)_count \(total)\n"
    return out
  }

  private func shown(_ amount: UInt64) -> String {
    scale == 1 ? "\(amount)" : "\(Double(amount) * scale)"
  }
}
