// Event: what a command changed, for everything that is derived from the log (streams, history,
// market data).
//
// Invariants: an event is named by (log index, ordinal); the events of an entry are the same on
// every replica and at every replay; a refused command makes none.
// Not here: how a run of them is kept (EventBatch), folding them (Market), their text forms (Gateway).

/// One execution, with both orders as they stand after it.
public struct Trade: Hashable, Sendable {
  public var symbol: SymbolID
  public var id: TradeID
  /// The maker's price.
  public var price: Int64
  public var quantity: Int64
  /// What the buyer pays: price * quantity, rounded by the rounding rule.
  public var quoteQuantity: Int64
  public var maker: OrderView
  public var taker: OrderView
  /// Commission, in the asset that each side received (buyer: base, seller: quote) or in the
  /// discount asset.
  public var makerFee: Int64
  public var takerFee: Int64
  public var makerFeeAsset: AssetID
  public var takerFeeAsset: AssetID
  public var stamp: Int64

  public init(
    symbol: SymbolID, id: TradeID, price: Int64, quantity: Int64, quoteQuantity: Int64,
    maker: OrderView, taker: OrderView, makerFee: Int64, takerFee: Int64,
    makerFeeAsset: AssetID, takerFeeAsset: AssetID, stamp: Int64
  ) {
    self.symbol = symbol
    self.id = id
    self.price = price
    self.quantity = quantity
    self.quoteQuantity = quoteQuantity
    self.maker = maker
    self.taker = taker
    self.makerFee = makerFee
    self.takerFee = takerFee
    self.makerFeeAsset = makerFeeAsset
    self.takerFeeAsset = takerFeeAsset
    self.stamp = stamp
  }

  /// Binance's `m`: the resting order was the buyer's.
  public var buyerIsMaker: Bool { maker.side == .buy }
}

/// The visible quantity of one price level after a change.
public struct LevelChange: Hashable, Sendable {
  public var symbol: SymbolID
  public var side: Side
  public var price: Int64
  /// What is now visible at the price; 0: the level is gone.
  public var quantity: Int64
  /// The symbol's depth counter after this change; grows by one per level change, never repeats.
  public var updateID: Int64

  public init(symbol: SymbolID, side: Side, price: Int64, quantity: Int64, updateID: Int64) {
    self.symbol = symbol
    self.side = side
    self.price = price
    self.quantity = quantity
    self.updateID = updateID
  }
}

/// A balance after a change.
public struct BalanceChange: Hashable, Sendable {
  public var account: AccountID
  public var asset: AssetID
  public var free: Int64
  public var locked: Int64
  public init(account: AccountID, asset: AssetID, free: Int64, locked: Int64) {
    self.account = account
    self.asset = asset
    self.free = free
    self.locked = locked
  }
}

/// A deposit (amount above 0) or a withdrawal (below 0).
public struct FundsMoved: Hashable, Sendable {
  public var account: AccountID
  public var asset: AssetID
  public var amount: Int64
  public var id: String
  public var stamp: Int64
  public init(account: AccountID, asset: AssetID, amount: Int64, id: String, stamp: Int64) {
    self.account = account
    self.asset = asset
    self.amount = amount
    self.id = id
    self.stamp = stamp
  }
}

/// What happened.
public enum Event: Hashable, Sendable {
  /// An order entered (status NEW, before its first trade).
  case orderAccepted(OrderView)
  case trade(Trade)
  /// An order ended other than by its last trade: cancelled or expired. `cancelClientOrderID` is
  /// empty for expiries.
  case orderClosed(OrderView, cancelClientOrderID: ShortText)
  /// Follows the trades of the command before it; both orders as they stand after it.
  case matchPrevented(PreventedMatch)
  /// A parked order began to work, or a trailing one to follow the price.
  case orderTriggered(OrderView)
  case orderAmended(Amendment)
  /// A list was placed, changed or ended; before the events of the orders that this concerns.
  case listChanged(OrderListView)
  /// One per changed price level and command, in update-id order, after the command's order and
  /// trade events.
  case levelChanged(LevelChange)
  /// One per changed balance and command, after everything else of the command.
  case balanceChanged(BalanceChange)
  case fundsMoved(FundsMoved)
  /// A withdrawal in two phases moved on.
  case withdrawalChanged(Withdrawal)
  case commissionChanged(AccountCommission)
  case discountChanged(DiscountSettings)
  case assetAdded(AssetInfo)
  case symbolChanged(SymbolInfo)
  case accountChanged(AccountInfo)
  case keyChanged(KeyInfo)
}
