// HistoryRows: the rows by which accounts find their orders, trades and transfers again.
//
// Invariants: an order has one row that holds its latest view, open or closed; each side of a trade
// has one row.
// Not here: public market data (SymbolMarket), and reading (ReadModel).

import Engine
import Wire

/// Collects the history of a run: only the latest view of an order is written, once.
struct HistoryRows {
  private struct OrderKey: Hashable {
    var account: AccountID
    var symbol: SymbolID
    var id: OrderID
  }

  private var positions: [OrderKey: Int] = [:]
  private var orders: [OrderView] = []

  init() {}

  /// Notes an order's view after a change.
  mutating func note(_ order: OrderView) {
    let key = OrderKey(account: order.account, symbol: order.symbol, id: order.id)
    if let at = positions[key] {
      orders[at] = order
    } else {
      positions[key] = orders.count
      orders.append(order)
    }
  }

  /// An order entered: its client order id now means this order.
  mutating func accepted(_ order: OrderView, into rows: inout RowBatch) {
    note(order)
    name(order, into: &rows)
  }

  /// An order's quantity was lowered: it has another client order id from now on.
  mutating func amended(_ amendment: Amendment, into rows: inout RowBatch) {
    let order = amendment.order
    note(order)
    name(order, into: &rows)
    let entry = AccountAmendment(
      symbol: order.symbol, order: order.id, execution: amendment.execution,
      originalClientOrderID: amendment.originalClientOrderID,
      newClientOrderID: order.clientOrderID, originalQuantity: amendment.originalQuantity,
      newQuantity: order.quantity, time: amendment.stamp)
    rows.put(
      MarketRows.orderKey(
        MarketRows.amendmentPrefix, order.account, order.symbol, order.id,
        amendment.execution.value), entry.encoded())
  }

  /// A prevented match: one row for each account, and one for each order to find it by.
  mutating func prevented(_ match: PreventedMatch, into rows: inout RowBatch) {
    note(match.maker)
    note(match.taker)
    let entry = AccountPreventedMatch(
      symbol: match.symbol, id: match.id, taker: match.taker.id, maker: match.maker.id,
      group: match.group, mode: match.mode, price: match.price,
      takerQuantity: match.takerQuantity, makerQuantity: match.makerQuantity, time: match.stamp)
    for order in [match.maker, match.taker] {
      rows.put(
        MarketRows.key(
          MarketRows.preventedPrefix, order.account, match.symbol, match.id.value),
        entry.encoded())
      rows.put(
        MarketRows.orderKey(
          MarketRows.orderPreventedPrefix, order.account, match.symbol, order.id,
          match.id.value), [MarketRows.version])
    }
  }

  /// A list was placed, changed or ended.
  func changed(_ list: OrderListView, into rows: inout RowBatch) {
    var value = MarketRows.start(capacity: 256)
    OrderListCodec.encode(list, into: &value)
    rows.put(MarketRows.key(MarketRows.listPrefix, list.account, list.id), value.bytes)
    var name = MarketRows.start(capacity: 16)
    name.i64(list.id.value)
    rows.put(MarketRows.listNameKey(list.account, list.clientListID), name.bytes)
    let open = MarketRows.key(MarketRows.openListPrefix, list.account, list.id)
    if list.status == .executing {
      rows.put(open, [MarketRows.version])
    } else {
      rows.delete(open)
    }
  }

  private func name(_ order: OrderView, into rows: inout RowBatch) {
    var value = MarketRows.start(capacity: 16)
    value.i64(order.id.value)
    rows.put(
      MarketRows.clientIDKey(order.account, order.symbol, order.clientOrderID), value.bytes)
  }

  /// Both sides of a trade.
  mutating func traded(_ trade: Trade, into rows: inout RowBatch) {
    note(trade.maker)
    note(trade.taker)
    put(trade, trade.maker, fee: trade.makerFee, trade.makerFeeAsset, into: &rows)
    put(trade, trade.taker, fee: trade.takerFee, trade.takerFeeAsset, into: &rows)
  }

  private func put(
    _ trade: Trade, _ order: OrderView, fee: Int64, _ feeAsset: AssetID,
    into rows: inout RowBatch
  ) {
    let isBuyer = order.side == .buy
    let side = AccountTrade(
      symbol: trade.symbol, id: trade.id, order: order.id, price: trade.price,
      quantity: trade.quantity, quoteQuantity: trade.quoteQuantity, commission: fee,
      commissionAsset: feeAsset, time: trade.stamp, isBuyer: isBuyer,
      isMaker: order.id == trade.maker.id, list: order.extras.list)
    let number = trade.id.value
    rows.put(
      MarketRows.accountTradeKey(order.account, order.symbol, number, order.side), side.encoded())
    rows.put(
      MarketRows.orderTradeKey(order.account, order.symbol, order.id, number, order.side),
      [MarketRows.version])
  }

  /// A deposit or withdrawal, named by its place in the log.
  func moved(_ funds: FundsMoved, index: UInt64, ordinal: UInt32, into rows: inout RowBatch) {
    let transfer = Transfer(
      index: index, ordinal: ordinal, asset: funds.asset, amount: funds.amount, id: funds.id,
      time: funds.stamp)
    rows.put(MarketRows.transferKey(funds.account, index, ordinal), transfer.encoded())
  }

  /// Adds the orders noted since the last call.
  mutating func store(into rows: inout RowBatch) {
    for order in orders {
      var value = MarketRows.start(capacity: 256)
      OrderViewCodec.encode(order, into: &value)
      rows.put(
        MarketRows.key(MarketRows.orderPrefix, order.account, order.symbol, order.id.value),
        value.bytes)
    }
    orders.removeAll(keepingCapacity: true)
    positions.removeAll(keepingCapacity: true)
  }
}
