// LogCrashTests: stop the machine after the n-th disk operation, for every n, and prove that the log kept its promise.
//
// The proof must be able to fail: planted bugs (syncs that do nothing) have to be caught by it.
// Not here: damage to durable bytes (LogDamageTests).

import Glibc
import Raft
import Storage
import TestSupport
import Testing

@Suite struct LogCrashTests {
  static let crashes: [FaultDisk.Crash] =
    [.process, .power] + (0..<6).map { FaultDisk.Crash.tornPower(seed: $0) }

  /// The first broken promise over all stop points and crashes, if any.
  static func firstViolation(
    _ crashes: [FaultDisk.Crash] = crashes, _ mutant: StorageMutant = .none,
    _ plant: (inout FaultDisk.Faults) -> Void = { _ in }
  ) -> String? {
    let scenario = LogScenario.standard()
    var stopAfter = 0
    while true {
      var faults = FaultDisk.Faults(stopAfter: stopAfter)
      plant(&faults)
      let disk = FaultDisk(faults)
      let run = LogRun(scenario, on: disk, mutant)
      for crash in crashes {
        if let violation = run.violation(on: disk.after(crash)) {
          return "stopped after \(stopAfter) operations, \(crash): \(violation)"
        }
      }
      if run.finished { return stopAfter > 80 ? nil : "the scenario is too short: \(stopAfter)" }
      stopAfter += 1
    }
  }

  @Test func `everything acknowledged survives a stop after any disk operation`() {
    let violation = Self.firstViolation()
    #expect(violation == nil, "\(violation ?? "")")
  }

  @Test func `the proof catches a log that does not sync`() {
    let violation = Self.firstViolation([.power]) { $0.ignoresSync = true }
    #expect(violation?.contains("instead of") == true, "\(violation ?? "not caught")")
  }

  @Test func `the proof catches a log that does not sync its directory`() {
    let violation = Self.firstViolation([.power]) { $0.ignoresDirectorySync = true }
    #expect(violation?.contains("instead of") == true, "\(violation ?? "not caught")")
  }

  @Test func `the proof catches a restart that believes the cache`() {
    let disk = FaultDisk(FaultDisk.Faults(stopAfter: 22))
    let run = LogRun(LogScenario.standard(), on: disk)
    #expect(!run.underWay.isEmpty, "a write must be under way at this stop point")
    let restarted = disk.after(.process)
    var planted = FaultDisk.Faults()
    planted.ignoresSync = true
    restarted.setFaults(planted)
    #expect(run.violation(on: restarted) == "what was found after the crash was not durable")
    #expect(run.violation(on: disk.after(.process)) == nil)
  }

  @Test func `random scenarios survive a stop at a random operation`() {
    for seed in UInt64(0)..<40 {
      let scenario = Self.random(seed)
      let whole = FaultDisk()
      #expect(LogRun(scenario, on: whole).finished, "seed \(seed)")
      var random = SeededRandom(seed)
      for _ in 0..<6 {
        let stopAfter = Int.random(in: 0...whole.calls, using: &random)
        let disk = FaultDisk(FaultDisk.Faults(stopAfter: stopAfter))
        let run = LogRun(scenario, on: disk)
        let crash = FaultDisk.Crash.tornPower(seed: random.next())
        let violation = run.violation(on: disk.after(crash))
        #expect(violation == nil, "seed \(seed), stop \(stopAfter), \(crash): \(violation ?? "")")
      }
    }
  }

  @Test func `the first failed write or sync ends all writing`() throws {
    let scenario = LogScenario.standard()
    let whole = FaultDisk()
    #expect(LogRun(scenario, on: whole).finished)
    for failAt in 1...whole.calls {
      for failure in [EIO, ENOSPC] {
        let disk = FaultDisk(FaultDisk.Faults(failAt: failAt, failure: failure))
        let run = LogRun(scenario, on: disk)
        // Only the making of a spare ahead of time may fail without an end, and the run treats that as an end too.
        #expect(!run.finished, "call \(failAt) failed and nobody noticed")
        // The process exits and starts again on the same machine, whose cache may lie after a failed sync.
        let restarted = run.violation(on: disk.after(.process))
        #expect(restarted == nil, "call \(failAt), errno \(failure): \(restarted ?? "")")
      }
    }
  }

  @Test func `after a failed sync every later write fails, though the disk works again`() throws {
    let disk = FaultDisk()
    let (store, _) = try LogStore.open(
      disk: disk, directory: LogScenario.directory, identity: LogScenario.identity,
      options: LogScenario.options)
    func entry(_ index: UInt64) -> LogWrite {
      let id = EntryID(term: Term(1), index: LogIndex(index))
      return LogWrite(sequence: index, entries: [Entry(id: id, kind: .noop, payload: [])])
    }
    try store.write([entry(1)])
    disk.setFaults(FaultDisk.Faults(failAt: 2))
    #expect(throws: StorageError.self) { try store.write([entry(2)]) }
    disk.setFaults(FaultDisk.Faults())
    #expect(throws: StorageError.self) { try store.write([entry(2)]) }
    #expect(disk.calls == 0, "nothing may be tried again")
    #expect(store.bounds.last.index == LogIndex(1))
    #expect(try LogRun.reopen(disk.after(.process)).last.index == LogIndex(1))
  }

  @Test func `a full disk leaves the log working until its segment is full`() throws {
    let disk = FaultDisk()
    let (store, _) = try LogStore.open(
      disk: disk, directory: LogScenario.directory, identity: LogScenario.identity,
      options: LogScenario.options)
    var faults = FaultDisk.Faults(failAt: 1, failure: ENOSPC)
    faults.failsForever = true
    disk.setFaults(faults)
    #expect(throws: StorageError.self) { try store.prepareSpare() }
    disk.setFaults(FaultDisk.Faults())
    #expect(store.needsSpare)
    try store.write([LogWrite(sequence: 1, hardState: HardState(term: Term(1)))])
    try store.prepareSpare()
    #expect(!store.needsSpare)
  }

  @Test func `what is left of a full disk is not taken by a segment that cannot be finished`()
    throws
  {
    let inner = FaultDisk()
    let disk = TightDisk(inner)
    let (store, _) = try LogStore.open(
      disk: disk, directory: LogScenario.directory, identity: LogScenario.identity,
      options: LogScenario.options)
    try store.write([LogWrite(sequence: 1, hardState: HardState(term: Term(1)))])
    disk.free.store(LogScenario.options.segmentBytes - 1, ordering: .relaxed)
    let calls = inner.calls
    let error = #expect(throws: StorageError.self) { try store.prepareSpare() }
    #expect(error?.isFull == true)
    #expect(inner.calls == calls, "nothing may be written")
    try store.write([LogWrite(sequence: 2, hardState: HardState(term: Term(2)))])
    disk.free.store(LogScenario.options.segmentBytes, ordering: .relaxed)
    try store.prepareSpare()
    #expect(!store.needsSpare)
  }

  private static func random(_ seed: UInt64) -> LogScenario {
    var random = SeededRandom(seed &+ 1000)
    var script = LogScenario(seed: seed)
    var term: UInt64 = 1
    var last: UInt64 = 0
    var floor: UInt64 = 0
    for _ in 0..<12 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0:
        term += 1
        script.vote(term: term, for: UInt64.random(in: 1...3, using: &random))
      case 1 where last > floor:
        let index = UInt64.random(in: floor..<last, using: &random)
        term += 1
        script.truncate(after: index, term: term, sizes: random.oneIn(2) ? [] : [20])
        last = script.lastIndex
      case 3: script.steps.append(.spare)
      case 4 where last > 0:
        floor = UInt64.random(in: floor...last, using: &random)
        script.steps.append(.cut(LogIndex(floor)))
      default:
        let sizes = (0..<Int.random(in: 1...4, using: &random)).map { _ in
          Int.random(in: 0...7000, using: &random)
        }
        script.append(term: term, sizes: sizes)
        last = script.lastIndex
      }
    }
    return script
  }
}
