// BlobSnapshot: snapshots and installs without files: a store's rows as one blob, cut into files and
// pieces.
//
// Model of SnapshotStore and SnapshotInstall, whose own tests stop after every disk operation. The
// simulator and the tests of Replica drive it.
// Invariant: a new store counts once all pieces are here and checksum and state hash fit.
// Not here: when a snapshot is made, and what survives a death (World+Snapshots).

import Raft
import Replica
import Storage
import Wire

/// Where a blob is cut.
package struct SnapshotCuts: Sendable {
  package var fileBytes = 64 << 10
  package var pieceBytes = 16 << 10

  package init() {}
}

/// A snapshot of a store: one blob of all rows.
package struct BlobSnapshot {
  package let id: EntryID
  package let stateHash: UInt128
  private let level: UInt32
  package let blob: [UInt8]
  /// Made of a state that was changed on purpose.
  package var isWrong = false
  private let cuts: SnapshotCuts

  /// `nil` before the first entry is stored.
  package init?(of store: MemoryStore, cuts: SnapshotCuts = SnapshotCuts()) throws {
    guard let marker = try AppliedMarker.load(store), !marker.genesisHash.isEmpty else {
      return nil
    }
    self.cuts = cuts
    id = marker.applied
    stateHash = marker.stateHash
    level = try StateSummary(of: store).level
    var writer = ByteWriter(capacity: 64 << 10)
    store.scan(from: [], upTo: [UInt8](repeating: 0xFF, count: 64), reverse: false) { key, value in
      writer.blob32(key)
      writer.blob32(value)
      return true
    }
    blob = writer.bytes
  }

  package var manifest: [UInt8] {
    var writer = ByteWriter()
    writer.u64(UInt64(blob.count))
    writer.u32(CRC32C.of(blob))
    writer.u32(level)
    return writer.bytes
  }

  package func read(_ piece: SnapshotPiece) -> [UInt8]? {
    let start = Int(piece.file) * cuts.fileBytes + Int(piece.offset)
    guard start + Int(piece.count) <= blob.count else { return nil }
    return Array(blob[start..<start + Int(piece.count)])
  }
}

/// What a node has of a snapshot that it fetches.
package struct BlobInstall {
  package let id: EntryID
  package let manifest: [UInt8]
  /// The level of behaviour that it was made under.
  package let level: UInt32
  private let cuts: SnapshotCuts
  private let checksum: UInt32
  private var blob: [UInt8]
  private var missingPieces: Set<SnapshotPiece> = []

  package init(
    _ id: EntryID, _ manifest: [UInt8], cuts: SnapshotCuts = SnapshotCuts()
  ) throws {
    self.cuts = cuts
    self.id = id
    self.manifest = manifest
    var reader = ByteReader(manifest)
    let count = Int(try reader.u64())
    checksum = try reader.u32()
    level = try reader.u32()
    blob = [UInt8](repeating: 0, count: count)
    var at = 0
    while at < count {
      let file = at / cuts.fileBytes
      let end = min(count, (file + 1) * cuts.fileBytes, at + cuts.pieceBytes)
      missingPieces.insert(
        SnapshotPiece(
          file: UInt32(file), offset: UInt64(at - file * cuts.fileBytes),
          count: UInt32(end - at)))
      at = end
    }
  }

  package var missing: [SnapshotPiece] {
    missingPieces.sorted { ($0.file, $0.offset) < ($1.file, $1.offset) }
  }

  package mutating func write(_ piece: SnapshotPiece, _ bytes: [UInt8]) {
    let start = Int(piece.file) * cuts.fileBytes + Int(piece.offset)
    guard missingPieces.remove(piece) != nil else { return }
    blob.replaceSubrange(start..<start + bytes.count, with: bytes)
  }

  /// The store, if everything fits.
  package func finish() throws -> MemoryStore? {
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
