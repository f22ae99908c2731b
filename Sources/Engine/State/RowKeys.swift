// RowKeys: the keys of the engine's rows.
//
// Prefixes are stored: never reuse one. Fields are big-endian, so rows sort by them.
// Not here: values (EngineRows, Rows), when a row is written (Collect).

import Wire

/// The first byte of each kind of engine row.
enum RowKind {
  static let genesis: UInt8 = 0x10
  static let asset: UInt8 = 0x11
  static let symbol: UInt8 = 0x12
  static let account: UInt8 = 0x13
  static let key: UInt8 = 0x14
  static let balance: UInt8 = 0x15
  static let openOrder: UInt8 = 0x16
  static let orderCounts: UInt8 = 0x17
  static let symbolCounters: UInt8 = 0x18
  static let averagePrice: UInt8 = 0x19
  static let closedID: UInt8 = 0x1A
  static let funds: UInt8 = 0x1B
  static let engineCounters: UInt8 = 0x1C
  static let settings: UInt8 = 0x1D
}

/// Builds the keys. `start` is the prefix byte and the shard.
enum RowKeys {
  static func of(_ kind: UInt8) -> [UInt8] { Packer.bytes(3) { start(kind, &$0) } }

  static func of(_ kind: UInt8, _ id: UInt32) -> [UInt8] {
    Packer.bytes(7) {
      start(kind, &$0)
      $0.u32(id)
    }
  }

  static func of(_ kind: UInt8, _ id: UInt64) -> [UInt8] {
    Packer.bytes(11) {
      start(kind, &$0)
      $0.u64(id)
    }
  }

  static func of(_ kind: UInt8, _ a: UInt32, _ b: UInt32) -> [UInt8] {
    Packer.bytes(11) {
      start(kind, &$0)
      $0.u32(a)
      $0.u32(b)
    }
  }

  static func of(_ kind: UInt8, _ a: UInt64, _ b: UInt32) -> [UInt8] {
    Packer.bytes(15) {
      start(kind, &$0)
      $0.u64(a)
      $0.u32(b)
    }
  }

  static func openOrder(_ account: AccountID, _ symbol: SymbolID, _ id: OrderID) -> [UInt8] {
    Packer.bytes(23) {
      start(RowKind.openOrder, &$0)
      $0.u64(account.value)
      $0.u32(symbol.value)
      $0.i64(id.value)
    }
  }

  static func funds(deposit: Bool, id: String) -> [UInt8] {
    var writer = RowKey.start(RowKind.funds)
    writer.u8(deposit ? 1 : 2)
    writer.raw(id.utf8)
    return writer.bytes
  }

  @inline(__always)
  private static func start(_ kind: UInt8, _ packer: inout Packer) {
    packer.u8(kind)
    packer.u16(0)
  }
}

extension ByteReader {
  /// Reads the start of a key and checks its kind.
  mutating func keyStart(_ kind: UInt8) throws(WireError) {
    guard try u8() == kind, try u16() == 0 else { throw .invalid("row key") }
  }

  /// Reads the version byte of a row that has changed its layout; versions count from 1.
  mutating func rowVersion(upTo newest: UInt8) throws(WireError) -> UInt8 {
    let version = try u8()
    guard version >= 1, version <= newest else { throw .invalid("row version") }
    return version
  }

  /// Reads the version byte that every row value starts with.
  mutating func rowVersion() throws(WireError) {
    guard try u8() == RowValues.version else { throw .invalid("row version") }
  }
}
