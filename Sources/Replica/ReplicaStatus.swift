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
  /// Rounds by which this node asked for a read index. Many reads share one.
  public var readRounds: UInt64 = 0
  public var draining = false
  /// A draining node owes nothing more: the process may end.
  public var isDrained = false
  /// This node's state must not be used, and why.
  public var fence: String?
  /// The newest index at which a majority of the voters agreed on a state hash, and the hash.
  public var lastAgreed: HashSample?
  /// The newest index at which no hash can have a majority: writes halt.
  public var dividedAt: UInt64?
  /// This node's own hashes at the newest points of comparison, by index.
  public var hashes: [HashSample] = []
  /// What the log says about those points.
  public var agreement: [HashAgreement.Point] = []
  public var isSpaceLow = false
  /// The applied index of the snapshot that this node can serve; 0: none.
  public var snapshotIndex: UInt64 = 0
  /// Members that are being sent this node's snapshot, and bytes sent since start.
  public var snapshotTransfers = 0
  public var snapshotBytesSent: UInt64 = 0
  /// The node that this one fetches a snapshot from, and bytes written since start.
  public var snapshotSource: NodeID?
  public var snapshotBytesWritten: UInt64 = 0
  /// How often this leader found that a member needs a snapshot.
  public var snapshotsNeeded: UInt64 = 0
  /// The log's files begin after this index.
  public var logBase: UInt64 = 0
  /// The log is damaged and being repaired from the peers.
  public var isSuspect = false
  /// Every member as this node sees it; lags are known to the leader only.
  public var members: [MemberStatus] = []
  /// Nodes that tried to connect and are in no configuration.
  public var strangers: [Member] = []
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
    /// What it last said about itself.
    public var health: NodeHealth = []
  }

  public init(id: NodeID, incarnation: UInt64) {
    self.id = id
    self.incarnation = incarnation
  }
}
