// Coordinator: Raft joined to the state machine; what one node of the cluster does, without clock, disk or sockets.
//
// The caller turns a loop: any number of inputs, then `flush`, then it carries out the Effects. `flush` applies what is
// committed, proposes or forwards what came in as one batch, and hands out what is due.
//
// Invariants:
//   * a write is answered once, and only from this node's own apply (recorded reply, or an applied stamp past its
//     deadline), or as unknown, or as refused before anyone saw it
//   * only the leader of a term whose first entry is applied proposes, so stamps never decrease along the log
//   * rows leave only when the own log is durable to their index
// Not here: threads, sockets, files (Node), consensus (Raft), trading rules (Engine).

import Engine
import Raft
import Wire

/// One node's replica.
public struct Coordinator: ~Copyable {
  let identity: Member
  /// As the operator configured them; the members of the first configuration.
  let voters: [NodeID]
  let genesisHash: [UInt8]
  let genesis: [[UInt8]]
  let settings: ReplicaSettings

  var consensus: Consensus
  /// Why the stored rows could not be used: the node votes and acknowledges, and waits for another state.
  let storeDamage: String?
  var machine: StateMachine
  var clock: ClusterClock
  var output = Output()

  // Writes.
  var pending: PendingTable
  var queue: ProposalQueue
  /// The leadership to which pending writes were handed over last.
  var handedTo: RoleChange?
  /// The next forward message repeats everything.
  var restartForward = true
  /// Forward messages of this life since the last restart of everything that waits, and how often that was.
  let forwardLife: UInt64
  var forwardEpoch: UInt32 = 0
  var forwardNumber: UInt32 = 0
  /// What the peers forward, as far as it came without a gap.
  var forwardStreams: [ForwardStream] = []
  /// The stamp of the entry proposed last in this leadership.
  var lastStamp: Int64 = 0
  var proposedConfigurationIn = Term.zero
  var proposedGenesisIn = Term.zero

  /// Own writes that wait and raise the level, some that do not wait any more, and which; see Coordinator+Levels.
  var levelRaises: [LevelRaise] = []
  /// What this leadership has refused to other nodes.
  var refusedRaises: [RefusedRaise] = []

  // Apply.
  var runs: RunQueue
  var fault: ApplyFault?
  var flushed: UInt64
  var reportedCut = LogIndex.zero

  // Snapshots (Coordinator+Snapshots).
  var server: SnapshotServer
  var client: SnapshotClient
  var ledger: LogLedger
  var logBase: EntryID
  var bytesSinceSnapshot: UInt64 = 0
  /// When a comparison for a snapshot was begun, or asked for, last. Monotonic microseconds.
  var comparedAt = Int64.min / 2

  // Hashes (Coordinator+Hashes).
  var reports: [HashReport] = []
  var unreported: [HashReport] = []
  /// Reports in this leader's own log that are not counted yet, and the term of which this is true.
  var proposedReports: [HashReport] = []
  var proposedReportsIn = Term.zero
  var reportsLookedUp: UInt64 = .max
  var reportedTo: ReportedTo?
  var reportedAt: Int64 = 0
  var saidRebuild = false

  // Members (Coordinator+Members).
  var memberChanges: [MemberChange] = []
  var strangers: [PeerHello] = []
  /// True once an applied configuration named this incarnation.
  var wasMember = false

  var reads: ReadTable

  // Peers.
  var hellos: [PeerHello] = []
  var connected: [NodeID] = []
  /// Which node without a place for this one has a configuration, and whether that names this id.
  var founded: (by: NodeID, knowsID: Bool)?
  /// Why this node stays out of the cluster; `nil` if it does not.
  var outside: String?

  // Health.
  var writesInFlight: [(sequence: UInt64, since: Int64)] = []
  var handOverSince: Int64?
  var lastHandOver: Int64 = 0
  var draining = false
  var refusing = false
  var isSpaceLow = false
  var peersHealth: [(peer: NodeID, health: NodeHealth)] = []
  var saidHealth: NodeHealth = []
  var saidHealthAt: Int64 = 0
  /// Since when `apply` waits for a store that takes nothing, and what it had stored then. Monotonic microseconds.
  var storeWaitsSince: Int64?
  var storedAtLook: UInt64 = 0
  var lastTick: Int64 = 0
  var counters = Counters()
  var plants = Plants()

  struct Counters {
    var entriesApplied: UInt64 = 0
    var ticksProposed: UInt64 = 0
    var resends: UInt64 = 0
    var messagesDropped: UInt64 = 0
    var snapshotsNeeded: UInt64 = 0
    var readRounds: UInt64 = 0
  }

  /// - Parameters:
  ///   - identity: this node's id and the incarnation of its data directory.
  ///   - voters: the ids of the first configuration, this node among them.
  ///   - genesis: the commands of the genesis entry; their headers are replaced by fixed ones.
  ///   - genesisHash: SHA-256 of the genesis, 32 bytes.
  ///   - restored: the log's contents after the marker that `AppliedMarker.load(rows)` gives.
  ///   - rows: the stored rows; read here once, and not kept.
  ///   - seed: random; differs between nodes and lives.
  /// - Throws: `StateDamage` if the rows cannot be used: start again with
  ///   `RestoredReplica.storeDamage`. `ProgramTooOld` if their level is above the settings'.
  ///   `ReplicaError` if the parts do not fit together.
  public init(
    identity: Member, voters: [NodeID], genesis: [Request], genesisHash: [UInt8],
    settings: ReplicaSettings, restored: RestoredReplica, rows: any RowReader, seed: UInt64
  ) throws {
    guard voters.contains(identity.id), voters.count <= Configuration.votersMax,
      Set(voters).count == voters.count
    else {
      throw ReplicaError("node \(identity.id) is not among the voters \(voters), or one repeats")
    }
    let encodedGenesis = try Self.encode(genesis, genesisHash)
    var machine = try Self.machine(restored, rows, settings)
    machine.keep(by: identity)
    let marker = machine.marker
    try Self.check(marker, restored, genesisHash)
    self.machine = machine
    storeDamage = restored.storeDamage
    server = SnapshotServer(
      transfersMax: settings.snapshotTransfersMax,
      bytesPerSecond: settings.snapshotBytesPerSecond)
    client = SnapshotClient(seed: seed)
    ledger = LogLedger(windowBytes: max(settings.trailingBytes, 1 << 20))
    ledger.appended(restored.entries)
    logBase = restored.logBase
    forwardLife = seed
    self.identity = identity
    self.voters = voters.sorted()
    self.genesisHash = genesisHash
    self.genesis = encodedGenesis
    self.settings = settings
    consensus = Consensus(
      id: identity.id, settings: settings.consensus,
      restored: Restored(
        hardState: restored.hardState,
        configuration: marker.configuration,
        base: restored.storeDamage == nil ? marker.applied : restored.logBase,
        entries: restored.entries, logBase: restored.logBase, suspect: restored.suspect,
        voteUnreadable: restored.voteUnreadable), seed: seed)
    clock = ClusterClock(voters: voters.count)
    pending = PendingTable(
      limit: settings.pendingMax, accountLimit: settings.pendingMax / settings.accountShare)
    queue = ProposalQueue(countMax: settings.queueMax, bytesMax: settings.queueBytesMax)
    runs = RunQueue(
      limit: settings.runsOutstandingMax, weightMax: settings.runChangesOutstandingMax,
      stored: marker.applied.index.value)
    flushed = marker.applied.index.value
    reads = ReadTable(limit: settings.readsMax, seed: seed)
    judgeOwnConfiguration()
  }

  /// The stored state, or an empty one in place of one that cannot be used.
  private static func machine(
    _ restored: RestoredReplica, _ rows: any RowReader, _ settings: ReplicaSettings
  ) throws -> StateMachine {
    guard restored.storeDamage == nil else {
      return StateMachine(
        hashInterval: settings.hashInterval, newestLevel: settings.newestLevel)
    }
    do {
      return try StateMachine(
        loading: rows, hashInterval: settings.hashInterval, newestLevel: settings.newestLevel)
    } catch let error as ProgramTooOld {
      throw error
    } catch {
      throw StateDamage("\(error)")
    }
  }

  /// Refuses a store and a log that do not belong together.
  private static func check(
    _ marker: AppliedMarker, _ restored: RestoredReplica, _ genesisHash: [UInt8]
  ) throws(ReplicaError) {
    let base = restored.storeDamage == nil ? marker.applied : restored.logBase
    guard restored.last.index >= base.index else {
      throw ReplicaError(
        "the store covers index \(base.index), but the log ends at \(restored.last.index):"
          + " the log is damaged or not this node's")
    }
    guard restored.entries.count == restored.last.index - base.index,
      restored.entries.first.map({ $0.index == base.index.next && $0.term >= base.term }) ?? true,
      restored.entries.last.map({ $0.id == restored.last }) ?? (restored.last == base)
    else {
      throw ReplicaError("the log does not continue the stored state after \(base)")
    }
    guard marker.genesisHash.isEmpty || marker.genesisHash == genesisHash else {
      throw ReplicaError(
        "the store was founded by genesis \(hexadecimal(marker.genesisHash)), but the given"
          + " genesis is \(hexadecimal(genesisHash))")
    }
  }

  // MARK: Inputs

  /// Time passes: call it every 10 ms. Flushes.
  public mutating func tick(_ now: Moment, _ effects: inout Effects) {
    clock.advance(now, leading: consensus.role == .leader)
    seekAtStart(now, &effects)
    consensus.tick(&output)
    collect(now, &effects)
    watchLeadership(now, &effects)
    sayHealth(now, &effects)
    tickSnapshots(now, &effects)
    endPatience(now, &effects)
    flush(now, &effects)
  }

  /// A message from a peer whose hello was accepted.
  public mutating func receive(
    _ message: PeerMessage, from peer: NodeID, _ now: Moment, _ effects: inout Effects
  ) {
    guard peer != identity.id else {
      counters.messagesDropped += 1
      return
    }
    if !connected.contains(peer) { connected.append(peer) }
    sampleClock(message, of: peer, now)
    receive(message.body, from: peer, now, &effects)
  }

  private mutating func sampleClock(
    _ message: PeerMessage, of peer: NodeID, _ now: Moment
  ) {
    clock.sample(peer, wall: message.wall, now)
  }

  private mutating func receive(
    _ body: PeerMessage.Body, from peer: NodeID, _ now: Moment, _ effects: inout Effects
  ) {
    switch body {
    case .raft(let body):
      guard body.from == peer else {
        counters.messagesDropped += 1
        return
      }
      consensus.step(body, &output)
      collect(now, &effects)
    case .forward(let forward):
      take(forward, from: peer, now, &effects)
    case .report(let report):
      take(report, from: peer)
    case .health(let health):
      note(health, of: peer)
    case .snapshot(let message):
      take(message, from: peer, now, &effects)
    case .refusal(let refusal):
      take(refusal, from: peer, &effects)
    case .hello(let hello):
      guard hello.node == peer else {
        counters.messagesDropped += 1
        return
      }
      _ = greet(hello, now, &effects)
    }
  }

  /// A `LogWrite` is durable, and so are all before it.
  public mutating func logPersisted(
    _ sequence: UInt64, _ now: Moment, _ effects: inout Effects
  ) {
    let done = writesInFlight.firstIndex { $0.sequence > sequence } ?? writesInFlight.count
    writesInFlight.removeFirst(done)
    consensus.logPersisted(sequence, &output)
    collect(now, &effects)
  }

  /// The entries of a `LogFetch`.
  public mutating func logFetched(
    _ fetched: LogFetched, _ now: Moment, _ effects: inout Effects
  ) {
    consensus.logFetched(fetched, &output)
    collect(now, &effects)
  }

  /// The store holds all rows up to the log index. The next `flush` may apply more.
  public mutating func stored(upTo index: UInt64) { runs.stored(upTo: index) }

  /// A flush of the store is finished and covers the log index: noted before it began.
  public mutating func flushed(upTo index: UInt64, _ effects: inout Effects) {
    flushed = max(flushed, min(index, runs.stored))
    reportCut(&effects)
  }

  /// Hands leadership to the most up-to-date follower, if this node leads.
  public mutating func transferLeadership(_ now: Moment, _ effects: inout Effects) {
    consensus.transferLeadership(&output)
    collect(now, &effects)
  }

  /// Hands leadership to `target`. `false`: this node does not lead, or the target cannot take it now.
  public mutating func transferLeadership(
    to target: NodeID, _ now: Moment, _ effects: inout Effects
  ) -> Bool {
    let isBegun = consensus.transferLeadership(to: target, &output)
    collect(now, &effects)
    return isBegun
  }

  /// Gives leadership up at once, if this node leads.
  public mutating func stepDown(_ now: Moment, _ effects: inout Effects) {
    consensus.stepDown(&output)
    collect(now, &effects)
  }

  // MARK: Consensus' output

  /// Moves what consensus wants done into the effects.
  mutating func collect(_ now: Moment, _ effects: inout Effects) {
    for write in output.writes {
      writesInFlight.append((write.sequence, now.monotonic))
      ledger.appended(write.entries)
      let changes =
        write.truncateAfter != nil || write.entries.contains { $0.kind == .configuration }
      if changes { judgeOwnConfiguration() }
      effects.writes.append(write)
    }
    for message in output.messages {
      effects.messages.append(
        Outgoing(to: message.to, message: PeerMessage(wall: now.wall, .raft(message))))
    }
    for read in output.readsReady { reads.confirm(read.ticket, index: read.index.value) }
    for read in output.readsFailed { reads.fail(read, now.monotonic, pause: 20_000) }
    effects.fetches.append(contentsOf: output.fetches)
    if !output.snapshotsNeeded.isEmpty { tellNeeds(now, &effects) }
    if output.suspectCleared { effects.suspectCleared = true }
    if let change = output.roleChange {
      effects.roleChange = change
      leadershipChanged()
    }
    output.removeAll()
  }

  private mutating func leadershipChanged() {
    guard consensus.role != .leader || consensus.term != handedTo?.term else { return }
    queue.removeAll()
    forwardStreams.removeAll()
    reports.removeAll()
    refusedRaises.removeAll()
    lastStamp = 0
  }
}

/// Lowercase hexadecimal digits, for reasons and errors.
func hexadecimal(_ bytes: [UInt8]) -> String {
  let digits: [Character] = Array("0123456789abcdef")
  return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
