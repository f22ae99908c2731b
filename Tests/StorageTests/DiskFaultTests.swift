// DiskFaultTests: writes that land beside their place, disks that fill up, hang or go back in time.
//
// Not here: crashes (LogCrashTests), rot (LogDamageTests).

import Raft
import Storage
import Synchronization
import TestSupport
import Testing

@Suite struct DiskFaultTests {
  @Test func `a write that lands beside its place is found, and the log repaired from before it`()
    throws
  {
    for by in [-4096, 4096, 8192] {
      let disk = FaultDisk()
      let (store, _) = try LogRepairTests.open(disk)
      try LogRepairTests.write(store, 1)
      try store.prepareSpare()
      var faults = FaultDisk.Faults()
      faults.misdirectAt = 1
      faults.misdirectBy = by
      disk.setFaults(faults)
      try LogRepairTests.write(store, 1)
      disk.setFaults(FaultDisk.Faults())
      try LogRepairTests.write(store, 1)
      let (again, found) = try LogRepairTests.open(disk.after(.power))
      guard case .suspect = found.tail else {
        Issue.record("misdirected by \(by): \(found.tail)")
        continue
      }
      #expect(found.last.index <= LogIndex(1) && found.suspect != nil, "\(by): \(found.last)")
      try again.repair()
      try LogRepairTests.write(again, 1)
    }
  }

  /// Found by the simulator: the read looked for the entry in the wrong group for ever.
  @Test func `a read that meets a whole group of other entries says so`() throws {
    let disk = FaultDisk()
    let (store, _) = try LogRepairTests.open(disk)
    try LogRepairTests.write(store, 2)
    try store.prepareSpare()
    var faults = FaultDisk.Faults()
    faults.misdirectAt = 1
    faults.misdirectBy = -8192
    disk.setFaults(faults)
    try LogRepairTests.write(store, 1)
    disk.setFaults(FaultDisk.Faults())
    let first = try store.read(after: .zero, bytesMax: 1)
    #expect(first.entries.map(\.index) == [LogIndex(1)])
    let thrown = #expect(throws: StorageError.self) {
      _ = try store.read(after: LogIndex(1), bytesMax: 1)
    }
    #expect(
      thrown?.description.contains("another group stands here") == true,
      "\(String(describing: thrown))")
  }

  @Test func `a disk that fills up is an error before the write, until space is back`() throws {
    let disk = FaultDisk()
    let (store, _) = try LogRepairTests.open(disk)
    var faults = FaultDisk.Faults()
    faults.capacity = 2 * LogScenario.options.segmentBytes
    disk.setFaults(faults)
    var thrown: StorageError?
    while thrown == nil {
      do { try LogRepairTests.write(store) } catch let error as StorageError { thrown = error }
    }
    #expect(thrown?.isFull == true && !store.hasFailed)
    let last = store.bounds.last
    #expect(try LogRun.reopen(disk.after(.power)).last == last)
    faults.capacity = nil
    disk.setFaults(faults)
    try LogRepairTests.write(store)
    #expect(try LogRun.reopen(disk.after(.power)).last.index == last.index.next)
  }

  @Test func `nothing shows an entry whose sync still hangs`() throws {
    let disk = FaultDisk()
    let (store, _) = try LogRepairTests.open(disk)
    try LogRepairTests.write(store)
    try store.prepareSpare()
    let seen = Mutex<[LogIndex]>([])
    var faults = FaultDisk.Faults()
    faults.onSync = { seen.withLock { $0.append(store.bounds.last.index) } }
    disk.setFaults(faults)
    try LogRepairTests.write(store)
    #expect(seen.withLock { $0 } == [LogIndex(1)])
    #expect(store.bounds.last.index == LogIndex(2))
  }

  @Test func `an old copy of a disk opens as it was: only the peers can tell`() throws {
    let disk = FaultDisk()
    let (store, _) = try LogRepairTests.open(disk)
    try LogRepairTests.write(store, 2)
    let backup = disk.after(.power)
    try LogRepairTests.write(store, 5)
    let found = try LogRun.reopen(backup)
    #expect(found.tail == .clean && found.last.index == LogIndex(2) && found.claim == .none)
  }
}
