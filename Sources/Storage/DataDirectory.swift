// DataDirectory: what belongs to one node on disk: its lock, its identity, its log and its state store.
//
//   DIR/lock         held by the running process (flock)
//   DIR/identity     version, node id, incarnation, genesis hash, checksum; written once
//   DIR/log-created  marks that a log was made here, so that a lost one is noticed
//   DIR/log/         LogStore; DIR/log-<epoch>/ after a recovery that began a new cluster
//   DIR/state/       StateStore as made at first boot; DIR/state-<number>/ one that was installed later
//   DIR/CURRENT      which of them is in use (StatePointer); missing: DIR/state
//   DIR/incoming     the snapshot that is being fetched, if any
//   DIR/snapshots/   SnapshotStore
//   DIR/reserve      SpaceReserve
//
// Invariants:
//   * stores that neither CURRENT nor incoming names are removed at the next start
//   * one process at a time
//   * a directory never changes its node, incarnation or genesis
//   * a directory that holds anything but has no readable identity is refused, never taken over
// Not here: the formats of the log and of the state store.

import Glibc
import Raft
import Wire

/// An opened, locked data directory. The lock is held as long as a copy of this value exists.
public struct DataDirectory: Sendable {
  /// The version of the identity file.
  public static let formatVersion: UInt16 = 2
  static let magic: UInt64 = 0x4341_5354_4C45_4944  // "CASTLEID"
  static let identityBytes = 66
  static let identityBytesOfVersion1 = 62

  public let path: String
  public let node: NodeID
  /// Drawn when the directory was made; tells a node that lost its disk from one that kept it.
  public let incarnation: UInt64
  public let genesisHash: [UInt8]
  /// How often a cluster was begun anew from this directory (`ClusterRecovery`).
  public let epoch: UInt32
  /// The directory was made by this call.
  public let isNew: Bool
  /// The directory of the state store.
  public let statePath: String
  /// What the snapshot covered that the state store was installed from; zero if it was not. The log may end before it:
  /// then it is reset to the store (`LogStore.reset`).
  public let installed: EntryID
  /// What was found damaged and could be done without: one line each.
  public let notes: [StorageError]
  static let snapshotsName = "snapshots"
  let disk: any Disk
  private let lock: any DiskLock

  /// The directory of the log.
  public var logPath: String { DiskPath.join(path, Self.logName(epoch)) }

  static func logName(_ epoch: UInt32) -> String { epoch == 0 ? "log" : "log-\(epoch)" }
  /// The directory of the snapshots.
  public var snapshotsPath: String { DiskPath.join(path, Self.snapshotsName) }
  /// What binds the log to this directory.
  public var logIdentity: LogIdentity {
    LogIdentity(genesisHash: genesisHash, node: node, incarnation: incarnation)
  }

  /// Opens the directory of `node`, making it if there is none.
  ///
  /// - Parameters:
  ///   - genesisHash: 32 bytes.
  ///   - randomIncarnation: becomes the incarnation if the directory is new.
  /// - Throws: one clear line: not readable, in use, of another node or cluster, or damaged.
  public static func open(
    path: String, node: NodeID, genesisHash: [UInt8], randomIncarnation: UInt64,
    disk: any Disk = LinuxDisk()
  ) throws(StorageError) -> DataDirectory {
    precondition(genesisHash.count == LogIdentity.genesisHashBytes, "a genesis hash has 32 bytes")
    try disk.makeDirectory(path)
    let lock = try take(path, disk)
    let wanted = LogIdentity(
      genesisHash: genesisHash, node: node, incarnation: randomIncarnation)
    let stored = try readIdentity(path, disk)
    if let stored {
      try check(path, stored.identity, wanted)
    } else {
      try writeIdentity(path, wanted, epoch: 0, disk)
    }
    let pointer = try StatePointer.read(path, disk)
    try requireFirstStore(path, pointer, disk)
    // The pointer may be in the cache only, if the sync behind its renaming failed: then the old store still counts.
    try disk.syncDirectory(path)
    let notes = try removeUnused(path, pointer, disk)
    let directory = DataDirectory(
      path: path, identity: stored ?? (wanted, 0), isNew: stored == nil, pointer: pointer,
      notes: notes,
      disk: disk, lock: lock)
    try disk.makeDirectory(directory.logPath)
    if pointer == .initial { try disk.makeDirectory(directory.statePath) }
    guard try disk.exists(directory.statePath) else {
      throw StorageError(directory.statePath, "the state store that CURRENT names is gone")
    }
    try disk.syncDirectory(path)
    return directory
  }

  /// Opens an existing directory as it is, for tools on a stopped node. Makes and changes nothing but the lock.
  public static func openExisting(
    path: String, disk: any Disk = LinuxDisk()
  ) throws(StorageError) -> DataDirectory {
    guard try disk.exists(DiskPath.join(path, "identity")) else {
      throw StorageError(path, "is not a data directory of a node (it has no file 'identity')")
    }
    let lock = try take(path, disk)
    guard let stored = try readIdentity(path, disk) else {
      throw StorageError(path, "is not a data directory of a node (it has no file 'identity')")
    }
    return DataDirectory(
      path: path, identity: stored, isNew: false, pointer: try StatePointer.read(path, disk),
      notes: [], disk: disk, lock: lock)
  }

  /// The reserve of this directory, to be given to the log's options and checked from time to time.
  public func spaceReserve(bytes: Int = 64 << 20, lowBytes: Int = 256 << 20) -> SpaceReserve {
    SpaceReserve(
      disk: disk, path: DiskPath.join(path, "reserve"), bytes: bytes, lowBytes: lowBytes)
  }

  /// Points the directory to a new, empty state store, for a node whose store is damaged or differs from its peers'.
  /// The next start uses it, and must fetch a snapshot if the log does not reach back to the first entry.
  public func startFreshState() throws(StorageError) {
    let name = try StatePointer.freshName(path, disk)
    try disk.makeDirectory(DiskPath.join(path, name))
    try disk.syncDirectory(path)
    try StatePointer(name: name, installed: .zero).write(path, disk)
  }

  /// Opens the log of this directory. A log that was here before and is gone is an error, not an empty log: a node
  /// that forgot its votes must not vote.
  public func openLog(
    options: LogOptions = LogOptions()
  ) throws(StorageError) -> (LogStore, RecoveredLog) {
    let marker = DiskPath.join(path, "log-created")
    let wasMade = try disk.exists(marker)
    if wasMade, try LogStore.isMissing(disk: disk, directory: logPath) {
      throw StorageError(
        logPath,
        "the log of this node is gone; a node without its log must be replaced, not restarted")
    }
    let opened = try LogStore.open(
      disk: disk, directory: logPath, identity: logIdentity, options: options)
    if !wasMade {
      _ = try disk.create(marker)
      try disk.syncDirectory(path)
    }
    return opened
  }

  private init(
    path: String, identity stored: (identity: LogIdentity, epoch: UInt32), isNew: Bool,
    pointer: StatePointer,
    notes: [StorageError], disk: any Disk, lock: any DiskLock
  ) {
    self.path = path
    node = stored.identity.node
    incarnation = stored.identity.incarnation
    genesisHash = stored.identity.genesisHash
    epoch = stored.epoch
    self.isNew = isNew
    statePath = DiskPath.join(path, pointer.name)
    installed = pointer.installed
    self.notes = notes
    self.disk = disk
    self.lock = lock
  }

  /// Without a pointer the first store is in use. If that is gone and another is there, the pointer was lost.
  private static func requireFirstStore(
    _ path: String, _ pointer: StatePointer, _ disk: any Disk
  ) throws(StorageError) {
    guard pointer == .initial, try !disk.exists(DiskPath.join(path, pointer.name)) else { return }
    for name in try disk.list(path) where StatePointer.number(name) ?? 0 > 0 {
      throw StorageError(
        DiskPath.join(path, StatePointer.fileName),
        "is gone: which state store is in use cannot be told ('\(name)' is there)")
    }
  }

  /// Removes state stores that nothing names any more, and the note of a download that was swapped in.
  private static func removeUnused(
    _ path: String, _ pointer: StatePointer, _ disk: any Disk
  ) throws(StorageError) -> [StorageError] {
    var notes: [StorageError] = []
    var incoming: IncomingSnapshot?
    do throws(StorageError) {
      incoming = try IncomingSnapshot.read(path, disk)
    } catch {
      notes.append(error)
    }
    let isNoteUsed = incoming.map { $0.name != pointer.name } ?? false
    let note = DiskPath.join(path, IncomingSnapshot.fileName)
    if !isNoteUsed, try disk.exists(note) { try disk.remove(note) }
    for name in try disk.list(path) where StatePointer.number(name) != nil {
      guard name != pointer.name, !isNoteUsed || name != incoming?.name else { continue }
      try disk.removeTree(DiskPath.join(path, name))
    }
    return notes
  }

  private static func take(_ path: String, _ disk: any Disk) throws(StorageError) -> any DiskLock {
    guard let lock = try disk.lock(DiskPath.join(path, "lock")) else {
      throw StorageError(path, "this data directory is in use by another process")
    }
    return lock
  }

  private static func check(
    _ path: String, _ stored: LogIdentity, _ wanted: LogIdentity
  ) throws(StorageError) {
    guard stored.node == wanted.node else {
      throw StorageError(
        path, "this data directory belongs to node \(stored.node), not to node \(wanted.node)")
    }
    guard stored.genesisHash == wanted.genesisHash else {
      throw StorageError(
        path,
        "this data directory belongs to the cluster with genesis \(hex(stored.genesisHash)), "
          + "not to the one with genesis \(hex(wanted.genesisHash))")
    }
  }

  private static func readIdentity(
    _ path: String, _ disk: any Disk
  ) throws(StorageError) -> (identity: LogIdentity, epoch: UInt32)? {
    let names = try disk.list(path)
    guard names.contains("identity") else {
      let foreign = names.filter { $0 != "lock" && $0 != "identity.tmp" }
      guard foreign.isEmpty else {
        throw StorageError(
          path, "is not empty and not a data directory of a node (it holds '\(foreign[0])')")
      }
      return nil
    }
    let file = DiskPath.join(path, "identity")
    let bytes = try disk.open(file, writable: false).read(at: 0, count: identityBytes + 1)
    do {
      return try decode(bytes)
    } catch {
      throw StorageError(file, "the identity of this data directory is damaged (\(error))")
    }
  }

  private static func writeIdentity(
    _ path: String, _ identity: LogIdentity, epoch: UInt32, _ disk: any Disk
  ) throws(StorageError) {
    try disk.replace(DiskPath.join(path, "identity"), with: encode(identity, epoch: epoch))
  }

  /// The directory becomes another one, with the log of that epoch. This value stays as it was.
  func replaceIdentity(_ identity: LogIdentity, epoch: UInt32) throws(StorageError) {
    try Self.writeIdentity(path, identity, epoch: epoch, disk)
  }

  static func encode(_ identity: LogIdentity, epoch: UInt32) -> [UInt8] {
    var writer = ByteWriter(capacity: identityBytes)
    writer.u64(magic)
    writer.u16(formatVersion)
    writer.u64(identity.node.value)
    writer.u64(identity.incarnation)
    writer.raw(identity.genesisHash)
    writer.u32(epoch)
    writer.u32(CRC32C.of(writer.bytes))
    return writer.bytes
  }

  /// Version 1 has no epoch.
  static func decode(
    _ bytes: [UInt8]
  ) throws(WireError) -> (identity: LogIdentity, epoch: UInt32) {
    var reader = ByteReader(bytes)
    guard try reader.u64() == magic else { throw .invalid("magic") }
    let version = try reader.u16()
    guard (1...formatVersion).contains(version) else { throw .invalid("version") }
    let count = version == 1 ? identityBytesOfVersion1 : identityBytes
    guard bytes.count == count else { throw .invalid("size") }
    let node = NodeID(try reader.u64())
    let incarnation = try reader.u64()
    let genesis = try reader.raw(LogIdentity.genesisHashBytes)
    let epoch = version == 1 ? 0 : try reader.u32()
    guard try reader.u32() == CRC32C.of(bytes, in: 0..<count - 4) else { throw .checksum }
    try reader.finish()
    return (LogIdentity(genesisHash: genesis, node: node, incarnation: incarnation), epoch)
  }
}

/// Lower-case hexadecimal digits.
func hex(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef")
  return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
