// LogScrubTests: reading cold segments and snapshots again finds every damage, and finds none where there is none.
//
// Not here: damage at start (LogDamageTests).

import Raft
import Storage
import TestSupport
import Testing

@Suite struct LogScrubTests {
  /// All damage of one round.
  private func round(_ store: LogStore, bytes: Int) -> (damages: [LogDamage], steps: Int) {
    var cursor = ScrubCursor()
    var damages: [LogDamage] = []
    var steps = 0
    while cursor.rounds == 0 {
      damages += store.scrub(&cursor, bytes: bytes)
      steps += 1
    }
    return (damages, steps)
  }

  @Test func `a scrub reads every cold block once, in steps`() throws {
    let (disk, _, report) = try LogRepairTests.finished()
    let (store, _) = try LogRepairTests.open(disk)
    let blocks = report.segments.dropLast().reduce(0) { $0 + $1.bytesUsed / 4096 }
    let single = round(store, bytes: 1)
    #expect(single.damages.isEmpty && single.steps == blocks + 1)
    #expect(round(store, bytes: 1 << 20).steps == report.segments.count)
    try LogRepairTests.write(store, 10)
    try store.reset(to: EntryID(term: Term(9), index: LogIndex(1000)))
    #expect(round(store, bytes: 8192).damages.isEmpty)
  }

  @Test func `a scrub names every damaged block`() throws {
    let (disk, _, report) = try LogRepairTests.finished()
    let (store, _) = try LogRepairTests.open(disk)
    var random = SeededRandom(5)
    for segment in report.segments.dropLast() {
      for block in 0..<segment.bytesUsed / 4096 {
        let before = disk.bytes(segment.file)
        let start = block * 4096
        switch block % 3 {
        case 0:
          let byte = start + Int.random(in: 0..<4096, using: &random)
          disk.flip(segment.file, byte: byte, bit: 1)
        case 1:
          disk.damage(segment.file) { bytes in
            for byte in start..<start + 4096 { bytes[byte] = 0 }
          }
        default:
          // A write that went to the wrong place: a whole block of the same log.
          let other = disk.bytes(report.segments[0].file)
          disk.damage(segment.file) {
            $0.replaceSubrange(start..<start + 4096, with: other[..<4096])
          }
        }
        let found = round(store, bytes: 1 << 20).damages
        #expect(
          found.contains { $0.file == segment.file && $0.offset == start },
          "\(segment.file) block \(block): \(found)")
        disk.damage(segment.file) { $0 = before }
      }
    }
    #expect(round(store, bytes: 1 << 20).damages.isEmpty)
  }

  @Test func `what a repair left behind is no damage`() throws {
    let (disk, _, report) = try LogRepairTests.finished()
    disk.flip(report.segments[1].file, byte: 3 * 4096 + 300, bit: 3)
    let (store, _) = try LogRepairTests.open(disk)
    try store.repair()
    try LogRepairTests.write(store, 5)
    #expect(round(store, bytes: 4096).damages.isEmpty)
    #expect(round(try LogRepairTests.open(disk.after(.power)).0, bytes: 4096).damages.isEmpty)
  }

  @Test func `a scrub of snapshots goes through all files, and takes a damaged one off the list`()
    throws
  {
    let disk = FaultDisk()
    let store = try SnapshotStore.open(disk: disk, directory: "/s")
    #expect(store.scrub() == nil)
    let first = try ModelSnapshot(index: 10, tables: [1, 2]).make(store, disk)
    let second = try ModelSnapshot(index: 20, tables: [3]).make(store, disk)
    let files = first.manifest.files.count + second.manifest.files.count
    for _ in 0..<2 * files { #expect(store.scrub() == nil) }
    let path = second.directory + "/000001.sst"
    disk.flip(path, byte: 77, bit: 7)
    let found = (0..<files).compactMap { _ in store.scrub() }
    #expect(found.map(\.path) == [path])
    #expect(store.latest == first && store.ignored.map(\.path) == [path])
  }
}
