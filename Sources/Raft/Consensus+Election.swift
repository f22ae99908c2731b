// Consensus+Election: who leads: timeouts, pre-votes, votes, and what a new leader does first.
//
// Invariants:
//   * one vote a term, durable before it is told; a candidate's own vote counts once durable
//   * a node that hears a leader, and a leader itself, answer no campaign but a transfer's
//     (stickiness); a pre-vote changes nothing at its receiver (thesis, section 9.6)
//   * only voters campaign, and those that an uncommitted configuration takes out; none whose disk hangs
// Not here: giving up leadership (Consensus+Commit), transfers (Consensus+Transfer).

extension Consensus {
  /// Whether a leader was heard within an election timeout.
  var isSticky: Bool {
    role == .leader || (leader != nil && electionElapsed < settings.electionTicks)
  }

  /// Starts a new wait of 1 to 2 election timeouts, drawn anew.
  mutating func resetElectionTimer() {
    electionElapsed = 0
    electionTimeout = settings.electionTicks + jitter.below(settings.electionTicks)
    if !priorities.isEmpty || settings.priority != 100 { electionTimeout += priorityWait() }
  }

  /// The connection to `peer` was closed by the other side. If it carried this term's heartbeats,
  /// this node forgets its leader and campaigns soon, ordered by priority and id; once a term. A heartbeat of
  /// that leader restores trust in it. Safe because reads use confirmation rounds, not leases.
  public mutating func peerLost(_ peer: NodeID, _ out: inout Output) {
    guard let configuration = configurations.effective, role == .follower, leader == peer,
      lostTerm != term
    else { return }
    lostTerm = term
    pass(.lostConnectionHurried)
    hurriedAttempts = 8
    leader = nil
    failForwardedReads(&out)
    let rank = rank(among: configuration.voters.filter { $0.id != peer }, ties: true)
    electionElapsed = 0
    electionTimeout = 1 + 2 * rank
    finish(&out)
  }

  mutating func tickElection(_ out: inout Output) {
    electionElapsed += 1
    guard electionElapsed >= electionTimeout else { return }
    vainWaits += 1
    if mayCampaign {
      startPreVote(&out)
    } else {
      leader = nil
      resetElectionTimer()
    }
  }

  /// Whether this node may ask for votes: it is a voter, its disk works and its log is whole. One that
  /// a configuration takes out still may until it knows that to be committed: it may be the only one
  /// whose log is long enough (thesis, section 4.2.2).
  var mayCampaign: Bool {
    guard !holdsBack, let configuration = configurations.effective else { return false }
    let isLeaving =
      configurations.effectiveIndex > commit && configurations.previous?.isVoter(id) ?? false
    guard configuration.isVoter(id) || isLeaving else { return false }
    let isWhole = !isDamaged || settings.plantedBug == .suspectCampaigns
    return isWhole && !isDiskHanging
  }

  /// Whether the oldest write is not durable after a whole election timeout.
  var isDiskHanging: Bool {
    guard let oldest = pendingWrites.first else { return false }
    return now - oldest.tick > UInt64(settings.electionTicks)
  }

  // MARK: Campaigns

  private mutating func startPreVote(_ out: inout Output) {
    if isDamaged { _ = has(.suspectCampaigns) }
    becomeFollower(term, leader: nil, &out)
    role = .preCandidate
    hurry()
    votes.removeAll()
    votes.record(id, granted: true)
    if electionResult == .won { return startElection(transfer: false, &out) }
    for peer in otherVoters {
      out.messages.append(
        Message(from: id, to: peer, term: term.next, body: .preVoteRequest(last: log.last)))
    }
  }

  /// After a lost connection the first attempts follow each other at once: 2 to 6 ticks.
  private mutating func hurry() {
    guard hurriedAttempts > 0 else { return }
    hurriedAttempts -= 1
    electionTimeout = 2 + jitter.below(5)
  }

  /// Takes the next term and asks for votes, once its own is durable.
  mutating func startElection(transfer: Bool, _ out: inout Output) {
    let hurried = hurriedAttempts
    becomeFollower(term.next, leader: nil, &out)
    role = .candidate
    vote = id
    votes.removeAll()
    hurriedAttempts = hurried
    hurry()
    electionSequence = lastSequence + 1
    for peer in otherVoters {
      let request = message(.voteRequest(last: log.last, transfer: transfer), to: peer)
      if has(.voteBeforeDurable) {
        out.messages.append(request)
      } else {
        afterWrite.append(request)
      }
    }
    if settings.plantedBug == .voteBeforeDurable { votes.record(id, granted: true) }
  }

  /// Counts the candidate's own vote, now that it is durable.
  mutating func countOwnVote(_ out: inout Output) {
    guard role == .candidate, electionSequence <= persistedSequence else { return }
    votes.record(id, granted: true)
    if electionResult == .won { becomeLeader(&out) }
  }

  mutating func countPreVote(_ message: Message, _ granted: Bool, _ out: inout Output) {
    guard role == .preCandidate, !granted || message.term == term.next else { return }
    votes.record(message.from, granted: granted)
    switch electionResult {
    case .won: startElection(transfer: false, &out)
    case .lost: role = .follower
    case .pending: break
    }
  }

  mutating func countVote(_ from: NodeID, _ granted: Bool, _ out: inout Output) {
    guard role == .candidate else { return }
    votes.record(from, granted: granted)
    switch electionResult {
    case .won: becomeLeader(&out)
    case .lost: role = .follower
    case .pending: break
    }
  }

  private var electionResult: VoteResult {
    guard let configuration = configurations.effective else { return .lost }
    return Quorum.result(configuration, votes)
  }

  /// The other voters, of both halves of a joint configuration.
  private var otherVoters: [NodeID] {
    guard let configuration = configurations.effective else { return [] }
    var ids = configuration.voters.map(\.id).filter { $0 != id }
    for member in configuration.outgoing where member.id != id && !ids.contains(member.id) {
      ids.append(member.id)
    }
    return ids
  }

  // MARK: Answers

  /// Whether a candidate's log is at least as up to date as this one (paper, section 5.4.1).
  private mutating func isUpToDate(_ last: EntryID) -> Bool {
    guard mayVoteThoughSuspect(last) else { return false }
    if last >= log.last { return true }
    if last.index >= log.last.index, has(.ignoreLastTermInVote) { return true }
    pass(.voteRefusedByLog)
    return false
  }

  mutating func answerPreVote(_ request: Message, _ last: EntryID, _ out: inout Output) {
    let isOpen =
      request.term > term || vote == request.from || (vote == nil && leader == nil)
    var holds = isSticky
    if holds {
      pass(.preVoteRefusedSticky)
      if has(.forgetStickiness) { holds = false }
    }
    guard !holds, isOpen, isUpToDate(last) else {
      return send(.preVoteResponse(granted: false), to: request.from, &out)
    }
    if hurriedAttempts > 0, role == .follower {
      pass(.campaignHeldForAnother)
      electionElapsed = 0  // Who supports another campaign holds its own.
      electionTimeout = max(electionTimeout, 6)
    }
    out.messages.append(
      Message(
        from: id, to: request.from, term: request.term, body: .preVoteResponse(granted: true)))
  }

  mutating func answerVote(_ candidate: NodeID, _ last: EntryID, _ out: inout Output) {
    if vote == candidate, !writeHardState { return repeatVote(candidate, &out) }
    let isFree = (vote == nil && leader == nil) || has(.voteTwice)
    guard role == .follower || role == .preCandidate, isFree, isUpToDate(last) else {
      return send(.voteResponse(granted: false), to: candidate, &out)
    }
    vote = candidate
    writeHardState = true
    role = .follower
    resetElectionTimer()
    if has(.voteBeforeDurable) {
      send(.voteResponse(granted: true), to: candidate, &out)
    } else {
      afterWrite.append(message(.voteResponse(granted: true), to: candidate))
    }
  }

  /// A repeated request gets the same answer, unless the first one still waits for the disk.
  private mutating func repeatVote(_ candidate: NodeID, _ out: inout Output) {
    guard isHardStateDurable else { return }
    pass(.voteRepeated)
    send(.voteResponse(granted: true), to: candidate, &out)
  }

  // MARK: A new leader

  /// Takes office: nothing is known about the followers, and a first entry of this term lets it
  /// commit (paper, section 8). The first leader of all also writes the configuration down.
  private mutating func becomeLeader(_ out: inout Output) {
    precondition(role == .candidate && vote == id, "only an elected candidate leads")
    guard let configuration = configurations.effective else {
      preconditionFailure("a leader needs a configuration")
    }
    role = .leader
    leader = id
    transfer = nil
    heartbeatElapsed = 0
    hurriedAttempts = 0
    vainWaits = 0
    servesSince = now
    handOverWait = UInt64(settings.stableTicks)
    handedOverAt = .zero
    termStart = log.last.index.next
    progress.removeAll(keepingCapacity: true)
    follow(members: configuration)
    if !configurations.isLogged { append(configuration.encoded, .configuration) }
    append([], .noop)
    for i in progress.indices { replicate(to: i, &out) }
  }
}
