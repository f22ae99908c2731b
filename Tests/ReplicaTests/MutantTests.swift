// MutantTests: every planted bug of this room is caught by a proof that the right code passes.
//
// Invariant: a proof ends with what it found wrong and with how often the planted branch ran; a bug counts as caught
// only if both say something.
// Not here: the planted bugs (PlantedBugs), and the simulator's search for them (exsim mutants).

import Engine
import Raft
import TestSupport
import Testing

@testable import Replica

@Suite struct MutantTests {
  struct Verdict {
    var wrong: [String] = []
    /// How often the planted branches ran.
    var runs: UInt64 = 0

    init() {}

    init(_ world: ClusterWorld, _ wrong: [String] = []) {
      self.wrong = world.checker.violations + wrong
      runs = world.allPlantedRuns
    }
  }

  enum Proof: String, CaseIterable {
    case histories, repetition, reads, deposedReads, learners, forwards, fence, spread
    case contradiction, contradictionOnTheWay, overtaken, levels

    init(of bug: PlantedBugs) {
      self =
        switch bug {
        case .deadlineBeforeDuplicates: .repetition
        case .readsBeforeApply: .reads
        case .readsWithoutQuorum: .deposedReads
        case .learnersCountInHash: .learners
        case .forwardsOvertake: .forwards
        case .servesFenced: .fence
        case .servesUncompared: .spread
        case .forgetsContradictions: .contradiction
        case .sendsContradicted: .contradictionOnTheWay
        case .installsOlder: .overtaken
        case .raisesUnasked, .raisesLate: .levels
        default: .histories
        }
    }

    var seeds: ClosedRange<UInt64> { self == .histories ? 71...74 : 171...172 }

    func verdict(_ seed: UInt64, _ bug: PlantedBugs) throws -> Verdict {
      switch self {
      case .histories: MutantTests.histories(seed, bug)
      case .repetition: try MutantTests.repetition(bug)
      case .reads: try MutantTests.reads(seed, bug)
      case .deposedReads: try MutantTests.deposedReads(seed, bug)
      case .learners: try MutantTests.learners(seed, bug)
      case .forwards: try MutantTests.forwards(seed, bug)
      case .fence: try MutantTests.fence(seed, bug)
      case .spread: try MutantTests.spread(seed, bug)
      case .contradiction: try MutantTests.contradiction(seed, bug)
      case .contradictionOnTheWay: try MutantTests.contradictionOnTheWay(seed, bug)
      case .overtaken: try MutantTests.overtaken(seed, bug)
      case .levels: try MutantTests.levels(seed, bug)
      }
    }
  }

  @Test(arguments: PlantedBugs.all.map(\.name))
  func `a planted bug is caught, and runs`(name: String) throws {
    let bug = try #require(PlantedBugs.all.first { $0.name == name }?.bug)
    let proof = Proof(of: bug)
    var runs: UInt64 = 0
    for (place, seed) in proof.seeds.enumerated() {
      let verdict = try proof.verdict(seed, bug)
      runs += verdict.runs
      guard runs > 0, let wrong = verdict.wrong.first else { continue }
      return print(
        "replica:\(name) caught by MutantTests.\(proof) after \(place + 1) seeds, ran \(runs) times: \(wrong)"
      )
    }
    Issue.record("\(name) survived \(proof), its branch ran \(runs) times")
  }

  @Test(arguments: Proof.allCases)
  func `the right code passes the same proof`(proof: Proof) throws {
    for seed in proof.seeds {
      let verdict = try proof.verdict(seed, [])
      #expect(verdict.wrong == [], "seed \(seed)")
      #expect(verdict.runs == 0)
    }
  }

  @Test func `every bug has a name and a bit of its own`() {
    #expect(Set(PlantedBugs.all.map(\.name)).count == PlantedBugs.all.count)
    let union = PlantedBugs.all.reduce(into: PlantedBugs()) { $0.formUnion($1.bug) }
    #expect(union.rawValue == 1 << PlantedBugs.all.count - 1)
  }

  // MARK: Proofs

  /// Crashes, losses, repetitions and short deadlines, against a replay of the log.
  static func histories(_ seed: UInt64, _ bug: PlantedBugs) -> Verdict {
    var settings = WorldSettings()
    settings.bugs = bug
    settings.dropPercent = 3
    settings.runsPerFlush = 10
    let (_, _, world) = ClusterTests.history(
      seed: seed, settings, rounds: 600, repeats: 30, shortDeadlines: 15)
    return Verdict(world)
  }

  /// A request that comes again after its deadline gets the recorded reply.
  static func repetition(_ bug: PlantedBugs) throws -> Verdict {
    var machine = try StateMachineTests.machine()
    machine.plants.bugs = bug
    let stamp = StateMachineTests.stamp
    let request = StateMachineTests.request(1, deadline: stamp + 100)
    let first = try StateMachineTests.apply(
      &machine, StateMachineTests.entry(2, stamp: stamp + 100, [request]))
    let later = try StateMachineTests.apply(
      &machine, StateMachineTests.entry(3, stamp: stamp + 9_000_000, [request]))
    var verdict = Verdict()
    if first.map(\.reply) != later.map(\.reply) { verdict.wrong = ["two replies to one request"] }
    verdict.runs = machine.plants.runs[bug] ?? 0
    return verdict
  }

  /// Reads on all nodes, while a market runs and leadership changes.
  static func reads(_ seed: UInt64, _ bug: PlantedBugs) throws -> Verdict {
    var settings = WorldSettings()
    settings.bugs = bug
    let (answered, world) = try ClusterTests.readsUnderLoad(seed, settings)
    return Verdict(world, answered == 200 ? [] : ["\(answered) of 200 reads were answered"])
  }

  /// A leader that others have replaced without its knowledge is asked for a read.
  static func deposedReads(_ seed: UInt64, _ bug: PlantedBugs) throws -> Verdict {
    var settings = WorldSettings()
    settings.bugs = bug
    let (world, clients) = try FenceTests.market(seed, settings)
    world.run(1_000_000)
    let old = try #require(world.leader)
    let others = world.nodes.filter { $0 !== old }
    for other in others { world.setBlocked(old, other, true) }
    try #require(world.run(upTo: 5_000_000) { world.leader !== old && world.leader != nil })
    let place = clients.ask(
      Request(
        header: clients.header(key: clients.accounts[0].key, window: 5_000_000),
        command: .revokeKey(RevokeKey(apiKey: "none"))), at: try #require(world.leader))
    try #require(world.run(upTo: 3_000_000) { clients.asked[place].open == 0 })
    guard case .reply(_, let floor, _)? = clients.asked[place].outcomes.first else {
      return Verdict(world, ["the write is not answered"])
    }
    var ready: LogIndex?
    world.onRead = { _, _, index in ready = index }
    let life = try #require(old.life)
    life.coordinator.read(1, world.now(old), &life.effects)
    world.run(2_000_000)
    for other in others { world.setBlocked(old, other, false) }
    guard world.run(upTo: 5_000_000, until: { ready != nil }), let ready else {
      return Verdict(world, ["the read is not answered after the partition"])
    }
    return Verdict(
      world, ready.value >= floor ? [] : ["a read at \(ready) does not see the write at \(floor)"])
  }

  /// A learner beside three voters.
  static func learners(_ seed: UInt64, _ bug: PlantedBugs) throws -> Verdict {
    var settings = SnapshotTests.settings()
    settings.bugs = bug
    let (world, clients) = try MemberTests.market(seed, settings)
    let learner = world.addNode(4, incarnation: 4444)
    world.run(500_000)
    _ = try MemberTests.change(.add(learner.id, address: "d:1", promote: false), world)
    var random = SeededRandom(seed)
    FenceTests.trade(world, clients, &random, 300)
    world.run(2_000_000)
    let status = try FenceTests.status(world, learner)
    guard status.ready, (status.hashes.last?.index ?? 0) > 64 else {
      return Verdict(world, ["the learner does not follow"])
    }
    let points = try FenceTests.status(world, try #require(world.leader)).agreement
    guard let last = points.last, last.agreed != nil else {
      return Verdict(world, ["nothing is agreed on"])
    }
    let counted = points.filter { point in point.votes.contains { $0.node == learner.id } }
    return Verdict(world, counted.map { "a learner has a voice at \($0.index)" })
  }

  /// The first of two forwarded writes is lost on its way.
  static func forwards(_ seed: UInt64, _ bug: PlantedBugs) throws -> Verdict {
    var settings = WorldSettings()
    settings.bugs = bug
    let (world, clients) = try FenceTests.market(seed, settings)
    world.run(1_000_000)
    let leader = try #require(world.leader)
    let node = try #require(world.nodes.first { $0 !== leader })
    let ask = {
      clients.ask(
        Request(
          header: clients.header(key: clients.accounts[0].key, window: 5_000_000),
          command: .revokeKey(RevokeKey(apiKey: "none"))), at: node)
    }
    let first = ask()
    world.run(500)
    let before = world.flights.count
    world.flights.removeAll { $0.from == node.id && $0.to == leader.id }
    try #require(world.flights.count < before)
    let second = ask()
    _ = world.run(upTo: 5_000_000) { clients.owed == 0 }
    let indexes = [first, second].map { place -> UInt64 in
      if case .reply(_, let index, _)? = clients.asked[place].outcomes.first { index } else { 0 }
    }
    if indexes.contains(0) { return Verdict(world, ["a write is not answered"]) }
    return Verdict(
      world, indexes[0] <= indexes[1] ? [] : ["\(indexes[1]) overtook \(indexes[0])"])
  }

  /// A leader whose state differs from that of the others.
  static func fence(_ seed: UInt64, _ bug: PlantedBugs) throws -> Verdict {
    var settings = FenceTests.settings
    settings.bugs = bug
    let (world, clients) = try FenceTests.market(seed, settings)
    var random = SeededRandom(seed)
    world.run(1_000_000)
    let leader = try #require(world.leader)
    try #require(leader.life).coordinator.corruptState()
    FenceTests.trade(world, clients, &random, 100)
    world.run(3_000_000)
    // The checker would only say that the states differ, which is given here.
    var verdict = Verdict()
    verdict.runs = world.allPlantedRuns
    if try FenceTests.status(world, leader).ready { verdict.wrong.append("a wrong state serves") }
    if !world.rebuilds.contains(where: { $0.node == leader.id }) {
      verdict.wrong.append("no other state is asked for")
    }
    return verdict
  }

  /// A wrong state that nobody has found out yet is the first that a node which lags asks for.
  static func spread(_ seed: UInt64, _ bug: PlantedBugs) throws -> Verdict {
    var settings = SnapshotTests.settings()
    settings.bugs = bug
    settings.nodes = 5
    settings.wallOffsets = [0, 0, 0, 0, 0]
    settings.hashInterval = 1 << 40
    let (world, clients) = try FenceTests.market(seed, settings)
    var random = SeededRandom(seed)
    let node = try #require(world.nodes.last { $0 !== world.leader })
    world.crash(node)
    try SnapshotTests.leaveBehind(node, world, clients, &random)
    let wrong = try #require(world.nodes.first { $0 !== node && $0 !== world.leader })
    try #require(wrong.life).coordinator.corruptState()
    FenceTests.trade(world, clients, &random, 20)
    world.start(node)
    guard world.run(upTo: 60_000_000, until: { world.installs.contains(node.id) }) else {
      return Verdict(world, ["no snapshot is installed"])
    }
    world.run(20_000_000)
    var verdict = Verdict()
    verdict.runs = world.allPlantedRuns
    let hashes = try world.nodes.map { try FenceTests.status(world, $0).stateHash }
    if Set(hashes).count != 1 { verdict.wrong.append("a wrong state is left") }
    if world.installs.count(where: { $0 == node.id }) != 1 {
      verdict.wrong.append("the first state was not the right one")
    }
    return verdict
  }
}

extension MutantTests {
  /// What a voter contradicted is asked for while that voter is away for many points.
  static func contradiction(_ seed: UInt64, _ bug: PlantedBugs) throws -> Verdict {
    var settings = SnapshotTests.settings()
    settings.bugs = bug
    let (world, clients) = try FenceTests.market(seed, settings)
    var random = SeededRandom(seed)
    let (away, _) = try SnapshotTests.contradicted(world, clients, &random)
    for _ in 0..<40 {
      FenceTests.trade(world, clients, &random, 20)
      clients.forget(away)
      world.run(1_000_000)
    }
    return spared(world)
  }

  /// What is being sent is contradicted.
  static func contradictionOnTheWay(_ seed: UInt64, _ bug: PlantedBugs) throws -> Verdict {
    var settings = SnapshotTests.settings()
    settings.bugs = bug
    settings.hashInterval = 1 << 40
    let (world, clients) = try FenceTests.market(seed, settings)
    var random = SeededRandom(seed)
    _ = try SnapshotTests.contradictedOnTheWay(world, clients, &random)
    world.run(20_000_000)
    return spared(world)
  }

  /// What is fetched is overtaken by the log.
  static func overtaken(_ seed: UInt64, _ bug: PlantedBugs) throws -> Verdict {
    var settings = SnapshotTests.settings()
    settings.bugs = bug
    let (world, clients) = try FenceTests.market(seed, settings)
    var random = SeededRandom(seed)
    _ = try SnapshotTests.overtaken(world, clients, &random) { $0.fetches(world) }
    return spared(world)
  }

  /// A level is raised before and after the last member gets the program that applies it.
  static func levels(_ seed: UInt64, _ bug: PlantedBugs) throws -> Verdict {
    var settings = WorldSettings()
    settings.bugs = bug
    settings.nodes = 5
    settings.wallOffsets = [0, 0, 0, 0, 0]
    let world = ClusterWorld(seed: seed, settings)
    let clients = WorldClients(world)
    world.nodes[4].newestLevel = 1
    world.startAll()
    let isReady = { world.nodes.allSatisfy { $0.life?.coordinator.ready == true } }
    try #require(world.run(upTo: 20_000_000) { isReady() })
    let early = LevelTests.raise(to: 2, at: world.nodes[0], world, clients)
    world.crash(world.nodes[4])
    world.nodes[4].newestLevel = Behaviour.newest
    world.start(world.nodes[4])
    _ = world.run(upTo: 5_000_000) { isReady() }
    let late = LevelTests.raise(to: 2, at: world.nodes[0], world, clients)
    world.run(1_000_000)
    var wrong: [String] = []
    if case .refused? = early {
    } else {
      wrong.append("a level is raised that a member cannot apply")
    }
    if !LevelTests.isDone(late) { wrong.append("a level that all apply is not raised") }
    if Set(LevelTests.levels(world)) != [2] { wrong.append("the levels differ") }
    return Verdict(world, wrong)
  }

  /// Nobody may have installed anything. The checker would only say that the states differ, which is given.
  private static func spared(_ world: ClusterWorld) -> Verdict {
    var verdict = Verdict()
    verdict.runs = world.allPlantedRuns
    verdict.wrong = world.installs.map { "node \($0) installs what it must not" }
    return verdict
  }
}
