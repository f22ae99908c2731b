// PeerHandshake: both ends of a new peer connection prove that they know the cluster secret, and say who they are.
//
//   acceptor -> dialler   challenge: magic, version, nonce A
//   dialler -> acceptor   magic, version, nonce D, from, to, hello, HMAC("dial", A, D, from, to, hello)
//   acceptor -> dialler   welcome: hello, HMAC("accept", A, D, from, to, hello)   or   refusal: one line of text
//
// Fresh nonces from both sides: nothing can be replayed. The two labels keep one side's proof from
// being sent back to it. Without a secret (loopback only, NodeSettings) the code is keyed with a
// constant and proves nothing. After the handshake frames carry a checksum but no code: an attacker
// who can alter the traffic between the nodes needs TLS against him, not this.
//
// A hello is here what PeerIntroduction encodes.
//
// Invariant: the hello is handed out only after its code was verified.
// Not here: sockets (PeerConnections), and whether the hello is welcome (Replica).

import Gateway
import Raft
import Wire

/// Codes over handshake fields.
struct PeerSecret: Sendable {
  private let key: HMACKey

  init(_ secret: [UInt8]?) {
    key = HMACKey(secret: secret ?? Array("castle: no cluster secret".utf8))
  }

  func code(_ label: StaticString, _ nonces: [UInt8], _ fields: [UInt8]) -> [UInt8] {
    let text = label.withUTF8Buffer { Array($0) }
    return key.sign(text[...], [0], nonces[...], fields[...])
  }
}

/// The wire forms of the handshake.
enum PeerHandshake {
  static let magic: UInt32 = 0x4353_544C  // "CSTL"
  static let version: UInt16 = 2
  static let nonceBytes = 32
  private static let codeBytes = 32
  private static let helloBytesMax = 64 << 10

  /// Who called whom, and what it said of itself.
  struct Call {
    var from: NodeID
    var to: NodeID
    var nonces: [UInt8]
    var hello: [UInt8]
  }

  static func challenge(nonce: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.u32(magic)
    writer.u16(version)
    writer.raw(nonce)
    return writer.bytes
  }

  /// The dialler's answer to a challenge, and the nonces that the welcome must cover.
  static func call(
    answering challenge: [UInt8], nonce: [UInt8], from: NodeID, to: NodeID, hello: [UInt8],
    secret: PeerSecret
  ) throws -> (bytes: [UInt8], nonces: [UInt8]) {
    var reader = ByteReader(challenge)
    try checkStart(&reader)
    let nonces = try reader.raw(nonceBytes) + nonce
    try reader.finish()
    let fields = fields(from: from, to: to, hello: hello)
    var writer = ByteWriter(capacity: 256 + hello.count)
    writer.u32(magic)
    writer.u16(version)
    writer.raw(nonce)
    writer.raw(fields)
    writer.raw(secret.code("dial", nonces, fields))
    return (writer.bytes, nonces)
  }

  /// Reads and verifies the dialler's answer to the challenge with `nonce`.
  static func read(call bytes: [UInt8], nonce: [UInt8], secret: PeerSecret) throws -> Call {
    var reader = ByteReader(bytes)
    try checkStart(&reader)
    let nonces = nonce + (try reader.raw(nonceBytes))
    let from = NodeID(try reader.u64())
    let to = NodeID(try reader.u64())
    let hello = try reader.blob32(limit: helloBytesMax)
    let code = try reader.raw(codeBytes)
    try reader.finish()
    let fields = fields(from: from, to: to, hello: hello)
    guard ConstantTime.equal(code, secret.code("dial", nonces, fields)) else {
      throw PeerError("it does not know the cluster secret")
    }
    return Call(from: from, to: to, nonces: nonces, hello: hello)
  }

  /// The acceptor's yes, with its own hello.
  static func welcome(_ call: Call, hello: [UInt8], secret: PeerSecret) -> [UInt8] {
    let fields = fields(from: call.from, to: call.to, hello: hello)
    var writer = ByteWriter(capacity: 64 + hello.count)
    writer.u8(1)
    writer.blob32(hello)
    writer.raw(secret.code("accept", call.nonces, fields))
    return writer.bytes
  }

  /// The acceptor's no. Sent only to callers that know the secret.
  static func refusal(_ reason: String) -> [UInt8] {
    var writer = ByteWriter()
    writer.u8(0)
    writer.text(String(decoding: reason.utf8.prefix(500), as: UTF8.self))
    return writer.bytes
  }

  /// The acceptor's hello, verified. Throws its refusal as a `PeerError`.
  static func read(
    welcome bytes: [UInt8], nonces: [UInt8], from: NodeID, to: NodeID, secret: PeerSecret
  ) throws -> [UInt8] {
    var reader = ByteReader(bytes)
    guard try reader.bool() else {
      throw PeerError("it refuses us: \(try reader.text())")
    }
    let hello = try reader.blob32(limit: helloBytesMax)
    let code = try reader.raw(codeBytes)
    try reader.finish()
    let fields = fields(from: from, to: to, hello: hello)
    guard ConstantTime.equal(code, secret.code("accept", nonces, fields)) else {
      throw PeerError("it does not know the cluster secret")
    }
    return hello
  }

  private static func fields(from: NodeID, to: NodeID, hello: [UInt8]) -> [UInt8] {
    var writer = ByteWriter(capacity: 32 + hello.count)
    writer.u64(from.value)
    writer.u64(to.value)
    writer.blob32(hello)
    return writer.bytes
  }

  private static func checkStart(_ reader: inout ByteReader) throws {
    guard try reader.u32() == magic else { throw PeerError("it does not speak our protocol") }
    let other = try reader.u16()
    guard other == version else {
      throw PeerError(
        "it speaks version \(other) of the peer protocol, this node version \(version)")
    }
  }
}
