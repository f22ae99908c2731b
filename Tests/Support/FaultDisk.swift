// FaultDisk: a disk in memory that remembers what is durable, fails on demand and loses what was not synced.
//
// Model, after what Linux file systems do at their worst:
//   * written 512-byte sectors are durable after the file's sync; names after their directory's sync
//   * at a power loss each sector and each name change that is not durable survives or not, one by one
//   * after a failed sync the cache still shows the bytes, a later sync succeeds and saves nothing, and dropping the
//     cache shows what the device holds
// Not here: what survives a power loss (FaultDiskImage).

import Glibc
import Storage
import Synchronization

/// A simulated disk for tests. Every changing call is counted, so that a test can stop the machine after the n-th.
public final class FaultDisk: Disk {
  static let sectorBytes = 512

  /// What to do wrong.
  public struct Faults: Sendable {
    /// Changing calls that still work; the machine stops during the next one.
    public var stopAfter: Int?
    /// The number (from 1) of the changing call that fails, and with what error number.
    public var failAt: Int?
    public var failure: Int32 = EIO
    /// All calls of this kind fail, from call `failAt` on, instead of one.
    public var failsForever = false
    /// The number (from 1) of the changing call that, if it is a write, goes so many bytes beside its place.
    public var misdirectAt: Int?
    public var misdirectBy = 4096
    /// The bytes that all files together may have; more is refused as a full disk. `nil`: boundless.
    public var capacity: Int?
    /// Called in each sync, without a lock: a disk that hangs.
    public var onSync: (@Sendable () -> Void)?
    /// Planted bugs: syncs that do nothing.
    public var ignoresSync = false
    public var ignoresDirectorySync = false

    public init(stopAfter: Int? = nil, failAt: Int? = nil, failure: Int32 = EIO) {
      self.stopAfter = stopAfter
      self.failAt = failAt
      self.failure = failure
    }
  }

  /// One file's contents.
  struct Content {
    var current: [UInt8] = []
    var durable: [UInt8] = []
    /// Sectors that differ from what the device holds.
    var dirty: Set<Int> = []
    /// Dirty sectors that a failed sync gave up.
    var lost: Set<Int> = []
    var unreadable: Set<Int> = []
  }

  enum NameChange {
    case link(String, Int)
    case unlink(String)
    case rename(String, String)

    var directory: String? {
      switch self {
      case .link(let path, _), .unlink(let path), .rename(_, let path): DiskPath.parent(of: path)
      }
    }
  }

  struct State {
    var faults = Faults()
    var calls = 0
    var stopped = false
    var contents: [Content] = []
    var names: [String: Int] = [:]
    var durableNames: [String: Int] = [:]
    var pending: [NameChange] = []
    var directories: Set<String> = []
    var locks: Set<String> = []

    /// Bytes that files can still take.
    var free: Int {
      guard let capacity = faults.capacity else { return .max }
      return max(0, capacity - Set(names.values).reduce(0) { $0 + contents[$1].current.count })
    }
  }

  let state: Mutex<State>

  public init(_ faults: Faults = Faults()) {
    var state = State()
    state.faults = faults
    self.state = Mutex(state)
  }

  init(_ state: State) { self.state = Mutex(state) }

  /// What to do wrong from now on. Calls are counted anew.
  public func setFaults(_ faults: Faults) {
    state.withLock {
      $0.faults = faults
      $0.calls = 0
    }
  }

  /// Changing calls so far.
  public var calls: Int { state.withLock { $0.calls } }

  /// Whether the machine was stopped by `stopAfter`.
  public var isStopped: Bool { state.withLock { $0.stopped } }

  // MARK: Damage by hand

  public func bytes(_ path: String) -> [UInt8] {
    state.withLock { state in state.names[path].map { state.contents[$0].current } ?? [] }
  }

  /// Changes stored bytes of a file behind everybody's back.
  public func damage(_ path: String, _ change: (inout [UInt8]) -> Void) {
    state.withLock { state in
      guard let id = state.names[path] else { preconditionFailure("no file \(path)") }
      change(&state.contents[id].current)
      state.contents[id].durable = state.contents[id].current
      state.contents[id].dirty = []
    }
  }

  public func flip(_ path: String, byte: Int, bit: Int) {
    damage(path) { $0[byte] ^= 1 << UInt8(bit) }
  }

  /// Makes reads that touch the sector of `byte` fail.
  public func makeUnreadable(_ path: String, byte: Int) {
    state.withLock { state in
      guard let id = state.names[path] else { preconditionFailure("no file \(path)") }
      state.contents[id].unreadable.insert(byte / Self.sectorBytes)
    }
  }

  // MARK: Disk

  public func makeDirectory(_ path: String) throws(StorageError) {
    if state.withLock({ $0.directories.contains(path) }) { return }
    try change(path) { $0.directories.insert(path) }
  }

  public func create(_ path: String) throws(StorageError) -> any DiskFile {
    if state.withLock({ $0.names[path] != nil }) {
      throw StorageError(path, "cannot create", code: EEXIST)
    }
    var id = 0
    try change(path) { state in
      id = state.contents.count
      state.contents.append(Content())
      state.names[path] = id
      state.pending.append(.link(path, id))
    }
    return FaultFile(self, path, id)
  }

  public func open(_ path: String, writable: Bool) throws(StorageError) -> any DiskFile {
    guard let id = state.withLock({ $0.names[path] }) else {
      throw StorageError(path, "cannot open", code: ENOENT)
    }
    return FaultFile(self, path, id)
  }

  public func exists(_ path: String) throws(StorageError) -> Bool {
    state.withLock { $0.names[path] != nil || $0.directories.contains(path) }
  }

  public func list(_ directory: String) throws(StorageError) -> [String] {
    try state.withLock { (state) throws(StorageError) in
      guard state.directories.contains(directory) else {
        throw StorageError(directory, "cannot read this directory", code: ENOENT)
      }
      let paths = Array(state.names.keys) + state.directories
      return paths.filter { DiskPath.parent(of: $0) == directory }
        .map { String($0.dropFirst(directory.count + 1)) }.sorted()
    }
  }

  public func remove(_ path: String) throws(StorageError) {
    try change(path) { state in
      state.names[path] = nil
      state.pending.append(.unlink(path))
    }
  }

  public func rename(_ path: String, to target: String) throws(StorageError) {
    try change(path) { state in
      state.names[target] = state.names.removeValue(forKey: path)
      state.pending.append(.rename(path, target))
    }
  }

  public func link(_ path: String, to target: String) throws(StorageError) {
    let id = try state.withLock { (state) throws(StorageError) in
      guard let id = state.names[path] else {
        throw StorageError(path, "cannot link", code: ENOENT)
      }
      guard state.names[target] == nil else {
        throw StorageError(target, "cannot link", code: EEXIST)
      }
      return id
    }
    try change(path) { state in
      state.names[target] = id
      state.pending.append(.link(target, id))
    }
  }

  public func removeDirectory(_ path: String) throws(StorageError) {
    guard try list(path).isEmpty else {
      throw StorageError(path, "cannot remove this directory", code: ENOTEMPTY)
    }
    try change(path) { $0.directories.remove(path) }
  }

  public func syncDirectory(_ path: String) throws(StorageError) {
    try change(path, isSync: true) { state in
      if state.faults.ignoresDirectorySync { return }
      let settled = state.pending.filter { $0.directory == path }
      for change in settled { Self.apply(change, &state.durableNames) }
      state.pending.removeAll { $0.directory == path }
    }
  }

  public func freeBytes(_ directory: String) throws(StorageError) -> Int {
    state.withLock { $0.free }
  }

  public func lock(_ path: String) throws(StorageError) -> (any DiskLock)? {
    let taken = state.withLock { state -> Bool in
      if state.names[path] == nil {
        state.names[path] = state.contents.count
        state.contents.append(Content())
      }
      return state.locks.insert(path).inserted
    }
    return taken ? FaultLock(self, path) : nil
  }

  // MARK: Inside

  static func apply(_ change: NameChange, _ names: inout [String: Int]) {
    switch change {
    case .link(let path, let id): names[path] = id
    case .unlink(let path): names[path] = nil
    case .rename(let path, let target):
      if let id = names.removeValue(forKey: path) { names[target] = id }
    }
  }

  /// Runs one changing call, unless it is the one that fails or stops the machine. A write that is under way when the
  /// machine stops reaches the cache: part of it may survive. A sync that is under way does nothing.
  func change(
    _ path: String, isSync: Bool = false, _ body: (inout State) -> Void
  ) throws(StorageError) {
    try state.withLock { (state) throws(StorageError) in
      if state.stopped { throw StorageError(path, "the machine is stopped") }
      if let limit = state.faults.stopAfter, state.calls >= limit {
        state.stopped = true
        if !isSync { body(&state) }
        throw StorageError(path, "the machine is stopped")
      }
      state.calls += 1
      if let failAt = state.faults.failAt {
        let fails = state.faults.failsForever ? state.calls >= failAt : state.calls == failAt
        if fails { throw StorageError(path, "injected failure", code: state.faults.failure) }
      }
      body(&state)
    }
  }

  func unlock(_ path: String) { _ = state.withLock { $0.locks.remove(path) } }
}

private final class FaultLock: DiskLock {
  private let disk: FaultDisk
  private let path: String

  init(_ disk: FaultDisk, _ path: String) {
    self.disk = disk
    self.path = path
  }

  deinit { disk.unlock(path) }
}
