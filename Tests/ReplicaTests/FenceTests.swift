// FenceTests: replicas compare their states while a market runs; whoever differs is kept from serving.

import Engine
import Raft
import TestSupport
import Testing

@testable import Replica

@Suite struct FenceTests {
  /// Nobody gets another's state: a fence stays where it is.
  static var settings: WorldSettings {
    var settings = WorldSettings()
    settings.snapshots = false
    return settings
  }

  static func market(_ seed: UInt64, _ settings: WorldSettings = FenceTests.settings) throws -> (
    ClusterWorld, WorldClients
  ) {
    let world = ClusterWorld(seed: seed, settings)
    let clients = WorldClients(world)
    world.startAll()
    try #require(clients.open(1))
    return (world, clients)
  }

  static func trade(
    _ world: ClusterWorld, _ clients: WorldClients, _ random: inout SeededRandom, _ rounds: Int
  ) {
    for _ in 0..<rounds {
      clients.trade(&random, repeats: 0, shortDeadlines: 0)
      world.run(2_000)
    }
  }

  static func status(_ world: ClusterWorld, _ node: WorldNode) throws -> ReplicaStatus {
    try #require(node.life).coordinator.status(world.now(node))
  }

  @Test func `sound replicas agree at every interval, and say so`() throws {
    let (world, clients) = try Self.market(81)
    var random = SeededRandom(81)
    Self.trade(world, clients, &random, 200)
    world.run(2_000_000)
    let first = try Self.status(world, world.nodes[0])
    #expect(first.lastAgreed.map { $0.index % 32 } == 0)
    #expect((first.lastAgreed?.index ?? 0) + 64 > first.appliedIndex)
    for node in world.nodes {
      let status = try Self.status(world, node)
      #expect(status.lastAgreed == first.lastAgreed)
      #expect(status.fence == nil)
      #expect(status.hashes.last == first.lastAgreed)
      #expect(status.agreement.allSatisfy { $0.votes.count == 3 && $0.dissenters.isEmpty })
    }
    world.checker.finish(world, clients)
    #expect(world.checker.violations == [])
  }

  @Test(arguments: [true, false])
  func `a replica that differs is fenced, and stays so`(leads: Bool) throws {
    let (world, clients) = try Self.market(82)
    var random = SeededRandom(82)
    world.run(1_000_000)
    let leader = try #require(world.leader)
    let wrong = leads ? leader : try #require(world.nodes.first { $0 !== leader })
    try #require(wrong.life).coordinator.corruptState()
    Self.trade(world, clients, &random, 100)
    #expect(world.run(upTo: 5_000_000) { world.rebuilds.contains { $0.node == wrong.id } })
    world.run(3_000_000)
    var status = try Self.status(world, wrong)
    #expect(status.fence?.contains("a majority has") == true)
    #expect(!status.ready)
    #expect(world.leader !== wrong && world.leader != nil)
    for node in world.nodes where node !== wrong {
      #expect(try Self.status(world, node).ready)
    }
    // Its log goes on: with one of the others down, its acknowledgements make the majority.
    let other = try #require(world.nodes.first { $0 !== wrong && $0 !== world.leader })
    world.crash(other)
    clients.forget(other)
    let place = clients.ask(
      Request(
        header: clients.header(key: clients.accounts[0].key, window: 5_000_000),
        command: .revokeKey(RevokeKey(apiKey: "none"))), at: try #require(world.leader))
    #expect(world.run(upTo: 3_000_000) { clients.asked[place].open == 0 })
    // Reads and writes are refused there, before and after a restart.
    for _ in 0..<2 {
      let life = try #require(wrong.life)
      var failed = false
      world.onRead = { _, _, index in failed = index == nil }
      life.coordinator.read(1, world.now(wrong), &life.effects)
      world.run(1_000)
      #expect(failed)
      wrong.flushedStore = life.store.copy()
      world.crash(wrong)
      clients.forget(wrong)
      world.start(wrong)
      world.run(2_000_000)
      status = try Self.status(world, wrong)
      #expect(status.fence?.contains("a majority has") == true)
      #expect(!status.ready && status.role != .leader)
    }
  }

  /// A request, and the word that fences the node where it was asked, may be applied there in one turn; and the log's
  /// time may have passed the request's deadline with them.
  @Test func `who waits at a node that is fenced hears that nobody knows, and nothing else`() throws
  {
    var unknown = 0
    for seed in 200..<224 as Range<UInt64> {
      var settings = Self.settings
      settings.hashInterval = 8
      let (world, clients) = try Self.market(seed, settings)
      var random = SeededRandom(seed)
      world.run(1_000_000)
      let leader = try #require(world.leader)
      let wrong = try #require(world.nodes.first { $0 !== leader })
      let life = try #require(wrong.life)
      life.coordinator.corruptState()
      Self.trade(world, clients, &random, Int(random.below(10)))
      let place = clients.ask(
        Request(
          header: clients.header(key: clients.accounts[0].key, window: 2_000 + random.below(4_000)),
          command: .revokeKey(RevokeKey(apiKey: "none"))), at: wrong)
      world.run(random.below(3_000))
      // It hears all at once what the others say meanwhile.
      for _ in 0..<60 {
        world.delay(messagesTo: wrong, until: world.time + 1_500)
        clients.trade(&random, repeats: 0, shortDeadlines: 0)
        world.run(1_000)
      }
      world.run(500_000)
      clients.check(try world.checker.executed(world), world.checker)
      #expect(world.checker.violations.filter { $0.contains("called expired") } == [])
      unknown += clients.asked[place].outcomes == [.unknown] ? 1 : 0
    }
    #expect(unknown > 0)
  }

  @Test func `a fenced node alone with one other does not take the lead from it`() throws {
    let (world, clients) = try Self.market(83)
    var random = SeededRandom(83)
    world.run(1_000_000)
    let leader = try #require(world.leader)
    let wrong = try #require(world.nodes.first { $0 !== leader })
    try #require(wrong.life).coordinator.corruptState()
    Self.trade(world, clients, &random, 100)
    #expect(world.run(upTo: 5_000_000) { world.rebuilds.contains { $0.node == wrong.id } })
    world.crash(try #require(world.leader))
    var ledWrong = false
    _ = world.run(upTo: 5_000_000) {
      ledWrong = ledWrong || wrong.life?.coordinator.role == .leader
      return false
    }
    #expect(!ledWrong)
    #expect(world.leader != nil)
  }

  @Test func `without a majority writes halt with a clear line`() throws {
    let (world, clients) = try Self.market(84)
    var random = SeededRandom(84)
    world.run(1_000_000)
    for node in world.nodes.prefix(2) {
      try #require(node.life).coordinator.corruptState()
      Self.trade(world, clients, &random, 5)
    }
    Self.trade(world, clients, &random, 100)
    world.run(3_000_000)
    let leader = try #require(world.leader)
    let status = try Self.status(world, leader)
    #expect(status.dividedAt != nil)
    #expect(status.faults.contains { $0.contains("writes are halted") })
    let place = clients.ask(
      Request(
        header: clients.header(key: clients.accounts[0].key, window: 5_000_000),
        command: .revokeKey(RevokeKey(apiKey: "none"))), at: leader)
    world.run(10_000)
    #expect(clients.asked[place].outcomes == [.overloaded])
  }

  @Test func `an operator can have all states compared at one index`() throws {
    var settings = WorldSettings()
    settings.hashInterval = 1 << 40
    let (world, clients) = try Self.market(85, settings)
    world.run(1_000_000)
    let leader = try #require(world.leader)
    let life = try #require(leader.life)
    let index = try #require(life.coordinator.compareStates(world.now(leader), &life.effects))
    world.run(2_000_000)
    for node in world.nodes {
      let status = try Self.status(world, node)
      #expect(status.lastAgreed?.index == index)
      #expect(status.hashes.map(\.index) == [index])
      #expect(status.agreement.first?.votes.count == 3)
    }
    _ = clients
  }
}
