// PeerMessage: what nodes say to each other, and its bytes.
//
// Invariants: every message carries the sender's wall clock; decoding is bounded and never traps.
// Format (big-endian): version u16 (2), group u32 (0), kind u8, wall i64, body.
// Not here: framing, length limits of a frame, checksums and authentication (Node).

import Engine
import Raft
import Wire

/// A message between nodes.
public struct PeerMessage: Sendable {
  /// The sender's wall clock when the message was made: a sample for everyone's cluster clock.
  public var wall: Int64
  public var body: Body

  public init(wall: Int64, _ body: Body) {
    self.wall = wall
    self.body = body
  }

  /// Whether it is large and may wait behind others of its kind: nothing else may wait behind it.
  public var isBulk: Bool {
    switch body {
    case .snapshot(.manifest), .snapshot(.piece): true
    default: false
    }
  }

  /// What a message carries.
  public enum Body: Sendable {
    case raft(Message)
    /// Writes for the leader, in order.
    case forward(Forward)
    /// Sent again on an open connection when the sender learns its first configuration.
    case hello(PeerHello)
    /// A voter's state hash, for the leader to put into the log.
    case report(HashReport)
    case health(NodeHealth)
    case snapshot(SnapshotMessage)
    /// A forwarded write that the leader does not put into the log.
    case refusal(Refusal)
  }

  /// Why the leader does not put a forwarded write into the log.
  public struct Refusal: Sendable {
    /// In which it leads.
    public var term: Term
    public var request: RequestID
    /// One sentence.
    public var reason: String

    public init(term: Term, request: RequestID, reason: String) {
      self.term = term
      self.request = request
      self.reason = reason
    }
  }

  /// Writes that a follower hands to the leader.
  public struct Forward: Sendable {
    /// Drawn at random by the sender's life.
    public var life: UInt64
    /// Grows when the sender repeats everything that waits there.
    public var epoch: UInt32
    /// Counts the messages of an epoch from 0, so that nothing overtakes what was lost.
    public var number: UInt32
    /// Requests as `CommandCodec` encodes them.
    public var requests: [[UInt8]]

    public init(life: UInt64, epoch: UInt32, number: UInt32, requests: [[UInt8]]) {
      self.life = life
      self.epoch = epoch
      self.number = number
      self.requests = requests
    }
  }
}

/// Bytes of a PeerMessage.
public enum PeerCodec {
  static let version: UInt16 = 2
  /// The most requests in one forward message.
  static let forwardCountMax = 8192
  /// The longest encoded request.
  static let requestBytesMax = 64 << 10
  /// The longest sentence of a refusal.
  static let reasonBytesMax = 1_024

  public static func encode(_ message: PeerMessage, into writer: inout ByteWriter) {
    writer.u16(version)
    writer.u32(0)
    switch message.body {
    case .raft(let body):
      writer.u8(1)
      writer.i64(message.wall)
      MessageCodec.encode(body, into: &writer)
    case .forward(let body):
      writer.u8(2)
      writer.i64(message.wall)
      writer.u64(body.life)
      writer.u32(body.epoch)
      writer.u32(body.number)
      writer.u32(UInt32(body.requests.count))
      for request in body.requests { writer.blob32(request) }
    case .hello(let body):
      writer.u8(3)
      writer.i64(message.wall)
      writer.blob32(body.encoded)
    case .report(let body):
      writer.u8(4)
      writer.i64(message.wall)
      body.encode(into: &writer)
    case .health(let body):
      writer.u8(5)
      writer.i64(message.wall)
      writer.u8(body.rawValue)
    case .snapshot(let body):
      writer.u8(6)
      writer.i64(message.wall)
      body.encode(into: &writer)
    case .refusal(let body):
      writer.u8(7)
      writer.i64(message.wall)
      writer.u64(body.term.value)
      let words = body.request.words
      for word in [words.0, words.1, words.2, words.3] { writer.u64(word) }
      writer.blob16(Array(body.reason.utf8.prefix(reasonBytesMax)))
    }
  }

  /// Reads one whole message; bytes behind it are refused.
  public static func decode(_ reader: inout ByteReader) throws(WireError) -> PeerMessage {
    guard try reader.u16() == version else { throw .invalid("peer message version") }
    guard try reader.u32() == 0 else { throw .invalid("peer message group") }
    let kind = try reader.u8()
    let wall = try reader.i64()
    let body: PeerMessage.Body
    switch kind {
    case 1: body = .raft(try MessageCodec.decode(&reader))
    case 2: body = .forward(try forward(&reader))
    case 3: body = .hello(try PeerHello(decoding: try reader.blob32(limit: PeerHello.bytesMax)))
    case 4: body = .report(try HashReport(decoding: &reader))
    case 5: body = .health(NodeHealth(rawValue: try reader.u8() & NodeHealth.known))
    case 6: body = .snapshot(try SnapshotMessage(decoding: &reader))
    case 7: body = .refusal(try refusal(&reader))
    default: throw .invalid("peer message kind")
    }
    try reader.finish()
    return PeerMessage(wall: wall, body)
  }

  private static func refusal(
    _ reader: inout ByteReader
  ) throws(WireError) -> PeerMessage.Refusal {
    let term = Term(try reader.u64())
    let request = RequestID(
      try reader.u64(), try reader.u64(), try reader.u64(), try reader.u64())
    let reason = try reader.blob16(limit: reasonBytesMax)
    return PeerMessage.Refusal(
      term: term, request: request, reason: String(decoding: reason, as: UTF8.self))
  }

  private static func forward(
    _ reader: inout ByteReader
  ) throws(WireError) -> PeerMessage.Forward {
    let life = try reader.u64()
    let epoch = try reader.u32()
    let number = try reader.u32()
    guard number < UInt32.max else { throw .invalid("forward number") }
    let count = Int(try reader.u32())
    guard count <= forwardCountMax else { throw .tooLong(length: count, limit: forwardCountMax) }
    var requests: [[UInt8]] = []
    requests.reserveCapacity(min(count, reader.left / 4))
    for _ in 0..<count { requests.append(try reader.blob32(limit: requestBytesMax)) }
    return PeerMessage.Forward(life: life, epoch: epoch, number: number, requests: requests)
  }
}
