// ReplicaStatus: everything that the status page and the metrics say about a replica.
// Not here: their text forms (Gateway, Node).

import Raft

/// A snapshot of a replica's state. Indexes are log indexes; times are microseconds.
public struct ReplicaStatus: Sendable {
  public var id: NodeID
  public var incarnation: UInt64
  public var role: Role = .follower
  public var term: UInt64 = 0
  public var leader: NodeID?
  public var lastIndex: UInt64 = 0
  public var commitIndex: UInt64 = 0
  public var appliedIndex: UInt64 = 0
  /// The last index whose rows are stored, as far as the store has reported.
  public var storedIndex: UInt64 = 0
  /// The last index that the own log holds durably.
  public var durableIndex: UInt64 = 0
  /// The last index that a finished flush of the store covers.
  public var flushedIndex: UInt64 = 0
  /// The state hash at `stateHashIndex`; equal on every replica at equal index.
  public var stateHash: UInt128 = 0
  public var stateHashIndex: UInt64 = 0
  /// The stamp of the last applied entry.
  public var stamp: Int64 = 0
  /// True if the node knows a leader, has applied an entry of the current term and the genesis, and has no fault.
  public var ready = false
  /// Of the applied genesis; empty before.
  public var genesisHash: [UInt8] = []
  public var clusterID = ""
  public var configuration: Configuration?
  public var clusterTime: Int64 = 0
  /// Own wall clock minus the quorum's median; `nil` while too few clocks are known or they disagree.
  public var clockOffset: Int64?
  public var pendingWrites = 0
  public var pendingReads = 0
  /// Commands that the leader holds because consensus takes no more entries now.
  public var queuedCommands = 0
  public var duplicates = 0
  public var duplicatesMax = 0
  public var duplicateBytes = 0
  public var duplicateBytesMax = 0
  public var runsHeld = 0
  public var runsOutstanding = 0
  /// Since start.
  public var entriesApplied: UInt64 = 0
  public var commandsApplied: UInt64 = 0
  public var duplicatesAnswered: UInt64 = 0
  public var ticksProposed: UInt64 = 0
  public var resends: UInt64 = 0
  public var messagesDropped: UInt64 = 0
  public var draining = false
  public var peers: [Peer] = []
  /// Empty if all is well; else one line each, naming what to do.
  public var faults: [String] = []

  /// What is known of a peer.
  public struct Peer: Sendable {
    public var id: NodeID
    public var connected: Bool
    /// The last index known to be durable there; only the leader knows.
    public var match: UInt64?
    /// Its wall clock minus ours, from recent messages.
    public var clockOffset: Int64?
  }

  public init(id: NodeID, incarnation: UInt64) {
    self.id = id
    self.incarnation = incarnation
  }
}
