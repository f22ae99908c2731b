// SpaceReserve: a file that takes disk space only to give it back when the log finds the disk full.
//
// Invariants:
//   * the reserve is given back only when the log could not go on without it
//   * it is taken again only when much more is free than it needs, so that it never makes the disk full itself
//   * low and not low lie apart: a value in between changes nothing
// Not here: what low space leads to (Replica), when it is looked at (Node).

import Synchronization

/// How full the disk is.
public struct SpaceReport: Equatable, Sendable {
  public var freeBytes: Int
  /// Writes should be refused: space is low, or was and is not plentiful again, or the reserve is in use.
  public var isLow: Bool
  /// The reserve is there to be given back.
  public var isHeld: Bool

  public init(freeBytes: Int, isLow: Bool, isHeld: Bool) {
    self.freeBytes = freeBytes
    self.isLow = isLow
    self.isHeld = isHeld
  }
}

/// The reserve of one data directory. Safe to use from several threads.
public final class SpaceReserve: Sendable {
  private struct State {
    var isHeld = false
    var isLow = false
    /// It was given back, so space is low until it is taken again.
    var wasReleased = false
  }

  public let path: String
  public let bytes: Int
  private let lowBytes: Int
  private let disk: any Disk
  private let state = Mutex(State())

  /// - Parameters:
  ///   - bytes: the size of the reserve.
  ///   - lowBytes: below this many free bytes space is low; a quarter more ends that.
  public init(
    disk: any Disk = LinuxDisk(), path: String, bytes: Int = 64 << 20, lowBytes: Int = 256 << 20
  ) {
    precondition(bytes > 0 && lowBytes >= 0, "sizes")
    self.disk = disk
    self.path = path
    self.bytes = bytes
    self.lowBytes = lowBytes
  }

  private var directory: String { DiskPath.parent(of: path) ?? "." }

  /// Looks at the disk, and takes the reserve if there is plenty of space (four times its size). Call it
  /// at start and from time to time.
  ///
  /// - Throws: `StorageError` if the disk cannot be looked at. A reserve that cannot be taken is not an error.
  @discardableResult
  public func check() throws(StorageError) -> SpaceReport {
    try state.withLock { (state) throws(StorageError) in
      var free = try disk.freeBytes(directory)
      if !state.isHeld {
        if try disk.exists(path), try disk.open(path, writable: false).size() >= bytes {
          state.isHeld = true
        } else if free / 4 >= bytes, (try? take()) != nil {
          state.isHeld = true
          free = try disk.freeBytes(directory)
        }
      }
      if state.isHeld { state.wasReleased = false }
      let limit = state.isLow ? lowBytes + lowBytes / 4 : lowBytes
      state.isLow = free < limit || state.wasReleased
      return SpaceReport(freeBytes: free, isLow: state.isLow, isHeld: state.isHeld)
    }
  }

  /// Gives the space back, for the log. Returns `false` if there was none to give.
  public func release() -> Bool {
    state.withLock { state in
      guard state.isHeld else { return false }
      state.isHeld = false
      state.isLow = true
      state.wasReleased = true
      guard (try? disk.remove(path)) != nil else { return false }
      try? disk.syncDirectory(directory)
      return true
    }
  }

  private func take() throws(StorageError) {
    if try disk.exists(path) { try disk.remove(path) }
    do throws(StorageError) {
      let file = try disk.create(path)
      try file.allocate(bytes)
      try file.sync()
    } catch {
      try? disk.remove(path)
      throw error
    }
    try disk.syncDirectory(directory)
  }
}
