// LogFormatTests: the bytes on disk, field by field, against a stored text.
//
// If one of these fails because the format changed on purpose: raise the version, teach the reader both, then store the
// new text.
// Not here: behaviour of the log (LogCrashTests, LogDamageTests).

import Raft
import TestSupport
import Testing
import Wire

@testable import Storage

@Suite struct LogFormatTests {
  static let stored = """
    log format version 2
    block 4096 bytes, sector 512 bytes, body 3922 bytes, sector mark a7
    segment file 00000000000000ff.segment
    head group 2 blocks
    header field magic at 0, 4 bytes
    header field version at 4, 2 bytes
    header field kind at 6, 1 bytes
    header field flags at 7, 1 bytes
    header field sequence at 8, 8 bytes
    header field number at 16, 4 bytes
    header field count at 20, 4 bytes
    header field payloadBytes at 24, 4 bytes
    header field identity at 28, 4 bytes
    header field last.term at 32, 8 bytes
    header field last.index at 40, 8 bytes
    header field hardState.term at 48, 8 bytes
    header field hardState.vote at 56, 8 bytes
    header field hardState.commit at 64, 8 bytes
    header field previous at 72, 4 bytes
    header field bodyChecksum at 76, 4 bytes
    header field headerChecksum at 80, 4 bytes
    header 84 bytes, repeated at 4012
    body piece 84..<512
    body piece 513..<1024
    body piece 1025..<1536
    body piece 1537..<2048
    body piece 2049..<2560
    body piece 2561..<3072
    body piece 3073..<3584
    body piece 3584..<4012
    truncate record 01 0000000000000005 0000000000000009
    entry record 02 02 0000000000000005 000000000000000a 00000003 616263
    head record 03 0000000000000002 00001000 0000000000000001 00000007 genesis 0000000000000002 000000000000abcd
    reset record 04 0000000000000005 0000000000000009
    claim record 05 03 0000000000000005 0000000000000009
    repair record 06
    identity file 434153544c454944 0002 0000000000000002 000000000000abcd genesis 00000003 e00b4e29
    group checksum 5ba02cb9
    group chain f6437556
    """

  static let header = BlockHeader(
    kind: .group, flags: 1, sequence: 0x11, number: 0, count: 0, payloadBytes: 0, identity: 0x22,
    last: EntryID(term: Term(5), index: LogIndex(10)),
    hardState: HardState(term: Term(6), vote: NodeID(3), commit: LogIndex(8)), previous: 0x33,
    bodyChecksum: 0)

  static let records: [LogRecord] = [
    .truncate(EntryID(term: Term(5), index: LogIndex(9))),
    .entry(
      Entry(
        id: EntryID(term: Term(5), index: LogIndex(10)), kind: .command,
        payload: Array("abc".utf8))),
    .head(
      SegmentHead(
        segment: 2, blocks: 4096, previousSegment: 1, previousBlocks: 7,
        identity: LogScenario.identity)),
    .reset(EntryID(term: Term(5), index: LogIndex(9))),
    .claim(
      LogClaim(
        suspect: .upTo(EntryID(term: Term(5), index: LogIndex(9))), voteUnreadable: true)),
    .repair,
  ]

  @Test func `every field of the format is where the stored text says`() {
    var lines = [
      "log format version \(LogFormat.version)",
      "block \(LogFormat.blockBytes) bytes, sector \(LogFormat.sectorBytes) bytes, "
        + "body \(LogFormat.bodyBytes) bytes, sector mark \(hex([LogFormat.sectorMark]))",
      "segment file \(LogFormat.segmentName(255))",
      "head group \(LogFormat.headBlocks) blocks",
    ]
    var offset = 0
    for field in LogFormat.headerFields {
      lines.append("header field \(field.name) at \(offset), \(field.bytes) bytes")
      offset += field.bytes
    }
    lines.append("header \(offset) bytes, repeated at \(LogFormat.blockBytes - offset)")
    lines += LogFormat.bodyRanges.map { "body piece \($0)" }
    lines.append("truncate record " + spaced(Self.records[0], [1, 8, 8]))
    lines.append("entry record " + spaced(Self.records[1], [1, 1, 8, 8, 4, 3]))
    lines.append("head record " + spaced(Self.records[2], [1, 8, 4, 8, 4, 32, 8, 8]))
    lines.append("reset record " + spaced(Self.records[3], [1, 8, 8]))
    lines.append("claim record " + spaced(Self.records[4], [1, 1, 8, 8]))
    lines.append("repair record " + spaced(Self.records[5], [1]))
    let identity = DataDirectory.encode(LogScenario.identity, epoch: 3)
    lines.append("identity file " + spaced(identity, [8, 2, 8, 8, 32, 4, 4]))
    let group = LogGroup.encode(Self.payload, header: Self.header, blocksMin: 2)
    lines.append("group checksum " + String(CRC32C.of(group.bytes), radix: 16))
    lines.append("group chain " + String(group.chain, radix: 16))
    let text = lines.joined(separator: "\n")
    #expect(text == Self.stored, "the format changed without a new version:\n\(text)")
  }

  @Test func `each header field changes exactly the bytes that the table gives it`() throws {
    var header = Self.header
    header.count = 1
    let before = header.encoded()
    #expect(before.count == LogFormat.headerBytes)
    var changed = header
    changed.kind = .head
    changed.flags = 0x80
    changed.sequence = ~header.sequence
    changed.number = ~header.number
    changed.count = ~header.count
    changed.payloadBytes = ~header.payloadBytes
    changed.identity = ~header.identity
    changed.last = EntryID(term: Term(~5), index: LogIndex(~10))
    changed.hardState = HardState(
      term: Term(~6), vote: NodeID(~3), commit: LogIndex(~8))
    changed.previous = ~header.previous
    changed.bodyChecksum = ~header.bodyChecksum
    let fields: [(String, (inout BlockHeader) -> Void)] = [
      ("kind", { $0.kind = changed.kind }), ("flags", { $0.flags = changed.flags }),
      ("sequence", { $0.sequence = changed.sequence }), ("number", { $0.number = changed.number }),
      ("count", { $0.count = changed.count }),
      ("payloadBytes", { $0.payloadBytes = changed.payloadBytes }),
      ("identity", { $0.identity = changed.identity }),
      ("last.term", { $0.last = EntryID(term: changed.last.term, index: $0.last.index) }),
      ("last.index", { $0.last = EntryID(term: $0.last.term, index: changed.last.index) }),
      ("hardState.term", { $0.hardState.term = changed.hardState.term }),
      ("hardState.vote", { $0.hardState.vote = changed.hardState.vote }),
      ("hardState.commit", { $0.hardState.commit = changed.hardState.commit }),
      ("previous", { $0.previous = changed.previous }),
      ("bodyChecksum", { $0.bodyChecksum = changed.bodyChecksum }),
    ]
    for (name, change) in fields {
      var other = header
      change(&other)
      let after = other.encoded()
      let position = try #require(LogFormat.headerFields.firstIndex { $0.name == name })
      let start = LogFormat.headerFields[..<position].reduce(0) { $0 + $1.bytes }
      let range = start..<start + LogFormat.headerFields[position].bytes
      let different = (0..<80).filter { before[$0] != after[$0] }
      #expect(!different.isEmpty && different.allSatisfy { range.contains($0) }, "\(name)")
    }
    // Nothing but magic, version and the checksum itself is outside of these fields.
    #expect(LogFormat.headerFields.count == fields.count + 3)
  }

  @Test func `an identity of version 1 is read`() throws {
    var writer = ByteWriter()
    writer.u64(DataDirectory.magic)
    writer.u16(1)
    writer.u64(2)
    writer.u64(0xABCD)
    writer.raw(LogScenario.identity.genesisHash)
    writer.u32(CRC32C.of(writer.bytes))
    let (identity, epoch) = try DataDirectory.decode(writer.bytes)
    #expect(identity == LogScenario.identity && epoch == 0)
  }

  @Test func `a block of version 1 is read, and keeps its version`() throws {
    var header = Self.header
    header.version = 1
    header.count = 1
    let bytes = header.encoded()
    #expect(bytes[4..<6] == [0, 1])
    #expect(try BlockHeader.decode(bytes, at: 0) == header)
    header.version = 3
    #expect(throws: WireError.self) { _ = try BlockHeader.decode(header.encoded(), at: 0) }
  }

  @Test func `records and blocks are read back as they were written`() throws {
    #expect(try LogRecord.decodeAll(Self.payload) == Self.records)
    for size in [0, 1, 427, 428, 429, 3921, 3922, 3923, 20_000] {
      var random = SeededRandom(UInt64(size))
      let payload = random.bytes(size)
      let group = LogGroup.encode(payload, header: Self.header, blocksMin: 1)
      let image = SegmentImage(number: 1, path: "x", bytes: group.bytes)
      for block in 0..<image.blocks {
        guard case .whole(let header) = image.state(block) else {
          Issue.record("block \(block) of \(size) bytes: \(image.state(block))")
          continue
        }
        #expect(Int(header.number) == block && Int(header.count) == image.blocks)
        #expect(Int(header.payloadBytes) == size)
      }
      #expect(
        LogGroup.payload(group.bytes, blocks: 0..<image.blocks, payloadBytes: size) == payload)
    }
  }

  @Test func `no sector of a written block is all zero`() {
    let payload = [UInt8](repeating: 0, count: 10_000)
    var header = Self.header
    header.hardState = HardState()
    let group = LogGroup.encode(payload, header: header, blocksMin: 1)
    for start in stride(from: 0, to: group.bytes.count, by: 512) {
      #expect(group.bytes[start..<start + 512].contains { $0 != 0 }, "sector at \(start)")
    }
  }

  @Test func `only a segment's own name gives its number`() {
    #expect(LogFormat.segmentNumber("00000000000000ff.segment") == 255)
    for name in ["ff.segment", "00000000000000FF.segment", "00000000000000ff.segment.tmp", "lock"] {
      #expect(LogFormat.segmentNumber(name) == nil, "\(name)")
    }
  }

  private static var payload: [UInt8] {
    var writer = ByteWriter()
    for record in records { record.encode(into: &writer) }
    return writer.bytes
  }

  private func spaced(_ record: LogRecord, _ sizes: [Int]) -> String {
    var writer = ByteWriter()
    record.encode(into: &writer)
    return spaced(writer.bytes, sizes)
  }

  /// Hexadecimal fields; the 32 bytes of a genesis hash by name.
  private func spaced(_ bytes: [UInt8], _ sizes: [Int]) -> String {
    var rest = bytes[...]
    var fields: [String] = []
    for size in sizes {
      let field = rest.prefix(size)
      fields.append(size == 32 ? "genesis" : hex(field))
      rest = rest.dropFirst(size)
    }
    return (fields + (rest.isEmpty ? [] : ["and \(rest.count) bytes more"])).joined(separator: " ")
  }
}
