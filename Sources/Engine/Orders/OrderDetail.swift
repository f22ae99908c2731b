// OrderDetail: what an open order has beside what matching reads, without what only few orders have.
//
// A million open orders take 175 MiB less than as whole views, and each a little more than two lines of the cache
// instead of five.
// Invariant: the view made of what was taken from a view, with its record and its rarities, is that view.
// Not here: where all that lies (OrderSlab).

/// What only few orders have.
struct OrderRarities: Equatable {
  var extras = OrderExtras.none
  var strategyID: Int64 = 0
  var strategyType: Int64 = 0
  var quoteOrderQuantity: Int64 = 0
  /// How long after its creation it began to work.
  var workingAfter: Int64 = 0

  /// Those of an order.
  @inline(__always)
  init(of view: OrderView) {
    extras = view.extras
    strategyID = view.strategyID
    strategyType = view.strategyType
    quoteOrderQuantity = view.quoteOrderQuantity
    workingAfter = view.workingAt &- view.createdAt
  }

  /// Gives them to an order that has all the rest.
  @inline(never)
  func complete(_ view: inout OrderView) {
    view.extras = extras
    view.strategyID = strategyID
    view.strategyType = strategyType
    view.quoteOrderQuantity = quoteOrderQuantity
    view.workingAt = view.createdAt &+ workingAfter
  }

  /// True if an order has nothing of that.
  @inline(__always)
  static func areNone(in view: OrderView) -> Bool {
    view.strategyID | view.strategyType | view.quoteOrderQuantity
      | (view.workingAt &- view.createdAt) == 0 && view.extras.discount == .none
      && view.extras.isPlain
  }
}

/// The rest of an open order. What its record says too is not here.
struct OrderDetail {
  /// The halves of the hash of its row.
  private var hashHigh: UInt64 = 0
  private var hashLow: UInt64 = 0
  var clientOrderID: ShortText
  private var type: OrderType
  private var timeInForce: TimeInForce
  private var selfTradePrevention: SelfTradePrevention
  private var status: OrderStatus
  private var expiryReason: ExpiryReason
  private var makerRate: UInt32
  private var takerRate: UInt32
  /// Where its rarities are, or -1.
  var rarities: Int32 = -1
  private var price: Int64
  private var quantity: Int64
  private var executed: Int64
  private var executedQuote: Int64
  private var createdAt: Int64
  private var updatedAt: Int64
  var priority: UInt64
  /// Of its client order id (ClientIDs).
  var fingerprint: UInt64

  /// Of its row.
  var hash: UInt128 {
    @inline(__always) get { UInt128(hashHigh) << 64 | UInt128(hashLow) }
    @inline(__always) set {
      hashHigh = UInt64(truncatingIfNeeded: newValue >> 64)
      hashLow = UInt64(truncatingIfNeeded: newValue)
    }
  }

  @inline(__always)
  init(_ view: OrderView, priority: UInt64, fingerprint: UInt64, hash: UInt128) {
    clientOrderID = view.clientOrderID
    type = view.type
    timeInForce = view.timeInForce
    selfTradePrevention = view.selfTradePrevention
    status = view.status
    expiryReason = view.expiryReason
    price = view.price
    quantity = view.quantity
    executed = view.executed
    executedQuote = view.executedQuote
    createdAt = view.createdAt
    updatedAt = view.updatedAt
    // Rates are at most `Amounts.rateMax`.
    makerRate = UInt32(view.makerRate)
    takerRate = UInt32(view.takerRate)
    self.priority = priority
    self.fingerprint = fingerprint
    self.hash = hash
  }

  /// Takes all but the rarities of a view of the same order.
  @inline(__always)
  mutating func take(_ view: OrderView) {
    let rarities = rarities
    self = OrderDetail(view, priority: priority, fingerprint: fingerprint, hash: hash)
    self.rarities = rarities
  }

  /// Notes a trade of an order without rarities.
  @inline(__always)
  mutating func fill(_ quantity: Int64, _ quote: Int64, isDone: Bool, _ stamp: Int64) {
    executed += quantity
    executedQuote += quote
    status = isDone ? .filled : .partiallyFilled
    updatedAt = stamp
  }

  /// The order as it stands, if it has no rarities.
  @inline(__always)
  func view(_ record: OrderRecord) -> OrderView {
    OrderView(
      symbol: SymbolTable.id(record.symbol), id: record.id,
      account: AccountTable.id(record.account), clientOrderID: clientOrderID,
      side: record.side, type: type, timeInForce: timeInForce,
      selfTradePrevention: selfTradePrevention, status: status, expiryReason: expiryReason,
      price: price, quantity: quantity, executed: executed, executedQuote: executedQuote,
      createdAt: createdAt, updatedAt: updatedAt, workingAt: createdAt,
      makerRate: Int64(makerRate), takerRate: Int64(takerRate))
  }
}
