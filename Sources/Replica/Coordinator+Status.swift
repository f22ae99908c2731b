// Coordinator+Status: what the outside may know.
// Not here: text forms.

import Engine
import Raft

extension Coordinator {
  public var role: Role { consensus.role }
  public var term: UInt64 { consensus.term.value }
  public var leader: NodeID? { consensus.leader }
  public var commitIndex: UInt64 { consensus.commit.value }
  public var appliedIndex: UInt64 { machine.marker.applied.index.value }
  /// As far as `stored(upTo:)` has told.
  public var storedIndex: UInt64 { runs.stored }
  /// The state hash at the applied index.
  public var stateHash: UInt128 { machine.marker.stateHash }
  /// The configuration in force, if any.
  public var configuration: Configuration? { consensus.configuration }

  /// True if this node serves: it knows the leader, has applied an entry of its term and the genesis, and has no fault.
  public var ready: Bool {
    consensus.leader != nil && machine.marker.applied.term == consensus.term
      && !machine.marker.genesisHash.isEmpty && isSound
  }

  /// The cluster's time in microseconds since 1970; never before the stamp of what is applied here. For /time and the
  /// edge's check of timestamps, on every node.
  public func clusterTime(_ now: Moment) -> Int64 { max(clock.time(now), machine.marker.stamp) }

  /// Everything for the status page and the metrics.
  ///
  /// - Complexity: O(peers).
  public func status(_ now: Moment) -> ReplicaStatus {
    let marker = machine.marker
    var status = ReplicaStatus(id: identity.id, incarnation: identity.incarnation)
    status.role = consensus.role
    status.term = consensus.term.value
    status.leader = consensus.leader
    status.lastIndex = consensus.lastIndex.value
    status.commitIndex = consensus.commit.value
    status.appliedIndex = marker.applied.index.value
    status.storedIndex = runs.stored
    status.durableIndex = consensus.durableIndex.value
    status.flushedIndex = flushed
    status.stateHash = marker.stateHash
    status.stateHashIndex = marker.applied.index.value
    status.stamp = marker.stamp
    status.ready = ready
    status.genesisHash = marker.genesisHash
    status.clusterID = marker.clusterID
    status.configuration = consensus.configuration
    status.clusterTime = clusterTime(now)
    status.clockOffset = clock.offset
    fillCounts(&status)
    let known = consensus.configuration?.members.map(\.id) ?? voters
    status.peers = known.filter { $0 != identity.id }.map { peer in
      ReplicaStatus.Peer(
        id: peer, connected: connected.contains(peer),
        match: consensus.matchIndex(of: peer)?.value, clockOffset: clock.offset(of: peer, now),
        health: health(of: peer))
    }
    fillSafety(&status)
    status.faults = faults(now)
    return status
  }

  private func fillCounts(_ status: inout ReplicaStatus) {
    status.pendingWrites = pending.tickets
    status.pendingReads = reads.count
    status.queuedCommands = queue.count
    status.duplicates = machine.duplicatesCount
    status.duplicatesMax = settings.duplicatesMax
    status.duplicateBytes = machine.duplicateBytes
    status.duplicateBytesMax = settings.duplicateBytesMax
    status.runsHeld = runs.heldCount
    status.runsOutstanding = runs.outstandingCount
    status.entriesApplied = counters.entriesApplied
    status.commandsApplied = machine.commandsApplied
    status.duplicatesAnswered = machine.duplicatesAnswered
    status.ticksProposed = counters.ticksProposed
    status.resends = counters.resends
    status.messagesDropped = counters.messagesDropped
    status.readRounds = counters.readRounds
    status.draining = draining
  }

  private func fillSafety(_ status: inout ReplicaStatus) {
    status.fence = distrust
    status.lastAgreed = machine.agreement.lastAgreed
    status.dividedAt = machine.agreement.divided
    status.hashes = machine.record.samples
    status.agreement = machine.agreement.points
    status.isSpaceLow = isSpaceLow
    status.isSuspect = consensus.isDamaged
    status.members = consensus.members
    status.strangers = strangers.map { Member(id: $0.node, incarnation: $0.incarnation) }
    status.isDrained = isDrained
    status.snapshotIndex = server.latest?.id.index.value ?? 0
    status.snapshotTransfers = server.transferCount
    status.snapshotBytesSent = server.bytesSent
    status.snapshotSource = client.source
    status.snapshotBytesWritten = client.bytesWritten
    status.snapshotsNeeded = counters.snapshotsNeeded
    status.logBase = logBase.index.value
  }

  private func faults(_ now: Moment) -> [String] {
    var faults: [String] = []
    if let distrust { faults.append(distrust) }
    if let index = machine.agreement.divided {
      faults.append(
        "no majority of the voters agrees on the state at index \(index): writes are halted; see"
          + " `exctl verify`, and replace the wrong nodes")
    }
    if let dispute {
      let voices = dispute.votes.map { "node \($0.node) has \(hexadecimal($0.hash))" }
      faults.append(
        "the states at index \(dispute.index) differ, and too few voters have said theirs to tell"
          + " which is wrong: \(voices.joined(separator: ", ")); no snapshot of them is sent")
    }
    if isSpaceLow {
      faults.append("low disk space: new writes are refused until there is more")
    } else if lacksSpace {
      faults.append("low disk space at the leader: new writes are refused until there is more")
    }
    if let suspect = consensus.suspect {
      faults.append("the log is damaged (\(suspect)): it is being repaired from the peers")
    }
    if client.isActive {
      let source = client.source.map { "node \($0)" } ?? "nobody yet"
      faults.append("fetching a snapshot of at least index \(client.atLeast) from \(source)")
    }
    if storeStalls { faults.append("the store has taken nothing for too long: look at its disk") }
    if let fault { faults.append("apply halted at index \(fault.index): \(fault)") }
    if let outside { faults.append(outside) }
    if consensus.configuration == nil, outside == nil {
      let missing = voters.filter { peer in
        peer != identity.id && !hellos.contains { $0.node == peer }
      }
      faults.append("first start: waiting to hear from nodes \(missing)")
    }
    if clock.isOff {
      faults.append("the wall clock is off by \(clock.offset ?? 0) us from the majority: fix NTP")
    }
    if diskHangs(now) { faults.append("a log write has been waiting for over an election timeout") }
    if !runs.hasRoom { faults.append("apply waits for the store: it is behind") }
    return faults
  }
}
