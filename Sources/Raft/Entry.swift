// Entry: one log entry, and the hard state that must be durable beside it.
//
// Invariant: payloads are opaque here; only configuration entries are read (Configuration).
// Not here: how entries are stored (Storage) and what commands they hold (Replica).

/// One entry of the replicated log. The payload's buffer is shared by disk, network and apply, never copied.
public struct Entry: Hashable, Sendable {
  /// What the payload is. Raw values are stored: never renumber.
  public enum Kind: UInt8, Sendable {
    /// Proposed by each new leader so that it can commit (paper, section 8). Empty payload.
    case noop = 1
    /// Commands for the state machine.
    case command = 2
    /// A cluster configuration (`Configuration.encoded`), effective on append.
    case configuration = 3
  }

  public var id: EntryID
  public var kind: Kind
  public var payload: [UInt8]

  public init(id: EntryID, kind: Kind, payload: [UInt8]) {
    self.id = id
    self.kind = kind
    self.payload = payload
  }

  public var term: Term { id.term }
  public var index: LogIndex { id.index }

  /// The largest payload that may be proposed.
  public static let payloadBytesMax = 1 << 20
}

/// What a node must remember besides its log (paper, figure 2: currentTerm and votedFor).
public struct HardState: Hashable, Sendable {
  public var term: Term
  /// The candidate that got this node's vote in `term`.
  public var vote: NodeID?
  /// A commit index known to be reached; a hint that saves waiting at start, never above the durable log.
  public var commit: LogIndex

  public init(term: Term = .zero, vote: NodeID? = nil, commit: LogIndex = .zero) {
    self.term = term
    self.vote = vote
    self.commit = commit
  }
}
