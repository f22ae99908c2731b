// ModelSnapshot: checkpoints without RocksDB: files with known bytes on any disk, and a reader that recomputes their
// hash.
//
// Invariant: what `read` returns follows from every byte of every file but the last one, which it is compared with.
// Not here: crashes (SnapshotCrashTests).

import Raft
import Storage
import TestSupport
import Wire

/// A state store's files, as far as snapshots know them.
struct ModelSnapshot {
  static let genesis = [UInt8](repeating: 7, count: 32)

  var applied: EntryID
  var files: [String: [UInt8]]

  /// Two snapshots share the table files of the seeds that they share.
  init(index: UInt64, tables: [UInt64]) {
    applied = EntryID(term: Term(2), index: LogIndex(index))
    files = [:]
    for (i, seed) in tables.enumerated() {
      var random = SeededRandom(seed)
      files["00000\(i + 1).sst"] = random.bytes(3000 + Int(seed % 7) * 1000)
    }
    files["OPTIONS-000007"] = []
    files["CURRENT"] = Array("MANIFEST-000005\n".utf8)
    var writer = ByteWriter()
    writer.u64(applied.index.value)
    writer.u128(Self.hash(files))
    files["MANIFEST-000005"] = writer.bytes
  }

  /// Writes the files, as a checkpoint does: nothing is synced.
  func checkpoint(_ disk: any Disk, _ path: String) throws(StorageError) {
    try disk.makeDirectory(path)
    for name in files.keys.sorted() {
      try disk.create(path + "/" + name).write(files[name] ?? [], at: 0)
    }
    try disk.create(path + "/LOG").write([1, 2, 3], at: 0)
  }

  /// Makes a snapshot of it.
  @discardableResult
  func make(_ store: SnapshotStore, _ disk: any Disk) throws -> Snapshot {
    try store.make { (path) throws(StorageError) in
      try checkpoint(disk, path)
    } describe: { path in
      try Self.read(disk, path)
    }
  }

  /// What a directory holds.
  static func read(_ disk: any Disk, _ path: String) throws -> SnapshotContents {
    var files: [String: [UInt8]] = [:]
    for name in try disk.list(path) where name != "LOG" && name != "manifest" {
      files[name] = try disk.open(path + "/" + name, writable: false).read(at: 0, count: 1 << 20)
    }
    let last = files.removeValue(forKey: "MANIFEST-000005") ?? []
    var reader = ByteReader(last)
    let index = LogIndex(try reader.u64())
    let stored = try reader.u128()
    guard stored == hash(files) else { throw StorageError(path, "the rows are not what they were") }
    return SnapshotContents(
      applied: EntryID(term: Term(2), index: index), configuration: nil, stateHash: stored,
      genesisHash: genesis, level: 3)
  }

  private static func hash(_ files: [String: [UInt8]]) -> UInt128 {
    files.reduce(0) { $0 &+ RowHash.of(key: Array($1.key.utf8), value: $1.value) }
  }
}
