// Reply: what `apply` answers, recorded with the request id so that a repetition gets the same
// answer.
// Not here: bytes (ReplyCodec), JSON (Gateway).

/// One execution within a reply.
public struct Fill: Hashable, Sendable {
  public var price: Int64
  public var quantity: Int64
  public var commission: Int64
  public var commissionAsset: AssetID
  public var trade: TradeID

  public init(
    price: Int64, quantity: Int64, commission: Int64, commissionAsset: AssetID, trade: TradeID
  ) {
    self.price = price
    self.quantity = quantity
    self.commission = commission
    self.commissionAsset = commissionAsset
    self.trade = trade
  }
}

/// How many orders the account has placed in the current windows of log time, this one included.
public struct OrderCounts: Hashable, Sendable {
  public var in10Seconds: UInt32
  public var inDay: UInt32
  public init(in10Seconds: UInt32, inDay: UInt32) {
    self.in10Seconds = in10Seconds
    self.inDay = inDay
  }
}

/// One prevented match within a reply.
public struct Prevention: Hashable, Sendable {
  public var id: PreventedMatchID
  public var maker: OrderID
  public var price: Int64
  /// What each side lost; 0 if it lost nothing.
  public var makerQuantity: Int64
  public var takerQuantity: Int64

  public init(
    id: PreventedMatchID, maker: OrderID, price: Int64, makerQuantity: Int64, takerQuantity: Int64
  ) {
    self.id = id
    self.maker = maker
    self.price = price
    self.makerQuantity = makerQuantity
    self.takerQuantity = takerQuantity
  }
}

/// A placed order after its taker phase.
public struct Placed: Hashable, Sendable {
  public var order: OrderView
  /// The first `Exchange.fillsPerReplyMax` trades.
  public var fills: [Fill]
  public var counts: OrderCounts
  /// The first `Exchange.fillsPerReplyMax` prevented matches.
  public var preventions: [Prevention] = []
  public init(
    order: OrderView, fills: [Fill], counts: OrderCounts, preventions: [Prevention] = []
  ) {
    self.order = order
    self.fills = fills
    self.counts = counts
    self.preventions = preventions
  }
}

/// A cancelled order.
public struct Cancelled: Hashable, Sendable {
  public var order: OrderView
  /// The client id of the cancel (the order's own is in `order`).
  public var cancelClientOrderID: ShortText
  public init(order: OrderView, cancelClientOrderID: ShortText) {
    self.order = order
    self.cancelClientOrderID = cancelClientOrderID
  }
}

/// What a command answered.
public enum Reply: Hashable, Sendable {
  case rejected(Rejection)
  case placed(Placed)
  case cancelled(Cancelled)
  /// Oldest order first; and the lists that ended, in the order of their first leg.
  case cancelledAll([Cancelled], lists: [OrderListView] = [])
  case account(AccountID, KeyID)
  case key(KeyID)
  case asset(AssetID)
  case symbol(SymbolID)
  /// A deposit or withdrawal: the account's free balance afterwards. `repeated` if the id had been
  /// booked before.
  case funds(free: Int64, repeated: Bool)
  case done
  case listPlaced(ListPlaced)
  /// A list, because it or one of its legs was cancelled.
  case cancelledList(ListCancelled)
  case amended(Amended)
  case replaced(Replaced)
}
