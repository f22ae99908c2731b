// SpaceWatch: looks at the free space of the data directory's file system, and tells when it becomes low.
//
// Invariant: low and not low lie apart, so that a value in between changes nothing.
// Not here: what low space leads to (Replica), the log's own reserve (Storage).

import Glibc
import Logging

/// The thread that watches the disk's free space.
struct SpaceWatch: Sendable {
  let path: String
  /// Below this many bytes space is low.
  let reserve: UInt64
  let queues: NodeQueues
  let shared: NodeShared
  /// Microseconds between two looks.
  private static let pause: Int64 = 250_000

  /// Runs until `.stop`.
  func run() {
    var stop: [WatchEvent] = []
    var isLow = false
    while stop.isEmpty {
      if let free = Self.freeBytes(path) {
        shared.freeBytes.store(free, ordering: .relaxed)
        let nowLow = free < (isLow ? reserve + reserve / 4 : reserve)
        if nowLow != isLow {
          isLow = nowLow
          queues.core.post(.space(isLow: isLow))
        }
      }
      queues.watch.take(into: &stop, until: SystemClock.monotonic() + Self.pause)
    }
  }

  /// What an ordinary process may still write; `nil` if the system does not say.
  static func freeBytes(_ path: String) -> UInt64? {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return nil }
    return UInt64(status.f_bavail) * UInt64(status.f_frsize)
  }
}
