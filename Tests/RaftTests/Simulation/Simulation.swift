// Simulation: one whole run: a fault mix drawn from the seed, then healing, then progress is due.

import Raft

/// What one run found.
struct SimulationResult {
  var violation: String?
  var commits: Int
  var leaderTerms: Int
  var reads: Int
  var trace: [String]
}

/// Which faults a run may meet, each in 1,000 moments. Every seed draws its own mix.
struct FaultMix {
  var crash = 0
  var restartAfterMax = 40
  var partition = 0
  var pause = 0
  var transfer = 0
  var stepDown = 0
  var closeSeen = 0
  var crashFreshLeader = 0
  var membership = 0
  /// Of 1,000 crashes, how many damage the disk.
  var damage = 0
  var cut = 0
  /// Of 1,000 partitions, how many cut off just the leader and end with the death of its successor.
  var coup = 0

  init(_ random: inout SeededRandom) {
    if random.chance(700) { crash = random.below(12) }
    if random.chance(600) { partition = random.below(20) }
    if random.chance(300) { pause = random.below(10) }
    if random.chance(300) { transfer = random.below(10) }
    if random.chance(200) { stepDown = random.below(10) }
    if random.chance(500) { closeSeen = random.below(1000) }
    if random.chance(300) { crashFreshLeader = random.below(300) }
    if random.chance(500) { coup = random.below(1000) }
    if random.chance(400) { membership = random.below(30) }
    if random.chance(300) { damage = random.below(700) }
    if random.chance(400) { cut = random.below(600) }
    restartAfterMax = 5 + random.below(80)
  }
}

/// Runs one seed.
struct Simulation {
  private let cluster: SimulatedCluster
  private let mix: FaultMix
  private let proposePerMille: Int
  private let readPerMille: Int
  private var healAt = 0
  private var isCoup = false

  /// With `harmOnly` the checker looks at nodes and disks, not at whether messages left too early.
  init(seed: UInt64, bug: PlantedBug? = nil, harmOnly: Bool = false, tracing: Bool = false) {
    var random = SeededRandom(seed ^ 0xC0FFEE)
    var settings = Settings(
      heartbeatTicks: 2, electionTicks: 10, entriesPerAppendMax: 1 + random.below(8),
      bytesPerAppendMax: 64 + random.below(600), inflightAppendsMax: 1 + random.below(4),
      windowBytesMax: random.chance(500) ? 1 << 20 : 3000)
    settings.plantedBug = bug
    let configuration = Self.configuration(&random)
    let highest = configuration.highestID.value
    let spares = random.chance(500) ? [highest + 1, highest + 2, highest + 3] : []
    cluster = SimulatedCluster(configuration, spares: spares, settings: settings, seed: seed)
    cluster.isTracing = tracing
    cluster.checker.watchesPromises = !harmOnly
    mix = FaultMix(&random)
    cluster.cutPerMille = mix.cut
    cluster.diskDelayMax = random.chance(300) ? 12 : 1 + random.below(4)
    cluster.network.faults.delayMax = random.chance(300) ? 12 : 1 + random.below(3)
    if random.chance(600) { cluster.network.faults.lossPerMille = random.below(200) }
    if random.chance(500) { cluster.network.faults.duplicatePerMille = random.below(200) }
    proposePerMille = 50 + random.below(600)
    readPerMille = random.below(200)
    for node in cluster.nodes where random.chance(300) { node.clockLoss = random.below(200) }
  }

  /// 3 voters mostly; 1 or 5; at times a joint configuration with a learner.
  private static func configuration(_ random: inout SeededRandom) -> Configuration {
    func members(_ ids: [UInt64]) -> [Member] {
      ids.map { Member(id: NodeID($0), incarnation: $0) }
    }
    let made: Configuration?
    switch random.below(10) {
    case 0: made = Configuration(voters: members([1]))
    case 1, 2: made = Configuration(voters: members([1, 2, 3, 4, 5]))
    case 3:
      made = Configuration(
        voters: members([1, 2, 3]), outgoing: members([1, 2, 4]), learners: members([5]))
    default: made = Configuration(voters: members([1, 2, 3]))
    }
    guard let made else { preconditionFailure("the test's own configuration") }
    return made
  }

  mutating func run(moments: Int = 500) -> SimulationResult {
    for _ in 0..<moments where cluster.checker.violation == nil {
      injectFaults()
      work()
      cluster.step()
    }
    if cluster.checker.violation == nil { heal() }
    if cluster.checker.violation == nil { expectProgress() }
    return SimulationResult(
      violation: cluster.checker.violation, commits: cluster.checker.committed.count,
      leaderTerms: cluster.checker.leaderTerms, reads: cluster.checker.readsAnswered,
      trace: cluster.trace)
  }

  private func work() {
    for node in cluster.nodes where node.isUp && node.pausedUntil <= cluster.now {
      if node.role == .leader, cluster.random.chance(proposePerMille) { cluster.propose(node) }
      if cluster.random.chance(readPerMille) { cluster.read(node) }
    }
  }

  // MARK: Faults

  private mutating func injectFaults() {
    for node in cluster.nodes {
      if let due = node.restartAt, due <= cluster.now { cluster.start(node) }
      guard node.isUp else { continue }
      let commit = Int((node.core?.commit ?? .zero).value)
      let isFresh = node.role == .leader && commit < node.shadow.count
      let perMille = isFresh ? mix.crash + mix.crashFreshLeader : mix.crash
      if cluster.random.chance(perMille) {
        crash(node)
      } else if cluster.random.chance(mix.pause) {
        node.pausedUntil = cluster.now + cluster.random.below(60)
        cluster.note("pause \(node.id) until \(node.pausedUntil)")
      } else if node.role == .leader, node.pausedUntil <= cluster.now {
        if cluster.random.chance(mix.transfer) { node.core?.transferLeadership(&node.output) }
        if cluster.random.chance(mix.membership) { cluster.changeMembers(node) }
        if cluster.random.chance(mix.stepDown) { node.core?.stepDown(&node.output) }
        cluster.settle(node)
      }
    }
    if cluster.now >= healAt, cluster.random.chance(mix.partition) { partition() }
    if cluster.now == healAt {
      cluster.network.cut.removeAll()
      if isCoup, let leader = cluster.leader { crash(leader) }
    }
  }

  private func crash(_ node: SimulatedNode) {
    cluster.crash(node)
    if cluster.random.chance(mix.damage) { cluster.damage(node) }
    node.restartAt = cluster.now + 1 + cluster.random.below(mix.restartAfterMax)
    for other in cluster.nodes where other.isUp && cluster.random.chance(mix.closeSeen) {
      other.core?.peerLost(node.id, &other.output)
      cluster.settle(other)
    }
  }

  /// Cuts the cluster in two, or some links in one direction only.
  private mutating func partition() {
    let isSymmetric = cluster.random.chance(700)
    isCoup = cluster.random.chance(mix.coup)
    let leader = isCoup ? cluster.leader?.id : nil
    let side = cluster.nodes.map { leader == nil ? cluster.random.chance(500) : $0.id == leader }
    cluster.network.cut.removeAll()
    for (i, a) in cluster.nodes.enumerated() {
      for (j, b) in cluster.nodes.enumerated() where side[i] != side[j] {
        if isSymmetric || cluster.random.chance(500) {
          cluster.network.cut.insert(SimulatedNetwork.Link(from: a.id, to: b.id))
        }
      }
    }
    healAt = cluster.now + 1 + cluster.random.below(80)
    cluster.note("partition \(side) symmetric \(isSymmetric) until \(healAt)")
  }

  // MARK: Healing

  private func heal() {
    cluster.note("heal")
    cluster.network.cut.removeAll()
    cluster.network.faults = NetworkFaults()
    cluster.diskDelayMax = 2
    for node in cluster.nodes {
      node.pausedUntil = 0
      node.clockLoss = 0
      if !node.isUp { cluster.start(node) }
    }
  }

  /// With all faults gone, a leader appears and what it proposes is committed on every node.
  private func expectProgress() {
    var target: EntryID?
    for moment in 0..<3000 where cluster.checker.violation == nil {
      cluster.step()
      guard let leader = cluster.leader, let before = leader.core?.lastID else { continue }
      // What another leader proposed since may have been replaced.
      if moment % 10 == 0, target?.term != before.term {
        cluster.propose(leader)
        if let last = leader.core?.lastID, last > before { target = last }
      }
      let members = leader.core?.configuration?.members.map(\.id) ?? []
      let inside = cluster.nodes.filter { members.contains($0.id) }
      if let target, inside.allSatisfy({ ($0.core?.commit ?? .zero) >= target.index }) {
        return checkAgreement()
      }
    }
    guard cluster.checker.violation == nil else { return }
    let commits = cluster.nodes.map { "\($0.core?.commit ?? .zero)" }
    cluster.checker.fail("no progress after healing: target \(target ?? .zero), commits \(commits)")
  }

  private func checkAgreement() {
    let committed = cluster.checker.committed
    for node in cluster.nodes {
      let count = Int((node.core?.commit ?? .zero).value)
      if Array(node.shadow.prefix(count)) != Array(committed.prefix(count)) {
        cluster.checker.fail("node \(node.id) differs from what was committed")
      }
    }
  }
}
