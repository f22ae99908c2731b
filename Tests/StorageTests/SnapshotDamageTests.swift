// SnapshotDamageTests: damaged pieces, files, manifests and pointers are found and named; transfers go on where they
// ended.
//
// Not here: crashes (SnapshotCrashTests), formats (SnapshotFormatTests).

import Glibc
import Raft
import TestSupport
import Testing

@testable import Storage

@Suite struct SnapshotDamageTests {
  private typealias Installing = SnapshotInstalling

  private func line(_ body: () throws -> Void) throws -> String {
    let error = #expect(throws: StorageError.self) { try body() }
    let text = try #require(error).description
    #expect(!text.contains("\n"))
    return text
  }

  @Test func `an interrupted transfer goes on where it ended`() throws {
    let disk = try Installing.node()
    let manifest = try Installing.manifest()
    let first = try SnapshotInstall(try Installing.open(disk), manifest: manifest)
    let reused = first.bytesReused
    #expect(reused == 3000 + 2 * 1000 + 3000 + 3 * 1000, "two of the four tables are here")
    #expect(first.bytesReused + first.bytesMissing == manifest.bytes)
    _ = try Installing.send(first, pieces: 4)
    let missing = first.bytesMissing
    #expect(missing < manifest.bytes - reused && missing > 0)
    let restarted = disk.after(.process)
    let again = try SnapshotInstall(try Installing.open(restarted), manifest: manifest)
    let wanted = try again.wanted(pieces: 1, bytes: SnapshotInstall.pieceBytesMax)
    #expect(wanted.first?.offset ?? 0 > 0, "in the middle of a file")
    _ = try Installing.send(again)
    try again.finishFiles { try ModelSnapshot.read(restarted, $0) }
    let data = try Installing.open(restarted.after(.power))
    #expect(data.installed == Installing.new.applied)
  }

  @Test func `a newer snapshot takes what an abandoned download has`() throws {
    let disk = try Installing.node()
    let abandoned = try SnapshotInstall(
      try Installing.open(disk), manifest: try Installing.manifest())
    _ = try Installing.send(abandoned)
    let newer = ModelSnapshot(index: 60, tables: [2, 8, 9, 77])
    let data = try Installing.open(disk)
    let install = try SnapshotInstall(data, manifest: try Installing.manifest(newer))
    #expect(install.bytesReused == [2, 8, 9].reduce(0) { $0 + 3000 + ($1 % 7) * 1000 })
    #expect(try !disk.exists(abandoned.path))
    _ = try Installing.send(install, of: newer)
    try install.finishFiles { try ModelSnapshot.read(disk, $0) }
    #expect(try Installing.open(disk.after(.power)).installed == newer.applied)
  }

  @Test func `a snapshot that the disk has no room for is not begun, and leaves nothing`() throws {
    let inner = try Installing.node()
    let disk = TightDisk(inner)
    let data = try Installing.open(disk)
    let before = try disk.list("/data")
    let manifest = try Installing.manifest()
    let needed = try SnapshotInstall(data, manifest: manifest).bytesMissing
    disk.free.store(needed + SnapshotInstall.roomBytes - 1, ordering: .relaxed)
    let refused = #expect(throws: StorageError.self) {
      try SnapshotInstall(data, manifest: manifest)
    }
    #expect(refused?.isFull == true)
    #expect(try disk.list("/data") == before)
    disk.free.store(needed + SnapshotInstall.roomBytes, ordering: .relaxed)
    _ = try SnapshotInstall(data, manifest: manifest)
  }

  @Test func `a disk that becomes full on the way gets back what was fetched`() throws {
    var number = 0
    var isFinished = false
    while !isFinished {
      number += 1
      let disk = try Installing.node()
      let data = try Installing.open(disk)
      let before = try disk.list("/data")
      let install = try SnapshotInstall(data, manifest: try Installing.manifest())
      disk.setFaults(FaultDisk.Faults(failAt: number, failure: ENOSPC))
      do {
        _ = try Installing.send(install)
        isFinished = true
      } catch let error as StorageError {
        #expect(error.isFull, "call \(number): \(error)")
        #expect(try disk.list("/data") == before, "call \(number)")
      }
    }
    #expect(number > 5)
  }

  @Test func `a piece that arrives damaged, twice or out of order does no harm`() throws {
    let disk = try Installing.node()
    let install = try SnapshotInstall(
      try Installing.open(disk), manifest: try Installing.manifest())
    let first = try #require(try install.wanted(bytes: 10).first)
    let name = install.manifest.files[first.file].name
    let bytes = Installing.new.files[name] ?? []
    for offset in [1, 10, -1] {
      let received = try install.receive(
        file: first.file, offset: offset, bytes: Array(bytes.prefix(5)))
      #expect(received == .ignored)
    }
    #expect(try install.receive(file: 99, offset: 0, bytes: [1]) == .ignored)
    let tooMuch = bytes + bytes
    #expect(try install.receive(file: first.file, offset: 0, bytes: tooMuch) == .ignored)
    var spoiled: Set<Int> = [1, 4]
    let results = try Installing.send(install) { bytes, number in
      if spoiled.remove(number) != nil, !bytes.isEmpty { bytes[0] ^= 4 }
    }
    let wrong = results.compactMap { result -> String? in
      if case .fileWrong(let error) = result { return error.description }
      return nil
    }
    #expect(!wrong.isEmpty && wrong.allSatisfy { $0.contains(install.path) })
    try install.finishFiles { try ModelSnapshot.read(disk, $0) }
    #expect(try Installing.open(disk.after(.power)).installed == Installing.new.applied)
  }

  @Test func `a flipped bit in any file of a snapshot is found and named`() throws {
    let disk = FaultDisk()
    let store = try SnapshotStore.open(disk: disk, directory: "/s")
    let snapshot = try ModelSnapshot(index: 10, tables: [1, 2]).make(store, disk)
    #expect(store.verify(snapshot).isEmpty)
    for file in snapshot.manifest.files where file.bytes > 0 {
      let path = snapshot.directory + "/" + file.name
      for byte in Set([0, file.bytes / 2, file.bytes - 1]) {
        let damaged = disk.after(.process)
        damaged.flip(path, byte: byte, bit: byte % 8)
        let again = try SnapshotStore.open(disk: damaged, directory: "/s")
        #expect(again.verify(snapshot).map(\.path) == [path])
      }
      let shortened = disk.after(.process)
      shortened.damage(path) { $0.removeLast() }
      let missing = disk.after(.process)
      try missing.remove(path)
      let unreadable = disk.after(.process)
      unreadable.makeUnreadable(path, byte: 0)
      for damaged in [shortened, missing, unreadable] {
        let again = try SnapshotStore.open(disk: damaged, directory: "/s")
        #expect(again.verify(snapshot).map(\.path) == [path])
      }
    }
  }

  @Test func `a snapshot whose manifest is damaged is ignored with its name, and others serve`()
    throws
  {
    let disk = FaultDisk()
    let store = try SnapshotStore.open(disk: disk, directory: "/s")
    let older = try ModelSnapshot(index: 10, tables: [1]).make(store, disk)
    let newer = try ModelSnapshot(index: 20, tables: [2]).make(store, disk)
    let manifest = newer.directory + "/manifest"
    for byte in 0..<disk.bytes(manifest).count {
      let damaged = disk.after(.process)
      damaged.flip(manifest, byte: byte, bit: byte % 8)
      let again = try SnapshotStore.open(disk: damaged, directory: "/s")
      #expect(again.latest == older && again.snapshots.count == 1)
      let text = try #require(again.ignored.first).description
      #expect(text.hasPrefix(manifest) && text.contains("ignored") && !text.contains("\n"))
      try again.removeOld(keeping: 1)
      #expect(try damaged.list("/s").count == 1, "what is ignored is removed with the old ones")
    }
  }

  @Test func `a damaged pointer is named, and a damaged note of a download only starts it over`()
    throws
  {
    let disk = try Installing.node()
    let data = try Installing.open(disk)
    let install = try SnapshotInstall(data, manifest: try Installing.manifest())
    _ = try Installing.send(install, pieces: 3)
    for byte in 0..<disk.bytes("/data/incoming").count {
      let damaged = disk.after(.process)
      damaged.flip("/data/incoming", byte: byte, bit: byte % 8)
      let opened = try Installing.open(damaged)
      #expect(opened.notes.map(\.path) == ["/data/incoming"])
      #expect(try ModelSnapshot.read(damaged, opened.statePath).applied == Installing.old.applied)
    }
    _ = try Installing.send(install)
    try install.finishFiles { try ModelSnapshot.read(disk, $0) }
    for byte in 0..<disk.bytes("/data/CURRENT").count {
      let damaged = disk.after(.process)
      damaged.flip("/data/CURRENT", byte: byte, bit: byte % 8)
      let text = try line { _ = try Installing.open(damaged) }
      #expect(text.hasPrefix("/data/CURRENT: ") && text.contains("damaged"), "\(text)")
    }
    // The pointer is gone: the store that it named must not be taken for an unused one.
    let lost = disk.after(.process)
    _ = try Installing.open(lost)
    let restarted = lost.after(.process)
    try restarted.remove("/data/CURRENT")
    let text = try line { _ = try Installing.open(restarted) }
    #expect(text.hasPrefix("/data/CURRENT: "), "\(text)")
    let name = try #require(try restarted.list("/data").first { $0.hasPrefix("state-") })
    let kept = try ModelSnapshot.read(restarted, "/data/" + name)
    #expect(kept.applied == Installing.new.applied)
  }
}
