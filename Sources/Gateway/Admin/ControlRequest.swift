// ControlRequest: what an operator asks of the cluster itself, rather than of the exchange.
//
// Not here: how it is done (Node, Replica), and the JSON of requests (AdminCluster).

/// A request to the node's own machinery. Nodes are named by their ids.
public enum ControlRequest: Hashable, Sendable {
  /// Hand leadership to another voter, or to this one.
  case transferLeadership(to: UInt64?)
  case addMember(id: UInt64, asVoter: Bool)
  case promoteMember(id: UInt64)
  case removeMember(id: UInt64)
  /// The new node takes the old one's place, in one step, once it has caught up.
  case replaceMember(id: UInt64, with: UInt64)
  /// Make a checkpoint now.
  case saveSnapshot
  /// All members take their state hash behind the next entry; it shows in their status.
  case verify
}

/// How it ended.
public enum ControlOutcome: Sendable {
  /// Taken; what it leads to shows in the status.
  case accepted
  /// Done, at this log index.
  case done(index: UInt64)
  /// Refused in one sentence; nothing was changed.
  case refused(String)
  /// Only the leader can do this: here it is, if it is known.
  case notLeader(UInt64?)
  /// A checkpoint, complete.
  case saved(directory: String, index: UInt64, bytes: UInt64)
  /// It may or may not have been done.
  case unknown
}
