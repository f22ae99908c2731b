// ReplicaRows: keys and values of the rows that this room owns (RowPrefix.replica), and the applied marker.
//
// Formats (big-endian) carry a version in their value; a change of one bumps it.
// Not here: recorded outcomes (OutcomeRows), the rows of the exchange (Engine).

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
  /// HashAgreement: part of the state.
  static let agreementKey = RowKey.start(0x03).bytes
  /// StateRecord: about the state, not part of it.
  static let recordKey = RowKey.start(0x04).bytes

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
}
