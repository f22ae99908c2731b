// ClusterRecoveryTests: one stopped node becomes a cluster of its own, whole or not at all.
//
// Not here: the questions to the operator (exctl).

import Raft
import Storage
import TestSupport
import Testing

@Suite struct ClusterRecoveryTests {
  private static let genesis = [UInt8](repeating: 0xA1, count: 32)
  private static let members = (UInt64(1)...3).map { Member(id: NodeID($0), incarnation: 100 + $0) }

  /// The stopped node `id`, with a configuration entry and `entries` more of `term`.
  private func stopped(
    _ disk: any Disk, _ id: UInt64, entries: Int, term: UInt64 = 1, commit: UInt64 = 0
  ) throws {
    let data = try DataDirectory.open(
      path: "/n\(id)", node: NodeID(id), genesisHash: Self.genesis, randomIncarnation: 100 + id,
      disk: disk)
    let (store, _) = try data.openLog(options: LogScenario.options)
    let configuration = try #require(Configuration(voters: Self.members)).encoded
    var made = [
      Entry(
        id: EntryID(term: Term(1), index: LogIndex(1)), kind: .configuration,
        payload: configuration)
    ]
    for index in 0..<entries {
      let place = EntryID(term: Term(term), index: LogIndex(UInt64(index) + 2))
      made.append(Entry(id: place, kind: .command, payload: [UInt8](repeating: 3, count: 3000)))
    }
    let state = HardState(term: Term(term), vote: nil, commit: LogIndex(commit))
    try store.write([LogWrite(sequence: 1, entries: made, hardState: state)])
  }

  private func line(_ body: () throws -> Void) throws -> String {
    let error = #expect(throws: StorageError.self) { try body() }
    let text = try #require(error).description
    #expect(!text.contains("\n"))
    return text
  }

  private func reopen(
    _ disk: FaultDisk, _ id: UInt64 = 2
  ) throws -> (DataDirectory, RecoveredLog, [Entry]) {
    let data = try DataDirectory.openExisting(path: "/n\(id)", disk: disk)
    let (_, log) = try data.openLog(options: LogScenario.options)
    return (data, log, try log.entries(after: log.base.index))
  }

  @Test func `the longest log is kept, and its node is the only voter, under a new incarnation`()
    throws
  {
    let disk = FaultDisk()
    try stopped(disk, 1, entries: 9, term: 1, commit: 10)
    try stopped(disk, 2, entries: 5, term: 2)
    let before = try reopen(disk).2
    do {
      let recovery = try ClusterRecovery.survey(["/n1", "/n2"], disk: disk)
      #expect(recovery.source.directory.node == NodeID(2), "a later term is above a longer log")
      #expect(recovery.keptUpTo == before.last?.id && recovery.knownUpTo == LogIndex(10))
      #expect(recovery.newTerm == Term(1002) && recovery.isQuorum)
      try recovery.begin(incarnation: 777, options: LogScenario.options)
    }
    let (data, log, entries) = try reopen(disk.after(.power))
    #expect(data.incarnation == 777 && data.epoch == 1 && data.logPath == "/n2/log-1")
    #expect(entries.dropLast().map(\.id) == before.map(\.id))
    #expect(entries.dropFirst().dropLast() == before.dropFirst())
    let last = try #require(entries.last)
    #expect(entries.first?.payload == last.payload, "no member of the old cluster is left in it")
    let configuration = try Configuration(decoding: last.payload)
    #expect(last.term == Term(1002) && last.kind == .configuration)
    #expect(configuration.voters == [Member(id: NodeID(2), incarnation: 777)])
    #expect(log.hardState.term == Term(1002) && log.claim == .none)
    #expect(try disk.list("/n2/log").contains { $0.hasSuffix(".segment") }, "the old log stays")
    // It can be done once more.
    try ClusterRecovery.survey(["/n2"], disk: disk)
      .begin(incarnation: 778, options: LogScenario.options)
    #expect(try reopen(disk.after(.power)).0.epoch == 2)
  }

  @Test func `one node of three is no quorum, and a damaged log counts for none`() throws {
    let disk = FaultDisk()
    try stopped(disk, 1, entries: 2)
    try stopped(disk, 3, entries: 4)
    #expect(try !ClusterRecovery.survey(["/n3"], disk: disk).isQuorum)
    #expect(try ClusterRecovery.survey(["/n1", "/n3"], disk: disk).isQuorum)
    disk.flip("/n3/log/0000000000000001.segment", byte: 3 * 4096 + 300, bit: 1)
    let damaged = try ClusterRecovery.survey(["/n1", "/n3"], disk: disk)
    #expect(!damaged.isQuorum && damaged.source.directory.node == NodeID(1))
    #expect(damaged.knownUpTo == LogIndex(5))
  }

  @Test func `a log that was cut keeps its base`() throws {
    let disk = FaultDisk()
    try stopped(disk, 2, entries: 20)
    do {
      let data = try DataDirectory.openExisting(path: "/n2", disk: disk)
      let (store, _) = try data.openLog(options: LogScenario.options)
      try store.reset(to: EntryID(term: Term(1), index: LogIndex(50)))
      try LogRepairTests.write(store, 2, term: 3)
    }
    let recovery = try ClusterRecovery.survey(["/n2"], disk: disk)
    #expect(recovery.configuration == nil && !recovery.isQuorum)
    try recovery.begin(incarnation: 777, options: LogScenario.options)
    let (_, log, entries) = try reopen(disk.after(.power))
    #expect(log.base.index == LogIndex(50) && entries.count == 3)
  }

  private func state(_ index: UInt64, term: UInt64 = 1) -> SnapshotContents {
    SnapshotContents(
      applied: EntryID(term: Term(term), index: LogIndex(index)),
      configuration: Configuration(voters: Self.members), stateHash: 1, genesisHash: Self.genesis,
      level: 1)
  }

  @Test func `a state that its log does not reach is kept, and the new log begins behind it`()
    throws
  {
    let disk = FaultDisk()
    try stopped(disk, 1, entries: 9)
    try stopped(disk, 2, entries: 5)
    do {
      let recovery = try ClusterRecovery.survey(["/n1", "/n2"], disk: disk) { path in
        path.hasPrefix("/n2/") ? state(50) : state(4)
      }
      #expect(recovery.source.directory.node == NodeID(2), "its state covers more than any log")
      #expect(recovery.keptUpTo == state(50).applied)
      #expect(recovery.configuration?.voters == Self.members)
      try recovery.begin(incarnation: 777, options: LogScenario.options)
    }
    let (_, log, entries) = try reopen(disk.after(.power))
    #expect(log.base == state(50).applied)
    #expect(entries.count == 1 && entries[0].index == LogIndex(51))
    #expect(try Configuration(decoding: entries[0].payload).voters.map(\.incarnation) == [777])
  }

  @Test
  func `the new log begins behind the state, and goes on with what the old one held after it`()
    throws
  {
    let disk = FaultDisk()
    try stopped(disk, 2, entries: 9)
    let before = try reopen(disk).2
    do {
      let recovery = try ClusterRecovery.survey(["/n2"], disk: disk) { _ in state(4) }
      #expect(recovery.keptUpTo == before.last?.id)
      try recovery.begin(incarnation: 777, options: LogScenario.options)
    }
    let (_, log, entries) = try reopen(disk.after(.power))
    #expect(log.base == state(4).applied, "who joins gets the state, and not the old members")
    #expect(entries.dropLast() == before.dropFirst(4))
    #expect(log.hardState.commit >= log.base.index)
  }

  @Test
  func `a damaged log that is as long as its state, and holds other entries, is not gone on with`()
    throws
  {
    let disk = FaultDisk()
    try stopped(disk, 2, entries: 4)
    let used = try LogStore.verify(disk: disk, directory: "/n2/log").segments[0].bytesUsed
    do {
      let data = try DataDirectory.openExisting(path: "/n2", disk: disk)
      let place = EntryID(term: Term(2), index: LogIndex(4))
      let entry = Entry(id: place, kind: .command, payload: [4])
      try data.openLog(options: LogScenario.options).0.write([
        LogWrite(
          sequence: 1, truncateAfter: LogIndex(3), entries: [entry],
          hardState: HardState(term: Term(2)))
      ])
    }
    disk.flip("/n2/log/0000000000000001.segment", byte: used + 300, bit: 1)
    let recovery = try ClusterRecovery.survey(["/n2"], disk: disk) { _ in state(4, term: 2) }
    #expect(recovery.source.log.suspect != nil)
    #expect(recovery.keptUpTo == state(4, term: 2).applied)
    try recovery.begin(incarnation: 777, options: LogScenario.options)
    let (_, log, entries) = try reopen(disk.after(.power))
    #expect(log.base == state(4, term: 2).applied && entries.count == 1)
  }

  @Test func `a directory whose state cannot be used is passed over, and alone it is refused`()
    throws
  {
    let disk = FaultDisk()
    try stopped(disk, 1, entries: 9)
    try stopped(disk, 2, entries: 5)
    func look(_ path: String) throws -> SnapshotContents {
      guard path.hasPrefix("/n2/") else { throw StorageError(path, "the rows do not add up") }
      return state(3)
    }
    do {
      let recovery = try ClusterRecovery.survey(["/n1", "/n2"], disk: disk, describe: look)
      #expect(recovery.source.directory.node == NodeID(2))
      #expect(recovery.candidates[0].stateDamage != nil)
    }
    let alone = try line { _ = try ClusterRecovery.survey(["/n1"], disk: disk, describe: look) }
    #expect(alone.contains("do not add up") && alone.contains("restore a snapshot"))
    do {
      let data = try DataDirectory.openExisting(path: "/n2", disk: disk)
      try data.openLog(options: LogScenario.options).0.reset(
        to: EntryID(term: Term(1), index: LogIndex(60)))
    }
    let behind = try line {
      _ = try ClusterRecovery.survey(["/n2"], disk: disk) { _ in state(3) }
    }
    #expect(behind.contains("before the log's beginning"))
  }

  @Test func `mixed-up, missing, running and repeated directories are named`() throws {
    let disk = FaultDisk()
    try stopped(disk, 1, entries: 2)
    _ = try DataDirectory.open(
      path: "/other", node: NodeID(4), genesisHash: [UInt8](repeating: 0xB2, count: 32),
      randomIncarnation: 1, disk: disk
    ).openLog(options: LogScenario.options)
    let mixed = try line { _ = try ClusterRecovery.survey(["/n1", "/other"], disk: disk) }
    #expect(mixed.contains("a1a1") && mixed.contains("b2b2") && mixed.hasPrefix("/other"))
    let gone = try line { _ = try ClusterRecovery.survey(["/none"], disk: disk) }
    #expect(gone.contains("identity"))
    let twice = try line { _ = try ClusterRecovery.survey(["/n1", "/n1"], disk: disk) }
    #expect(twice.contains("in use"))
    let running = try DataDirectory.openExisting(path: "/n1", disk: disk)
    let busy = try line { _ = try ClusterRecovery.survey([running.path], disk: disk) }
    #expect(busy.contains("in use"))
  }

  @Test func `a stop after any disk operation leaves the old node or the new one`() throws {
    let whole = FaultDisk()
    try stopped(whole, 2, entries: 5)
    let before = try reopen(whole).2
    var stopAfter = 0
    var isDone = false
    while !isDone {
      let disk = whole.after(.power)
      disk.setFaults(FaultDisk.Faults(stopAfter: stopAfter))
      if let recovery = try? ClusterRecovery.survey(["/n2"], disk: disk) {
        isDone =
          (try? recovery.begin(incarnation: 777, options: LogScenario.options)) != nil
      }
      for crash in LogRepairTests.crashes {
        let place = "stop \(stopAfter), \(crash)"
        let restarted = disk.after(crash)
        let (data, log, entries) = try reopen(restarted)
        let isNew = data.incarnation == 777
        #expect(isNew || !isDone && data.incarnation == 102, "\(place)")
        #expect(log.tail == .clean, "\(place): \(log.tail)")
        #expect(entries.prefix(before.count).map(\.id) == before.map(\.id), "\(place)")
        #expect(entries.prefix(before.count).dropFirst() == before.dropFirst(), "\(place)")
        #expect((entries[0] == before[0]) == !isNew, "\(place)")
        #expect(entries.count == before.count + (isNew ? 1 : 0), "\(place)")
      }
      stopAfter += 1
    }
    #expect(stopAfter > 15)
  }
}

@Suite struct SnapshotRestoreTests {
  /// A snapshot on a disk.
  private func snapshot(_ disk: FaultDisk) throws -> Snapshot {
    let store = try SnapshotStore.open(disk: disk, directory: "/backup")
    return try ModelSnapshot(index: 50, tables: [1, 2]).make(store, disk)
  }

  private func restore(_ disk: FaultDisk, from path: String, to: String = "/new") throws {
    try SnapshotRestore.restore(
      from: path, to: to, node: NodeID(9), incarnation: 777, disk: disk,
      options: LogScenario.options
    ) { try ModelSnapshot.read(disk, $0) }
  }

  @Test func `a snapshot becomes a cluster of one node`() throws {
    let disk = FaultDisk()
    let made = try snapshot(disk)
    try restore(disk, from: made.directory)
    let restarted = disk.after(.power)
    let data = try DataDirectory.open(
      path: "/new", node: NodeID(9), genesisHash: ModelSnapshot.genesis, randomIncarnation: 1,
      disk: restarted)
    #expect(data.incarnation == 777 && data.installed == made.applied && !data.isNew)
    #expect(try ModelSnapshot.read(restarted, data.statePath) == made.manifest.contents)
    let (_, log) = try data.openLog(options: LogScenario.options)
    #expect(log.base == made.applied && log.last.index == made.applied.index.next)
    let entry = try #require(try log.entries(after: log.base.index).first)
    #expect(
      try Configuration(decoding: entry.payload).voters
        == [Member(id: NodeID(9), incarnation: 777)])
    #expect(log.hardState.term == entry.term && entry.term > made.applied.term)
  }

  @Test func `a damaged or missing snapshot and a used directory are refused with one line`() throws
  {
    let disk = FaultDisk()
    let made = try snapshot(disk)
    func line(_ path: String, to: String = "/new", on disk: FaultDisk) throws -> String {
      let error = #expect(throws: StorageError.self) { try restore(disk, from: path, to: to) }
      let text = try #require(error).description
      #expect(!text.contains("\n"))
      return text
    }
    #expect(try line("/nowhere", on: disk).contains("is no snapshot"))
    let damaged = disk.after(.process)
    damaged.flip(made.directory + "/000001.sst", byte: 5, bit: 5)
    #expect(try line(made.directory, on: damaged).contains("000001.sst: is damaged"))
    damaged.flip(made.directory + "/manifest", byte: 5, bit: 5)
    #expect(try line(made.directory, to: "/other", on: damaged).contains("manifest"))
    try restore(disk, from: made.directory)
    #expect(try line(made.directory, on: disk).contains("in use by a node already"))
  }

  @Test func `a snapshot whose rows are not what its manifest says is neither whole nor restored`()
    throws
  {
    let disk = FaultDisk()
    let made = try snapshot(disk)
    let store = try SnapshotStore.inspect(disk: disk, directory: "/backup")
    #expect(store.verify(made) { try ModelSnapshot.read(disk, $0) }.isEmpty)
    func wrong(_ path: String) throws -> SnapshotContents {
      var found = try ModelSnapshot.read(disk, path)
      found.stateHash ^= 1
      return found
    }
    let damages = store.verify(made, describe: wrong)
    #expect(damages.count == 1 && damages[0].message.contains("its manifest says"))
    let error = #expect(throws: StorageError.self) {
      try SnapshotRestore.restore(
        from: made.directory, to: "/new", node: NodeID(9), incarnation: 777, disk: disk,
        options: LogScenario.options, describe: wrong)
    }
    #expect(try #require(error).message.contains("its manifest says"))
    #expect(try !disk.exists("/new/log-created"))
    try restore(disk, from: made.directory)
  }

  @Test func `a stop after any disk operation is answered by doing it again`() throws {
    let whole = FaultDisk()
    let made = try snapshot(whole)
    var stopAfter = 0
    var isDone = false
    while !isDone {
      let disk = whole.after(.process)
      disk.setFaults(FaultDisk.Faults(stopAfter: stopAfter))
      isDone = (try? restore(disk, from: made.directory)) != nil
      for crash in LogRepairTests.crashes where !isDone {
        let restarted = disk.after(crash)
        // Where a log was begun already, a new directory has to be taken.
        do {
          try restore(restarted, from: made.directory)
        } catch let error as StorageError {
          #expect(error.message.contains("in use by a node already"), "stop \(stopAfter): \(error)")
          try restore(restarted, from: made.directory, to: "/second")
        }
      }
      stopAfter += 1
    }
    #expect(stopAfter > 40)
  }
}
