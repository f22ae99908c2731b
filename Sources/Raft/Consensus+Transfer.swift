// Consensus+Transfer: handing leadership over on purpose (thesis, section 3.10), and who is preferred.
//
// Invariants:
//   * from the request on no proposal is taken, so that the target can catch up
//   * the target is told to campaign only when its log equals the leader's, durably
//   * after an election timeout without success the leader goes on as before
//   * nobody hands over to a node that would refuse; to one that does badly only where no other has caught up
//   * a node of lower priority waits longer before it campaigns, and less with each vain wait
// Not here: when to hand over (Node, on SIGTERM).

/// How well a node could lead now, whatever its log holds.
public enum Fitness: Sendable {
  case able
  /// It would lead, and soon hand over: its disk is nearly full, or its store takes nothing.
  case poor
  /// It takes no office: it is about to end, or its state must not be used.
  case unable
}

extension Consensus {
  /// Hands leadership to a voter heard lately: one that is able and has caught up, of the highest
  /// priority. Not a leader, or nobody to hand it to: nothing happens. Repeating it during a transfer changes nothing.
  public mutating func transferLeadership(_ out: inout Output) {
    guard role == .leader, let configuration = configurations.effective else { return }
    beginTransfer(to: heir(among: configuration.voters), &out)
    finish(&out)
  }

  /// Hands leadership to `target`. Returns whether that was begun: this node leads, hands over to
  /// nobody else, and the target is a voter that answers, is not damaged and takes office.
  public mutating func transferLeadership(to target: NodeID, _ out: inout Output) -> Bool {
    guard role == .leader, target != id, let configuration = configurations.effective,
      configuration.voters.contains(where: { $0.id == target }), answers(target),
      fitness(of: target) != .unable,
      position(of: target).map({ !progress[$0].isSuspect }) ?? false,
      transfer == nil || transfer?.target == target
    else { return false }
    beginTransfer(to: target, &out)
    finish(&out)
    return true
  }

  /// Whether a transfer is under way.
  public var isTransferring: Bool { transfer != nil }

  mutating func beginTransfer(to target: NodeID?, _ out: inout Output) {
    guard transfer == nil, let target else { return }
    pass(.transferBegun)
    transfer = (target, now)
    continueTransfer(&out)
  }

  /// The voter to hand over to: able and caught up before poor and caught up before lagging; then, of
  /// those that have caught up, by priority; then by match and id.
  func heir(among voters: [Member]) -> NodeID? {
    var best: (i: Int, grade: Int, priority: UInt8)?
    for voter in voters {
      guard voter.id != id, answers(voter.id), let i = position(of: voter.id),
        !progress[i].isSuspect, progress[i].state != .snapshot, fitness(of: voter.id) != .unable
      else { continue }
      let grade = !hasCaughtUp(i) ? 0 : fitness(of: voter.id) == .poor ? 1 : 2
      let candidate = (i: i, grade: grade, priority: grade == 0 ? 0 : priority(of: voter.id))
      guard let present = best else {
        best = candidate
        continue
      }
      let isBetter =
        candidate.grade != present.grade
        ? candidate.grade > present.grade
        : candidate.priority != present.priority
          ? candidate.priority > present.priority
          : progress[i].match > progress[present.i].match
      if isBetter { best = candidate }
    }
    return best.map { progress[$0.i].id }
  }

  /// Learns how well a node could lead; believed until it is told otherwise.
  public mutating func learnFitness(of node: NodeID, _ fitness: Fitness) {
    self.fitness.removeAll { $0.id == node }
    if fitness != .able, self.fitness.count < Configuration.votersMax * 4 {
      self.fitness.append((node, fitness))
    }
  }

  func fitness(of node: NodeID) -> Fitness {
    for known in fitness where known.id == node { return known.fitness }
    return .able
  }

  /// Tells the target to campaign once it has everything; again with each of its answers, because
  /// the message may be lost.
  mutating func continueTransfer(_ out: inout Output) {
    guard role == .leader, let transfer, let i = position(of: transfer.target) else { return }
    guard progress[i].match == log.last.index || has(.transferTooEarly) else { return }
    send(.timeoutNow, to: transfer.target, &out)
  }

  /// Ends a transfer that takes too long.
  mutating func expireTransfer() {
    guard let since = transfer?.since, now - since > UInt64(settings.electionTicks) else { return }
    pass(.transferAborted)
    transfer = nil
    handOverWait = min(2 * handOverWait, 64 * UInt64(settings.stableTicks))
    servesSince = now
  }

  /// The leader of this term asks this node to follow it in office.
  mutating func receiveTimeoutNow(_ from: NodeID, _ out: inout Output) {
    guard role == .follower, leader == from, mayCampaign,
      let configuration = configurations.effective,
      configuration.voters.contains(where: { $0.id == id })
    else { return }
    startElection(transfer: true, &out)
  }

  // MARK: Priorities

  /// Learns which priority a node was given; its peers say theirs when they connect. For this node
  /// itself: replaces the one of the settings.
  public mutating func learnPriority(of node: NodeID, _ priority: UInt8) {
    if let i = priorities.firstIndex(where: { $0.id == node }) {
      priorities[i].priority = priority
    } else if priorities.count < Configuration.votersMax * 4 {
      priorities.append((node, priority))
    }
  }

  /// The priority of a node, 100 if it is not known.
  func priority(of node: NodeID) -> UInt8 {
    for known in priorities where known.id == node { return known.priority }
    return node == id ? settings.priority : 100
  }

  /// How many voters go before this one: by priority, then by id if `ties` count.
  func rank(among voters: [Member], ties: Bool) -> Int {
    let own = priority(of: id)
    var rank = 0
    for voter in voters where voter.id != id {
      let other = priority(of: voter.id)
      if other > own || (ties && other == own && voter.id < id) { rank += 1 }
    }
    return rank
  }

  /// How much longer than others this node waits before it campaigns.
  mutating func priorityWait() -> Int {
    guard let configuration = configurations.effective else { return 0 }
    let rank = rank(among: configuration.voters, ties: false)
    guard rank > 0 else { return 0 }
    let wait = (min(rank, 4) * settings.electionTicks) >> min(vainWaits, 16)
    if wait > 0 { pass(.priorityWaited) }
    return wait
  }

  /// A leader that has been stable hands over to a voter that is to be preferred and keeps up.
  mutating func tendPriority(_ out: inout Output) {
    guard role == .leader, transfer == nil, commit >= termStart, !priorities.isEmpty,
      now - servesSince >= handOverWait, let configuration = configurations.effective,
      !configuration.isJoint, configurations.effectiveIndex <= commit,
      let heir = heir(among: configuration.voters), priority(of: heir) > priority(of: id),
      fitness(of: heir) == .able, let i = position(of: heir),
      progress[i].caughtUpIntervals >= Self.intervalsForPromotion
    else { return }
    pass(.priorityHandOver)
    beginTransfer(to: heir, &out)
  }
}
