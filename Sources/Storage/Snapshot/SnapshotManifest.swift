// SnapshotManifest: what a snapshot is: the log position it stands for, and its files with their checksums.
//
// Bytes (big-endian), version 1: magic u64, version u16, index u64, term u64, state hash u128, genesis hash (u16 and
// bytes), level u32, configuration (u16 and bytes; empty: none), file count u32, then for each file its name (u16 and
// bytes), size u64 and checksum u128, then a CRC32C of all that.
//
// Invariants: names are plain (no path), unique and sorted; decode(encode(x)) == x; nothing damaged is decoded.
// Not here: making and reading snapshots (SnapshotStore), installing them (SnapshotInstall).

import Raft
import Wire

/// What the rows of a snapshot say about themselves: read from the finished checkpoint, never from the running store,
/// so that it cannot disagree with the data.
public struct SnapshotContents: Hashable, Sendable {
  /// The last entry applied in the snapshot's rows.
  public var applied: EntryID
  /// The configuration applied last; `nil` if none was.
  public var configuration: Configuration?
  /// The hash of all logical rows at `applied`.
  public var stateHash: UInt128
  public var genesisHash: [UInt8]
  /// The replicated level of behaviour at `applied`.
  public var level: UInt32

  public init(
    applied: EntryID, configuration: Configuration?, stateHash: UInt128, genesisHash: [UInt8],
    level: UInt32
  ) {
    self.applied = applied
    self.configuration = configuration
    self.stateHash = stateHash
    self.genesisHash = genesisHash
    self.level = level
  }
}

/// The list of a snapshot's files, and what they hold.
public struct SnapshotManifest: Hashable, Sendable {
  /// One file.
  public struct File: Hashable, Sendable {
    public var name: String
    public var bytes: Int
    /// `FileChecksum` of its contents.
    public var checksum: UInt128

    public init(name: String, bytes: Int, checksum: UInt128) {
      self.name = name
      self.bytes = bytes
      self.checksum = checksum
    }
  }

  static let magic: UInt64 = 0x4341_5354_4C45_534E  // "CASTLESN"
  static let formatVersion: UInt16 = 1
  /// The most files that a snapshot may have.
  public static let filesMax = 1 << 16
  /// The most bytes that its files may have together.
  static let fileBytesMax = 1 << 56
  /// The most bytes that an encoded manifest may have.
  public static let bytesMax = 16 << 20

  public var contents: SnapshotContents
  public private(set) var files: [File]

  /// - Throws: `WireError.invalid` if a name is not plain or not unique, or if no disk holds so many bytes.
  public init(contents: SnapshotContents, files: [File]) throws(WireError) {
    self.contents = contents
    self.files = files.sorted { $0.name < $1.name }
    guard files.count <= Self.filesMax else {
      throw .tooLong(length: files.count, limit: Self.filesMax)
    }
    var room = Self.fileBytesMax
    for (i, file) in self.files.enumerated() {
      guard Self.isPlain(file.name), (0...room).contains(file.bytes) else {
        throw .invalid("file name or size")
      }
      room -= file.bytes
      guard i == 0 || self.files[i - 1].name != file.name else { throw .invalid("file name twice") }
    }
  }

  /// All bytes of all files.
  public var bytes: Int { files.reduce(0) { $0 + $1.bytes } }

  /// Tells snapshots apart: a hash of everything in the manifest.
  public var id: UInt128 { FileChecksum.of(encoded) }

  public var encoded: [UInt8] {
    var writer = ByteWriter(capacity: 256 + 64 * files.count)
    writer.u64(Self.magic)
    writer.u16(Self.formatVersion)
    writer.u64(contents.applied.index.value)
    writer.u64(contents.applied.term.value)
    writer.u128(contents.stateHash)
    writer.blob16(contents.genesisHash)
    writer.u32(contents.level)
    writer.blob16(contents.configuration?.encoded ?? [])
    writer.u32(UInt32(files.count))
    for file in files {
      writer.text(file.name)
      writer.u64(UInt64(file.bytes))
      writer.u128(file.checksum)
    }
    writer.u32(CRC32C.of(writer.bytes))
    return writer.bytes
  }

  public init(decoding bytes: [UInt8]) throws(WireError) {
    guard bytes.count > 4, bytes.count <= Self.bytesMax else { throw .invalid("size") }
    var reader = ByteReader(bytes)
    guard try reader.u64() == Self.magic else { throw .invalid("magic") }
    guard try reader.u16() == Self.formatVersion else { throw .invalid("version") }
    var tail = ByteReader(bytes, in: bytes.count - 4..<bytes.count)
    guard try tail.u32() == CRC32C.of(bytes, in: 0..<bytes.count - 4) else { throw .checksum }
    let index = LogIndex(try reader.u64())
    let applied = EntryID(term: Term(try reader.u64()), index: index)
    let stateHash = try reader.u128()
    let genesis = try reader.blob16(limit: 64)
    let level = try reader.u32()
    let configuration = try reader.blob16()
    let count = Int(try reader.u32())
    guard count <= Self.filesMax else { throw .tooLong(length: count, limit: Self.filesMax) }
    var files: [File] = []
    for _ in 0..<count {
      let name = try reader.text(limit: 128)
      let size = try reader.u64()
      guard size <= 1 << 48 else { throw .invalid("file size") }
      files.append(File(name: name, bytes: Int(size), checksum: try reader.u128()))
    }
    guard reader.left == 4 else { throw .invalid("size") }
    try self.init(
      contents: SnapshotContents(
        applied: applied,
        configuration: configuration.isEmpty ? nil : try Configuration(decoding: configuration),
        stateHash: stateHash, genesisHash: genesis, level: level),
      files: files)
  }

  /// Why rows in `path` that hold `found` are not those of this manifest; `nil` if they are.
  func objection(to found: SnapshotContents, _ path: String) -> StorageError? {
    guard found != contents else { return nil }
    func words(_ contents: SnapshotContents) -> String {
      "\(contents.applied) with state hash \(String(contents.stateHash, radix: 16)) and level "
        + "\(contents.level)"
    }
    return StorageError(
      path, "the snapshot's rows are at \(words(found)), its manifest says \(words(contents))")
  }

  private static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 128 && name != "." && name != ".."
      && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }
  }
}

/// The checksum of a file: 128 bits over pieces of 1 MiB. Finds damage and tells files apart; no defence against
/// forgery.
public struct FileChecksum {
  static let pieceBytes = 1 << 20
  private var state = RowHash.State()

  init() {}

  /// Mixes the next piece in: all but the last have `pieceBytes`.
  mutating func mix(_ piece: [UInt8]) { state.mix(piece) }

  var value: UInt128 { state.finish() }

  /// The checksum of bytes in memory.
  public static func of(_ bytes: [UInt8]) -> UInt128 {
    var checksum = FileChecksum()
    var offset = 0
    while offset < bytes.count {
      let end = min(offset + pieceBytes, bytes.count)
      checksum.mix(Array(bytes[offset..<end]))
      offset = end
    }
    return checksum.value
  }

  /// The size and checksum of a file.
  ///
  /// - Complexity: O(n), holding one piece at a time.
  static func of(
    _ file: any DiskFile
  ) throws(StorageError) -> (bytes: Int, checksum: UInt128) {
    var checksum = FileChecksum()
    var offset = 0
    while true {
      let piece = try file.read(at: offset, count: pieceBytes)
      if piece.isEmpty { break }
      checksum.mix(piece)
      offset += piece.count
      if piece.count < pieceBytes { break }
    }
    return (offset, checksum.value)
  }
}
