// Lab: a cluster that does only what the test says: which message is delivered, which disk is done.
//
// Time passes by `tick`; messages wait in `pool` until delivered or dropped; disks finish at once
// unless held. The simulation's checker looks on.

import Raft

/// A hand-driven cluster.
final class Lab {
  let configuration: Configuration
  let nodes: [SimulatedNode]
  var checker: Checker
  /// Messages that left and are not delivered yet, oldest first.
  var pool: [Message] = []
  var readsReady: [UInt64: LogIndex] = [:]
  var readsFailed: [UInt64] = []
  var snapshotsNeeded: [SnapshotNeed] = []
  /// Branches of planted bugs that ran in lives that are over.
  private(set) var plantedRunsBefore: UInt64 = 0
  /// Messages that `exchange` loses.
  var losing: ((Message) -> Bool)?
  /// Disks that do not finish until `persist`.
  var heldDisks: Set<NodeID> = []
  let settings: Settings

  /// Nodes up to `spare` exist, but are no members yet.
  convenience init(
    _ ids: ClosedRange<UInt64> = 1...3, spare: UInt64 = 0, settings: Settings? = nil,
    bug: PlantedBug? = nil
  ) {
    let others = spare > ids.upperBound ? Array(ids.upperBound + 1...spare) : []
    self.init(
      voters: Array(ids), learners: [], spares: others,
      settings: settings ?? Settings(heartbeatTicks: 2, electionTicks: 10), bug: bug)
  }

  init(
    voters: [UInt64], learners: [UInt64], spares: [UInt64], settings: Settings, bug: PlantedBug?
  ) {
    func members(_ ids: [UInt64]) -> [Member] {
      ids.map { Member(id: NodeID($0), incarnation: $0 * 10) }
    }
    guard let configuration = Configuration(voters: members(voters), learners: members(learners))
    else { preconditionFailure("the lab's own configuration") }
    self.configuration = configuration
    var settings = settings
    settings.plantedBug = bug
    self.settings = settings
    checker = Checker(configuration)
    nodes = (voters + learners + spares).sorted().map { SimulatedNode(NodeID($0)) }
    for node in nodes { start(node.id.value) }
  }

  subscript(_ id: UInt64) -> SimulatedNode {
    guard let node = nodes.first(where: { $0.id.value == id }) else {
      preconditionFailure("no node \(id) in the lab")
    }
    return node
  }

  /// The terms of a node's log, from index 1.
  func terms(_ id: UInt64) -> [UInt64] { self[id].shadow.map(\.term.value) }

  func commit(_ id: UInt64) -> UInt64 { self[id].core?.commit.value ?? 0 }

  func role(_ id: UInt64) -> Role? { self[id].role }

  // MARK: Life and disks

  func start(_ id: UInt64) {
    self[id].start(settings: settings, configuration: configuration, seed: id)
  }

  /// How often the branch of the planted bug ran, on all nodes.
  var plantedRuns: UInt64 {
    var sum = plantedRunsBefore
    for node in nodes { sum += node.core?.plantedRuns ?? 0 }
    return sum
  }

  func crash(_ id: UInt64) {
    plantedRunsBefore += self[id].core?.plantedRuns ?? 0
    self[id].crash()
    pool.removeAll { $0.to.value == id || $0.from.value == id }
  }

  /// Finishes all queued writes of a held disk.
  func persist(_ id: UInt64) {
    let node = self[id]
    while let write = node.disk.finishNext(now: Int.max) {
      checker.observeDurable(write, of: node)
      for message in write.afterDurable { leave(message, node) }
      node.core?.logPersisted(write.sequence, &node.output)
      settle(node)
    }
  }

  func settle(_ node: SimulatedNode) {
    let out = node.output
    node.output.removeAll()
    for write in out.writes {
      checker.observe(write, of: node)
      node.disk.enqueue(write, due: 0)
    }
    for message in out.messages { leave(message, node) }
    checker.observe(node, nodes)
    node.fetches += out.fetches.map { ($0, 0) }
    snapshotsNeeded += out.snapshotsNeeded
    if out.suspectCleared { node.suspect = nil }
    if out.suspectCleared { node.voteUnreadable = false }
    for ready in out.readsReady { readsReady[ready.ticket] = ready.index }
    readsFailed += out.readsFailed
    if !heldDisks.contains(node.id) { persist(node.id.value) }
  }

  private func leave(_ message: Message, _ node: SimulatedNode) {
    checker.observe(message, of: node)
    pool.append(message)
  }

  // MARK: Inputs

  func tick(_ id: UInt64, _ count: Int = 1) {
    for _ in 0..<count {
      self[id].core?.tick(&self[id].output)
      settle(self[id])
    }
  }

  func inject(_ message: Message) {
    let node = self[message.to.value]
    node.core?.step(message, &node.output)
    settle(node)
  }

  @discardableResult
  func propose(_ id: UInt64, _ payload: [UInt8] = [1, 2, 3]) -> EntryID? {
    let node = self[id]
    let entry = node.core?.propose(payload, .command, &node.output)
    settle(node)
    return entry ?? nil
  }

  func read(_ id: UInt64, _ ticket: UInt64) {
    self[id].core?.requestRead(ticket, &self[id].output)
    settle(self[id])
  }

  func peerLost(_ id: UInt64, _ peer: UInt64) {
    self[id].core?.peerLost(NodeID(peer), &self[id].output)
    settle(self[id])
  }

  func applyAll(_ id: UInt64) {
    let upTo = LogIndex(commit(id))
    self[id].core?.entriesApplied(upTo: upTo)
  }

  func transfer(_ id: UInt64) {
    self[id].core?.transferLeadership(&self[id].output)
    settle(self[id])
  }

  /// Asks a node to change the members. Returns why it refused.
  @discardableResult
  func change(_ id: UInt64, _ change: MembershipChange) -> MembershipRefusal.Reason? {
    defer { settle(self[id]) }
    do {
      _ = try self[id].core?.changeMembership(change, &self[id].output)
      return nil
    } catch {
      return error.reason
    }
  }

  /// Lets time pass for all nodes that are up, with a perfect network.
  func run(_ ticks: Int) {
    for _ in 0..<ticks {
      for node in nodes where node.isUp { tick(node.id.value) }
      exchange()
    }
  }

  /// Answers what a node asked of its log's files.
  func answerFetches(_ id: UInt64) {
    let node = self[id]
    while let (fetch, _) = node.fetches.first {
      node.fetches.removeFirst()
      node.core?.logFetched(node.fetched(fetch, countMax: 5), &node.output)
      settle(node)
    }
  }

  /// Drops the log's files up to an index.
  func cut(_ id: UInt64, _ index: UInt64) {
    self[id].cut = LogIndex(index)
    self[id].core?.logCut(to: self[id].shadow[Int(index) - 1])
  }

  /// Stops a node and starts it again with another one's state as of its commit index.
  func install(_ id: UInt64, from source: UInt64) {
    let commit = Int(self.commit(source))
    let state = Array(self[source].disk.entries.prefix(commit))
    crash(id)
    self[id].install(state)
    start(id)
  }

  // MARK: The network

  /// Delivers what waits from one node to another; later answers stay in the pool.
  func deliver(_ from: UInt64, to: UInt64) {
    let due = pool.filter { $0.from.value == from && $0.to.value == to }
    pool.removeAll { $0.from.value == from && $0.to.value == to }
    for message in due { inject(message) }
  }

  /// Delivers everything among these nodes until none of them has anything to say.
  func exchange(_ ids: [UInt64]) {
    for _ in 0..<10_000 {
      guard
        let i = pool.firstIndex(where: {
          ids.contains($0.from.value) && ids.contains($0.to.value)
        })
      else { return }
      let message = pool.remove(at: i)
      if losing.map({ !$0(message) }) ?? true { inject(message) }
    }
    preconditionFailure("the nodes never fall silent")
  }

  func exchange() { exchange(nodes.map(\.id.value)) }

  func drop() { pool.removeAll() }

  /// Makes `id` leader with the votes of `voters`, and leaves its first appends undelivered.
  func elect(_ id: UInt64, _ voters: [UInt64]) {
    for voter in voters { tick(voter, settings.electionTicks) }
    drop()
    for _ in 0..<200 where role(id) != .leader {
      tick(id)
      for _ in 0..<8 where role(id) != .leader {
        for voter in voters {
          deliver(id, to: voter)
          deliver(voter, to: id)
        }
      }
    }
    pool.removeAll {
      switch $0.body {
      case .append: false
      default: true
      }
    }
  }
}

extension SimulatedNode {
  var term: UInt64 { core?.term.value ?? 0 }
}
