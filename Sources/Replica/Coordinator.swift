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
  /// Peers whose writes were dropped for want of room; what follows would overtake it.
  var brokenForwards: [NodeID] = []
  /// The stamp of the entry proposed last in this leadership.
  var lastStamp: Int64 = 0
  var proposedConfigurationIn = Term.zero
  var proposedGenesisIn = Term.zero

  // Apply.
  var runs: RunQueue
  var fault: ApplyFault?
  var flushed: UInt64
  var reportedCut = LogIndex.zero

  var reads: ReadTable

  // Peers.
  var hellos: [PeerHello] = []
  var connected: [NodeID] = []
  /// Why this node stays out of the cluster; `nil` if it does not.
  var outside: String?

  // Health.
  var writesInFlight: [(sequence: UInt64, since: Int64)] = []
  var handOverSince: Int64?
  var lastHandOver: Int64 = 0
  var draining = false
  var counters = Counters()
  var bugs: PlantedBugs = []

  struct Counters {
    var entriesApplied: UInt64 = 0
    var ticksProposed: UInt64 = 0
    var resends: UInt64 = 0
    var messagesDropped: UInt64 = 0
  }

  /// - Parameters:
  ///   - identity: this node's id and the incarnation of its data directory.
  ///   - voters: the ids of the first configuration, this node among them.
  ///   - genesis: the commands of the genesis entry; their headers are replaced by fixed ones.
  ///   - genesisHash: SHA-256 of the genesis, 32 bytes.
  ///   - restored: the log's contents after the marker that `AppliedMarker.load(rows)` gives.
  ///   - rows: the stored rows; read here once, and not kept.
  ///   - seed: random; differs between nodes and lives.
  /// - Throws: `ReplicaError` if the parts do not fit together, or what `rows` throws.
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
    let machine = try StateMachine(loading: rows)
    let marker = machine.marker
    try Self.check(marker, restored, genesisHash)
    self.machine = machine
    self.identity = identity
    self.voters = voters.sorted()
    self.genesisHash = genesisHash
    self.genesis = encodedGenesis
    self.settings = settings
    consensus = Consensus(
      id: identity.id, settings: settings.consensus,
      restored: Restored(
        hardState: restored.hardState, configuration: marker.configuration, base: marker.applied,
        entries: restored.entries), seed: seed)
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

  /// Refuses a store and a log that do not belong together.
  private static func check(
    _ marker: AppliedMarker, _ restored: RestoredReplica, _ genesisHash: [UInt8]
  ) throws(ReplicaError) {
    let base = marker.applied
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
    activateIfAlone(now, &effects)
    consensus.tick(&output)
    collect(now, &effects)
    watchLeadership(now, &effects)
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
    clock.sample(peer, wall: message.wall, now)
    switch message.body {
    case .raft(let body):
      guard body.from == peer else {
        counters.messagesDropped += 1
        return
      }
      consensus.step(body, &output)
      collect(now, &effects)
    case .forward(let forward):
      take(forward, from: peer)
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

  /// Refuses new writes from now on; those that wait are still answered.
  public mutating func drain() { draining = true }

  /// Hands leadership to the most up-to-date follower, if this node leads.
  public mutating func transferLeadership(_ now: Moment, _ effects: inout Effects) {
    consensus.transferLeadership(&output)
    collect(now, &effects)
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
      effects.writes.append(write)
    }
    for message in output.messages {
      effects.messages.append(
        Outgoing(to: message.to, message: PeerMessage(wall: now.wall, .raft(message))))
    }
    for read in output.readsReady { reads.confirm(read.ticket, index: read.index.value) }
    for read in output.readsFailed { reads.fail(read, now.monotonic, pause: 20_000) }
    effects.fetches.append(contentsOf: output.fetches)
    if let change = output.roleChange {
      effects.roleChange = change
      leadershipChanged()
    }
    output.removeAll()
  }

  private mutating func leadershipChanged() {
    guard consensus.role != .leader || consensus.term != handedTo?.term else { return }
    queue.removeAll()
    brokenForwards.removeAll()
    lastStamp = 0
  }

  /// A leader that cannot serve hands over: its clock is off, its disk hangs, or its `apply` halted.
  private mutating func watchLeadership(_ now: Moment, _ effects: inout Effects) {
    let hangs = diskHangs(now)
    guard consensus.role == .leader, clock.isOff || fault != nil || hangs else {
      handOverSince = nil
      return
    }
    let since = handOverSince ?? now.monotonic
    handOverSince = since
    if hangs || now.monotonic - since > 3_000_000 {
      handOverSince = nil
      consensus.stepDown(&output)
    } else if since == now.monotonic || now.monotonic - lastHandOver >= 1_000_000 {
      lastHandOver = now.monotonic
      consensus.transferLeadership(&output)
    }
    collect(now, &effects)
  }

  func diskHangs(_ now: Moment) -> Bool {
    guard let oldest = writesInFlight.first else { return false }
    return now.monotonic - oldest.since > settings.diskHangLimit
  }

  mutating func reportCut(_ effects: inout Effects) {
    let cut = min(consensus.cuttable, LogIndex(flushed))
    guard cut > reportedCut else { return }
    reportedCut = cut
    effects.cut = cut
  }
}

/// Lowercase hexadecimal digits, for reasons and errors.
func hexadecimal(_ bytes: [UInt8]) -> String {
  let digits: [Character] = Array("0123456789abcdef")
  return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
