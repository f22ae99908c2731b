// Checker+Finish: after the world has healed: liveness, equal states, and every answer against a
// replay of the log.
//
// Not here: what must hold at every step (Checker).

import Engine
import Raft
import Replica

extension World {
  /// Too many voters are gone for good: the rest has to stand still.
  var mustHalt: Bool {
    let voters = checker.committedConfiguration?.voters ?? members
    let gone = voters.count { voter in
      guard let node = node(voter.id) else { return true }
      return node.refusal != nil || node.isLost
    }
    return gone * 2 >= voters.count
  }

  /// The machines of the members, without those that wait for an operator: whose disk was lost, and
  /// two or more at once whose votes are unreadable (docs/decisions/0006).
  func rest(of configuration: Configuration) -> [SimNode] {
    let all = configuration.members.compactMap { node($0.id) }
      .filter { $0.refusal == nil && !$0.isLost }
    let unreadable = all.filter { $0.life?.coordinator.isVoteUnreadable ?? false }
    guard unreadable.count > 1 else { return all }
    mark(.votesUnreadable)
    return all.filter { node in !unreadable.contains { $0 === node } }
  }

  /// Whether nothing is left to be done.
  var isQuiet: Bool {
    guard let leader, let life = leader.life, let present = life.coordinator.configuration,
      clients.allSatisfy({ $0.operation == nil }), !present.isJoint, mayRest(at: present, life),
      present.promotion.map({ node($0.learner)?.isLost ?? true }) ?? true
    else { return false }
    let last = life.coordinator.lastID.index.value
    for node in rest(of: present) {
      guard let own = node.life, own.coordinator.appliedIndex == last, !node.isWrong,
        own.coordinator.storedIndex == last, node.shadow.items.count == last
      else { return false }
    }
    return true
  }

  /// While the world heals operators let the replicas compare their states, if one may be wrong. If
  /// too few voters have a state to tell which one is, the operators do.
  func tendHealing() {
    guard phase == .healing else { return }
    queue.add(time + 1_000_000, .sample)
    if time > healedAt + 10_000_000 { judgeStates(disputed: false) }
    guard nodes.contains(where: { $0.isWrong && $0.life != nil }), let leader,
      let life = leader.life
    else { return }
    _ = life.coordinator.compareStates(leader.now(time), &life.effects)
    wantTurn(leader, life)
  }

  /// Operators look into states that may be wrong, or only into those that the voters' hashes leave
  /// undecided for long, and take the wrong ones away.
  func judgeStates(disputed: Bool) {
    // Who lags may not know yet that a majority has agreed since.
    let agreed = nodes.compactMap { $0.life?.coordinator.agreedIndex }.max() ?? 0
    let disputes = nodes.compactMap { $0.life?.coordinator.dispute }.filter { $0.index > agreed }
    for node in nodes where node.storeDamage == nil {
      guard let life = node.life, life.coordinator.fence == nil else { continue }
      // A state that is right again may have been wrong there.
      let isContradicted = disputes.contains { point in
        guard let truth = checker.hashes[point.index] else { return false }
        return point.votes.contains { $0.node == node.id && $0.hash != truth }
      }
      guard isContradicted ? time > node.wrongSince + 20_000_000 : node.isWrong && !disputed else {
        continue
      }
      guard node.isWrong || isReplaceable(node) else { continue }
      mark(.operatorJudged)
      judgedAt = time
      trace("an operator takes the state of \(node.id) for wrong")
      kill(node, .process, why: "an operator stops it")
      node.storeDamage = "an operator took it away"
      restart(node, after: 1_000)
    }
  }

  /// Whether another node has a right state, from which some log goes on: nobody throws the last one away.
  private func isReplaceable(_ node: SimNode) -> Bool {
    let starts = nodes.compactMap { $0.life?.coordinator.logStart.index.value }
    return nodes.contains { other in
      guard other !== node, !other.isUnsound, let life = other.life else { return false }
      return life.coordinator.appliedIndex >= starts.min() ?? 0
    }
  }

  /// A node found its own state wrong.
  func fenced(_ node: SimNode, _ reason: String) {
    mark(.fenced)
    trace("\(node.id) is fenced: \(reason)")
    guard node.life?.lacksStore != true, !checker.wasWrong(node) else { return }
    checker.fail("fence", "node \(node.id) calls a right state wrong: \(reason)")
  }
}

extension Checker {
  func finish() {
    for node in world.nodes { if let life = node.life { world.count(life) } }
    world.tally.planted += world.mutant.runs
    guard failure == nil else { return }
    replay()
    guard let leader = world.leader, let life = leader.life, !world.mustHalt else { return }
    if let present = life.coordinator.configuration {
      for node in world.rest(of: present) { compare(node, life) }
    }
    if let replayed, replayed != life.coordinator.exchangeHash {
      fail("replay", "the exchange differs from a replay that executes each request once")
    }
  }

  /// What was not done in time, in a few words.
  func stuck() -> String {
    let waiting = world.clients.filter { $0.operation != nil }.map(\.place)
    let states = world.nodes.map { node -> String in
      guard let life = node.life else { return "\(node.id): down (\(node.refusal ?? "?"))" }
      let own = life.coordinator
        .complaints(node.now(world.time)).joined(separator: "; ")
      return "\(node.id): \(life.coordinator.role) t\(life.coordinator.term)"
        + " applied \(life.coordinator.appliedIndex) stored \(life.coordinator.storedIndex)"
        + " last \(life.coordinator.lastID) disk \(node.shadow.last) \(own)"
    }
    return "clients \(waiting) wait; \(states.joined(separator: " | "))"
  }

  private func compare(_ node: SimNode, _ leading: Life) {
    guard let life = node.life else { return }
    if life.coordinator.stateHash != leading.coordinator.stateHash {
      fail("state-hash", "the state of node \(node.id) differs at the end")
    }
    for broken in life.coordinator.brokenInvariants() {
      fail("ledger", "node \(node.id): \(broken)")
    }
  }

  private func replay() {
    var oracle = Oracle()
    for (place, term) in canonical.enumerated() {
      let id = EntryID(term: Term(term), index: LogIndex(UInt64(place + 1)))
      guard let entry = known[id]?.entry else {
        return fail("log", "committed \(id) is on no disk")
      }
      oracle.apply(entry)
    }
    replayed = oracle.hash()
    check(levels: oracle.levels, foundedAt: oracle.foundedAt)
    for broken in oracle.exchange.checkInvariants() { fail("ledger", "replay: \(broken)") }
    for problem in oracle.problems { fail("replay", problem) }
    // The earliest difference first: the later ones follow from it.
    let byIndex = world.operations.enumerated().sorted {
      ($0.element.index, $0.offset) < ($1.element.index, $1.offset)
    }
    for (_, operation) in byIndex { check(operation, oracle.executed) }
    checkOrder(oracle.executed)
  }

  private func check(_ operation: Operation, _ executed: [RequestID: Told]) {
    guard let request = operation.request else { return }
    let truth = executed[request.header.requestID]
    switch operation.outcome {
    case .replied(let reply, let index, let stamp):
      let told = Told(reply: reply, index: index, stamp: stamp)
      if truth.map({ !$0.allows(told) }) ?? true {
        fail("exactly-once", "a client was told \(told), the log says \(String(describing: truth))")
      }
    case .expired:
      if let truth, truth.reply != .rejected(.deadlinePassed) {
        fail("answers", "a request was called expired, and was executed at \(truth.index)")
      }
    case .refused: check(refused: operation, truth)
    case .open:
      if !world.mustHalt { fail("liveness", "a request is open at the end") }
    case .read, .unknown: break
    }
  }
}
