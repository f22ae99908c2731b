// LogStoreTests: reading, cutting, spares and the real disk.
//
// Not here: crashes (LogCrashTests) and damage (LogDamageTests).

import Raft
import Storage
import TestSupport
import Testing

@Suite struct LogStoreTests {
  private func entry(_ index: UInt64, term: UInt64 = 1, bytes: Int = 100) -> Entry {
    Entry(
      id: EntryID(term: Term(term), index: LogIndex(index)), kind: .command,
      payload: [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: bytes))
  }

  private func write(_ entries: [Entry], truncateAfter: UInt64? = nil) -> [LogWrite] {
    [
      LogWrite(
        sequence: 1, truncateAfter: truncateAfter.map { LogIndex($0) }, entries: entries)
    ]
  }

  private func open(_ disk: any Disk, _ path: String = "/log") throws -> (LogStore, RecoveredLog) {
    try LogStore.open(
      disk: disk, directory: path, identity: LogScenario.identity, options: LogScenario.options)
  }

  @Test func `a new log is empty, and what was written is there after reopening`() throws {
    let directory = TemporaryDirectory()
    let disk = LinuxDisk()
    do {
      let (store, found) = try open(disk, directory.file("log"))
      #expect(found.tail == .empty && found.last == .zero && found.first == LogIndex(1))
      try store.write(write((1...20).map { entry($0, bytes: 3000) }))
      try store.write([
        LogWrite(
          sequence: 2,
          hardState: HardState(term: Term(4), vote: NodeID(2), commit: LogIndex(3)))
      ])
      #expect(store.syncCount > 2 && store.bytesWritten > 60_000)
    }
    let (_, found) = try open(disk, directory.file("log"))
    #expect(found.tail == .clean)
    #expect(found.hardState == HardState(term: Term(4), vote: NodeID(2), commit: LogIndex(3)))
    #expect(try found.entries(after: .zero) == (1...20).map { entry($0, bytes: 3000) })
    #expect(try found.entries(after: LogIndex(18)).map(\.index.value) == [19, 20])
    let report = try LogStore.verify(disk: disk, directory: directory.file("log"))
    #expect(report.damages.isEmpty && report.last == found.last)
    #expect(report.segments.reduce(0) { $0 + $1.entries } == 20)
  }

  @Test func `reading gives at least one entry and stops at the limit`() throws {
    let (store, _) = try open(FaultDisk())
    try store.write(write((1...3).map { entry($0, bytes: 50) }))
    try store.write(write((4...9).map { entry($0, term: 2, bytes: 50) }))
    let one = try store.read(after: .zero, bytesMax: 1)
    #expect(one.after == .zero && one.entries == [entry(1, bytes: 50)])
    let some = try store.read(after: LogIndex(3), bytesMax: 130)
    #expect(some.after == EntryID(term: Term(1), index: LogIndex(3)))
    #expect(some.entries.map(\.index.value) == [4, 5])
    let all = try store.read(after: LogIndex(1), bytesMax: 1 << 20)
    #expect(all.entries.map(\.index.value) == Array(2...9))
    let none = try store.read(after: LogIndex(9), bytesMax: 100)
    #expect(none.after == EntryID(term: Term(2), index: LogIndex(9)) && none.entries.isEmpty)
    #expect(throws: StorageError.self) { try store.read(after: LogIndex(10), bytesMax: 1) }
  }

  @Test func `reading shows the newest of entries that were replaced`() throws {
    let (store, _) = try open(FaultDisk())
    try store.write(write([entry(1), entry(2), entry(3)]))
    try store.write(write([entry(2, term: 2)], truncateAfter: 1))
    try store.write(
      write([entry(3, term: 2), entry(4, term: 2)])
        + write([entry(4, term: 3)], truncateAfter: 3))
    let found = try store.read(after: .zero, bytesMax: 1 << 20).entries.map { "\($0.id)" }
    #expect(found == ["1.1", "2.2", "2.3", "3.4"])
    #expect((0...4).map { store.term(at: LogIndex($0))?.value } == [0, 1, 2, 2, 3])
    #expect(store.term(at: LogIndex(5)) == nil)
  }

  @Test func `cutting removes whole segments behind the index and nothing else`() throws {
    let disk = FaultDisk()
    let (store, _) = try open(disk)
    for index in UInt64(1)...30 { try store.write(write([entry(index, bytes: 5000)])) }
    let before = try disk.list("/log").count
    store.stateIsDurable(upTo: LogIndex(30))
    try store.cut(upTo: LogIndex(1))
    #expect(try disk.list("/log").count == before)
    try store.cut(upTo: LogIndex(20))
    #expect(try disk.list("/log").count < before)
    let base = store.bounds.base.index
    #expect(base <= LogIndex(20) && base > .zero)
    #expect(try store.read(after: LogIndex(20), bytesMax: 1 << 20).entries.count == 10)
    #expect(throws: StorageError.self) { try store.read(after: .zero, bytesMax: 1) }
    try store.cut(upTo: LogIndex(30))
    #expect(store.bounds.last.index == LogIndex(30))
    try store.write(write([entry(31)]))
    let (_, found) = try open(disk.after(.power))
    #expect(found.last.index == LogIndex(31) && found.tail == .clean)
    #expect(found.base == store.bounds.base)
  }

  @Test func `a cut of many segments can be done in small steps, each of them whole`() throws {
    let disk = FaultDisk()
    let (store, _) = try open(disk)
    for index in UInt64(1)...30 { try store.write(write([entry(index, bytes: 5000)])) }
    let (other, _) = try open(FaultDisk())
    for index in UInt64(1)...30 { try other.write(write([entry(index, bytes: 5000)])) }
    store.stateIsDurable(upTo: LogIndex(20))
    other.stateIsDurable(upTo: LogIndex(20))
    #expect(try other.cut(upTo: LogIndex(20)) == false)
    var steps = 0
    var more = true
    while more {
      let before = try disk.list("/log").count
      let base = store.bounds.base
      more = try store.cut(upTo: LogIndex(20), segmentsMax: 1)
      steps += 1
      #expect(try disk.list("/log").count == before - 1)
      #expect(store.bounds.base > base)
      let (_, found) = try open(disk.after(.power))
      #expect(found.tail == .clean && found.base == store.bounds.base)
    }
    #expect(steps > 1)
    #expect(store.bounds.base == other.bounds.base)
    #expect(try store.cut(upTo: LogIndex(20), segmentsMax: 1) == false)
  }

  @Test func `a truncation below the first kept segment keeps the term of the entry it leaves`()
    throws
  {
    let disk = FaultDisk()
    let (store, _) = try open(disk)
    for index in UInt64(1)...12 { try store.write(write([entry(index, bytes: 5000)])) }
    try store.write(write([entry(7, term: 2, bytes: 5000)], truncateAfter: 6))
    for index in UInt64(8)...20 { try store.write(write([entry(index, term: 2, bytes: 5000)])) }
    store.stateIsDurable(upTo: LogIndex(6))
    try store.cut(upTo: LogIndex(6))
    #expect(store.bounds.base > .zero)
    let (_, found) = try open(disk.after(.power))
    #expect(found.tail == .clean && found.base.index <= LogIndex(6))
    #expect(found.term(at: LogIndex(6)) == Term(1) && found.term(at: LogIndex(7)) == Term(2))
    #expect(try found.entries(after: LogIndex(6)).count == 14)
  }

  @Test func `a ready segment saves the switch from making one`() throws {
    let disk = FaultDisk()
    let (store, _) = try open(disk)
    try store.prepareSpare()
    #expect(!store.needsSpare)
    disk.setFaults(FaultDisk.Faults())
    try store.write(write((1...3).map { entry($0, bytes: 7000) }))
    #expect(disk.calls == 2, "one write, one sync")
    try store.write(write([entry(4, bytes: 7000)]))
    #expect(disk.calls == 6, "head and group, each with one sync")
    #expect(store.needsSpare)
    try store.prepareSpare()
    let names = try disk.list("/log")
    let (reopened, _) = try open(disk.after(.power))
    #expect(!reopened.needsSpare, "the spare of the last run is found again")
    #expect(try disk.list("/log") == names)
  }

  @Test func `many writes are one group with one sync`() throws {
    let disk = FaultDisk()
    let (store, _) = try open(disk)
    let syncs = store.syncCount
    let writes = (1...30).map { LogWrite(sequence: $0, entries: [entry($0, bytes: 10)]) }
    try store.write(writes)
    #expect(store.syncCount == syncs + 1)
    let commit = HardState(commit: LogIndex(30))
    try store.write([LogWrite(sequence: 31, hardState: commit), LogWrite(sequence: 32)])
    #expect(store.syncCount == syncs + 1, "a commit index alone waits for the next group")
  }

  @Test func `readers work beside the writer`() async throws {
    let directory = TemporaryDirectory()
    let (store, _) = try open(LinuxDisk(), directory.file("log"))
    let reader = Task.detached { () throws -> Int in
      var position = LogIndex.zero
      while position < LogIndex(200) {
        let piece = try store.read(after: position, bytesMax: 4000)
        for entry in piece.entries {
          #expect(entry.index == position.next)
          position = entry.index
        }
        if store.needsSpare { try store.prepareSpare() }
        await Task.yield()
      }
      return Int(position.value)
    }
    for index in UInt64(1)...200 { try store.write(write([entry(index, bytes: 2000)])) }
    #expect(try await reader.value == 200)
  }
}
