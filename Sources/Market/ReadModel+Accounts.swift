// ReadModel+Accounts: queries about one account, from stored rows.
//
// Not here: who may ask (Gateway), and the engine's own rows (EngineRows).

import Engine
import Wire

extension ReadModel {
  /// The latest view of an order, open or closed. `nil`: the account has no such order.
  public func order(_ account: AccountID, _ symbol: SymbolID, id: OrderID) throws -> OrderView? {
    let key = MarketRows.key(MarketRows.orderPrefix, account, symbol, id.value)
    return try rows.row(key).map(Self.orderView)
  }

  /// The newest order under a client order id.
  public func order(
    _ account: AccountID, _ symbol: SymbolID, clientOrderID: ShortText
  ) throws -> OrderView? {
    let key = MarketRows.clientIDKey(account, symbol, clientOrderID)
    guard let value = try rows.row(key) else { return nil }
    var reader = try MarketRows.open(value)
    return try order(account, symbol, id: OrderID(try reader.i64()))
  }

  /// Open orders of a symbol, or of all symbols, in symbol and id order, at most `limit`. Whoever
  /// must not miss one asks for one more than it can take.
  public func openOrders(
    _ account: AccountID, _ symbol: SymbolID?, limit: Int
  ) throws -> [OrderView] {
    let prefix =
      symbol.map { EngineRows.openOrderPrefix(account: account, symbol: $0) }
      ?? EngineRows.openOrderPrefix(account: account)
    return try rows.collect(prefix: prefix, limit: limit, EngineRows.decodeOpenOrder)
  }

  /// Orders in every state, ascending by id (and so by creation time): from `fromID` up, or
  /// Binance's window rules.
  public func allOrders(
    _ account: AccountID, _ symbol: SymbolID, fromID: OrderID?, start: Int64?, end: Int64?,
    limit: Int
  ) throws -> [OrderView] {
    let window = HistoryWindow<OrderView>(
      rows: rows, prefix: MarketRows.key(MarketRows.orderPrefix, account, symbol).bytes,
      decode: { _, value throws(WireError) in try Self.orderView(value) },
      time: { $0.createdAt })
    return try window.select(fromID: fromID?.value, start: start, end: end, limit: limit)
  }

  /// The account's sides of trades, ascending: of one order (from `fromID` up), or from `fromID`
  /// up, or Binance's window rules. A trade of the account with itself is listed twice, and a page
  /// never ends between its two sides (it is then one longer than `limit`): the next page begins at
  /// the next id.
  public func accountTrades(
    _ account: AccountID, _ symbol: SymbolID, orderID: OrderID?, fromID: TradeID?, start: Int64?,
    end: Int64?, limit: Int
  ) throws -> [AccountTrade] {
    if let orderID {
      return try trades(account, symbol, of: orderID, fromID: fromID ?? TradeID(0), limit: limit)
    }
    let window = HistoryWindow<AccountTrade>(
      rows: rows, prefix: MarketRows.key(MarketRows.accountTradePrefix, account, symbol).bytes,
      decode: { key, value throws(WireError) in
        try AccountTrade(symbol: symbol, key: key, value: value)
      },
      time: { $0.time })
    var page = try window.select(fromID: fromID?.value, start: start, end: end, limit: limit)
    if page.count == limit, let last = page.last, last.isBuyer {
      let other = MarketRows.accountTradeKey(account, symbol, last.id.value, .sell)
      if let value = try rows.row(other) {
        page.append(try AccountTrade(symbol: symbol, key: other, value: value))
      }
    }
    return page
  }

  private func trades(
    _ account: AccountID, _ symbol: SymbolID, of order: OrderID, fromID: TradeID, limit: Int
  ) throws -> [AccountTrade] {
    var prefix = MarketRows.key(MarketRows.orderTradePrefix, account, symbol)
    prefix.i64(order.value)
    var from = prefix
    from.i64(max(0, fromID.value))
    let keys = try rows.collect(
      from: from.bytes, upTo: RowKey.after(prefix.bytes), reverse: false, limit: limit
    ) { key, _ throws(WireError) in key }
    return try keys.compactMap { key in
      guard let sideByte = key.last, let side = Side(rawValue: sideByte) else { return nil }
      let id = try MarketRows.number(key, at: prefix.count)
      let tradeKey = MarketRows.accountTradeKey(account, symbol, id, side)
      return try rows.row(tradeKey).map { value throws(WireError) in
        try AccountTrade(symbol: symbol, key: tradeKey, value: value)
      }
    }
  }

  /// What the operator set for the whole exchange.
  public func settings() throws -> ExchangeSettings {
    try rows.row(EngineRows.settingsKey).map(EngineRows.decodeSettings) ?? ExchangeSettings()
  }

  /// Balances that have a row, in asset order.
  public func balances(_ account: AccountID) throws -> [BalanceChange] {
    try rows.collect(
      prefix: EngineRows.balancePrefix(account: account), EngineRows.decodeBalance)
  }

  /// Orders placed in the calendar windows that hold `time`.
  public func orderCounts(_ account: AccountID, at time: Int64) throws -> OrderCounts {
    guard let value = try rows.row(EngineRows.orderCounts(account: account)) else {
      return OrderWindows.none.counts(at: time)
    }
    return try EngineRows.decodeOrderCounts(value).counts(at: time)
  }

  /// The newest `limit` deposits and withdrawals, ascending.
  public func transfers(_ account: AccountID, limit: Int) throws -> [Transfer] {
    let prefix = MarketRows.transferPrefix(account).bytes
    let newest = try rows.collect(
      from: prefix, upTo: RowKey.after(prefix), reverse: true, limit: limit
    ) { key, value throws(WireError) in try Transfer(key: key, value: value) }
    return newest.reversed()
  }

  private static func orderView(_ value: [UInt8]) throws(WireError) -> OrderView {
    var reader = try MarketRows.open(value)
    let order = try OrderViewCodec.decode(&reader)
    try reader.finish()
    return order
  }
}

// Withdrawals in two phases.
extension ReadModel {
  /// Withdrawals that a page looks at, whether it wants them or not.
  private static let withdrawalsPerLook = 100_000

  /// One withdrawal, open or ended.
  public func withdrawal(_ id: String) throws -> Withdrawal? {
    let key = EngineRows.withdrawalKey(id)
    return try rows.row(key).map { try EngineRows.decodeWithdrawal(key: key, value: $0) }
  }

  /// Withdrawals in the order of their ids, behind `after`, at most `limit` of those that are wanted.
  /// `next`: the id to go on behind, or `nil` at the end.
  public func withdrawals(
    after: String?, limit: Int, where isWanted: (Withdrawal) -> Bool
  ) throws -> (withdrawals: [Withdrawal], next: String?) {
    let prefix = EngineRows.withdrawalPrefix
    // The smallest key behind that of `after`.
    let from = after.map { EngineRows.withdrawalKey($0) + [0] } ?? prefix
    var found: [Withdrawal] = []
    var next: String?
    var looks = 0
    var failure: WireError?
    try rows.scan(from: from, upTo: RowKey.after(prefix), reverse: false) { key, value in
      do throws(WireError) {
        let withdrawal = try EngineRows.decodeWithdrawal(key: key, value: value)
        looks += 1
        if isWanted(withdrawal) { found.append(withdrawal) }
        next = withdrawal.id
        return found.count < limit && looks < Self.withdrawalsPerLook
      } catch {
        failure = error
        return false
      }
    }
    if let failure { throw failure }
    let isCut = found.count >= limit || looks >= Self.withdrawalsPerLook
    return (found, isCut ? next : nil)
  }
}
