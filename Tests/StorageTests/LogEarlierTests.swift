// LogEarlierTests: what is left of a damaged log can be an earlier state of itself, with entries that were replaced.
//
// Not here: how a node with such a log behaves (RaftTests, the transcripts `own-damage-*`).

import Raft
import Storage
import TestSupport
import Testing

@Suite struct LogEarlierTests {
  private func id(_ term: UInt64, _ index: UInt64) -> EntryID {
    EntryID(term: Term(term), index: LogIndex(index))
  }

  /// Writes entries as one group, after a truncation if they do not follow the last one.
  private func write(
    _ store: LogStore, _ indexes: ClosedRange<UInt64>, term: UInt64, in present: UInt64
  ) throws {
    let last = store.bounds.last.index.value
    let entries = indexes.map {
      Entry(id: id(term, $0), kind: .command, payload: [UInt8](repeating: 1, count: 500))
    }
    try store.write([
      LogWrite(
        sequence: 1, truncateAfter: indexes.lowerBound <= last ? entries[0].index.previous : nil,
        entries: entries, hardState: HardState(term: Term(present)))
    ])
  }

  /// Entries 1 to 5 of term 1, 6 to 8 of term 3, and two of `term` that replaced these; that group is damaged.
  private func replaced(by term: UInt64) throws -> FaultDisk {
    let disk = FaultDisk()
    let (store, _) = try LogRepairTests.open(disk)
    try write(store, 1...5, term: 1, in: 1)
    try write(store, 6...8, term: 3, in: 3)
    let before = try LogStore.verify(disk: disk, directory: LogScenario.directory).segments
    try write(store, 6...7, term: term, in: 4)
    let after = try LogStore.verify(disk: disk, directory: LogScenario.directory).segments
    #expect(before.count == 1 && after.count == 1)
    disk.flip(after[0].file, byte: before[0].bytesUsed + 300, bit: 3)
    return disk
  }

  @Test func `a log that holds another entry than the state store begins behind the state`() throws
  {
    for applied in [id(4, 7), id(4, 6)] {
      let disk = try replaced(by: 4)
      let (store, found) = try LogRepairTests.open(disk)
      #expect(found.last == id(3, 7) && found.suspect == .upTo(id(4, 7)))
      try store.repair()
      let fitted = try store.fit(to: applied)
      #expect(fitted.base == applied && fitted.last == applied)
      #expect(fitted.suspect == .upTo(id(4, 7)), "the claim stands")
      let again = try LogRepairTests.open(disk.after(.power)).1
      #expect(again.base == applied && again.claim == fitted.claim)
    }
  }

  @Test func `a log that holds the state's last entry stays, and so does one without damage`()
    throws
  {
    let disk = try replaced(by: 4)
    let (store, _) = try LogRepairTests.open(disk)
    try store.repair()
    #expect(try store.fit(to: id(1, 5)).last == id(3, 7))
    #expect(try store.fit(to: .zero).base == .zero)
    let (sound, log, _) = try LogRepairTests.finished()
    let (whole, _) = try LogRepairTests.open(sound)
    let calls = sound.calls
    #expect(try whole.fit(to: id(9, 2)).last == log.last)
    #expect(try whole.fit(to: log.entries[1].id).base == .zero && sound.calls == calls)
  }

  @Test func `an entry of a later term than the claim was replaced, and is dropped by the repair`()
    throws
  {
    let damaged = try replaced(by: 2)
    var stopAfter = 0
    var isDone = false
    while !isDone {
      let disk = damaged.after(.power)
      disk.setFaults(FaultDisk.Faults(stopAfter: stopAfter))
      if let (store, found) = try? LogRepairTests.open(disk) {
        #expect(found.last == id(1, 5) && found.suspect == .upTo(id(2, 7)))
        isDone = (try? store.repair()) != nil
      }
      for crash in LogRepairTests.crashes {
        let restarted = disk.after(crash)
        let (store, found) = try LogRepairTests.open(restarted)
        #expect(found.last == id(1, 5), "stop \(stopAfter), \(crash)")
        #expect(found.suspect == .upTo(id(2, 7)), "stop \(stopAfter), \(crash)")
        try store.repair()
        try write(store, 6...6, term: 2, in: 4)
        let again = try LogRepairTests.open(restarted.after(.power)).1
        #expect(again.tail == .clean && again.last == id(2, 6), "stop \(stopAfter), \(crash)")
        #expect(try again.entries(after: .zero).count == 6)
      }
      stopAfter += 1
    }
    #expect(stopAfter > 5)
  }

  @Test
  func `whatever is damaged after a cut, the log begins after an entry that it held to the end`()
    throws
  {
    let disk = FaultDisk()
    let (store, _) = try LogRepairTests.open(disk)
    var held: [EntryID] = [.zero]
    var cuts = 0
    var bases: Set<LogIndex> = []
    for round in UInt64(1)...60 {
      // Some groups replace the end of the one before, at the beginning of a segment or within it.
      let first = UInt64(held.count) - (round % 4 == 0 || round % 5 == 0 ? 2 : 0)
      try write(store, first...first + 3, term: round, in: round)
      held.removeSubrange(Int(first)...)
      held += (first...first + 3).map { id(round, $0) }
      // Up to two entries before the end: as far as nothing will be replaced.
      let stable = LogIndex(UInt64(held.count) - 3)
      store.stateIsDurable(upTo: stable)
      try store.cut(upTo: stable, segmentsMax: round.isMultiple(of: 2) ? 1 : .max)
      let segment = try #require(
        try LogStore.verify(disk: disk, directory: LogScenario.directory).segments.first)
      cuts = max(cuts, Int(segment.number) - 1)
      for block in 2..<segment.bytesUsed / 4096 {
        let damaged = disk.after(.power)
        damaged.flip(segment.file, byte: block * 4096 + 300, bit: 3)
        let base = try LogRepairTests.open(damaged).1.base
        bases.insert(base.index)
        #expect(held[Int(base.index.value)] == base, "round \(round), block \(block)")
      }
    }
    #expect(cuts > 5 && bases.count > 3)
  }
}
