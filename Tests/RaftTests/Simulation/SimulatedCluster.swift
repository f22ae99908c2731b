// SimulatedCluster: several cores, one seed: virtual time, faults, and the checker after every step.
//
// Not here: what the faults are (Faults), and the story of a whole run (Simulation).

import Raft

/// A cluster in one thread and in virtual time.
final class SimulatedCluster {
  let configuration: Configuration
  let settings: Settings
  let nodes: [SimulatedNode]
  var network = SimulatedNetwork()
  var checker: Checker
  var random: SeededRandom
  var now = 0
  let seed: UInt64
  /// A write takes 1 to this many moments.
  var diskDelayMax = 3
  /// Some messages go through the codec; all of them in the scripted tests.
  var codecPerMille = 50
  var proposals: UInt64 = 0
  private var reads: [(ticket: UInt64, node: NodeID)] = []
  private var nextTicket: UInt64 = 0
  private(set) var trace: [String] = []
  var isTracing = false

  /// Snapshots under way.
  private var installs: [(need: SnapshotNeed, from: NodeID, due: Int)] = []
  /// Of 1,000 times that a node stores its state, how often it cuts its log there.
  var cutPerMille = 0

  /// Nodes in `spares` exist, but are no members yet.
  init(
    _ configuration: Configuration, spares: [UInt64] = [], settings: Settings, seed: UInt64
  ) {
    self.configuration = configuration
    self.settings = settings
    self.seed = seed
    random = SeededRandom(seed)
    checker = Checker(configuration)
    let members = configuration.voters + configuration.outgoing + configuration.learners
    let ids = (members.map(\.id) + spares.map { NodeID($0) }).sorted()
    var unique: [NodeID] = []
    for id in ids where unique.last != id { unique.append(id) }
    nodes = unique.map(SimulatedNode.init)
    for node in nodes { start(node) }
  }

  var leader: SimulatedNode? {
    var best: SimulatedNode?
    for node in nodes where node.role == .leader {
      if best == nil || (best?.lastTerm ?? .zero) < node.lastTerm { best = node }
    }
    return best
  }

  func node(_ id: NodeID) -> SimulatedNode? { nodes.first { $0.id == id } }

  func note(_ what: @autoclosure () -> String) {
    if isTracing { trace.append("\(now): \(what())") }
  }

  // MARK: Life and death

  func start(_ node: SimulatedNode) {
    node.start(settings: settings, configuration: configuration, seed: seed &* 31 &+ node.id.value)
    node.restartAt = nil
    note("start \(node.id) term \(node.lastTerm) last \(node.shadow.count)")
  }

  func crash(_ node: SimulatedNode) {
    guard node.isUp else { return }
    note("crash \(node.id)")
    node.crash()
    for read in reads where read.node == node.id { checker.forgetRead(read.ticket) }
    reads.removeAll { $0.node == node.id }
  }

  // MARK: One moment

  /// Lets one moment pass: arrivals, disks, clocks.
  func step() {
    now += 1
    for message in network.arrivals(now: now) where checker.violation == nil { deliver(message) }
    finishInstalls()
    for node in nodes where node.isUp && checker.violation == nil {
      finishWrites(node)
      guard node.pausedUntil <= now else { continue }
      report(node)
      answerFetches(node)
      if !random.chance(node.clockLoss) {
        node.core?.tick(&node.output)
        settle(node)
      }
    }
  }

  private func deliver(_ message: Message) {
    guard let node = node(message.to), node.isUp else { return }
    if node.pausedUntil > now {
      network.hold(message, until: node.pausedUntil)
      return
    }
    node.core?.step(message, &node.output)
    settle(node)
  }

  /// The disk works on while the process is paused; messages that waited for it leave.
  func finishWrites(_ node: SimulatedNode) {
    while let write = node.disk.finishNext(now: now) {
      checker.observeDurable(write, of: node)
      for message in write.afterDurable { send(message, node) }
      node.reports.append((write.sequence, now + random.below(2)))
    }
  }

  func report(_ node: SimulatedNode) {
    while let first = node.reports.first, first.due <= now {
      node.reports.removeFirst()
      node.core?.logPersisted(first.sequence, &node.output)
      settle(node)
    }
  }

  private func answerFetches(_ node: SimulatedNode) {
    while let first = node.fetches.first, first.due <= now {
      node.fetches.removeFirst()
      let fetched = node.fetched(first.fetch, countMax: 1 + random.below(8))
      node.core?.logFetched(fetched, &node.output)
      settle(node)
    }
  }

  /// A snapshot that arrived: its receiver starts again from it.
  private func finishInstalls() {
    for install in installs where install.due <= now {
      guard let target = node(install.need.to), let source = node(install.from),
        source.stored >= install.need.base.index, source.stored > target.stored
      else { continue }
      note("\(target.id) installs \(source.stored) from \(source.id)")
      crash(target)
      target.install(Array(source.disk.entries.prefix(Int(source.stored.value))))
      start(target)
    }
    installs.removeAll { $0.due <= now }
  }

  // MARK: What the core asked for

  private func send(_ message: Message, _ node: SimulatedNode) {
    checker.observe(message, of: node)
    var message = message
    if random.chance(codecPerMille) {
      do {
        message = try SimulatedNetwork.overTheWire(message)
      } catch {
        checker.fail("node \(node.id) sent what nobody can read: \(error)")
      }
    }
    network.send(message, now: now, &random)
  }

  /// Carries out the node's output and lets the checker look.
  func settle(_ node: SimulatedNode) {
    for write in node.output.writes {
      checker.observe(write, of: node)
      node.disk.enqueue(write, due: now + random.from(1...diskDelayMax))
    }
    if let change = node.output.roleChange {
      note("\(node.id) is \(change.role) in \(change.term) under \(change.leader?.value ?? 0)")
    }
    for message in node.output.messages { send(message, node) }
    checker.observe(node, nodes)
    for fetch in node.output.fetches { node.fetches.append((fetch, now + 1 + random.below(3))) }
    for need in node.output.snapshotsNeeded
    where !installs.contains(where: { $0.need.to == need.to }) {
      installs.append((need, node.id, now + 3 + random.below(30)))
    }
    if node.output.suspectCleared {
      node.suspect = nil
      node.voteUnreadable = false
    }
    for ready in node.output.readsReady { ended(ready.ticket, ready.index) }
    for ticket in node.output.readsFailed { ended(ticket, nil) }
    node.output.removeAll()
    guard checker.violation == nil else { return note(checker.violation ?? "") }
    apply(node)
  }

  /// Applies what is committed, now or later, and stores some of it.
  private func apply(_ node: SimulatedNode) {
    guard let commit = node.core?.commit, commit > node.applied, random.chance(700) else { return }
    let entries = node.core?.entries(after: node.applied, upTo: commit) ?? []
    if entries.first?.index != node.applied.next || entries.last?.index != commit {
      checker.fail("node \(node.id) cannot apply after \(node.applied)")
    }
    node.applied = commit
    node.core?.entriesApplied(upTo: commit)
    // Not the disk's last entry: until a truncation is durable, the disk still has what it removes.
    let durable = node.core?.durableIndex ?? .zero
    if random.chance(300) {
      node.stored = max(node.stored, min(node.applied, durable))
      if random.chance(cutPerMille), node.stored > node.cut { cutLog(node) }
    }
  }

  private func cutLog(_ node: SimulatedNode) {
    guard let term = node.disk.term(at: node.stored) else { return }
    node.cut = node.stored
    node.core?.logCut(to: EntryID(term: term, index: node.cut))
  }

  // MARK: Work

  /// Asks the leader for a random change of the members; most are refused.
  func changeMembers(_ leader: SimulatedNode) {
    guard let present = leader.core?.configuration else { return }
    let ids = nodes.map(\.id)
    let any = ids[random.below(ids.count)]
    let newID = ids.first { $0 > present.highestID } ?? any
    let newcomer = Member(id: newID, incarnation: newID.value)
    let change: MembershipChange
    switch random.below(6) {
    case 0: change = .addLearner(newcomer, promote: false)
    case 1: change = .addLearner(newcomer, promote: true)
    case 2: change = .promote(any)
    case 3, 4: change = .replace(any, with: newcomer)
    default: change = .remove(any)
    }
    if let id = try? leader.core?.changeMembership(change, &leader.output) {
      note("\(leader.id) begins \(change) with \(id)")
    }
    settle(leader)
  }

  /// Damages a node that is down, where the others can repair it: one at a time.
  func damage(_ node: SimulatedNode) {
    let isOther = nodes.contains { $0.id != node.id && ($0.suspect != nil || $0.voteUnreadable) }
    let voters = node.lastConfiguration?.voters.count ?? 0
    guard !isOther, voters > 2, node.suspect == nil, !node.voteUnreadable else { return }
    if random.chance(300) { return node.loseHardState() }
    guard node.disk.last > node.cut else { return }
    if let replaced = node.disk.replaced, replaced.after >= node.cut, random.chance(500) {
      node.damageRemoval(isEndKnown: random.chance(700))
      return note("\(node.id) is damaged and holds what was removed after \(replaced.after)")
    }
    let kept = node.cut.value + UInt64(random.below(node.disk.last - node.cut))
    node.damage(after: LogIndex(kept), isEndKnown: random.chance(700))
    note("\(node.id) is damaged after \(kept)")
  }

  func propose(_ node: SimulatedNode) {
    proposals += 1
    var payload = [UInt8](repeating: UInt8(truncatingIfNeeded: proposals), count: 8)
    payload += [UInt8](repeating: 7, count: random.below(120))
    let id = node.core?.propose(payload, .command, &node.output)
    if let id = id ?? nil { note("\(node.id) proposes \(id)") }
    settle(node)
  }

  func read(_ node: SimulatedNode) {
    nextTicket += 1
    reads.append((nextTicket, node.id))
    checker.asked(nextTicket)
    node.core?.requestRead(nextTicket, &node.output)
    settle(node)
  }

  private func ended(_ ticket: UInt64, _ index: LogIndex?) {
    checker.ended(ticket, index: index)
    reads.removeAll { $0.ticket == ticket }
  }
}
