// SnapshotTests: nodes that cannot be served from the log, or whose state is wrong, get another's state.

import Engine
import Raft
import Simulator
import TestSupport
import Testing

@testable import Replica

@Suite struct SnapshotTests {
  static func settings() -> WorldSettings {
    var settings = WorldSettings()
    settings.runsPerFlush = 4
    settings.floorTicks = 50
    settings.windowBytes = 16 << 10
    return settings
  }

  /// Trades until the other nodes have cut what `node` needs.
  static func leaveBehind(
    _ node: WorldNode, _ world: ClusterWorld, _ clients: WorldClients,
    _ random: inout SeededRandom
  ) throws {
    let end = node.last.index
    for _ in 0..<40 {
      FenceTests.trade(world, clients, &random, 50)
      let others = world.nodes.filter { $0 !== node && $0.life != nil }
      if others.allSatisfy({ $0.base.index > end }) { return }
    }
    try #require(Bool(false), "the logs are never cut")
  }

  static func settle(_ world: ClusterWorld, _ clients: WorldClients) {
    if !world.run(upTo: 20_000_000, until: { clients.owed == 0 }) {
      world.checker.note("\(clients.owed) answers never come")
    }
    world.run(3_000_000)
    world.checker.finish(world, clients)
  }

  @Test(arguments: [0, 4] as [Int64])
  func `a dead voter keeps no log for ever, and comes back by a snapshot under load`(
    loss: Int64
  ) throws {
    var settings = Self.settings()
    settings.dropPercent = loss
    let (world, clients) = try FenceTests.market(101, settings)
    var random = SeededRandom(101)
    let node = try #require(world.nodes.first { $0 !== world.leader })
    world.crash(node)
    try Self.leaveBehind(node, world, clients, &random)
    world.start(node)
    for _ in 0..<300 {
      clients.trade(&random, repeats: 0, shortDeadlines: 0)
      world.run(5_000)
    }
    #expect(world.run(upTo: 60_000_000) { !world.installs.isEmpty })
    Self.settle(world, clients)
    #expect(world.checker.violations == [])
    #expect(world.installs.count >= 1 && world.installs.count <= 2)
    #expect(Set(world.installs) == [node.id])
  }

  @Test func `a wrong state is replaced by a peer's, also when it led`() throws {
    let (world, clients) = try FenceTests.market(102, Self.settings())
    var random = SeededRandom(102)
    world.run(1_000_000)
    let wrong = try #require(world.leader)
    try #require(wrong.life).coordinator.corruptState()
    for _ in 0..<200 {
      clients.trade(&random, repeats: 0, shortDeadlines: 0)
      world.run(5_000)
    }
    #expect(world.run(upTo: 10_000_000) { world.installs == [wrong.id] })
    #expect(world.run(upTo: 5_000_000) { clients.owed == 0 })
    world.run(3_000_000)
    let status = try FenceTests.status(world, wrong)
    #expect(status.fence == nil)
    #expect(status.ready)
    let hashes = try world.nodes.map { try FenceTests.status(world, $0).stateHash }
    #expect(Set(hashes).count == 1)
  }

  @Test func `a damaged store is replaced, and the node votes meanwhile`() throws {
    let (world, clients) = try FenceTests.market(103, Self.settings())
    var random = SeededRandom(103)
    FenceTests.trade(world, clients, &random, 100)
    let node = try #require(world.nodes.first { $0 !== world.leader })
    let other = try #require(world.nodes.first { $0 !== world.leader && $0 !== node })
    world.crash(node)
    node.storeDamage = "a block of the store cannot be read"
    world.crash(other)
    world.start(node)
    world.run(400_000)
    #expect(world.installs == [] || world.installs == [node.id])
    let place = clients.ask(
      Request(
        header: clients.header(key: clients.accounts[0].key, window: 5_000_000),
        command: .revokeKey(RevokeKey(apiKey: "none"))), at: try #require(world.leader))
    #expect(world.run(upTo: 4_000_000) { clients.asked[place].open == 0 })
    #expect(world.run(upTo: 10_000_000) { world.installs == [node.id] })
    world.start(other)
    Self.settle(world, clients)
    #expect(world.checker.violations == [])
  }

  @Test func `a snapshot that was damaged on its way is not installed`() throws {
    var settings = Self.settings()
    settings.rottenReads = true
    let (world, clients) = try FenceTests.market(104, settings)
    var random = SeededRandom(104)
    let node = try #require(world.nodes.first { $0 !== world.leader })
    world.crash(node)
    try Self.leaveBehind(node, world, clients, &random)
    world.start(node)
    #expect(world.run(upTo: 60_000_000) { world.installsFailed > 0 })
    world.settings.rottenReads = false
    #expect(world.run(upTo: 60_000_000) { !world.installs.isEmpty })
    Self.settle(world, clients)
    #expect(world.checker.violations == [])
  }

  @Test func `an interrupted install goes on where it stopped`() throws {
    var settings = Self.settings()
    settings.snapshotBytesPerSecond = 100_000
    // What the comparison of states appends does not make the snapshot too old.
    settings.trailingBytes = 4 << 10
    let (world, clients) = try FenceTests.market(105, settings)
    var random = SeededRandom(105)
    let node = try #require(world.nodes.first { $0 !== world.leader })
    world.crash(node)
    try Self.leaveBehind(node, world, clients, &random)
    world.start(node)
    let total = { node.snapshotPieces(world) }
    #expect(
      world.run(upTo: 30_000_000) {
        (node.install?.missing.count ?? .max) < total() / 2 && node.install != nil
      })
    world.crash(node)
    let left = try #require(node.install?.missing.count)
    let before = world.piecesBegun
    world.start(node)
    #expect(world.run(upTo: 60_000_000) { world.piecesBegun > before })
    #expect(world.piecesBegun - before == left || left == 0)
    #expect(world.run(upTo: 60_000_000) { !world.installs.isEmpty })
    Self.settle(world, clients)
    #expect(world.checker.violations == [])
  }
}

extension SnapshotTests {
  /// Two of three have a state, and one of these is wrong: nothing tells which, so none is sent. Once
  /// one of them says itself that its state is damaged, the other's is.
  @Test func `a state that another voter contradicts is not sent`() throws {
    var settings = Self.settings()
    settings.hashInterval = 1 << 40
    let (world, clients) = try FenceTests.market(106, settings)
    var random = SeededRandom(106)
    let node = try #require(world.nodes.first { $0 !== world.leader })
    world.crash(node)
    try Self.leaveBehind(node, world, clients, &random)
    let wrong = try #require(world.nodes.first { $0 !== node && $0 !== world.leader })
    try #require(wrong.life).coordinator.corruptState()
    FenceTests.trade(world, clients, &random, 20)
    world.start(node)
    world.run(20_000_000)
    #expect(world.installs == [])
    let leader = try #require(world.leader)
    let status = try FenceTests.status(world, leader)
    #expect(status.faults.contains { $0.contains("differ, and too few voters") })
    clients.forget(wrong)
    world.crash(wrong)
    wrong.storeDamage = "an operator took it away"
    world.start(wrong)
    #expect(
      world.run(upTo: 90_000_000) { Set(world.installs) == [node.id, wrong.id] })
    world.run(5_000_000)
    let hashes = try world.nodes.map { try FenceTests.status(world, $0).stateHash }
    #expect(Set(hashes).count == 1)
  }
}

extension SnapshotTests {
  /// A leader with a wrong state, which one voter contradicts and then goes; the third has lost its
  /// store. Returns the two others.
  static func contradicted(
    _ world: ClusterWorld, _ clients: WorldClients, _ random: inout SeededRandom,
    lasting: Bool = true
  ) throws -> (away: WorldNode, empty: WorldNode) {
    FenceTests.trade(world, clients, &random, 100)
    let wrong = try #require(world.leader)
    let empty = try #require(world.nodes.first { $0 !== wrong })
    let away = try #require(world.nodes.last { $0 !== wrong })
    clients.forget(empty)
    world.crash(empty)
    empty.storeDamage = "a block of the store cannot be read"
    try #require(wrong.life).coordinator.corruptState(lasting: lasting)
    world.start(empty)
    let isTold = world.run(upTo: 10_000_000) {
      wrong.life?.coordinator.dispute != nil
    }
    try #require(isTold, "nobody contradicts")
    clients.forget(away)
    world.crash(away)
    return (away, empty)
  }

  /// Otherwise the wrong state would have the majority, and the right one would be replaced.
  @Test(arguments: [32, 1 << 40] as [UInt64])
  func `a contradicted state is not sent, however long the other voter is away`(
    interval: UInt64
  ) throws {
    var settings = Self.settings()
    settings.hashInterval = interval
    let (world, clients) = try FenceTests.market(107, settings)
    var random = SeededRandom(107)
    let (away, empty) = try Self.contradicted(world, clients, &random)
    let leader = try #require(world.leader)
    let before = try FenceTests.status(world, leader)
    for _ in 0..<40 {
      if interval == 32 {
        FenceTests.trade(world, clients, &random, 20)
        clients.forget(away)
      }
      world.run(1_000_000)
      let status = try FenceTests.status(world, leader)
      #expect(status.faults.contains { $0.contains("differ, and too few voters") })
      #expect(status.snapshotTransfers == 0)
    }
    let after = try FenceTests.status(world, leader)
    let points = after.hashes.count { $0.index > before.appliedIndex }
    #expect(points > 4, "the voters had \(points) points to compare since")
    world.start(away)
    world.run(20_000_000)
    #expect(world.installs == [])
    #expect(try FenceTests.status(world, empty).fence != nil)
  }

  /// A majority has it again at a later point.
  @Test func `a state that is right again is compared anew, and sent`() throws {
    var settings = Self.settings()
    settings.hashInterval = 1 << 40
    let (world, clients) = try FenceTests.market(111, settings)
    var random = SeededRandom(111)
    let (away, empty) = try Self.contradicted(world, clients, &random, lasting: false)
    world.run(1_000_000)
    world.start(away)
    world.run(30_000_000)
    #expect(world.installs == [])
    #expect(world.run(upTo: 120_000_000) { world.installs == [empty.id] })
    world.run(3_000_000)
    let hashes = try world.nodes.map { try FenceTests.status(world, $0).stateHash }
    #expect(Set(hashes).count == 1)
  }

  /// A leader with a wrong state alone with a voter that lost its store; the third comes back while
  /// the snapshot is on its way, and held up. Returns the one that must not get it.
  static func contradictedOnTheWay(
    _ world: ClusterWorld, _ clients: WorldClients, _ random: inout SeededRandom
  ) throws -> WorldNode {
    FenceTests.trade(world, clients, &random, 100)
    let wrong = try #require(world.leader)
    let empty = try #require(world.nodes.first { $0 !== wrong })
    let away = try #require(world.nodes.last { $0 !== wrong })
    for node in [empty, away] {
      clients.forget(node)
      world.crash(node)
    }
    empty.storeDamage = "a block of the store cannot be read"
    try #require(wrong.life).coordinator.corruptState()
    world.start(empty)
    try #require(world.run(upTo: 20_000_000) { empty.fetches(world) }, "nothing is sent")
    world.setBlocked(wrong, empty, true)
    world.start(away)
    try #require(world.run(upTo: 3_000_000) { wrong.life?.coordinator.dispute != nil })
    world.setBlocked(wrong, empty, false)
    world.run(20_000_000)
    return empty
  }

  @Test func `a snapshot that is contradicted on its way goes no further`() throws {
    var settings = Self.settings()
    settings.hashInterval = 1 << 40
    let (world, clients) = try FenceTests.market(108, settings)
    var random = SeededRandom(108)
    let empty = try Self.contradictedOnTheWay(world, clients, &random)
    #expect(world.installs == [])
    #expect(empty.install?.missing.isEmpty == false)
  }

  /// A node that lags fetches a snapshot from the leader; then another leads, whose log still reaches
  /// back far enough. Returns the node that lagged.
  static func overtaken(
    _ world: ClusterWorld, _ clients: WorldClients, _ random: inout SeededRandom,
    until isFarEnough: (WorldNode) -> Bool
  ) throws -> WorldNode {
    let first = try #require(world.leader)
    let node = try #require(world.nodes.first { $0 !== first })
    let second = try #require(world.nodes.last { $0 !== first })
    clients.forget(node)
    world.crash(node)
    // What is not flushed is not cut.
    second.storeHangs = true
    for _ in 0..<40 where first.base.index <= node.last.index {
      FenceTests.trade(world, clients, &random, 50)
    }
    try #require(first.base.index > node.last.index)
    world.start(node)
    try #require(world.run(upTo: 30_000_000) { isFarEnough(node) }, "nothing is fetched")
    // What is being fetched is held up meanwhile.
    world.setBlocked(first, node, true)
    let life = try #require(first.life)
    try #require(
      life.coordinator.transferLeadership(to: second.id, world.now(first), &life.effects))
    try #require(world.run(upTo: 5_000_000) { world.leader === second })
    FenceTests.trade(world, clients, &random, 100)
    world.setBlocked(first, node, false)
    for _ in 0..<20 {
      FenceTests.trade(world, clients, &random, 20)
      world.run(1_000_000)
    }
    return node
  }

  @Test func `a fetch ends once the log has overtaken it`() throws {
    let (world, clients) = try FenceTests.market(109, Self.settings())
    var random = SeededRandom(109)
    let node = try Self.overtaken(world, clients, &random) { $0.fetches(world) }
    #expect(world.installs == [])
    #expect(!(try FenceTests.status(world, node).faults.contains { $0.contains("fetching") }))
    for other in world.nodes { other.storeHangs = false }
    Self.settle(world, clients)
    #expect(world.checker.violations == [])
  }

  /// Whoever swaps cannot be called back: then the log has to reach back to the snapshot.
  @Test func `the log is not cut beyond a snapshot that is being swapped in`() throws {
    var settings = Self.settings()
    settings.swapDelay = 10_000_000
    let (world, clients) = try FenceTests.market(110, settings)
    var random = SeededRandom(110)
    let node = try Self.overtaken(world, clients, &random) { node in
      world.reinstalls.contains { $0.0 === node }
    }
    #expect(world.installs == [node.id])
    for other in world.nodes { other.storeHangs = false }
    Self.settle(world, clients)
    #expect(world.checker.violations == [])
  }
}

extension WorldNode {
  /// Whether it has got some pieces of a snapshot, and not all.
  func fetches(_ world: ClusterWorld) -> Bool {
    guard let install, !install.missing.isEmpty else { return false }
    return install.missing.count + 2 < snapshotPieces(world)
  }

  /// How many pieces the snapshots of the others have.
  func snapshotPieces(_ world: ClusterWorld) -> Int {
    let blobs = world.nodes.compactMap { $0.snapshot?.blob.count }
    return (blobs.max() ?? 0) / SnapshotCuts.small.pieceBytes
  }
}
