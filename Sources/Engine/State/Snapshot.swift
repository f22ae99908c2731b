// Snapshot: the whole exchange as one run of bytes, made from its rows alone.
//
// Layout: magic, version, number of rows; each row's key and value in key order; the state hash; a
// checksum of all that. One state has one snapshot: a restored exchange gives the same bytes.
// Invariants: nothing is taken of a snapshot before all of it was checked; a damaged one throws and
// leaves the exchange as it was.
// Not here: snapshots of nodes, which are files of the store (Storage).

import Wire

/// Encodes and decodes snapshots.
public enum Snapshot {
  private static let magic: UInt64 = 0x4361_7374_6C65_5331
  private static let version: UInt16 = 1
  private static let valueMax = 1 << 20

  /// The snapshot of the exchange whose rows these are. Throws what the reader throws.
  public static func encode(_ rows: any RowReader) throws -> [UInt8] {
    var body = ByteWriter(capacity: 1 << 16)
    var count: UInt64 = 0
    var hash: UInt128 = 0
    try rows.scan(
      from: [RowPrefix.engine.lowerBound], upTo: [RowPrefix.engine.upperBound + 1], reverse: false
    ) { key, value in
      body.blob16(key)
      body.blob32(value)
      hash &+= RowHash.of(key: key, value: value)
      count += 1
      return true
    }
    var writer = ByteWriter(capacity: body.count + 64)
    writer.u64(magic)
    writer.u16(version)
    writer.u64(count)
    writer.raw(body.bytes)
    writer.u128(hash)
    writer.u32(CRC32C.of(writer.bytes))
    return writer.bytes
  }

  /// The rows of a snapshot. Throws if one byte of it is missing, added or changed.
  public static func decode(_ bytes: [UInt8]) throws(WireError) -> SnapshotRows {
    guard bytes.count >= 38 else { throw .truncated(needed: 38, left: bytes.count) }
    var tail = ByteReader(bytes, in: bytes.count - 4..<bytes.count)
    guard try tail.u32() == CRC32C.of(bytes, in: 0..<bytes.count - 4) else {
      throw .invalid("snapshot checksum")
    }
    var reader = ByteReader(bytes, in: 0..<bytes.count - 4)
    guard try reader.u64() == magic, try reader.u16() == version else {
      throw .invalid("snapshot version")
    }
    let count = try reader.u64()
    var rows = SnapshotRows.Rows()
    var hash: UInt128 = 0
    for _ in 0..<count {
      let key = try reader.blob16()
      let value = try reader.blob32(limit: valueMax)
      guard key.first.map({ RowPrefix.engine.contains($0) }) == true,
        rows.last.map({ $0.key.lexicographicallyPrecedes(key) }) ?? true
      else { throw .invalid("snapshot row") }
      hash &+= RowHash.of(key: key, value: value)
      rows.append((key, value))
    }
    guard try reader.u128() == hash else { throw .invalid("snapshot hash") }
    try reader.finish()
    return SnapshotRows(rows)
  }
}

/// Rows in memory, in key order.
public final class SnapshotRows: RowReader {
  typealias Rows = [(key: [UInt8], value: [UInt8])]

  private let rows: Rows

  init(_ rows: Rows) { self.rows = rows }

  /// How many there are.
  public var count: Int { rows.count }

  public func row(_ key: [UInt8]) -> [UInt8]? {
    let place = place(key)
    return place < rows.count && rows[place].key == key ? rows[place].value : nil
  }

  public func scan(
    from: [UInt8], upTo: [UInt8], reverse: Bool, _ body: ([UInt8], [UInt8]) -> Bool
  ) {
    let first = place(from)
    let range = first..<max(first, place(upTo))
    for i in reverse ? Array(range.reversed()) : Array(range) {
      if !body(rows[i].key, rows[i].value) { return }
    }
  }

  // The place of the first row whose key is not below `key`.
  private func place(_ key: [UInt8]) -> Int {
    var low = 0
    var high = rows.count
    while low < high {
      let middle = (low + high) / 2
      if rows[middle].key.lexicographicallyPrecedes(key) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension Exchange {
  /// Takes the state of a snapshot in place of its own. Throws, and stays as it was, if the snapshot
  /// is damaged or its rows do not belong together.
  public mutating func restore(_ snapshot: [UInt8]) throws {
    self = try Exchange(loading: Snapshot.decode(snapshot), horizon: clientIDs.horizon)
  }
}
