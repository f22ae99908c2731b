// Consensus+Reads: linearizable reads without log entries (thesis, section 6.4, ReadIndex).
//
// Invariants:
//   * a read's index is the commit index of a leader that has committed in its term
//   * it is confirmed only by answers to heartbeats that left after the read was asked; round
//     numbers only grow and are never used twice
//   * at most one confirmation round is under way; reads asked meanwhile share the next one
//   * each read ends exactly once: ready or failed
// Not here: waiting until the index is applied, and answering (Replica).

/// Where a read came from.
struct ReadTicket: Sendable {
  /// The node that asked; this node itself for its own.
  var origin: NodeID
  var ticket: UInt64
}

/// Reads at the leader.
struct ReadRounds: Sendable {
  /// Not in a round yet.
  var waiting: [ReadTicket] = []
  /// In the round under way.
  var asked: [ReadTicket] = []
  var askedRound: UInt64 = 0
  var askedIndex = LogIndex.zero

  var count: Int { waiting.count + asked.count }
}

/// Reads that this node asked its leader for.
struct ForwardedReads: Sendable {
  var items: [(wire: UInt64, ticket: UInt64, since: UInt64)] = []
  /// Tickets on the wire start at random and count up, so that no answer meant for an earlier life
  /// of this node fits.
  var nextWire: UInt64 = 0
}

extension Consensus {
  /// Asks for an index that makes a read linearizable: `Output.readsReady` brings it, or
  /// `Output.readsFailed` says to ask again. A follower asks its leader.
  ///
  /// - Precondition (not checked): no other read with this ticket is under way.
  public mutating func requestRead(_ ticket: UInt64, _ out: inout Output) {
    if role == .leader {
      takeRead(ticket, from: id, &out)
    } else if let leader, forwardedReads.items.count < Settings.readsWaitingMax {
      let wire = forwardedReads.nextWire
      forwardedReads.nextWire &+= 1
      forwardedReads.items.append((wire, ticket, now))
      pass(.readForwarded)
      send(.readRequest(ticket: wire), to: leader, &out)
    } else {
      out.readsFailed.append(ticket)
    }
    finish(&out)
  }

  // MARK: Leader

  /// Takes a read of this node or of a follower.
  mutating func takeRead(_ ticket: UInt64, from origin: NodeID, _ out: inout Output) {
    let read = ReadTicket(origin: origin, ticket: ticket)
    guard role == .leader, reads.count < Settings.readsWaitingMax else { return fail(read, &out) }
    if commit >= termStart, reads.asked.isEmpty, has(.reuseReadRound) {
      reads.askedRound = round
      reads.askedIndex = commit
      reads.asked.append(read)
      return confirmReads(&out)
    }
    reads.waiting.append(read)
    startReadRound(&out)
  }

  /// Starts a round for all reads that wait, if none is under way and this term has committed.
  mutating func startReadRound(_ out: inout Output) {
    guard role == .leader, reads.asked.isEmpty, !reads.waiting.isEmpty else { return }
    if commit < termStart, !has(.readBeforeTermCommit) { return }
    swap(&reads.asked, &reads.waiting)
    reads.askedIndex = commit
    sendHeartbeats(&out)
    reads.askedRound = round
    confirmReads(&out)
  }

  /// Ends the round under way if a quorum has answered it.
  mutating func confirmReads(_ out: inout Output) {
    guard let configuration = configurations.effective, !reads.asked.isEmpty else { return }
    let answered = Quorum.reached(configuration) { node in
      node == id ? round : position(of: node).map { progress[$0].ackedRound } ?? 0
    }
    guard answered >= reads.askedRound else { return }
    for read in reads.asked {
      if read.origin == id {
        out.readsReady.append(ReadReady(ticket: read.ticket, index: reads.askedIndex))
      } else {
        send(
          .readResponse(ticket: read.ticket, index: reads.askedIndex), to: read.origin, &out)
      }
    }
    reads.asked.removeAll(keepingCapacity: true)
    startReadRound(&out)
  }

  private func fail(_ read: ReadTicket, _ out: inout Output) {
    if read.origin == id {
      out.readsFailed.append(read.ticket)
    } else {
      send(.readResponse(ticket: read.ticket, index: nil), to: read.origin, &out)
    }
  }

  /// Leadership ends: no read can be confirmed any more.
  mutating func failReads(_ out: inout Output) {
    if reads.count > 0 { pass(.readFailedWithLeadership) }
    for read in reads.asked { fail(read, &out) }
    for read in reads.waiting { fail(read, &out) }
    reads.asked.removeAll(keepingCapacity: true)
    reads.waiting.removeAll(keepingCapacity: true)
  }

  // MARK: Follower

  mutating func receiveRead(
    _ wire: UInt64, _ index: LogIndex?, _ from: NodeID, _ out: inout Output
  ) {
    guard let i = forwardedReads.items.firstIndex(where: { $0.wire == wire }) else { return }
    if index != nil, from != leader { return }
    let ticket = forwardedReads.items.remove(at: i).ticket
    if let index {
      out.readsReady.append(ReadReady(ticket: ticket, index: index))
    } else {
      out.readsFailed.append(ticket)
    }
  }

  /// The leader changed: its answers do not count any more.
  mutating func failForwardedReads(_ out: inout Output) {
    for item in forwardedReads.items { out.readsFailed.append(item.ticket) }
    forwardedReads.items.removeAll(keepingCapacity: true)
  }

  /// A question or its answer was lost.
  mutating func expireForwardedReads(_ out: inout Output) {
    var expired = 0
    while expired < forwardedReads.items.count,
      now - forwardedReads.items[expired].since > UInt64(settings.electionTicks)
    {
      pass(.readExpired)
      out.readsFailed.append(forwardedReads.items[expired].ticket)
      expired += 1
    }
    forwardedReads.items.removeFirst(expired)
  }
}
