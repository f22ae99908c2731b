// Progress: what a leader knows about one follower.
//
// Invariants: match < next; a match is only taken from an acknowledgement in the leader's own term,
// for a prefix that the follower compared with the leader's.
// Not here: when to send (Consensus+Replication).

/// What a leader knows about one follower.
struct Progress: Sendable {
  enum State: Sendable {
    /// One message at a time until the logs are known to meet.
    case probe
    /// Messages follow each other without waiting.
    case replicate
    /// The log no longer reaches back to what it needs: it gets a snapshot, and only heartbeats until
    /// it has one.
    case snapshot
  }

  let id: NodeID
  var state = State.probe
  /// The follower has the leader's log up to here, durably.
  var match = LogIndex.zero
  /// The next index to send.
  var next: LogIndex
  /// In `probe`: a message is under way. A heartbeat's answer clears it, so a lost probe is resent.
  var probeSent = false
  /// In-flight appends in `replicate`.
  var inflights: Inflights
  /// The commit index in the last append to it.
  var sentCommit = LogIndex.zero
  /// The tick of its last answer, for check-quorum.
  var contact: UInt64
  /// The newest heartbeat round that it answered.
  var ackedRound: UInt64 = 0
  /// A heartbeat round and what `match` was when it left: an answer to it or a later one with a
  /// smaller durable last index proves that the follower lost acknowledged entries.
  var regressCheck: (round: UInt64, match: LogIndex)?
  /// What `match` was when a full in-flight window could not be asked about, to see it stand still.
  var stalledMatch: LogIndex?
  /// In `snapshot`: what it needs at least, since when, and when that was last said.
  var snapshotBase = EntryID.zero
  var snapshotSince: UInt64 = 0
  var snapshotAsked: UInt64 = 0
  /// It said that its log is damaged and not whole again.
  var isSuspect = false
  /// The leader's last index one heartbeat interval ago, and for how many intervals in a row the
  /// member had everything in time.
  var intervalLast = LogIndex.zero
  var caughtUpIntervals = 0
  /// The tick at which a `LogFetch` for it was asked, until it is answered.
  var fetchSince: UInt64?

  init(id: NodeID, next: LogIndex, inflightsMax: Int, now: UInt64) {
    self.id = id
    self.next = next
    inflights = Inflights(capacity: inflightsMax)
    contact = now
  }

  mutating func becomeProbe(next: LogIndex) {
    state = .probe
    self.next = max(next, match.next)
    probeSent = false
    stalledMatch = nil
    inflights.removeAll()
  }

  mutating func becomeSnapshot(_ base: EntryID, now: UInt64) {
    if state != .snapshot { snapshotSince = now }
    state = .snapshot
    snapshotBase = base
    snapshotAsked = now
    next = match.next
    fetchSince = nil
    stalledMatch = nil
    inflights.removeAll()
  }

  /// Takes an acknowledgement.
  mutating func accept(_ index: LogIndex) {
    match = max(match, index)
    if state == .snapshot, index < snapshotBase.index { return }
    inflights.free(upTo: match)
    if state != .replicate {
      state = .replicate
      probeSent = false
      inflights.removeAll()
      next = match.next
    } else {
      next = max(next, match.next)
    }
  }
}
