// HandOverTests: leaders that cannot go on, nodes that are about to end, and disks that are full.

import Engine
import Raft
import TestSupport
import Testing

@testable import Replica

@Suite struct HandOverTests {
  @Test(arguments: [91, 92, 93] as [UInt64])
  func `a draining leader hands over, and its clients see no error`(seed: UInt64) throws {
    let (world, clients) = try FenceTests.market(seed)
    var random = SeededRandom(seed)
    world.run(1_000_000)
    let leader = try #require(world.leader)
    for round in 0..<120 {
      clients.trade(&random, repeats: 0, shortDeadlines: 0)
      world.run(1_000)
      if round == 40 { leader.life?.coordinator.drain() }
    }
    #expect(world.run(upTo: 2_000_000) { leader.life?.coordinator.isDrained == true })
    #expect(world.run(upTo: 2_000_000) { clients.owed == 0 })
    #expect(world.leader !== leader && world.leader != nil)
    #expect(clients.count { if case .reply = $0 { false } else { true } } == 0)
    world.run(2_000_000)
    world.checker.finish(world, clients)
    #expect(world.checker.violations == [])
  }

  @Test func `a draining leader tries until somebody can take over`() throws {
    let (world, clients) = try FenceTests.market(94)
    world.run(1_000_000)
    let leader = try #require(world.leader)
    // The messages that hand over are lost for a while.
    world.settings.dropPercent = 60
    leader.life?.coordinator.drain()
    world.run(1_500_000)
    world.settings.dropPercent = 0
    #expect(world.run(upTo: 3_000_000) { world.leader != nil && world.leader !== leader })
    #expect(world.run(upTo: 1_000_000) { leader.life?.coordinator.isDrained == true })
    _ = clients
  }

  @Test func `a draining node that is alone is drained once it owes nothing`() throws {
    let (world, clients) = try FenceTests.market(95)
    world.run(1_000_000)
    let leader = try #require(world.leader)
    for node in world.nodes where node !== leader {
      world.crash(node)
      clients.forget(node)
    }
    leader.life?.coordinator.drain()
    #expect(world.run(upTo: 3_000_000) { leader.life?.coordinator.isDrained == true })
  }

  @Test func `low space refuses writes, not reads, and leadership goes where there is space`()
    throws
  {
    let (world, clients) = try FenceTests.market(96)
    world.run(1_000_000)
    let leader = try #require(world.leader)
    leader.life?.coordinator.setSpace(isLow: true)
    #expect(world.run(upTo: 3_000_000) { world.leader != nil && world.leader !== leader })
    func ask(_ node: WorldNode) -> Int {
      clients.ask(
        Request(
          header: clients.header(key: clients.accounts[0].key, window: 5_000_000),
          command: .revokeKey(RevokeKey(apiKey: "none"))), at: node)
    }
    let refused = ask(leader)
    let taken = ask(try #require(world.leader))
    world.run(1_000_000)
    #expect(clients.asked[refused].outcomes == [.overloaded])
    #expect(clients.asked[taken].outcomes.count == 1)
    #expect(clients.asked[taken].outcomes != [.overloaded])
    let life = try #require(leader.life)
    #expect(life.coordinator.status(world.now(leader)).faults.contains { $0.contains("low disk") })
    var read: LogIndex?
    world.onRead = { _, _, index in read = index }
    life.coordinator.read(1, world.now(leader), &life.effects)
    world.run(1_000_000)
    #expect(read != nil)
    life.coordinator.setSpace(isLow: false)
    let again = ask(leader)
    world.run(1_000_000)
    #expect(clients.asked[again].outcomes != [.overloaded])
  }

  @Test func `where space is low everywhere every node refuses writes`() throws {
    let (world, clients) = try FenceTests.market(97)
    world.run(1_000_000)
    let leader = try #require(world.leader)
    for node in world.nodes where node !== leader {
      node.life?.coordinator.setSpace(isLow: true)
    }
    world.run(100_000)
    leader.life?.coordinator.setSpace(isLow: true)
    world.run(2_000_000)
    #expect(world.leader === leader, "nobody is better off")
    for node in world.nodes where node !== leader {
      node.life?.coordinator.setSpace(isLow: false)
      #expect(node.life?.coordinator.lacksSpace == true, "the leader's disk counts")
    }
    _ = clients
  }

  @Test func `leadership goes past a node whose state must not be used`() throws {
    let (world, clients) = try FenceTests.market(100)
    var random = SeededRandom(100)
    world.run(1_000_000)
    // The first by id, which would be chosen among equals; fenced, and without another's state.
    let wrong = world.nodes[0]
    try #require(wrong.life).coordinator.corruptState()
    FenceTests.trade(world, clients, &random, 100)
    #expect(world.run(upTo: 5_000_000) { world.rebuilds.contains { $0.node == wrong.id } })
    #expect(world.run(upTo: 5_000_000) { world.leader != nil && world.leader !== wrong })
    world.run(2_000_000)
    let leader = try #require(world.leader)
    leader.life?.coordinator.drain()
    #expect(world.run(upTo: 1_000_000) { world.leader != nil && world.leader !== leader })
    #expect(world.leader !== wrong)
    #expect(world.run(upTo: 1_000_000) { leader.life?.coordinator.isDrained == true })
  }

  @Test func `leadership goes where there is space, not to and fro where there is none`() throws {
    let (world, clients) = try FenceTests.market(101)
    world.run(1_000_000)
    var leader = try #require(world.leader)
    let others = world.nodes.filter { $0 !== leader }
    // The first by id of the others has none either.
    others[0].life?.coordinator.setSpace(isLow: true)
    world.run(100_000)
    leader.life?.coordinator.setSpace(isLow: true)
    #expect(world.run(upTo: 3_000_000) { world.leader != nil && world.leader !== leader })
    leader = try #require(world.leader)
    #expect(leader === others[1])
    world.run(5_000_000)
    #expect(world.leader === leader)
    _ = clients
  }

  @Test func `a leader whose store takes nothing hands over`() throws {
    var settings = WorldSettings()
    settings.runsOutstandingMax = 4
    let (world, clients) = try FenceTests.market(98, settings)
    world.run(1_000_000)
    let leader = try #require(world.leader)
    leader.storeHangs = true
    var random = SeededRandom(98)
    FenceTests.trade(world, clients, &random, 100)
    #expect(world.run(upTo: 3_000_000) { world.leader != nil && world.leader !== leader })
    leader.storeHangs = false
    world.run(3_000_000)
    #expect(clients.owed == 0)
    world.checker.finish(world, clients)
    #expect(world.checker.violations == [])
  }
}

@Suite struct IdleTests {
  @Test func `a follower that skips idle ticks campaigns at the same moment as one that does not`()
    throws
  {
    func campaignsAt(skipping: Bool) throws -> Int {
      var node = try GreetingTests.coordinator()
      var effects = Effects()
      for id in [2, 3] as [UInt64] {
        _ = node.greet(GreetingTests.hello(id), GreetingTests.now, &effects)
      }
      effects.removeAll()
      var now = GreetingTests.now
      var ticks = 0
      while ticks < 1000 {
        let idle = skipping ? node.idleTicks : 0
        if idle > 0 { node.skipTicks(idle) }
        ticks += idle + 1
        now.monotonic += Int64(idle + 1) * 10_000
        node.tick(now, &effects)
        if node.role != .follower { return ticks }
      }
      return ticks
    }
    let plain = try campaignsAt(skipping: false)
    #expect(try campaignsAt(skipping: true) == plain)
    #expect(plain > 40 && plain < 1000)
  }

  @Test func `in an idle cluster most ticks may be skipped, and none while something waits`() throws
  {
    let (world, clients) = try FenceTests.market(99)
    world.run(3_000_000)
    let follower = try #require(world.nodes.first { $0 !== world.leader })
    #expect((follower.life?.coordinator.idleTicks ?? 0) > 10)
    for node in world.nodes where node !== follower { world.crash(node) }
    clients.ask(
      Request(
        header: clients.header(key: clients.accounts[0].key, window: 5_000_000),
        command: .revokeKey(RevokeKey(apiKey: "none"))), at: follower)
    #expect(follower.life?.coordinator.idleTicks == 0)
  }
}
