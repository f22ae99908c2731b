// Note: what the nodes tell each other through the log, beside the clients' commands.
//
// Format (big-endian), behind the requests of a payload of version 2: count u16, then for each kind u8 and body.
// Invariant: decoding is bounded and never traps; an unknown kind is an error, because it must halt `apply`.
// Not here: what a note changes (StateMachine, HashAgreement).

import Raft
import Wire

/// A voter's state hash at a log index.
public struct HashReport: Hashable, Sendable {
  public var node: NodeID
  public var incarnation: UInt64
  /// The log index behind whose entry the hash was taken.
  public var index: UInt64
  public var hash: UInt128

  public init(node: NodeID, incarnation: UInt64, index: UInt64, hash: UInt128) {
    self.node = node
    self.incarnation = incarnation
    self.index = index
    self.hash = hash
  }

  func encode(into writer: inout ByteWriter) {
    writer.u64(node.value)
    writer.u64(incarnation)
    writer.u64(index)
    writer.u128(hash)
  }

  init(decoding reader: inout ByteReader) throws(WireError) {
    node = NodeID(try reader.u64())
    incarnation = try reader.u64()
    index = try reader.u64()
    hash = try reader.u128()
  }
}

/// Something that the replicas themselves put into the log.
public enum Note: Hashable, Sendable {
  case hash(HashReport)
  /// Every replica takes its state hash behind this entry, and voters report it.
  case point

  /// The most notes in one entry.
  static let countMax = 64
  static let bytesMax = 1 + 40

  func encode(into writer: inout ByteWriter) {
    switch self {
    case .hash(let report):
      writer.u8(1)
      report.encode(into: &writer)
    case .point:
      writer.u8(2)
    }
  }

  init(decoding reader: inout ByteReader) throws(WireError) {
    switch try reader.u8() {
    case 1: self = .hash(try HashReport(decoding: &reader))
    case 2: self = .point
    default: throw .invalid("note kind")
    }
  }
}
