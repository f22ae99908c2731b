// MarketRows: keys and bytes of the rows that Market keeps. The only place that knows them.
//
// Keys: prefix, shard, then the fields named at each prefix, big-endian. Every value begins with a
// version byte.
// Invariant: a layout changes only together with its version.
// Not here: when rows are written (MarketState, HistoryRows) and read (ReadModel).

import Engine
import Wire

/// Row layouts of Market.
enum MarketRows {
  // Never use a number again for something else.
  static let statePrefix: UInt8 = 0x40  // symbol
  static let levelPrefix: UInt8 = 0x41  // symbol, level name
  static let tradePrefix: UInt8 = 0x42  // symbol, trade id
  static let aggregatePrefix: UInt8 = 0x43  // symbol, aggregate id
  static let candlePrefix: UInt8 = 0x44  // symbol, interval, open time
  static let orderPrefix: UInt8 = 0x45  // account, symbol, order id
  static let clientIDPrefix: UInt8 = 0x46  // account, symbol, client order id
  static let accountTradePrefix: UInt8 = 0x47  // account, symbol, trade id, side
  static let orderTradePrefix: UInt8 = 0x48  // account, symbol, order id, trade id, side
  static let transferPrefix: UInt8 = 0x49  // account, log index, ordinal
  static let listPrefix: UInt8 = 0x4A  // account, list id
  static let listNamePrefix: UInt8 = 0x4B  // account, client list id
  static let openListPrefix: UInt8 = 0x4C  // account, list id
  static let preventedPrefix: UInt8 = 0x4D  // account, symbol, prevented match id
  static let orderPreventedPrefix: UInt8 = 0x4E  // account, symbol, order id, prevented match id
  static let amendmentPrefix: UInt8 = 0x4F  // account, symbol, order id, execution id

  static let version: UInt8 = 1

  // MARK: Keys

  static func key(_ prefix: UInt8, _ symbol: SymbolID) -> ByteWriter {
    var writer = RowKey.start(prefix)
    writer.u32(symbol.value)
    return writer
  }

  static func key(_ prefix: UInt8, _ symbol: SymbolID, _ number: Int64) -> [UInt8] {
    var writer = key(prefix, symbol)
    writer.i64(number)
    return writer.bytes
  }

  static func key(_ prefix: UInt8, _ account: AccountID, _ symbol: SymbolID) -> ByteWriter {
    var writer = RowKey.start(prefix)
    writer.u64(account.value)
    writer.u32(symbol.value)
    return writer
  }

  static func key(
    _ prefix: UInt8, _ account: AccountID, _ symbol: SymbolID, _ number: Int64
  ) -> [UInt8] {
    var writer = key(prefix, account, symbol)
    writer.i64(number)
    return writer.bytes
  }

  static func candlePrefix(_ symbol: SymbolID, _ interval: Interval) -> ByteWriter {
    var writer = key(candlePrefix, symbol)
    writer.u8(interval.rawValue)
    return writer
  }

  static func candleKey(_ symbol: SymbolID, _ interval: Interval, _ openTime: Int64) -> [UInt8] {
    var writer = candlePrefix(symbol, interval)
    writer.i64(openTime)
    return writer.bytes
  }

  static func clientIDKey(
    _ account: AccountID, _ symbol: SymbolID, _ text: ShortText
  ) -> [UInt8] {
    var writer = key(clientIDPrefix, account, symbol)
    writer.raw(text.bytes)
    return writer.bytes
  }

  static func accountTradeKey(
    _ account: AccountID, _ symbol: SymbolID, _ trade: Int64, _ side: Side
  ) -> [UInt8] {
    var writer = key(accountTradePrefix, account, symbol)
    writer.i64(trade)
    writer.u8(side.rawValue)
    return writer.bytes
  }

  static func orderTradeKey(
    _ account: AccountID, _ symbol: SymbolID, _ order: OrderID, _ trade: Int64, _ side: Side
  ) -> [UInt8] {
    var writer = key(orderTradePrefix, account, symbol)
    writer.i64(order.value)
    writer.i64(trade)
    writer.u8(side.rawValue)
    return writer.bytes
  }

  /// Rows named by a number of one order: its prevented matches, its amendments.
  static func orderKey(
    _ prefix: UInt8, _ account: AccountID, _ symbol: SymbolID, _ order: OrderID
  ) -> ByteWriter {
    var writer = key(prefix, account, symbol)
    writer.i64(order.value)
    return writer
  }

  static func orderKey(
    _ prefix: UInt8, _ account: AccountID, _ symbol: SymbolID, _ order: OrderID, _ number: Int64
  ) -> [UInt8] {
    var writer = orderKey(prefix, account, symbol, order)
    writer.i64(number)
    return writer.bytes
  }

  static func key(_ prefix: UInt8, _ account: AccountID) -> ByteWriter {
    var writer = RowKey.start(prefix)
    writer.u64(account.value)
    return writer
  }

  static func key(_ prefix: UInt8, _ account: AccountID, _ list: OrderListID) -> [UInt8] {
    var writer = key(prefix, account)
    writer.i64(list.value)
    return writer.bytes
  }

  static func listNameKey(_ account: AccountID, _ text: ShortText) -> [UInt8] {
    var writer = key(listNamePrefix, account)
    writer.raw(text.bytes)
    return writer.bytes
  }

  static func transferPrefix(_ account: AccountID) -> ByteWriter {
    var writer = RowKey.start(transferPrefix)
    writer.u64(account.value)
    return writer
  }

  static func transferKey(_ account: AccountID, _ index: UInt64, _ ordinal: UInt32) -> [UInt8] {
    var writer = transferPrefix(account)
    writer.u64(index)
    writer.u32(ordinal)
    return writer.bytes
  }

  /// The number in the eight bytes at `offset` of a key.
  static func number(_ key: [UInt8], at offset: Int) throws(WireError) -> Int64 {
    guard offset + 8 <= key.count else {
      throw .truncated(needed: offset + 8, left: key.count)
    }
    var reader = ByteReader(key, in: offset..<offset + 8)
    return try reader.i64()
  }

  /// Where the number behind (symbol) begins in a key.
  static let afterSymbol = 7
  /// Where the number behind (account, symbol) begins in a key.
  static let afterAccountAndSymbol = 15
  /// Where the number behind (account, symbol, order id) begins in a key.
  static let afterOrder = 23

  // MARK: Values

  static func start(capacity: Int = 64, version: UInt8 = version) -> ByteWriter {
    var writer = ByteWriter(capacity: capacity)
    writer.u8(version)
    return writer
  }

  /// Opens a value of a row that has had two layouts.
  static func openEither(
    _ value: [UInt8]
  ) throws(WireError) -> (reader: ByteReader, version: UInt8) {
    var reader = ByteReader(value)
    let version = try reader.u8()
    guard version == 1 || version == 2 else { throw .invalid("market row version") }
    return (reader, version)
  }

  /// Opens a value: its version must be known.
  static func open(_ value: [UInt8]) throws(WireError) -> ByteReader {
    var reader = ByteReader(value)
    guard try reader.u8() == version else { throw .invalid("market row version") }
    return reader
  }
}
