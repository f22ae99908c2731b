// LogGroup: groups to blocks and back, records to bytes and back.
//
// Invariant: decode(encode(x)) == x, and nothing that encode did not make is decoded without an error, up to CRC32C.
// Not here: where groups are in files.

import Raft
import Wire

/// One thing that a group says.
enum LogRecord: Equatable, Sendable {
  /// This entry is the last one now.
  case truncate(EntryID)
  case entry(Entry)
  case head(SegmentHead)
  /// The log is empty, and begins after this entry.
  case reset(EntryID)
  /// What the log may have held, from here on.
  case claim(LogClaim)
  /// This segment takes the place of the ones between its previous one and itself.
  case repair
}

/// What a segment says about itself in its first group.
struct SegmentHead: Equatable, Sendable {
  var segment: UInt64
  /// The size of the file in blocks, so that a shortened file is noticed.
  var blocks: UInt32
  /// The segment before it, 0 if there is none, and how many of its blocks hold whole groups. What follows those
  /// blocks is the rest of a group that was never completely written.
  var previousSegment: UInt64
  var previousBlocks: UInt32
  var identity: LogIdentity
}

/// A group as bytes, ready to be written, and its chain value.
struct EncodedGroup {
  var bytes: [UInt8]
  var chain: UInt32
}

enum LogGroup {
  /// Lays a payload out in blocks. `header` gives all fields but number, count, payload size and checksums.
  ///
  /// - Complexity: O(n), one copy and two passes.
  static func encode(
    _ payload: [UInt8], header: BlockHeader, blocksMin: Int
  ) -> EncodedGroup {
    let count = max(blocksMin, LogFormat.blocks(for: payload.count))
    var bytes = [UInt8](repeating: 0, count: count * LogFormat.blockBytes)
    var header = header
    header.count = UInt32(count)
    header.payloadBytes = UInt32(payload.count)
    var checksums = ByteWriter(capacity: 4 * count)
    var taken = 0
    for number in 0..<count {
      let start = number * LogFormat.blockBytes
      fill(&bytes, start, payload, &taken)
      header.number = UInt32(number)
      header.bodyChecksum = bodyChecksum(bytes, block: number)
      let encoded = header.encoded()
      bytes.replaceSubrange(start..<start + encoded.count, with: encoded)
      let end = start + LogFormat.blockBytes
      bytes.replaceSubrange(end - encoded.count..<end, with: encoded)
      checksums.raw(encoded.suffix(4))
    }
    return EncodedGroup(bytes: bytes, chain: CRC32C.of(checksums.bytes))
  }

  /// The checksum of what is between header and trailer of a block.
  static func bodyChecksum(_ bytes: [UInt8], block: Int) -> UInt32 {
    let start = block * LogFormat.blockBytes
    let end = start + LogFormat.blockBytes
    return CRC32C.of(
      bytes, in: start + LogFormat.headerBytes..<end - LogFormat.headerBytes)
  }

  /// The chain value of a group, from the headers of its blocks.
  static func chain(_ headers: [BlockHeader]) -> UInt32 {
    CRC32C.of(headers.flatMap { $0.encoded().suffix(4) })
  }

  /// The payload of a group whose blocks were checked.
  static func payload(_ bytes: [UInt8], blocks: Range<Int>, payloadBytes: Int) -> [UInt8] {
    var payload: [UInt8] = []
    payload.reserveCapacity(blocks.count * LogFormat.bodyBytes)
    for block in blocks {
      let start = block * LogFormat.blockBytes
      for range in LogFormat.bodyRanges {
        payload.append(contentsOf: bytes[start + range.lowerBound..<start + range.upperBound])
      }
    }
    payload.removeSubrange(min(payloadBytes, payload.count)...)
    return payload
  }

  private static func fill(
    _ bytes: inout [UInt8], _ start: Int, _ payload: [UInt8], _ taken: inout Int
  ) {
    for sector in 1..<LogFormat.blockBytes / LogFormat.sectorBytes - 1 {
      bytes[start + sector * LogFormat.sectorBytes] = LogFormat.sectorMark
    }
    for range in LogFormat.bodyRanges where taken < payload.count {
      let n = min(range.count, payload.count - taken)
      let target = start + range.lowerBound
      bytes.replaceSubrange(target..<target + n, with: payload[taken..<taken + n])
      taken += n
    }
  }
}

extension LogRecord {
  func encode(into writer: inout ByteWriter) {
    switch self {
    case .truncate(let id):
      writer.u8(1)
      writer.u64(id.term.value)
      writer.u64(id.index.value)
    case .entry(let entry):
      writer.u8(2)
      writer.u8(entry.kind.rawValue)
      writer.u64(entry.term.value)
      writer.u64(entry.index.value)
      writer.blob32(entry.payload)
    case .head(let head):
      writer.u8(3)
      writer.u64(head.segment)
      writer.u32(head.blocks)
      writer.u64(head.previousSegment)
      writer.u32(head.previousBlocks)
      writer.raw(head.identity.genesisHash)
      writer.u64(head.identity.node.value)
      writer.u64(head.identity.incarnation)
    case .reset(let id):
      writer.u8(4)
      writer.u64(id.term.value)
      writer.u64(id.index.value)
    case .claim(let claim):
      writer.u8(5)
      claim.encode(into: &writer)
    case .repair: writer.u8(6)
    }
  }

  /// All records of a payload.
  static func decodeAll(_ payload: [UInt8]) throws(WireError) -> [LogRecord] {
    var reader = ByteReader(payload)
    var records: [LogRecord] = []
    while reader.left > 0 {
      switch try reader.u8() {
      case 1: records.append(.truncate(try id(&reader)))
      case 2:
        guard let kind = Entry.Kind(rawValue: try reader.u8()) else { throw .invalid("entry kind") }
        let id = try id(&reader)
        let payload = try reader.blob32(limit: Entry.payloadBytesMax)
        records.append(.entry(Entry(id: id, kind: kind, payload: payload)))
      case 3: records.append(.head(try head(&reader)))
      case 4: records.append(.reset(try id(&reader)))
      case 5: records.append(.claim(try LogClaim(&reader)))
      case 6: records.append(.repair)
      default: throw .invalid("record kind")
      }
    }
    return records
  }

  private static func id(_ reader: inout ByteReader) throws(WireError) -> EntryID {
    let term = Term(try reader.u64())
    return EntryID(term: term, index: LogIndex(try reader.u64()))
  }

  private static func head(_ reader: inout ByteReader) throws(WireError) -> SegmentHead {
    let segment = try reader.u64()
    let blocks = try reader.u32()
    let previousSegment = try reader.u64()
    let previousBlocks = try reader.u32()
    let genesis = try reader.raw(LogIdentity.genesisHashBytes)
    let node = NodeID(try reader.u64())
    let identity = LogIdentity(
      genesisHash: genesis, node: node, incarnation: try reader.u64())
    return SegmentHead(
      segment: segment, blocks: blocks, previousSegment: previousSegment,
      previousBlocks: previousBlocks, identity: identity)
  }
}
