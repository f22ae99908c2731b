// Consensus+Membership: changing who votes: joint consensus, learner first (paper, section 6; thesis 4.3).
//
// Invariants:
//   * a configuration is in force from the moment it is in the log, committed or not
//   * a leader appends one only when the one before is committed, and committed in its own term
//   * voters change only through a joint configuration, and whoever leads leaves it
//   * a refused change changes nothing
// Not here: what a configuration is (Configuration), and truncating one (Consensus+Replication).

extension Consensus {
  /// Begins a change of the members. It is carried on by this leader, or by any later one, until the
  /// configuration in force says that it is done. Returns the configuration entry that begins it.
  public mutating func changeMembership(
    _ change: MembershipChange, _ out: inout Output
  ) throws(MembershipRefusal) -> EntryID {
    let next: Configuration
    do {
      next = try judge(change)
    } catch {
      pass(.membershipRefused)
      throw error
    }
    let entry = append(next, &out)
    finish(&out)
    return entry
  }

  /// Each member as this node sees it; lags and contacts are known to the leader only.
  public var members: [MemberStatus] {
    guard let configuration = configurations.effective else { return [] }
    return configuration.members.map { member in
      var status = MemberStatus(member: member, standing: .learner)
      if configuration.voters.contains(where: { $0.id == member.id }) {
        status.standing = .voter
      } else if configuration.outgoing.contains(where: { $0.id == member.id }) {
        status.standing = .outgoing
      }
      if let promotion = configuration.promotion, promotion.learner == member.id {
        status.isPromoted = true
        status.replacing = promotion.replacing
      }
      status.priority = priority(of: member.id)
      if member.id == id {
        status.isSuspect = isDamaged
        if role == .leader {
          status.match = durableIndex
          status.ticksSinceContact = 0
        }
      } else if let i = position(of: member.id) {
        status.match = progress[i].match
        status.ticksSinceContact = Int(now - progress[i].contact)
        status.isSuspect = progress[i].isSuspect
        switch progress[i].state {
        case .probe: status.replication = .probe
        case .replicate: status.replication = .replicate
        case .snapshot: status.replication = .snapshot
        }
      }
      return status
    }
  }

  // MARK: Judging a request

  private mutating func judge(
    _ change: MembershipChange
  ) throws(MembershipRefusal) -> Configuration {
    guard role == .leader, let present = configurations.effective else {
      throw MembershipRefusal(.notLeader(leader: leader))
    }
    guard transfer == nil else { throw MembershipRefusal(.handingOver) }
    if commit < termStart, !has(.changeBeforeTermCommit) {
      throw MembershipRefusal(.notCommittedYet)
    }
    guard !present.isJoint, configurations.effectiveIndex <= commit else {
      throw MembershipRefusal(.changeInFlight)
    }
    if let promotion = present.promotion, change != .remove(promotion.learner) {
      throw MembershipRefusal(.bringingUp(promotion.learner, replacing: promotion.replacing))
    }
    switch change {
    case .addLearner(let member, let promote):
      try judge(newcomer: member, replacing: nil, present)
      guard !promote || present.voters.count < Configuration.votersMax else {
        throw MembershipRefusal(.tooManyVoters)
      }
      return present.adding(
        member, promotion: promote ? Configuration.Promotion(learner: member.id) : nil)
    case .promote(let node): return try judge(promotion: node, present)
    case .remove(let node): return try judge(removal: node, present)
    case .replace(let old, let member):
      guard let known = present.member(old) else { throw MembershipRefusal(.unknown(old)) }
      guard present.isVoter(old) else { throw MembershipRefusal(.notVoter(old)) }
      try judge(newcomer: member, replacing: known.id, present)
      let ids = present.voters.map(\.id).filter { $0 != old } + [member.id]
      try judge(quorum: ids, assuming: member.id)
      return present.adding(
        member, promotion: Configuration.Promotion(learner: member.id, replacing: old))
    }
  }

  private func judge(
    newcomer member: Member, replacing: NodeID?, _ present: Configuration
  ) throws(MembershipRefusal) {
    guard member.id.value > 0, member.incarnation > 0,
      member.address.utf8.count <= Configuration.addressBytesMax
    else { throw MembershipRefusal(.badMember(member.id)) }
    guard present.member(member.id) == nil else {
      throw MembershipRefusal(.alreadyMember(member.id))
    }
    for other in present.members {
      if other.incarnation == member.incarnation {
        throw MembershipRefusal(.sameIncarnation(as: other.id))
      }
      if !member.address.isEmpty, other.address == member.address, other.id != replacing {
        throw MembershipRefusal(.sameAddress(as: other.id, member.address))
      }
    }
    guard member.id > present.highestID else {
      throw MembershipRefusal(.usedBefore(member.id, highest: present.highestID))
    }
    guard present.learners.count < Configuration.learnersMax else {
      throw MembershipRefusal(.tooManyLearners)
    }
  }

  private func judge(
    promotion node: NodeID, _ present: Configuration
  ) throws(MembershipRefusal) -> Configuration {
    guard present.member(node) != nil, let i = position(of: node) else {
      throw MembershipRefusal(node == id ? .alreadyVoter(node) : .unknown(node))
    }
    guard !present.isVoter(node) else { throw MembershipRefusal(.alreadyVoter(node)) }
    guard present.voters.count < Configuration.votersMax else {
      throw MembershipRefusal(.tooManyVoters)
    }
    guard answers(node) else { throw MembershipRefusal(.silent(node)) }
    guard hasCaughtUp(i) else {
      throw MembershipRefusal(.lagging(node, behind: log.last.index - progress[i].match))
    }
    try judge(quorum: present.voters.map(\.id) + [node], assuming: nil)
    return present.promoting(node, replacing: nil)
  }

  private func judge(
    removal node: NodeID, _ present: Configuration
  ) throws(MembershipRefusal) -> Configuration {
    guard present.member(node) != nil else { throw MembershipRefusal(.unknown(node)) }
    guard present.isVoter(node) else { return present.removing(learner: node) }
    guard present.voters.count > 1 else { throw MembershipRefusal(.lastVoter(node)) }
    try judge(quorum: present.voters.map(\.id).filter { $0 != node }, assuming: nil)
    return present.removing(voter: node)
  }

  /// Refuses voters of which no majority answers: nothing could be committed with them.
  private func judge(quorum voters: [NodeID], assuming: NodeID?) throws(MembershipRefusal) {
    let answering = voters.filter { $0 == assuming || answers($0) }
    guard answering.count * 2 > voters.count else {
      throw MembershipRefusal(
        .noQuorum(voters: voters.sorted(), answering: answering.sorted()))
    }
  }

  /// Whether a node was heard within an election timeout. Leader only.
  func answers(_ node: NodeID) -> Bool {
    if node == id { return true }
    return position(of: node).map { now - progress[$0].contact <= UInt64(settings.electionTicks) }
      ?? false
  }

  /// Whether a member keeps up: it has everything, or had it within each of the last intervals.
  func hasCaughtUp(_ i: Int) -> Bool {
    progress[i].state == .replicate && !progress[i].isSuspect
      && (progress[i].match == log.last.index || progress[i].caughtUpIntervals > 0)
  }

  // MARK: Carrying a change on

  /// Appends a configuration and follows the members that it names. Those that it drops get it too,
  /// once, so that they stop campaigning.
  mutating func append(_ next: Configuration, _ out: inout Output) -> EntryID {
    require(
      configurations.effectiveIndex <= commit, "a second configuration that is not committed")
    let entry = append(next.encoded, .configuration)
    for i in progress.indices { replicate(to: i, &out) }
    follow(members: next)
    for i in progress.indices { replicate(to: i, &out) }
    pass(next.isJoint ? .jointEntered : next.learners.isEmpty ? .jointLeft : .learnerAdded)
    return entry
  }

  /// Keeps what is known about members that stay, and starts anew with new ones.
  mutating func follow(members configuration: Configuration) {
    progress.removeAll { configuration.member($0.id) == nil }
    for member in configuration.members
    where member.id != id && position(of: member.id) == nil {
      progress.append(
        Progress(
          id: member.id, next: log.last.index.next, inflightsMax: settings.inflightAppendsMax,
          now: now))
    }
  }

  /// Goes on with a change that is under way, whoever began it.
  mutating func tendMembership(_ out: inout Output) {
    guard role == .leader, let present = configurations.effective, configurations.isLogged else {
      return
    }
    let isSettled = configurations.effectiveIndex <= commit && commit >= termStart
    guard isSettled || (present.isJoint && has(.leaveJointEarly)) else { return }
    if present.isJoint {
      leaveJoint(present, &out)
    } else if !present.isVoter(id) {
      bowOut(present, &out)
    } else if let promotion = present.promotion {
      promote(promotion, present, &out)
    }
  }

  private mutating func leaveJoint(_ present: Configuration, _ out: inout Output) {
    let isLeaving = !present.voters.contains { $0.id == id }
    if isLeaving, handedOverAt != configurations.effectiveIndex {
      handedOverAt = configurations.effectiveIndex
      beginTransfer(to: heir(among: present.voters), &out)
    }
    guard transfer == nil, role == .leader else { return }
    if log.term(at: configurations.effectiveIndex) != term {
      if has(.neverLeaveJoint) { return }
      pass(.jointLeftBySuccessor)
    }
    _ = append(present.left, &out)
  }

  /// This leader is not a voter any more, and everybody may know: another one takes over.
  private mutating func bowOut(_ present: Configuration, _ out: inout Output) {
    pass(.leaderRemoved)
    if let heir = heir(among: present.voters), match(heir) == log.last.index {
      send(.timeoutNow, to: heir, &out)
    }
    becomeFollower(term, leader: nil, &out)
  }

  private mutating func promote(
    _ promotion: Configuration.Promotion, _ present: Configuration, _ out: inout Output
  ) {
    guard transfer == nil, let i = position(of: promotion.learner), answers(promotion.learner),
      hasCaughtUp(i), progress[i].caughtUpIntervals >= Self.intervalsForPromotion
    else { return }
    let next = present.promoting(promotion.learner, replacing: promotion.replacing)
    let answering = next.voters.filter { answers($0.id) }
    guard answering.count * 2 > next.voters.count else { return }
    pass(.promotedAutomatically)
    _ = append(next, &out)
  }

  /// For how many heartbeat intervals a learner must have kept up before it votes.
  static let intervalsForPromotion = 3

  /// Measures who kept up during the last heartbeat interval.
  mutating func measureIntervals() {
    for i in progress.indices {
      let keptUp = progress[i].state == .replicate && progress[i].match >= progress[i].intervalLast
      progress[i].caughtUpIntervals = keptUp ? progress[i].caughtUpIntervals + 1 : 0
      progress[i].intervalLast = log.last.index
    }
  }
}

extension Configuration {
  private func changed(
    voters: [Member], outgoing: [Member], learners: [Member], promotion: Promotion? = nil
  ) -> Configuration {
    guard
      let next = Configuration(
        voters: voters, outgoing: outgoing, learners: learners, promotion: promotion,
        highestID: highestID)
    else { preconditionFailure("a change that was judged makes a sound configuration") }
    return next
  }

  fileprivate func adding(_ member: Member, promotion: Promotion?) -> Configuration {
    changed(voters: voters, outgoing: [], learners: learners + [member], promotion: promotion)
  }

  fileprivate func removing(learner: NodeID) -> Configuration {
    changed(
      voters: voters, outgoing: [], learners: learners.filter { $0.id != learner },
      promotion: promotion?.learner == learner ? nil : promotion)
  }

  fileprivate func removing(voter: NodeID) -> Configuration {
    changed(voters: voters.filter { $0.id != voter }, outgoing: voters, learners: learners)
  }

  fileprivate func promoting(_ learner: NodeID, replacing: NodeID?) -> Configuration {
    changed(
      voters: voters.filter { $0.id != replacing } + learners.filter { $0.id == learner },
      outgoing: voters, learners: learners.filter { $0.id != learner })
  }

  /// What follows a joint configuration.
  fileprivate var left: Configuration {
    changed(voters: voters, outgoing: [], learners: learners)
  }
}
