// Consensus+Transfer: handing leadership over on purpose (thesis, section 3.10).
//
// Invariants:
//   * from the request on no proposal is taken, so that the target can catch up
//   * the target is told to campaign only when its log equals the leader's, durably
//   * after an election timeout without success the leader goes on as before
// Not here: when to hand over (Node, on SIGTERM).

extension Consensus {
  /// Hands leadership to the most up-to-date voter heard lately. Not a leader, or nobody to hand it
  /// to: nothing happens. Repeating it during a transfer changes nothing.
  public mutating func transferLeadership(_ out: inout Output) {
    guard role == .leader, transfer == nil, let configuration = configurations.effective else {
      return
    }
    var best: Progress?
    for candidate in progress {
      let isVoter = configuration.voters.contains { $0.id == candidate.id }
      let isSilent = now - candidate.contact > UInt64(settings.electionTicks)
      guard isVoter, !isSilent else { continue }
      if let present = best, present.match >= candidate.match { continue }
      best = candidate
    }
    guard let best else { return }
    transfer = (best.id, now)
    continueTransfer(&out)
    finish(&out)
  }

  /// Whether a transfer is under way.
  public var isTransferring: Bool { transfer != nil }

  /// Tells the target to campaign once it has everything; again with each of its answers, because
  /// the message may be lost.
  mutating func continueTransfer(_ out: inout Output) {
    guard role == .leader, let transfer, let i = position(of: transfer.target),
      progress[i].match == log.last.index
    else { return }
    send(.timeoutNow, to: transfer.target, &out)
  }

  /// The leader of this term asks this node to follow it in office.
  mutating func receiveTimeoutNow(_ from: NodeID, _ out: inout Output) {
    guard role == .follower, leader == from, let configuration = configurations.effective,
      configuration.voters.contains(where: { $0.id == id })
    else { return }
    startElection(transfer: true, &out)
  }
}
