// ReplicaRows: keys and values of the rows that this room owns (RowPrefix.replica), and the applied marker.
//
// Formats (big-endian) carry a version in their value; a change of one bumps it.
// Not here: the rows of the exchange (Engine).

import Engine
import Raft
import Wire

/// The applied marker: how far the log is applied in the stored rows, and what of the state has no row elsewhere.
public struct AppliedMarker: Hashable, Sendable {
  /// The last applied entry. Replay starts after it.
  public var applied: EntryID
  /// The stamp of the last entry that had one; 0 before the first. Microseconds since 1970.
  public var stamp: Int64
  /// The hash of all logical state, this marker's own fields included.
  public var stateHash: UInt128
  /// SHA-256 of the genesis file; empty until the genesis entry is applied.
  public var genesisHash: [UInt8]
  public var clusterID: String
  /// The configuration entry applied last.
  public var configuration: Configuration?
  /// The end of the depth window that waits for an entry to close it; 0 if none waits.
  public var windowEnd: Int64

  /// Before the first entry.
  public static let initial = AppliedMarker(
    applied: .zero, stamp: 0, stateHash: 0, genesisHash: [], clusterID: "", configuration: nil,
    windowEnd: 0)

  /// Reads the marker row; `nil` in an empty store.
  public static func load(_ rows: any RowReader) throws -> AppliedMarker? {
    guard let value = try rows.row(ReplicaRows.markerKey) else { return nil }
    do throws(WireError) {
      return try ReplicaRows.marker(value)
    } catch {
      throw ReplicaError("the applied marker cannot be read: \(error)")
    }
  }

  /// What the marker adds to the state hash: all fields but the hash itself.
  var logicalHash: UInt128 {
    var copy = self
    copy.stateHash = 0
    return RowHash.of(key: ReplicaRows.markerKey, value: ReplicaRows.markerValue(copy))
  }
}

enum ReplicaRows {
  static let markerKey = RowKey.start(0x01).bytes
  static let duplicatePrefix = RowKey.start(0x02).bytes
  /// HashAgreement: part of the state.
  static let agreementKey = RowKey.start(0x03).bytes
  /// StateRecord: about the state, not part of it.
  static let recordKey = RowKey.start(0x04).bytes
  private static let replyBytesMax = 16 << 20

  static func markerValue(_ marker: AppliedMarker) -> [UInt8] {
    var writer = ByteWriter(capacity: 160)
    writer.u16(2)
    writer.u64(marker.applied.index.value)
    writer.u64(marker.applied.term.value)
    writer.i64(marker.stamp)
    writer.u128(marker.stateHash)
    writer.blob16(marker.genesisHash)
    writer.text(marker.clusterID)
    writer.blob16(marker.configuration?.encoded ?? [])
    writer.i64(marker.windowEnd)
    return writer.bytes
  }

  static func marker(_ value: [UInt8]) throws(WireError) -> AppliedMarker {
    var reader = ByteReader(value)
    guard try reader.u16() == 2 else { throw .invalid("applied marker version") }
    let index = LogIndex(try reader.u64())
    let term = Term(try reader.u64())
    var marker = AppliedMarker.initial
    marker.applied = EntryID(term: term, index: index)
    marker.stamp = try reader.i64()
    marker.stateHash = try reader.u128()
    marker.genesisHash = try reader.blob16(limit: 64)
    marker.clusterID = try reader.text(limit: 256)
    let configuration = try reader.blob16()
    marker.windowEnd = try reader.i64()
    try reader.finish()
    if !configuration.isEmpty {
      marker.configuration = try Configuration(decoding: configuration)
    }
    return marker
  }

  /// No key and value of an outcome are longer, but for the reply.
  static let duplicateBytes = 35 + 2 + 4 * 8 + 4

  @inline(__always)
  static func duplicateKey(_ id: RequestID, into packer: inout Packer) {
    packer.block(atMost: 35) {
      $0.storeBytes(of: 0x02, as: UInt8.self)
      $0.storeBytes(of: 0, toByteOffset: 1, as: UInt16.self)
      $0.storeBytes(of: id.words.0.bigEndian, toByteOffset: 3, as: UInt64.self)
      $0.storeBytes(of: id.words.1.bigEndian, toByteOffset: 11, as: UInt64.self)
      $0.storeBytes(of: id.words.2.bigEndian, toByteOffset: 19, as: UInt64.self)
      $0.storeBytes(of: id.words.3.bigEndian, toByteOffset: 27, as: UInt64.self)
      return 35
    }
  }

  @inline(__always)
  static func duplicateValue(
    _ index: UInt64, _ stamp: Int64, _ deadline: Int64, _ account: AccountID,
    _ reply: UnsafeRawBufferPointer, into packer: inout Packer
  ) {
    let count = UInt32(reply.count)
    packer.block(atMost: 38) {
      $0.storeBytes(of: UInt16(2).bigEndian, as: UInt16.self)
      $0.storeBytes(of: index.bigEndian, toByteOffset: 2, as: UInt64.self)
      $0.storeBytes(of: stamp.bigEndian, toByteOffset: 10, as: Int64.self)
      $0.storeBytes(of: deadline.bigEndian, toByteOffset: 18, as: Int64.self)
      $0.storeBytes(of: account.value.bigEndian, toByteOffset: 26, as: UInt64.self)
      $0.storeBytes(of: count.bigEndian, toByteOffset: 34, as: UInt32.self)
      return 38
    }
    packer.raw(reply)
  }

  static func duplicate(
    key: [UInt8], value: [UInt8]
  ) throws(WireError) -> (RequestID, DuplicateTable.Record) {
    guard key.count == duplicatePrefix.count + 32 else { throw .invalid("request id") }
    var reader = ByteReader(value)
    guard try reader.u16() == 2 else { throw .invalid("outcome version") }
    let record = DuplicateTable.Record(
      index: try reader.u64(), stamp: try reader.i64(), deadline: try reader.i64(),
      account: AccountID(try reader.u64()), reply: try reader.blob32(limit: replyBytesMax))
    try reader.finish()
    return (RequestID(bytes: Array(key[duplicatePrefix.count...])), record)
  }
}
