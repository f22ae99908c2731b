// SnapshotCrashTests: stop the machine after the n-th disk operation of making and of installing a snapshot, for
// every n.
//
// The proof must be able to fail: MutantTests plants bugs that it has to catch.
// Not here: RocksDB (SnapshotStoreTests), damage to durable bytes (SnapshotDamageTests).

import Raft
import TestSupport
import Testing

@testable import Storage

/// Makes three snapshots and removes old ones, until the machine stops.
struct SnapshotMaking {
  static let path = "/data/snapshots"

  /// The snapshots that must be there, whatever happens.
  var kept: Set<UInt64> = []
  var finished = false
  let mutant: StorageMutant

  init(_ disk: FaultDisk, _ mutant: StorageMutant = .none) {
    self.mutant = mutant
    do {
      let store = try open(disk)
      try ModelSnapshot(index: 10, tables: [1, 2]).make(store, disk)
      kept = [10]
      try ModelSnapshot(index: 20, tables: [1, 3, 4]).make(store, disk)
      kept = [10, 20]
      kept = [20]
      try store.removeOld(keeping: 1)
      try ModelSnapshot(index: 30, tables: [5]).make(store, disk)
      kept = [20, 30]
      finished = true
    } catch {}
  }

  private func open(_ disk: FaultDisk) throws -> SnapshotStore {
    try SnapshotStore.open(disk: disk, directory: Self.path, mutant: mutant)
  }

  func violation(on disk: FaultDisk) -> String? {
    do {
      let store = try open(disk)
      if let ignored = store.ignored.first { return "ignored: \(ignored)" }
      let found = store.snapshots
      guard kept.isSubset(of: found.map(\.applied.index.value)) else { return "lost: \(kept)" }
      for snapshot in found {
        if let damage = store.verify(snapshot).first { return "listed, but: \(damage)" }
        guard try ModelSnapshot.read(disk, snapshot.directory) == snapshot.manifest.contents else {
          return "the manifest does not say what is in the files"
        }
      }
      guard try disk.list(Self.path).count == found.count else { return "something is left over" }
      try ModelSnapshot(index: 40, tables: [6]).make(store, disk)
      let again = try open(disk.after(.power))
      return again.latest?.applied.index == LogIndex(40) ? nil : "the next snapshot was lost"
    } catch {
      return "\(error)"
    }
  }
}

/// Installs a snapshot beside a running store, until the machine stops.
struct SnapshotInstalling {
  static let old = ModelSnapshot(index: 5, tables: [1, 2, 3])
  static let new = ModelSnapshot(index: 50, tables: [8, 2, 3, 9])

  var finished = false
  let mutant: StorageMutant

  /// A node with the old store, all of it durable.
  static func node() throws -> FaultDisk {
    let disk = FaultDisk()
    let data = try open(disk)
    try old.checkpoint(disk, data.statePath)
    for name in try disk.list(data.statePath) {
      try disk.open(data.statePath + "/" + name, writable: true).sync()
    }
    try disk.syncDirectory(data.statePath)
    return disk
  }

  static func open(_ disk: any Disk) throws -> DataDirectory {
    try DataDirectory.open(
      path: "/data", node: NodeID(1), genesisHash: ModelSnapshot.genesis, randomIncarnation: 7,
      disk: disk)
  }

  /// The manifest of the new snapshot.
  static func manifest(_ model: ModelSnapshot = new) throws -> SnapshotManifest {
    let disk = FaultDisk()
    let store = try SnapshotStore.open(disk: disk, directory: "/s")
    return try model.make(store, disk).manifest
  }

  /// Sends what is missing, at most `pieces` of it. `spoil` changes bytes on the way.
  static func send(
    _ install: SnapshotInstall, pieces: Int = .max, of model: ModelSnapshot = new,
    spoil: (inout [UInt8], Int) -> Void = { _, _ in }
  ) throws -> [SnapshotInstall.Received] {
    var results: [SnapshotInstall.Received] = []
    while !install.isComplete, results.count < pieces {
      for piece in try install.wanted(pieces: 2, bytes: 2000) where results.count < pieces {
        let all = model.files[install.manifest.files[piece.file].name] ?? []
        var bytes = Array(all[piece.offset..<piece.offset + piece.count])
        spoil(&bytes, results.count)
        results.append(
          try install.receive(file: piece.file, offset: piece.offset, bytes: bytes))
      }
    }
    return results
  }

  init(_ disk: FaultDisk, _ mutant: StorageMutant = .none) {
    self.mutant = mutant
    do {
      try install(disk, try Self.open(disk))
      finished = true
    } catch {}
  }

  private func install(_ disk: FaultDisk, _ data: DataDirectory) throws {
    let install = try SnapshotInstall(data, manifest: try Self.manifest(), mutant: mutant)
    _ = try Self.send(install)
    try install.finishFiles { try ModelSnapshot.read(disk, $0) }
  }

  func violation(on disk: FaultDisk) -> String? {
    do {
      let data = try Self.open(disk)
      if let note = data.notes.first { return "\(note)" }
      let found = try ModelSnapshot.read(disk, data.statePath)
      let isNew = found.applied == Self.new.applied
      guard isNew || found.applied == Self.old.applied else { return "at \(found.applied)" }
      guard data.installed == (isNew ? found.applied : .zero) else { return "\(data.installed)" }
      guard isNew || !finished else { return "the old store is back" }
      if !isNew { try install(disk, data) }
      let again = disk.after(.power)
      let after = try Self.open(again)
      guard try ModelSnapshot.read(again, after.statePath).applied == Self.new.applied else {
        return "a continued install is not durable"
      }
      let names = try again.list("/data").filter { $0.hasPrefix("state") || $0 == "incoming" }
      return names.count == 1 ? nil : "left over: \(names)"
    } catch {
      return "\(error)"
    }
  }
}

@Suite struct SnapshotCrashTests {
  static let crashes: [FaultDisk.Crash] =
    [.process, .power] + (0..<6).map { FaultDisk.Crash.tornPower(seed: $0) }

  static func firstMaking(_ mutant: StorageMutant = .none) -> String? {
    var stopAfter = 0
    while true {
      let disk = FaultDisk(FaultDisk.Faults(stopAfter: stopAfter))
      let run = SnapshotMaking(disk, mutant)
      for crash in crashes {
        if let violation = run.violation(on: disk.after(crash)) {
          return "stopped after \(stopAfter) operations, \(crash): \(violation)"
        }
      }
      if run.finished { return stopAfter > 60 ? nil : "too few operations: \(stopAfter)" }
      stopAfter += 1
    }
  }

  static func firstInstalling(_ mutant: StorageMutant = .none) throws -> String? {
    let whole = try SnapshotInstalling.node()
    var stopAfter = 0
    while true {
      let disk = whole.after(.power)
      disk.setFaults(FaultDisk.Faults(stopAfter: stopAfter))
      let run = SnapshotInstalling(disk, mutant)
      for crash in crashes {
        if let violation = run.violation(on: disk.after(crash)) {
          return "stopped after \(stopAfter) operations, \(crash): \(violation)"
        }
      }
      if run.finished { return stopAfter > 30 ? nil : "too few operations: \(stopAfter)" }
      stopAfter += 1
    }
  }

  @Test func `snapshots survive a stop after any disk operation of making or removing them`() {
    let violation = Self.firstMaking()
    #expect(violation == nil, "\(violation ?? "")")
  }

  @Test func `a stop after any disk operation of an install leaves the old store or the new`()
    throws
  {
    let violation = try Self.firstInstalling()
    #expect(violation == nil, "\(violation ?? "")")
  }

  @Test
  func
    `a failed operation of an install leaves the old store or the new, also if stopped later`()
    throws
  {
    let whole = try SnapshotInstalling.node()
    var failAt = 1
    var swapped = 0
    while true {
      let disk = whole.after(.power)
      let data = try SnapshotInstalling.open(disk)
      let install = try SnapshotInstall(data, manifest: try SnapshotInstalling.manifest())
      _ = try SnapshotInstalling.send(install)
      disk.setFaults(FaultDisk.Faults(failAt: failAt))
      let isDone =
        (try? install.finishFiles { try ModelSnapshot.read(disk, $0) }) != nil
      #expect(isDone == (disk.calls < failAt), "call \(failAt) failed and nobody noticed")
      #expect(!isDone || install.isSwapped)
      disk.setFaults(FaultDisk.Faults())
      // What Node does.
      if install.isSwapped {
        #expect(throws: StorageError.self) { try install.discard() }
      } else {
        try install.discard()
      }
      swapped += install.isSwapped && !isDone ? 1 : 0
      for crash in Self.crashes {
        for stopAfter in 0..<12 {
          let restarted = disk.after(crash)
          restarted.setFaults(FaultDisk.Faults(stopAfter: stopAfter))
          _ = try? SnapshotInstalling.open(restarted)
          for again in Self.crashes {
            let place = "call \(failAt) failed, \(crash), stop \(stopAfter), \(again)"
            let last = restarted.after(again)
            let data = try SnapshotInstalling.open(last)
            let found = try ModelSnapshot.read(last, data.statePath).applied
            let isNew = found == SnapshotInstalling.new.applied
            #expect(isNew || found == SnapshotInstalling.old.applied && !isDone, "\(place)")
            #expect(data.installed == (isNew ? found : .zero), "\(place)")
          }
        }
      }
      if isDone { break }
      failAt += 1
    }
    #expect(swapped > 1 && failAt > 5)
  }

  @Test func `a failed operation while making leaves the finished snapshots as they were`() throws {
    let whole = FaultDisk()
    #expect(SnapshotMaking(whole).finished)
    for failAt in 1...whole.calls {
      let disk = FaultDisk(FaultDisk.Faults(failAt: failAt))
      let run = SnapshotMaking(disk)
      #expect(!run.finished, "call \(failAt) failed and nobody noticed")
      disk.setFaults(FaultDisk.Faults())
      let violation = run.violation(on: disk.after(.process))
      #expect(violation == nil, "call \(failAt): \(violation ?? "")")
    }
  }

  @Test func `one snapshot is made at a time`() throws {
    let disk = FaultDisk()
    let store = try SnapshotStore.open(disk: disk, directory: "/s")
    let model = ModelSnapshot(index: 1, tables: [1])
    _ = try store.make { (path) throws(StorageError) in
      try model.checkpoint(disk, path)
    } describe: { path in
      let error = #expect(throws: StorageError.self) { try model.make(store, disk) }
      #expect(error?.description.contains("already") == true)
      return try ModelSnapshot.read(disk, path)
    }
    #expect(store.snapshots.count == 1)
  }
}
