// World+Network: messages between machines: lost, repeated, delayed, reordered, held up.
//
// Invariant: a message reaches the life it was sent to, or nobody.
// Not here: when the network is bad (World+Faults).

import Raft
import Replica
import Wire

extension World {
  func pair(_ from: Int, _ to: Int) -> Int { from * nodes.count + to }

  func isBlocked(_ a: SimNode, _ b: SimNode) -> Bool {
    blocked[pair(a.place, b.place)] > 0 || blocked[pair(b.place, a.place)] > 0
  }

  /// A message leaves a machine.
  func send(_ node: SimNode, _ to: NodeID, _ message: PeerMessage) {
    let place = Int(to.value) - 1
    guard place >= 0, place < nodes.count else { return }
    checker.see(message, from: node)
    if case .forward(let forward) = message.body, forward.number == 0 { mark(.forwardRepeated) }
    let peer = nodes[place]
    let way = pair(node.place, place)
    guard peer.life != nil, linked[way] else { return }
    if blocked[way] > 0 {
      tally.dropped += 1
      return
    }
    if hunt.isOn, hunts(message, node, peer) {
      tally.dropped += 1
      return
    }
    if netChance.chance(swarm.lossPercent + extraLoss) {
      tally.dropped += 1
      return
    }
    fly(node, peer, way, message)
    if netChance.chance(swarm.repeatPercent + extraRepeat) {
      tally.repeated += 1
      fly(node, peer, way, message)
    }
  }

  private func fly(_ node: SimNode, _ peer: SimNode, _ way: Int, _ message: PeerMessage) {
    var at = time + netChance.among(swarm.delay)
    if extraDelay > 0 { at += netChance.among(0..<extraDelay) }
    if clogged[way] > time { at = max(at, clogged[way] + netChance.among(swarm.delay)) }
    if swarm.inOrder && !scattered {
      at = max(at, lastArrival[way])
      lastArrival[way] = at
    }
    let flight = Flight(from: node.place, to: peer.place, life: peer.lives, message: message)
    let slot: Int
    if let free = freeFlights.popLast() {
      slot = free
      flights[slot] = flight
    } else {
      slot = flights.count
      flights.append(flight)
    }
    queue.add(at, .deliver, slot)
  }

  func deliver(_ slot: Int) {
    guard let flight = flights[slot] else { return }
    flights[slot] = nil
    freeFlights.append(slot)
    let node = nodes[flight.to]
    guard let life = node.life, node.lives == flight.life,
      blocked[pair(flight.from, flight.to)] == 0
    else { return }
    let from = nodes[flight.from]
    tally.delivered += 1
    let message = swarm.asBytes ? recoded(flight.message) : flight.message
    trace("\(from.id)>\(node.id) \(Self.short(message))")
    life.coordinator.receive(message, from: from.id, node.now(time), &life.effects)
    noteDelivery(message, from, node)
    wantTurn(node, life)
  }

  /// The message as the peer would read it from a socket.
  private func recoded(_ message: PeerMessage) -> PeerMessage {
    var writer = ByteWriter()
    PeerCodec.encode(message, into: &writer)
    var reader = ByteReader(writer.bytes)
    do {
      return try PeerCodec.decode(&reader)
    } catch {
      checker.fail("codec", "a message cannot be read back: \(error)")
      return message
    }
  }

  /// Two machines that both run and reach each other say hello.
  func connect(_ a: SimNode, _ b: SimNode) {
    guard let one = a.life, let two = b.life, !isBlocked(a, b), a.place != b.place else { return }
    linked[pair(a.place, b.place)] = true
    linked[pair(b.place, a.place)] = true
    let (mine, theirs) = (one.coordinator.hello, two.coordinator.hello)
    let first = one.coordinator.greet(theirs, a.now(time), &one.effects)
    let second = two.coordinator.greet(mine, b.now(time), &two.effects)
    if first != .accept || second != .accept {
      linked[pair(a.place, b.place)] = false
      linked[pair(b.place, a.place)] = false
      trace("\(a.id) and \(b.id) refuse each other: \(first) \(second)")
      checker.refused(a, first, b, second)
      // They dial again now and then, as long as both run.
      let way = pair(a.place, b.place)
      if retryAt[way] <= time {
        retryAt[way] = time + netChance.among(300_000..<1_500_000)
        queue.add(retryAt[way], .connect, a.place, b.place)
      }
    }
    wantTurn(a, one)
    wantTurn(b, two)
  }

  /// All connections of a machine are gone; those who can notice do so soon.
  func disconnect(_ node: SimNode) {
    for peer in nodes where peer.place != node.place {
      let wasLinked = linked[pair(peer.place, node.place)]
      linked[pair(peer.place, node.place)] = false
      linked[pair(node.place, peer.place)] = false
      guard wasLinked, peer.life != nil, !isBlocked(node, peer) else { continue }
      queue.add(time + netChance.among(50..<2_000), .lost, peer.place, node.place)
    }
  }

  func reconnect(_ node: SimNode) {
    for peer in nodes where peer.place != node.place {
      queue.add(time + netChance.among(100..<20_000), .connect, node.place, peer.place)
    }
  }

  func setBlocked(_ from: Int, _ to: Int, _ change: Int) {
    blocked[pair(from, to)] += change
    if change < 0, blocked[pair(from, to)] == 0 {
      queue.add(time + netChance.among(100..<20_000), .connect, from, to)
    }
  }

  /// A message in a word or two.
  static func short(_ message: PeerMessage) -> String {
    switch message.body {
    case .raft(let raft):
      let text =
        switch raft.body {
        case .preVoteRequest(let last): "prevote? \(last)"
        case .preVoteResponse(let granted): granted ? "prevote yes" : "prevote no"
        case .voteRequest(let last, let transfer): "vote? \(last)\(transfer ? " transfer" : "")"
        case .voteResponse(let granted): granted ? "vote yes" : "vote no"
        case .append(let append):
          "append \(append.previous) +\(append.entries.count) c\(append.commit)"
        case .appendResponse(.accepted(let match)): "ack \(match)"
        case .appendResponse(.conflict(let previous, let hint)): "conflict \(previous) hint \(hint)"
        case .heartbeat(let beat): "heartbeat r\(beat.round) c\(beat.commit.index)"
        case .heartbeatResponse(let beat): "alive r\(beat.round) last \(beat.last)"
        case .timeoutNow: "timeout now"
        default: "\(raft.body)".prefix(60).description
        }
      return "t\(raft.term) \(text)"
    case .forward(let forward): return "forward \(forward.requests.count)"
    case .hello: return "hello"
    case .report(let report): return "hash of \(report.index)"
    case .health(let health): return "health \(health.rawValue)"
    case .snapshot: return "snapshot"
    case .refusal: return "refusal"
    }
  }
}
