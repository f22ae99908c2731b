// WorldSnapshots: a ClusterWorld's driver of snapshots: files as blobs of rows, an install that survives crashes.
//
// Invariant: a node's new store counts only once every piece is there and its checksum and state hash fit; then its
// process dies and starts again from it, with what its log still holds behind it.
// Not here: who fetches from whom (Replica).

import Raft
import Storage
import TestSupport
import Wire

@testable import Replica

/// A snapshot of a model store: one blob of all rows, cut into files.
struct ModelSnapshot {
  static let fileBytes = 24_000
  static let pieceBytes = 3_000
  var id: EntryID
  var blob: [UInt8]

  init?(of store: MemoryStore) throws {
    guard let marker = try AppliedMarker.load(store) else { return nil }
    id = marker.applied
    var writer = ByteWriter()
    try store.scan(prefix: []) { key, value in
      writer.blob32(key)
      writer.blob32(value)
      return true
    }
    blob = writer.bytes
  }

  var manifest: [UInt8] {
    var writer = ByteWriter()
    writer.u64(UInt64(blob.count))
    writer.u128(RowHash.of(key: [], value: blob))
    return writer.bytes
  }

  func read(_ piece: SnapshotPiece) -> [UInt8]? {
    let start = Int(piece.file) * Self.fileBytes + Int(piece.offset)
    guard start + Int(piece.count) <= blob.count else { return nil }
    return Array(blob[start..<start + Int(piece.count)])
  }
}

/// What a node has of a snapshot that it fetches.
struct ModelInstall {
  let id: EntryID
  let manifest: [UInt8]
  private let count: Int
  private let checksum: UInt128
  private var blob: [UInt8]
  private var has: Set<SnapshotPiece> = []

  init(_ id: EntryID, _ manifest: [UInt8]) throws {
    self.id = id
    self.manifest = manifest
    var reader = ByteReader(manifest)
    count = Int(try reader.u64())
    checksum = try reader.u128()
    blob = [UInt8](repeating: 0, count: count)
  }

  var missing: [SnapshotPiece] {
    var pieces: [SnapshotPiece] = []
    var at = 0
    while at < count {
      let file = at / ModelSnapshot.fileBytes
      let end = min(count, (file + 1) * ModelSnapshot.fileBytes, at + ModelSnapshot.pieceBytes)
      let piece = SnapshotPiece(
        file: UInt32(file), offset: UInt64(at - file * ModelSnapshot.fileBytes),
        count: UInt32(end - at))
      if !has.contains(piece) { pieces.append(piece) }
      at = end
    }
    return pieces
  }

  mutating func write(_ piece: SnapshotPiece, _ bytes: [UInt8]) {
    let start = Int(piece.file) * ModelSnapshot.fileBytes + Int(piece.offset)
    blob.replaceSubrange(start..<start + bytes.count, with: bytes)
    has.insert(piece)
  }

  /// The store, if everything fits.
  func finish() throws -> MemoryStore? {
    guard missing.isEmpty, RowHash.of(key: [], value: blob) == checksum else { return nil }
    var batch = RowBatch()
    var reader = ByteReader(blob)
    while reader.left > 0 {
      let key = try reader.blob32(limit: 1 << 20)
      batch.put(key, try reader.blob32(limit: 1 << 24))
    }
    let store = MemoryStore()
    store.write(batch)
    guard try StateMachine(loading: store).marker.applied == id else { return nil }
    return store
  }
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
      guard let made = try ModelSnapshot(of: life.store) else {
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
      if node.install?.manifest != manifest { node.install = try ModelInstall(id, manifest) }
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
      reinstalls.append((node, store, id))
    }
  }

  /// The nodes that installed a snapshot start again.
  func startReinstalled() {
    guard !reinstalls.isEmpty else { return }
    let all = reinstalls
    reinstalls.removeAll()
    for (node, store, id) in all {
      installs.append(node.id)
      crash(node, keepsStore: true)
      node.storeDamage = nil
      node.flushedStore = store
      let full = nodes.map { $0.archive + $0.log }.first { $0.count >= id.index.value } ?? []
      node.reset(to: id, before: Array(full.prefix(Int(id.index.value))))
      start(node)
    }
  }
}
