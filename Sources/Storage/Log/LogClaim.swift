// LogClaim: what a damaged log may have held, remembered until its peers have given it back.
//
// A node that acknowledged an entry and lost it must not vote as if it never had it. So the claim is part of the log:
// in the head of every segment and, as a flag, in every block, from the repair until `LogStore.clearSuspect`.
// Not here: what a claim means for votes (Raft).

import Raft
import Wire

/// Everything that damage took from a log.
public struct LogClaim: Hashable, Sendable {
  public static let none = LogClaim(suspect: nil, voteUnreadable: false)

  /// `nil`: no entry is missing.
  public var suspect: Suspect?
  /// The newest term and vote may be missing.
  public var voteUnreadable: Bool

  public init(suspect: Suspect?, voteUnreadable: Bool) {
    self.suspect = suspect
    self.voteUnreadable = voteUnreadable
  }

  /// The claim of a log that carried `earlier` when it was damaged again.
  func joined(_ earlier: LogClaim) -> LogClaim {
    var joined = LogClaim(
      suspect: suspect, voteUnreadable: voteUnreadable || earlier.voteUnreadable)
    switch (suspect, earlier.suspect) {
    case (_, nil): break
    case (nil, let other?): joined.suspect = other
    case (.upTo(let a), .upTo(let b)): joined.suspect = .upTo(max(a, b))
    case (.unknown, _), (_, .unknown): joined.suspect = .unknown
    }
    return joined
  }

  func encode(into writer: inout ByteWriter) {
    var flags: UInt8 = voteUnreadable ? 1 : 0
    var id = EntryID.zero
    switch suspect {
    case nil: break
    case .upTo(let last):
      flags |= 2
      id = last
    case .unknown: flags |= 4
    }
    writer.u8(flags)
    writer.u64(id.term.value)
    writer.u64(id.index.value)
  }

  init(_ reader: inout ByteReader) throws(WireError) {
    let flags = try reader.u8()
    let term = Term(try reader.u64())
    let id = EntryID(term: term, index: LogIndex(try reader.u64()))
    voteUnreadable = flags & 1 != 0
    switch flags & ~1 {
    case 0: suspect = nil
    case 2: suspect = .upTo(id)
    case 4: suspect = .unknown
    default: throw .invalid("claim")
    }
  }
}

/// Reads what is left behind a damage: up to where the log reached, and the newest term and vote.
///
/// The end is known only if the last block that was ever written has a readable header of the newest group; any later
/// block that says nothing could have been a newer one.
struct ClaimReader {
  private(set) var newest: BlockHeader?
  /// The segment that holds it.
  private(set) var newestSegment: UInt64 = 0
  /// The last written block so far has a readable header.
  private var endIsReadable = true
  private var endSequence: UInt64 = 0
  /// Readable headers among the blocks of the newest group.
  private var seen: Set<UInt32> = []

  /// Takes the blocks of a file from `block` to `limit`. Files come in the order of their numbers.
  mutating func read(_ image: SegmentImage, from block: Int, limit: Int, identity: UInt32?) {
    var wrote = false
    for position in block..<max(block, min(limit, image.blocks)) {
      if case .blank = image.state(position) { continue }
      wrote = true
      let headers = image.headers(position).filter { identity == nil || $0.identity == identity }
      endIsReadable = !headers.isEmpty
      for header in headers {
        endSequence = header.sequence
        if let known = newest, known.sequence > header.sequence { continue }
        if newest?.sequence != header.sequence { seen = [] }
        newest = header
        newestSegment = image.number
        seen.insert(header.number)
      }
    }
    // A file that lost its end may have lost the end of the log.
    if wrote || block == 0, image.fileBytes > 0, image.isShort { endIsReadable = false }
  }

  /// What the log may have held, if `last` is where its readable part ends.
  func claim(after last: EntryID) -> LogClaim {
    guard let newest else {
      return LogClaim(
        suspect: endIsReadable ? .upTo(last) : .unknown, voteUnreadable: !endIsReadable)
    }
    let isWhole = seen.count == Int(newest.count)
    guard endIsReadable, endSequence == newest.sequence else {
      return LogClaim(suspect: .unknown, voteUnreadable: true)
    }
    return LogClaim(suspect: .upTo(newest.last), voteUnreadable: !isWhole)
  }
}
