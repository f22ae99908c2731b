// StatePointer: the small files that say which state store is in use, and which one is being fetched.
//
//   DIR/CURRENT    magic u64, version u16, directory name (u16 and bytes), installed index u64 and term u64, CRC32C u32
//   DIR/incoming   magic u64, version u16, directory name (u16 and bytes), manifest (u32 and bytes), CRC32C u32
//
// Invariant: both are replaced whole by a rename; without CURRENT the store is DIR/state, as made at first boot.
// Not here: who swaps them (SnapshotInstall, DataDirectory).

import Raft
import Wire

/// Which state store is in use.
struct StatePointer: Equatable {
  static let fileName = "CURRENT"
  static let magic: UInt64 = 0x4341_5354_4C45_5054  // "CASTLEPT"
  static let version: UInt16 = 1
  static let initial = StatePointer(name: "state", installed: .zero)

  /// The store's directory inside the data directory.
  var name: String
  /// What the snapshot covered that the store was installed from; zero for one that began empty.
  var installed: EntryID

  var encoded: [UInt8] {
    var writer = ByteWriter(capacity: 64)
    writer.u64(Self.magic)
    writer.u16(Self.version)
    writer.text(name)
    writer.u64(installed.index.value)
    writer.u64(installed.term.value)
    writer.u32(CRC32C.of(writer.bytes))
    return writer.bytes
  }

  init(name: String, installed: EntryID) {
    self.name = name
    self.installed = installed
  }

  init(decoding bytes: [UInt8]) throws(WireError) {
    var reader = ByteReader(bytes)
    guard try reader.u64() == Self.magic else { throw .invalid("magic") }
    guard try reader.u16() == Self.version else { throw .invalid("version") }
    name = try reader.text(limit: 64)
    let index = LogIndex(try reader.u64())
    installed = EntryID(term: Term(try reader.u64()), index: index)
    guard try reader.u32() == CRC32C.of(bytes, in: 0..<max(0, bytes.count - 4)) else {
      throw .checksum
    }
    try reader.finish()
    guard StatePointer.number(name) != nil else { throw .invalid("directory name") }
  }

  /// The pointer of a data directory.
  static func read(_ directory: String, _ disk: any Disk) throws(StorageError) -> StatePointer {
    let path = DiskPath.join(directory, fileName)
    guard try disk.exists(path) else { return initial }
    let bytes = try disk.open(path, writable: false).read(at: 0, count: 4096)
    do throws(WireError) {
      return try StatePointer(decoding: bytes)
    } catch {
      throw StorageError(path, "the pointer to the state store is damaged (\(error))")
    }
  }

  func write(_ directory: String, _ disk: any Disk) throws(StorageError) {
    try disk.replace(DiskPath.join(directory, Self.fileName), with: encoded)
  }

  /// The number of a state directory: 0 for the first one; `nil` for other names.
  static func number(_ name: String) -> UInt64? {
    if name == "state" { return 0 }
    guard name.hasPrefix("state-") else { return nil }
    return number16(String(name.dropFirst(6)))
  }

  /// A name that no state directory has.
  static func freshName(_ directory: String, _ disk: any Disk) throws(StorageError) -> String {
    let last = try disk.list(directory).compactMap { number($0) }.max() ?? 0
    return "state-" + hex16(last + 1)
  }
}

/// Which snapshot is being fetched, and into which directory.
struct IncomingSnapshot {
  static let fileName = "incoming"
  static let magic: UInt64 = 0x4341_5354_4C45_494E  // "CASTLEIN"
  static let version: UInt16 = 1

  var name: String
  var manifest: SnapshotManifest

  var encoded: [UInt8] {
    var writer = ByteWriter()
    writer.u64(Self.magic)
    writer.u16(Self.version)
    writer.text(name)
    writer.blob32(manifest.encoded)
    writer.u32(CRC32C.of(writer.bytes))
    return writer.bytes
  }

  init(name: String, manifest: SnapshotManifest) {
    self.name = name
    self.manifest = manifest
  }

  init(decoding bytes: [UInt8]) throws(WireError) {
    var reader = ByteReader(bytes)
    guard try reader.u64() == Self.magic else { throw .invalid("magic") }
    guard try reader.u16() == Self.version else { throw .invalid("version") }
    name = try reader.text(limit: 64)
    let encoded = try reader.blob32(limit: SnapshotManifest.bytesMax)
    guard try reader.u32() == CRC32C.of(bytes, in: 0..<max(0, bytes.count - 4)) else {
      throw .checksum
    }
    try reader.finish()
    guard StatePointer.number(name) != nil else { throw .invalid("directory name") }
    manifest = try SnapshotManifest(decoding: encoded)
  }

  /// `nil` if nothing is being fetched.
  static func read(
    _ directory: String, _ disk: any Disk
  ) throws(StorageError) -> IncomingSnapshot? {
    let path = DiskPath.join(directory, fileName)
    guard try disk.exists(path) else { return nil }
    let file = try disk.open(path, writable: false)
    let bytes = try file.read(at: 0, count: SnapshotManifest.bytesMax + 4096)
    do throws(WireError) {
      return try IncomingSnapshot(decoding: bytes)
    } catch {
      throw StorageError(path, "what was being fetched is damaged; it starts over (\(error))")
    }
  }

  func write(_ directory: String, _ disk: any Disk) throws(StorageError) {
    try disk.replace(DiskPath.join(directory, Self.fileName), with: encoded)
  }
}
