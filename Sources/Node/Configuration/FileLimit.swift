// FileLimit: how many files the process may have open, and how many of them clients may have.
//
// A log segment or a table that finds no free file number ends the node. So connections never get the last ones.
// Not here: how many connections there may be at most (HTTPLimits, StreamLimits).

import Glibc

/// The system's limit of open files.
enum FileLimit {
  private static let wanted: rlim_t = 65_536
  /// For the log, the state store, snapshots and peers.
  private static let own = 1024

  /// Raises it as far as the system lets: every connection is a file, and the system's default of 1024 is too few.
  ///
  /// - Returns: how many connections of clients leave the node enough for itself: half, or all but its own.
  static func raise() -> Int {
    let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard getrlimit(files, &limit) == 0 else { return own / 2 }
    var raised = limit
    raised.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, wanted))
    let isRaised = setrlimit(files, &raised) == 0
    // Without a limit there is one still, so that nobody's sums overflow.
    let open = min(Int(clamping: isRaised ? raised.rlim_cur : limit.rlim_cur), 1 << 30)
    return open - min(own, open / 2)
  }
}
