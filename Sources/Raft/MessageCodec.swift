// MessageCodec: the bytes of consensus messages between nodes.
//
// Layout (big-endian): from u64, to u64, term u64, kind u8, body. Entries: count u32, then term u64,
// index u64, kind u8, payload blob32 each.
// Invariants: decoding never traps and never reserves more than the bytes at hand justify; what it
// returns has indexes and terms below 2^62 and entries in sequence, with readable configurations.
// Not here: frames, checksums and versions (Replica's peer protocol).

import Wire

/// Encodes and decodes `Message`.
public enum MessageCodec {
  /// The most entries in one message.
  public static let entriesMax = 1 << 16

  /// The fewest bytes that an entry takes.
  private static let entryBytesMin = 8 + 8 + 1 + 4
  /// Numbers above this are refused: arithmetic on what was decoded cannot overflow.
  private static let numberMax: UInt64 = 1 << 62

  private enum Kind: UInt8 {
    case preVoteRequest = 1
    case preVoteResponse = 2
    case voteRequest = 3
    case voteResponse = 4
    case append = 5
    case accepted = 6
    case conflict = 7
    case heartbeat = 8
    case heartbeatResponse = 9
    case readRequest = 10
    case readResponse = 11
    case timeoutNow = 12
    case standingRequest = 13
    case standingResponse = 14
  }

  // MARK: Encoding

  /// Appends the bytes of `message`.
  public static func encode(_ message: Message, into writer: inout ByteWriter) {
    writer.u64(message.from.value)
    writer.u64(message.to.value)
    writer.u64(message.term.value)
    switch message.body {
    case .preVoteRequest(let last):
      kind(.preVoteRequest, into: &writer)
      entryID(last, into: &writer)
    case .preVoteResponse(let granted):
      kind(.preVoteResponse, into: &writer)
      writer.bool(granted)
    case .voteRequest(let last, let transfer):
      kind(.voteRequest, into: &writer)
      entryID(last, into: &writer)
      writer.bool(transfer)
    case .voteResponse(let granted):
      kind(.voteResponse, into: &writer)
      writer.bool(granted)
    case .append(let append):
      kind(.append, into: &writer)
      encode(append, into: &writer)
    case .appendResponse(.accepted(let match)):
      kind(.accepted, into: &writer)
      writer.u64(match.value)
    case .appendResponse(.conflict(let previous, let hint)):
      kind(.conflict, into: &writer)
      writer.u64(previous.value)
      entryID(hint, into: &writer)
    case .heartbeat, .heartbeatResponse, .readRequest, .readResponse, .timeoutNow,
      .standingRequest, .standingResponse:
      encodeControl(message.body, into: &writer)
    }
  }

  private static func encodeControl(_ body: Message.Body, into writer: inout ByteWriter) {
    switch body {
    case .heartbeat(let heartbeat):
      kind(.heartbeat, into: &writer)
      entryID(heartbeat.commit, into: &writer)
      writer.u64(heartbeat.cuttable.value)
      writer.u64(heartbeat.round)
    case .heartbeatResponse(let response):
      kind(.heartbeatResponse, into: &writer)
      writer.u64(response.round)
      writer.u64(response.last.value)
      writer.u64(response.commit.value)
      writer.bool(response.isSuspect)
    case .readRequest(let ticket):
      kind(.readRequest, into: &writer)
      writer.u64(ticket)
    case .readResponse(let ticket, let index):
      kind(.readResponse, into: &writer)
      writer.u64(ticket)
      writer.bool(index != nil)
      writer.u64(index?.value ?? 0)
    case .timeoutNow:
      kind(.timeoutNow, into: &writer)
    case .standingRequest(let nonce):
      kind(.standingRequest, into: &writer)
      writer.u64(nonce)
    case .standingResponse(let standing):
      kind(.standingResponse, into: &writer)
      encode(standing, into: &writer)
    default:
      preconditionFailure("not a control message")
    }
  }

  private static func encode(_ append: Message.Append, into writer: inout ByteWriter) {
    precondition(append.entries.count <= entriesMax, "too many entries in one message")
    entryID(append.previous, into: &writer)
    writer.u64(append.commit.value)
    writer.u64(append.cuttable.value)
    writer.u32(UInt32(append.entries.count))
    for entry in append.entries {
      entryID(entry.id, into: &writer)
      writer.u8(entry.kind.rawValue)
      writer.blob32(entry.payload)
    }
  }

  private static func encode(_ standing: Message.Standing, into writer: inout ByteWriter) {
    precondition(standing.voters.count <= 2 * Configuration.votersMax, "too many voters")
    writer.u64(standing.nonce)
    entryID(standing.last, into: &writer)
    writer.bool(standing.isLogUnknown)
    writer.bool(standing.isTermUnknown)
    writer.u64(standing.configurationIndex.value)
    writer.u8(UInt8(standing.voters.count))
    for voter in standing.voters { writer.u64(voter.value) }
  }

  private static func kind(_ kind: Kind, into writer: inout ByteWriter) {
    writer.u8(kind.rawValue)
  }

  private static func entryID(_ id: EntryID, into writer: inout ByteWriter) {
    writer.u64(id.term.value)
    writer.u64(id.index.value)
  }

  // MARK: Decoding

  /// Reads one message and leaves the reader behind it.
  public static func decode(_ reader: inout ByteReader) throws(WireError) -> Message {
    let from = NodeID(try reader.u64())
    let to = NodeID(try reader.u64())
    guard from.value > 0, to.value > 0 else { throw .invalid("node id") }
    let term = Term(try number(&reader))
    guard let kind = Kind(rawValue: try reader.u8()) else { throw .invalid("message kind") }
    let body = try body(kind, term, &reader)
    return Message(from: from, to: to, term: term, body: body)
  }

  private static func body(
    _ kind: Kind, _ term: Term, _ reader: inout ByteReader
  ) throws(WireError) -> Message.Body {
    switch kind {
    case .preVoteRequest: return .preVoteRequest(last: try entryID(&reader))
    case .preVoteResponse: return .preVoteResponse(granted: try reader.bool())
    case .voteRequest:
      return .voteRequest(last: try entryID(&reader), transfer: try reader.bool())
    case .voteResponse: return .voteResponse(granted: try reader.bool())
    case .append: return .append(try append(term, &reader))
    case .accepted: return .appendResponse(.accepted(match: try index(&reader)))
    case .conflict:
      return .appendResponse(
        .conflict(previous: try index(&reader), hint: try entryID(&reader)))
    case .heartbeat:
      return .heartbeat(
        Message.Heartbeat(
          commit: try entryID(&reader), cuttable: try index(&reader), round: try number(&reader)))
    case .heartbeatResponse:
      return .heartbeatResponse(
        Message.HeartbeatResponse(
          round: try number(&reader), last: try index(&reader), commit: try index(&reader),
          isSuspect: try reader.bool()))
    case .readRequest: return .readRequest(ticket: try reader.u64())
    case .readResponse:
      let ticket = try reader.u64()
      let isKnown = try reader.bool()
      let index = try index(&reader)
      return .readResponse(ticket: ticket, index: isKnown ? index : nil)
    case .timeoutNow: return .timeoutNow
    case .standingRequest: return .standingRequest(nonce: try reader.u64())
    case .standingResponse: return .standingResponse(try standing(&reader))
    }
  }

  private static func standing(
    _ reader: inout ByteReader
  ) throws(WireError) -> Message.Standing {
    var standing = Message.Standing(
      nonce: try reader.u64(), last: try entryID(&reader), isLogUnknown: try reader.bool(),
      isTermUnknown: try reader.bool(), configurationIndex: try index(&reader), voters: [])
    let count = Int(try reader.u8())
    let limit = 2 * Configuration.votersMax
    guard count <= limit else { throw .tooLong(length: count, limit: limit) }
    for _ in 0..<count { standing.voters.append(NodeID(try reader.u64())) }
    guard standing.voters.allSatisfy({ $0.value > 0 }) else { throw .invalid("node id") }
    return standing
  }

  private static func append(
    _ term: Term, _ reader: inout ByteReader
  ) throws(WireError) -> Message.Append {
    let previous = try entryID(&reader)
    let commit = try index(&reader)
    let cuttable = try index(&reader)
    let count = Int(try reader.u32())
    guard count <= entriesMax else { throw .tooLong(length: count, limit: entriesMax) }
    let bytesMin = count * entryBytesMin
    guard bytesMin <= reader.left else { throw .truncated(needed: bytesMin, left: reader.left) }
    var entries: [Entry] = []
    entries.reserveCapacity(count)
    for _ in 0..<count { entries.append(try entry(&reader)) }
    guard Message.Append.isSound(entries, after: previous, term: term) else {
      throw .invalid("entry sequence")
    }
    return Message.Append(previous: previous, entries: entries, commit: commit, cuttable: cuttable)
  }

  private static func entry(_ reader: inout ByteReader) throws(WireError) -> Entry {
    let id = try entryID(&reader)
    guard let kind = Entry.Kind(rawValue: try reader.u8()) else { throw .invalid("entry kind") }
    let payload = try reader.blob32(limit: Entry.payloadBytesMax)
    if kind == .configuration { _ = try Configuration(decoding: payload) }
    return Entry(id: id, kind: kind, payload: payload)
  }

  private static func entryID(_ reader: inout ByteReader) throws(WireError) -> EntryID {
    EntryID(term: Term(try number(&reader)), index: try index(&reader))
  }

  private static func index(_ reader: inout ByteReader) throws(WireError) -> LogIndex {
    LogIndex(try number(&reader))
  }

  private static func number(_ reader: inout ByteReader) throws(WireError) -> UInt64 {
    let value = try reader.u64()
    guard value < numberMax else { throw .invalid("number above 2^62") }
    return value
  }
}
