// SnapshotRestore: a new data directory from a snapshot: a cluster of one node, for backups and tests.
//
// Invariant: until the identity is replaced at the end, a start finds a directory without state, not half of one.
// Not here: making the snapshot.

import Raft

/// Makes a data directory out of a snapshot; not for a directory that a cluster still knows.
public enum SnapshotRestore {
  /// Copies a snapshot into a new data directory, checking every file, and begins a log behind it
  /// in which `node` is the only voter.
  ///
  /// - Parameter describe: reads the copied files, and counts the state hash anew.
  /// - Throws: one clear line: no or a damaged snapshot, rows that do not add up, or a directory that is in use.
  @discardableResult
  public static func restore(
    from snapshot: String, to path: String, node: NodeID, incarnation: UInt64,
    disk: any Disk = LinuxDisk(), options: LogOptions = LogOptions(),
    describe: (String) throws -> SnapshotContents
  ) throws(StorageError) -> SnapshotContents {
    let manifestPath = DiskPath.join(snapshot, SnapshotStore.manifestName)
    guard try disk.exists(manifestPath) else {
      throw StorageError(snapshot, "is no snapshot (it has no file 'manifest')")
    }
    let manifest = try SnapshotStore.readManifest(manifestPath, disk)
    let data = try DataDirectory.open(
      path: path, node: node, genesisHash: manifest.contents.genesisHash,
      randomIncarnation: incarnation &+ 1, disk: disk)
    guard data.epoch == 0, try !disk.exists(DiskPath.join(path, "log-created")) else {
      throw StorageError(path, "is in use by a node already; restore into a new directory")
    }
    let install = try SnapshotInstall(data, manifest: manifest)
    // What an earlier attempt left of a file may be spoiled: then it is taken once more from its beginning.
    var wrong: Set<Int> = []
    while let piece = try install.wanted().first {
      let file = DiskPath.join(snapshot, manifest.files[piece.file].name)
      let bytes = try disk.open(file, writable: false).read(at: piece.offset, count: piece.count)
      switch try install.receive(file: piece.file, offset: piece.offset, bytes: bytes) {
      case .taken, .fileDone: continue
      case .fileWrong where wrong.insert(piece.file).inserted: continue
      case .ignored, .fileWrong: throw StorageError(file, "is damaged (checksum)")
      }
    }
    // Every byte may be the one that was written, and still hold what a wrong node wrote.
    try install.finishFiles(describe)
    _ = try disk.create(DiskPath.join(path, "log-created"))
    let applied = manifest.contents.applied
    try NewLog.write(
      data, member: Member(id: node, incarnation: incarnation),
      term: Term(applied.term.value + ClusterRecovery.termStep),
      base: applied, from: nil, store: nil, options: options)
    return manifest.contents
  }
}
