// OrderView: everything that is known of one order at one moment, as a plain value without
// references.
//
// It is what events, replies and history rows carry.
// Invariant: 0 <= executed + prevented <= quantity (unless the order is by quote quantity, where
// quantity grows with its fills).
// Not here: the order's place in the book (Book), and its text forms (Gateway).

/// A snapshot of an order. Amounts are integers in units of the asset (10^-scale); times are
/// microseconds since 1970.
public struct OrderView: Hashable, Sendable {
  public var symbol: SymbolID
  public var id: OrderID
  public var account: AccountID
  public var clientOrderID: ShortText
  public var side: Side
  public var type: OrderType
  public var timeInForce: TimeInForce
  public var selfTradePrevention: SelfTradePrevention
  public var status: OrderStatus
  public var expiryReason: ExpiryReason
  /// Limit price in quote units for one whole base unit; 0 for MARKET. For a pegged order: the
  /// price that it was given, or 0 until then.
  public var price: Int64
  /// Ordered quantity in base units. For an order by quote quantity: what was executed.
  public var quantity: Int64
  /// Ordered quantity in quote units, or 0.
  public var quoteOrderQuantity: Int64
  /// Executed base quantity.
  public var executed: Int64
  /// Executed quote quantity (Binance's `cummulativeQuoteQty`).
  public var executedQuote: Int64
  /// Stamp of the entry that created the order.
  public var createdAt: Int64
  /// Stamp of the entry that changed it last.
  public var updatedAt: Int64
  /// When it began to work on the book, or -1.
  public var workingAt: Int64
  /// Maker and taker commission rates in 10^-8, frozen when the order was accepted.
  public var makerRate: Int64
  public var takerRate: Int64
  public var strategyID: Int64
  public var strategyType: Int64
  /// What only some orders have.
  public var extras: OrderExtras

  public init(
    symbol: SymbolID, id: OrderID, account: AccountID, clientOrderID: ShortText, side: Side,
    type: OrderType, timeInForce: TimeInForce, selfTradePrevention: SelfTradePrevention = .none,
    status: OrderStatus = .new, expiryReason: ExpiryReason = .none, price: Int64, quantity: Int64,
    quoteOrderQuantity: Int64 = 0, executed: Int64 = 0, executedQuote: Int64 = 0, createdAt: Int64,
    updatedAt: Int64, workingAt: Int64, makerRate: Int64 = 0, takerRate: Int64 = 0,
    strategyID: Int64 = 0, strategyType: Int64 = 0, extras: OrderExtras = .none
  ) {
    self.symbol = symbol
    self.id = id
    self.account = account
    self.clientOrderID = clientOrderID
    self.side = side
    self.type = type
    self.timeInForce = timeInForce
    self.selfTradePrevention = selfTradePrevention
    self.status = status
    self.expiryReason = expiryReason
    self.price = price
    self.quantity = quantity
    self.quoteOrderQuantity = quoteOrderQuantity
    self.executed = executed
    self.executedQuote = executedQuote
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.workingAt = workingAt
    self.makerRate = makerRate
    self.takerRate = takerRate
    self.strategyID = strategyID
    self.strategyType = strategyType
    self.extras = extras
  }

  /// A place for an order that is to come.
  @inline(__always)
  static var blank: OrderView {
    OrderView(
      symbol: SymbolID(0), id: OrderID(0), account: AccountID(0), clientOrderID: .empty,
      side: .buy, type: .limit, timeInForce: .gtc, price: 0, quantity: 0, createdAt: 0,
      updatedAt: 0, workingAt: 0)
  }
}
