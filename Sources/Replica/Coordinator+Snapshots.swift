// Coordinator+Snapshots: who fetches a snapshot from whom, when one is made, and how far the log may be cut.
//
// Invariants:
//   * a snapshot that is fetched is never older than the own log's beginning, and the log is not cut beyond
//     one that is about to be swapped in: the log behind it stays usable
//   * nothing is fetched on that the own log has got past
//   * the log is cut only behind what a finished flush covers
//   * a log that a living follower needs is kept within `retainedBytesMax`, or while a snapshot is on
//     its way to it for as
//     long as consensus allows; a dead one keeps nothing (Consensus.advanceCuttable)
//   * a node whose own state must not be used serves none; one that serves has its state compared with
//     the other voters' first, because a wrong one that spreads becomes the majority; once one is
//     contradicted, no more of it leaves
// Not here: files (Node, Storage), transfers (SnapshotServer, SnapshotClient).

import Raft
import Wire

extension Coordinator {
  // MARK: What the driver reports

  /// A snapshot is finished: the applied entry in it, and its manifest.
  public mutating func snapshotMade(_ id: EntryID, manifest: [UInt8]) {
    precondition(
      !manifest.isEmpty && manifest.count <= SnapshotMessage.manifestBytesMax,
      "a manifest has 1 to \(SnapshotMessage.manifestBytesMax) bytes")
    server.made(.init(id: id, manifest: manifest))
    bytesSinceSnapshot = 0
  }

  public mutating func snapshotFailed() { server.failed() }

  /// The bytes of `SnapshotEffect.read`; `nil` if they cannot be read or are damaged.
  public mutating func snapshotRead(
    peer: NodeID, transfer: UInt64, piece: SnapshotPiece, bytes: [UInt8]?, _ now: Moment,
    _ effects: inout Effects
  ) {
    endContradicted()
    guard let answer = server.read(peer, transfer, piece, bytes, now.monotonic) else { return }
    send(answer, to: peer, now, &effects)
  }

  /// What the install begun by `SnapshotEffect.begin` lacks; perhaps nothing.
  public mutating func installBegan(
    missing: [SnapshotPiece], _ now: Moment, _ effects: inout Effects
  ) {
    endNeedlessFetch(now, &effects)
    withClient(now, &effects) { client, messages, snapshots in
      client.began(missing, now.monotonic, &messages, &snapshots)
    }
  }

  /// A piece is written. `again`: pieces of a file whose checksum did not fit.
  public mutating func installWrote(
    _ piece: SnapshotPiece, again: [SnapshotPiece] = [], _ now: Moment, _ effects: inout Effects
  ) {
    endNeedlessFetch(now, &effects)
    withClient(now, &effects) { client, messages, snapshots in
      client.wrote(piece, again: again, now.monotonic, &messages, &snapshots)
    }
  }

  /// The install came to nothing (a full disk, a state hash that does not fit): another source is tried.
  public mutating func installFailed(_ now: Moment) { client.failed(now.monotonic) }

  /// Snapshots of this node that others are fetching: keep their files.
  public var snapshotsInUse: [EntryID] { server.inUse }

  /// Asks for a snapshot now, as an operator may: `SnapshotEffect.make`, unless one is being made.
  public mutating func makeSnapshot(_ now: Moment, _ effects: inout Effects) {
    server.make(now.monotonic, &effects.snapshots)
  }

  // MARK: Messages

  mutating func take(
    _ message: SnapshotMessage, from peer: NodeID, _ now: Moment, _ effects: inout Effects
  ) {
    switch message {
    case .needed(let atLeast):
      // It may be late: what is applied here needs no snapshot.
      guard peer == consensus.leader, atLeast > machine.marker.applied.index.value else { return }
      client.want(atLeast: atLeast, from: sources, now.monotonic)
    case .manifestRequest, .pieceRequest, .done:
      server.agreed(at: agreedIndex, now.monotonic)
      var subject = server.latest?.id
      if case .pieceRequest = message { subject = server.sent(to: peer) }
      var trust = subject.map { self.trust(since: $0.index.value) } ?? .open
      if trust != .agreed, plants.has(.servesUncompared) { trust = .agreed }
      if trust == .disputed, plants.has(.sendsContradicted) { trust = .open }
      let answer = server.receive(
        message, from: peer, stored: isSound ? runs.stored : nil, trust, now.monotonic,
        &effects.snapshots)
      if let answer { send(answer, to: peer, now, &effects) }
    case .compare(let atLeast):
      guard atLeast <= consensus.lastIndex.value else { return }
      compare(now, &effects)
    case .manifest, .piece, .refused:
      withClient(now, &effects) { client, messages, snapshots in
        client.receive(message, from: peer, now.monotonic, &messages, &snapshots)
      }
    }
  }

  private func send(
    _ message: SnapshotMessage, to peer: NodeID, _ now: Moment, _ effects: inout Effects
  ) {
    effects.messages.append(
      Outgoing(to: peer, message: PeerMessage(wall: now.wall, .snapshot(message))))
  }

  private mutating func withClient(
    _ now: Moment, _ effects: inout Effects,
    _ body: (
      inout SnapshotClient, inout [(NodeID, SnapshotMessage)], inout [SnapshotEffect]
    ) -> Void
  ) {
    var messages: [(NodeID, SnapshotMessage)] = []
    body(&client, &messages, &effects.snapshots)
    for (peer, message) in messages { send(message, to: peer, now, &effects) }
  }

  /// Whom to ask: peers that are connected and well, the leader last, because it has most to do. Not
  /// only members of the own configuration: to a node that lags they may all be gone.
  private var sources: [NodeID] {
    let fit = connected.sorted().filter { health(of: $0).isDisjoint(with: [.fenced, .draining]) }
    return fit.filter { $0 != consensus.leader } + fit.filter { $0 == consensus.leader }
  }

  // MARK: Time

  /// Tells members that need a snapshot so.
  mutating func tellNeeds(_ now: Moment, _ effects: inout Effects) {
    for need in output.snapshotsNeeded {
      counters.snapshotsNeeded += 1
      send(.needed(atLeast: need.base.index.value), to: need.to, now, &effects)
    }
  }

  mutating func tickSnapshots(_ now: Moment, _ effects: inout Effects) {
    if distrust != nil {
      if client.isWaiting {
        client.want(atLeast: logBase.index.value, from: sources, now.monotonic)
      }
    } else if client.isActive, client.isWaiting {
      client.want(atLeast: client.atLeast, from: sources, now.monotonic)
    }
    endNeedlessFetch(now, &effects)
    if client.isActive {
      withClient(now, &effects) { client, messages, snapshots in
        client.tick(now.monotonic, &messages, &snapshots)
      }
    }
    endContradicted()
    server.agreed(at: agreedIndex, now.monotonic)
    if !server.isIdle { server.tick(now.monotonic, &effects.snapshots) }
    haveCompared(now, &effects)
    // A newer one would have to be compared anew.
    if settings.snapshotEveryBytes > 0, bytesSinceSnapshot >= settings.snapshotEveryBytes, isSound,
      server.wantsComparison == nil
    {
      bytesSinceSnapshot = 0
      server.make(now.monotonic, &effects.snapshots)
    }
  }

  /// Gives up a fetch that is of no use any more: what is wanted was applied from the log, or the own
  /// log begins behind the snapshot. In the place of a newer state it would be a damage.
  private mutating func endNeedlessFetch(_ now: Moment, _ effects: inout Effects) {
    guard client.isActive, client.installing == nil else { return }
    if distrust == nil, machine.marker.applied.index.value >= client.atLeast {
      if client.hasBegun, plants.has(.installsOlder) { return }
      withClient(now, &effects) { client, messages, _ in client.cancel(&messages) }
    } else if let snapshot = client.snapshot, snapshot.index < max(logBase.index, reportedCut) {
      client.failed(now.monotonic)
    }
  }

  // MARK: Comparing before sending

  /// Ends what is being sent unconfirmed, and was contradicted since.
  private mutating func endContradicted() {
    for snapshot in server.unconfirmed where trust(since: snapshot.index.value) == .disputed {
      if plants.has(.sendsContradicted) { continue }
      server.contradicted(snapshot)
    }
  }

  /// Whether the snapshot that the peer is being sent was confirmed by a majority; `nil`: it is sent none,
  /// or no more of one.
  func sendsConfirmed(to peer: NodeID) -> Bool? {
    guard let isAgreed = server.isAgreed(for: peer), let snapshot = server.sent(to: peer) else {
      return nil
    }
    if isAgreed || plants.bugs.contains(.sendsContradicted) { return isAgreed }
    return trust(since: snapshot.index.value) == .disputed ? nil : false
  }

  /// What the voters say of the own state as of `index`.
  func trust(since index: UInt64) -> StateTrust {
    machine.agreement.trust(in: machine.record.samples, since: index, counts: { isHeard($0) })
  }

  /// States that differ, where too few voters have said theirs to tell which is wrong.
  package var dispute: HashAgreement.Point? { machine.agreement.dispute(counts: { isHeard($0) }) }

  /// Whether the node's word counts where no majority has spoken: not if it has said itself that its
  /// state must not be used, or is another one since, and not if it votes no more.
  private func isHeard(_ node: NodeID) -> Bool {
    guard machine.marker.configuration?.isVoter(node) ?? false else { return false }
    return node == identity.id
      ? !isRenewed : health(of: node).isDisjoint(with: [.fenced, .renewed])
  }

  /// Whether this node told a hash that is undecided, and its state is another one since: it was fetched,
  /// or applied anew from an older one and came out otherwise.
  var isRenewed: Bool {
    machine.agreement.hasOldReport(
      of: identity.id, before: machine.record.ownFrom, machine.record.samples)
  }

  /// Sees to it that the voters compare their states behind a snapshot that somebody waits for.
  private mutating func haveCompared(_ now: Moment, _ effects: inout Effects) {
    guard let index = server.wantsComparison, isSound else { return }
    let trust = trust(since: index)
    // What is contradicted once stays so at later points, unless what was wrong has passed by itself.
    let pause = trust == .disputed ? Self.disputePause : Self.comparePause
    guard trust != .agreed, now.monotonic - comparedAt >= pause else { return }
    guard consensus.role != .leader else { return compare(now, &effects) }
    guard let leader = consensus.leader else { return }
    comparedAt = now.monotonic
    send(.compare(atLeast: index), to: leader, now, &effects)
  }

  /// Two comparisons, or two questions for one, are at least this far apart. Microseconds.
  private static let comparePause: Int64 = 1_000_000
  /// The same where the own state is contradicted already.
  private static let disputePause: Int64 = 5_000_000

  private mutating func compare(_ now: Moment, _ effects: inout Effects) {
    guard now.monotonic - comparedAt >= Self.comparePause,
      compareStates(now, &effects) != nil
    else { return }
    comparedAt = now.monotonic
  }

  // MARK: The log's beginning

  /// The log's files begin after this entry now.
  public mutating func logCut(to base: EntryID) {
    consensus.logCut(to: base)
    if base.index > logBase.index { logBase = base }
  }

  mutating func reportCut(_ effects: inout Effects) {
    guard distrust == nil else { return }
    let trailing = ledger.index(keeping: settings.trailingBytes)
    var wanted = min(consensus.cuttable.value, trailing)
    let floor = ledger.index(keeping: settings.retainedBytesMax)
    if floor > wanted, floor > reportedCut.value, !isSendingSnapshot { wanted = floor }
    wanted = min(wanted, machine.marker.applied.index.value)
    var cut = min(wanted, flushed)
    if wanted > cut, plants.has(.cutBeforeFlush) { cut = wanted }
    // The store may be one of there at the next start.
    if let installing = client.installing { cut = min(cut, installing.index.value) }
    guard cut > reportedCut.value else { return }
    reportedCut = LogIndex(cut)
    effects.cut = reportedCut
  }

  /// Whether some member waits for a snapshot, and the log behind it is kept by consensus for a bounded time.
  private var isSendingSnapshot: Bool {
    consensus.members.contains { $0.replication == .snapshot }
  }
}
