// LogRepairTests: a damaged log says what it may have held, goes on behind its intact part, and remembers.
//
// Not here: which damage is found (LogDamageTests), resets to a snapshot (LogResetTests).

import Raft
import Storage
import TestSupport
import Testing

@Suite struct LogRepairTests {
  static let crashes: [FaultDisk.Crash] =
    [.process, .power] + (0..<6).map { FaultDisk.Crash.tornPower(seed: $0) }

  static func open(
    _ disk: FaultDisk, _ mutant: StorageMutant = .none
  ) throws -> (LogStore, RecoveredLog) {
    var options = LogScenario.options
    options.mutant = mutant
    return try LogStore.open(
      disk: disk, directory: LogScenario.directory, identity: LogScenario.identity,
      options: options)
  }

  /// A log of many groups and segments, and its report.
  static func finished() throws -> (disk: FaultDisk, log: ModelLog, report: LogReport) {
    let disk = FaultDisk()
    let run = LogRun(LogScenario.standard(cuts: false), on: disk)
    #expect(run.finished)
    let report = try LogStore.verify(disk: disk, directory: LogScenario.directory)
    return (disk, run.acknowledged, report)
  }

  static func write(_ store: LogStore, _ count: Int = 1, term: UInt64 = 9) throws {
    for _ in 0..<count {
      let id = EntryID(term: Term(term), index: store.bounds.last.index.next)
      let entry = Entry(id: id, kind: .command, payload: [UInt8](repeating: 1, count: 5000))
      try store.write([
        LogWrite(sequence: 1, entries: [entry], hardState: HardState(term: Term(term)))
      ])
    }
  }

  @Test func `one damaged block anywhere is repaired, and the log knows how far it reached`() throws
  {
    let (disk, log, report) = try Self.finished()
    var kept = 0
    for segment in report.segments {
      for block in 0..<segment.bytesUsed / 4096 {
        let damaged = disk.after(.process)
        damaged.flip(segment.file, byte: block * 4096 + 300, bit: 3)
        let (store, found) = try Self.open(damaged)
        let place = "\(segment.file) block \(block)"
        // One flipped bit leaves the block's own header readable.
        #expect(found.suspect == .upTo(log.last), "\(place): \(found.claim)")
        #expect(!found.voteUnreadable, "\(place)")
        #expect(found.hardState.term == log.hardState.term, "\(place)")
        #expect(found.hardState.vote == log.hardState.vote, "\(place)")
        let intact = try found.entries(after: found.base.index)
        // What was truncated later may be in the intact part: it is as the log was then.
        let known = Dictionary(uniqueKeysWithValues: log.entries.map { ($0.index, $0) })
        #expect(
          intact.allSatisfy { known[$0.index].map { $0.term } ?? Term(9) >= $0.term }, "\(place)")
        #expect(
          intact.allSatisfy { known[$0.index]?.term != $0.term || known[$0.index] == $0 },
          "\(place)")
        kept += intact.count
        #expect(throws: StorageError.self) { try Self.write(store) }
        let repaired = try store.repair()
        #expect(repaired.last == found.last && repaired.claim == found.claim, "\(place)")
        try Self.write(store, 8)
        let restarted = damaged.after(.power)
        let (again, reopened) = try Self.open(restarted)
        #expect(reopened.tail == .clean, "\(place): \(reopened.tail)")
        #expect(reopened.claim == found.claim, "\(place)")
        #expect(
          try reopened.entries(after: found.base.index).prefix(intact.count) == intact[...],
          "\(place)")
        #expect(reopened.last.index.value == found.last.index.value + 8, "\(place)")
        try again.clearSuspect()
        #expect(try Self.open(restarted.after(.power)).1.claim == .none, "\(place)")
        #expect(
          try LogStore.verify(disk: restarted, directory: LogScenario.directory).damages.isEmpty,
          "\(place)")
      }
    }
    #expect(kept > 0)
  }

  @Test func `a log whose last block says nothing does not know where it ended`() throws {
    let (disk, _, report) = try Self.finished()
    let last = try #require(report.segments.last)
    let block = last.bytesUsed / 4096 - 1
    // Both headers of the last block, which is whole otherwise: no torn write looks like that.
    disk.flip(last.file, byte: block * 4096 + 9, bit: 0)
    disk.flip(last.file, byte: (block + 1) * 4096 - 9, bit: 0)
    let (store, found) = try Self.open(disk)
    #expect(found.suspect == .unknown && found.voteUnreadable)
    try store.repair()
    try Self.write(store, 3)
    #expect(try Self.open(disk.after(.power)).1.claim == found.claim)
    try store.clearSuspect()
    #expect(try Self.open(disk.after(.power)).1.claim == .none)
  }

  @Test func `an unreadable block behind the end may have been its end`() throws {
    let (disk, _, report) = try Self.finished()
    let last = try #require(report.segments.last)
    disk.makeUnreadable(last.file, byte: last.bytesUsed + 700)
    let (_, found) = try Self.open(disk)
    #expect(found.suspect == .unknown && found.voteUnreadable)
  }

  @Test func `damage to the repaired log does not make it forget what it held before`() throws {
    let (disk, log, report) = try Self.finished()
    disk.flip(report.segments[1].file, byte: 2 * 4096 + 300, bit: 3)
    let (store, first) = try Self.open(disk)
    #expect(first.suspect == .upTo(log.last))
    try store.repair()
    try Self.write(store, 2)
    #expect(store.bounds.last.index < log.last.index)
    let repaired = try LogStore.verify(disk: disk, directory: LogScenario.directory)
    let segment = try #require(repaired.segments.last)
    for block in 0..<segment.bytesUsed / 4096 {
      let damaged = disk.after(.power)
      damaged.flip(segment.file, byte: block * 4096 + 300, bit: 3)
      let (again, found) = try Self.open(damaged)
      guard case .suspect = found.tail else {
        Issue.record("block \(block): \(found.tail)")
        continue
      }
      switch found.suspect {
      case .unknown: break
      case .upTo(let id): #expect(id >= log.last, "block \(block)")
      case nil: Issue.record("block \(block): the claim is gone")
      }
      try again.repair()
      try Self.write(again, 2)
      #expect(try Self.open(damaged.after(.power)).1.claim == found.claim, "block \(block)")
    }
  }

  /// Found by the simulator: the claim of an earlier repair, which had ended since, was taken for the present one.
  @Test func `damage before the end of an earlier claim does not hide a later one`() throws {
    let (disk, log, report) = try Self.finished()
    disk.flip(report.segments[1].file, byte: 2 * 4096 + 300, bit: 3)
    let (first, found) = try Self.open(disk)
    #expect(found.suspect == .upTo(log.last))
    try first.repair()
    try Self.write(first)
    try first.clearSuspect()
    try Self.write(first)
    let held = first.bounds.last
    #expect(held > log.last)
    let segment = try #require(
      try LogStore.verify(disk: disk, directory: LogScenario.directory).segments.last)
    // The last entry is lost, and claimed by the second repair.
    let again = disk.after(.power)
    again.flip(segment.file, byte: segment.bytesUsed - 2 * 4096 + 300, bit: 3)
    let (second, lost) = try Self.open(again)
    #expect(lost.suspect == .upTo(held) && lost.last < held)
    try second.repair()
    // Then a group from before the end of the first claim.
    let last = again.after(.power)
    last.flip(segment.file, byte: 2 * 4096 + 300, bit: 3)
    #expect(try Self.open(last).1.suspect == .upTo(held))
  }

  /// Damages, repairs, writes on and clears; stops after the n-th operation, for every n.
  static func firstViolation(
    _ mutant: StorageMutant = .none
  ) throws -> String? {
    let (whole, log, report) = try finished()
    let last = report.segments.count - 1
    for (segment, block) in [(0, 0), (last / 2, 0), (last / 2, 2), (last, 2)] {
      let segment = report.segments[segment]
      let damaged = whole.after(.power)
      damaged.flip(segment.file, byte: block * 4096 + 300, bit: 3)
      var stopAfter = 0
      while true {
        let disk = damaged.after(.power)
        disk.setFaults(FaultDisk.Faults(stopAfter: stopAfter))
        var progress = 0
        do {
          let (store, found) = try open(disk, mutant)
          guard found.suspect == .upTo(log.last) else { return "claim \(found.claim)" }
          try store.repair()
          progress = 1
          try write(store)
          progress = 2
          try store.clearSuspect()
          progress = 3
        } catch {}
        for crash in crashes {
          let place = "\(segment.file) block \(block), stop \(stopAfter), \(crash)"
          if let wrong = try check(disk.after(crash), progress, log.last, mutant) {
            return "\(place): \(wrong)"
          }
        }
        if progress == 3 { break }
        stopAfter += 1
      }
      guard stopAfter > 15 else { return "too few operations: \(stopAfter)" }
    }
    return nil
  }

  private static func check(
    _ disk: FaultDisk, _ progress: Int, _ last: EntryID, _ mutant: StorageMutant
  ) throws -> String? {
    let (store, found) = try open(disk, mutant)
    if case .suspect = found.tail {
      if progress > 0 { return "the repair was not durable" }
    } else if progress == 0, found.suspect == nil {
      return "clean without a repair that was finished"
    }
    if progress < 2, found.suspect != .upTo(last) { return "the claim is \(found.claim)" }
    if progress == 3, found.suspect != nil { return "the claim was cleared, and is back" }
    if progress >= 2, found.last.term != Term(9) { return "an acknowledged entry is gone" }
    try store.repair()
    try write(store)
    let again = try open(disk.after(.power)).1
    guard again.tail == .clean else { return "the tail is \(again.tail) after writing on" }
    return again.last.index == store.bounds.last.index ? nil : "what was written on is gone"
  }

  @Test func `a repair survives a stop after any disk operation`() throws {
    let violation = try Self.firstViolation()
    #expect(violation == nil, "\(violation ?? "")")
  }
}
