// World+Faults: what goes wrong, when, and how it ends.
//
// Invariants:
//   * every fault that lasts has an ending, and healing runs all endings
//   * the atlas: storage is damaged on a minority of the voters only, counting those that are not
//     whole again, so that a copy of everything committed survives and every run can be healed
// Not here: faults that watch for their moment (Hunt).

import Raft

extension World {
  /// Calls `body` after a while, at the latest when the world heals.
  func later(_ pause: Int64, _ body: @escaping () -> Void) {
    nextEnding += 1
    endings[nextEnding] = body
    queue.add(time + pause, .end, nextEnding)
  }

  func beginFaults() { queue.add(time + 2_000_000, .fault) }

  /// One fault of the seed's mix strikes.
  func nextFault() {
    guard phase == .active else { return }
    retireGone()
    judgeStates(disputed: true)
    if chance.chance(swarm.trialPercent) {
      if let pause = beginTrial() { return queue.add(time + pause, .fault) }
      // Once the weather is good.
      return queue.add(time + 2_000_000, .fault)
    }
    let kind = nextKind()
    if strike(kind) {
      trace("fault: \(kind.rawValue)")
      tally.faults[kind.place] += 1
    }
    // Later there is more and more room for the work that a seed must show; none for its kinds of fault.
    let isIdle = tally.acknowledged < Simulation.acknowledgedMin + 20
    let calm: Int64 = time > swarm.active && isIdle ? 6 * (time / swarm.active) : 1
    queue.add(time + calm * chance.among(swarm.faultPause), .fault)
  }

  /// Of the seed's mix; of those that have not struck yet where a seed would show too few kinds.
  private func nextKind() -> FaultKind {
    var kinds = swarm.faults
    if time > swarm.active, tally.kinds < Simulation.kindsMin {
      kinds.removeAll { tally.faults[$0.place] > 0 }
    }
    return chance.pick(kinds.isEmpty ? swarm.faults : kinds)
  }

  /// Everything that lasts ends; all machines run.
  func heal() {
    phase = .healing
    healedAt = time
    hunt = Hunt()
    for key in endings.keys.sorted() { endings.removeValue(forKey: key)?() }
    swarm.lossPercent = 0
    swarm.repeatPercent = 0
    renewPrograms()
    for node in nodes {
      node.diskHangsUntil = min(node.diskHangsUntil, time)
      node.disk.isFull = false
      if node.life == nil, node.standing == .running { restart(node, after: 1_000) }
    }
    ask = nil
    queue.add(time + 500_000, .sample)
    trace("healing")
  }

  // MARK: Who

  var leader: SimNode? {
    var best: SimNode?
    for node in nodes where node.life?.coordinator.role == .leader {
      if (node.life?.coordinator.term ?? 0) > (best?.life?.coordinator.term ?? 0) { best = node }
    }
    return best
  }

  private var alive: [SimNode] { nodes.filter { $0.life != nil } }

  private func someone() -> SimNode? {
    let alive = alive
    return alive.isEmpty ? nil : chance.pick(alive)
  }

  // MARK: Faults

  private func strike(_ kind: FaultKind) -> Bool {
    switch kind {
    case .crashPower, .crashProcess, .crashLeader, .crashAll, .crashAfterOne, .shortReigns,
      .pause, .pauseLeader, .transfer, .stepDown, .longAbsence, .churn, .snapshot, .wrongState:
      return strikeProcess(kind)
    case .partition, .oneWay, .bridge, .isolateLeader, .isolateClients, .clog, .loss,
      .duplication, .reordering:
      return strikeNetwork(kind)
    case .clockJump, .clockDrift:
      guard let node = someone() else { return false }
      return strikeClock(kind, node)
    default:
      guard let node = someone() else { return false }
      return strikeDisk(kind, node)
    }
  }

  private func crash(_ node: SimNode?, _ death: Death) -> Bool {
    guard let node, node.life != nil else { return false }
    kill(node, death, why: "fault")
    restart(node, after: chance.among(chance.pick([1_000..<100_000, 100_000..<3_000_000])))
    return true
  }

  private func strikeProcess(_ kind: FaultKind) -> Bool {
    switch kind {
    case .crashPower: return crash(someone(), .power)
    case .crashProcess: return crash(someone(), .process)
    case .crashLeader: return crash(leader, chance.chance(50) ? .power : .process)
    case .longAbsence:
      // The others cut their logs meanwhile.
      guard let node = someone() else { return false }
      kill(node, chance.chance(50) ? .power : .process, why: "it is away")
      restart(node, after: chance.among(4_000_000..<25_000_000))
      return true
    case .churn: return churn()
    case .snapshot:
      guard let node = someone(), let life = node.life, node.pausedUntil <= time else {
        return false
      }
      life.coordinator.makeSnapshot(node.now(time), &life.effects)
      wantTurn(node, life)
      return true
    case .wrongState:
      guard let node = chance.chance(40) ? leader : someone(), let life = node.life, !node.isWrong,
        life.coordinator.ready, mayDamage(node)
      else { return false }
      node.isWrong = true
      node.wrongAfter = life.coordinator.appliedIndex
      let lasting = node.wrongAfter % 4 != 3
      (node.isWrongForGood, node.wrongSince) = (lasting, time)
      life.coordinator.corruptState(lasting: lasting)
      let length = lasting ? "for good" : "for a while"
      trace("\(node.id) has a wrong state after \(node.wrongAfter), \(length)")
      return true
    case .crashAll:
      let death: Death = chance.chance(70) ? .power : .process
      for node in alive { _ = crash(node, death) }
      return true
    case .crashAfterOne:
      guard let leader, nodes.count > 2 else { return false }
      let others = nodes.filter { $0.place != leader.place }
      hunt.mode = .afterOne(favored: chance.pick(others).place)
      hunt.until = time + 1_500_000
      return true
    case .shortReigns:
      hunt.mode = .shortReigns
      hunt.until = time + chance.among(2_000_000..<8_000_000)
      return true
    case .pause, .pauseLeader:
      guard let node = kind == .pause ? someone() : leader else { return false }
      pause(node, for: chance.among(chance.pick([20_000..<400_000, 400_000..<4_000_000])))
      return true
    case .transfer:
      guard let node = leader, let life = node.life, node.pausedUntil <= time else { return false }
      life.coordinator.transferLeadership(node.now(time), &life.effects)
      wantTurn(node, life)
      return true
    default:
      guard let node = leader, let life = node.life, node.pausedUntil <= time else { return false }
      life.coordinator.stepDown(node.now(time), &life.effects)
      wantTurn(node, life)
      return true
    }
  }

  private func pause(_ node: SimNode, for length: Int64) {
    guard node.pausedUntil <= time else { return }
    node.pausedUntil = time + length
    for place in node.wakeLag.indices { node.wakeLag[place] = chance.pick([0, 0, 500, 5_000]) }
  }

  private var faultLength: Int64 {
    chance.among(chance.pick([100_000..<800_000, 500_000..<5_000_000]))
  }

  private func block(_ ways: [(Int, Int)], for length: Int64) {
    for way in ways {
      setBlocked(way.0, way.1, 1)
      // Some connections notice.
      if chance.chance(30) { breakLink(way.0, way.1) }
    }
    later(length) { [unowned self] in
      for way in ways { setBlocked(way.0, way.1, -1) }
    }
  }

  /// Both ends see their connection closed.
  private func breakLink(_ a: Int, _ b: Int) {
    guard linked[pair(a, b)] else { return }
    linked[pair(a, b)] = false
    linked[pair(b, a)] = false
    queue.add(time + chance.among(50..<500_000), .lost, a, b)
    queue.add(time + chance.among(50..<500_000), .lost, b, a)
  }

  func isolate(_ node: SimNode, both: Bool, for length: Int64) {
    var ways: [(Int, Int)] = []
    let deaf = chance.chance(50)
    for peer in nodes where peer.place != node.place {
      if both || deaf { ways.append((peer.place, node.place)) }
      if both || !deaf { ways.append((node.place, peer.place)) }
    }
    block(ways, for: length)
  }

  /// The leader is cut off and does not notice; its peers do, at once, and elect another. Meanwhile
  /// clients ask it.
  private func depose(_ leader: SimNode, for length: Int64) -> Bool {
    isolate(leader, both: true, for: length)
    for peer in nodes where peer.place != leader.place {
      queue.add(time + chance.among(50..<5_000), .lost, peer.place, leader.place)
    }
    lure = (leader.place, time + length)
    return true
  }

  private func strikeNetwork(_ kind: FaultKind) -> Bool {
    let length = faultLength
    switch kind {
    case .partition, .bridge:
      let side = nodes.map { _ in chance.chance(50) }
      let middle = kind == .bridge ? chance.below(nodes.count) : -1
      var ways: [(Int, Int)] = []
      for a in 0..<nodes.count {
        for b in 0..<nodes.count where a != b && a != middle && b != middle && side[a] != side[b] {
          ways.append((a, b))
        }
      }
      guard !ways.isEmpty else { return false }
      block(ways, for: length)
    case .oneWay: isolate(chance.pick(nodes), both: false, for: length)
    case .isolateLeader:
      guard let leader else { return false }
      if chance.chance(40) { return depose(leader, for: length) }
      isolate(leader, both: chance.chance(60), for: length)
      if chance.chance(30) {
        unreachable[leader.place] += 1
        later(length) { [unowned self] in unreachable[leader.place] -= 1 }
      }
    case .isolateClients:
      let place = chance.below(nodes.count)
      unreachable[place] += 1
      later(length) { [unowned self] in unreachable[place] -= 1 }
    case .clog:
      let from = chance.below(nodes.count)
      for to in 0..<nodes.count where chance.chance(70) { clogged[pair(from, to)] = time + length }
    case .loss:
      let percent = chance.pick([5, 20, 50])
      extraLoss += percent
      later(length) { [unowned self] in extraLoss -= percent }
    case .duplication:
      extraRepeat += 20
      later(length) { [unowned self] in extraRepeat -= 20 }
    default:
      let spread = chance.pick([5_000, 50_000, 200_000]) as Int64
      extraDelay += spread
      scattered = true
      later(length) { [unowned self] in
        extraDelay -= spread
        scattered = extraDelay > 0
      }
    }
    return true
  }

  private func strikeClock(_ kind: FaultKind, _ node: SimNode) -> Bool {
    if kind == .clockJump {
      let jump = chance.pick([10_000, 300_000, 2_000_000, 3_600_000_000] as [Int64])
      let signed = chance.chance(50) ? jump : -jump
      node.wallOffset += signed
      later(chance.among(1_000_000..<8_000_000)) { node.wallOffset -= signed }
    } else {
      node.setDrift(chance.among(-100_000..<100_000), time)
      later(chance.among(1_000_000..<20_000_000)) { [unowned self] in node.setDrift(0, time) }
    }
    return true
  }

  private func strikeDisk(_ kind: FaultKind, _ node: SimNode) -> Bool {
    switch kind {
    case .slowDisk:
      let factor = chance.pick([10, 50, 200] as [Int64])
      guard node.diskSlowness == 1 else { return false }
      node.diskSlowness = factor
      later(faultLength) { node.diskSlowness = 1 }
    case .hangingDisk: node.diskHangsUntil = max(node.diskHangsUntil, time + faultLength)
    case .fullDisk:
      node.disk.isFull = true
      later(faultLength) { node.disk.isFull = false }
    case .syncError: node.disk.failsNextSync = true
    case .writeError: node.disk.failsNextWrite = true
    case .bitRot, .misdirectedWrite:
      guard mayDamage(node), node.refusal == nil else { return false }
      if kind == .misdirectedWrite {
        node.disk.misdirects = diskChance.fork()
      } else {
        guard let place = node.disk.rot(&diskChance) else { return false }
        trace("\(node.id) bit rot: \(place)")
      }
      node.isDamaged = true
      node.wasDamaged = true
      node.latentDamages += 1
      if chance.chance(60) { return crash(node, .process) }
    case .lostDisk:
      // Of two voters whose states differ none may be lost while the third cannot tell: then the
      // cluster halts for an operator to decide, rather than spread a state that may be wrong.
      guard mayDamage(node), !checker.canonical.isEmpty, !node.isWrong,
        nodes.allSatisfy({ $0.life?.coordinator.dispute == nil })
      else { return false }
      lose(node)
    case .lostStore:
      guard mayDamage(node), node.refusal == nil, checker.canonical.count > 10 else { return false }
      kill(node, chance.chance(50) ? .power : .process, why: "its store is damaged")
      node.storeDamage = "a block of the store cannot be read"
      restart(node, after: chance.among(1_000..<2_000_000))
    default: return false
    }
    return true
  }

  /// The machine gets an empty disk, and comes back under its old name. It must not take part any
  /// more.
  private func lose(_ node: SimNode) {
    kill(node, .power, why: "its disk is lost")
    node.disk = SimDisk()
    node.store = SimStore()
    (node.snapshot, node.install, node.storeDamage) = (nil, nil, nil)
    node.installed = .zero
    node.isWrong = false
    node.configuration = nil
    node.lost.append((node.shadow, node.incarnation))
    node.shadow = ShadowLog()
    node.votes.removeAll()
    node.highestTerm = 0
    node.inFlight = []
    node.incarnation += 1_000_000
    node.refusal = nil
    node.isDamaged = true
    node.isLost = true
    // Who wipes the last of the first nodes has to say that the cluster exists: those hear each
    // other, and perhaps nobody else.
    if chance.chance(30) || nodes[..<swarm.nodes].allSatisfy(\.isLost) { node.mayFound = false }
    restart(node, after: chance.among(1_000..<2_000_000))
  }
}
