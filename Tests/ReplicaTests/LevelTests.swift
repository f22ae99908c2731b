// LevelTests: the leader raises the level of behaviour only if every member has said that its program applies it.

import Engine
import Raft
import Storage
import TestSupport
import Testing
import Wire

@testable import Replica

@Suite struct LevelTests {
  /// A cluster that serves, its leader, and the others.
  private static func cluster(
    _ seed: UInt64
  ) throws -> (world: ClusterWorld, clients: WorldClients, leader: WorldNode, rest: [WorldNode]) {
    let world = ClusterWorld(seed: seed)
    let clients = WorldClients(world)
    world.startAll()
    #expect(
      world.run(upTo: 20_000_000) {
        world.nodes.allSatisfy { $0.life?.coordinator.ready == true }
      })
    let leader = try #require(world.leader)
    return (world, clients, leader, world.nodes.filter { $0 !== leader })
  }

  /// The leader hears from a node, as if that had begun again with a program of these levels.
  private static func say(
    _ levels: ClosedRange<UInt16>, _ node: WorldNode, to leader: WorldNode, _ world: ClusterWorld
  ) throws {
    let life = try #require(leader.life)
    var hello = try #require(node.life).coordinator.hello
    hello.levels = levels
    #expect(life.coordinator.greet(hello, world.now(leader), &life.effects) == .accept)
  }

  static func raise(
    to level: UInt32, at node: WorldNode, _ world: ClusterWorld, _ clients: WorldClients
  ) -> Outcome? {
    let request = Request(
      header: clients.header(key: .admin, window: 10_000_000),
      command: .setLevel(SetLevel(level: level)))
    let place = clients.ask(request, at: node)
    _ = world.run(upTo: 5_000_000) { clients.asked[place].open == 0 }
    world.run(500_000)
    let outcomes = clients.asked[place].outcomes
    #expect(outcomes.count == 1)
    return outcomes.first
  }

  static func levels(_ world: ClusterWorld) -> [UInt32?] {
    world.nodes.map { $0.life?.coordinator.machine.level }
  }

  static func isDone(_ outcome: Outcome?) -> Bool {
    if case .reply(.done, _, _) = outcome { true } else { false }
  }

  @Test func `a level that a member cannot apply is refused, whichever node is asked`() throws {
    let (world, clients, leader, rest) = try Self.cluster(301)
    let newest = Behaviour.newest
    let old = UInt16(newest) - 1
    try Self.say(1...old, rest[1], to: leader, world)
    let sentence =
      "level \(newest) is refused: node \(rest[1].id) applies levels 1 to \(old): give it the newer"
      + " program first, or remove it"
    for node in world.nodes {
      #expect(
        Self.raise(to: newest, at: node, world, clients) == .refused(sentence), "node \(node.id)")
      #expect(Self.levels(world) == [1, 1, 1])
    }
    // What it can apply is another matter.
    #expect(Self.isDone(Self.raise(to: UInt32(old), at: rest[0], world, clients)))
    #expect(Self.levels(world) == [UInt32(old), UInt32(old), UInt32(old)])
    try Self.say(PeerHello.ownLevels, rest[1], to: leader, world)
    #expect(Self.isDone(Self.raise(to: newest, at: rest[0], world, clients)))
    #expect(Self.levels(world) == [newest, newest, newest])
    #expect(world.checker.violations == [])
  }

  @Test func `a member that has said nothing to the leader holds the level back`() throws {
    let (world, clients, leader, rest) = try Self.cluster(302)
    let life = try #require(leader.life)
    life.coordinator.hellos.removeAll { $0.node == rest[0].id }
    let sentence =
      "level 2 is refused: node \(rest[0].id) has not said to the leader, node \(leader.id), which"
      + " levels its program applies: start it, or remove it"
    #expect(Self.raise(to: 2, at: leader, world, clients) == .refused(sentence))
    #expect(Self.raise(to: 2, at: rest[1], world, clients) == .refused(sentence))
    #expect(Self.levels(world) == [1, 1, 1])
    // What the engine refuses is left to it.
    life.coordinator.hellos.removeAll()
    let same = Self.raise(to: 1, at: leader, world, clients)
    #expect(Self.isDone(same))
  }

  @Test func `a level that no program knows is not put into the log`() throws {
    let (world, clients, leader, rest) = try Self.cluster(306)
    let newest = Behaviour.newest
    let sentence =
      "level \(newest + 1) is refused: node \(leader.id), which leads, applies levels 1 to \(newest):"
      + " give it the newer program first"
    for node in [leader, rest[0]] {
      #expect(Self.raise(to: newest + 1, at: node, world, clients) == .refused(sentence))
    }
    #expect(world.checker.violations == [])
  }

  @Test(arguments: [1, 2] as [UInt32])
  func `a cluster is founded at no level that a member cannot apply`(old: UInt32) throws {
    var settings = WorldSettings()
    settings.genesisLevel = Behaviour.newest
    let world = ClusterWorld(seed: 307, settings)
    let clients = WorldClients(world)
    world.nodes[2].newestLevel = old
    world.startAll()
    let isReady = { world.nodes.allSatisfy { $0.life?.coordinator.ready == true } }
    #expect(world.run(upTo: 20_000_000) { isReady() })
    #expect(Self.levels(world) == [old, old, old])
    // The newer program, and the level follows.
    world.crash(world.nodes[2])
    world.nodes[2].newestLevel = Behaviour.newest
    world.start(world.nodes[2])
    #expect(world.run(upTo: 20_000_000) { isReady() })
    let leader = try #require(world.leader)
    #expect(Self.isDone(Self.raise(to: Behaviour.newest, at: leader, world, clients)))
    #expect(Self.levels(world) == [Behaviour.newest, Behaviour.newest, Behaviour.newest])
    #expect(world.checker.violations == [])
  }

  @Test func `programs of one age found a cluster at the level of the genesis`() throws {
    var settings = WorldSettings()
    settings.genesisLevel = Behaviour.newest
    let world = ClusterWorld(seed: 308, settings)
    world.startAll()
    #expect(
      world.run(upTo: 20_000_000) {
        world.nodes.allSatisfy { $0.life?.coordinator.ready == true }
      })
    #expect(Self.levels(world) == [Behaviour.newest, Behaviour.newest, Behaviour.newest])
  }

  // MARK: Older programs

  private static func entry(_ index: UInt64, level: UInt32) -> Entry {
    let header = CommandHeader(
      requestID: RequestID(0, 0, 2, index), key: .admin, timestamp: 0, deadline: .max)
    let request = Request(header: header, command: .setLevel(SetLevel(level: level)))
    return StateMachineTests.entry(index, stamp: StateMachineTests.stamp + 1, [request])
  }

  @Test func `an older program that meets a newer level in its log halts before it`() throws {
    var machine = try StateMachineTests.machine(newestLevel: 2)
    _ = try StateMachineTests.apply(&machine, Self.entry(2, level: 2))
    var rows = RowBatch()
    machine.collectRows(into: &rows)
    let before = machine.marker
    let fault = #expect(throws: ApplyFault.self) {
      try StateMachineTests.apply(&machine, Self.entry(3, level: 3))
    }
    #expect(
      fault?.description
        == "the entry raises the level to 3, and this program applies levels up to 2: it is too old;"
        + " start the newer program")
    var more = RowBatch()
    machine.collectRows(into: &more)
    #expect(machine.marker == before && machine.level == 2)
  }

  @Test func `a state at a newer level does not start an older program`() throws {
    var machine = try StateMachineTests.machine()
    _ = try StateMachineTests.apply(&machine, Self.entry(2, level: 3))
    var rows = RowBatch()
    machine.collectRows(into: &rows)
    let store = MemoryStore()
    store.write(rows)
    let level = try StateMachine(loading: store).level
    #expect(level == 3)
    let error = #expect(throws: ProgramTooOld.self) {
      _ = try StateMachine(loading: store, newestLevel: 2)
    }
    let sentence =
      "the state of this node is at level 3, and this program applies levels up to 2: it is too old;"
      + " start the newer program"
    #expect(error?.description == sentence)
    // It is not called damaged: a peer's state would not help.
    let world = ClusterWorld(seed: 309)
    world.nodes[0].newestLevel = 2
    world.nodes[0].flushedStore = store
    world.start(world.nodes[0])
    #expect(world.checker.violations == ["node 1 cannot start: \(sentence)"])
  }

  @Test func `a node that cannot apply the level in force does not join`() throws {
    let (world, clients, leader, _) = try Self.cluster(305)
    let life = try #require(leader.life)
    var hello = life.coordinator.hello
    hello.node = NodeID(4)
    hello.incarnation = 44
    hello.isNew = true
    hello.configuration = nil
    hello.levels = 1...1
    #expect(life.coordinator.greet(hello, world.now(leader), &life.effects) != .accept)
    #expect(Self.isDone(Self.raise(to: 2, at: leader, world, clients)))
    let outcome = try MemberTests.change(.add(NodeID(4), address: "d:1", promote: true), world)
    #expect(
      outcome
        == .refused(
          "node 4 applies levels 1 to 1, and level 2 is in force: give it the newer program first"))
  }

  @Test func `writes behind a refused one take effect`() throws {
    let (world, clients, leader, rest) = try Self.cluster(303)
    try Self.say(1...1, rest[1], to: leader, world)
    let commands: [Command] = [
      .addAsset(AddAsset(name: "A", scale: 2)), .setLevel(SetLevel(level: 2)),
      .addAsset(AddAsset(name: "B", scale: 2)),
    ]
    let places = commands.map { command in
      clients.ask(
        Request(header: clients.header(key: .admin, window: 10_000_000), command: command),
        at: rest[0])
    }
    _ = world.run(upTo: 5_000_000) { clients.owed == 0 }
    let isRefused = places.map { place in
      clients.asked[place].outcomes.map { outcome in
        if case .refused = outcome { true } else { false }
      }
    }
    #expect(isRefused == [[false], [true], [false]])
  }

  @Test func `a refusal that is lost stands when the write comes again`() throws {
    let (world, clients, leader, rest) = try Self.cluster(310)
    try Self.say(1...1, rest[1], to: leader, world)
    let place = clients.ask(
      Request(
        header: clients.header(key: .admin, window: 10_000_000),
        command: .setLevel(SetLevel(level: 2))), at: rest[0])
    let life = try #require(leader.life)
    let isRefused = { !life.coordinator.refusedRaises.isEmpty }
    try #require(world.run(upTo: 100_000) { isRefused() })
    // On its way, or not sent yet.
    world.setBlocked(leader, rest[0], true)
    world.flights.removeAll { $0.from == leader.id && $0.to == rest[0].id }
    world.run(100_000)
    #expect(clients.asked[place].open == 1)
    try Self.say(PeerHello.ownLevels, rest[1], to: leader, world)
    world.setBlocked(leader, rest[0], false)
    _ = world.run(upTo: 5_000_000) { clients.asked[place].open == 0 }
    let outcomes = clients.asked[place].outcomes
    #expect(outcomes.count == 1)
    guard case .refused? = outcomes.first else {
      Issue.record("it ended as \(outcomes)")
      return
    }
    #expect(Self.levels(world) == [1, 1, 1])
    // A write of its own is another matter.
    #expect(Self.isDone(Self.raise(to: 2, at: rest[0], world, clients)))
  }

  @Test func `the word of a leader of another term is void`() throws {
    let (world, clients, leader, rest) = try Self.cluster(304)
    let life = try #require(rest[0].life)
    world.setBlocked(rest[0], leader, true)
    let place = clients.ask(
      Request(
        header: clients.header(key: .admin, window: 10_000_000),
        command: .setLevel(SetLevel(level: 2))), at: rest[0])
    let id = clients.asked[place].request.header.requestID
    let term = life.coordinator.consensus.term
    func hear(_ term: Term, from node: WorldNode) {
      let refusal = PeerMessage.Refusal(term: term, request: id, reason: "no")
      life.coordinator.receive(
        PeerMessage(wall: 0, .refusal(refusal)), from: node.id, world.now(rest[0]), &life.effects)
    }
    hear(Term(term.value - 1), from: leader)
    hear(term, from: rest[1])
    #expect(life.effects.answers.isEmpty)
    hear(term, from: leader)
    #expect(life.effects.answers.map(\.outcome) == [.refused("no")])
  }
}
