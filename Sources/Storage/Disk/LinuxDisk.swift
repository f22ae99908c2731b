// LinuxDisk: the real file system.
//
// Invariant: no call returns success unless the system call did; short reads and writes are continued.
// Not here: retries of a failed sync (there are none, anywhere).

import CLinux
import Glibc

/// The file system of this machine.
public final class LinuxDisk: Disk {
  public init() {}

  public func makeDirectory(_ path: String) throws(StorageError) {
    if mkdir(path, 0o700) == 0 || errno == EEXIST { return try requireDirectory(path) }
    guard errno == ENOENT, let parent = DiskPath.parent(of: path) else {
      throw StorageError(path, "cannot make this directory", code: errno)
    }
    try makeDirectory(parent)
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw StorageError(path, "cannot make this directory", code: errno)
    }
    try syncDirectory(parent)
  }

  public func create(_ path: String) throws(StorageError) -> any DiskFile {
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StorageError(path, "cannot create", code: errno) }
    return LinuxFile(path, descriptor)
  }

  /// Takes the space first, so that a full disk is found before anything is written. The zeros go past the cache
  /// where the file system can do that: written through it, they reach the device all at once at the sync, in front
  /// of the log's
  /// own.
  public func createZeroed(
    _ path: String, count: Int
  ) throws(StorageError) -> any DiskFile {
    precondition(count % 4096 == 0, "whole blocks")
    let file = try create(path)
    try file.allocate(count)
    if !zeroedDirectly(path, count) {
      let piece = [UInt8](repeating: 0, count: min(1 << 20, count))
      for offset in stride(from: 0, to: count, by: piece.count) {
        let rest = count - offset
        try file.write(rest < piece.count ? Array(piece[..<rest]) : piece, at: offset)
      }
    }
    try file.sync()
    return file
  }

  /// Returns `false` if the file system does not write past its cache; then the file holds what it held.
  private func zeroedDirectly(_ path: String, _ count: Int) -> Bool {
    let descriptor = cl_open_direct(path)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    let piece = min(256 << 10, count)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: 4096)
    defer { buffer.deallocate() }
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    var offset = 0
    while offset < count {
      let n = pwrite(descriptor, buffer.baseAddress, min(piece, count - offset), off_t(offset))
      if n < 0, errno == EINTR { continue }
      guard n > 0, n % 4096 == 0 else { return false }
      offset += n
    }
    return true
  }

  public func open(_ path: String, writable: Bool) throws(StorageError) -> any DiskFile {
    let descriptor = Glibc.open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC)
    guard descriptor >= 0 else { throw StorageError(path, "cannot open", code: errno) }
    return LinuxFile(path, descriptor)
  }

  public func exists(_ path: String) throws(StorageError) -> Bool {
    var status = stat()
    if stat(path, &status) == 0 { return true }
    guard errno == ENOENT else { throw StorageError(path, "cannot look up", code: errno) }
    return false
  }

  public func list(_ directory: String) throws(StorageError) -> [String] {
    guard let stream = opendir(directory) else {
      throw StorageError(directory, "cannot read this directory", code: errno)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else { break }
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    guard errno == 0 else {
      throw StorageError(directory, "cannot read this directory", code: errno)
    }
    return names.sorted()
  }

  public func remove(_ path: String) throws(StorageError) {
    guard unlink(path) == 0 else { throw StorageError(path, "cannot remove", code: errno) }
  }

  /// Bytes freed at once, and the pause after them in microseconds: 256 MiB/s. A log sync beside it takes as long as
  /// ever then; beside the removal of 900 MiB at once it took 50 ms.
  private static let freedAtOnce = 16 << 20
  private static let freePause = 62_500

  public func removeGently(_ path: String) throws(StorageError) {
    let descriptor = Glibc.open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return try remove(path) }
    defer { close(descriptor) }
    try remove(path)
    var status = stat()
    // A file that has another name, such as one that a snapshot shares with the state store, lives on.
    guard fstat(descriptor, &status) == 0, status.st_nlink == 0 else { return }
    var size = Int(status.st_size)
    while size > 0 {
      let freed = min(size, Self.freedAtOnce)
      size -= freed
      guard ftruncate(descriptor, off_t(size)) == 0 else { return }  // closing it frees the rest
      usleep(UInt32(Self.freePause * freed / Self.freedAtOnce))
    }
  }

  public func rename(_ path: String, to target: String) throws(StorageError) {
    guard Glibc.rename(path, target) == 0 else {
      throw StorageError(path, "cannot rename to \(target)", code: errno)
    }
  }

  public func link(_ path: String, to target: String) throws(StorageError) {
    guard Glibc.link(path, target) == 0 else {
      throw StorageError(path, "cannot link to \(target)", code: errno)
    }
  }

  public func removeDirectory(_ path: String) throws(StorageError) {
    guard rmdir(path) == 0 else {
      throw StorageError(path, "cannot remove this directory", code: errno)
    }
  }

  public func syncDirectory(_ path: String) throws(StorageError) {
    let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw StorageError(path, "cannot open this directory", code: errno)
    }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else {
      throw StorageError(path, "cannot sync this directory", code: errno)
    }
  }

  public func freeBytes(_ directory: String) throws(StorageError) -> Int {
    var status = statvfs()
    guard statvfs(directory, &status) == 0 else {
      throw StorageError(directory, "cannot look up the free space", code: errno)
    }
    return Int(clamping: status.f_bavail).multipliedClamped(by: Int(clamping: status.f_frsize))
  }

  public func lock(_ path: String) throws(StorageError) -> (any DiskLock)? {
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StorageError(path, "cannot open", code: errno) }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return LinuxLock(descriptor) }
    let code = errno
    close(descriptor)
    guard code == EWOULDBLOCK else { throw StorageError(path, "cannot lock", code: code) }
    return nil
  }

  private func requireDirectory(_ path: String) throws(StorageError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw StorageError(path, "cannot look up", code: errno)
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw StorageError(path, "is not a directory", code: ENOTDIR)
    }
  }
}

extension Int {
  fileprivate func multipliedClamped(by other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }
}

/// Path arithmetic, without touching a disk.
public enum DiskPath {
  /// The directory that holds `path`; `nil` for the root and for a relative name without a slash.
  public static func parent(of path: String) -> String? {
    var end = path.endIndex
    while end > path.startIndex, path[path.index(before: end)] == "/" {
      end = path.index(before: end)
    }
    guard let slash = path[..<end].lastIndex(of: "/") else { return nil }
    return slash == path.startIndex ? (end == path.startIndex ? nil : "/") : String(path[..<slash])
  }

  /// `name` inside `directory`.
  public static func join(_ directory: String, _ name: String) -> String {
    directory.hasSuffix("/") ? directory + name : directory + "/" + name
  }
}

private final class LinuxFile: DiskFile {
  let path: String
  private let descriptor: Int32

  init(_ path: String, _ descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  func size() throws(StorageError) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw StorageError(path, "cannot look up the size", code: errno)
    }
    return Int(status.st_size)
  }

  func read(at offset: Int, count: Int) throws(StorageError) -> [UInt8] {
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count, let base = buffer.baseAddress {
        let n = pread(descriptor, base + filled, count - filled, off_t(offset + filled))
        if n < 0, errno == EINTR { continue }
        if n < 0 { code = errno }
        if n <= 0 { break }
        filled += n
      }
    }
    guard code == 0 else { throw StorageError(path, "cannot read at offset \(offset)", code: code) }
    return bytes
  }

  func write(_ bytes: [UInt8], at offset: Int) throws(StorageError) {
    var code: Int32 = 0
    bytes.withUnsafeBytes { buffer in
      var done = 0
      while done < buffer.count, let base = buffer.baseAddress {
        let n = pwrite(descriptor, base + done, buffer.count - done, off_t(offset + done))
        if n < 0, errno == EINTR { continue }
        if n <= 0 {
          code = n < 0 ? errno : EIO
          break
        }
        done += n
      }
    }
    guard code == 0 else {
      throw StorageError(path, "cannot write at offset \(offset)", code: code)
    }
  }

  func allocate(_ count: Int) throws(StorageError) {
    let code = posix_fallocate(descriptor, 0, off_t(count))
    guard code == 0 else { throw StorageError(path, "cannot take disk space", code: code) }
  }

  func beginWriteOut(at offset: Int, count: Int) {
    // An error of the device is told by the sync that follows.
    _ = cl_begin_write_out(descriptor, Int64(offset), Int64(count))
  }

  func sync() throws(StorageError) {
    guard fdatasync(descriptor) == 0 else { throw StorageError(path, "cannot sync", code: errno) }
  }

  func forgetCached() throws(StorageError) {
    let code = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    guard code == 0 else { throw StorageError(path, "cannot drop the cache", code: code) }
  }
}

private final class LinuxLock: DiskLock {
  private let descriptor: Int32
  init(_ descriptor: Int32) { self.descriptor = descriptor }
  deinit { close(descriptor) }
}
