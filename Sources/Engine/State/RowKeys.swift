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
  static let withdrawal: UInt8 = 0x28
  static let commission: UInt8 = 0x29
  static let orderList: UInt8 = 0x30
}

/// Builds the keys. `start` is the prefix byte and the shard.
enum RowKeys {
  /// No key but those of funds is longer.
  static let bytesMax = 23

  static func of(_ kind: UInt8) -> [UInt8] { Packer.bytes(3) { $0.key(kind) } }

  static func of(_ kind: UInt8, _ id: UInt32) -> [UInt8] { Packer.bytes(7) { $0.key(kind, id) } }

  static func of(_ kind: UInt8, _ id: UInt64) -> [UInt8] { Packer.bytes(11) { $0.key(kind, id) } }

  static func of(_ kind: UInt8, _ a: UInt64, _ b: UInt32) -> [UInt8] {
    Packer.bytes(15) { $0.key(kind, a, b) }
  }

  static func openOrder(_ account: AccountID, _ symbol: SymbolID, _ id: OrderID) -> [UInt8] {
    Packer.bytes(23) { $0.openOrderKey(account, symbol, id) }
  }

  static func orderList(_ account: AccountID, _ id: OrderListID) -> [UInt8] {
    Packer.bytes(19) {
      $0.key(RowKind.orderList, account.value)
      $0.i64(id.value)
    }
  }

  static func funds(_ kind: FundsKind, id: String) -> [UInt8] {
    var writer = RowKey.start(RowKind.funds)
    writer.u8(kind.rawValue)
    writer.raw(id.utf8)
    return writer.bytes
  }
}

// The same, in place.
extension Packer {
  @inline(__always)
  mutating func key(_ kind: UInt8) {
    u8(kind)
    u16(0)
  }

  @inline(__always)
  mutating func key(_ kind: UInt8, _ id: UInt32) {
    key(kind)
    u32(id)
  }

  @inline(__always)
  mutating func key(_ kind: UInt8, _ id: UInt64) {
    key(kind)
    u64(id)
  }

  @inline(__always)
  mutating func key(_ kind: UInt8, _ a: UInt32, _ b: UInt32) {
    key(kind)
    u32(a)
    u32(b)
  }

  @inline(__always)
  mutating func key(_ kind: UInt8, _ a: UInt64, _ b: UInt32) {
    key(kind)
    u64(a)
    u32(b)
  }

  @inline(__always)
  mutating func openOrderKey(_ account: AccountID, _ symbol: SymbolID, _ id: OrderID) {
    key(RowKind.openOrder, account.value, symbol.value)
    i64(id.value)
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

  /// Reads what is written only if it is true.
  mutating func isTrue() throws(WireError) -> Bool {
    guard try bool() else { throw .invalid("row field") }
    return true
  }

  /// Reads the version byte that every row value starts with.
  mutating func rowVersion() throws(WireError) {
    guard try u8() == RowValues.version else { throw .invalid("row version") }
  }
}
