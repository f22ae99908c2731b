// Coordinator+Hashes: the voters compare their states at fixed log indexes; whoever differs from a majority is fenced.
//
// Invariants:
//   * a voter's hash is reported until the log counts it, by the leader or to it; a leader puts each into its log once,
//     however long it takes to commit, or a slow cluster would have more and more of them to do
//   * a fenced node neither serves nor applies nor campaigns; it votes and acknowledges, for its log is sound
//   * while no majority agrees, no client's write enters the log
// Not here: counting (HashAgreement), comparing (StateFence), fetching another state (Coordinator+Snapshots).

import Engine
import Raft
import Wire

extension Coordinator {
  /// Reports wait at most here; what has no room comes again.
  private static let reportsMax = 32
  /// Reports that are remembered as proposed; of an older one there may be a second entry.
  private static let proposedMax = 512
  /// An uncounted report goes out again after this long. Microseconds.
  private static let reportPause: Int64 = 500_000

  /// Why this replica's state must not be used; `nil` if it may.
  var distrust: String? {
    if plants.bugs.contains(.servesFenced) { return nil }
    return storeDamage ?? machine.record.fence?.description
  }

  /// True if this node's state is in order: it may serve, once it knows a leader.
  var isSound: Bool { fault == nil && outside == nil && distrust == nil }

  /// Every turn: reports own hashes, and proposes those of others.
  mutating func flushReports(_ now: Moment, _ effects: inout Effects) {
    lookForReports()
    guard !unreported.isEmpty || !reports.isEmpty, distrust == nil else { return }
    if mayPropose {
      reports.append(contentsOf: due(now))
      proposeReports(now, &effects)
    } else if let leader = consensus.leader, leader != identity.id {
      for report in due(now) {
        effects.messages.append(
          Outgoing(to: leader, message: PeerMessage(wall: now.wall, .report(report))))
      }
    }
  }

  /// Looks up which own hashes the log has not counted, where something was applied.
  private mutating func lookForReports() {
    let applied = machine.marker.applied.index.value
    guard applied != reportsLookedUp else { return }
    reportsLookedUp = applied
    reports.removeAll { machine.agreement.hasReport(of: $0.node, at: $0.index) }
    unreported.removeAll()
    guard
      machine.marker.configuration?.isVoter(identity.id) ?? false
        || plants.bugs.contains(.learnersCountInHash)
    else { return }
    for sample in machine.record.samples
    where sample.index >= machine.record.ownFrom
      && !machine.agreement.hasReport(of: identity.id, at: sample.index)
    {
      unreported.append(
        HashReport(
          node: identity.id, incarnation: identity.incarnation, index: sample.index,
          hash: sample.hash))
    }
  }

  /// The own reports to send now: those of a new point or under a new leader at once, others after a pause.
  private mutating func due(_ now: Moment) -> [HashReport] {
    guard let last = unreported.last else { return [] }
    let present = ReportedTo(term: consensus.term, leader: consensus.leader, index: last.index)
    if present == reportedTo, now.monotonic - reportedAt < Self.reportPause { return [] }
    reportedTo = present
    reportedAt = now.monotonic
    return unreported
  }

  private mutating func proposeReports(_ now: Moment, _ effects: inout Effects) {
    if proposedReportsIn != consensus.term {
      // What an earlier leader's log held may be gone.
      proposedReportsIn = consensus.term
      proposedReports.removeAll()
    }
    proposedReports.removeAll { machine.agreement.hasReport(of: $0.node, at: $0.index) }
    let open = reports.filter { !isUnderWay($0) }
    reports = open
    guard !reports.isEmpty, consensus.canPropose else { return }
    let sent = reports.prefix(Note.countMax)
    guard propose(notes: sent.map { .hash($0) }, now, &effects) != nil else { return }
    proposedReports += sent
    if proposedReports.count > Self.proposedMax {
      proposedReports.removeFirst(proposedReports.count - Self.proposedMax)
    }
    reports.removeFirst(sent.count)
  }

  /// Whether the log has counted the report, or will.
  private func isUnderWay(_ report: HashReport) -> Bool {
    machine.agreement.hasReport(of: report.node, at: report.index)
      || proposedReportsIn == consensus.term && proposedReports.contains(report)
  }

  /// Appends an entry that holds nothing but notes.
  private mutating func propose(
    notes: [Note], _ now: Moment, _ effects: inout Effects
  ) -> EntryID? {
    let stamp = nextStamp(now)
    let payload = EntryPayload.encode(stamp: stamp, requests: [], notes: notes)
    guard let entry = consensus.propose(payload, .command, &output) else { return nil }
    lastStamp = stamp
    collect(now, &effects)
    return entry
  }

  /// A follower's report, for the log.
  mutating func take(_ report: HashReport, from peer: NodeID) {
    guard consensus.role == .leader, report.node == peer, reports.count < Self.reportsMax,
      report.index <= consensus.commit.value, !reports.contains(report), !isUnderWay(report)
    else {
      counters.messagesDropped += 1
      return
    }
    reports.append(report)
  }

  /// Asks all replicas to compare their states behind one new entry, for `exctl verify`. Returns its index, or `nil`
  /// where this node does not lead or cannot propose now. The hashes appear in every node's `status.hashes`, and the
  /// verdict in `status.agreement`.
  public mutating func compareStates(_ now: Moment, _ effects: inout Effects) -> UInt64? {
    guard mayPropose, !machine.marker.genesisHash.isEmpty, consensus.canPropose else { return nil }
    return propose(notes: [.point], now, &effects)?.index.value
  }

  /// Every turn: what follows from a state that must not be used.
  mutating func watchState(_ effects: inout Effects) {
    if storeDamage != nil || machine.record.fence != nil { _ = plants.has(.servesFenced) }
    guard let reason = distrust else { return }
    consensus.holdsBack = true
    abandon(&effects)
    // What is never applied here need not stay in memory.
    consensus.entriesApplied(upTo: consensus.commit)
    guard !saidRebuild else { return }
    saidRebuild = true
    effects.rebuild = reason
  }
}

/// To whom, and up to where, own hashes were reported last.
struct ReportedTo: Equatable {
  var term: Term
  var leader: NodeID?
  var index: UInt64
}
