// GroupScan: reads the group at a block of a segment, or says why there is none.
//
// The rule that settles everything: each sync writes one group, bytes are written once, and every 512-byte sector of a
// written block is non-zero. So a group is torn only if it is the last thing in the segment and one of its sectors is
// still all zero; any other flaw is damage, because the group was whole once.
// Not here: segments and their order (LogScanner).

import Raft
import Wire

/// What the next group must look like; `nil` where nothing is known yet.
struct GroupExpectation {
  var kind: BlockHeader.Kind
  var sequence: UInt64?
  var previous: UInt32?
  var identity: UInt32?
}

/// A group as read.
struct ScannedGroup {
  var header: BlockHeader
  var blocks: Range<Int>
  var chain: UInt32
  var records: [LogRecord]
}

enum GroupScan {
  /// Nothing was written from here on.
  case end
  case group(ScannedGroup)
  /// A group that was never completely written. The hard state in its readable headers, if any.
  case torn(HardState?)
  case damage(block: Int, reason: String)

  /// Reads the group at `block`; nothing at or after block `limit` belongs to the log.
  static func next(
    _ image: SegmentImage, at block: Int, limit: Int, _ expected: GroupExpectation
  ) -> GroupScan {
    guard block < limit else { return .end }
    guard case .whole(let first) = image.state(block) else {
      return unfinished(image, at: block, limit: limit, expected)
    }
    if let reason = mismatch(first, expected) { return .damage(block: block, reason: reason) }
    guard first.number == 0 else {
      return .damage(block: block, reason: "a group starts with block number \(first.number)")
    }
    guard Int(first.count) <= limit - block else {
      return .damage(block: block, reason: "a group reaches beyond the end of the segment")
    }
    let range = block..<block + Int(first.count)
    var headers = [first]
    for next in range.dropFirst() {
      guard case .whole(let header) = image.state(next) else {
        return unfinished(image, at: block, limit: limit, expected)
      }
      guard header.ofGroup == first.ofGroup, Int(header.number) == next - block else {
        return .damage(block: next, reason: "the block belongs to another group")
      }
      headers.append(header)
    }
    return decode(image, range, headers)
  }

  private static func decode(
    _ image: SegmentImage, _ range: Range<Int>, _ headers: [BlockHeader]
  ) -> GroupScan {
    let payload = LogGroup.payload(
      image.bytes, blocks: range, payloadBytes: Int(headers[0].payloadBytes))
    do {
      let records = try LogRecord.decodeAll(payload)
      return .group(
        ScannedGroup(
          header: headers[0].ofGroup, blocks: range, chain: LogGroup.chain(headers),
          records: records))
    } catch {
      return .damage(block: range.lowerBound, reason: "the group's records are damaged (\(error))")
    }
  }

  private static func mismatch(_ header: BlockHeader, _ expected: GroupExpectation) -> String? {
    if let identity = expected.identity, header.identity != identity {
      return "the block belongs to another node or cluster"
    }
    if header.kind != expected.kind { return "a group of another kind is expected here" }
    if let sequence = expected.sequence, header.sequence != sequence {
      return "group \(header.sequence) stands where group \(sequence) is expected"
    }
    if let previous = expected.previous, header.previous != previous {
      return "the group does not follow the one before it (chain checksum)"
    }
    return nil
  }

  /// The group at `block` is not whole: was it never finished, or damaged later?
  private static func unfinished(
    _ image: SegmentImage, at block: Int, limit: Int, _ expected: GroupExpectation
  ) -> GroupScan {
    if let unreadable = image.firstUnreadable(from: block), unreadable < limit {
      return .damage(block: unreadable, reason: "the block cannot be read")
    }
    if image.isBlank(from: block) { return .end }
    var count: UInt32?
    var survivor: HardState?
    for position in block..<limit {
      for header in image.headers(position) {
        let place = "block \(header.number) of group \(header.sequence) stands here"
        if let reason = mismatch(header, expected) {
          return .damage(
            block: min(position, firstDamaged(image, block, limit)), reason: "\(place): \(reason)")
        }
        guard position - Int(header.number) == block, count ?? header.count == header.count,
          Int(header.count) <= limit - block
        else {
          return .damage(
            block: firstDamaged(image, block, limit), reason: "\(place), which does not fit")
        }
        count = header.count
        survivor = header.hardState
      }
    }
    // Without any readable header there is no sign that a group ever was complete: judge its first block.
    let range = block..<block + Int(count ?? 1)
    if count != nil, let more = image.firstWritten(from: range.upperBound), more < limit {
      return .damage(
        block: firstDamaged(image, block, limit), reason: "a damaged group, and data follows it")
    }
    guard image.hasBlankSector(range) else {
      let bad = firstDamaged(image, block, limit)
      if case .damaged(let reason) = image.state(bad) { return .damage(block: bad, reason: reason) }
      return .damage(block: bad, reason: "the group is damaged")
    }
    return .torn(survivor)
  }

  private static func firstDamaged(_ image: SegmentImage, _ block: Int, _ limit: Int) -> Int {
    (block..<limit).first {
      if case .whole = image.state($0) { return false }
      return true
    } ?? block
  }
}
