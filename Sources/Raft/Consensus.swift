// Consensus: one node's part in Raft, as a pure struct: inputs are method calls, outputs are values.
//
// Invariants:
//   * a message is judged by its term before its body (`admit`); within a term there is one leader
//   * whatever a call makes durable is one `LogWrite`; votes, vote requests and acknowledgements of
//     new entries ride on it (`afterDurable`), so they leave only after what they promise
//   * commit <= last, durable <= last, window base <= applied <= commit (Consensus+Invariants)
//   * no call costs more than its message; none walks the log
// Not here: clocks, disks, sockets (Node); commands and their results (Replica).

/// What a node finds on its disk at start.
public struct Restored: Sendable {
  public var hardState: HardState
  /// The latest configuration up to `base`; later ones are found in `entries`. `nil`: none is known.
  public var configuration: Configuration?
  /// The last entry that the stored state covers; `EntryID.zero` on an empty log.
  public var base: EntryID
  /// Everything after `base` in the log that is intact. All of it is durable.
  public var entries: [Entry]
  /// The log's files begin after this entry, at or before `base`.
  public var logBase: EntryID
  /// What the log once held after its intact part, if it is damaged.
  public var suspect: Suspect?
  /// The hard state may not be the latest one: the vote of this or a later term is lost.
  public var voteUnreadable: Bool

  public init(
    hardState: HardState, configuration: Configuration?, base: EntryID, entries: [Entry],
    logBase: EntryID = .zero, suspect: Suspect? = nil, voteUnreadable: Bool = false
  ) {
    self.logBase = logBase
    self.suspect = suspect
    self.voteUnreadable = voteUnreadable
    self.hardState = hardState
    self.configuration = configuration
    self.base = base
    self.entries = entries
  }
}

/// One node's part in Raft. Each mutating call appends what it wants done to `Output`; the caller
/// carries it out in order and reports durable writes with `logPersisted`.
public struct Consensus: ~Copyable {
  /// A `LogWrite` that is not known to be durable yet.
  struct PendingWrite {
    var sequence: UInt64
    /// The last entry of the present log that this write and all before it make durable.
    var last: LogIndex
    /// When it was handed out.
    var tick: UInt64
  }

  public let id: NodeID
  public let settings: Settings

  // What must survive a restart.
  public internal(set) var term: Term
  var vote: NodeID?
  var log: LogWindow

  public internal(set) var role = Role.follower
  /// The leader of `term`, once it was heard.
  public internal(set) var leader: NodeID?
  public internal(set) var commit: LogIndex
  /// The last entry that is durable here and still part of the log.
  public internal(set) var durableIndex: LogIndex
  /// No member that is waited for needs entries up to here any more. Never decreases.
  public internal(set) var cuttable = LogIndex.zero
  var applied: LogIndex
  var configurations: ConfigurationStack
  /// The log's files begin after this entry.
  var logBase: EntryID

  /// The caller's word that this node must not lead: it does not campaign. It votes and acknowledges
  /// as ever; a leader has to be told to hand over besides.
  public var holdsBack = false

  // Damage (Consensus+Suspect).
  public internal(set) var suspect: Suspect?
  public internal(set) var voteUnreadable: Bool
  var suspectTerm = Term.zero
  var owesClearing = false
  var inquiry: Inquiry?

  // What this call will hand out as one write.
  var writeTruncate: LogIndex?
  var writeEntries: [Entry] = []
  var writeHardState = false
  var afterWrite: [Message] = []

  // What was handed out.
  var lastSequence: UInt64 = 0
  var persistedSequence: UInt64 = 0
  var hardStateSequence: UInt64 = 0
  var pendingWrites: [PendingWrite] = []
  var reportedRole: RoleChange
  var reportedCommit: LogIndex
  var reportedCuttable = LogIndex.zero

  // Time, in ticks since start.
  var now: UInt64 = 0
  var electionElapsed = 0
  var electionTimeout = 0
  var jitter: Jitter

  /// How often each rare branch ran.
  package var marks = MarkCounts()
  /// How often the branch of the planted bug ran.
  package var plantedRuns: UInt64 = 0

  // Priorities. Empty: all are equal.
  var priorities: [(id: NodeID, priority: UInt8)] = []
  /// Who should not or cannot lead now; others are able.
  var fitness: [(id: NodeID, fitness: Fitness)] = []
  /// How many waits for a leader ended without one.
  var vainWaits = 0

  // Follower.
  /// The log equals the term's leader's up to here.
  var verified: LogIndex
  /// An acknowledgement that waits for writes of earlier calls.
  var owedAck: (leader: NodeID, match: LogIndex)?
  /// The term in which the leader's connection broke: campaigns are hurried, once.
  var lostTerm = Term.zero
  var hurriedAttempts = 0
  var forwardedReads = ForwardedReads()

  // Candidate.
  var votes = Votes()
  var electionSequence: UInt64 = 0

  // Leader.
  var progress: [Progress] = []
  var heartbeatElapsed = 0
  /// The first entry of this leader's term; reads wait until it is committed.
  var termStart = LogIndex.zero
  /// The newest heartbeat round. Never reset, so that no answer counts twice.
  var round: UInt64 = 0
  var reads = ReadRounds()
  var transfer: (target: NodeID, since: UInt64)?
  /// Since when it serves without a failed transfer, and for how long it must before it hands over to
  /// a node of higher priority.
  var servesSince: UInt64 = 0
  var handOverWait: UInt64 = 0
  /// The configuration entry that takes this leader's vote and for which it tried to hand over.
  var handedOverAt = LogIndex.zero

  /// - Precondition: the entries follow `base` one by one, and no entry is of a later term than the
  ///   hard state.
  public init(id: NodeID, settings: Settings, restored: Restored, seed: UInt64) {
    precondition(id.value > 0, "node ids start at 1")
    self.id = id
    self.settings = settings
    let lastTerm = restored.entries.last?.term ?? restored.base.term
    term =
      restored.voteUnreadable ? max(restored.hardState.term, lastTerm) : restored.hardState.term
    vote = restored.hardState.vote
    log = LogWindow(base: restored.base, entries: restored.entries)
    let last = log.last
    // No member of the half-built self inside an autoclosure: optimised, Swift 6.3.1 then destroys
    // members of a noncopyable self that are not there yet.
    precondition(
      restored.voteUnreadable || last.term <= restored.hardState.term,
      "the log holds an entry of a term that was never stored")
    // What is left of a damaged log may end in entries that were replaced before that commit index.
    let told = restored.suspect == nil ? restored.hardState.commit : .zero
    commit = max(restored.base.index, min(told, last.index))
    applied = restored.base.index
    durableIndex = last.index
    verified = commit
    configurations = ConfigurationStack(restored.configuration, at: restored.base.index)
    logBase = restored.logBase
    suspect = restored.suspect
    voteUnreadable = restored.voteUnreadable
    reportedRole = RoleChange(role: .follower, term: term, leader: nil)
    reportedCommit = restored.base.index
    jitter = Jitter(seed: seed ^ (id.value &* 0xD6E8_FEB8_6659_FD93))
    forwardedReads.nextWire = jitter.next()
    for entry in restored.entries where !has(.revertConfigurationAtStart) {
      // A cluster begun anew from one node: who joins gets a state behind that, and never what came before.
      if !configurations.appended(entry) { logBase = entry.id }
    }
    if has(.commitTailAtStart) { commit = last.index }
    startSuspicion()
    resetElectionTimer()
  }

  /// Gives a node without a configuration the one to start with. Before that it neither votes nor
  /// acknowledges nor campaigns. Does nothing on a node that has one.
  public mutating func activate(_ configuration: Configuration) {
    guard configurations.effective == nil else { return }
    configurations.start(with: configuration)
    resetElectionTimer()
  }

  /// Time passes.
  public mutating func tick(_ out: inout Output) {
    guard configurations.effective != nil else { return }
    now += 1
    if isDamaged { tickDamaged(&out) }
    if role == .leader {
      tickLeader(&out)
    } else if !voteUnreadable {
      tickElection(&out)
    }
    expireForwardedReads(&out)
    finish(&out)
  }

  /// How many calls of `tick` from now on would do nothing but let time pass, if nothing else happens
  /// before; `tickIdly` stands for that many of them.
  public var ticksUntilDue: Int {
    guard configurations.effective != nil else { return Int.max }
    guard !isDamaged, forwardedReads.items.isEmpty else { return 0 }
    guard role == .leader else { return max(0, electionTimeout - electionElapsed - 1) }
    guard transfer == nil, pendingWrites.isEmpty else { return 0 }
    let interval = UInt64(settings.heartbeatTicks)
    let untilRound = settings.heartbeatTicks - heartbeatElapsed - 1
    let untilInterval = Int(interval - now % interval) - 1
    let quorum = UInt64(settings.electionTicks) - min(silence, UInt64(settings.electionTicks))
    return max(0, min(untilRound, untilInterval, Int(quorum)))
  }

  /// Lets `count` ticks pass in which nothing is due.
  ///
  /// - Precondition: `count <= ticksUntilDue`.
  public mutating func tickIdly(_ count: Int) {
    guard configurations.effective != nil else { return }
    precondition(count >= 0 && count <= ticksUntilDue, "something is due before")
    now += UInt64(count)
    if role == .leader { heartbeatElapsed += count } else { electionElapsed += count }
  }

  /// Takes a message. Messages for other nodes, from itself, or before activation are dropped.
  public mutating func step(_ message: Message, _ out: inout Output) {
    guard configurations.effective != nil, message.to == id, message.from != id else { return }
    switch message.body {
    case .standingRequest(let nonce): answerStanding(nonce, to: message.from, &out)
    case .standingResponse(let standing):
      receive(standing, term: message.term, message.from, &out)
    default:
      guard !voteUnreadable else { return }
      if admit(message, &out) { dispatch(message, &out) }
    }
    finish(&out)
  }

  /// Gives up leadership, and stays silent for longer than the others wait. Not a leader: nothing.
  public mutating func stepDown(_ out: inout Output) {
    guard role == .leader else { return }
    becomeFollower(term, leader: nil, &out)
    electionTimeout = 2 * settings.electionTicks
    finish(&out)
  }

  // MARK: Term rules

  /// Judges a message by its term (paper, section 5.1). Returns whether its body counts.
  private mutating func admit(_ message: Message, _ out: inout Output) -> Bool {
    if message.term > term {
      switch message.body {
      case .preVoteRequest, .preVoteResponse(granted: true):
        return true  // They speak of a term that nobody has yet.
      case .voteRequest(_, transfer: false) where isSticky:
        guard has(.forgetStickiness) else { return false }
        becomeFollower(message.term, leader: nil, &out)
      case .append, .heartbeat:
        becomeFollower(message.term, leader: message.from, &out)
      default:
        becomeFollower(message.term, leader: nil, &out)
      }
      return true
    }
    if message.term < term {
      answerStale(message, &out)
      return false
    }
    return true
  }

  /// Tells a sender of an earlier term about ours, where silence would leave it stuck.
  private mutating func answerStale(_ message: Message, _ out: inout Output) {
    switch message.body {
    case .append, .heartbeat:
      let answer = Message.HeartbeatResponse(round: 0, last: log.last.index)
      send(.heartbeatResponse(answer), to: message.from, &out)
    case .preVoteRequest:
      send(.preVoteResponse(granted: false), to: message.from, &out)
    case .voteRequest:
      send(.voteResponse(granted: false), to: message.from, &out)
    case .readRequest(let ticket):
      send(.readResponse(ticket: ticket, index: nil), to: message.from, &out)
    default:
      break
    }
  }

  private mutating func dispatch(_ message: Message, _ out: inout Output) {
    let from = message.from
    switch message.body {
    case .preVoteRequest(let last): answerPreVote(message, last, &out)
    case .preVoteResponse(let granted): countPreVote(message, granted, &out)
    case .voteRequest(let last, _): answerVote(from, last, &out)
    case .voteResponse(let granted): countVote(from, granted, &out)
    case .append(let append): receive(append, from, &out)
    case .appendResponse(let response): receive(response, from, &out)
    case .heartbeat(let heartbeat): receive(heartbeat, from, &out)
    case .heartbeatResponse(let response): receive(response, from, &out)
    case .readRequest(let ticket): takeRead(ticket, from: from, &out)
    case .readResponse(let ticket, let index): receiveRead(ticket, index, from, &out)
    case .timeoutNow: receiveTimeoutNow(from, &out)
    case .standingRequest, .standingResponse:
      preconditionFailure("answered before terms are compared")
    }
  }

  /// Becomes a follower, of a newer term or of the present one.
  mutating func becomeFollower(_ newTerm: Term, leader newLeader: NodeID?, _ out: inout Output) {
    precondition(newTerm >= term, "terms never decrease")
    if role == .leader {
      if newTerm > term, transfer != nil { pass(.transferDone) }
      abandonLeadership(&out)
    }
    if newTerm > term || leader != newLeader { failForwardedReads(&out) }
    if newTerm > term {
      term = newTerm
      vote = nil
      writeHardState = true
      verified = commit
      owedAck = nil
      hurriedAttempts = 0
    }
    role = .follower
    leader = newLeader
    resetElectionTimer()
  }

  // MARK: The end of each call

  func message(_ body: Message.Body, to: NodeID) -> Message {
    Message(from: id, to: to, term: term, body: body)
  }

  /// Sends what needs no durability.
  func send(_ body: Message.Body, to: NodeID, _ out: inout Output) {
    out.messages.append(message(body, to: to))
  }

  /// Whether term and vote as they are now are durable.
  var isHardStateDurable: Bool { !writeHardState && hardStateSequence <= persistedSequence }

  /// Hands out the write of this call and reports what changed.
  mutating func finish(_ out: inout Output) {
    handOutWrite(&out)
    let present = RoleChange(role: role, term: term, leader: leader)
    if present != reportedRole {
      reportedRole = present
      out.roleChange = present
    }
    if commit > reportedCommit {
      reportedCommit = commit
      out.commit = commit
      configurations.settle(upTo: commit)
    }
    if cuttable > reportedCuttable {
      reportedCuttable = cuttable
      out.cuttable = cuttable
    }
    if owesClearing { reportCleared(&out) }
    checkInvariants()
  }

  private mutating func handOutWrite(_ out: inout Output) {
    guard writeHardState || writeTruncate != nil || !writeEntries.isEmpty else {
      precondition(afterWrite.isEmpty, "a message waits for a write that nobody asked for")
      return
    }
    lastSequence += 1
    var write = LogWrite(sequence: lastSequence, truncateAfter: writeTruncate)
    swap(&write.entries, &writeEntries)
    swap(&write.afterDurable, &afterWrite)
    if writeHardState {
      write.hardState = HardState(term: term, vote: vote, commit: min(commit, durableIndex))
      hardStateSequence = lastSequence
      writeHardState = false
    }
    writeTruncate = nil
    pendingWrites.append(
      PendingWrite(sequence: lastSequence, last: log.last.index, tick: now))
    out.writes.append(write)
  }
}
