// DataDirectoryTests: one owner, one node, one cluster, and no log that vanishes unnoticed.

import Glibc
import Raft
import Storage
import TestSupport
import Testing

@Suite struct DataDirectoryTests {
  static let genesis = [UInt8](repeating: 0xA1, count: 32)

  private func open(
    _ path: String, node: UInt64 = 1, genesis: [UInt8] = genesis, random: UInt64 = 77,
    disk: any Disk = LinuxDisk()
  ) throws -> DataDirectory {
    try DataDirectory.open(
      path: path, node: NodeID(node), genesisHash: genesis, randomIncarnation: random, disk: disk)
  }

  private func line(_ body: () throws -> Void) throws -> String {
    let error = #expect(throws: StorageError.self) { try body() }
    let text = try #require(error).description
    #expect(!text.contains("\n"))
    return text
  }

  @Test func `a new directory keeps its first incarnation`() throws {
    let directory = TemporaryDirectory()
    let path = directory.file("deep/er/data")
    do {
      let made = try open(path, random: 77)
      #expect(made.isNew && made.incarnation == 77)
    }
    let found = try open(path, random: 78)
    #expect(!found.isNew && found.incarnation == 77 && found.node == NodeID(1))
    #expect(found.logPath == path + "/log" && found.statePath == path + "/state")
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o700)
    #expect(stat(path + "/identity", &status) == 0 && status.st_mode & 0o777 == 0o600)
  }

  @Test func `a second owner is refused, and let in when the first is gone`() throws {
    let directory = TemporaryDirectory()
    do {
      let first = try open(directory.file("data"))
      let text = try line { _ = try open(directory.file("data")) }
      #expect(text.contains("in use by another process") && text.contains(directory.path))
      #expect(try line { _ = try DataDirectory.openExisting(path: first.path) }.contains("in use"))
    }
    #expect(try !open(directory.file("data")).isNew)
  }

  @Test func `a directory of another node or cluster is refused with both names`() throws {
    let directory = TemporaryDirectory()
    _ = try open(directory.file("data"))
    let node = try line { _ = try open(directory.file("data"), node: 2) }
    #expect(node.contains("belongs to node 1") && node.contains("not to node 2"))
    let other = [UInt8](repeating: 0xB2, count: 32)
    let cluster = try line { _ = try open(directory.file("data"), genesis: other) }
    #expect(cluster.contains("a1a1a1") && cluster.contains("b2b2b2"))
  }

  @Test func `a foreign, damaged or unreadable directory is refused and left alone`() throws {
    let disk = FaultDisk()
    try disk.makeDirectory("/home")
    _ = try disk.create("/home/letters")
    #expect(try line { _ = try open("/home", disk: disk) }.contains("letters"))
    #expect(try disk.list("/home").contains("letters"))
    _ = try open("/data", disk: disk)
    for byte in 0..<66 {
      let damaged = disk.after(.process)
      damaged.flip("/data/identity", byte: byte, bit: byte % 8)
      let text = try line { _ = try open("/data", disk: damaged) }
      #expect(text.hasPrefix("/data/identity: ") && text.contains("damaged"))
    }
    let file = TemporaryDirectory()
    #expect(try line { _ = try open("/dev/null") }.contains("not a directory"))
    #expect(try line { _ = try open("/proc/none/data") }.contains("/proc/none"))
    #expect(try line { _ = try DataDirectory.openExisting(path: file.path) }.contains("identity"))
    #expect(try LinuxDisk().list(file.path).isEmpty, "looking at a directory makes nothing in it")
  }

  @Test func `making a directory survives a stop after any disk operation`() throws {
    var stopAfter = 0
    while true {
      let disk = FaultDisk(FaultDisk.Faults(stopAfter: stopAfter))
      var finished = false
      if let made = try? open("/data", random: 77, disk: disk),
        (try? made.openLog(options: LogScenario.options)) != nil
      {
        finished = true
      }
      let crashes = [.process, .power] + (0..<8).map { FaultDisk.Crash.tornPower(seed: $0) }
      for crash in crashes {
        let found = try open("/data", random: 78, disk: disk.after(crash))
        #expect(!finished || found.incarnation == 77, "\(stopAfter), \(crash)")
        let (_, log) = try found.openLog(options: LogScenario.options)
        #expect(log.last == .zero, "\(stopAfter), \(crash)")
      }
      if finished { break }
      stopAfter += 1
    }
    #expect(stopAfter > 12)
  }

  @Test func `a log that is gone is not taken for an empty one`() throws {
    let disk = FaultDisk()
    _ = try open("/data", disk: disk).openLog(options: LogScenario.options)
    let again = try open("/data", disk: disk)
    #expect(try again.openLog(options: LogScenario.options).1.tail == .empty)
    for name in try disk.list("/data/log") { try disk.remove("/data/log/" + name) }
    let text = try line { _ = try again.openLog(options: LogScenario.options) }
    #expect(text.contains("/data/log") && text.contains("gone"))
  }
}
