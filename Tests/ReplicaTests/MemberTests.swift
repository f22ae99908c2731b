// MemberTests: nodes join, leave and take each other's place while a market runs; mistakes get one sentence.

import Engine
import Raft
import TestSupport
import Testing

@testable import Replica

@Suite struct MemberTests {
  static func market(
    _ seed: UInt64, _ settings: WorldSettings = SnapshotTests.settings()
  ) throws -> (ClusterWorld, WorldClients) {
    var settings = settings
    settings.refusals = true
    let (world, clients) = try FenceTests.market(seed, settings)
    world.checker.configurationsExpected = nil
    world.run(1_000_000)
    return (world, clients)
  }

  static func change(
    _ request: MemberRequest, _ world: ClusterWorld, at node: WorldNode? = nil
  ) throws -> MemberOutcome? {
    let node = try #require(node ?? world.leader)
    let life = try #require(node.life)
    let ticket = UInt64(world.memberAnswers.count + 1)
    life.coordinator.changeMembers(request, ticket, world.now(node), &life.effects)
    _ = world.run(upTo: 5_000_000) { world.memberAnswers.count == Int(ticket) }
    return world.memberAnswers.first { $0.ticket == ticket }?.outcome
  }

  static func voters(_ world: ClusterWorld) -> [UInt64] {
    world.leader?.life?.coordinator.configuration.map { configuration in
      configuration.isJoint ? [] : configuration.voters.map(\.id.value)
    } ?? []
  }

  @Test(arguments: [true, false])
  func `a new node waits outside, is added, catches up and votes`(isCut: Bool) throws {
    var settings = SnapshotTests.settings()
    if !isCut { settings.trailingBytes = 1 << 30 }
    let (world, clients) = try Self.market(111, settings)
    var random = SeededRandom(111)
    FenceTests.trade(world, clients, &random, 100)
    if isCut { try SnapshotTests.leaveBehind(WorldNode.none, world, clients, &random) }
    #expect(
      try Self.change(.add(NodeID(4), address: "d:1", promote: true), world)
        .map {
          if case .refused(let why) = $0 { why.contains("has not been heard") } else { false }
        }
        == true)
    let node = world.addNode(4, incarnation: 4444)
    world.run(500_000)
    #expect(try FenceTests.status(world, node).faults.contains { $0.contains("exctl member add") })
    #expect(world.refusalReasons.contains { $0.contains("exctl member add") })
    let outcome = try Self.change(.add(NodeID(4), address: "d:1", promote: true), world)
    if case .committed = outcome {
    } else {
      Issue.record("it ended as \(String(describing: outcome))")
    }
    for _ in 0..<200 {
      clients.trade(&random, repeats: 0, shortDeadlines: 0)
      world.run(5_000)
    }
    #expect(world.run(upTo: 20_000_000) { Self.voters(world) == [1, 2, 3, 4] })
    SnapshotTests.settle(world, clients)
    #expect(world.checker.violations == [])
    #expect(try FenceTests.status(world, node).ready)
    #expect(world.installs.isEmpty == !isCut)
    let leader = try #require(world.leader)
    let members = try FenceTests.status(world, leader).members
    #expect(members.map(\.member.address) == ["", "", "", "d:1"])
    #expect(members.allSatisfy { $0.standing == .voter })
  }

  @Test func `a dead node is replaced in one step, and stays out when it comes back`() throws {
    let (world, clients) = try Self.market(112)
    var random = SeededRandom(112)
    let dead = try #require(world.nodes.first { $0 !== world.leader })
    world.crash(dead)
    FenceTests.trade(world, clients, &random, 100)
    let node = world.addNode(4, incarnation: 4444)
    world.run(500_000)
    let outcome = try Self.change(.replace(dead.id, with: NodeID(4), address: "d:1"), world)
    if case .committed = outcome {
    } else {
      Issue.record("it ended as \(String(describing: outcome))")
    }
    let expected = ([1, 2, 3, 4] as [UInt64]).filter { $0 != dead.id.value }
    #expect(world.run(upTo: 20_000_000) { Self.voters(world) == expected })
    FenceTests.trade(world, clients, &random, 50)
    #expect(try FenceTests.status(world, node).ready)
    world.start(dead)
    world.run(5_000_000)
    #expect(
      world.refusalReasons.contains { $0.contains("node \(dead.id) ") && $0.contains("removed") })
    #expect(try !FenceTests.status(world, dead).ready)
    #expect(dead.life?.coordinator.role != .leader)
    let term = world.leader?.life?.coordinator.term
    world.run(5_000_000)
    #expect(world.leader?.life?.coordinator.term == term, "it disturbs nobody")
    // Its id is not given again.
    let again = try Self.change(
      .add(dead.id, address: "x:1", promote: true, incarnation: 99), world)
    if case .refused = again {} else { Issue.record("it ended as \(String(describing: again))") }
  }

  @Test func `a removed node says so and stays quiet`() throws {
    let (world, clients) = try Self.market(113)
    let gone = try #require(world.nodes.first { $0 !== world.leader })
    let outcome = try Self.change(.remove(gone.id), world)
    if case .committed = outcome {
    } else {
      Issue.record("it ended as \(String(describing: outcome))")
    }
    #expect(world.run(upTo: 5_000_000) { Self.voters(world).count == 2 })
    world.run(3_000_000)
    #expect(try FenceTests.status(world, gone).faults.contains { $0.contains("was removed") })
    #expect(gone.life?.coordinator.role == .follower)
    _ = clients
  }

  @Test func `mistakes get one sentence and change nothing`() throws {
    let (world, _) = try Self.market(114)
    let leader = try #require(world.leader)
    let follower = try #require(world.nodes.first { $0 !== leader })
    let before = Self.voters(world)
    #expect(try Self.change(.remove(NodeID(9)), world, at: follower) == .notLeader(leader.id))
    let requests: [MemberRequest] = [
      .remove(NodeID(9)), .promote(NodeID(9)), .promote(follower.id),
      .add(follower.id, address: "", promote: true),
      .add(NodeID(0), address: "", promote: true, incarnation: 3),
      .replace(NodeID(9), with: NodeID(10), address: "", incarnation: 3),
    ]
    for request in requests {
      let outcome = try Self.change(request, world)
      if case .refused(let why) = outcome {
        #expect(!why.isEmpty && !why.contains("\n"))
      } else {
        Issue.record("\(request) ended as \(String(describing: outcome))")
      }
    }
    #expect(Self.voters(world) == before)
  }
}

extension WorldNode {
  /// A node that is nobody: whose log is empty.
  static var none: WorldNode { WorldNode(id: NodeID(99), incarnation: 1, realLog: false) }
}
