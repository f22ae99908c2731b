// ClusterWorld: three real Coordinators in one process under virtual time: model disks and stores with latency, a
// network that delays, reorders, repeats and loses, crashes that lose what was not durable. Seeded.
//
// Invariant: nothing here depends on real time or on hash order; a seed gives one history.
// Not here: what must hold (WorldChecker), and what clients ask (WorldClients).

import Engine
import Raft
import Storage
import TestSupport
import Wire

@testable import Replica

struct WorldSettings {
  var dropPercent: Int64 = 0
  var repeatPercent: Int64 = 0
  /// One-way delay of a message. Microseconds.
  var delay: Range<Int64> = 200..<2_000
  var diskDelay: Range<Int64> = 300..<3_000
  var storeDelay: Range<Int64> = 500..<5_000
  /// The store is flushed, and the log may be cut, after this many runs.
  var runsPerFlush = 40
  var wallOffsets: [Int64] = [0, 120_000, -90_000]
  /// The real LogStore on a FaultDisk, instead of a model.
  var realLog = false
  var bugs: PlantedBugs = []
  /// Where the genesis puts the level.
  var genesisLevel: UInt32 = 1
  /// Voters compare their states this often; small, so that short histories do it too.
  var hashInterval: UInt64 = 32
  var nodes = 3
  var runsOutstandingMax = 1024
  /// Ticks for which a silent member keeps the logs.
  var floorTicks = 60_000
  var trailingBytes: UInt64 = 0
  var snapshotBytesPerSecond: Int64 = 100 << 20
  /// Snapshots that cannot be trusted: some pieces are read wrong.
  var rottenReads = false
  /// Nodes may refuse each other without that being a violation.
  var refusals = false
  /// Without them nobody gets another's state.
  var snapshots = true
  var windowBytes = 64 << 20
  /// How long a node takes to put a finished snapshot in its store's place.
  var swapDelay: Int64 = 0
}

/// One life of a node's process.
final class Life {
  var coordinator: Coordinator
  var effects = Effects()
  var store: MemoryStore
  var disk: [LogWrite] = []
  var diskDone: Int64 = 0
  var storing: [(run: Run, done: Int64)] = []
  var runsSinceFlush = 0
  let monotonicZero: Int64

  init(_ coordinator: consuming Coordinator, store: MemoryStore, monotonicZero: Int64) {
    self.coordinator = coordinator
    self.store = store
    self.monotonicZero = monotonicZero
  }
}

struct Flight {
  var at: Int64
  var order: UInt64
  var from: NodeID
  var to: NodeID
  var bytes: [UInt8]
}

final class ClusterWorld {
  static let wallStart: Int64 = 1_800_000_000_000_000
  static let genesisHash = (0..<32).map { UInt8($0) }
  static let genesis: [Request] = {
    let filters = SymbolFilters(
      minPrice: 1, maxPrice: 1 << 40, tickSize: 1, minQuantity: 1, maxQuantity: 1 << 40,
      stepSize: 1, maxOpenOrders: 0)
    let commands: [Command] = [
      .genesis(GenesisMark(clusterID: "world", hash: genesisHash)),
      .addAsset(AddAsset(name: "BTC", scale: 2)), .addAsset(AddAsset(name: "USDT", scale: 2)),
      .addSymbol(
        AddSymbol(
          name: "BTCUSDT", base: "BTC", quote: "USDT", filters: filters, makerRate: 100_000,
          takerRate: 100_000)),
    ]
    let header = CommandHeader(
      requestID: RequestID(0, 0, 0, 0), key: .admin, timestamp: 0, deadline: 0)
    return commands.map { Request(header: header, command: $0) }
  }()

  var settings: WorldSettings
  var random: SeededRandom
  var time: Int64 = 0
  var nodes: [WorldNode] = []
  var flights: [Flight] = []
  var sent: UInt64 = 0
  /// Pairs that cannot talk.
  var blocked: Set<[UInt64]> = []
  var checker = WorldChecker()
  /// Why nodes asked for another state.
  var rebuilds: [(node: NodeID, reason: String)] = []
  /// How often the branch of each planted bug ran, in all lives.
  var plantedRuns: UInt64 = 0
  var memberAnswers: [MemberAnswer] = []
  var refusalReasons: [String] = []
  var snapshotsMade = 0
  var installsFailed = 0
  var piecesBegun = 0
  var installs: [NodeID] = []
  var reinstalls: [(WorldNode, MemoryStore, EntryID, at: Int64)] = []
  private var accepted: Set<[UInt64]> = []
  var onCrash: (WorldNode) -> Void = { _ in }
  var onAnswer: (WorldNode, Answer) -> Void = { _, _ in }
  var onRead: (WorldNode, UInt64, LogIndex?) -> Void = { _, _, _ in }

  init(seed: UInt64, _ settings: WorldSettings = WorldSettings()) {
    self.settings = settings
    random = SeededRandom(seed)
    for id in 1...UInt64(settings.nodes) {
      nodes.append(
        WorldNode(
          id: NodeID(id), incarnation: id * 1000 + seed % 1000, realLog: settings.realLog))
    }
  }

  private var genesis: [Request] {
    var genesis = Self.genesis
    guard settings.genesisLevel > 1 else { return genesis }
    let level = Command.setLevel(SetLevel(level: settings.genesisLevel))
    genesis.append(Request(header: genesis[0].header, command: level))
    return genesis
  }

  func startAll() {
    for node in nodes { start(node) }
  }

  func now(_ node: WorldNode) -> Moment {
    Moment(
      monotonic: time - (node.life?.monotonicZero ?? 0),
      wall: Self.wallStart + time
        + settings.wallOffsets[(Int(node.id.value) - 1) % settings.wallOffsets.count])
  }

  // MARK: Lives

  func start(_ node: WorldNode) {
    precondition(node.life == nil, "a node lives once at a time")
    node.lives += 1
    let store = node.storeDamage == nil ? node.flushedStore.copy() : MemoryStore()
    do {
      try node.open()
      let applied =
        node.storeDamage == nil
        ? try AppliedMarker.load(store)?.applied ?? .zero : node.base
      let entries = node.log.filter { $0.index > applied.index }
      var replica = ReplicaSettings(
        consensus: Settings(
          entriesPerAppendMax: 64, inflightAppendsMax: 64, windowBytesMax: settings.windowBytes,
          floorTicks: settings.floorTicks))
      replica.trailingBytes = settings.trailingBytes
      replica.snapshotBytesPerSecond = settings.snapshotBytesPerSecond
      replica.entriesPerRunMax = 8
      replica.runsOutstandingMax = settings.runsOutstandingMax
      replica.hashInterval = settings.hashInterval
      replica.newestLevel = node.newestLevel
      var coordinator = try Coordinator(
        identity: Member(id: node.id, incarnation: node.incarnation),
        voters: nodes.map(\.id), genesis: genesis, genesisHash: Self.genesisHash,
        settings: replica,
        restored: RestoredReplica(
          hardState: node.hardState, last: node.last, entries: entries, logBase: node.base,
          storeDamage: node.storeDamage),
        rows: store, seed: random.next())
      coordinator.plant(settings.bugs)
      if let snapshot = node.snapshot {
        coordinator.snapshotMade(snapshot.id, manifest: snapshot.manifest)
      }
      node.life = Life(coordinator, store: store, monotonicZero: time - random.below(1_000_000))
    } catch {
      checker.note("node \(node.id) cannot start: \(error)")
      return
    }
    for peer in nodes where peer.id != node.id && peer.life != nil && !isBlocked(node, peer) {
      connect(node, peer)
    }
  }

  func connect(_ a: WorldNode, _ b: WorldNode) {
    guard let one = a.life, let two = b.life else { return }
    let (mine, theirs) = (one.coordinator.hello, two.coordinator.hello)
    let first = one.coordinator.greet(theirs, now(a), &one.effects)
    let second = two.coordinator.greet(mine, now(b), &two.effects)
    for (greeting, node, peer) in [(first, a, b), (second, b, a)] {
      if case .refuse(let reason) = greeting {
        refusalReasons.append(reason)
        if !settings.refusals { checker.note("node \(node.id) refuses node \(peer.id)") }
      }
    }
    if first == .accept, second == .accept { accepted.insert(pair(a, b)) }
  }

  private func pair(_ a: WorldNode, _ b: WorldNode) -> [UInt64] {
    [min(a.id.value, b.id.value), max(a.id.value, b.id.value)]
  }

  /// Those who were refused try again.
  private func reconnect() {
    for a in nodes where a.life != nil {
      for b in nodes
      where b.id > a.id && b.life != nil && !isBlocked(a, b) && !accepted.contains(pair(a, b)) {
        connect(a, b)
      }
    }
  }

  /// A machine with an empty disk.
  func addNode(_ id: UInt64, incarnation: UInt64) -> WorldNode {
    let node = WorldNode(id: NodeID(id), incarnation: incarnation, realLog: settings.realLog)
    nodes.append(node)
    start(node)
    return node
  }

  /// The process dies. Writes on their way reach the disk in order up to a random one; the store falls back to its last
  /// flush.
  func crash(_ node: WorldNode, keepsStore: Bool = false) {
    guard let life = node.life else { return }
    onCrash(node)
    accepted = accepted.filter { !$0.contains(node.id.value) }
    noteRuns(life)
    node.crash(life.disk, &random)
    if !keepsStore, node.storeDamage == nil, random.chance(30) {
      node.flushedStore = life.store.copy()
    }
    node.life = nil
    flights.removeAll { $0.from == node.id || $0.to == node.id }
    for peer in nodes where peer.id != node.id && !isBlocked(node, peer) {
      guard let other = peer.life else { continue }
      other.coordinator.peerLost(node.id, now(peer), &other.effects)
    }
  }

  private func noteRuns(_ life: Life) {
    for (_, bug) in PlantedBugs.all { plantedRuns += life.coordinator.plantedRuns(bug) }
  }

  /// How often the branches of the planted bugs ran until now.
  var allPlantedRuns: UInt64 {
    nodes.reduce(plantedRuns) { sum, node in
      guard let life = node.life else { return sum }
      return PlantedBugs.all.reduce(sum) { $0 + life.coordinator.plantedRuns($1.bug) }
    }
  }

  func isBlocked(_ a: WorldNode, _ b: WorldNode) -> Bool {
    blocked.contains([min(a.id.value, b.id.value), max(a.id.value, b.id.value)])
  }

  func setBlocked(_ a: WorldNode, _ b: WorldNode, _ value: Bool) {
    let pair = [min(a.id.value, b.id.value), max(a.id.value, b.id.value)]
    if value {
      blocked.insert(pair)
    } else if blocked.remove(pair) != nil {
      connect(a, b)
    }
  }

  /// What is under way to the node arrives at `moment` at the earliest.
  func delay(messagesTo node: WorldNode, until moment: Int64) {
    for i in flights.indices where flights[i].to == node.id {
      flights[i].at = max(flights[i].at, moment)
    }
  }

  var leader: WorldNode? {
    nodes.filter { $0.life?.coordinator.role == .leader }
      .max { ($0.life?.coordinator.term ?? 0) < ($1.life?.coordinator.term ?? 0) }
  }

  // MARK: Time

  /// Lets `duration` microseconds pass, in steps of half a millisecond.
  func run(_ duration: Int64) {
    let end = time + duration
    while time < end {
      time += 500
      deliver()
      for node in nodes { turn(node) }
      startReinstalled()
      if time % 50_000 == 0 { reconnect() }
    }
  }

  /// Runs until `condition`; `false` if that took longer than `limit`.
  func run(upTo limit: Int64, until condition: () -> Bool) -> Bool {
    let end = time + limit
    while time < end {
      if condition() { return true }
      run(1_000)
    }
    return condition()
  }

  private func deliver() {
    var due: [Flight] = []
    flights.removeAll { flight in
      guard flight.at <= time else { return false }
      due.append(flight)
      return true
    }
    due.sort { ($0.at, $0.order) < ($1.at, $1.order) }
    for flight in due {
      guard let node = nodes.first(where: { $0.id == flight.to }), let life = node.life else {
        continue
      }
      do {
        var reader = ByteReader(flight.bytes)
        let message = try PeerCodec.decode(&reader)
        life.coordinator.receive(message, from: flight.from, now(node), &life.effects)
      } catch {
        checker.note("a message cannot be decoded: \(error)")
      }
    }
  }

  private func turn(_ node: WorldNode) {
    guard let life = node.life else { return }
    while let write = life.disk.first, life.diskDone <= time {
      life.disk.removeFirst()
      node.make(durable: write)
      for message in write.afterDurable {
        send(node, message.to, PeerMessage(wall: now(node).wall, .raft(message)))
      }
      life.coordinator.logPersisted(write.sequence, now(node), &life.effects)
      let range = settings.diskDelay
      life.diskDone = time + range.lowerBound + random.below(Int64(range.count))
    }
    finishStoring(node, life)
    if time % 10_000 == 0 {
      life.coordinator.tick(now(node), &life.effects)
    } else {
      life.coordinator.flush(now(node), &life.effects)
    }
    carryOut(node, life)
  }

  private func finishStoring(_ node: WorldNode, _ life: Life) {
    while !node.storeHangs, let next = life.storing.first, next.done <= time {
      life.storing.removeFirst()
      life.store.write(next.run.rows)
      life.coordinator.stored(upTo: next.run.lastIndex)
      life.runsSinceFlush += 1
      if life.runsSinceFlush >= settings.runsPerFlush {
        life.runsSinceFlush = 0
        node.flushedStore = life.store.copy()
        life.coordinator.flushed(upTo: next.run.lastIndex, &life.effects)
      }
    }
  }

  private func carryOut(_ node: WorldNode, _ life: Life) {
    guard !life.effects.isEmpty else { return }
    if !life.effects.writes.isEmpty, life.disk.isEmpty {
      let range = settings.diskDelay
      life.diskDone = time + range.lowerBound + random.below(Int64(range.count))
    }
    life.disk.append(contentsOf: life.effects.writes)
    for outgoing in life.effects.messages { send(node, outgoing.to, outgoing.message) }
    for run in life.effects.runs {
      checker.see(run, node)
      let range = settings.storeDelay
      life.storing.append((run, time + range.lowerBound + random.below(Int64(range.count))))
    }
    for answer in life.effects.answers { onAnswer(node, answer) }
    for read in life.effects.readsReady { onRead(node, read.ticket, read.index) }
    for ticket in life.effects.readsFailed { onRead(node, ticket, nil) }
    if let reason = life.effects.rebuild { rebuilds.append((node.id, reason)) }
    memberAnswers.append(contentsOf: life.effects.memberAnswers)
    let fetches = life.effects.fetches
    let cut = life.effects.cut
    let snapshots = life.effects.snapshots
    life.effects.removeAll()
    carryOut(snapshots, node, life)
    for fetch in fetches { answer(fetch, node, life) }
    if let cut {
      node.cut(upTo: cut)
      life.coordinator.logCut(to: node.base)
    }
  }

  private func answer(_ fetch: LogFetch, _ node: WorldNode, _ life: Life) {
    if fetch.after < node.base.index {
      let gone = LogFetched(
        follower: fetch.follower, after: EntryID(term: .zero, index: fetch.after), entries: [],
        cutTo: node.base)
      return life.coordinator.logFetched(gone, now(node), &life.effects)
    }
    guard fetch.after <= node.last.index else {
      checker.note("node \(node.id) wants to read the log after \(fetch.after), which is cut")
      return
    }
    let after =
      fetch.after == node.base.index
      ? node.base : node.log[fetch.after - node.base.index - 1].id
    let entries = Array(node.log[(fetch.after - node.base.index)...].prefix(64))
    life.coordinator.logFetched(
      LogFetched(follower: fetch.follower, after: after, entries: entries), now(node),
      &life.effects)
  }

  private func send(_ node: WorldNode, _ to: NodeID, _ message: PeerMessage) {
    guard let peer = nodes.first(where: { $0.id == to }), !isBlocked(node, peer) else { return }
    if random.chance(settings.dropPercent) { return }
    var writer = ByteWriter()
    PeerCodec.encode(message, into: &writer)
    let copies = random.chance(settings.repeatPercent) ? 2 : 1
    for _ in 0..<copies {
      sent += 1
      let at = time + settings.delay.lowerBound + random.below(Int64(settings.delay.count))
      flights.append(Flight(at: at, order: sent, from: node.id, to: to, bytes: writer.bytes))
    }
  }
}
