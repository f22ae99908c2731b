// LogResetTests: a log follows a state store that was installed from a snapshot.
//
// Not here: installing (SnapshotCrashTests).

import Raft
import Storage
import TestSupport
import Testing

@Suite struct LogResetTests {
  private func id(_ term: UInt64, _ index: UInt64) -> EntryID {
    EntryID(term: Term(term), index: LogIndex(index))
  }

  @Test func `entries after the snapshot stay if the log holds its entry`() throws {
    let (disk, log, _) = try LogRepairTests.finished()
    let (store, _) = try LogRepairTests.open(disk)
    let calls = disk.calls
    let kept = try store.reset(to: log.entries[3].id)
    #expect(kept.base == .zero && kept.last == log.last && disk.calls == calls)
  }

  @Test func `a log that ends before the snapshot, or differs from it, begins after it`() throws {
    for base in [id(5, 100), id(7, 100), id(4, 16)] {
      let (disk, log, report) = try LogRepairTests.finished()
      #expect(log.entries.first { $0.id == base } == nil)
      let (store, _) = try LogRepairTests.open(disk)
      let reset = try store.reset(to: base)
      #expect(reset.base == base && reset.last == base && reset.first == base.index.next)
      #expect(reset.hardState.term == max(log.hardState.term, base.term))
      #expect(reset.hardState.vote == (base.term > log.hardState.term ? nil : log.hardState.vote))
      #expect(reset.hardState.commit == base.index)
      #expect(reset.term(at: base.index) == base.term && reset.term(at: LogIndex(1)) == nil)
      try LogRepairTests.write(store, 4)
      store.stateIsDurable(upTo: base.index)
      try store.cut(upTo: base.index)
      let left = try LogStore.verify(disk: disk, directory: LogScenario.directory)
      #expect(left.segments.first?.number ?? 0 >= report.segments.last?.number ?? .max)
      let found = try LogRepairTests.open(disk.after(.power)).1
      #expect(found.base == base && found.last.index.value == base.index.value + 4)
      #expect(try found.entries(after: base.index).count == 4)
    }
  }

  @Test func `a log that begins after the state store is refused: entries are missing`() throws {
    let (disk, log, _) = try LogRepairTests.finished()
    let (store, _) = try LogRepairTests.open(disk)
    try store.reset(to: id(7, 100))
    let error = #expect(throws: StorageError.self) { try store.reset(to: log.entries[3].id) }
    #expect(error?.description.contains("a snapshot must be fetched") == true)
    try LogRepairTests.write(store)
  }

  @Test func `a reset keeps the claim of a repaired log`() throws {
    let (disk, log, report) = try LogRepairTests.finished()
    disk.flip(report.segments[1].file, byte: 2 * 4096 + 300, bit: 3)
    let (store, _) = try LogRepairTests.open(disk)
    try store.repair()
    #expect(try store.reset(to: id(7, 100)).suspect == .upTo(log.last))
    #expect(try LogRepairTests.open(disk.after(.power)).1.suspect == .upTo(log.last))
  }

  @Test func `a reset survives a stop after any disk operation`() throws {
    let (whole, log, _) = try LogRepairTests.finished()
    let base = id(7, 100)
    var stopAfter = 0
    var finished = false
    while !finished {
      let disk = whole.after(.power)
      disk.setFaults(FaultDisk.Faults(stopAfter: stopAfter))
      var wasReset = false
      if let store = try? LogRepairTests.open(disk).0 {
        wasReset = (try? store.reset(to: base)) != nil
        store.stateIsDurable(upTo: base.index)
        finished = wasReset && (try? store.cut(upTo: base.index)) != nil
      }
      for crash in LogRepairTests.crashes {
        let (store, found) = try LogRepairTests.open(disk.after(crash))
        let isOld = found.last == log.last && found.base == .zero
        let isNew = found.last == base && found.base == base
        #expect(isNew || isOld && !wasReset, "stop \(stopAfter), \(crash): \(found.last)")
        // A term that was being stored may be kept: nobody voted in it.
        let term = found.hardState.term
        #expect(term == base.term || !isNew && term == log.hardState.term, "stop \(stopAfter)")
        try store.reset(to: base)
        #expect(store.bounds.last == base)
      }
      stopAfter += 1
    }
    #expect(stopAfter > 20)
  }
}
