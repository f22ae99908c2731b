// LogScrub: reads cold segments again, a little at a time, to find damage while peers can still help.
//
// Invariant: reads only. Blocks that are not part of the log (behind the used blocks of a segment) do not count.
// Not here: when to take a step and what to do about damage (Node).

import Raft

/// Where a scrub is. A value of the caller; a new one starts at the beginning.
public struct ScrubCursor: Equatable, Sendable {
  var segment: UInt64 = 0
  var block = 0
  /// How often everything was read.
  public internal(set) var rounds = 0

  public init() {}
}

extension LogStore {
  /// Reads the next `bytes` of all segments but the present one from the device, and checks every block. May be called
  /// from any thread.
  ///
  /// - Returns: what is damaged. A damaged segment is never repaired in place: cut it away, or restart the node, which
  ///   then repairs the log from its peers.
  public func scrub(_ cursor: inout ScrubCursor, bytes: Int) -> [LogDamage] {
    precondition(bytes > 0, "a step reads something")
    let wanted = max(1, bytes / LogFormat.blockBytes)
    let next = index.withLock { index in
      index.segments.dropLast().first {
        $0.number == cursor.segment && cursor.block < $0.blocksUsed || $0.number > cursor.segment
      }
    }
    guard let next else {
      cursor.segment = 0
      cursor.block = 0
      cursor.rounds += 1
      return []
    }
    if next.number != cursor.segment {
      cursor.segment = next.number
      cursor.block = 0
    }
    let blocks = cursor.block..<min(cursor.block + wanted, next.blocksUsed)
    cursor.block = blocks.upperBound
    return check(next.file, next.number, blocks)
  }

  private func check(
    _ file: any DiskFile, _ number: UInt64, _ blocks: Range<Int>
  ) -> [LogDamage] {
    var damages: [LogDamage] = []
    func damaged(_ block: Int, _ reason: String) {
      damages.append(
        LogDamage(file: file.path, offset: block * LogFormat.blockBytes, reason: reason))
    }
    // What cannot be dropped from the cache is read from there: the next round tells.
    try? file.forgetCached()
    var before: BlockHeader?
    for block in blocks {
      guard
        let bytes = try? file.read(
          at: block * LogFormat.blockBytes, count: LogFormat.blockBytes),
        bytes.count == LogFormat.blockBytes
      else {
        damaged(block, "the block cannot be read")
        before = nil
        continue
      }
      switch SegmentImage(number: number, path: file.path, bytes: bytes).state(0) {
      case .blank: damaged(block, "the block is all zero")
      case .damaged(let reason): damaged(block, reason)
      case .whole(let header):
        if let reason = misplaced(header, before) { damaged(block, reason) }
        before = header
      }
    }
    return damages
  }

  /// Why a block that is whole does not belong here.
  private func misplaced(_ header: BlockHeader, _ before: BlockHeader?) -> String? {
    guard header.identity == identityChecksum else {
      return "the block belongs to another node or cluster"
    }
    guard let before else { return nil }
    if header.sequence == before.sequence {
      return header.number == before.number + 1 ? nil : "the block stands out of order"
    }
    let follows =
      header.number == 0 && before.number == before.count - 1
      && header.sequence == before.sequence + 1
    return follows ? nil : "the block does not follow the one before it"
  }
}
