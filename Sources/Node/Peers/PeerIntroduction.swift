// PeerIntroduction: what both ends of a peer connection say of themselves, as the handshake's proven part.
//
// Format (big-endian): lane u8, own address, count u16 of (node u64, address), hello (Replica's, opaque here).
//
// Invariant: everything is bounded; an address that cannot be read refuses the whole.
// Not here: the proof (PeerHandshake), who may be a peer (Replica).

import Raft
import Wire

/// What a connection is for. Bulk bytes have one of their own, so that no heartbeat waits behind them.
enum PeerLane: UInt8 {
  case consensus = 0
  case bulk = 1
}

/// A node's words on a new connection.
struct PeerIntroduction {
  var lane: PeerLane
  /// Where the speaker listens for peers.
  var address: NodeAddress
  /// Where it believes others to be: how nodes that were added later find each other.
  var book: [PeerAddress]
  var hello: [UInt8]

  private static let bookMax = 64
  private static let helloBytesMax = 48 << 10

  var encoded: [UInt8] {
    var writer = ByteWriter(capacity: 256 + hello.count)
    writer.u8(lane.rawValue)
    writer.text(address.description)
    let known = book.prefix(Self.bookMax)
    writer.u16(UInt16(known.count))
    for peer in known {
      writer.u64(peer.id.value)
      writer.text(peer.address.description)
    }
    writer.blob32(hello)
    return writer.bytes
  }

  init(lane: PeerLane, address: NodeAddress, book: [PeerAddress], hello: [UInt8]) {
    self.lane = lane
    self.address = address
    self.book = book
    self.hello = hello
  }

  init(decoding bytes: [UInt8]) throws {
    var reader = ByteReader(bytes)
    guard let lane = PeerLane(rawValue: try reader.u8()) else {
      throw PeerError("it opens a connection for a purpose that this node does not know")
    }
    self.lane = lane
    address = try Self.address(&reader)
    let count = Int(try reader.u16())
    guard count <= Self.bookMax else { throw PeerError("it names \(count) nodes") }
    book = []
    for _ in 0..<count {
      let id = NodeID(try reader.u64())
      book.append(PeerAddress(id: id, address: try Self.address(&reader)))
    }
    hello = try reader.blob32(limit: Self.helloBytesMax)
    try reader.finish()
  }

  private static func address(_ reader: inout ByteReader) throws -> NodeAddress {
    let text = try reader.text()
    guard let address = NodeAddress(text) else {
      throw PeerError("'\(StderrLog.escaped(text))' is not host:port")
    }
    return address
  }
}
