// AdminService+Metrics: what `/metrics` says beside the counters.
//
// Not here: counters and histograms (Metrics).

import Gateway
import Replica
import Synchronization

extension AdminService {
  func metricsText() -> [UInt8] {
    let status = shared.status.withLock { $0 }
    let connections = loops.reduce(0) { $0 + $1.openConnections }
    let waiting = loops.reduce(0) { $0 + $1.pendingRequests }
    let subscriptions = loops[0].streams.feed.count
    let peersConnected = peers.connected.withLock { $0.count }
    let freeBytes = shared.freeBytes.load(ordering: .relaxed)
    let spaceIsLow = shared.spaceIsLow.load(ordering: .relaxed)
    return shared.metrics.text(
      gauges: [
        ("ready", "1 if the node serves clients.", status.ready ? "1" : "0"),
        ("is_leader", "1 if the node leads.", status.role == .leader ? "1" : "0"),
        ("term", "Raft term.", "\(status.term)"),
        ("last_index", "Last log index.", "\(status.lastIndex)"),
        ("durable_index", "Last durable log index.", "\(status.durableIndex)"),
        ("commit_index", "Last committed log index.", "\(status.commitIndex)"),
        ("applied_index", "Last applied log index.", "\(status.appliedIndex)"),
        ("stored_index", "Last stored log index.", "\(status.storedIndex)"),
        ("flushed_index", "Last log index in flushed files.", "\(status.flushedIndex)"),
        ("entries_applied", "Entries applied since start.", "\(status.entriesApplied)"),
        ("commands_applied", "Commands applied since start.", "\(status.commandsApplied)"),
        ("duplicates_answered", "Repeated requests since start.", "\(status.duplicatesAnswered)"),
        ("duplicates", "Outcomes in the duplicate table.", "\(status.duplicates)"),
        ("pending_writes", "Writes that wait here.", "\(status.pendingWrites)"),
        ("pending_reads", "Reads that wait here.", "\(status.pendingReads)"),
        ("read_rounds", "Rounds for a read index since start.", "\(status.readRounds)"),
        ("queued_commands", "Commands held by the leader.", "\(status.queuedCommands)"),
        ("faults", "Faults that need an operator.", "\(status.faults.count)"),
        (
          "clock_offset_microseconds", "Own clock minus the quorum's.", "\(status.clockOffset ?? 0)"
        ),
        ("http_connections", "Open HTTP connections.", "\(connections)"),
        ("http_waiting", "Requests that wait for an answer.", "\(waiting)"),
        ("stream_subscriptions", "Subscriptions of market streams.", "\(subscriptions)"),
        ("peers_connected", "Nodes that this one can send to.", "\(peersConnected)"),
        ("suspect_log", "1 while a damaged log is being repaired.", status.isSuspect ? "1" : "0"),
        ("fenced", "1 while this node's state must not be used.", status.fence == nil ? "0" : "1"),
        (
          "hash_mismatches", "Reports of state hashes that differ from the majority's, lately.",
          "\(status.agreement.reduce(0) { $0 + $1.dissenters.count })"
        ),
        (
          "agreed_index", "Last log index with an agreed state.", "\(status.lastAgreed?.index ?? 0)"
        ),
        ("priority", "Who leads if all is well: the highest.", "\(facts.settings.priority)"),
        ("free_bytes", "Free space of the data directory's disk.", "\(freeBytes)"),
        ("low_space", "1 while writes are refused for want of disk space.", spaceIsLow ? "1" : "0"),
        ("resident_bytes", "Resident memory.", "\(AdminService.residentBytes())"),
      ], labelled: peerLines(status))
  }

  /// Only the leader knows how far the others are.
  private func peerLines(_ status: ReplicaStatus) -> String {
    let connected = peers.connected.withLock { $0 }
    var out = ""
    func head(_ name: String, _ help: String) {
      out += "# HELP castle_\(name) \(help)\n# TYPE castle_\(name) gauge\n"
    }
    head("role", "1 for the role that the node has.")
    out += "castle_role{role=\"\(status.role.rawValue)\"} 1\n"
    head("peer_connected", "1 if this node can send to the peer.")
    for peer in status.peers {
      let isConnected = connected.contains(peer.id)
      out += "castle_peer_connected{peer=\"\(peer.id)\"} \(isConnected ? 1 : 0)\n"
    }
    let sending = status.members.compactMap { member in
      member.replication.map { (member.member.id, $0.rawValue) }
    }
    if !sending.isEmpty { head("peer_state", "1 for the way in which the leader serves the peer.") }
    for (id, state) in sending {
      out += "castle_peer_state{peer=\"\(id)\",state=\"\(state)\"} 1\n"
    }
    let matches = status.peers.compactMap { peer in peer.match.map { (peer.id, $0) } }
    guard !matches.isEmpty else { return out }
    head("peer_match_lag", "Entries that the peer's log lacks.")
    for (id, match) in matches {
      let lag = status.lastIndex > match ? status.lastIndex - match : 0
      out += "castle_peer_match_lag{peer=\"\(id)\"} \(lag)\n"
    }
    return out
  }
}
