// WorldSnapshots: a ClusterWorld's driver of snapshots.
//
// Invariant: once a new store is whole, the node's process dies and starts again from it, with what its log still
// holds behind it.
// Not here: what a snapshot holds (BlobSnapshot); who fetches from whom (Replica).

import Raft
import Simulator

@testable import Replica

extension SnapshotCuts {
  /// Small, so that the short histories of these tests fill several.
  static let small = {
    var cuts = SnapshotCuts()
    (cuts.fileBytes, cuts.pieceBytes) = (24_000, 3_000)
    return cuts
  }()
}

extension ClusterWorld {
  func carryOut(_ effects: [SnapshotEffect], _ node: WorldNode, _ life: Life) {
    for effect in effects {
      do { try carryOut(effect, node, life) } catch { checker.note("a snapshot: \(error)") }
    }
  }

  private func carryOut(_ effect: SnapshotEffect, _ node: WorldNode, _ life: Life) throws {
    switch effect {
    case .make:
      guard let made = try BlobSnapshot(of: life.store, cuts: .small) else {
        return life.coordinator.snapshotFailed()
      }
      node.snapshot = made
      snapshotsMade += 1
      life.coordinator.snapshotMade(made.id, manifest: made.manifest)
    case .read(let peer, let transfer, let id, let piece):
      var bytes = node.snapshot.flatMap { $0.id == id ? $0.read(piece) : nil }
      if settings.rottenReads, random.chance(25) { bytes?[0] ^= 1 }
      life.coordinator.snapshotRead(
        peer: peer, transfer: transfer, piece: piece, bytes: bytes, now(node), &life.effects)
    case .begin where !settings.snapshots:
      life.coordinator.installFailed(now(node))
    case .begin(_, let id, let manifest):
      // A manifest with equal contents goes on where an earlier attempt stopped.
      if node.install?.manifest != manifest {
        node.install = try BlobInstall(id, manifest, cuts: .small)
      }
      piecesBegun += node.install?.missing.count ?? 0
      life.coordinator.installBegan(
        missing: node.install?.missing ?? [], now(node), &life.effects)
    case .write(let piece, let bytes):
      node.install?.write(piece, bytes)
      life.coordinator.installWrote(piece, now(node), &life.effects)
    case .finish:
      guard let store = try node.install?.finish(), let id = node.install?.id else {
        node.install = nil
        installsFailed += 1
        return life.coordinator.installFailed(now(node))
      }
      node.install = nil
      reinstalls.append((node, store, id, time + settings.swapDelay))
    }
  }

  /// The nodes that installed a snapshot start again.
  func startReinstalled() {
    guard !reinstalls.isEmpty else { return }
    let due = reinstalls.filter { $0.at <= time }
    reinstalls.removeAll { $0.at <= time }
    for (node, store, id, _) in due {
      installs.append(node.id)
      if node.storeDamage == nil, node.base.index > id.index {
        checker.note("node \(node.id) installs \(id), and its log begins after \(node.base)")
      }
      crash(node, keepsStore: true)
      node.storeDamage = nil
      // A node offers what it has made of the store that it has; an older one may be wrong.
      node.snapshot = nil
      node.flushedStore = store
      let full = nodes.map { $0.archive + $0.log }.first { $0.count >= id.index.value } ?? []
      node.reset(to: id, before: Array(full.prefix(Int(id.index.value))))
      start(node)
    }
  }
}
