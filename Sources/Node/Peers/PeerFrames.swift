// PeerFrames: how bytes between nodes are cut into messages: length u32, CRC32C u32, payload.
//
// Invariants: a frame above the limit, or with a wrong checksum, ends the connection; nothing is skipped over.
// Not here: what payloads mean (PeerHandshake before the connection is trusted, Replica's PeerCodec after).

import NIOCore
import Wire

/// Why a peer connection ended. One line for the log.
struct PeerError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// The frame format.
enum PeerFrame {
  static let payloadBytesMax = 4 << 20
  /// Before the other side proved who it is.
  static let handshakeBytesMax = 72 << 10
  static let headerBytes = 8

  /// Appends a frame around `payload`.
  static func append(_ payload: [UInt8], to buffer: inout ByteBuffer) {
    precondition(payload.count <= payloadBytesMax, "a peer message above 4 MiB")
    buffer.writeInteger(UInt32(payload.count))
    buffer.writeInteger(CRC32C.of(payload))
    buffer.writeBytes(payload)
  }
}

/// Cuts frames. `limit` grows once the other side is trusted.
final class PeerFrameDecoder: ByteToMessageDecoder {
  typealias InboundOut = [UInt8]

  var limit = PeerFrame.handshakeBytesMax

  func decode(
    context: ChannelHandlerContext, buffer: inout ByteBuffer
  ) throws -> DecodingState {
    guard
      let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self),
      let checksum = buffer.getInteger(at: buffer.readerIndex + 4, as: UInt32.self)
    else { return .needMoreData }
    guard length <= limit else { throw PeerError("a frame of \(length) bytes, limit \(limit)") }
    guard buffer.readableBytes >= PeerFrame.headerBytes + Int(length) else { return .needMoreData }
    buffer.moveReaderIndex(forwardBy: PeerFrame.headerBytes)
    guard let payload = buffer.readBytes(length: Int(length)) else { return .needMoreData }
    guard CRC32C.of(payload) == checksum else { throw PeerError("a frame with a wrong checksum") }
    context.fireChannelRead(Self.wrapInboundOut(payload))
    return .continue
  }

  func decodeLast(
    context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool
  ) throws -> DecodingState { .needMoreData }
}
