// SimDisk: a disk in memory that is fast and knows what a power loss takes away.
//
// Model, after what Linux file systems do at their worst (as FaultDisk of the tests, but by undo
// lists, so that a sync costs nothing):
//   * written 512-byte sectors are durable after the file's sync; names after their directory's
//     sync
//   * at a power loss each sector and each name change that is not durable survives or not, one by
//     one
//   * after a failed sync the cache shows the bytes, a later sync saves nothing, dropping the cache
//     shows the device
// Not here: how long anything takes (SimNode).

import Glibc
import Storage

/// One machine's disk. Used by one thread.
final class SimDisk: Disk, @unchecked Sendable {  // a simulation is one thread
  static let sectorBytes = 512

  private enum NameChange {
    case link(String, SimFileContent)
    case unlink(String)
    case rename(String, String)
  }

  private(set) var names: [String: SimFileContent] = [:]
  private var durableNames: [String: SimFileContent] = [:]
  private var pending: [NameChange] = []
  private var directories: Set<String> = []

  /// Changing calls that still work; then the machine is off.
  var stopAfter: Int?
  private(set) var isStopped = false
  var failsNextSync = false
  var failsNextWrite = false
  /// No room for new files.
  var isFull = false
  /// The next write goes to another block of its file.
  var misdirects: SimRandom?

  init() {}

  // MARK: Accidents

  /// The power fails: what was not synced is lost, or not, sector by sector.
  func losePower(_ random: inout SimRandom) {
    names = durableNames
    for change in pending where random.chance(50) { Self.apply(change, to: &names) }
    durableNames = names
    pending.removeAll()
    for name in names.keys.sorted() { names[name]?.revert(&random) }
    repair()
  }

  /// The process dies; the machine goes on, and so does its cache.
  func loseProcess() { repair() }

  private func repair() {
    stopAfter = nil
    isStopped = false
    failsNextSync = false
    failsNextWrite = false
    misdirects = nil
  }

  /// An independent copy of what is durable.
  func copy() -> SimDisk {
    let other = SimDisk()
    for (name, content) in durableNames { other.names[name] = content.durableCopy() }
    other.durableNames = other.names
    other.directories = directories
    return other
  }

  /// Paths of files whose names end in `suffix`, sorted.
  func paths(_ suffix: String) -> [String] { names.keys.filter { $0.hasSuffix(suffix) }.sorted() }

  /// Flips one bit of a block that is in use. `nil` if there is none.
  func rot(_ random: inout SimRandom) -> String? {
    let files = paths(".segment")
    guard !files.isEmpty else { return nil }
    for _ in 0..<8 {
      let path = random.pick(files)
      guard let content = names[path], content.bytes.count >= 4096 else { continue }
      let block = random.below(content.bytes.count / 4096)
      guard content.bytes[block * 4096] != 0 else { continue }
      let byte = block * 4096 + random.below(4096)
      content.bytes[byte] ^= 1 << UInt8(random.below(8))
      return "\(path) block \(block) byte \(byte)"
    }
    return nil
  }

  // MARK: Calls

  func change(_ path: String) throws(StorageError) {
    if isStopped { throw StorageError(path, "the machine is off", code: EIO) }
    if let left = stopAfter {
      if left == 0 {
        isStopped = true
        throw StorageError(path, "the power failed", code: EIO)
      }
      stopAfter = left - 1
    }
  }

  func makeDirectory(_ path: String) throws(StorageError) { directories.insert(path) }

  func create(_ path: String) throws(StorageError) -> any DiskFile {
    try change(path)
    if isFull { throw StorageError(path, "cannot create", code: ENOSPC) }
    guard names[path] == nil else { throw StorageError(path, "cannot create", code: EEXIST) }
    let content = SimFileContent()
    names[path] = content
    pending.append(.link(path, content))
    return SimFile(path, content, self)
  }

  func open(_ path: String, writable: Bool) throws(StorageError) -> any DiskFile {
    guard let content = names[path] else { throw StorageError(path, "cannot open", code: ENOENT) }
    return SimFile(path, content, self)
  }

  func exists(_ path: String) throws(StorageError) -> Bool {
    names[path] != nil || directories.contains(path)
  }

  func list(_ directory: String) throws(StorageError) -> [String] {
    let prefix = directory.hasSuffix("/") ? directory : directory + "/"
    return names.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
      .filter { !$0.contains("/") }.sorted()
  }

  func remove(_ path: String) throws(StorageError) {
    try change(path)
    guard names.removeValue(forKey: path) != nil else {
      throw StorageError(path, "cannot remove", code: ENOENT)
    }
    pending.append(.unlink(path))
  }

  func rename(_ path: String, to target: String) throws(StorageError) {
    try change(path)
    guard let content = names.removeValue(forKey: path) else {
      throw StorageError(path, "cannot rename", code: ENOENT)
    }
    names[target] = content
    pending.append(.rename(path, target))
  }

  func syncDirectory(_ path: String) throws(StorageError) {
    try change(path)
    for change in pending { Self.apply(change, to: &durableNames) }
    pending.removeAll(keepingCapacity: true)
  }

  func freeBytes(_ directory: String) throws(StorageError) -> Int { isFull ? 0 : .max }

  func lock(_ path: String) throws(StorageError) -> (any DiskLock)? { SimLock() }

  private static func apply(_ change: NameChange, to names: inout [String: SimFileContent]) {
    switch change {
    case .link(let path, let content): names[path] = content
    case .unlink(let path): names[path] = nil
    case .rename(let path, let target):
      if let content = names.removeValue(forKey: path) { names[target] = content }
    }
  }
}

final class SimLock: DiskLock, Sendable {}

/// A file's bytes, and how to take back what is not durable.
final class SimFileContent {
  struct Undo {
    var offset: Int
    var old: [UInt8]
    var end: Int
    var size: Int
  }

  var bytes: [UInt8] = []
  private var undo: [Undo] = []
  /// Writes that a failed sync gave up.
  private var lost: [Undo] = []

  func write(_ new: [UInt8], at offset: Int) {
    let end = offset + new.count
    let size = bytes.count
    let old = offset < size ? Array(bytes[offset..<min(end, size)]) : []
    undo.append(Undo(offset: offset, old: old, end: end, size: size))
    if offset == size {
      bytes.append(contentsOf: new)
      return
    }
    if end > size { bytes.append(contentsOf: repeatElement(0, count: end - size)) }
    bytes.withUnsafeMutableBytes { target in
      new.withUnsafeBytes { source in
        guard let to = target.baseAddress, let from = source.baseAddress else { return }
        memcpy(to + offset, from, source.count)
      }
    }
  }

  func sync() { undo.removeAll(keepingCapacity: true) }

  func failSync() {
    lost.append(contentsOf: undo)
    undo.removeAll()
  }

  /// Shows what the device holds.
  func forgetCached(_ random: inout SimRandom) {
    for change in lost.reversed() { take(back: change, &random) }
    lost.removeAll()
  }

  func revert(_ random: inout SimRandom) {
    for change in undo.reversed() { take(back: change, &random) }
    undo.removeAll()
    forgetCached(&random)
  }

  func durableCopy() -> SimFileContent {
    let other = SimFileContent()
    other.bytes = bytes
    for change in undo.reversed() { other.take(back: change, keep: 0) }
    return other
  }

  private func take(back change: Undo, _ random: inout SimRandom) {
    // All, nothing, or a part: all three are common.
    take(back: change, keep: random.pick([0, 0, 50, 90, 100]), &random)
  }

  private func take(back change: Undo, keep: Int) {
    var random = SimRandom(0)
    take(back: change, keep: keep, &random)
  }

  private func take(back change: Undo, keep: Int, _ random: inout SimRandom) {
    var sector = change.offset / SimDisk.sectorBytes
    while sector * SimDisk.sectorBytes < change.end {
      let start = max(sector * SimDisk.sectorBytes, change.offset)
      let end = min((sector + 1) * SimDisk.sectorBytes, change.end)
      sector += 1
      if random.chance(keep) { continue }
      for byte in start..<min(end, bytes.count) {
        let place = byte - change.offset
        bytes[byte] = place < change.old.count ? change.old[place] : 0
      }
    }
    if keep == 0, bytes.count > change.size { bytes.removeLast(bytes.count - change.size) }
  }
}

/// An open file of a `SimDisk`.
final class SimFile: DiskFile, @unchecked Sendable {  // a simulation is one thread
  let path: String
  private let content: SimFileContent
  private let disk: SimDisk

  init(_ path: String, _ content: SimFileContent, _ disk: SimDisk) {
    self.path = path
    self.content = content
    self.disk = disk
  }

  func size() throws(StorageError) -> Int { content.bytes.count }

  func read(at offset: Int, count: Int) throws(StorageError) -> [UInt8] {
    let size = content.bytes.count
    guard offset < size else { return [] }
    if offset == 0, count >= size { return content.bytes }
    return Array(content.bytes[offset..<min(offset + count, size)])
  }

  func write(_ bytes: [UInt8], at offset: Int) throws(StorageError) {
    if disk.stopAfter == 0, !disk.isStopped {
      // The power fails in the middle: the first half is in the cache.
      content.write(Array(bytes[..<(bytes.count / 2)]), at: offset)
    }
    try disk.change(path)
    if disk.failsNextWrite {
      disk.failsNextWrite = false
      throw StorageError(path, "cannot write at offset \(offset)", code: EIO)
    }
    if var random = disk.misdirects, content.bytes.count >= 8192, bytes.count <= 8192 {
      disk.misdirects = nil
      let blocks = (content.bytes.count - bytes.count) / 4096
      content.write(bytes, at: random.below(max(1, blocks)) * 4096)
      return
    }
    content.write(bytes, at: offset)
  }

  func sync() throws(StorageError) {
    try disk.change(path)
    if disk.failsNextSync {
      disk.failsNextSync = false
      content.failSync()
      throw StorageError(path, "cannot sync", code: EIO)
    }
    content.sync()
  }

  func forgetCached() throws(StorageError) {
    var random = SimRandom(UInt64(content.bytes.count))
    content.forgetCached(&random)
  }
}
