// TightDisk: a disk that says how much room it has left, for tests of full disks.
// Not here: faults (FaultDisk, to which everything else goes).

import Storage
import Synchronization
import TestSupport

final class TightDisk: Disk {
  /// Bytes that it claims to have left.
  let free = Atomic(Int.max)
  private let inner: FaultDisk

  init(_ inner: FaultDisk) { self.inner = inner }

  func freeBytes(_ directory: String) throws(StorageError) -> Int { free.load(ordering: .relaxed) }

  func makeDirectory(_ path: String) throws(StorageError) { try inner.makeDirectory(path) }
  func create(_ path: String) throws(StorageError) -> any DiskFile { try inner.create(path) }
  func open(_ path: String, writable: Bool) throws(StorageError) -> any DiskFile {
    try inner.open(path, writable: writable)
  }
  func exists(_ path: String) throws(StorageError) -> Bool { try inner.exists(path) }
  func list(_ directory: String) throws(StorageError) -> [String] { try inner.list(directory) }
  func remove(_ path: String) throws(StorageError) { try inner.remove(path) }
  func rename(_ path: String, to target: String) throws(StorageError) {
    try inner.rename(path, to: target)
  }
  func link(_ path: String, to target: String) throws(StorageError) {
    try inner.link(path, to: target)
  }
  func removeDirectory(_ path: String) throws(StorageError) { try inner.removeDirectory(path) }
  func syncDirectory(_ path: String) throws(StorageError) { try inner.syncDirectory(path) }
  func lock(_ path: String) throws(StorageError) -> (any DiskLock)? { try inner.lock(path) }
}
