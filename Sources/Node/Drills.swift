// Drills: faults and small sizes that operators and tests switch on through the environment. Nothing here
// is meant for a node that serves customers; without the variables nothing is looked at.
//
//   EXNODE_DRILL_DISK_HANG=FILE     while FILE exists, no log write begins
//   EXNODE_DRILL_WRONG_STATE=FILE   when FILE appears, it is removed, and one value of the state in memory is changed
//   EXNODE_DRILL_SEGMENT_KIB=N      new log segments have N KiB
//   EXNODE_DRILL_FLUSH_KIB=N        the state store is flushed every N KiB of log
//   EXNODE_DRILL_KEPT_KIB=N         so much log stays for followers that lag
//   EXNODE_DRILL_ABSENCE_MS=N       how long an absent member keeps the log from being cut
//   EXNODE_DRILL_HASH_INTERVAL=N    every how many entries the voters compare their states
//
// Not here: a disk that is slow all the time (--added-sync-delay-us).

import Glibc

/// What the environment asks for.
enum Drills {
  /// A hang that is switched on and off by a file.
  struct DiskHang: Sendable {
    fileprivate let path: String

    /// Returns when the file does not exist.
    func wait() {
      while access(path, F_OK) == 0 { usleep(5000) }
    }
  }

  /// A flaw in the state that appears once for each time that a file does.
  struct WrongState: Sendable {
    fileprivate let path: String

    /// Whether the flaw is due.
    func take() -> Bool { access(path, F_OK) == 0 && unlink(path) == 0 }
  }

  static func wrongState() -> WrongState? { text("WRONG_STATE").map { WrongState(path: $0) } }
  static func diskHang() -> DiskHang? { text("DISK_HANG").map { DiskHang(path: $0) } }
  static func segmentBytes() -> Int? { number("SEGMENT_KIB", 16...(1 << 20)).map { $0 / 4 * 4096 } }
  static func flushBytes() -> Int? { number("FLUSH_KIB", 1...(1 << 20)).map { $0 << 10 } }
  static func keptBytes() -> Int? { number("KEPT_KIB", 1...(1 << 20)).map { $0 << 10 } }
  static func absenceMilliseconds() -> Int? { number("ABSENCE_MS", 10...100_000_000) }
  static func hashInterval() -> Int? { number("HASH_INTERVAL", 1...1_000_000) }

  private static func text(_ name: String) -> String? {
    guard let value = getenv("EXNODE_DRILL_" + name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }

  private static func number(_ name: String, _ range: ClosedRange<Int>) -> Int? {
    text(name).flatMap { Int($0) }.flatMap { range.contains($0) ? $0 : nil }
  }
}
