// OrderReplies: answers to commands on orders beyond placing and cancelling one.
// Not here: bytes (OrderReplyCodec), JSON (Gateway).

/// A placed list.
public struct ListPlaced: Hashable, Sendable {
  public var list: OrderListView
  /// The legs after the taker phase of the first, in the order of `list.legs`.
  public var orders: [OrderView]
  /// The first `Exchange.fillsPerReplyMax` trades of the first leg.
  public var fills: [Fill]
  public var counts: OrderCounts
  /// The first `Exchange.fillsPerReplyMax` trades with itself that the first leg was kept from.
  public var preventions: [Prevention]
  public init(
    list: OrderListView, orders: [OrderView], fills: [Fill], counts: OrderCounts,
    preventions: [Prevention] = []
  ) {
    self.list = list
    self.orders = orders
    self.fills = fills
    self.counts = counts
    self.preventions = preventions
  }
}

/// A list that a cancel ended, with the legs that it closed.
public struct ListCancelled: Hashable, Sendable {
  public var list: OrderListView
  public var orders: [Cancelled]
  public init(list: OrderListView, orders: [Cancelled]) {
    self.list = list
    self.orders = orders
  }
}

/// A quantity that was lowered.
public struct Amendment: Hashable, Sendable {
  /// The order as it stands afterwards.
  public var order: OrderView
  /// The client id and the quantity that it had.
  public var originalClientOrderID: ShortText
  public var originalQuantity: Int64
  public var execution: ExecutionID
  public var stamp: Int64

  public init(
    order: OrderView, originalClientOrderID: ShortText, originalQuantity: Int64,
    execution: ExecutionID, stamp: Int64
  ) {
    self.order = order
    self.originalClientOrderID = originalClientOrderID
    self.originalQuantity = originalQuantity
    self.execution = execution
    self.stamp = stamp
  }
}

/// An amended order, and its list if it belongs to one.
public struct Amended: Hashable, Sendable {
  public var amendment: Amendment
  public var list: OrderListView?
  public init(amendment: Amendment, list: OrderListView?) {
    self.amendment = amendment
    self.list = list
  }
}

/// What the cancel half of a cancel-replace came to.
public enum ReplaceCancel: Hashable, Sendable {
  case cancelled(Cancelled)
  case cancelledList(ListCancelled)
  case failed(Rejection)
}

/// What the new order of a cancel-replace came to.
public enum ReplaceOrder: Hashable, Sendable {
  case placed(Placed)
  case failed(Rejection)
  case notAttempted
}

/// Both halves of a cancel-replace.
public struct Replaced: Hashable, Sendable {
  public var cancel: ReplaceCancel
  public var order: ReplaceOrder
  public init(cancel: ReplaceCancel, order: ReplaceOrder) {
    self.cancel = cancel
    self.order = order
  }
}

/// A trade that self-trade prevention kept from happening.
public struct PreventedMatch: Hashable, Sendable {
  public var symbol: SymbolID
  public var id: PreventedMatchID
  /// The maker's price.
  public var price: Int64
  /// The taker's mode, which decided.
  public var mode: SelfTradePrevention
  /// The group that both accounts belong to, or `.none` if they are the same account.
  public var group: TradeGroupID
  /// Both orders as they stand afterwards.
  public var maker: OrderView
  public var taker: OrderView
  /// What each side lost; 0 if it lost nothing.
  public var makerQuantity: Int64
  public var takerQuantity: Int64
  public var stamp: Int64

  public init(
    symbol: SymbolID, id: PreventedMatchID, price: Int64, mode: SelfTradePrevention,
    group: TradeGroupID, maker: OrderView, taker: OrderView, makerQuantity: Int64,
    takerQuantity: Int64, stamp: Int64
  ) {
    self.symbol = symbol
    self.id = id
    self.price = price
    self.mode = mode
    self.group = group
    self.maker = maker
    self.taker = taker
    self.makerQuantity = makerQuantity
    self.takerQuantity = takerQuantity
    self.stamp = stamp
  }
}
