// LogSpaceTests: a full disk is found before a group is begun; the reserve carries the log over; cuts leave a window.
//
// Not here: damage (LogScrubTests).

import Glibc
import Raft
import Storage
import TestSupport
import Testing

@Suite struct LogSpaceTests {
  private static let segment = LogScenario.options.segmentBytes

  private func open(_ disk: any Disk, _ options: LogOptions = LogScenario.options) throws
    -> LogStore
  {
    try LogStore.open(
      disk: disk, directory: LogScenario.directory, identity: LogScenario.identity,
      options: options
    ).0
  }

  @Test func `a write that finds the disk full begins nothing, and can be tried again`() throws {
    let inner = FaultDisk()
    let disk = TightDisk(inner)
    let store = try open(disk)
    disk.free.store(0, ordering: .relaxed)
    var refused = false
    var written = 0
    while !refused {
      let before = inner.bytes(LogScenario.directory + "/0000000000000001.segment")
      let calls = inner.calls
      do {
        try LogRepairTests.write(store)
        written += 1
      } catch let error as StorageError {
        #expect(error.isFull && !store.hasFailed, "\(error)")
        #expect(inner.calls == calls)
        #expect(inner.bytes(LogScenario.directory + "/0000000000000001.segment") == before)
        refused = true
      }
    }
    #expect(written > 0 && store.bounds.last.index.value == UInt64(written))
    #expect(throws: StorageError.self) { try LogRepairTests.write(store) }
    disk.free.store(Self.segment, ordering: .relaxed)
    try LogRepairTests.write(store)
    let found = try LogRun.reopen(inner.after(.power))
    #expect(found.tail == .clean && found.last.index.value == UInt64(written + 1))
  }

  @Test func `room is what can be written without asking the disk for space`() throws {
    let inner = FaultDisk()
    let disk = TightDisk(inner)
    let store = try open(disk)
    #expect(store.roomBytes == Self.segment - 2 * 4096)
    try store.prepareSpare()
    #expect(store.roomBytes == 2 * (Self.segment - 2 * 4096))
    disk.free.store(0, ordering: .relaxed)
    let before = store.roomBytes
    try LogRepairTests.write(store)
    #expect(store.roomBytes == before - 2 * 4096)
  }

  @Test
  func `the reserve is given back when the log needs it, and taken again with plenty of space`()
    throws
  {
    let inner = FaultDisk()
    let disk = TightDisk(inner)
    try inner.makeDirectory("/data")
    let reserve = SpaceReserve(
      disk: disk, path: "/data/reserve", bytes: 2 * Self.segment, lowBytes: 1000)
    disk.free.store(8 * Self.segment - 1, ordering: .relaxed)
    #expect(try !reserve.check().isHeld, "less than four times its size is free")
    #expect(!reserve.release())
    disk.free.store(8 * Self.segment, ordering: .relaxed)
    let held = try reserve.check()
    #expect(held.isHeld && !held.isLow)
    #expect(inner.bytes("/data/reserve").count == 2 * Self.segment)

    var options = LogScenario.options
    options.reserve = reserve
    let store = try open(disk, options)
    disk.free.store(999, ordering: .relaxed)
    #expect(try reserve.check().isLow)
    try LogRepairTests.write(store)
    #expect(try disk.exists("/data/reserve"), "the present segment has room")
    // The disk of this test does not count: giving back is what makes room.
    var thrown: StorageError?
    while thrown == nil {
      do { try LogRepairTests.write(store) } catch let error as StorageError { thrown = error }
    }
    #expect(try !disk.exists("/data/reserve"))
    disk.free.store(2 * Self.segment, ordering: .relaxed)
    try LogRepairTests.write(store, 2)
    let used = try reserve.check()
    #expect(used.isLow && !used.isHeld, "low as long as the reserve is gone")
    disk.free.store(8 * Self.segment, ordering: .relaxed)
    let again = try reserve.check()
    #expect(again.isHeld && !again.isLow)
  }

  @Test func `a damaged log is given the reserve where its repair finds the disk full`() throws {
    let (inner, _, report) = try LogRepairTests.finished()
    let last = try #require(report.segments.last)
    inner.flip(last.file, byte: 300, bit: 3)
    let disk = TightDisk(inner)
    let reserve = SpaceReserve(
      disk: disk, path: "/reserve", bytes: 2 * Self.segment, lowBytes: 1000)
    #expect(try reserve.check().isHeld)
    var options = LogScenario.options
    options.reserve = reserve
    let store = try open(disk, options)
    disk.free.store(Self.segment - 1, ordering: .relaxed)
    // The disk of this test does not count: giving back is what makes room.
    #expect(throws: StorageError.self) { try store.repair() }
    #expect(try !disk.exists("/reserve"))
    disk.free.store(2 * Self.segment, ordering: .relaxed)
    let repaired = try store.repair()
    #expect(repaired.suspect != nil)
    try LogRepairTests.write(store)
    #expect(try LogRun.reopen(inner.after(.power)).last == store.bounds.last)
  }

  @Test func `low and not low lie apart`() throws {
    let disk = TightDisk(FaultDisk())
    let reserve = SpaceReserve(disk: disk, path: "/data/reserve", bytes: 1 << 40, lowBytes: 1000)
    for (free, isLow) in [(1000, false), (999, true), (1249, true), (1250, false), (1000, false)] {
      disk.free.store(free, ordering: .relaxed)
      #expect(try reserve.check() == SpaceReport(freeBytes: free, isLow: isLow, isHeld: false))
    }
  }

  @Test func `a reserve that cannot be finished leaves nothing behind`() throws {
    let disk = FaultDisk()
    try disk.makeDirectory("/data")
    let reserve = SpaceReserve(disk: disk, path: "/data/reserve", bytes: 100_000)
    var faults = FaultDisk.Faults(failAt: 2, failure: ENOSPC)
    faults.failsForever = false
    disk.setFaults(faults)
    #expect(try !reserve.check().isHeld)
    #expect(try disk.list("/data").isEmpty)
    disk.setFaults(FaultDisk.Faults())
    #expect(try reserve.check().isHeld)
  }

  @Test func `nothing is cut that the state store does not durably hold`() throws {
    let store = try open(FaultDisk())
    try LogRepairTests.write(store, 20)
    try store.cut(upTo: LogIndex(20))
    #expect(store.bounds.base == .zero)
    store.stateIsDurable(upTo: LogIndex(7))
    store.stateIsDurable(upTo: LogIndex(5))
    try store.cut(upTo: LogIndex(20))
    #expect(store.bounds.base.index > .zero && store.bounds.base.index <= LogIndex(7))
  }

  @Test func `a cut leaves the trailing entries and bytes`() throws {
    func base(_ change: (inout LogOptions) -> Void) throws -> UInt64 {
      var options = LogScenario.options
      change(&options)
      let store = try open(FaultDisk(), options)
      try LogRepairTests.write(store, 30)
      store.stateIsDurable(upTo: LogIndex(30))
      try store.cut(upTo: LogIndex(30))
      return store.bounds.base.index.value
    }
    let whole = try base { _ in }
    #expect(whole == 27, "three entries of two blocks fit into a segment behind its head")
    for entries in 0...31 {
      let kept = try base { $0.trailingEntries = entries }
      #expect(
        Int(kept) <= 30 - min(30, entries) && Int(kept) > 30 - 3 - max(3, entries), "\(entries)")
    }
    for segments in 1...9 {
      // The present segment is used whole.
      let kept = try base { $0.trailingBytes = segments * Self.segment }
      #expect(kept == UInt64(30 - 3 * segments), "\(segments)")
    }
  }
}
