// Output: everything that consensus wants done, as values. The caller owns one and reuses it.
//
// Invariants:
//   * `writes` are executed in order, by one disk thread; each is one ordered group of truncation,
//   entries and hard state
//   * a message in `LogWrite.afterDurable` leaves only after that write and all earlier ones are durable
//   * messages in `messages` need no durability and leave at once
// Not here: who executes it (Replica and Node).

/// Something to make durable, in order, in one piece.
public struct LogWrite: Sendable {
  /// Grows by one with each write; `Consensus.logPersisted(sequence)` reports it durable.
  public var sequence: UInt64
  /// Forget all entries after this index first. `nil`: nothing to truncate.
  public var truncateAfter: LogIndex?
  /// Consecutive entries that follow what is left.
  public var entries: [Entry]
  /// The new hard state, if it changed.
  public var hardState: HardState?
  /// To send once this write is durable: votes and append acknowledgements.
  public var afterDurable: [Message]

  public init(
    sequence: UInt64, truncateAfter: LogIndex? = nil, entries: [Entry] = [],
    hardState: HardState? = nil, afterDurable: [Message] = []
  ) {
    self.sequence = sequence
    self.truncateAfter = truncateAfter
    self.entries = entries
    self.hardState = hardState
    self.afterDurable = afterDurable
  }
}

/// Entries that a lagging follower needs and memory no longer holds: read them from the log's files.
public struct LogFetch: Hashable, Sendable {
  public var follower: NodeID
  /// The entry before the first wanted one; its term is wanted too.
  public var after: LogIndex
  public var bytesMax: Int

  public init(follower: NodeID, after: LogIndex, bytesMax: Int) {
    self.follower = follower
    self.after = after
    self.bytesMax = bytesMax
  }
}

/// The answer to a `LogFetch`.
public struct LogFetched: Sendable {
  public var follower: NodeID
  public var after: EntryID
  public var entries: [Entry]
  /// The log no longer reaches back that far: its files begin after this entry.
  public var cutTo: EntryID?

  public init(follower: NodeID, after: EntryID, entries: [Entry], cutTo: EntryID? = nil) {
    self.follower = follower
    self.after = after
    self.entries = entries
    self.cutTo = cutTo
  }
}

/// A member that the leader's log cannot serve any more.
public struct SnapshotNeed: Hashable, Sendable {
  public var to: NodeID
  /// The leader's log begins after this entry: the snapshot must cover it.
  public var base: EntryID

  public init(to: NodeID, base: EntryID) {
    self.to = to
    self.base = base
  }
}

/// What a node is at the moment.
public enum Role: String, Sendable {
  case follower, preCandidate, candidate, leader
}

/// A change worth telling: role, term or known leader.
public struct RoleChange: Hashable, Sendable {
  public var role: Role
  public var term: Term
  public var leader: NodeID?

  public init(role: Role, term: Term, leader: NodeID?) {
    self.role = role
    self.term = term
    self.leader = leader
  }
}

/// A confirmed linearizable read: answer `ticket` once `index` is applied here.
public struct ReadReady: Hashable, Sendable {
  public var ticket: UInt64
  public var index: LogIndex

  public init(ticket: UInt64, index: LogIndex) {
    self.ticket = ticket
    self.index = index
  }
}

/// What one or more steps produced.
public struct Output: Sendable {
  public var writes: [LogWrite] = []
  public var messages: [Message] = []
  /// The commit index, if it grew. Entries up to it may be applied (`Consensus.entries`).
  public var commit: LogIndex?
  /// The cut limit, if it grew: no member that is waited for needs entries up to it.
  public var cuttable: LogIndex?
  public var readsReady: [ReadReady] = []
  /// Reads that cannot be confirmed now (no leader, lost leadership); ask again.
  public var readsFailed: [UInt64] = []
  public var fetches: [LogFetch] = []
  /// Members to send a snapshot to. Said again from time to time until one has arrived; a caller that
  /// is sending one already ignores it.
  public var snapshotsNeeded: [SnapshotNeed] = []
  /// The damaged log is whole again, or its claim is void: the claim kept on disk may go.
  public var suspectCleared = false
  /// The latest change, if any.
  public var roleChange: RoleChange?

  public init() {}

  /// Empties it, keeping capacities.
  public mutating func removeAll() {
    writes.removeAll(keepingCapacity: true)
    messages.removeAll(keepingCapacity: true)
    commit = nil
    cuttable = nil
    readsReady.removeAll(keepingCapacity: true)
    readsFailed.removeAll(keepingCapacity: true)
    fetches.removeAll(keepingCapacity: true)
    snapshotsNeeded.removeAll(keepingCapacity: true)
    suspectCleared = false
    roleChange = nil
  }
}
