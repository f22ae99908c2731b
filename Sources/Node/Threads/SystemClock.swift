// SystemClock: the only place that reads the machine's clocks.
//
// Not here: cluster time (Replica computes it from these readings).

import Glibc

/// The machine's clocks, in microseconds.
enum SystemClock {
  /// Since an arbitrary start, never backwards.
  static func monotonic() -> Int64 { read(CLOCK_MONOTONIC) }

  /// Since 1970.
  static func wall() -> Int64 { read(CLOCK_REALTIME) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    precondition(clock_gettime(clock, &time) == 0, "the clock cannot be read")
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }
}
