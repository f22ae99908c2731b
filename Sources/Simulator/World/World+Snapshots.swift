// World+Snapshots: the driver of snapshots: a node's rows as one blob, cut into files and pieces,
// and its install.
//
// Model of SnapshotStore and SnapshotInstall, whose own tests stop after every disk operation:
//   * a snapshot holds what a flush made durable; it survives every death
//   * a fetched piece survives the death of the process, and of the power by chance; an install
//     goes on where it stopped
//   * the new store counts once all pieces are here and checksum and state hash fit; then the
//     process starts anew
// Not here: who fetches from whom, and when (Replica).

import Raft
import Replica
import Storage
import Wire

/// A snapshot of a store.
struct ModelSnapshot {
  static let fileBytes = 64 << 10
  static let pieceBytes = 16 << 10
  let id: EntryID
  let stateHash: UInt128
  let blob: [UInt8]
  /// Made of a state that was changed on purpose.
  var isWrong = false

  /// `nil` before the first entry is stored.
  init?(of store: MemoryStore) throws {
    guard let marker = try AppliedMarker.load(store), !marker.genesisHash.isEmpty else {
      return nil
    }
    id = marker.applied
    stateHash = marker.stateHash
    var writer = ByteWriter(capacity: 64 << 10)
    store.scan(from: [], upTo: [UInt8](repeating: 0xFF, count: 64), reverse: false) { key, value in
      writer.blob32(key)
      writer.blob32(value)
      return true
    }
    blob = writer.bytes
  }

  var manifest: [UInt8] {
    var writer = ByteWriter()
    writer.u64(UInt64(blob.count))
    writer.u32(CRC32C.of(blob))
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
  private let checksum: UInt32
  private var blob: [UInt8]
  private var missingPieces: Set<SnapshotPiece> = []

  init(_ id: EntryID, _ manifest: [UInt8]) throws {
    self.id = id
    self.manifest = manifest
    var reader = ByteReader(manifest)
    let count = Int(try reader.u64())
    checksum = try reader.u32()
    blob = [UInt8](repeating: 0, count: count)
    var at = 0
    while at < count {
      let file = at / ModelSnapshot.fileBytes
      let end = min(count, (file + 1) * ModelSnapshot.fileBytes, at + ModelSnapshot.pieceBytes)
      missingPieces.insert(
        SnapshotPiece(
          file: UInt32(file), offset: UInt64(at - file * ModelSnapshot.fileBytes),
          count: UInt32(end - at)))
      at = end
    }
  }

  var missing: [SnapshotPiece] {
    missingPieces.sorted { ($0.file, $0.offset) < ($1.file, $1.offset) }
  }

  mutating func write(_ piece: SnapshotPiece, _ bytes: [UInt8]) {
    let start = Int(piece.file) * ModelSnapshot.fileBytes + Int(piece.offset)
    guard missingPieces.remove(piece) != nil else { return }
    blob.replaceSubrange(start..<start + bytes.count, with: bytes)
  }

  /// The store, if everything fits.
  func finish() throws -> MemoryStore? {
    guard missingPieces.isEmpty, CRC32C.of(blob) == checksum else { return nil }
    var batch = RowBatch()
    var reader = ByteReader(blob)
    while reader.left > 0 {
      let key = try reader.blob32(limit: 1 << 20)
      batch.put(key, try reader.blob32(limit: 1 << 24))
    }
    let store = MemoryStore()
    store.write(batch)
    // Throws if the rows do not have the state hash that they name.
    guard try StateMachine(loading: store).marker.applied == id else { return nil }
    return store
  }
}

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
        node.install = try ModelInstall(id, manifest)
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
  /// it. Where they were silent for too long it may, and nothing can tell: two wrong ones of three are
  /// the majority. Then the atlas steps in: its files cannot be read. The same for a change that passes
  /// by itself, and may have passed before the comparison.
  private func mayInfect(_ node: SimNode, _ life: Life, _ peer: NodeID) -> Bool {
    guard node.isWrongForGood, life.coordinator.sendsAgreed(to: peer) == true else {
      mark(.wrongHeldBack)
      trace("\(node.id) would send \(peer) a wrong state: its files cannot be read")
      return false
    }
    checker.fail("snapshot", "node \(node.id) sends \(peer) a wrong state that nobody compared")
    return true
  }

  /// Makes the snapshot that was asked for: writes out, and keeps what is durable then.
  func finishSnapshot(_ node: SimNode, _ life: Life) {
    guard node.storeDamage == nil else { return life.coordinator.snapshotFailed() }
    do {
      let index = node.store.flush()
      life.log.stateIsDurable(upTo: LogIndex(index))
      guard var made = try ModelSnapshot(of: node.store.flushed) else {
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
