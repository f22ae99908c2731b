// ReadModel+Lists: queries about an account's order lists, prevented matches and amendments, from stored rows.
//
// Not here: who may ask (Gateway), and the engine's own rows (EngineRows).

import Engine
import Wire

extension ReadModel {
  /// The latest view of a list, open or ended. `nil`: the account has no such list.
  public func orderList(_ account: AccountID, id: OrderListID) throws -> OrderListView? {
    try rows.row(MarketRows.key(MarketRows.listPrefix, account, id)).map(Self.list)
  }

  /// The newest list under a client list id.
  public func orderList(_ account: AccountID, clientListID: ShortText) throws -> OrderListView? {
    guard let value = try rows.row(MarketRows.listNameKey(account, clientListID)) else {
      return nil
    }
    var reader = try MarketRows.open(value)
    return try orderList(account, id: OrderListID(try reader.i64()))
  }

  /// Open lists in id order, at most `limit`. Whoever must not miss one asks for one more than it
  /// can take.
  public func openOrderLists(_ account: AccountID, limit: Int) throws -> [OrderListView] {
    let prefix = MarketRows.key(MarketRows.openListPrefix, account).bytes
    let ids = try rows.collect(
      from: prefix, upTo: RowKey.after(prefix), reverse: false, limit: limit
    ) { key, _ throws(WireError) in
      OrderListID(try MarketRows.number(key, at: prefix.count))
    }
    return try ids.compactMap { try orderList(account, id: $0) }
  }

  /// Lists in every state, ascending by id (and so by creation time): from `fromID` up, or
  /// Binance's window rules.
  public func allOrderLists(
    _ account: AccountID, fromID: OrderListID?, start: Int64?, end: Int64?, limit: Int
  ) throws -> [OrderListView] {
    let window = HistoryWindow<OrderListView>(
      rows: rows, prefix: MarketRows.key(MarketRows.listPrefix, account).bytes,
      decode: { _, value throws(WireError) in try Self.list(value) },
      time: { $0.createdAt })
    return try window.select(fromID: fromID?.value, start: start, end: end, limit: limit)
  }

  /// A prevented match that the account took part in.
  public func preventedMatch(
    _ account: AccountID, _ symbol: SymbolID, id: PreventedMatchID
  ) throws -> AccountPreventedMatch? {
    let key = MarketRows.key(MarketRows.preventedPrefix, account, symbol, id.value)
    return try rows.row(key).map { value throws(WireError) in
      try AccountPreventedMatch(symbol: symbol, key: key, value: value)
    }
  }

  /// The prevented matches of an order from `fromID` up, ascending.
  public func preventedMatches(
    _ account: AccountID, _ symbol: SymbolID, of order: OrderID, fromID: PreventedMatchID,
    limit: Int
  ) throws -> [AccountPreventedMatch] {
    let ids = try numbers(
      MarketRows.orderPreventedPrefix, account, symbol, order, from: fromID.value, limit: limit)
    return try ids.compactMap {
      try preventedMatch(account, symbol, id: PreventedMatchID($0))
    }
  }

  /// The amendments of an order from `fromID` up, ascending.
  public func amendments(
    _ account: AccountID, _ symbol: SymbolID, of order: OrderID, fromID: ExecutionID, limit: Int
  ) throws -> [AccountAmendment] {
    let prefix = MarketRows.orderKey(MarketRows.amendmentPrefix, account, symbol, order)
    var from = prefix
    from.i64(max(0, fromID.value))
    return try rows.collect(
      from: from.bytes, upTo: RowKey.after(prefix.bytes), reverse: false, limit: limit
    ) { key, value throws(WireError) in
      try AccountAmendment(symbol: symbol, order: order, key: key, value: value)
    }
  }

  private func numbers(
    _ prefix: UInt8, _ account: AccountID, _ symbol: SymbolID, _ order: OrderID, from: Int64,
    limit: Int
  ) throws -> [Int64] {
    let prefix = MarketRows.orderKey(prefix, account, symbol, order)
    var first = prefix
    first.i64(max(0, from))
    return try rows.collect(
      from: first.bytes, upTo: RowKey.after(prefix.bytes), reverse: false, limit: limit
    ) { key, _ throws(WireError) in try MarketRows.number(key, at: MarketRows.afterOrder) }
  }

  private static func list(_ value: [UInt8]) throws(WireError) -> OrderListView {
    var reader = try MarketRows.open(value)
    let list = try OrderListCodec.decode(&reader)
    try reader.finish()
    return list
  }
}
