// ClusterTests: whole histories of three nodes, checked against a replay of the log.
// Not here: planted bugs (MutantTests), the parts (ClusterClockTests, EntryPayloadTests, DuplicateTableTests,
// GreetingTests).

import Engine
import Raft
import TestSupport
import Testing

@testable import Replica

@Suite struct ClusterTests {
  /// Runs a market through crashes and a bad network, lets it rest, and returns what is wrong.
  static func history(
    seed: UInt64, _ settings: WorldSettings, rounds: Int = 1500, crashes: Bool = true,
    repeats: Int64 = 15, shortDeadlines: Int64 = 5
  ) -> (violations: [String], clients: WorldClients, world: ClusterWorld) {
    let world = ClusterWorld(seed: seed, settings)
    let clients = WorldClients(world)
    var random = SeededRandom(seed ^ 0xC0FFEE)
    world.startAll()
    guard clients.open(4) else {
      world.checker.note("the market does not open")
      return (world.checker.violations, clients, world)
    }
    for round in 0..<rounds {
      clients.trade(&random, repeats: repeats, shortDeadlines: shortDeadlines)
      world.run(500 * (1 + random.below(8)))
      if crashes, round % 150 == 149 { disturb(world, clients, &random) }
    }
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
      world.setBlocked(world.nodes[a], world.nodes[b], false)
    }
    for node in world.nodes where node.life == nil { world.start(node) }
    let rested = world.run(upTo: 20_000_000) { clients.owed == 0 }
    if !rested { world.checker.note("\(clients.owed) answers never come") }
    world.run(3_000_000)
    world.checker.finish(world, clients)
    return (world.checker.violations, clients, world)
  }

  /// A crash (of the leader more often than not), a restart, or a broken link.
  static func disturb(
    _ world: ClusterWorld, _ clients: WorldClients, _ random: inout SeededRandom
  ) {
    if let down = world.nodes.first(where: { $0.life == nil }) { world.start(down) }
    let any = world.nodes[Int(random.below(3))]
    if random.chance(25) {
      let other = world.nodes[Int(any.id.value) % 3]
      world.setBlocked(any, other, !world.isBlocked(any, other))
      return
    }
    let victim = random.chance(60) ? world.leader ?? any : any
    world.crash(victim)
    clients.forget(victim)
  }

  @Test(arguments: [11, 12, 14] as [UInt64])
  func `every answer fits the log through crashes and losses`(seed: UInt64) {
    print("seed \(seed)")
    var settings = WorldSettings()
    settings.dropPercent = 3
    settings.repeatPercent = 3
    settings.realLog = seed % 2 == 0
    let (violations, clients, world) = Self.history(seed: seed, settings)
    #expect(violations == [])
    #expect(world.nodes.allSatisfy { $0.lives > 1 && !$0.archive.isEmpty })
    #expect(clients.count { if case .reply = $0 { true } else { false } } > 500)
  }

  @Test func `a calm cluster answers everything with a reply`() {
    let (violations, clients, world) = Self.history(
      seed: 21, WorldSettings(), rounds: 400, crashes: false, shortDeadlines: 0)
    #expect(violations == [])
    #expect(clients.count { if case .reply = $0 { false } else { true } } == 0)
    let status = world.nodes.compactMap { $0.life?.coordinator.status(world.now($0)) }
    #expect(status.filter(\.ready).count == 3)
    #expect(Set(status.map(\.stateHash)).count == 1)
    #expect(status.contains { $0.ticksProposed > 0 })
  }

  @Test func `writes that wait during an election are answered without error`() throws {
    let world = ClusterWorld(seed: 31)
    let clients = WorldClients(world)
    world.startAll()
    try #require(clients.open(2))
    var random = SeededRandom(31)
    let leader = try #require(world.leader)
    world.crash(leader)
    clients.forget(leader)
    let before = clients.count { _ in true }
    for _ in 0..<50 {
      clients.trade(&random, repeats: 0, shortDeadlines: 0)
      world.run(1_000)
    }
    #expect(world.run(upTo: 3_000_000) { clients.owed == 0 })
    #expect(clients.count { _ in true } > before + 20)
    #expect(clients.count { if case .reply = $0 { false } else { true } } == 0)
    world.start(leader)
    world.run(2_000_000)
    world.checker.finish(world, clients)
    #expect(world.checker.violations == [])
  }

  @Test func `without a majority a write ends as unknown, and may still be executed`() throws {
    let world = ClusterWorld(seed: 41)
    let clients = WorldClients(world)
    world.startAll()
    try #require(clients.open(1))
    world.run(1_000_000)
    let leader = try #require(world.leader)
    let others = world.nodes.filter { $0 !== leader }
    for node in others { world.crash(node) }
    var random = SeededRandom(41)
    while clients.owed < 3 {
      clients.trade(&random, repeats: 0, shortDeadlines: 0)
      world.run(500)
    }
    #expect(world.run(upTo: 11_000_000) { clients.owed == 0 })
    #expect(clients.count { $0 == .unknown } == 3)
    for node in others { world.start(node) }
    world.run(5_000_000)
    world.checker.finish(world, clients)
    #expect(world.checker.violations == [])
  }

  /// Two hundred reads on all nodes while a market runs and leadership changes once; the world's checker notes each one
  /// that is stale, early or failed. Returns how many were answered.
  static func readsUnderLoad(
    _ seed: UInt64, _ settings: WorldSettings = WorldSettings()
  ) throws -> (answered: Int, world: ClusterWorld) {
    let world = ClusterWorld(seed: seed, settings)
    let clients = WorldClients(world)
    world.startAll()
    try #require(clients.open(2))
    var random = SeededRandom(seed)
    var floors: [UInt64: UInt64] = [:]
    var answered = 0
    world.onRead = { node, ticket, index in
      guard let index, let floor = floors[ticket], let life = node.life else {
        return world.checker.note("read \(ticket) failed")
      }
      answered += 1
      if index.value < floor { world.checker.note("read \(ticket) is stale") }
      if life.coordinator.runs.handedOut < index.value {
        world.checker.note("read \(ticket) is ready before its run")
      }
    }
    for ticket in 1...200 as ClosedRange<UInt64> {
      clients.trade(&random, repeats: 0)
      world.run(500 * (1 + random.below(6)))
      let node = world.nodes[Int(random.below(3))]
      guard let life = node.life else { continue }
      floors[ticket] = world.nodes.map { $0.life?.coordinator.appliedIndex ?? 0 }.max()
      life.coordinator.read(ticket, world.now(node), &life.effects)
      if ticket == 100, let leader = world.leader, let life = leader.life {
        life.coordinator.stepDown(world.now(leader), &life.effects)
      }
    }
    world.run(3_000_000)
    return (answered, world)
  }

  @Test func `a read on any node is ready only behind everything answered before it`() throws {
    let (answered, world) = try Self.readsUnderLoad(51)
    #expect(answered == 200)
    #expect(world.checker.violations == [])
  }

  @Test func `a depth window is closed at most a tenth of a second late`() throws {
    let world = ClusterWorld(seed: 65)
    let clients = WorldClients(world)
    world.startAll()
    try #require(clients.open(2))
    world.run(1_000_000)
    var random = SeededRandom(65)
    for _ in 0..<20 {
      clients.trade(&random, repeats: 0, shortDeadlines: 0)
      world.run(1_000_000)
    }
    let leader = try #require(world.leader?.life)
    #expect(leader.coordinator.status(.init(monotonic: 0, wall: 0)).ticksProposed > 5)
    let entries = world.checker.events.sorted { $0.key < $1.key }.map(\.value)
    var windowEnd: Int64 = 0
    for (stamp, events) in entries {
      if windowEnd > 0, stamp >= windowEnd {
        #expect(stamp <= windowEnd + 100_000)
        windowEnd = 0
      }
      let changes = events.contains { if case .levelChanged = $0 { true } else { false } }
      if changes, windowEnd == 0 { windowEnd = (stamp / 100_000 + 1) * 100_000 }
    }
    #expect(windowEnd == 0)
  }

  @Test func `a leader whose clock is off hands over, and stamps never follow it`() throws {
    var settings = WorldSettings()
    settings.wallOffsets = [0, 0, 0]
    let world = ClusterWorld(seed: 66, settings)
    let clients = WorldClients(world)
    world.startAll()
    try #require(clients.open(1))
    world.run(2_000_000)
    let leader = try #require(world.leader)
    world.settings.wallOffsets[Int(leader.id.value) - 1] = 30_000_000
    world.run(6_000_000)
    #expect(world.leader !== leader)
    var random = SeededRandom(66)
    for _ in 0..<50 {
      clients.trade(&random, repeats: 0, shortDeadlines: 0)
      world.run(20_000)
    }
    world.run(2_000_000)
    let stamp = try #require(world.leader?.life).coordinator.machine.marker.stamp
    #expect(stamp <= ClusterWorld.wallStart + world.time + 500_000)
    let time = try #require(leader.life).coordinator.clusterTime(world.now(leader))
    #expect((time - ClusterWorld.wallStart - world.time).magnitude < 500_000)
    #expect(clients.count { if case .reply = $0 { false } else { true } } == 0)
  }

  @Test func `what waited behind a broken link past its deadline is expired, not unknown`() throws {
    let world = ClusterWorld(seed: 67)
    let clients = WorldClients(world)
    world.startAll()
    try #require(clients.open(1))
    world.run(1_000_000)
    let leader = try #require(world.leader)
    let node = try #require(world.nodes.first { $0 !== leader })
    let others = world.nodes.filter { $0 !== node }
    for other in others { world.setBlocked(node, other, true) }
    let who = clients.accounts[0]
    let late = Request(
      header: clients.header(key: who.key, window: 500_000),
      command: .revokeKey(RevokeKey(apiKey: "none")))
    let place = clients.ask(late, at: node)
    world.run(2_000_000)
    let other = clients.ask(
      Request(
        header: clients.header(key: who.key, window: 5_000_000),
        command: .revokeKey(RevokeKey(apiKey: "none"))), at: try #require(world.leader))
    world.run(1_000_000)
    #expect(clients.asked[other].open == 0)
    #expect(clients.asked[place].open == 1)
    for other in others { world.setBlocked(node, other, false) }
    world.run(3_000_000)
    let outcome = try #require(clients.asked[place].outcomes.first)
    switch outcome {
    case .expired, .reply(.rejected(.deadlinePassed), _, _): break
    default: Issue.record("it ended as \(outcome)")
    }
    world.checker.finish(world, clients)
    #expect(world.checker.violations == [])
  }

  @Test func `what was executed and forgotten is unknown when sent again, not expired`()
    throws
  {
    let world = ClusterWorld(seed: 69)
    let clients = WorldClients(world)
    world.startAll()
    try #require(clients.open(1))
    let who = clients.accounts[0]
    func revoke() -> Request {
      Request(
        header: clients.header(key: who.key, window: 500_000),
        command: .revokeKey(RevokeKey(apiKey: "none")))
    }
    let place = clients.ask(revoke(), at: world.nodes[0])
    world.run(1_000_000)
    guard case .reply? = clients.asked[place].outcomes.first else {
      Issue.record("it was not executed")
      return
    }
    // Not executed, but of the time in which outcomes are kept.
    let late = revoke()
    world.run(30_000_000)
    let lately = clients.ask(late, at: world.nodes[1])
    world.run(1_000_000)
    switch clients.asked[lately].outcomes.first {
    case .expired, .reply(.rejected(.deadlinePassed), _, _): break
    case let outcome:
      Issue.record("what was never executed ended as \(String(describing: outcome))")
    }
    world.run(40_000_000)
    clients.ask(revoke(), at: world.nodes[2])
    world.run(1_000_000)
    clients.submit(place, at: world.nodes[1])
    world.run(1_000_000)
    #expect(clients.asked[place].outcomes.last == .unknown)
    world.checker.finish(world, clients)
    #expect(world.checker.violations == [])
  }

  @Test func `a draining or full node refuses before anyone sees the write`() throws {
    let world = ClusterWorld(seed: 68)
    let clients = WorldClients(world)
    world.startAll()
    try #require(clients.open(1))
    let leader = try #require(world.leader)
    for node in world.nodes where node !== leader { world.crash(node) }
    let life = try #require(leader.life)
    let limit = ReplicaSettings().pendingMax
    // Only the operator may fill a node (ShareTests).
    let places = (0...limit).map { _ in
      clients.ask(
        Request(
          header: clients.header(key: .admin, window: 5_000_000),
          command: .revokeKey(RevokeKey(apiKey: "none"))), at: leader)
    }
    world.run(1_000)
    #expect(clients.asked[places[limit]].outcomes == [.overloaded])
    #expect(clients.asked[places[limit - 1]].open == 1)
    life.coordinator.refuseWrites()
    let drained = clients.ask(
      Request(
        header: clients.header(key: clients.accounts[0].key, window: 5_000_000),
        command: .revokeKey(RevokeKey(apiKey: "none"))), at: leader)
    world.run(1_000)
    #expect(clients.asked[drained].outcomes == [.overloaded])
  }

  @Test func `an idle cluster writes nothing`() throws {
    let world = ClusterWorld(seed: 61)
    let clients = WorldClients(world)
    world.startAll()
    try #require(clients.open(1))
    world.run(2_000_000)
    let leader = try #require(world.leader?.life)
    let index = leader.coordinator.commitIndex
    world.run(3_000_000)
    #expect(leader.coordinator.role == .leader)
    #expect(leader.coordinator.status(.init(monotonic: 0, wall: 0)).lastIndex == index)
  }
}
