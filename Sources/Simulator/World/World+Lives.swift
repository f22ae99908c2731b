// World+Lives: starts and deaths of processes, and the work of their disks and stores.
//
// Invariants:
//   * messages that wait for a write leave when the real log has it durable, and not before
//   * a write that is under way when the power fails may be there afterwards: whole, torn, or not at all
// Not here: when nodes die (World+Faults).

import Engine
import Raft
import Replica
import Storage
import Wire

extension World {
  static let directory = "/log"

  // MARK: Start

  func startAll() {
    for node in nodes { start(node) }
  }

  func start(_ node: SimNode) {
    guard node.life == nil, node.refusal == nil else { return }
    node.restartAt = .max
    node.lives += 1
    do {
      try boot(node)
    } catch {
      node.refusal = "\(error)"
      trace("\(node.id) cannot start: \(error)")
      if !node.isDamaged { checker.fail("start", "node \(node.id) cannot start: \(error)") }
      return
    }
    guard let life = node.life else { return }
    life.coordinator.plant(options.replicaBugs)
    checker.started(node, life)
    queue.add(time + chance.among(0..<swarm.tick), .tick, node.place, node.lives)
    reconnect(node)
    trace("\(node.id) starts, log \(node.shadow.last), store \(node.store.flushedIndex)")
  }

  private func boot(_ node: SimNode) throws {
    let identity = LogIdentity(
      genesisHash: Venue.genesisHash, node: node.id, incarnation: node.incarnation)
    let (log, found) = try LogStore.open(
      disk: node.disk, directory: Self.directory, identity: identity,
      options: logOptions)
    var recovered = found
    var rows = node.store.flushed
    var applied = try AppliedMarker.load(rows)?.applied ?? .zero
    if recovered.tail == .torn { mark(.tornTail) }
    if case .suspect(let reason) = recovered.tail {
      mark(.suspectLog)
      trace("\(node.id) repairs its log, claim \(recovered.claim): \(reason)")
      recovered = try log.repair()
      checker.repaired(node, recovered)
      checker.reset(node, to: recovered)
      if recovered.last.index < applied.index {
        // Such logs are never cut here, so the state can be had from the log again.
        node.store = SimStore()
        (rows, applied) = (node.store.flushed, .zero)
      }
    } else {
      checker.recovered(node, recovered)
    }
    let entries = try recovered.entries(after: applied.index)
    checker.recovered(node, entries)
    if !entries.isEmpty { mark(.replayAtStart) }
    let coordinator = try Coordinator(
      identity: Member(id: node.id, incarnation: node.incarnation), voters: nodes.map(\.id),
      genesis: Venue.genesis, genesisHash: Venue.genesisHash, settings: settings,
      restored: RestoredReplica(
        hardState: recovered.hardState, last: recovered.last, entries: entries,
        logBase: recovered.base, suspect: recovered.suspect,
        voteUnreadable: recovered.voteUnreadable),
      rows: rows, seed: chance.next())
    node.life = Life(
      coordinator, log: log, published: applied.index.value, start: time,
      monotonicStart: chance.among(0..<1_000_000_000))
  }

  private var logOptions: LogOptions {
    var options = LogOptions(segmentBytes: swarm.segmentBytes)
    options.mutant = mutant
    return options
  }

  private var settings: ReplicaSettings {
    var settings = swarm.replica
    settings.consensus.plantedBug = options.raftBug
    return settings
  }

  // MARK: Death

  enum Death { case process, power }

  /// The process dies. The clients' connections and everything in memory go with it.
  func kill(_ node: SimNode, _ death: Death, why: String) {
    guard let life = node.life else { return }
    trace("\(node.id) dies (\(death), \(why))")
    if !life.writing.isEmpty, diskChance.chance(60) {
      node.disk.stopAfter = diskChance.below(3)
      do {
        try life.log.write(life.writing)
      } catch {}
    }
    if death == .power { node.disk.losePower(&diskChance) } else { node.disk.loseProcess() }
    if node.store.unflushedCount > 0 { mark(.storeFellBack) }
    node.store.crash(&diskChance)
    checker.died(node, inFlight: life.writing)
    count(life)
    node.life = nil
    node.pausedUntil = 0
    disconnect(node)
    let down = nodes.count { $0.life == nil }
    if down == nodes.count {
      mark(.allDown)
    } else if down * 2 > nodes.count {
      mark(.halfQuorumDown)
    }
    lostTickets(of: node)
  }

  func restart(_ node: SimNode, after pause: Int64) {
    guard node.life == nil else { return }
    node.restartAt = time + pause
    queue.add(node.restartAt, .start, node.place)
  }

  // MARK: The log

  func beginWrite(_ node: SimNode, _ life: Life) {
    guard life.writing.isEmpty, !life.queued.isEmpty else { return }
    swap(&life.writing, &life.queued)
    var done = time + diskChance.among(swarm.diskDelay) * node.diskSlowness
    if node.diskHangsUntil > time { done = max(done, node.diskHangsUntil) }
    queue.add(done, .diskDone, node.place, node.lives)
  }

  func finishWrite(_ node: SimNode, _ life: Life) {
    if node.diskHangsUntil > time {
      queue.add(node.diskHangsUntil, .diskDone, node.place, node.lives)
      return
    }
    do {
      try life.log.write(life.writing)
    } catch {
      // What Node does: the process ends, and nothing of it was acknowledged.
      tally.storageErrors += 1
      kill(node, .process, why: "\(error)")
      restart(node, after: chance.among(200_000..<2_000_000))
      return
    }
    let written = life.writing
    life.writing.removeAll(keepingCapacity: true)
    for write in written {
      checker.durable(write, node)
      for message in write.afterDurable {
        send(node, message.to, PeerMessage(wall: node.now(time).wall, .raft(message)))
      }
    }
    if let last = written.last {
      life.coordinator.logPersisted(last.sequence, node.now(time), &life.effects)
    }
    if life.log.needsSpare { mark(.segmentRoll) }
    if life.log.needsSpare, diskChance.chance(30) { prepareSpare(node, life) }
    wantTurn(node, life)
    beginWrite(node, life)
  }

  private func prepareSpare(_ node: SimNode, _ life: Life) {
    do {
      try life.log.prepareSpare()
    } catch {
      guard !error.isFull else { return }
      kill(node, .process, why: "\(error)")
      restart(node, after: chance.among(200_000..<2_000_000))
    }
  }

  func serve(_ fetch: LogFetch, _ node: SimNode, _ life: Life) {
    mark(.logFetch)
    do {
      let found = try life.log.read(after: fetch.after, bytesMax: fetch.bytesMax)
      life.coordinator.logFetched(
        LogFetched(follower: fetch.follower, after: found.after, entries: found.entries),
        node.now(time), &life.effects)
      wantTurn(node, life)
    } catch {
      trace("\(node.id) cannot read its log after \(fetch.after): \(error)")
      if !node.isDamaged {
        checker.fail("log-read", "node \(node.id) cannot read its log: \(error)")
      }
    }
  }

  func cut(upTo index: LogIndex, _ node: SimNode, _ life: Life) {
    // Snapshots are not simulated: nobody may come to need one.
    guard !swarm.damagesStorage else { return }
    let all = nodes.filter { !$0.isLost }.map(\.shadow.items.count).min() ?? 0
    let index = min(index, LogIndex(UInt64(all)))
    guard index > life.log.bounds.base.index else { return }
    checker.cuts(node, upTo: index)
    mark(.logCut)
    do {
      try life.log.cut(upTo: index)
      life.coordinator.logCut(to: life.log.bounds.base)
    } catch {
      kill(node, .process, why: "\(error)")
      restart(node, after: chance.among(200_000..<2_000_000))
    }
  }

  /// The damaged log is whole again.
  func clearSuspect(_ node: SimNode, _ life: Life) {
    mark(.suspectCleared)
    trace("\(node.id) is whole again")
    do {
      try life.log.clearSuspect()
    } catch {
      kill(node, .process, why: "\(error)")
      restart(node, after: chance.among(200_000..<2_000_000))
      return
    }
    if node.latentDamages == 0, !node.isLost {
      node.isDamaged = false
      node.lost = nil
    }
  }

  /// The coordinator does not trust its state any more. Such logs are never cut here, so it is made anew from the log.
  func rebuild(_ node: SimNode, _ reason: String) {
    guard node.life != nil else { return }
    mark(.stateRebuilt)
    if node.wrongSince == nil {
      checker.fail("fence", "node \(node.id) distrusts a sound state: \(reason)")
    }
    kill(node, .process, why: reason)
    node.store = SimStore()
    node.wrongSince = nil
    node.wrongHashes = [:]
    restart(node, after: chance.among(200_000..<2_000_000))
  }

  // MARK: The store

  func beginStoring(_ node: SimNode, _ life: Life) {
    guard !life.isStoring, !life.storing.isEmpty else { return }
    life.isStoring = true
    queue.add(time + diskChance.among(swarm.storeDelay), .stored, node.place, node.lives)
  }

  func finishStoring(_ node: SimNode, _ life: Life) {
    life.isStoring = false
    var index: UInt64 = 0
    for run in life.storing {
      node.store.write(run.rows, upTo: run.lastIndex)
      index = run.lastIndex
      life.runsSinceFlush += 1
    }
    life.storing.removeAll(keepingCapacity: true)
    life.coordinator.stored(upTo: index)
    if life.runsSinceFlush >= swarm.runsPerFlush {
      life.runsSinceFlush = 0
      life.coordinator.flushed(upTo: node.store.flush(), &life.effects)
    }
    wantTurn(node, life)
  }
}
