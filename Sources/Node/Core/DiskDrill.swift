// DiskDrill: a disk that hangs on demand, for drills and tests.
//
// EXNODE_DRILL_DISK_HANG names a file; while it exists, no log write begins. Without the variable
// nothing is looked at.
//
// Not here: a disk that is slow all the time (--added-sync-delay-us).

import Glibc

/// A hang that an operator switches on and off by a file.
struct DiskDrill: Sendable {
  private let path: String

  /// `nil` unless the variable is set.
  init?() {
    guard let value = getenv("EXNODE_DRILL_DISK_HANG") else { return nil }
    path = String(cString: value)
    if path.isEmpty { return nil }
  }

  /// Returns when the file does not exist.
  func hang() {
    while access(path, F_OK) == 0 { usleep(5000) }
  }
}
