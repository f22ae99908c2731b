// SpaceWatch: looks at the free space of the data directory's file system, and tells when it becomes low.
//
// Not here: what low space leads to (Replica), when it counts as low, and the log's reserve (Storage).

import Glibc
import Logging
import Storage

/// The thread that watches the disk's free space.
struct SpaceWatch: Sendable {
  let reserve: SpaceReserve
  let queues: NodeQueues
  let shared: NodeShared
  /// Microseconds between two looks.
  private static let pause: Int64 = 250_000

  /// Runs until `.stop`.
  func run() {
    var stop: [WatchEvent] = []
    var isLow = false
    while stop.isEmpty {
      if let report = try? reserve.check() {
        shared.freeBytes.store(UInt64(max(0, report.freeBytes)), ordering: .relaxed)
        if report.isLow != isLow {
          isLow = report.isLow
          queues.core.post(.space(isLow: isLow))
        }
      }
      queues.watch.take(into: &stop, until: SystemClock.monotonic() + Self.pause)
    }
  }
}
