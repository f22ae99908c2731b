// LogFormat: the bytes of the log. Version 2; logs of version 1 are read and continued.
//
// A log is a directory of segment files, `<number, 16 hexadecimal digits>.segment`. A segment is a row of 4 KiB blocks,
// all zero when made. Groups of blocks are written one after the other, each group with one sync, each byte once.
//
//   block   = header (84 bytes) body (3922 bytes, in pieces) trailer (the header again)
//   body    = the first 512-byte sector after the header, then sectors 1 to 6 without their first byte (a mark that is
//             never zero), then the last sector before the trailer. So no sector of a written block is all zero,
//             and a sector that never reached the disk can be told from one that was damaged later.
//   group   = 1 or more blocks with equal headers but for block number, body checksum and header checksum; the bodies,
//             joined, hold `payloadBytes` of records and then zeros
//   records = truncation: kind u8 = 1, term u64, index u64 of the entry that becomes the last one
//             entry:      kind u8 = 2, entry kind u8, term u64, index u64, length u32, payload
//             head:       kind u8 = 3, segment u64, blocks in the file u32, previous segment u64 (0: none), blocks
//                         used in it u32, genesis hash 32 bytes, node u64, incarnation u64; only in a head group
//             reset:      kind u8 = 4, term u64, index u64: the log is empty, and begins after this entry (version 2)
//             claim:      kind u8 = 5, flags u8 (1 vote unreadable, 2 up to an entry, 4 unknown end), term u64, index
//                         u64: what damage took; in every head group while it holds, and where it changes (version 2)
//             repair:     kind u8 = 6; only in a head group: segments between the previous one and this are not part
//                         of the log, nor is what follows the used blocks of the previous one, nor are entries
//                         after the one that this group's blocks name as the last (version 2)
//   chain   = CRC32C of the header checksums of all blocks of a group; the next group carries it as `previous`
//
// Every segment starts with a head group of two blocks, synced before the next group. Every block carries term, vote
// and commit; a group that changes term or vote has at least two blocks. All integers are big-endian.
//
// A change of anything above needs a new version; `LogFormatTests` holds the layout against a stored text.
// Not here: reading files, deciding what damage means (LogScanner).

import Raft
import Wire

enum LogFormat {
  static let version: UInt16 = 2
  static let readableVersions: ClosedRange<UInt16> = 1...2
  static let magic: UInt32 = 0x4353_4C47  // "CSLG"
  static let blockBytes = 4096
  static let sectorBytes = 512
  static let headerBytes = 84
  /// First byte of sectors 1 to 6. Several bits are set, so that one flipped bit does not make it zero.
  static let sectorMark: UInt8 = 0xA7
  static let headBlocks = 2
  /// The largest group that `LogStore` writes, in blocks (4 MiB): bounds its buffers.
  static let groupBlocksMax = 1024
  /// What an entry record takes besides its payload.
  static let entryRecordBytes = 22

  /// Where in a block its body is, in order.
  static let bodyRanges: [Range<Int>] = (0..<blockBytes / sectorBytes).map { sector in
    let start = sector * sectorBytes
    let end = start + sectorBytes
    if sector == 0 { return headerBytes..<end }
    if end == blockBytes { return start..<end - headerBytes }
    return start + 1..<end
  }
  static let bodyBytes = bodyRanges.reduce(0) { $0 + $1.count }

  /// The fields of a block header, in order, with their sizes in bytes.
  static let headerFields: [(name: String, bytes: Int)] = [
    ("magic", 4), ("version", 2), ("kind", 1), ("flags", 1), ("sequence", 8), ("number", 4),
    ("count", 4), ("payloadBytes", 4), ("identity", 4), ("last.term", 8), ("last.index", 8),
    ("hardState.term", 8), ("hardState.vote", 8), ("hardState.commit", 8), ("previous", 4),
    ("bodyChecksum", 4), ("headerChecksum", 4),
  ]

  static func segmentName(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits + ".segment"
  }

  /// The number in a segment's name; `nil` for other names.
  static func segmentNumber(_ name: String) -> UInt64? {
    guard name.utf8.count == 24, name.hasSuffix(".segment"),
      let number = UInt64(name.prefix(16), radix: 16), segmentName(number) == name
    else { return nil }
    return number
  }

  /// The checksum that binds a block to its owner.
  static func checksum(of identity: LogIdentity) -> UInt32 {
    var writer = ByteWriter(capacity: 48)
    writer.raw(identity.genesisHash)
    writer.u64(identity.node.value)
    writer.u64(identity.incarnation)
    return CRC32C.of(writer.bytes)
  }

  /// How many blocks a payload needs.
  static func blocks(for payloadBytes: Int) -> Int {
    max(1, (payloadBytes + bodyBytes - 1) / bodyBytes)
  }
}

/// What stands at the start and at the end of every block.
struct BlockHeader: Equatable, Sendable {
  enum Kind: UInt8, Sendable {
    case head = 1
    case group = 2
  }

  /// Set in `flags` if the group changes term or vote.
  static let changesVote: UInt8 = 1
  /// Set in `flags` while a claim holds: whoever cannot read the claim itself knows that there is one.
  static let holdsClaim: UInt8 = 2

  var kind: Kind
  var flags: UInt8
  /// Counts groups from 1, heads too.
  var sequence: UInt64
  /// The block's place in its group, from 0, and how many blocks the group has.
  var number: UInt32
  var count: UInt32
  /// Bytes of records in the whole group.
  var payloadBytes: UInt32
  var identity: UInt32
  /// The last entry of the log after this group.
  var last: EntryID
  var hardState: HardState
  /// The chain value of the group before this one; 0 for the first.
  var previous: UInt32
  var bodyChecksum: UInt32
  var version = LogFormat.version

  func encoded() -> [UInt8] {
    var writer = ByteWriter(capacity: LogFormat.headerBytes)
    writer.u32(LogFormat.magic)
    writer.u16(version)
    writer.u8(kind.rawValue)
    writer.u8(flags)
    writer.u64(sequence)
    writer.u32(number)
    writer.u32(count)
    writer.u32(payloadBytes)
    writer.u32(identity)
    writer.u64(last.term.value)
    writer.u64(last.index.value)
    writer.u64(hardState.term.value)
    writer.u64(hardState.vote?.value ?? 0)
    writer.u64(hardState.commit.value)
    writer.u32(previous)
    writer.u32(bodyChecksum)
    writer.u32(CRC32C.of(writer.bytes))
    return writer.bytes
  }

  /// Reads a header and checks its checksum.
  static func decode(_ bytes: [UInt8], at offset: Int) throws(WireError) -> BlockHeader {
    let end = offset + LogFormat.headerBytes
    var reader = ByteReader(bytes, in: offset..<end)
    guard try reader.u32() == LogFormat.magic else { throw .invalid("magic") }
    let version = try reader.u16()
    let kind = try reader.u8()
    let flags = try reader.u8()
    let sequence = try reader.u64()
    let number = try reader.u32()
    let count = try reader.u32()
    let payloadBytes = try reader.u32()
    let identity = try reader.u32()
    let lastTerm = Term(try reader.u64())
    let last = EntryID(term: lastTerm, index: LogIndex(try reader.u64()))
    let term = Term(try reader.u64())
    let vote = try reader.u64()
    let commit = LogIndex(try reader.u64())
    let previous = try reader.u32()
    let bodyChecksum = try reader.u32()
    guard try reader.u32() == CRC32C.of(bytes, in: offset..<end - 4) else { throw .checksum }
    guard LogFormat.readableVersions.contains(version) else { throw .invalid("version") }
    guard let kind = Kind(rawValue: kind) else { throw .invalid("kind") }
    guard number < count else { throw .invalid("block number") }
    return BlockHeader(
      kind: kind, flags: flags, sequence: sequence, number: number, count: count,
      payloadBytes: payloadBytes, identity: identity, last: last,
      hardState: HardState(term: term, vote: vote == 0 ? nil : NodeID(vote), commit: commit),
      previous: previous, bodyChecksum: bodyChecksum, version: version)
  }

  /// The same header for another block of the group: equal for all blocks of one group.
  var ofGroup: BlockHeader {
    var copy = self
    copy.number = 0
    copy.bodyChecksum = 0
    return copy
  }
}
