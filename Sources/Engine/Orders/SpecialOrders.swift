// SpecialOrders: what the engine keeps of open orders that are not plain: icebergs, orders that wait
// for a price or for another order, legs of lists.
//
// A plain order has no record here, and the matching path reads one number of it to know.
// Invariants: an order is in the book exactly if its phase is `working`; only icebergs that work
// hide something.
// Not here: what fires (Triggers), how lists go on (OrderLists).

/// Where an order stands.
enum OrderPhase: UInt8 {
  /// In the book.
  case working = 0
  /// For its stop price.
  case waiting = 1
  /// Its trailing delta follows the price.
  case following = 2
  /// Its price was met; it waits for its turn.
  case fired = 3
  /// For the first leg of its list.
  case pending = 4
}

/// What only some open orders have.
struct SpecialState: Equatable {
  var phase = OrderPhase.working
  /// What is left beyond what is on display.
  var hidden: Int64 = 0
  /// For a BUY that does not work yet: the price at which its hold is valued.
  var holdPrice: Int64 = 0
  /// The best price since a trailing order follows it; 0 before the first.
  var extreme: Int64 = 0
  /// When it fired, among the symbol's fired orders and lists.
  var turn: UInt64 = 0
  /// Its list and its place there; -1: none.
  var list: Int32 = -1
  var leg: UInt8 = 0

  /// Nothing that a plain order does not have.
  var isPlain: Bool { self == SpecialState() }
}

extension Exchange {
  /// The special half of an order, or `nil` for a plain one.
  @inline(__always)
  func special(_ slot: Int32) -> SpecialState? {
    let place = book.orders[slot].special
    return place < 0 ? nil : book.specials[place]
  }

  /// Where an order stands.
  @inline(__always)
  func phase(_ slot: Int32) -> OrderPhase {
    let place = book.orders[slot].special
    return place < 0 ? .working : book.specials[place].phase
  }

  /// What an order has left, on display or not.
  @inline(__always)
  func left(_ slot: Int32) -> Int64 {
    let place = book.orders[slot].special
    let shown = book.orders[slot].remaining
    return place < 0 ? shown : shown + book.specials[place].hidden
  }

  /// What an order keeps locked by itself. Legs of an untouched pair keep nothing: their list does.
  func held(_ slot: Int32) -> Int64 {
    let side = book.orders[view: slot].side
    let symbol = book.orders[slot].symbol
    guard let special = special(slot) else {
      return hold(
        side, price: book.orders[view: slot].price, left: book.orders[slot].remaining, symbol)
    }
    if special.list >= 0, lists[special.list].isPair { return 0 }
    return held(alone: slot, special)
  }

  /// What an order would keep locked if its list did not.
  func held(alone slot: Int32, _ special: SpecialState) -> Int64 {
    let view = book.orders[view: slot]
    let price: Int64
    switch special.phase {
    case .working: price = view.price
    case .waiting, .following, .fired: price = special.holdPrice
    case .pending: return 0
    }
    return hold(view.side, price: price, left: left(slot), book.orders[slot].symbol)
  }

  /// The asset that an order of the side locks.
  @inline(__always)
  func heldAsset(_ side: Side, _ symbol: Int32) -> AssetID {
    side == .buy ? symbols.states[symbol].quote : symbols.states[symbol].base
  }

  /// Changes the special half of an order, giving it one if it has none.
  mutating func withSpecial(_ slot: Int32, _ body: (inout SpecialState) -> Void) {
    var place = book.orders[slot].special
    if place < 0 {
      place = book.specials.allocate(SpecialState())
      book.orders[slot].special = place
    }
    body(&book.specials[place])
    book.orders.markDirty(slot)
  }

  /// Adds to what is counted of the account's special orders: 1 when one is added, -1 when it goes.
  mutating func count(special slot: Int32, by change: Int32) {
    let view = book.orders[view: slot]
    let symbol = book.orders[slot].symbol
    let account = book.orders[slot].account
    let sheet = accounts.openSheet(account, symbol)
    if view.type.waitsForPrice {
      accounts.sheets[sheet].algorithmic += change
      accounts.states[account].openAlgorithmic += change
    }
    if view.extras.terms.icebergQuantity > 0 {
      accounts.sheets[sheet].icebergs += change
      accounts.states[account].openIcebergs += change
    }
  }

  /// MAX_NUM_ALGO_ORDERS, MAX_NUM_ICEBERG_ORDERS and MAX_NUM_ORDER_LISTS, of the symbol and of the
  /// exchange.
  func checkSpecialCounts(
    _ account: Int32, _ symbol: Int32, _ more: SpecialCounts
  ) throws(Rejection) {
    let rules = symbols.states[symbol].filters.rules
    let sheet = accounts.sheet(account, symbol)
    let state = accounts.states[account]
    let all = settings.limits
    func fits(_ there: Int32, _ added: UInt32, _ bound: UInt32) -> Bool {
      added == 0 || bound == 0 || UInt32(there) + added <= bound
    }
    guard fits(sheet.algorithmic, more.algorithmic, rules.maxAlgoOrders) else {
      throw .filterMaxAlgoOrders
    }
    guard fits(sheet.icebergs, more.icebergs, rules.maxIcebergOrders) else {
      throw .filterMaxIcebergOrders
    }
    guard fits(sheet.lists, more.lists, rules.maxOrderLists) else {
      throw .filterMaxOrderLists
    }
    guard fits(state.openAlgorithmic, more.algorithmic, all.maxAlgoOrders) else {
      throw .filterExchangeMaxAlgoOrders
    }
    guard fits(state.openIcebergs, more.icebergs, all.maxIcebergOrders) else {
      throw .filterExchangeMaxIcebergOrders
    }
    guard fits(state.openLists, more.lists, all.maxOrderLists) else {
      throw .filterExchangeMaxOrderLists
    }
    if more.trailing {
      guard symbols.states[symbol].watchers < Self.followersMax else { throw .limitReached }
    }
  }
}

/// What a command adds to the counts of special orders.
struct SpecialCounts {
  var algorithmic: UInt32 = 0
  var icebergs: UInt32 = 0
  var lists: UInt32 = 0
  var trailing = false

  init(lists: UInt32) { self.lists = lists }

  init(of order: PlaceOrder) {
    algorithmic = order.type.waitsForPrice ? 1 : 0
    icebergs = order.special.icebergQuantity > 0 ? 1 : 0
    trailing = order.special.trailingDelta > 0
  }

  mutating func add(_ other: SpecialCounts) {
    algorithmic += other.algorithmic
    icebergs += other.icebergs
    trailing = trailing || other.trailing
  }
}

extension OrderType {
  /// Stop and take-profit orders: what Binance calls algo orders.
  public var waitsForPrice: Bool {
    switch self {
    case .limit, .market, .limitMaker: false
    case .stopLoss, .stopLossLimit, .takeProfit, .takeProfitLimit: true
    }
  }

  /// What it is once it works.
  var working: OrderType {
    switch self {
    case .limit, .stopLossLimit, .takeProfitLimit: .limit
    case .market, .stopLoss, .takeProfit: .market
    case .limitMaker: .limitMaker
    }
  }
}
