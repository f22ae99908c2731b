// OrderDetail: what an open order has beside what matching reads, without what only few orders have.
//
// A million open orders take 122 MiB less than as whole views, and each three lines of the cache instead of five.
// Invariant: view(extras) of what was taken from a view, with its extras, is that view.
// Not here: where the extras lie (OrderSlab).

/// What only few orders have.
struct OrderRarities: Equatable {
  var extras = OrderExtras.none
  var strategyID: Int64 = 0
  var strategyType: Int64 = 0

  /// Those of an order.
  @inline(__always)
  init(of view: OrderView) {
    extras = view.extras
    strategyID = view.strategyID
    strategyType = view.strategyType
  }

  @inline(__always)
  private init() {}

  /// Those of most orders.
  @inline(__always)
  static var none: OrderRarities { OrderRarities() }

  /// True if an order has nothing of that.
  @inline(__always)
  static func areNone(in view: OrderView) -> Bool {
    view.strategyID | view.strategyType == 0 && view.extras.discount == .none && view.extras.isPlain
  }
}

/// The rest of an open order.
struct OrderDetail {
  /// Of its row.
  var hash: UInt128 = 0
  var clientOrderID: ShortText
  private var side: Side
  private var type: OrderType
  private var timeInForce: TimeInForce
  private var selfTradePrevention: SelfTradePrevention
  private var status: OrderStatus
  private var expiryReason: ExpiryReason
  private var symbol: SymbolID
  private var id: OrderID
  private var account: AccountID
  private var price: Int64
  private var quantity: Int64
  private var quoteOrderQuantity: Int64
  private var executed: Int64
  private var executedQuote: Int64
  private var createdAt: Int64
  private var updatedAt: Int64
  private var workingAt: Int64
  private var makerRate: Int64
  private var takerRate: Int64
  var priority: UInt64
  /// Of its client order id (ClientIDs).
  var fingerprint: UInt64
  /// Where its rarities are, or -1.
  var rarities: Int32 = -1

  @inline(__always)
  init(_ view: OrderView, priority: UInt64, fingerprint: UInt64, hash: UInt128) {
    clientOrderID = view.clientOrderID
    side = view.side
    type = view.type
    timeInForce = view.timeInForce
    selfTradePrevention = view.selfTradePrevention
    status = view.status
    expiryReason = view.expiryReason
    symbol = view.symbol
    id = view.id
    account = view.account
    price = view.price
    quantity = view.quantity
    quoteOrderQuantity = view.quoteOrderQuantity
    executed = view.executed
    executedQuote = view.executedQuote
    createdAt = view.createdAt
    updatedAt = view.updatedAt
    workingAt = view.workingAt
    makerRate = view.makerRate
    takerRate = view.takerRate
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

  /// The order as it stands.
  @inline(__always)
  func view(_ rare: OrderRarities) -> OrderView {
    OrderView(
      symbol: symbol, id: id, account: account, clientOrderID: clientOrderID, side: side,
      type: type, timeInForce: timeInForce, selfTradePrevention: selfTradePrevention,
      status: status, expiryReason: expiryReason, price: price, quantity: quantity,
      quoteOrderQuantity: quoteOrderQuantity, executed: executed, executedQuote: executedQuote,
      createdAt: createdAt, updatedAt: updatedAt, workingAt: workingAt, makerRate: makerRate,
      takerRate: takerRate, strategyID: rare.strategyID, strategyType: rare.strategyType,
      extras: rare.extras)
  }
}
