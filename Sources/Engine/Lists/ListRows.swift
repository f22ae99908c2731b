// ListRows: open lists as rows, by account and list id.
//
// A list's row is written when the list changes, and deleted when it ends.
// Not here: lists that ended (Market keeps the history).

import Wire

/// An open list as stored.
struct StoredList {
  struct Leg {
    var order: OrderID
    var text: ShortText
    var isOpen: Bool
  }

  var id: OrderListID
  var account: AccountID
  var symbol: SymbolID
  var kind: OrderListKind
  var phase: ListPhase
  var text: ShortText
  var createdAt: Int64
  var updatedAt: Int64
  var proceeds: Int64
  var turn: UInt64
  var legs: [Leg]
}

enum ListRows {
  private static let version: UInt8 = 1

  static func value(_ list: OrderListState, _ symbol: SymbolID) -> [UInt8] {
    var writer = ByteWriter(capacity: 192)
    writer.u8(version)
    writer.u32(symbol.value)
    writer.u8(list.kind.rawValue)
    writer.u8(list.phase.rawValue)
    list.text.encode(into: &writer)
    writer.i64(list.createdAt)
    writer.i64(list.updatedAt)
    writer.i64(list.proceeds)
    writer.u64(list.turn)
    for leg in 0..<list.kind.legCount {
      writer.i64(list.orders[leg].value)
      list.texts[leg].encode(into: &writer)
      writer.bool(list.slots[leg] >= 0)
    }
    return writer.bytes
  }

  static func list(key: [UInt8], value: [UInt8]) throws(WireError) -> StoredList {
    var k = ByteReader(key)
    try k.keyStart(RowKind.orderList)
    let account = AccountID(try k.u64())
    let id = OrderListID(try k.i64())
    try k.finish()
    var v = ByteReader(value)
    _ = try v.rowVersion(upTo: version)
    let symbol = SymbolID(try v.u32())
    let kind = try v.orderListKind()
    guard let phase = ListPhase(rawValue: try v.u8()) else { throw .invalid("list phase") }
    var list = StoredList(
      id: id, account: account, symbol: symbol, kind: kind, phase: phase,
      text: try ShortText.decode(&v), createdAt: try v.i64(), updatedAt: try v.i64(),
      proceeds: try v.i64(), turn: try v.u64(), legs: [])
    for _ in 0..<kind.legCount {
      list.legs.append(
        StoredList.Leg(
          order: OrderID(try v.i64()), text: try ShortText.decode(&v), isOpen: try v.bool()))
    }
    try v.finish()
    return list
  }
}

extension Exchange {
  /// Writes a list's row after a change.
  mutating func save(_ list: Int32, _ stamp: Int64) {
    lists[list].updatedAt = stamp
    let state = lists[list]
    let key = RowKeys.orderList(accounts.id(state.account), state.id)
    let value = ListRows.value(state, symbols.states[state.symbol].id)
    lists[list].hash = write(key, value, replacing: state.hash)
  }

  /// Deletes a list's row.
  mutating func dropRow(_ list: Int32) {
    let state = lists[list]
    guard state.hash != 0 else { return }
    stateHash &-= state.hash
    written.delete(RowKeys.orderList(accounts.id(state.account), state.id))
  }
}

extension EngineRows {
  /// All open lists of an account, in id order.
  public static func orderListPrefix(account: AccountID) -> [UInt8] {
    RowKeys.of(RowKind.orderList, account.value)
  }
}
