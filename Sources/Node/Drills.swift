// Drills: faults and small sizes that operators and tests switch on through the environment. Nothing here
// is meant for a node that serves customers; without the variables nothing is looked at.
//
//   EXNODE_DRILL_DISK_HANG=FILE     while FILE exists, no log write begins
//   EXNODE_DRILL_WRONG_STATE=FILE   when FILE appears, it is removed, and one value of the state in memory is changed
//   EXNODE_DRILL_WRONG_ROW=FILE     when FILE appears, it is removed, and one stored row is changed, but not the memory
//   EXNODE_DRILL_DEAF=FILE          while FILE exists, messages of the nodes whose numbers it holds are dropped
//   EXNODE_DRILL_SEGMENT_KIB=N      new log segments have N KiB
//   EXNODE_DRILL_FLUSH_KIB=N        the state store is flushed every N KiB of log
//   EXNODE_DRILL_KEPT_KIB=N         so much log stays for followers that lag
//   EXNODE_DRILL_ABSENCE_MS=N       how long an absent member keeps the log from being cut
//   EXNODE_DRILL_NEWEST_LEVEL=N     the node plays an older program, which applies levels up to N only
//   EXNODE_DRILL_HASH_INTERVAL=N    every how many entries the voters compare their states
//
// Not here: a disk that is slow all the time (--added-sync-delay-us).

import Engine
import Glibc
import Raft
import Storage
import Wire

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

  /// A row that is wrong in the store alone.
  struct WrongRow: Sendable {
    fileprivate let path: String

    /// Changes a row that seldom changes, if the flaw is due. Whoever reads all rows finds that they do not add up.
    func strike(_ store: StoreBuffer) throws {
      guard access(path, F_OK) == 0 else { return }
      var batch = RowBatch()
      try store.scan(prefix: EngineRows.balancePrefix(account: .custody)) { key, value in
        var wrong = value
        wrong[wrong.count - 1] ^= 1
        batch.put(key, wrong)
        return false
      }
      guard !batch.isEmpty else { return }
      try store.write(batch, upTo: store.writtenIndex)
      try store.writeOut()
      unlink(path)
    }
  }

  /// One side of a cut between nodes; the connections stay open.
  struct Deafness: Sendable {
    fileprivate let path: String

    /// Whether a message of `node` is lost.
    func drops(_ node: NodeID) -> Bool {
      guard let file = fopen(path, "r") else { return false }
      defer { fclose(file) }
      var bytes = [UInt8](repeating: 0, count: 64)
      let count = fread(&bytes, 1, bytes.count, file)
      return String(decoding: bytes[..<count], as: UTF8.self)
        .split(whereSeparator: \.isWhitespace).contains { UInt64($0) == node.value }
    }
  }

  static func wrongRow() -> WrongRow? { text("WRONG_ROW").map { WrongRow(path: $0) } }
  static func deafness() -> Deafness? { text("DEAF").map { Deafness(path: $0) } }
  static func wrongState() -> WrongState? { text("WRONG_STATE").map { WrongState(path: $0) } }
  static func diskHang() -> DiskHang? { text("DISK_HANG").map { DiskHang(path: $0) } }
  static func segmentBytes() -> Int? { number("SEGMENT_KIB", 16...(1 << 20)).map { $0 / 4 * 4096 } }
  static func flushBytes() -> Int? { number("FLUSH_KIB", 1...(1 << 20)).map { $0 << 10 } }
  static func keptBytes() -> Int? { number("KEPT_KIB", 1...(1 << 20)).map { $0 << 10 } }
  static func absenceMilliseconds() -> Int? { number("ABSENCE_MS", 10...100_000_000) }
  static func hashInterval() -> Int? { number("HASH_INTERVAL", 1...1_000_000) }

  /// The highest level that this node applies.
  static func newestLevel() -> UInt32 {
    let levels = Int(Behaviour.first)...Int(Behaviour.newest)
    return number("NEWEST_LEVEL", levels).map { UInt32($0) } ?? Behaviour.newest
  }

  private static func text(_ name: String) -> String? {
    guard let value = getenv("EXNODE_DRILL_" + name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }

  private static func number(_ name: String, _ range: ClosedRange<Int>) -> Int? {
    text(name).flatMap { Int($0) }.flatMap { range.contains($0) ? $0 : nil }
  }
}
