// SimDiskTests: what the simulated disk keeps and loses.

import Storage
import Testing

@testable import Simulator

@Suite struct SimDiskTests {
  private func file(_ disk: SimDisk, _ bytes: [UInt8]) throws -> any DiskFile {
    let file = try disk.create("/log/a")
    try file.write(bytes, at: 0)
    try file.sync()
    try disk.syncDirectory("/log")
    return file
  }

  @Test func `what was synced survives a power loss`() throws {
    let disk = SimDisk()
    _ = try file(disk, Array(repeating: 7, count: 4096))
    var random = SimRandom(1)
    disk.losePower(&random)
    let again = try disk.open("/log/a", writable: false)
    #expect(try again.read(at: 0, count: 4096) == Array(repeating: 7, count: 4096))
  }

  @Test func `what was not synced is lost by whole sectors, in some seed`() throws {
    var seen: Set<[UInt8]> = []
    for seed in 0..<40 as Range<UInt64> {
      let disk = SimDisk()
      let file = try file(disk, Array(repeating: 0, count: 4096))
      try file.write(Array(repeating: 1, count: 4096), at: 0)
      var random = SimRandom(seed)
      disk.losePower(&random)
      let bytes = try disk.open("/log/a", writable: false).read(at: 0, count: 4096)
      for sector in 0..<8 {
        let part = Set(bytes[sector * 512..<(sector + 1) * 512])
        #expect(part.count == 1, "seed \(seed): a sector is torn")
      }
      seen.insert([bytes[0], bytes[4095]])
    }
    #expect(seen.count > 2, "all, nothing and a part survive in some seed")
  }

  @Test func `a name that was not synced may be lost`() throws {
    var lost = 0
    for seed in 0..<40 as Range<UInt64> {
      let disk = SimDisk()
      let made = try disk.create("/log/a")
      try made.sync()
      var random = SimRandom(seed)
      disk.losePower(&random)
      if try !disk.exists("/log/a") { lost += 1 }
    }
    #expect(lost > 5 && lost < 35)
  }

  @Test func `after a failed sync the cache lies until it is dropped`() throws {
    let disk = SimDisk()
    let file = try file(disk, Array(repeating: 0, count: 512))
    try file.write(Array(repeating: 1, count: 512), at: 0)
    disk.failsNextSync = true
    #expect(throws: StorageError.self) { try file.sync() }
    try file.sync()
    #expect(try file.read(at: 0, count: 1) == [1])
  }

  @Test func `a disk that stops takes no more`() throws {
    let disk = SimDisk()
    let file = try file(disk, [1])
    disk.stopAfter = 0
    #expect(throws: StorageError.self) { try file.sync() }
    #expect(throws: StorageError.self) { try file.write([2], at: 0) }
    disk.loseProcess()
    try file.write([2], at: 0)
  }

  @Test func `a copy is independent and holds what is durable`() throws {
    let disk = SimDisk()
    let file = try file(disk, Array(repeating: 3, count: 512))
    try file.write(Array(repeating: 4, count: 512), at: 0)
    let copy = disk.copy()
    #expect(try copy.open("/log/a", writable: false).read(at: 0, count: 1) == [3])
    #expect(try file.read(at: 0, count: 1) == [4])
  }
}
