// World: machines, network, clients and virtual time; turns events into calls of the real code.
//
// Invariants:
//   * nothing here depends on real time, addresses or the order of hashed collections: a seed gives
//     one history
//   * each machine runs the loop of Node: inputs, then one flush, then the Effects in their stated
//     order
// Not here: faults (World+Faults), the disk's work (World+Lives), what must hold (Checker), what
// clients do (Clients).

import Engine
import Raft
import Replica
import Storage
import Wire

/// A message on its way.
struct Flight {
  var from: Int
  var to: Int
  /// The receiver's life when it left.
  var life: Int
  var message: PeerMessage
}

/// One simulation.
package final class World {
  let seed: UInt64
  let options: SimOptions
  var swarm: Swarm
  var time: Int64 = 0
  var queue = EventQueue()
  var nodes: [SimNode] = []
  let checker = Checker()
  let mutant: StorageMutant
  var clients: [Client] = []
  var tickets: [UInt64: Ticket] = [:]
  var nextTicket: UInt64 = 0
  var operations: [Operation] = []
  var ask: MemberAsk?
  var tally = Tally()

  // Independent streams of chance, so that one more message does not change every fault.
  var chance: SimRandom
  var netChance: SimRandom
  var diskChance: SimRandom
  var clientChance: SimRandom

  // The network.
  var flights: [Flight?] = []
  var freeFlights: [Int] = []
  /// How many faults block a direction.
  var blocked: [Int]
  var linked: [Bool]
  var clogged: [Int64]
  var lastArrival: [Int64]
  /// When two machines that refused each other try again.
  var retryAt: [Int64]
  var extraLoss = 0
  var extraRepeat = 0
  var extraDelay: Int64 = 0
  var scattered = false
  /// Clients that cannot reach a node.
  var unreachable: [Int]
  /// Where readers go until when: a leader that may have been replaced.
  var lure: (place: Int, until: Int64) = (0, 0)

  // Faults.
  var endings: [Int: () -> Void] = [:]
  var nextEnding = 0
  var hunt = Hunt()
  /// When the last trial is judged.
  var trialEnds: Int64 = 0
  var phase = Phase.active
  var digest: UInt64 = 0xCBF2_9CE4_8422_2325
  var events: UInt64 = 0

  enum Phase { case active, healing }
  /// When it began to heal.
  var healedAt: Int64 = 0
  /// When an operator took a state for wrong last.
  var judgedAt: Int64 = 0

  package init(seed: UInt64, options: SimOptions) {
    self.seed = seed
    self.options = options
    mutant = options.storageBug.map { StorageMutant($0) } ?? .none
    var random = SimRandom(seed)
    swarm = Swarm.draw(&random)
    chance = random.fork()
    netChance = random.fork()
    diskChance = random.fork()
    clientChance = random.fork()
    options.adjust(&swarm)
    let places = swarm.nodes + swarm.spares
    let pairs = places * places
    blocked = Array(repeating: 0, count: pairs)
    linked = Array(repeating: false, count: pairs)
    clogged = Array(repeating: 0, count: pairs)
    lastArrival = Array(repeating: 0, count: pairs)
    retryAt = Array(repeating: 0, count: pairs)
    unreachable = Array(repeating: 0, count: places)
    let founders = (1...UInt64(swarm.nodes)).map { NodeID($0) }
    for place in 0..<places {
      let node = SimNode(place: place)
      node.incarnation += seed % 1000
      node.wallOffset = place < swarm.nodes ? swarm.wallOffsets[place] : 0
      node.standing = place < swarm.nodes ? .running : .spare
      node.peers = founders
      if let old = swarm.oldPrograms[place] {
        (node.newestLevel, node.firstNewestLevel) = (old, old)
      }
      nodes.append(node)
    }
    checker.world = self
  }

  // MARK: Time

  /// Handles the next event. `false` if there is none.
  func step() -> Bool {
    guard let event = queue.pop() else { return false }
    precondition(event.at >= time, "virtual time goes back")
    time = event.at
    events += 1
    mix(
      UInt64(bitPattern: time) ^ UInt64(event.kind.rawValue) << 56
        ^ UInt64(UInt32(bitPattern: event.a)))
    switch event.kind {
    case .tick, .turn, .deliver, .diskDone, .stored, .lost, .connect, .made, .renew:
      machineEvent(event)
    case .client: wake(clients[Int(event.a)])
    case .fault: nextFault()
    case .end: endings.removeValue(forKey: Int(event.a))?()
    case .start: if nodes[Int(event.a)].restartAt <= time { start(nodes[Int(event.a)]) }
    case .sample: tendHealing()
    }
    return true
  }

  private func machineEvent(_ event: Event) {
    let node = nodes[Int(event.kind == .deliver ? Int32(flights[Int(event.a)]?.to ?? 0) : event.a)]
    if node.pausedUntil > time, node.life != nil {
      // What waited in the sockets is found in any order, but for each connection's own.
      let from = event.kind == .deliver ? flights[Int(event.a)]?.from ?? 0 : 0
      let lag = event.kind == .deliver ? node.wakeLag[from] : 0
      queue.add(node.pausedUntil + lag, event.kind, Int(event.a), Int(event.b))
      return
    }
    switch event.kind {
    case .tick: tick(node, Int(event.b))
    case .turn: if let life = node.life, node.lives == event.b { turn(node, life) }
    case .deliver: deliver(Int(event.a))
    case .diskDone: if let life = node.life, node.lives == event.b { finishWrite(node, life) }
    case .made: if let life = node.life, node.lives == event.b { finishSnapshot(node, life) }
    case .renew: if node.life != nil, node.lives == event.b { renew(node) }
    case .stored: if let life = node.life, node.lives == event.b { finishStoring(node, life) }
    case .lost:
      guard let life = node.life else { return }
      life.coordinator.peerLost(NodeID(UInt64(event.b + 1)), node.now(time), &life.effects)
      wantTurn(node, life)
    default: connect(node, nodes[Int(event.b)])
    }
  }

  /// Runs until `condition`, or until `limit` of virtual time has passed; whether it came about.
  func run(upTo limit: Int64, until condition: () -> Bool) -> Bool {
    let end = time + limit
    while queue.nextTime <= end {
      if condition() { return true }
      if checker.isBroken { return false }
      guard step() else { break }
    }
    time = max(time, end)
    return condition()
  }

  @inline(__always) func mix(_ value: UInt64) { digest = (digest ^ value) &* 0x0000_0100_0000_01B3 }

  /// A line of the trace, if one is wanted.
  func trace(_ text: @autoclosure () -> String) {
    guard let sink = options.trace else { return }
    sink(line(text()))
  }

  func line(_ text: String) -> String {
    var seconds = String(time / 1_000)
    while seconds.count < 8 { seconds = " " + seconds }
    let columns = nodes.map { node -> String in
      guard let life = node.life else { return node.refusal == nil ? "----" : "XXXX" }
      let role =
        switch life.coordinator.role {
        case .leader: "L"
        case .candidate: "C"
        case .preCandidate: "c"
        case .follower: "."
        }
      let paused = node.pausedUntil > time ? "z" : ""
      return "\(role)\(paused)\(life.coordinator.term)/\(life.coordinator.commitIndex)"
    }
    return "\(seconds)ms [\(columns.joined(separator: " "))] \(text)"
  }

  // MARK: A machine's loop

  private func tick(_ node: SimNode, _ lives: Int) {
    guard let life = node.life, node.lives == lives else { return }
    let interval = swarm.tick - swarm.tick / 1_000 * node.drift / 1_000
    queue.add(time + interval, .tick, node.place, lives)
    life.coordinator.tick(node.now(time), &life.effects)
    if events & 15 == 0 { checker.bounds(node, life) }
    carryOut(node, life)
  }

  /// Asks for a turn soon, as a loop that found something in its inbox.
  func wantTurn(_ node: SimNode, _ life: Life) {
    guard life.turnAt == .max else { return }
    life.turnAt = time + 20
    queue.add(life.turnAt, .turn, node.place, node.lives)
  }

  private func turn(_ node: SimNode, _ life: Life) {
    life.turnAt = .max
    life.coordinator.flush(node.now(time), &life.effects)
    carryOut(node, life)
  }

  /// Does what the coordinator wants done, in the order that Effects state.
  func carryOut(_ node: SimNode, _ life: Life) {
    checker.observe(node, life)
    if life.coordinator.needsFlush { wantTurn(node, life) }
    guard !life.effects.isEmpty else { return }
    // Taken out at once: reading it part by part would copy, and check for overlaps, each time.
    var effects = Effects()
    swap(&effects, &life.effects)
    if !effects.writes.isEmpty {
      checker.see(writes: effects.writes, node, life)
      life.queued.append(contentsOf: effects.writes)
      beginWrite(node, life)
    }
    for outgoing in effects.messages { send(node, outgoing.to, outgoing.message) }
    for run in effects.runs {
      checker.see(run, node, life)
      life.published = run.lastIndex
      life.storing.append(run)
    }
    beginStoring(node, life)
    for answer in effects.answers { take(answer, node) }
    for read in effects.readsReady { take(read: read.ticket, read.index.value, node, life) }
    for ticket in effects.readsFailed { take(failedRead: ticket) }
    for answer in effects.memberAnswers { take(answer, node) }
    if let reason = effects.rebuild { fenced(node, reason) }
    for fetch in effects.fetches { serve(fetch, node, life) }
    if !effects.snapshots.isEmpty { carryOut(effects.snapshots, node, life) }
    if effects.suspectCleared { clearSuspect(node, life) }
    if let cut = effects.cut { self.cut(upTo: cut, node, life) }
    guard life.effects.isEmpty else { return }
    effects.removeAll()
    swap(&effects, &life.effects)
  }
}
