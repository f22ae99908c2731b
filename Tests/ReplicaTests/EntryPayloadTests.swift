// EntryPayloadTests: the bytes of command entries, peer messages and hellos, valid, newer and broken.

import Engine
import Raft
import TestSupport
import Testing
import Wire

@testable import Replica

@Suite struct EntryPayloadTests {
  static let request = Request(
    header: CommandHeader(
      requestID: RequestID(1, 2, 3, 4), key: KeyID(5), timestamp: 6, deadline: 7),
    command: .revokeKey(RevokeKey(apiKey: "abc")))

  static var payload: [UInt8] {
    let bytes = Coordinator.encode(request)
    return EntryPayload.encode(stamp: 1234, requests: [bytes, bytes])
  }

  @Test func `a payload comes back as it was`() throws {
    let payload = try EntryPayload(decoding: Self.payload)
    #expect(payload.stamp == 1234)
    #expect(payload.level == 1)
    #expect(payload.requests == [Self.request, Self.request])
  }

  @Test func `a payload begins with version, level, stamp and count`() {
    let header: [UInt8] = [0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 4, 210, 0, 0, 0, 2]
    #expect(Array(Self.payload.prefix(16)) == header)
  }

  @Test func `every shortened payload is refused`() {
    let whole = Self.payload
    for count in 0..<whole.count {
      #expect(throws: EntryPayload.Fault.self) {
        try EntryPayload(decoding: Array(whole.prefix(count)))
      }
    }
    #expect(throws: EntryPayload.Fault.self) { try EntryPayload(decoding: whole + [0]) }
  }

  @Test func `random bytes never trap`() {
    var random = SeededRandom(5)
    for _ in 0..<2000 {
      var bytes = Self.payload
      for _ in 0...random.below(4) {
        bytes[Int(random.below(Int64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next())
      }
      if let payload = try? EntryPayload(decoding: bytes) {
        #expect(EntryPayload.stamps.contains(payload.stamp))
      }
    }
  }

  @Test func `a newer version or level is named`() {
    var newer = Self.payload
    newer[1] = 3
    #expect(throws: EntryPayload.Fault.unknownVersion(3)) { try EntryPayload(decoding: newer) }
    newer[1] = 1
    newer[3] = 9
    #expect(throws: EntryPayload.Fault.unknownLevel(9)) { try EntryPayload(decoding: newer) }
    #expect(EntryPayload.Fault.unknownLevel(9).description.contains("newer program"))
  }

  @Test func `notes make a payload of version 2, and come back`() throws {
    let report = HashReport(node: NodeID(3), incarnation: 9, index: 4096, hash: 1 << 99)
    let notes: [Note] = [.point, .hash(report)]
    let bytes = EntryPayload.encode(stamp: 5, requests: [], notes: notes)
    #expect(bytes.prefix(4) == [0, 2, 0, 1])
    #expect(try EntryPayload(decoding: bytes).notes == notes)
    var unknown = bytes
    unknown[18] = 9
    #expect(throws: EntryPayload.Fault.malformed(.invalid("note kind"))) {
      try EntryPayload(decoding: unknown)
    }
  }

  @Test func `a count beyond the limit is refused before anything is read`() {
    var bytes = EntryPayload.encode(stamp: 1, requests: [])
    bytes[12] = 0xFF
    #expect(throws: EntryPayload.Fault.self) { try EntryPayload(decoding: bytes) }
  }

  @Test func `peer messages come back as they were, and broken ones never trap`() throws {
    let member = Member(id: NodeID(1), incarnation: 9)
    let hello = PeerHello(
      genesisHash: [1, 2], node: NodeID(1), incarnation: 9, isNew: true,
      configuration: Configuration(voters: [member]), priority: 7)
    let heartbeat = Message(
      from: NodeID(1), to: NodeID(2), term: Term(3),
      body: .heartbeat(
        .init(commit: EntryID(term: Term(3), index: LogIndex(4)), cuttable: LogIndex(1), round: 5)))
    let bodies: [PeerMessage.Body] = [
      .raft(heartbeat), .hello(hello),
      .forward(.init(life: 3, epoch: 2, number: 1, requests: [[1], [2, 3]])),
      .report(.init(node: NodeID(2), incarnation: 7, index: 64, hash: 1 << 100)),
      .health([.lowSpace, .draining]),
      .refusal(.init(term: Term(4), request: RequestID(1, 2, 3, 4), reason: "it is too old")),
    ]
    var random = SeededRandom(6)
    for body in bodies {
      var writer = ByteWriter()
      PeerCodec.encode(PeerMessage(wall: -7, body), into: &writer)
      var reader = ByteReader(writer.bytes)
      let back = try PeerCodec.decode(&reader)
      #expect(back.wall == -7)
      var again = ByteWriter()
      PeerCodec.encode(back, into: &again)
      #expect(again.bytes == writer.bytes)
      for _ in 0..<500 {
        var bytes = writer.bytes
        bytes[Int(random.below(Int64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next())
        var broken = ByteReader(Array(bytes.prefix(Int(random.below(Int64(bytes.count) + 1)))))
        _ = try? PeerCodec.decode(&broken)
      }
    }
  }
}
