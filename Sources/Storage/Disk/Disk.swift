// Disk: the only door from the log and the data directory to files. Real (LinuxDisk) and simulated (tests).
//
// Invariants that every implementation keeps:
//   * written bytes survive a crash only after `sync()` of that file returned
//   * created, renamed and removed names survive a crash only after `syncDirectory` of their directory returned
//   * after a failed `sync()` nothing is known about the bytes written since the last good one
// Not here: formats, retries, policy. RocksDB has its own door.

/// A file system, as far as Castle needs one. All calls block. Safe to call from several threads.
public protocol Disk: AnyObject, Sendable {
  /// Makes a directory (mode 0700) and its missing parents; one that exists is fine.
  func makeDirectory(_ path: String) throws(StorageError)

  /// Makes a new, empty file (mode 0600) for reading and writing. Fails if the name is taken.
  func create(_ path: String) throws(StorageError) -> any DiskFile

  /// Makes a new file (as `create`) of `count` bytes, a multiple of 4096, that holds zeros; they are durable on
  /// return. In the background of other files' syncs, so it should be gentle on them.
  func createZeroed(_ path: String, count: Int) throws(StorageError) -> any DiskFile

  /// Opens a file that exists.
  func open(_ path: String, writable: Bool) throws(StorageError) -> any DiskFile

  /// Whether there is a file or directory of this name.
  func exists(_ path: String) throws(StorageError) -> Bool

  /// The names in a directory, sorted, without `.` and `..`.
  func list(_ directory: String) throws(StorageError) -> [String]

  /// Removes a file's name.
  func remove(_ path: String) throws(StorageError)

  /// As `remove`, and gives the space back piece by piece if this was the last name: seconds for a file of a GiB. A
  /// file system that discards freed blocks (mount option `discard`) does it at its next journal commit, and until
  /// then every sync waits, also those of other files.
  func removeGently(_ path: String) throws(StorageError)

  /// Renames a file within its directory, replacing the target.
  func rename(_ path: String, to target: String) throws(StorageError)

  /// Gives a file a second name, in any directory of the same disk. Fails if the name is taken.
  func link(_ path: String, to target: String) throws(StorageError)

  /// Removes an empty directory.
  func removeDirectory(_ path: String) throws(StorageError)

  /// Makes the names of a directory durable.
  func syncDirectory(_ path: String) throws(StorageError)

  /// How many bytes new files in this directory can take now. Only a hint: others use the same disk.
  func freeBytes(_ directory: String) throws(StorageError) -> Int

  /// Takes the exclusive lock of a file (made if missing); `nil` if another process or handle holds it.
  /// The lock is released when the returned object goes away, or with the process.
  func lock(_ path: String) throws(StorageError) -> (any DiskLock)?
}

extension Disk {
  /// Without an answer of its own a disk counts as boundless: what does not fit fails when it is written.
  public func freeBytes(_ directory: String) throws(StorageError) -> Int { .max }

  /// At once.
  public func removeGently(_ path: String) throws(StorageError) { try remove(path) }

  /// By writing pieces, and one sync.
  public func createZeroed(
    _ path: String, count: Int
  ) throws(StorageError) -> any DiskFile {
    let file = try create(path)
    try file.allocate(count)
    try file.sync()
    return file
  }

  /// A disk without second names makes a copy, which is not durable before it is synced.
  public func link(_ path: String, to target: String) throws(StorageError) {
    let source = try open(path, writable: false)
    let copy = try create(target)
    var offset = 0
    while true {
      let piece = try source.read(at: offset, count: 1 << 20)
      if piece.isEmpty { return }
      try copy.write(piece, at: offset)
      offset += piece.count
    }
  }

  /// A disk that keeps no directories has nothing to remove.
  public func removeDirectory(_ path: String) throws(StorageError) {}
}

extension Disk {
  /// Removes a directory and the files in it; one that is not there is fine. Not durable before its parent is synced.
  ///
  /// - Parameter gently: as `removeGently` does it, for while customers are served.
  public func removeTree(_ directory: String, gently: Bool = false) throws(StorageError) {
    guard try exists(directory) else { return }
    for name in try list(directory) {
      let path = DiskPath.join(directory, name)
      if gently { try removeGently(path) } else { try remove(path) }
    }
    try removeDirectory(directory)
  }

  /// Writes a small file whole, durably, in place of what has that name: a crash leaves the old or the new one.
  func replace(_ path: String, with bytes: [UInt8]) throws(StorageError) {
    let temporary = path + ".tmp"
    if try exists(temporary) { try remove(temporary) }
    let file = try create(temporary)
    try file.write(bytes, at: 0)
    try file.sync()
    try rename(temporary, to: path)
    try syncDirectory(DiskPath.parent(of: path) ?? ".")
  }
}

/// An open file. Closed when the last reference goes away.
public protocol DiskFile: AnyObject, Sendable {
  var path: String { get }

  /// The size in bytes.
  func size() throws(StorageError) -> Int

  /// Up to `count` bytes from `offset`; fewer only at the end of the file.
  func read(at offset: Int, count: Int) throws(StorageError) -> [UInt8]

  /// Writes all bytes at `offset`, growing the file if needed.
  func write(_ bytes: [UInt8], at offset: Int) throws(StorageError)

  /// Takes disk space for the first `count` bytes, so that writing them later cannot find the disk full. The file is
  /// that long then, and reads as zeros where it was not written.
  func allocate(_ count: Int) throws(StorageError)

  /// Hints that these bytes should go to the device soon, so that a later `sync` of a large file is no burst in front
  /// of other files' syncs. Promises nothing; without it the disk decides.
  func beginWriteOut(at offset: Int, count: Int)

  /// Makes all bytes written so far durable (fdatasync). After an error, never call it again: it could lie.
  func sync() throws(StorageError)

  /// Drops synced bytes from the cache, so that the next read shows what the device holds. After a failed sync a
  /// cache can show bytes that never reached the device.
  func forgetCached() throws(StorageError)
}

extension DiskFile {
  public func beginWriteOut(at offset: Int, count: Int) {}

  /// By writing zeros behind what is there.
  public func allocate(_ count: Int) throws(StorageError) {
    var offset = try size()
    while offset < count {
      let piece = min(1 << 20, count - offset)
      try write([UInt8](repeating: 0, count: piece), at: offset)
      offset += piece
    }
  }
}

/// A held lock.
public protocol DiskLock: AnyObject, Sendable {}
