// CodecTests: every message survives its bytes; no bytes make the decoder trap.

import Raft
import Testing
import Wire

@Suite struct CodecTests {
  private static func id(_ term: UInt64, _ index: UInt64) -> EntryID {
    EntryID(term: Term(term), index: LogIndex(index))
  }

  private static let bodies: [Message.Body] = [
    .preVoteRequest(last: id(3, 9)), .preVoteResponse(granted: true),
    .preVoteResponse(granted: false), .voteRequest(last: id(3, 9), transfer: true),
    .voteRequest(last: .zero, transfer: false), .voteResponse(granted: true),
    .append(
      Message.Append(
        previous: id(2, 4),
        entries: [
          Entry(id: id(2, 5), kind: .noop, payload: []),
          Entry(id: id(4, 6), kind: .command, payload: [1, 2, 3]),
        ], commit: LogIndex(4), cuttable: LogIndex(1))),
    .append(Message.Append(previous: .zero, entries: [], commit: .zero, cuttable: .zero)),
    .appendResponse(.accepted(match: LogIndex(12))),
    .appendResponse(.conflict(previous: LogIndex(7), hint: id(2, 5))),
    .heartbeat(
      Message.Heartbeat(
        commit: EntryID(term: Term(2), index: LogIndex(1)), cuttable: LogIndex(1), round: 77)),
    .heartbeatResponse(
      Message.HeartbeatResponse(
        round: 77, last: LogIndex(8), commit: LogIndex(7), isSuspect: true)),
    .standingRequest(nonce: UInt64.max),
    .standingResponse(
      Message.Standing(
        nonce: 5, last: id(3, 9), isLogUnknown: true, isTermUnknown: false,
        configurationIndex: LogIndex(4), voters: [NodeID(1), NodeID(3)])),
    .readRequest(ticket: UInt64.max), .readResponse(ticket: 1, index: LogIndex(5)),
    .readResponse(ticket: 1, index: nil), .timeoutNow,
  ]

  private static func encode(_ body: Message.Body) -> [UInt8] {
    var writer = ByteWriter()
    MessageCodec.encode(
      Message(from: NodeID(1), to: NodeID(2), term: Term(4), body: body), into: &writer)
    return writer.bytes
  }

  @Test(arguments: bodies.indices) func `a message survives its bytes`(_ i: Int) throws {
    var reader = ByteReader(Self.encode(Self.bodies[i]))
    let message = try MessageCodec.decode(&reader)
    try reader.finish()
    #expect(message.body == Self.bodies[i])
    #expect(message.from == NodeID(1) && message.to == NodeID(2) && message.term == Term(4))
  }

  @Test(arguments: bodies.indices) func `a message cut short is refused`(_ i: Int) {
    let bytes = Self.encode(Self.bodies[i])
    for count in 0..<bytes.count {
      var reader = ByteReader(bytes, in: 0..<count)
      #expect(throws: WireError.self) { try MessageCodec.decode(&reader) }
    }
  }

  @Test func `damaged and random bytes never trap`() {
    var random = SeededRandom(20)
    var refused = 0
    for _ in 0..<20_000 {
      var bytes = Self.encode(Self.bodies[random.below(Self.bodies.count)])
      if random.chance(200) { bytes = (0..<random.below(80)).map { _ in UInt8(random.below(256)) } }
      for _ in 0..<random.below(4) where !bytes.isEmpty {
        bytes[random.below(bytes.count)] = UInt8(random.below(256))
      }
      var reader = ByteReader(bytes)
      do { _ = try MessageCodec.decode(&reader) } catch { refused += 1 }
    }
    #expect(refused > 1000)
  }

  @Test func `entries out of order, a gap, and a later term than the sender's are refused`() {
    let wrong: [[EntryID]] = [
      [Self.id(2, 6)], [Self.id(2, 5), Self.id(2, 7)], [Self.id(1, 5)], [Self.id(5, 5)],
    ]
    for ids in wrong {
      let append = Message.Append(
        previous: Self.id(2, 4),
        entries: ids.map { Entry(id: $0, kind: .command, payload: []) }, commit: .zero,
        cuttable: .zero)
      var reader = ByteReader(Self.encode(.append(append)))
      #expect(throws: WireError.self) { try MessageCodec.decode(&reader) }
    }
  }

  @Test func `a count that the bytes cannot hold is refused before anything is reserved`() {
    var writer = ByteWriter()
    for value: UInt64 in [1, 2, 4] { writer.u64(value) }
    writer.u8(5)
    for value: UInt64 in [0, 0, 0, 0] { writer.u64(value) }
    writer.u32(60_000)
    var reader = ByteReader(writer.bytes)
    #expect(throws: WireError.truncated(needed: 60_000 * 21, left: 0)) {
      try MessageCodec.decode(&reader)
    }
  }

  @Test func `a configuration entry that cannot be read is refused`() {
    let entry = Entry(id: Self.id(2, 5), kind: .configuration, payload: [1, 2, 3])
    let append = Message.Append(
      previous: Self.id(2, 4), entries: [entry], commit: .zero, cuttable: .zero)
    var reader = ByteReader(Self.encode(.append(append)))
    #expect(throws: WireError.self) { try MessageCodec.decode(&reader) }
  }
}
