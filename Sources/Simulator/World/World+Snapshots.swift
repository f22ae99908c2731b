// World+Snapshots: the driver of snapshots: what a node makes, sends and installs.
//
// Invariants:
//   * a snapshot holds what a flush made durable; it survives every death
//   * a fetched piece survives the death of the process, and of the power by chance
//   * the process starts anew from a new store
// Not here: what a snapshot holds (BlobSnapshot); who fetches from whom, and when (Replica).

import Raft
import Replica

extension World {
  func carryOut(_ effects: [SnapshotEffect], _ node: SimNode, _ life: Life) {
    for effect in effects {
      do {
        try carryOut(effect, node, life)
      } catch {
        checker.fail("snapshot", "node \(node.id): \(effect.short): \(error)")
      }
    }
    wantTurn(node, life)
  }

  private func carryOut(_ effect: SnapshotEffect, _ node: SimNode, _ life: Life) throws {
    switch effect {
    case .make: queue.add(time + diskChance.among(1_000..<300_000), .made, node.place, node.lives)
    case .read(let peer, let transfer, let id, let piece):
      var bytes = node.snapshot.flatMap { $0.id == id ? $0.read(piece) : nil }
      if bytes != nil, node.snapshot?.isWrong == true, !mayInfect(node, life, peer) { bytes = nil }
      if swarm.rotsSnapshots, diskChance.chance(2) {
        bytes?[0] ^= 4
        mark(.snapshotRotten)
      }
      life.coordinator.snapshotRead(
        peer: peer, transfer: transfer, piece: piece, bytes: bytes, node.now(time), &life.effects)
    case .begin(let source, let id, let manifest):
      trace("\(node.id) fetches the snapshot \(id) of \(source)")
      // A manifest with equal contents goes on where an earlier attempt stopped.
      if node.install?.manifest == manifest, node.install?.id == id {
        mark(.installResumed)
      } else {
        node.install = try BlobInstall(id, manifest)
      }
      if let level = node.install?.level, level > node.newestLevel {
        // What SnapshotThread does.
        node.install = nil
        return life.coordinator.installFailed(node.now(time))
      }
      life.coordinator.installBegan(
        missing: node.install?.missing ?? [], node.now(time), &life.effects)
    case .write(let piece, let bytes):
      node.install?.write(piece, bytes)
      life.coordinator.installWrote(piece, node.now(time), &life.effects)
    case .finish:
      guard let store = try node.install?.finish(), let id = node.install?.id else {
        node.install = nil
        mark(.installRefused)
        return life.coordinator.installFailed(node.now(time))
      }
      node.fetched = (store, id)
      queue.add(time + diskChance.among(500..<50_000), .renew, node.place, node.lives)
    }
  }

  /// A node sends others a state that is wrong. It must not, once the voters have compared theirs with
  /// it, or one of them contradicts. Where they were silent for too long it may, and nothing can tell:
  /// two wrong ones of three are the majority. Then the atlas steps in: its files cannot be read. The
  /// same for a change that passes by itself, and may have passed before the comparison.
  private func mayInfect(_ node: SimNode, _ life: Life, _ peer: NodeID) -> Bool {
    // It ends there by itself.
    guard let isAgreed = life.coordinator.sendsAgreed(to: peer) else { return false }
    if isAgreed, node.isWrongForGood {
      checker.fail("snapshot", "node \(node.id) sends \(peer) a wrong state that nobody compared")
      return true
    }
    if !isAgreed, node.isWrong, let voice = checker.contradiction(of: node) {
      checker.fail(
        "snapshot",
        "node \(node.id) sends \(peer) a wrong state: node \(voice.by) contradicts it"
          + " at \(voice.at)")
      return true
    }
    mark(.wrongHeldBack)
    trace("\(node.id) would send \(peer) a wrong state: its files cannot be read")
    return false
  }

  /// Makes the snapshot that was asked for: writes out, and keeps what is durable then.
  func finishSnapshot(_ node: SimNode, _ life: Life) {
    guard node.storeDamage == nil else { return life.coordinator.snapshotFailed() }
    do {
      let index = node.store.flush()
      life.log.stateIsDurable(upTo: LogIndex(index))
      guard var made = try BlobSnapshot(of: node.store.flushed) else {
        return life.coordinator.snapshotFailed()
      }
      made.isWrong = node.isWrong && index > node.wrongAfter
      if made.isWrong { mark(.wrongSnapshotMade) }
      checker.made(made, node)
      mark(.snapshotMade)
      trace("\(node.id) made the snapshot \(made.id), \(made.blob.count) bytes")
      node.snapshot = made
      life.coordinator.snapshotMade(made.id, manifest: made.manifest)
    } catch {
      checker.fail("snapshot", "node \(node.id) makes none: \(error)")
    }
    wantTurn(node, life)
  }

  /// The pointer to the new store is durable; the process starts again from it.
  func renew(_ node: SimNode) {
    guard let (store, id) = node.fetched else { return }
    if let start = node.life?.coordinator.logStart, node.storeDamage == nil, start.index > id.index
    {
      checker.fail(
        "snapshot",
        "node \(node.id) puts \(id) in the place of its state, and its log begins after \(start)")
    }
    mark(node.storeDamage != nil ? .storeReplaced : node.isWrong ? .wrongReplaced : .lagReplaced)
    kill(node, .process, why: "the snapshot \(id) is installed")
    node.store = SimStore(store, upTo: id.index.value)
    node.installed = id
    // Those of the old store may be newer than the new one.
    node.snapshot = nil
    node.install = nil
    node.storeDamage = nil
    node.isWrong = false
    restart(node, after: chance.among(1_000..<100_000))
  }
}

extension SnapshotEffect {
  var short: String {
    switch self {
    case .make: "make"
    case .read: "read"
    case .begin: "begin"
    case .write: "write"
    case .finish: "finish"
    }
  }
}
