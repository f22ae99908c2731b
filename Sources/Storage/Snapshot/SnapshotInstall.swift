// SnapshotInstall: takes a snapshot into a fresh directory, file by file, and swaps the node over to it.
//
// Invariants:
//   * the running store is never touched; until the pointer is swapped a crash leaves the old one
//   * a file gets its name only when its bytes are durable and its checksum is that of the manifest
//   * the pointer is swapped only when all files and their names are durable and the caller's check agreed
//   * once the pointer may name the new files, whatever failed, they are not removed
//   * it can be continued after a crash: whole files are kept, and the begun one goes on where it ended
//   * it leaves the log and the state store room: what does not fit is not begun, and gives back what it took
// Not here: where the pieces come from and how fast (Replica, Node); the reset of the log (LogStore.reset, at the next
// start, which finds the new store through the pointer).

import Glibc
import Raft
import Wire

/// One snapshot on its way into a data directory. Used by one thread.
public final class SnapshotInstall {
  /// The next bytes that are wanted.
  public struct Piece: Hashable, Sendable {
    /// The file's place in the manifest.
    public var file: Int
    public var offset: Int
    public var count: Int
  }

  /// What became of a piece.
  public enum Received: Equatable, Sendable {
    /// It was not the next one: late, repeated or of another file. Nothing changed.
    case ignored
    case taken
    /// It was the last one of its file, which is whole.
    case fileDone
    /// It was the last one of its file, whose checksum is wrong: the file starts over.
    case fileWrong(StorageError)
  }

  /// The most bytes of one piece.
  public static let pieceBytesMax = 1 << 20

  /// What stays free of the disk when all of it is here: a log or a store that finds the disk full ends the node.
  static let roomBytes = 64 << 20

  public let manifest: SnapshotManifest
  /// Where the files go: the state store's directory, once it is swapped in.
  public let path: String
  /// The next start uses the new store, or may: an error after that leaves only to start again.
  public private(set) var isSwapped = false
  /// Bytes that were not fetched, because files that are here already have them.
  public private(set) var bytesReused = 0
  private let directory: String
  private let name: String
  private let disk: any Disk
  private let mutant: StorageMutant
  private var isDone: [Bool]
  private var begun: (file: Int, handle: any DiskFile, bytes: Int)?

  /// Begins to install a snapshot, or goes on where an earlier install of the same one ended. Files with equal contents
  /// in the present store, in this node's snapshots and in an abandoned download are taken from there (hard links).
  ///
  /// - Throws: `StorageError`; if the disk has no room for the rest (`isFull`), nothing is left of what was fetched.
  /// - Complexity: O(bytes of the files that are here).
  public convenience init(
    _ data: DataDirectory, manifest: SnapshotManifest
  ) throws(StorageError) {
    try self.init(data, manifest: manifest, mutant: .none)
  }

  init(
    _ data: DataDirectory, manifest: SnapshotManifest, mutant: StorageMutant
  ) throws(StorageError) {
    guard manifest.contents.genesisHash == data.genesisHash else {
      throw StorageError(
        data.path,
        "the snapshot belongs to the cluster with genesis \(hex(manifest.contents.genesisHash)), "
          + "not to the one with genesis \(hex(data.genesisHash))")
    }
    self.manifest = manifest
    self.mutant = mutant
    disk = data.disk
    directory = data.path
    isDone = manifest.files.map { _ in false }
    // A damaged note of an earlier download is as good as none: its files are only candidates.
    let earlier = try? IncomingSnapshot.read(data.path, data.disk)
    let present = DiskPath.join(data.path, try StatePointer.read(data.path, data.disk).name)
    if let earlier, earlier.manifest == manifest,
      DiskPath.join(data.path, earlier.name) != present
    {
      name = earlier.name
      path = DiskPath.join(data.path, name)
      try disk.makeDirectory(path)
      try keepWhole()
      try reuse([present] + snapshotDirectories())
    } else {
      name = try StatePointer.freshName(data.path, data.disk)
      path = DiskPath.join(data.path, name)
      try disk.makeDirectory(path)
      try IncomingSnapshot(name: name, manifest: manifest).write(data.path, disk)
      let old = earlier.map { DiskPath.join(data.path, $0.name) }
      try reuse([present] + snapshotDirectories() + (old.map { [$0] } ?? []))
      if let old, old != present { try disk.removeTree(old, gently: true) }
    }
    let free = try disk.freeBytes(directory)
    guard isComplete || free >= bytesMissing + Self.roomBytes else {
      try? discard()
      throw StorageError(
        path,
        "the snapshot has no room here: \(bytesMissing) bytes are missing, \(free) are free, and "
          + "\(Self.roomBytes) must stay free", code: ENOSPC)
    }
  }

  /// Bytes that are still to come.
  public var bytesMissing: Int {
    let open = manifest.files.indices.filter { !isDone[$0] }
    return open.reduce(0) { $0 + manifest.files[$1].bytes } - (begun?.bytes ?? 0)
  }

  /// Every file is here and whole.
  public var isComplete: Bool { isDone.allSatisfy { $0 } }

  /// The next pieces to ask for, in order; empty when every file is here. Asking for several at once hides the way
  /// there and back; they must be received in this order.
  public func wanted(pieces: Int = 1, bytes: Int = pieceBytesMax) throws(StorageError) -> [Piece] {
    precondition(bytes > 0 && bytes <= Self.pieceBytesMax, "the size of a piece")
    var result: [Piece] = []
    for file in manifest.files.indices where !isDone[file] {
      let size = manifest.files[file].bytes
      var offset = try begun?.file == file ? begun?.bytes ?? 0 : begunBytes(file)
      repeat {
        guard result.count < pieces else { return result }
        let count = min(bytes, size - offset)
        result.append(Piece(file: file, offset: offset, count: count))
        offset += count
      } while offset < size
    }
    return result
  }

  /// Takes a piece. Pieces that are not the next one of their file are ignored.
  ///
  /// - Throws: `StorageError` if it cannot be written: the install cannot go on, the running store is untouched. On a
  ///   full disk nothing is left of what was fetched: the node needs the room more.
  public func receive(
    file: Int, offset: Int, bytes: [UInt8]
  ) throws(StorageError) -> Received {
    do throws(StorageError) {
      return try take(file: file, offset: offset, bytes: bytes)
    } catch {
      if error.isFull { try? discard() }
      throw error
    }
  }

  private func take(
    file: Int, offset: Int, bytes: [UInt8]
  ) throws(StorageError) -> Received {
    guard manifest.files.indices.contains(file), !isDone[file] else { return .ignored }
    if begun?.file != file { try begin(file) }
    guard var current = begun, offset == current.bytes,
      offset + bytes.count <= manifest.files[file].bytes,
      !bytes.isEmpty || manifest.files[file].bytes == 0
    else { return .ignored }
    try current.handle.write(bytes, at: offset)
    current.handle.beginWriteOut(at: offset, count: bytes.count)
    current.bytes += bytes.count
    begun = current
    guard current.bytes == manifest.files[file].bytes else { return .taken }
    begun = nil
    return try complete(file, current.handle)
  }

  /// Checks the whole snapshot with `read`, which says what the files hold (and recomputes the state hash), and swaps
  /// the node's pointer to it. From then on the next start uses it; the present store stays until then.
  ///
  /// - Throws: `StorageError` if files are missing, or if the contents are not what the manifest says; nothing is
  ///   swapped then. Also if the disk fails: `isSwapped` tells whether before or after.
  public func finishFiles(_ read: (String) throws -> SnapshotContents) throws(StorageError) {
    guard isComplete else {
      throw StorageError(path, "the snapshot is not complete: \(bytesMissing) bytes are missing")
    }
    if mutant.runs(.pointerBeforeFiles) { try swap() }
    let contents: SnapshotContents
    do {
      contents = try read(path)
    } catch let error as StorageError {
      throw error
    } catch {
      throw StorageError(path, "the snapshot cannot be read: \(error)")
    }
    if let objection = manifest.objection(to: contents, path) { throw objection }
    let names = Set(manifest.files.map(\.name))
    for found in try disk.list(path) where !names.contains(found) {
      try disk.remove(DiskPath.join(path, found))
    }
    try disk.syncDirectory(path)
    try disk.syncDirectory(directory)
    if mutant.bug != .pointerBeforeFiles { try swap() }
    try disk.remove(DiskPath.join(directory, IncomingSnapshot.fileName))
    try disk.syncDirectory(directory)
  }

  /// `finishFiles` for a store in RocksDB: `read` gets the rows of the new store, opened for reading.
  public func finish(
    reading read: (any RowReader) throws -> SnapshotContents
  ) throws(StorageError) {
    try finishFiles { path in try StateStore.withReadOnly(path: path, read) }
  }

  /// Gives it up and removes what was fetched.
  ///
  /// - Throws: `StorageError`, also if `isSwapped`.
  public func discard() throws(StorageError) {
    guard !isSwapped else { throw StorageError(path, "is this node's state store now") }
    begun = nil
    let note = DiskPath.join(directory, IncomingSnapshot.fileName)
    if try disk.exists(note) { try disk.remove(note) }
    try disk.removeTree(path, gently: true)
    try disk.syncDirectory(directory)
  }

  private func swap() throws(StorageError) {
    do throws(StorageError) {
      try StatePointer(name: name, installed: manifest.contents.applied).write(directory, disk)
      isSwapped = true
    } catch {
      // The pointer may have its name already, and only the sync after that have failed.
      let named = try? StatePointer.read(directory, disk).name
      isSwapped = named == nil || named == name
      throw error
    }
  }

  private func place(_ file: Int) -> String { DiskPath.join(path, manifest.files[file].name) }

  private func part(_ file: Int) -> String { place(file) + ".part" }

  private func begunBytes(_ file: Int) throws(StorageError) -> Int {
    guard try disk.exists(part(file)) else { return 0 }
    let size = try disk.open(part(file), writable: false).size()
    return size < manifest.files[file].bytes ? size : 0
  }

  /// What a crash left of the file may not have the bytes that were received: its checksum tells at the end.
  private func begin(_ file: Int) throws(StorageError) {
    let kept = try begunBytes(file)
    if kept > 0 {
      begun = (file, try disk.open(part(file), writable: true), kept)
    } else {
      if try disk.exists(part(file)) { try disk.remove(part(file)) }
      begun = (file, try disk.create(part(file)), 0)
    }
  }

  private func complete(
    _ file: Int, _ handle: any DiskFile
  ) throws(StorageError) -> Received {
    try handle.sync()
    try handle.forgetCached()
    let found = try FileChecksum.of(handle)
    let expected = manifest.files[file]
    let isSame = found == (expected.bytes, expected.checksum)
    guard isSame || mutant.runs(.checksumNotChecked) else {
      try disk.remove(part(file))
      return .fileWrong(StorageError(place(file), "arrived damaged (checksum); it starts over"))
    }
    try disk.rename(part(file), to: place(file))
    isDone[file] = true
    return .fileDone
  }

  /// Keeps the whole files of an earlier attempt. A name can outlive a crash without all of its bytes, so all are read.
  private func keepWhole() throws(StorageError) {
    for (i, file) in manifest.files.enumerated() where try disk.exists(place(i)) {
      let handle = try disk.open(place(i), writable: true)
      try handle.sync()
      try handle.forgetCached()
      if try FileChecksum.of(handle) == (file.bytes, file.checksum) {
        isDone[i] = true
      } else {
        try disk.remove(place(i))
      }
    }
  }

  private func snapshotDirectories() throws(StorageError) -> [String] {
    let snapshots = DiskPath.join(directory, DataDirectory.snapshotsName)
    return try SnapshotStore.inspect(disk: disk, directory: snapshots).snapshots.map(\.directory)
  }

  /// Table files never change once they have their name, so one with the same size and checksum is the same.
  private func reuse(_ sources: [String]) throws(StorageError) {
    var candidates: [Int: [String]] = [:]
    for source in sources where try disk.exists(source) {
      for name in try disk.list(source) where name.hasSuffix(".sst") {
        let candidate = DiskPath.join(source, name)
        // The running store removes files at any time: what is gone is no candidate.
        guard let size = try? disk.open(candidate, writable: false).size() else { continue }
        candidates[size, default: []].append(candidate)
      }
    }
    for (i, file) in manifest.files.enumerated()
    where !isDone[i] && file.name.hasSuffix(".sst") {
      for candidate in candidates[file.bytes] ?? [] {
        guard let handle = try? disk.open(candidate, writable: true),
          let found = try? FileChecksum.of(handle), found == (file.bytes, file.checksum)
        else { continue }
        try handle.sync()
        guard (try? disk.link(candidate, to: place(i))) != nil else { continue }
        isDone[i] = true
        bytesReused += file.bytes
        break
      }
    }
  }
}
