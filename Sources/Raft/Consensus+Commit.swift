// Consensus+Commit: what is durable, what is committed, and whether the leader still leads.
//
// Invariants:
//   * an entry counts for a node only when it is durable there, the leader's own too
//   * only entries of the leader's own term are committed by counting; earlier ones follow
//     (paper, section 5.4.2 and figure 8)
//   * a leader that has not heard a quorum for an election timeout, or whose disk hangs that long,
//     stops leading and sends nothing more
// Not here: applying (Replica).

extension Consensus {
  /// Reports that `LogWrite`s up to and including `sequence` are durable.
  ///
  /// - Precondition: a write of that sequence was handed out.
  public mutating func logPersisted(_ sequence: UInt64, _ out: inout Output) {
    precondition(sequence <= lastSequence, "a write is durable that was never handed out")
    guard sequence > persistedSequence else { return }
    persistedSequence = sequence
    var done = 0
    while done < pendingWrites.count, pendingWrites[done].sequence <= sequence {
      durableIndex = max(durableIndex, pendingWrites[done].last)
      done += 1
    }
    pendingWrites.removeFirst(done)
    countOwnVote(&out)
    payOwedAck(&out)
    if role == .leader {
      advanceCommit(&out)
      advanceCuttable()
      log.trim(to: settings.windowBytesMax, upTo: min(applied, durableIndex))
    }
    finish(&out)
  }

  /// How far a member's log equals this leader's, durably. Leader only; else `nil`.
  public func matchIndex(of node: NodeID) -> LogIndex? {
    guard role == .leader else { return nil }
    if node == id { return durableIndex }
    return position(of: node).map { progress[$0].match }
  }

  func match(_ node: NodeID) -> LogIndex {
    if node == id { return durableIndex }
    return position(of: node).map { progress[$0].match } ?? .zero
  }

  /// Commits what a quorum has; tells the followers. Returns whether the commit index grew.
  @discardableResult
  mutating func advanceCommit(_ out: inout Output) -> Bool {
    guard let configuration = configurations.effective else { return false }
    let reached = LogIndex(Quorum.reached(configuration) { match($0).value })
    guard reached > commit else { return false }
    guard log.term(at: reached) == term || settings.plantedBug == .commitOldTermByCounting else {
      return false
    }
    require(
      Quorum.holds(configuration) { match($0) >= reached }, "a commit index without a quorum")
    commit = reached
    advanceCuttable()
    startReadRound(&out)
    for i in progress.indices where !replicate(to: i, &out) {
      if progress[i].state == .replicate, progress[i].sentCommit < commit { sendTail(to: i, &out) }
    }
    return true
  }

  /// Until snapshots exist, a log may be cut only where every voter has it.
  mutating func advanceCuttable() {
    guard let configuration = configurations.effective else { return }
    cuttable = max(cuttable, min(commit, Quorum.smallest(configuration) { match($0) }))
  }

  // MARK: A leader's time

  mutating func tickLeader(_ out: inout Output) {
    if isDiskHanging || hasLostQuorum { return becomeFollower(term, leader: nil, &out) }
    if let since = transfer?.since, now - since > UInt64(settings.electionTicks) { transfer = nil }
    heartbeatElapsed += 1
    if heartbeatElapsed >= settings.heartbeatTicks { sendHeartbeats(&out) }
  }

  /// Whether a quorum (this node included) has been silent for an election timeout.
  private var hasLostQuorum: Bool {
    guard let configuration = configurations.effective else { return true }
    let heard = Quorum.reached(configuration) { node in
      node == id ? now : position(of: node).map { progress[$0].contact } ?? 0
    }
    return now - heard > UInt64(settings.electionTicks)
  }

  /// Starts a new round: one heartbeat to each member. Answers to it prove that this node led when
  /// the round began.
  mutating func sendHeartbeats(_ out: inout Output) {
    heartbeatElapsed = 0
    round += 1
    advanceCuttable()
    for i in progress.indices {
      let match = progress[i].match
      if progress[i].regressCheck == nil { progress[i].regressCheck = (round, match) }
      let heartbeat = Message.Heartbeat(
        commit: min(commit, match), cuttable: min(cuttable, match), round: round)
      send(.heartbeat(heartbeat), to: progress[i].id, &out)
    }
  }

  mutating func receive(
    _ response: Message.HeartbeatResponse, _ from: NodeID, _ out: inout Output
  ) {
    guard role == .leader, let i = position(of: from) else { return }
    require(response.round <= round, "an answer to a round that never was")
    progress[i].contact = now
    progress[i].ackedRound = max(progress[i].ackedRound, response.round)
    noticeLoss(i, response)
    switch progress[i].state {
    case .probe:
      progress[i].probeSent = false
      replicate(to: i, &out)
    case .replicate:
      // Something is unanswered: ask at the end of it, so that a lost message is noticed.
      let isUnanswered = progress[i].match.next < progress[i].next
      if !replicate(to: i, &out), isUnanswered { sendTail(to: i, &out) }
    }
    confirmReads(&out)
    continueTransfer(&out)
  }

  /// A log shorter than what its node acknowledged before the heartbeat left: the node lost
  /// entries. It counts for less now, and gets them again.
  private mutating func noticeLoss(_ i: Int, _ response: Message.HeartbeatResponse) {
    guard let check = progress[i].regressCheck, response.round >= check.round else { return }
    progress[i].regressCheck = nil
    guard response.last < check.match else { return }
    progress[i].match = min(progress[i].match, response.last)
    progress[i].becomeProbe(next: response.last.next)
  }

  /// Everything that ends with leadership.
  mutating func abandonLeadership(_ out: inout Output) {
    precondition(role == .leader)
    failReads(&out)
    progress.removeAll(keepingCapacity: true)
    transfer = nil
  }
}
