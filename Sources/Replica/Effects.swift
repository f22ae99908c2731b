// Effects: what goes into the Coordinator and what it wants done, as plain values.
//
// Invariants:
//   * the caller executes `writes` in order, and reports each durable in order (`logPersisted`)
//   * the caller hands `runs` to the publisher before it acts on `readsReady` of the same Effects, so that a
//     confirmed read stands behind the run that holds its index
// Not here: who executes them (Node, tests).

import Engine
import Raft
import Wire

/// Both clocks of a machine at one moment, in microseconds.
public struct Moment: Hashable, Sendable {
  /// Never goes back while the process lives; its zero means nothing.
  public var monotonic: Int64
  /// Since 1970, as the operating system believes.
  public var wall: Int64

  public init(monotonic: Int64, wall: Int64) {
    self.monotonic = monotonic
    self.wall = wall
  }
}

/// A write of a client of this node. The answer comes back under its ticket, exactly once.
public struct Submission: Sendable {
  public var ticket: UInt64
  public var request: Request

  public init(ticket: UInt64, request: Request) {
    self.ticket = ticket
    self.request = request
  }
}

/// How a write ended, as far as this node knows.
public enum Outcome: Hashable, Sendable {
  /// It was applied (or refused in `apply`) at log index `index` under the entry's `stamp`.
  case reply(Reply, index: UInt64, stamp: Int64)
  /// Definite: it never was and never will be executed. The log's time at `index` is past its deadline.
  case expired(index: UInt64)
  /// It may have been, or may yet be, executed. Also: the log's time is past its deadline by more
  /// than outcomes are kept (60 s), and nobody knows any more whether an earlier copy was.
  case unknown
  /// Definite: it was refused before anyone else saw it.
  case overloaded
  /// The leader does not put it into the log, and says why in one sentence.
  case refused(String)
}

/// An answer to a submission.
public struct Answer: Sendable {
  public var ticket: UInt64
  public var outcome: Outcome

  public init(ticket: UInt64, outcome: Outcome) {
    self.ticket = ticket
    self.outcome = outcome
  }
}

/// Applied entries, ready to be stored and published: the own log is durable to `lastIndex`.
public struct Run: Sendable {
  public var events: EventBatch
  /// Rows of the exchange, of the duplicate table and the applied marker. Stored in one batch or not at all.
  public var rows: RowBatch
  public var lastIndex: UInt64
  /// The stamp of the last entry that had one.
  public var lastStamp: Int64
  /// The state hash at `lastIndex`.
  public var stateHash: UInt128

  public init(
    events: EventBatch, rows: RowBatch, lastIndex: UInt64, lastStamp: Int64, stateHash: UInt128
  ) {
    self.events = events
    self.rows = rows
    self.lastIndex = lastIndex
    self.lastStamp = lastStamp
    self.stateHash = stateHash
  }
}

/// A message for a peer. Those of one Effects leave in order.
public struct Outgoing: Sendable {
  public var to: NodeID
  public var message: PeerMessage

  public init(to: NodeID, message: PeerMessage) {
    self.to = to
    self.message = message
  }
}

/// Everything that one or more calls of the Coordinator want done. The caller owns one and reuses it.
public struct Effects: Sendable {
  /// For the log, in order. Messages in `afterDurable` leave after their write, as `PeerMessage(wall:, .raft(m))`.
  public var writes: [LogWrite] = []
  /// Leave at once.
  public var messages: [Outgoing] = []
  public var answers: [Answer] = []
  /// Reads that may be answered behind the runs handed out so far.
  public var readsReady: [ReadReady] = []
  /// Reads that found no leader within the client's patience.
  public var readsFailed: [UInt64] = []
  /// For the publisher, in order; see `Coordinator.stored(upTo:)`.
  public var runs: [Run] = []
  public var fetches: [LogFetch] = []
  /// The latest change, if any.
  public var roleChange: RoleChange?
  /// The log may be cut up to here: no member that is waited for needs it, and a finished flush covers it. Call
  /// `Coordinator.logCut(to:)` with the log's new base when it is done.
  public var cut: LogIndex?
  /// Answers to `changeMembers`.
  public var memberAnswers: [MemberAnswer] = []
  /// This node's state must not be used, and why: it has to be replaced by a peer's. Said once a life; the node goes on
  /// voting and acknowledging, and fetches a snapshot by itself (see `snapshots`).
  public var rebuild: String?
  /// What to do about snapshots, in order.
  public var snapshots: [SnapshotEffect] = []
  /// The damaged log holds again what it once held: forget the claim (`LogStore.clearSuspect`).
  public var suspectCleared = false

  public init() {}

  /// True if nothing is to be done.
  public var isEmpty: Bool {
    writes.isEmpty && messages.isEmpty && answers.isEmpty && readsReady.isEmpty
      && readsFailed.isEmpty && runs.isEmpty && fetches.isEmpty && roleChange == nil && cut == nil
      && memberAnswers.isEmpty && snapshots.isEmpty && rebuild == nil && !suspectCleared
  }

  /// Empties it, keeping capacities.
  public mutating func removeAll() {
    writes.removeAll(keepingCapacity: true)
    messages.removeAll(keepingCapacity: true)
    answers.removeAll(keepingCapacity: true)
    readsReady.removeAll(keepingCapacity: true)
    readsFailed.removeAll(keepingCapacity: true)
    runs.removeAll(keepingCapacity: true)
    fetches.removeAll(keepingCapacity: true)
    roleChange = nil
    cut = nil
    memberAnswers.removeAll(keepingCapacity: true)
    rebuild = nil
    snapshots.removeAll(keepingCapacity: true)
    suspectCleared = false
  }
}
