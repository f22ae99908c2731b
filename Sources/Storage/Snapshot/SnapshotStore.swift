// SnapshotStore: the finished checkpoints of one node, each a directory of files with a manifest.
//
//   DIR/snapshots/<number, 16 hexadecimal digits>/   files of a checkpoint, and `manifest`, which is written last
//
// Invariants:
//   * a directory without a manifest is unfinished: never listed, removed when the store is opened
//   * when a manifest is durable, so are all the files that it names
//   * a snapshot whose manifest cannot be read is not listed, and `ignored` says why
// Not here: when to make one and how many to keep (Replica, Node); what the rows mean (closures of the caller).

import Raft
import Synchronization
import Wire

/// A finished snapshot.
public struct Snapshot: Hashable, Sendable {
  /// Where its files are.
  public let directory: String
  let number: UInt64
  public let manifest: SnapshotManifest

  /// The last entry that its rows cover.
  public var applied: EntryID { manifest.contents.applied }
}

/// The snapshots in one directory. Safe to use from several threads; one makes at a time.
public final class SnapshotStore: Sendable {
  static let manifestName = "manifest"

  struct State {
    var snapshots: [Snapshot] = []
    var ignored: [StorageError] = []
    var nextNumber: UInt64 = 1
    var isMaking = false
    /// Where the scrub is.
    var scrubbed: (number: UInt64, file: Int) = (0, 0)
  }

  private let disk: any Disk
  public let directory: String
  let mutant: StorageMutant
  let state = Mutex(State())

  init(disk: any Disk, directory: String, mutant: StorageMutant) {
    self.disk = disk
    self.directory = directory
    self.mutant = mutant
  }

  /// Opens the snapshots in `directory`, making it if there is none, and removes unfinished ones.
  ///
  /// - Throws: `StorageError` if the directory cannot be used. A damaged manifest is not an error (`ignored`).
  public static func open(
    disk: any Disk = LinuxDisk(), directory: String
  ) throws(StorageError) -> SnapshotStore {
    try open(disk: disk, directory: directory, mutant: .none)
  }

  static func open(
    disk: any Disk, directory: String, mutant: StorageMutant
  ) throws(StorageError) -> SnapshotStore {
    let store = SnapshotStore(disk: disk, directory: directory, mutant: mutant)
    try disk.makeDirectory(directory)
    try store.load(removingUnfinished: true)
    return store
  }

  /// Looks at the snapshots in `directory` without changing anything, for tools on a stopped node.
  public static func inspect(
    disk: any Disk = LinuxDisk(), directory: String
  ) throws(StorageError) -> SnapshotStore {
    let store = SnapshotStore(disk: disk, directory: directory, mutant: .none)
    if try disk.exists(directory) { try store.load(removingUnfinished: false) }
    return store
  }

  /// All snapshots, the newest first.
  public var snapshots: [Snapshot] { state.withLock { $0.snapshots } }

  /// The newest snapshot.
  public var latest: Snapshot? { state.withLock { $0.snapshots.first } }

  /// Why directories were left out: one line each, with the file.
  public var ignored: [StorageError] { state.withLock { $0.ignored } }

  /// Makes a snapshot of a running store: a checkpoint (hard links), then its description, then its checksums. Writes
  /// to the store go on meanwhile. Call it from a helper thread.
  public func make(
    of store: StateStore, describe: (any RowReader) throws -> SnapshotContents
  ) throws(StorageError) -> Snapshot {
    try make { (path) throws(StorageError) in
      try store.checkpoint(to: path)
    } describe: { path in
      try StateStore.withReadOnly(path: path, describe)
    }
  }

  /// Makes a snapshot: `checkpoint` makes the files in a directory that does not exist yet, `describe` reads from them
  /// what they hold.
  ///
  /// - Throws: `StorageError`; nothing is left then but what the next `open` removes.
  public func make(
    checkpoint: (String) throws(StorageError) -> Void,
    describe: (String) throws -> SnapshotContents
  ) throws(StorageError) -> Snapshot {
    let number = try begin()
    let path = DiskPath.join(directory, Self.name(number))
    defer { state.withLock { $0.isMaking = false } }
    do throws(StorageError) {
      try checkpoint(path)
      let contents = try described(path, describe)
      let files = try survey(path)
      let manifest = try manifest(contents, files, path)
      try disk.syncDirectory(path)
      try disk.syncDirectory(directory)
      try disk.replace(DiskPath.join(path, Self.manifestName), with: manifest.encoded)
      let snapshot = Snapshot(directory: path, number: number, manifest: manifest)
      state.withLock { $0.insert(snapshot) }
      return snapshot
    } catch {
      try? disk.removeTree(path)
      throw error
    }
  }

  /// Removes all snapshots but the newest `count`, and those that are ignored. Reads of a removed one fail.
  public func removeOld(keeping count: Int) throws(StorageError) {
    precondition(count >= 0, "a count")
    let removed = state.withLock { state -> [String] in
      let removed = state.snapshots.dropFirst(count).map(\.directory)
      let ignored = state.ignored.compactMap { DiskPath.parent(of: $0.path) }
      state.snapshots.removeLast(removed.count)
      state.ignored = []
      return removed + ignored
    }
    for path in removed { try removeFiles(path) }
    if !removed.isEmpty { try disk.syncDirectory(directory) }
  }

  /// A piece of a file of a snapshot, for sending it: up to `count` bytes, fewer only at its end.
  ///
  /// - Throws: `StorageError` if there is no such file, or it cannot be read.
  public func read(
    _ snapshot: Snapshot, file: Int, at offset: Int, count: Int
  ) throws(StorageError) -> [UInt8] {
    guard snapshot.manifest.files.indices.contains(file) else {
      throw StorageError(snapshot.directory, "this snapshot has no file number \(file)")
    }
    let path = DiskPath.join(snapshot.directory, snapshot.manifest.files[file].name)
    return try disk.open(path, writable: false).read(at: offset, count: count)
  }

  /// Compares one file with the manifest. `nil`: it is whole.
  public func damage(_ snapshot: Snapshot, file: Int) -> StorageError? {
    let expected = snapshot.manifest.files[file]
    let path = DiskPath.join(snapshot.directory, expected.name)
    do throws(StorageError) {
      let opened = try disk.open(path, writable: false)
      try opened.forgetCached()
      let found = try FileChecksum.of(opened)
      guard found.bytes == expected.bytes else {
        return StorageError(path, "has \(found.bytes) bytes instead of \(expected.bytes)")
      }
      guard found.checksum == expected.checksum else {
        return StorageError(path, "is damaged (checksum)")
      }
      return nil
    } catch {
      return error
    }
  }

  /// Checks the next file of the snapshots, one at a time, round and round. A snapshot with a damaged
  /// file is not listed any more (`ignored`).
  ///
  /// - Returns: the damage, if there is any.
  /// - Complexity: O(bytes of one file).
  public func scrub() -> StorageError? {
    let next = state.withLock { state -> (Snapshot, Int)? in
      let all = state.snapshots.sorted { $0.number < $1.number }
      let (number, file) = state.scrubbed
      let found =
        all.first { $0.number == number && file < $0.manifest.files.count || $0.number > number }
        ?? all.first
      guard let found, !found.manifest.files.isEmpty else { return nil }
      let isSame = found.number == number && file < found.manifest.files.count
      let position = isSame ? file : 0
      state.scrubbed = (found.number, position + 1)
      return (found, position)
    }
    guard let (snapshot, file) = next, let damage = damage(snapshot, file: file) else { return nil }
    return state.withLock { state in
      // It may have been removed while it was read.
      guard state.snapshots.contains(snapshot) else { return nil }
      state.snapshots.removeAll { $0 == snapshot }
      state.ignored.append(damage)
      return damage
    }
  }

  /// Every damaged file of a snapshot.
  ///
  /// - Complexity: O(bytes of the snapshot).
  public func verify(_ snapshot: Snapshot) -> [StorageError] {
    snapshot.manifest.files.indices.compactMap { damage(snapshot, file: $0) }
  }

  /// Every damaged file of a snapshot; where all are whole, what else its rows are not that the manifest says.
  ///
  /// - Parameter describe: reads the files in a directory, and counts the state hash anew.
  /// - Complexity: O(bytes of the snapshot).
  public func verify(
    _ snapshot: Snapshot, describe: (String) throws -> SnapshotContents
  ) -> [StorageError] {
    let damages = verify(snapshot)
    guard damages.isEmpty else { return damages }
    do throws(StorageError) {
      let found = try described(snapshot.directory, describe)
      return snapshot.manifest.objection(to: found, snapshot.directory).map { [$0] } ?? []
    } catch {
      return [error]
    }
  }

  static func name(_ number: UInt64) -> String { hex16(number) }

  /// Files that RocksDB writes whenever it opens a directory, and that hold no state.
  static func isState(_ name: String) -> Bool {
    name != "LOCK" && name != manifestName && name != manifestName + ".tmp"
      && !name.hasPrefix("LOG")
  }

  private func begin() throws(StorageError) -> UInt64 {
    let number = state.withLock { state -> UInt64? in
      if state.isMaking { return nil }
      state.isMaking = true
      state.nextNumber += 1
      return state.nextNumber - 1
    }
    guard let number else { throw StorageError(directory, "a snapshot is being made already") }
    return number
  }

  private func described(
    _ path: String, _ describe: (String) throws -> SnapshotContents
  ) throws(StorageError) -> SnapshotContents {
    do {
      return try describe(path)
    } catch let error as StorageError {
      throw error
    } catch {
      throw StorageError(path, "the checkpoint cannot be read: \(error)")
    }
  }

  /// Syncs and sums up every file.
  private func survey(_ path: String) throws(StorageError) -> [SnapshotManifest.File] {
    var files: [SnapshotManifest.File] = []
    for name in try disk.list(path) {
      let place = DiskPath.join(path, name)
      guard Self.isState(name) else {
        try disk.remove(place)
        continue
      }
      let file = try disk.open(place, writable: true)
      if !mutant.runs(.snapshotNotSynced) { try file.sync() }
      let found = try FileChecksum.of(file)
      files.append(
        SnapshotManifest.File(name: name, bytes: found.bytes, checksum: found.checksum))
    }
    return files
  }

  private func manifest(
    _ contents: SnapshotContents, _ files: [SnapshotManifest.File], _ path: String
  ) throws(StorageError) -> SnapshotManifest {
    do throws(WireError) {
      return try SnapshotManifest(contents: contents, files: files)
    } catch {
      throw StorageError(path, "the checkpoint's files cannot be listed (\(error))")
    }
  }

  private func load(removingUnfinished: Bool) throws(StorageError) {
    var loaded = State()
    for name in try disk.list(directory) {
      guard let number = number16(name) else { continue }
      loaded.nextNumber = max(loaded.nextNumber, number + 1)
      let path = DiskPath.join(directory, name)
      let manifestPath = DiskPath.join(path, Self.manifestName)
      guard try disk.exists(manifestPath) else {
        if removingUnfinished {
          try disk.removeTree(path)
          try disk.syncDirectory(directory)
        }
        continue
      }
      do throws(StorageError) {
        let manifest = try Self.readManifest(manifestPath, disk)
        loaded.insert(Snapshot(directory: path, number: number, manifest: manifest))
      } catch {
        loaded.ignored.append(error)
      }
    }
    let found = loaded
    state.withLock { $0 = found }
  }

  /// Reads a manifest from a file.
  ///
  /// - Throws: `StorageError`, naming the file, if it cannot be read or is damaged.
  public static func readManifest(
    _ path: String, _ disk: any Disk = LinuxDisk()
  ) throws(StorageError) -> SnapshotManifest {
    let file = try disk.open(path, writable: false)
    let bytes = try file.read(at: 0, count: SnapshotManifest.bytesMax + 1)
    do throws(WireError) {
      return try SnapshotManifest(decoding: bytes)
    } catch {
      throw StorageError(path, "this manifest is damaged, so its snapshot is ignored (\(error))")
    }
  }

  /// The manifest goes first and durably, so that no half-removed snapshot is ever listed.
  private func removeFiles(_ path: String) throws(StorageError) {
    let manifest = DiskPath.join(path, Self.manifestName)
    if try disk.exists(manifest) {
      try disk.remove(manifest)
      try disk.syncDirectory(path)
    }
    try disk.removeTree(path, gently: true)
  }
}

extension SnapshotStore.State {
  fileprivate mutating func insert(_ snapshot: Snapshot) {
    snapshots.append(snapshot)
    snapshots.sort { ($0.applied.index, $0.number) > ($1.applied.index, $1.number) }
  }
}

/// 16 hexadecimal digits.
func hex16(_ number: UInt64) -> String {
  let digits = String(number, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}

/// The number that `hex16` wrote; `nil` for anything else.
func number16(_ text: String) -> UInt64? {
  guard text.utf8.count == 16, let number = UInt64(text, radix: 16), hex16(number) == text else {
    return nil
  }
  return number
}
