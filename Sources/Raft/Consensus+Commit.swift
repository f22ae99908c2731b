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
    if suspect != nil { endSuspicion() }
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

  /// The last entry that a quorum holds durably.
  private mutating func reachedByQuorum(_ configuration: Configuration) -> LogIndex {
    switch settings.plantedBug {
    case .countSelfBeforeDurable where durableIndex < log.last.index:
      plantedRuns += 1
      let last = log.last.index.value
      return LogIndex(Quorum.reached(configuration) { $0 == id ? last : match($0).value })
    case .countSentAsMatched:
      plantedRuns += 1
      return LogIndex(
        Quorum.reached(configuration) { node in
          position(of: node).map { progress[$0].next.value - 1 } ?? match(node).value
        })
    case .ignoreOutgoingHalf where configuration.isJoint:
      plantedRuns += 1
      return LogIndex(Quorum.reached(of: configuration.voters) { match($0).value })
    case .countRemovedLeader where !configuration.isVoter(id):
      plantedRuns += 1
      let own = configuration.voters + [Member(id: id, incarnation: 1)]
      return LogIndex(Quorum.reached(of: Array(own.suffix(7))) { match($0).value })
    default:
      return LogIndex(Quorum.reached(configuration) { match($0).value })
    }
  }

  /// Commits what a quorum has; tells the followers. Returns whether the commit index grew.
  @discardableResult
  mutating func advanceCommit(_ out: inout Output) -> Bool {
    guard let configuration = configurations.effective else { return false }
    let reached = reachedByQuorum(configuration)
    guard reached > commit else { return false }
    if log.term(at: reached) != term, !has(.commitOldTermByCounting) {
      pass(.oldTermNotCommitted)
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
    tendMembership(&out)
    return true
  }

  /// Logs are kept for every member that was heard lately, learners too, and for one that is sent a
  /// snapshot: from where the snapshot may end, for a bounded time.
  mutating func advanceCuttable() {
    guard role == .leader else { return }
    var floor = min(commit, durableIndex)
    let patience = UInt64(settings.floorTicks)
    for i in progress.indices {
      if progress[i].state == .snapshot {
        guard now - progress[i].snapshotSince <= patience else { continue }
        floor = min(floor, max(progress[i].snapshotBase.index, progress[i].match))
      } else if now - progress[i].contact <= patience {
        floor = min(floor, progress[i].match)
      }
    }
    cuttable = max(cuttable, floor)
  }

  // MARK: A leader's time

  mutating func tickLeader(_ out: inout Output) {
    if isDiskHanging, !has(.ignoreHangingDisk) {
      pass(.diskHung)
      return becomeFollower(term, leader: nil, &out)
    }
    if silence > UInt64(settings.electionTicks), !has(.ignoreLostQuorum) {
      pass(.quorumLost)
      return becomeFollower(term, leader: nil, &out)
    }
    if transfer != nil { expireTransfer() }
    heartbeatElapsed += 1
    if heartbeatElapsed >= settings.heartbeatTicks { sendHeartbeats(&out) }
    guard now % UInt64(settings.heartbeatTicks) == 0 else { return }
    measureIntervals()
    repeatSnapshotNeeds(&out)
    tendMembership(&out)
    tendPriority(&out)
  }

  /// For how many ticks no quorum (this node included) has been heard.
  var silence: UInt64 {
    guard let configuration = configurations.effective else { return UInt64.max }
    let heard = Quorum.reached(configuration) { node in
      node == id ? now : position(of: node).map { progress[$0].contact } ?? 0
    }
    return now - heard
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
      let known = min(commit, match)
      let heartbeat = Message.Heartbeat(
        commit: EntryID(term: log.term(at: known) ?? .zero, index: known),
        cuttable: min(cuttable, match), round: round)
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
    case .snapshot:
      guard response.commit >= progress[i].snapshotBase.index else { break }
      pass(.snapshotDone)
      progress[i].becomeProbe(next: min(response.commit, log.last.index).next)
      replicate(to: i, &out)
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
  /// One that says that its log is damaged is believed at once, and nothing that it acknowledged is:
  /// what is left may end in entries that were replaced since.
  private mutating func noticeLoss(_ i: Int, _ response: Message.HeartbeatResponse) {
    let isNew = response.isSuspect && !progress[i].isSuspect
    progress[i].isSuspect = response.isSuspect
    if isNew || response.isSuspect && response.last < progress[i].match {
      progress[i].match = .zero
    } else {
      guard let check = progress[i].regressCheck, response.round >= check.round else { return }
      progress[i].regressCheck = nil
      guard response.last < check.match else { return }
    }
    pass(.regressed)
    progress[i].match = min(progress[i].match, response.last)
    if progress[i].state == .snapshot {
      progress[i].next = progress[i].match.next
    } else {
      progress[i].becomeProbe(next: min(response.last, log.last.index).next)
    }
  }

  /// Everything that ends with leadership.
  mutating func abandonLeadership(_ out: inout Output) {
    precondition(role == .leader)
    failReads(&out)
    progress.removeAll(keepingCapacity: true)
    transfer = nil
  }
}
