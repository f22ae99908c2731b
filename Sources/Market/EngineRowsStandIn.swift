// EngineRowsStandIn: removed as soon as Engine offers EngineRows.

import Engine
import Wire

enum EngineRows {
  static let assetPrefix: [UInt8] = [0x11, 0, 0]
  static let symbolPrefix: [UInt8] = [0x12, 0, 0]
  static let accountPrefix: [UInt8] = [0x13, 0, 0]
  static let keyPrefix: [UInt8] = [0x14, 0, 0]
  static func decodeAsset(key: [UInt8], value: [UInt8]) throws(WireError) -> AssetInfo {
    throw .invalid("stand-in")
  }
  static func decodeSymbol(key: [UInt8], value: [UInt8]) throws(WireError) -> SymbolInfo {
    throw .invalid("stand-in")
  }
  static func decodeAccount(key: [UInt8], value: [UInt8]) throws(WireError) -> AccountInfo {
    throw .invalid("stand-in")
  }
  static func decodeKey(key: [UInt8], value: [UInt8]) throws(WireError) -> KeyInfo {
    throw .invalid("stand-in")
  }
  static func balancePrefix(account: AccountID) -> [UInt8] { [0x15] }
  static func decodeBalance(key: [UInt8], value: [UInt8]) throws(WireError) -> BalanceChange {
    throw .invalid("stand-in")
  }
  static func openOrderPrefix(account: AccountID) -> [UInt8] { [0x16] }
  static func openOrderPrefix(account: AccountID, symbol: SymbolID) -> [UInt8] { [0x16] }
  static func decodeOpenOrder(key: [UInt8], value: [UInt8]) throws(WireError) -> OrderView {
    throw .invalid("stand-in")
  }
}
