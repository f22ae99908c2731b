// SnapshotMessage: what nodes say to each other while one fetches the other's snapshot.
//
// A transfer is the client's: it asks for a manifest, then for pieces of the files that it lacks, a few at a time, and
// says when it is done. The manifest's contents are Storage's; here it is opaque.
// Invariant: decoding is bounded and never traps; a piece has at most `pieceBytesMax` bytes, and so
// has a manifest's part.
// Not here: what to do with it (SnapshotClient, SnapshotServer).

import Raft
import Wire

/// One message of a transfer.
public enum SnapshotMessage: Hashable, Sendable {
  /// The leader to a member: the log that you need is gone; fetch a snapshot of at least this index.
  case needed(atLeast: UInt64)
  /// A client begins a transfer, or asks for a later part of the manifest.
  case manifestRequest(transfer: UInt64, atLeast: UInt64, offset: UInt32)
  case manifest(transfer: UInt64, id: EntryID, total: UInt32, offset: UInt32, bytes: [UInt8])
  case pieceRequest(transfer: UInt64, piece: SnapshotPiece)
  case piece(transfer: UInt64, piece: SnapshotPiece, bytes: [UInt8])
  case refused(transfer: UInt64, Refusal)
  /// The client needs nothing more.
  case done(transfer: UInt64)
  /// A server to the leader: let the voters compare their states at this index or later.
  case compare(atLeast: UInt64)

  /// Why a server does not serve. Raw values go over the wire: never renumber.
  public enum Refusal: UInt8, Sendable {
    /// It serves as many others as it may.
    case busy = 1
    /// It makes a snapshot, or has it compared: ask again soon.
    case preparing = 2
    /// Its own state does not reach so far, or must not be used.
    case unable = 3
    /// The transfer is not known, or its snapshot is gone: begin again.
    case gone = 4
  }

  /// The most bytes of a piece, and of one part of a manifest.
  public static let pieceBytesMax = 1 << 20
  /// The longest manifest.
  public static let manifestBytesMax = 16 << 20

  func encode(into writer: inout ByteWriter) {
    switch self {
    case .needed(let atLeast):
      writer.u8(1)
      writer.u64(atLeast)
    case .manifestRequest(let transfer, let atLeast, let offset):
      writer.u8(2)
      writer.u64(transfer)
      writer.u64(atLeast)
      writer.u32(offset)
    case .manifest(let transfer, let id, let total, let offset, let bytes):
      writer.u8(3)
      writer.u64(transfer)
      writer.u64(id.term.value)
      writer.u64(id.index.value)
      writer.u32(total)
      writer.u32(offset)
      writer.blob32(bytes)
    case .pieceRequest(let transfer, let piece):
      writer.u8(4)
      writer.u64(transfer)
      piece.encode(into: &writer)
    case .piece(let transfer, let piece, let bytes):
      writer.u8(5)
      writer.u64(transfer)
      piece.encode(into: &writer)
      writer.blob32(bytes)
    case .refused(let transfer, let refusal):
      writer.u8(6)
      writer.u64(transfer)
      writer.u8(refusal.rawValue)
    case .done(let transfer):
      writer.u8(7)
      writer.u64(transfer)
    case .compare(let atLeast):
      writer.u8(8)
      writer.u64(atLeast)
    }
  }

  init(decoding reader: inout ByteReader) throws(WireError) {
    switch try reader.u8() {
    case 1: self = .needed(atLeast: try reader.u64())
    case 2:
      self = .manifestRequest(
        transfer: try reader.u64(), atLeast: try reader.u64(), offset: try reader.u32())
    case 3:
      let transfer = try reader.u64()
      let term = Term(try reader.u64())
      self = .manifest(
        transfer: transfer, id: EntryID(term: term, index: LogIndex(try reader.u64())),
        total: try reader.u32(), offset: try reader.u32(),
        bytes: try reader.blob32(limit: Self.pieceBytesMax))
    case 4:
      self = .pieceRequest(
        transfer: try reader.u64(), piece: try SnapshotPiece(decoding: &reader))
    case 5:
      self = .piece(
        transfer: try reader.u64(), piece: try SnapshotPiece(decoding: &reader),
        bytes: try reader.blob32(limit: Self.pieceBytesMax))
    case 6:
      let transfer = try reader.u64()
      guard let refusal = Refusal(rawValue: try reader.u8()) else {
        throw .invalid("snapshot refusal")
      }
      self = .refused(transfer: transfer, refusal)
    case 7: self = .done(transfer: try reader.u64())
    case 8: self = .compare(atLeast: try reader.u64())
    default: throw .invalid("snapshot message kind")
    }
  }
}

/// A part of a file of a snapshot.
public struct SnapshotPiece: Hashable, Sendable {
  /// The file's place in the manifest.
  public var file: UInt32
  public var offset: UInt64
  /// Bytes, at most `SnapshotMessage.pieceBytesMax`.
  public var count: UInt32

  public init(file: UInt32, offset: UInt64, count: UInt32) {
    self.file = file
    self.offset = offset
    self.count = count
  }

  func encode(into writer: inout ByteWriter) {
    writer.u32(file)
    writer.u64(offset)
    writer.u32(count)
  }

  init(decoding reader: inout ByteReader) throws(WireError) {
    file = try reader.u32()
    offset = try reader.u64()
    count = try reader.u32()
    guard offset < 1 << 56, count > 0, count <= SnapshotMessage.pieceBytesMax else {
      throw .invalid("snapshot piece")
    }
  }
}

/// What the driver of a Coordinator is asked to do about snapshots. Each is answered by the call that it names.
public enum SnapshotEffect: Hashable, Sendable {
  /// Make a snapshot of the store without stopping it: `snapshotMade` or `snapshotFailed`.
  case make
  /// Read a piece of the own snapshot: `snapshotRead`.
  case read(peer: NodeID, transfer: UInt64, snapshot: EntryID, piece: SnapshotPiece)
  /// Begin to install this manifest beside the present store, or go on with what an earlier attempt left:
  /// `installBegan` with the pieces that are still missing, or `installFailed`.
  case begin(source: NodeID, snapshot: EntryID, manifest: [UInt8])
  /// Write a piece: `installWrote`, or `installFailed`.
  case write(piece: SnapshotPiece, bytes: [UInt8])
  /// Every piece is written: check everything, swap, and start again from the new store; or `installFailed`.
  case finish
}
