// World+Lives: starts and deaths of processes, and the work of their disks and stores.
//
// Invariants:
//   * messages that wait for a write leave when the real log has it durable, and not before
//   * a write that is under way when the power fails may be there afterwards: whole, torn, or not
//     at all
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
    for node in nodes where node.standing == .running { start(node) }
  }

  func start(_ node: SimNode) {
    guard node.life == nil, node.refusal == nil, node.standing == .running else { return }
    node.restartAt = .max
    node.lives += 1
    node.wrongHashes = [:]
    do {
      try boot(node)
    } catch let error as StorageError where error.isFull {
      // Whoever supervises the process starts it again, and there will be space.
      trace("\(node.id) cannot start yet: \(error)")
      restart(node, after: chance.among(500_000..<2_000_000))
      return
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
    if recovered.tail == .torn { mark(.tornTail) }
    if case .suspect(let reason) = recovered.tail {
      mark(.suspectLog)
      trace("\(node.id) repairs its log, claim \(recovered.claim): \(reason)")
      recovered = try log.repair()
      checker.repaired(node, recovered)
      checker.reset(node, to: recovered)
    } else {
      checker.recovered(node, recovered)
    }
    if node.installed.index > recovered.base.index {
      recovered = try log.reset(to: node.installed)
      checker.rebased(node, to: node.installed)
    }
    let applied = try AppliedMarker.load(node.store.flushed)?.applied ?? .zero
    var damage = node.storeDamage
    if damage == nil, applied.index < recovered.base.index {
      damage = "the state store ends at \(applied), and the log begins after it"
    }
    if damage == nil {
      recovered = try log.fit(to: applied)
      if applied > .zero, recovered.base == applied { checker.rebased(node, to: applied) }
      log.stateIsDurable(upTo: applied.index)
    }
    try begin(node, log, recovered, damage)
  }

  /// The process over what its files hold.
  private func begin(
    _ node: SimNode, _ log: LogStore, _ recovered: RecoveredLog, _ damage: String?
  ) throws {
    let rows = damage == nil ? node.store.flushed : MemoryStore()
    let applied = try AppliedMarker.load(rows)?.applied ?? .zero
    let base = damage == nil ? applied.index : recovered.base.index
    let entries = try recovered.entries(after: base)
    checker.recovered(node, entries)
    if !entries.isEmpty { mark(.replayAtStart) }
    if damage != nil { mark(.storeUnusable) }
    var coordinator = try Coordinator(
      identity: Member(id: node.id, incarnation: node.incarnation), voters: node.peers,
      genesis: Venue.genesis(at: swarm.genesisLevel), genesisHash: Venue.genesisHash,
      settings: settings(of: node),
      restored: RestoredReplica(
        hardState: recovered.hardState, last: recovered.last, entries: entries,
        logBase: recovered.base, suspect: recovered.suspect,
        voteUnreadable: recovered.voteUnreadable, storeDamage: damage),
      rows: rows, seed: chance.next())
    if let snapshot = node.snapshot {
      coordinator.snapshotMade(snapshot.id, manifest: snapshot.manifest)
    }
    if damage == nil, applied.index.value <= node.wrongAfter {
      // The store fell back to what it was before the change.
      node.isWrong = false
    } else if let truth = checker.hashes[applied.index.value], damage == nil {
      node.isWrong = node.isWrong && coordinator.stateHash != truth
    }
    let life = Life(
      coordinator, log: log, published: applied.index.value, start: time,
      monotonicStart: chance.among(0..<1_000_000_000))
    life.lacksStore = damage != nil
    node.life = life
  }

  private var logOptions: LogOptions {
    var options = LogOptions(segmentBytes: swarm.segmentBytes)
    options.mutant = mutant
    return options
  }

  private func settings(of node: SimNode) -> ReplicaSettings {
    var settings = swarm.replica(node.place)
    settings.mayFound = node.mayFound
    settings.newestLevel = node.newestLevel
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
    if death == .power, diskChance.chance(50) { node.install = nil }
    node.fetched = nil
    node.configuration = life.coordinator.configuration ?? node.configuration
    checker.died(node, inFlight: life.writing)
    count(life)
    node.life = nil
    node.pausedUntil = 0
    disconnect(node)
    let present = nodes.count { $0.standing == .running }
    let down = nodes.count { $0.standing == .running && $0.life == nil }
    if down == present {
      mark(.allDown)
    } else if down * 2 > present {
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
    } catch {
      let base = life.log.bounds.base
      guard fetch.after < base.index else {
        trace("\(node.id) cannot read its log after \(fetch.after): \(error)")
        if !node.isDamaged {
          checker.fail("log-read", "node \(node.id) cannot read its log: \(error)")
        }
        // What Node does: it begins anew, and repairs the log.
        kill(node, .process, why: "\(error)")
        restart(node, after: chance.among(200_000..<2_000_000))
        return
      }
      mark(.fetchBelowCut)
      life.coordinator.logFetched(
        LogFetched(follower: fetch.follower, after: base, entries: [], cutTo: base),
        node.now(time), &life.effects)
    }
    wantTurn(node, life)
  }

  func cut(upTo index: LogIndex, _ node: SimNode, _ life: Life) {
    checker.cuts(node, upTo: index)
    let before = life.log.bounds.base
    do {
      try life.log.cut(upTo: index)
    } catch {
      kill(node, .process, why: "\(error)")
      restart(node, after: chance.among(200_000..<2_000_000))
      return
    }
    let base = life.log.bounds.base
    guard base.index > before.index else { return }
    checker.cuts(node, upTo: base.index)
    mark(.logCut)
    if nodes.contains(where: {
      isMember($0) && !$0.isLost && $0.shadow.items.count < base.index.value
    }) {
      mark(.cutBehindMember)
    }
    life.coordinator.logCut(to: base)
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
    guard !node.isLost else { return }
    // All that was lost is held again; a damage that came later counts from what is held now.
    node.lost.removeAll()
    if node.latentDamages == 0 { node.isDamaged = false }
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
      let index = node.store.flush()
      life.log.stateIsDurable(upTo: LogIndex(index))
      life.coordinator.flushed(upTo: index, &life.effects)
    }
    wantTurn(node, life)
  }
}
