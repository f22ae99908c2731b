// Consensus+Suspect: a node whose disk was damaged, until it is whole again.
//
// Invariants:
//   * it never campaigns, and it votes as if it still held all that it may have acknowledged; if
//     nobody knows how far that went, it does not vote (docs/decisions/0006)
//   * entries come by normal replication; it is whole once it durably holds an entry at or above the
//     claim, or, with an unknown claim, one of a term that it had not seen before
//   * the claim is lowered only to what every other voter of the newest configuration may hold,
//     by their own answers to a question of this life; a damaged voter's claim counts as held
//   * what is left may end in entries that were replaced since, so nothing but the stored state counts
//     as committed at start, and the leader forgets what the node acknowledged
//   * with an unreadable vote it hears nobody until all voters told their terms; then it starts in a
//     term above all of them, in which it cannot have voted
// Not here: finding damage and keeping the claim on disk (Storage).

/// A question to the other voters.
struct Inquiry: Sendable {
  /// Drawn anew for each, so that no answer to an earlier life fits.
  var nonce: UInt64
  var since: UInt64
  var asked: UInt64
  var answers: [(from: NodeID, term: Term, standing: Message.Standing)] = []
}

extension Consensus {
  /// Whether the disk was damaged and is not whole yet.
  public var isDamaged: Bool { suspect != nil || voteUnreadable }

  /// The last entry that this node holds or may have held.
  private var claimedLast: EntryID {
    if case .upTo(let claim)? = suspect { return max(claim, log.last) }
    return log.last
  }

  /// Notes the damage that was found at start.
  mutating func startSuspicion() {
    if suspect != nil { pass(.suspectStarted) }
    if voteUnreadable { pass(.voteUnreadableStarted) }
    owesClearing = isDamaged
    suspectTerm = term
  }

  /// Whether this node may vote for a candidate, as far as its damaged log is concerned.
  mutating func mayVoteThoughSuspect(_ last: EntryID) -> Bool {
    guard let suspect, !has(.suspectVotesByRest) else { return true }
    if case .upTo(let claim) = suspect, last >= claim { return true }
    pass(.suspectVoteRefused)
    return false
  }

  // MARK: Asking

  mutating func tickDamaged(_ out: inout Output) {
    if voteUnreadable, has(.voteUnreadably) { voteUnreadable = false }
    endSuspicion()
    guard isDamaged else { return }
    if inquiry.map({ now - $0.since >= UInt64(4 * settings.electionTicks) }) ?? true {
      inquiry = Inquiry(nonce: jitter.next(), since: now, asked: 0)
    }
    guard var present = inquiry else { return }
    if present.asked == 0 || now - present.asked >= UInt64(settings.heartbeatTicks) {
      present.asked = now
      for peer in inquired where !present.answers.contains(where: { $0.from == peer }) {
        send(.standingRequest(nonce: present.nonce), to: peer, &out)
      }
    }
    inquiry = present
    conclude(&out)
  }

  /// Whom to ask: the other voters of the newest configuration that anybody told of.
  private var inquired: [NodeID] {
    guard let configuration = configurations.effective else { return [] }
    var newest = configurations.effectiveIndex
    var ids = (configuration.voters + configuration.outgoing).map(\.id)
    for answer in inquiry?.answers ?? [] where answer.standing.configurationIndex > newest {
      newest = answer.standing.configurationIndex
      ids = answer.standing.voters
    }
    var others: [NodeID] = []
    for node in ids where node != id && !others.contains(node) { others.append(node) }
    return others
  }

  mutating func answerStanding(_ nonce: UInt64, to peer: NodeID, _ out: inout Output) {
    guard let configuration = configurations.effective else { return }
    var voters = configuration.voters.map(\.id)
    for old in configuration.outgoing where !voters.contains(old.id) { voters.append(old.id) }
    let standing = Message.Standing(
      nonce: nonce, last: claimedLast, isLogUnknown: suspect == .unknown,
      isTermUnknown: voteUnreadable, configurationIndex: configurations.effectiveIndex,
      voters: voters)
    send(.standingResponse(standing), to: peer, &out)
  }

  mutating func receive(
    _ standing: Message.Standing, term other: Term, _ from: NodeID, _ out: inout Output
  ) {
    guard let present = inquiry, present.nonce == standing.nonce,
      !present.answers.contains(where: { $0.from == from })
    else { return }
    inquiry?.answers.append((from, other, standing))
    conclude(&out)
  }

  // MARK: Concluding

  /// Draws conclusions once all that must be asked have answered.
  private mutating func conclude(_ out: inout Output) {
    guard let inquiry else { return }
    let needed = inquired
    let answers = inquiry.answers.filter { needed.contains($0.from) }
    guard answers.count == needed.count else { return }
    if voteUnreadable {
      guard !answers.contains(where: { $0.standing.isTermUnknown }) else { return }
      let highest = answers.map(\.term).reduce(term, max)
      voteUnreadable = false
      suspectTerm = max(suspectTerm, highest)
      pass(.voteUnreadableEnded)
      becomeFollower(highest.next, leader: nil, &out)
    }
    guard let present = suspect, !needed.isEmpty,
      !answers.contains(where: { $0.standing.isLogUnknown })
    else { return }
    let held = answers.map(\.standing.last).reduce(EntryID.zero, max)
    if case .upTo(let claim) = present, claim <= held { return }
    pass(.suspectLowered)
    suspect = .upTo(held)
    endSuspicion()
  }

  /// Ends the suspicion if the durable log reaches the claim.
  mutating func endSuspicion() {
    guard let present = suspect, let lastTerm = log.term(at: durableIndex) else { return }
    let isWhole =
      switch present {
      case .upTo(let claim): EntryID(term: lastTerm, index: durableIndex) >= claim
      case .unknown: lastTerm > suspectTerm
      }
    guard isWhole else { return }
    pass(.suspectRepaired)
    suspect = nil
    inquiry = nil
  }

  /// Tells once that the damage is over and that what says so is durable.
  mutating func reportCleared(_ out: inout Output) {
    guard owesClearing, !isDamaged, isHardStateDurable else { return }
    owesClearing = false
    out.suspectCleared = true
  }
}
