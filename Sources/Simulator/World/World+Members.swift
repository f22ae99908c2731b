// World+Members: operators who change the members, try again when nobody answers, and make
// mistakes.
//
// Invariants:
//   * one request at a time; it is asked again until it is committed or refused too often
//   * the atlas: no request leads to voters of whom a majority is not sound
// Not here: the rules (Raft), what must hold (Checker+Members).

import Raft
import Replica

/// A request under way.
struct MemberAsk {
  var request: MemberRequest
  var isMistake = false
  var attempts = 0
  var ticket: UInt64 = 0
}

extension World {
  /// The members as the newest committed entry names them; those that the nodes were founded with
  /// before.
  var members: [Member] {
    checker.committedConfiguration?.members
      ?? nodes[..<swarm.nodes].map { Member(id: $0.id, incarnation: $0.incarnation) }
  }

  func node(_ id: NodeID) -> SimNode? {
    id.value >= 1 && id.value <= nodes.count ? nodes[Int(id.value) - 1] : nil
  }

  /// Whether the machine is the member of that name, and not a new one under its name.
  func isMember(_ node: SimNode) -> Bool {
    members.contains { $0.id == node.id && $0.incarnation == node.incarnation }
  }

  // MARK: The atlas

  /// Every set of voters that may have to decide: of each member's configuration and of what
  /// follows from it.
  private var votingSets: [[Member]] {
    var sets = [checker.committedConfiguration?.voters ?? members]
    for node in nodes where node.standing == .running && isMember(node) {
      guard let present = node.life?.coordinator.configuration ?? node.configuration else {
        continue
      }
      sets.append(present.voters)
      if present.isJoint { sets.append(present.outgoing) }
      if let promotion = present.promotion {
        sets.append(
          present.voters.filter { $0.id != promotion.replacing }
            + present.learners.filter { $0.id == promotion.learner })
      }
    }
    return sets
  }

  /// Whether a majority of these is sound, with one more machine that is not.
  private func isSurvivable(_ voters: [Member], without one: SimNode? = nil) -> Bool {
    let unsound = voters.count { member in
      guard let node = node(member.id) else { return true }
      return node === one || node.isUnsound || node.incarnation != member.incarnation
    }
    return unsound * 2 < voters.count
  }

  /// Whether one more machine's storage may be harmed.
  func mayDamage(_ node: SimNode) -> Bool {
    if options.unsurvivable {
      // Never all: who loses every disk starts a new cluster.
      return nodes.contains { $0.place != node.place && !$0.isDamaged }
    }
    guard node.standing == .running, ask == nil else { return false }
    return votingSets.allSatisfy { set in
      !set.contains { $0.id == node.id } || isSurvivable(set, without: node)
    }
  }

  // MARK: Requests

  /// An operator asks for something.
  func churn() -> Bool {
    guard ask == nil, !options.unsurvivable, let leader, let life = leader.life,
      let present = life.coordinator.configuration
    else { return false }
    if chance.chance(15) {
      begin(MemberAsk(request: mistake(), isMistake: true), after: 0)
      return true
    }
    guard let request = draw(present) else { return false }
    begin(MemberAsk(request: request), after: chance.among(100_000..<1_500_000))
    return true
  }

  private func mistake() -> MemberRequest {
    chance.pick([
      .remove(NodeID(99)), .promote(NodeID(99)),
      .add(NodeID(0), address: "", promote: true, incarnation: 3),
      .add(NodeID(1), address: "x:1", promote: true, incarnation: 3),
      .replace(NodeID(99), with: NodeID(100), address: "x:1", incarnation: 3),
    ])
  }

  private func draw(_ present: Configuration) -> MemberRequest? {
    let gone = present.voters.filter { node($0.id).map { $0.isLost || $0.refusal != nil } ?? true }
    let voters = present.voters.count
    switch chance.below(10) {
    case 0..<4 where voters < 6:
      guard let new = newcomer(present) else { return removal(present) }
      return .add(
        new.id, address: "n\(new.id):1", promote: chance.chance(70),
        incarnation: chance.chance(70) ? 0 : new.incarnation)
    case 4..<6:
      guard let learner = present.learners.first else { fallthrough }
      return .promote(learner.id)
    case 6..<8:
      guard let new = newcomer(present) else { return removal(present) }
      let old = gone.isEmpty ? chance.pick(present.voters) : chance.pick(gone)
      return .replace(old.id, with: new.id, address: "n\(new.id):1")
    default: return removal(present)
    }
  }

  private func removal(_ present: Configuration) -> MemberRequest? {
    if let learner = present.learners.first, chance.chance(30) { return .remove(learner.id) }
    guard present.voters.count > 2 else { return nil }
    if chance.chance(30), let leader { return .remove(leader.id) }
    return .remove(chance.pick(present.voters).id)
  }

  /// A machine that is no member yet, under an id that was never used; started if it does not run.
  private func newcomer(_ present: Configuration) -> SimNode? {
    let fresh = nodes.filter {
      $0.id > present.highestID && ($0.standing == .spare || $0.standing == .running)
    }
    guard let node = fresh.first else { return nil }
    if node.standing == .spare {
      node.standing = .running
      node.peers = present.voters.map(\.id).prefix(Configuration.votersMax - 1) + [node.id]
      start(node)
    }
    return node
  }

  /// The voters that the request leads to in the end.
  private func outcome(of request: MemberRequest, _ present: Configuration) -> [Member] {
    let voters = present.voters
    func member(_ id: NodeID) -> [Member] {
      node(id).map { [Member(id: id, incarnation: $0.incarnation)] } ?? []
    }
    return switch request {
    case .add(let id, _, let promote, _): promote ? voters + member(id) : voters
    case .promote(let id): voters.filter { $0.id != id } + member(id)
    case .remove(let id): voters.filter { $0.id != id }
    case .replace(let old, let id, _, _): voters.filter { $0.id != old } + member(id)
    }
  }

  private func begin(_ new: MemberAsk, after pause: Int64) {
    ask = new
    trace("an operator wants \(new.request)")
    later(pause) { [unowned self] in attemptAsk() }
  }

  private func attemptAsk() {
    guard phase == .active, var present = ask else {
      ask = nil
      return
    }
    present.attempts += 1
    guard present.attempts <= 30 else {
      mark(.changeGivenUp)
      ask = nil
      return
    }
    nextTicket += 1
    present.ticket = nextTicket
    ask = present
    let ticket = nextTicket
    if let leader, let life = leader.life, leader.pausedUntil <= time {
      if !present.isMistake, let configuration = life.coordinator.configuration,
        !isSurvivable(outcome(of: present.request, configuration))
      {
        ask = nil
        return
      }
      life.coordinator.changeMembers(present.request, ticket, leader.now(time), &life.effects)
      wantTurn(leader, life)
    }
    // Whoever was asked may have died.
    later(chance.among(1_000_000..<3_000_000)) { [unowned self] in
      if ask?.ticket == ticket { attemptAsk() }
    }
  }

  func take(_ answer: MemberAnswer, _ node: SimNode) {
    switch answer.outcome {
    case .committed(let index):
      if index > checker.canonical.count {
        checker.fail(
          "members", "node \(node.id) calls a change committed at \(index), which is not")
      }
      mark(.changeCommitted)
    case .refused(let why):
      mark(.changeRefused)
      if why.isEmpty || why.contains("\n") {
        checker.fail("members", "a refusal is not one sentence: \(why)")
      }
    case .notLeader, .unknown: mark(.changeUnknown)
    }
    guard let present = ask, present.ticket == answer.ticket else { return }
    trace("\(node.id) answers the operator: \(answer.outcome)")
    if present.isMistake {
      if case .committed = answer.outcome {
        checker.fail("members", "the mistake \(present.request) was carried out")
      }
      ask = nil
      return
    }
    if case .committed = answer.outcome {
      ask = nil
      return
    }
    let ticket = answer.ticket
    later(chance.among(200_000..<1_000_000)) { [unowned self] in
      if ask?.ticket == ticket { attemptAsk() }
    }
  }

  // MARK: Those that are gone

  /// Machines that were removed, or whose disk was lost and whose place was taken, are switched off
  /// some time later; until then they knock, and must disturb nobody.
  func retireGone() {
    guard let committed = checker.committedConfiguration, !committed.isJoint else { return }
    for node in nodes
    where node.standing == .running && node.wasMember && committed.member(node.id) == nil {
      guard chance.chance(10) else { continue }
      mark(node.isLost ? .lostReplaced : .memberRetired)
      trace("\(node.id) is switched off for good")
      kill(node, .power, why: "it was removed")
      node.standing = .retired
    }
  }
}
