// Message: what nodes say to each other about consensus.
//
// Invariant: a message is processed by its term first (Consensus.step), then by its body.
// Not here: bytes (MessageCodec), and messages about commands and clocks (Replica).

/// A consensus message.
public struct Message: Hashable, Sendable {
  public var from: NodeID
  public var to: NodeID
  /// The sender's term; in a pre-vote request and a granted pre-vote, the term that the candidate would have.
  public var term: Term
  public var body: Body

  public init(from: NodeID, to: NodeID, term: Term, body: Body) {
    self.from = from
    self.to = to
    self.term = term
    self.body = body
  }

  /// What a message says.
  public enum Body: Hashable, Sendable {
    /// Would you vote for me? Changes no state at the receiver (thesis, section 9.6).
    case preVoteRequest(last: EntryID)
    case preVoteResponse(granted: Bool)
    /// `transfer`: the leader itself asked for this campaign, so voters do not wait for its silence.
    case voteRequest(last: EntryID, transfer: Bool)
    case voteResponse(granted: Bool)
    case append(Append)
    case appendResponse(AppendResponse)
    case heartbeat(Heartbeat)
    case heartbeatResponse(HeartbeatResponse)
    /// A follower asks the leader for a read index. `ticket` is the follower's own.
    case readRequest(ticket: UInt64)
    /// The read index for `ticket`; the follower may answer once it has applied it. `nil`: ask again later.
    case readResponse(ticket: UInt64, index: LogIndex?)
    /// Campaign at once (leadership transfer; thesis, section 3.10).
    case timeoutNow
    /// A damaged node asks how far others are. The number names this question and is never used twice.
    case standingRequest(nonce: UInt64)
    case standingResponse(Standing)
  }

  /// Entries after `previous`. An empty list probes.
  public struct Append: Hashable, Sendable {
    public var previous: EntryID
    public var entries: [Entry]
    /// The leader's commit index.
    public var commit: LogIndex
    /// No member that is waited for needs entries up to here: logs may be cut up to it.
    public var cuttable: LogIndex

    public init(previous: EntryID, entries: [Entry], commit: LogIndex, cuttable: LogIndex) {
      self.previous = previous
      self.entries = entries
      self.commit = commit
      self.cuttable = cuttable
    }
  }

  /// A follower's answer to an append.
  public enum AppendResponse: Hashable, Sendable {
    /// The follower's log equals the leader's up to `match`, durably.
    case accepted(match: LogIndex)
    /// The log does not hold `previous`. `hint`: the follower's best guess of a common entry (conflict back-off).
    case conflict(previous: LogIndex, hint: EntryID)
  }

  /// A leader's sign of life, which also confirms reads.
  public struct Heartbeat: Hashable, Sendable {
    /// The leader's entry at min(its commit, receiver's match). A receiver that holds this very
    /// entry may apply up to it; the index alone proves nothing, for a log can have lost what the
    /// leader once matched. Term zero: it is not in the leader's memory any more.
    public var commit: EntryID
    public var cuttable: LogIndex
    /// The newest read confirmation round; numbers are never used twice in a term.
    public var round: UInt64

    public init(commit: EntryID, cuttable: LogIndex, round: UInt64) {
      self.commit = commit
      self.cuttable = cuttable
      self.round = round
    }
  }

  /// A member's answer to a heartbeat.
  public struct HeartbeatResponse: Hashable, Sendable {
    public var round: UInt64
    /// The follower's last index, so that an idle leader notices one that lost its tail. Not an
    /// acknowledgement: the entries may be neither durable nor the leader's.
    public var last: LogIndex
    /// The follower's commit index: its log equals the leader's up to here.
    public var commit: LogIndex
    /// Its log is damaged: it may have less than it acknowledged.
    public var isSuspect: Bool

    public init(
      round: UInt64, last: LogIndex, commit: LogIndex = .zero, isSuspect: Bool = false
    ) {
      self.round = round
      self.last = last
      self.commit = commit
      self.isSuspect = isSuspect
    }
  }

  /// How far a node is, for one whose disk was damaged. The message's term is the node's own.
  public struct Standing: Hashable, Sendable {
    public var nonce: UInt64
    /// The last entry that it holds or may once have held.
    public var last: EntryID
    /// `last` is not all that it may have held.
    public var isLogUnknown: Bool
    /// Its own term is in doubt.
    public var isTermUnknown: Bool
    /// The newest configuration in its log, and the voters of both halves.
    public var configurationIndex: LogIndex
    public var voters: [NodeID]

    public init(
      nonce: UInt64, last: EntryID, isLogUnknown: Bool, isTermUnknown: Bool,
      configurationIndex: LogIndex, voters: [NodeID]
    ) {
      self.nonce = nonce
      self.last = last
      self.isLogUnknown = isLogUnknown
      self.isTermUnknown = isTermUnknown
      self.configurationIndex = configurationIndex
      self.voters = voters
    }
  }
}
