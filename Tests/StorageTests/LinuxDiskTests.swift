// LinuxDiskTests: the real file system does what the log and the snapshots ask of it.
//
// Not here: failures (FaultDisk stands in for those).

import Storage
import TestSupport
import Testing

@Suite struct LinuxDiskTests {
  private let place = TemporaryDirectory()
  private let disk = LinuxDisk()

  @Test(arguments: [4096, 16 << 10, 256 << 10, (1 << 20) + 4096])
  func `a zeroed file has its size, holds zeros, and can be written`(_ count: Int) throws {
    let path = place.file("zeroed")
    let file = try disk.createZeroed(path, count: count)
    #expect(try file.size() == count)
    #expect(try file.read(at: 0, count: count + 1) == [UInt8](repeating: 0, count: count))
    try file.write([1, 2, 3], at: count - 3)
    try file.sync()
    let again = try disk.open(path, writable: false)
    #expect(try again.read(at: count - 4, count: 10) == [0, 1, 2, 3])
    let error = #expect(throws: StorageError.self) {
      _ = try disk.createZeroed(path, count: count)
    }
    #expect(error?.description.contains(path) == true)
  }

  @Test func `a zeroed file is made where nothing can be written past the cache, too`() throws {
    // A file system in memory refuses direct writes, or takes them; the result is the same.
    let path = "/dev/shm/castle-zeroed-test"
    if try disk.exists(path) { try disk.remove(path) }
    let file = try disk.createZeroed(path, count: 1 << 20)
    defer { try? disk.remove(path) }
    #expect(try file.read(at: 0, count: 2 << 20) == [UInt8](repeating: 0, count: 1 << 20))
  }

  @Test func `a link is the same file under a second name`() throws {
    let file = try disk.create(place.file("one"))
    try file.write([1], at: 0)
    try disk.makeDirectory(place.file("deep"))
    try disk.link(place.file("one"), to: place.file("deep/two"))
    try disk.remove(place.file("one"))
    try file.write([2], at: 1)
    let two = try disk.open(place.file("deep/two"), writable: false)
    #expect(try two.read(at: 0, count: 9) == [1, 2])
    #expect(throws: StorageError.self) { try disk.link(place.file("one"), to: place.file("x")) }
    #expect(throws: StorageError.self) { try disk.removeDirectory(place.file("deep")) }
    try disk.remove(place.file("deep/two"))
    try disk.removeDirectory(place.file("deep"))
    #expect(try !disk.exists(place.file("deep")))
  }

  @Test func `what is removed gently is gone, and a second name of it keeps every byte`() throws {
    let bytes = [UInt8](repeating: 7, count: (16 << 20) + 5)
    try disk.create(place.file("alone")).write(bytes, at: 0)
    try disk.removeGently(place.file("alone"))
    #expect(try !disk.exists(place.file("alone")))

    try disk.create(place.file("shared")).write(bytes, at: 0)
    try disk.link(place.file("shared"), to: place.file("other"))
    try disk.removeGently(place.file("shared"))
    #expect(try !disk.exists(place.file("shared")))
    let other = try disk.open(place.file("other"), writable: false)
    #expect(try other.size() == bytes.count)
    #expect(try other.read(at: bytes.count - 3, count: 9) == [7, 7, 7])

    try disk.makeDirectory(place.file("tree"))
    try disk.link(place.file("other"), to: place.file("tree/linked"))
    try disk.create(place.file("tree/own")).write([1], at: 0)
    try disk.removeTree(place.file("tree"), gently: true)
    #expect(try !disk.exists(place.file("tree")))
    #expect(try other.size() == bytes.count && disk.exists(place.file("other")))
    #expect(throws: StorageError.self) { try disk.removeGently(place.file("missing")) }
  }

  @Test func `allocated space is there and reads as zeros`() throws {
    let file = try disk.create(place.file("reserve"))
    try file.allocate(1 << 20)
    #expect(try file.size() == 1 << 20)
    #expect(try file.read(at: 1000, count: 8) == [UInt8](repeating: 0, count: 8))
    #expect(try disk.freeBytes(place.path) > 0)
  }
}
