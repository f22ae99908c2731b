// Orders: admitting a new order, and what becomes of it after its taker phase.
//
// Invariants: `admit` only reads; once it has passed, nothing can be refused and no amount can
// overflow, because the order's quantity and notional are at most `Amounts.amountMax` and so is
// what exists of each asset.
// Not here: trading (Matcher), walks over the book for MARKET and FOK (Plan), filters (Filters).

/// What was decided about an order before anything changed.
struct Admission {
  var account: Int32
  var symbol: Int32
  /// The order's slot if it is open already, or -1.
  var slot: Int32 = -1
  var fingerprint: UInt64 = 0
  /// Base quantity that may trade.
  var quantity: Int64
  /// 0 for MARKET. A pegged order's own price.
  var price: Int64
  /// The prices at which it may trade.
  var range = PriceRange.open
  /// What is left after the taker phase stays in the book.
  var rests: Bool
  /// What the whole order would hold if it rested, or a MARKET BUY by quantity would cost, and the
  /// level of its price, if they are known; else -1.
  var needed: Int64 = -1
  var level: Int32 = -1
  /// What happens instead of trades with itself.
  var mode = SelfTradePrevention.none
  /// FOK that cannot be filled: expires without trading.
  var killed = false
  /// Why a remainder expires.
  var expiry: ExpiryReason
  /// A MARKET order by quote quantity that the book could not satisfy: expires although `quantity`
  /// was traded.
  var ranDry = false
  /// `working`, or where it waits.
  var phase = OrderPhase.working
  /// For an order that waits: see `SpecialState`.
  var holdPrice: Int64 = 0
  var extreme: Int64 = 0
}

extension Exchange {
  mutating func place(
    _ order: PlaceOrder, _ fingerprint: UInt64, _ account: Int32, _ stamp: Int64,
    _ events: inout EventBatch, into view: inout OrderView
  ) throws(Rejection) -> (counts: OrderCounts, isPlain: Bool) {
    let admission = try admit(order, fingerprint, account, stamp)
    let placed = execute(order, admission, stamp, &events, into: &view)
    runTurns(admission.symbol, stamp, &events)
    report(&events)
    return placed
  }

  /// Everything that can refuse an order, of whose client order id the fingerprint is known. Changes nothing.
  func admit(
    _ order: PlaceOrder, _ fingerprint: UInt64, _ account: Int32, _ stamp: Int64
  ) throws(Rejection) -> Admission {
    guard let symbol = symbols.place(order.symbol) else { throw .symbolUnknown }
    guard symbols.states[symbol].status == .trading || planted == .statusIgnored else {
      throw .marketClosed
    }
    try checkFeatures(order)
    var admission = try terms(of: order, account, symbol, stamp)
    try checkRules(order, account, symbol, stamp)
    admission.range = executionRange(order.side, symbol, stamp)
    admission.mode = try mode(of: order, symbol)
    try checkCounts(account, symbol, rests: admission.rests, stamp)
    if !order.special.isPlain {
      try checkSpecialCounts(account, symbol, SpecialCounts(of: order))
    }
    admission.fingerprint = fingerprint
    try checkID(order, fingerprint, account, symbol, stamp)
    if planted == .strategyMatters, order.strategyID != 0 { admission.rests = false }
    try checkSound(admission, order.side)
    try plan(order, &admission, stamp)
    if planted == .bookCrossed, order.type == .limit, admission.rests { admission.killed = true }
    return admission
  }

  /// The checks of an order that enters the market later than it was accepted.
  func evaluate(
    _ order: PlaceOrder, _ account: Int32, _ stamp: Int64, slot: Int32 = -1
  ) throws(Rejection) -> Admission {
    guard let symbol = symbols.place(order.symbol) else { throw .symbolUnknown }
    if planted == .turnFault, slot >= 0, order.symbol == plantedSymbol { throw .engineFault }
    var admission = try terms(of: order, account, symbol, stamp)
    try checkRules(order, account, symbol, stamp, excluding: slot)
    admission.range = executionRange(order.side, symbol, stamp)
    admission.mode = order.selfTradePrevention ?? symbols.states[symbol].selfTrade.standard
    try checkSound(admission, order.side)
    try plan(order, &admission, stamp)
    return admission
  }

  /// What the symbol and the order's own terms say.
  func terms(
    of order: PlaceOrder, _ account: Int32, _ symbol: Int32, _ stamp: Int64
  ) throws(Rejection) -> Admission {
    if !order.special.isPlain || order.type.waitsForPrice {
      return try terms(ofSpecial: order, account, symbol, stamp)
    }
    return order.type == .market
      ? try terms(ofMarket: order, account, symbol, stamp)
      : try terms(ofLimit: order, account, symbol)
  }

  /// What the book, the last price and the account's funds say.
  private func plan(
    _ order: PlaceOrder, _ admission: inout Admission, _ stamp: Int64
  ) throws(Rejection) {
    switch order.type {
    case .limit, .limitMaker:
      if order.special.peg != .none {
        try peg(order, &admission, stamp)
        admission.needed = -1
      }
      try plan(limit: order, &admission)
    case .market: try plan(market: order, &admission)
    case .stopLoss, .stopLossLimit, .takeProfit, .takeProfitLimit:
      try plan(stop: order, &admission)
    }
  }

  /// The mode of self-trade prevention that the order asks for, or the symbol's standard.
  @inline(__always)
  func mode(of order: PlaceOrder, _ symbol: Int32) throws(Rejection) -> SelfTradePrevention {
    guard let mode = order.selfTradePrevention else {
      return symbols.states[symbol].selfTrade.standard
    }
    guard symbols.states[symbol].selfTrade.allows(mode) else {
      throw .selfTradePreventionNotAllowed
    }
    return mode
  }

  /// Refuses a client order id that is in use.
  func checkID(
    _ order: PlaceOrder, _ fingerprint: UInt64, _ account: Int32, _ symbol: Int32, _ stamp: Int64
  ) throws(Rejection) {
    let open = book.orders.find(
      account, symbol, order.clientOrderID, fingerprint: fingerprint)
    if (open != nil && planted != .openIDTaken)
      || clientIDs.refuses(fingerprint, account: account, at: stamp)
    {
      throw .duplicateClientOrderID
    }
  }

  func terms(
    ofLimit order: PlaceOrder, _ account: Int32, _ symbol: Int32
  ) throws(Rejection) -> Admission {
    guard order.quoteOrderQuantity == 0 else { throw .orderTypeNotSupported }
    try symbols.states[symbol].filters.checkPrice(order.price)
    if planted != .stepIgnored || order.quantity <= 0 {
      try symbols.states[symbol].filters.checkLot(order.quantity)
    }
    guard order.quantity <= Amounts.amountMax,
      let (notional, isExact) = Amounts.scaledExactly(
        order.price, times: order.quantity, over: symbols.states[symbol].baseUnit),
      notional < Amounts.amountMax
    else { throw .quantityTooLarge }
    guard notional > 0 else { throw .priceTimesQuantityZero }
    try symbols.states[symbol].filters.checkNotional(notional, isMarket: false)
    let isMaker = order.type == .limitMaker
    let rests = isMaker || order.timeInForce == .gtc
    return Admission(
      account: account, symbol: symbol, quantity: order.quantity, price: order.price, rests: rests,
      needed: order.side == .sell ? order.quantity : notional + (isExact ? 0 : 1),
      expiry: rests ? .none : order.timeInForce == .fok ? .unfilledFOK : .unfilledIOC)
  }

  func terms(
    ofMarket order: PlaceOrder, _ account: Int32, _ symbol: Int32, _ stamp: Int64
  ) throws(Rejection) -> Admission {
    let filters = symbols.states[symbol].filters
    if order.quoteOrderQuantity != 0 {
      guard order.quantity == 0 else { throw .orderTypeNotSupported }
      guard order.quoteOrderQuantity > 0 else { throw .priceTimesQuantityZero }
      guard order.quoteOrderQuantity <= Amounts.amountMax else { throw .quantityTooLarge }
      try filters.checkNotional(order.quoteOrderQuantity, isMarket: true)
    } else {
      try filters.checkLot(order.quantity)
      try filters.checkMarketLot(order.quantity)
      guard order.quantity <= Amounts.amountMax else { throw .quantityTooLarge }
      if let reference = symbols.referencePrice(symbol, at: stamp) {
        let unit = symbols.states[symbol].baseUnit
        let notional = Amounts.scaled(reference, times: order.quantity, over: unit)
        try filters.checkNotional(notional ?? .max, isMarket: true)
      }
    }
    return Admission(
      account: account, symbol: symbol, quantity: order.quantity, price: 0,
      rests: false, expiry: .insufficientLiquidity)
  }

  func checkCounts(
    _ account: Int32, _ symbol: Int32, rests: Bool, _ stamp: Int64, orders: UInt32 = 1
  ) throws(Rejection) {
    let counts = accounts.states[account].windows.counts(at: stamp)
    let limits = accounts.states[account].limits
    guard counts.in10Seconds + orders <= limits.per10Seconds else {
      throw .tooManyOrders10Seconds
    }
    guard counts.inDay + orders <= limits.perDay else { throw .tooManyOrdersDay }
    guard rests else { return }
    let open = accounts.sheet(account, symbol).count
    let filter = symbols.states[symbol].filters.maxOpenOrders
    let limit = filter == 0 ? Self.openOrdersPerSheetMax : min(filter, Self.openOrdersPerSheetMax)
    guard UInt32(open) + orders <= limit else { throw .filterMaxOpenOrders }
    try checkExchangeCount(account, adding: orders)
    guard book.orders.used + Int(orders) <= Self.openOrdersMax else { throw .limitReached }
  }

  /// Lets an admitted order do what it does at once. The order afterwards goes to `view`, which is one
  /// place all the way: a value would be copied from hand to hand. Answers whether it has no rarities.
  mutating func execute(
    _ order: PlaceOrder, _ admission: Admission, _ stamp: Int64, _ events: inout EventBatch,
    into view: inout OrderView
  ) -> (counts: OrderCounts, isPlain: Bool) {
    accounts.countOrder(admission.account, at: stamp)
    fills.removeAll()
    preventions.removeAll()
    make(&view, order, admission, admission.symbol, stamp)
    events.noteAccepted(&view)
    if admission.phase != .working {
      let slot = add(view, SpecialState(), admission.symbol, admission.fingerprint)
      wait(slot, admission)
      return (accounts.states[admission.account].windows.latest, false)
    }
    var left = admission.quantity
    if !admission.killed { left = match(&view, admission, stamp, &events) }
    let isPlain = OrderRarities.areNone(in: view)
    if stays(view, admission, left: left) {
      if order.special.isPlain {
        rest(&view, isPlain, admission, left: left)
      } else {
        let slot = add(view, nil, admission.symbol, admission.fingerprint)
        show(slot, admission, left: left)
      }
      if planted == .improvementKept, view.side == .buy, view.executed > 0,
        ledger.free(admission.account, heldAsset(.buy, admission.symbol)) > 0
      {
        ledger.hold(admission.account, heldAsset(.buy, admission.symbol), amount: 1)
      }
    } else {
      conclude(&view, admission, left: left, stamp)
      if view.status != .filled {
        events.noteClosed(&view, .empty)
      }
      clientIDs.close(
        admission.fingerprint, account: admission.account, at: stamp, accounts: &accounts.states)
    }
    return (accounts.states[admission.account].windows.latest, isPlain)
  }

  // Gives what is left of a plain order its slot, its hold and its place in the book: `add` and
  // `show` in one.
  @inline(__always)
  private mutating func rest(
    _ view: inout OrderView, _ isPlain: Bool, _ admission: Admission, left: Int64
  ) {
    let symbol = admission.symbol
    let isWhole = left == admission.quantity && preventions.isEmpty
    let slot = book.orders.add(
      OrderRecord(
        view.id, view.side, price: view.price, remaining: left, account: admission.account,
        symbol: symbol), &view, isPlain: isPlain, priority: nextTurn(symbol),
      fingerprint: admission.fingerprint)
    book.orders.markDirty(slot)
    addToSheet(slot, admission.account, symbol)
    let amount =
      isWhole && admission.needed >= 0
      ? admission.needed : hold(view.side, price: view.price, left: left, symbol)
    ledger.hold(admission.account, heldAsset(view.side, symbol), amount: amount)
    book.enqueue(
      slot, &symbols.states[symbol], known: isWhole ? admission.level : -1)
  }

  /// True if what is left of an order after its taker phase goes into the book.
  @inline(__always)
  func stays(_ view: OrderView, _ admission: Admission, left: Int64) -> Bool {
    left > 0 && admission.rests && view.status != .expiredInMatch
      && !isStoppedByRange(view.side, admission)
  }

  /// Ends an order that does not stay: what is left of it expires.
  func conclude(
    _ view: inout OrderView, _ admission: Admission, left: Int64, _ stamp: Int64
  ) {
    guard view.status != .expiredInMatch, left > 0 || admission.ranDry || view.status == .new
    else { return }
    let isOutOfRange = (left > 0 || admission.ranDry) && isStoppedByRange(view.side, admission)
    view.status = .expired
    view.expiryReason = isOutOfRange ? .executionRulePriceRangeExceeded : admission.expiry
    view.updatedAt = stamp
  }

  /// The view of an order that was just accepted. One without an admission waits for the first leg
  /// of its list.
  mutating func newView(
    _ order: PlaceOrder, _ admission: Admission?, _ symbol: Int32, _ stamp: Int64
  ) -> OrderView {
    var view = OrderView.blank
    make(&view, order, admission, symbol, stamp)
    return view
  }

  private mutating func make(
    _ view: inout OrderView, _ order: PlaceOrder, _ admission: Admission?, _ symbol: Int32,
    _ stamp: Int64
  ) {
    let id = OrderID(symbols.states[symbol].counters.nextOrder)
    symbols.states[symbol].counters.nextOrder += 1
    symbols.markCounters(symbol)
    let rates = frozenRates(order.account, order.side, symbol)
    let hasTime = order.type == .limit || order.type.working == .limit
    view = OrderView(
      symbol: order.symbol, id: id, account: order.account, clientOrderID: order.clientOrderID,
      side: order.side, type: order.type, timeInForce: hasTime ? order.timeInForce : .gtc,
      selfTradePrevention: order.selfTradePrevention
        ?? symbols.states[symbol].selfTrade.standard,
      status: admission == nil ? .pendingNew : .new, price: admission?.price ?? 0,
      quantity: order.quantity, quoteOrderQuantity: order.quoteOrderQuantity, createdAt: stamp,
      updatedAt: stamp, workingAt: admission?.phase == .working ? stamp : -1,
      makerRate: rates.maker, takerRate: rates.taker, strategyID: order.strategyID,
      strategyType: order.strategyType)
    if discount.isOn {
      view.extras.discount = frozenDiscount(order.account, order.side, symbol)
    }
    if !order.special.isPlain {
      view.extras.terms = order.special
      if order.special.peg != .none { view.extras.sentPrice = order.price }
      if admission?.phase == .following { view.extras.trailingSince = stamp }
    }
    if admission == nil, order.special.peg == .none, order.type.working != .market {
      view.price = order.price
    }
  }

  /// Adds an order to the slab and to its account's sheet. It holds nothing yet and is in no queue.
  mutating func add(
    _ view: OrderView, _ state: SpecialState?, _ symbol: Int32, _ fingerprint: UInt64
  ) -> Int32 {
    guard let account = accounts.place(view.account) else {
      preconditionFailure("an order of no account")
    }
    let slot = book.orders.add(
      OrderRecord(
        view.id, view.side, price: view.price,
        remaining: view.quantity - view.executed - view.extras.prevented, account: account,
        symbol: symbol), view, priority: 0, fingerprint: fingerprint)
    book.orders.markDirty(slot)
    if let state { withSpecial(slot) { $0 = state } }
    addToSheet(slot, account, symbol)
    if !view.extras.terms.isPlain { count(special: slot, by: 1) }
    return slot
  }

  /// What an open order keeps locked: the base left of a SELL; for a BUY the quote that what is
  /// left can cost, rounded up.
  @inline(__always)
  func hold(_ side: Side, price: Int64, left: Int64, _ symbol: Int32) -> Int64 {
    if side == .sell { return left }
    let unit = symbols.states[symbol].baseUnit
    guard let hold = Amounts.scaled(price, times: left, over: unit, up: true) else {
      preconditionFailure("an order was accepted whose hold overflows")
    }
    return hold
  }

  // Takes an order that is not plain from where it stands.
  private mutating func detach(_ slot: Int32, _ place: Int32, _ side: Side) {
    let phase = book.specials[place].phase
    if phase == .working {
      book.dequeue(slot, side: side, &symbols.states[book.orders[slot].symbol])
    } else {
      unpark(slot, phase)
    }
    book.specials.release(place)
    book.orders[slot].special = -1
  }

  // Appends to the account's open orders on the symbol.
  mutating func addToSheet(_ slot: Int32, _ account: Int32, _ symbol: Int32) {
    let sheet = accounts.openSheet(account, symbol)
    let tail = accounts.sheets[sheet].tail
    book.orders[slot].sheetOlder = tail
    book.orders[slot].sheetNewer = -1
    if tail >= 0 {
      book.orders[tail].sheetNewer = slot
    } else {
      accounts.sheets[sheet].head = slot
    }
    accounts.sheets[sheet].tail = slot
    accounts.sheets[sheet].count += 1
    accounts.states[account].openOrders += 1
  }

  // Takes a closed order out of its queue, its sheet and its maps; reserves its client id; drops
  // its row.
  mutating func close(_ slot: Int32, side: Side, _ stamp: Int64) {
    let record = book.orders[slot]
    // By its terms, as when it was added: an iceberg that hides nothing has no special half.
    if book.orders.hasTerms(slot) { count(special: slot, by: -1) }
    if record.special < 0 {
      book.dequeue(slot, side: side, &symbols.states[record.symbol])
    } else {
      detach(slot, record.special, side)
    }
    let sheet = accounts.openSheet(record.account, record.symbol)
    if record.sheetOlder >= 0 {
      book.orders[record.sheetOlder].sheetNewer = record.sheetNewer
    } else {
      accounts.sheets[sheet].head = record.sheetNewer
    }
    if record.sheetNewer >= 0 {
      book.orders[record.sheetNewer].sheetOlder = record.sheetOlder
    } else {
      accounts.sheets[sheet].tail = record.sheetOlder
    }
    accounts.sheets[sheet].count -= 1
    accounts.states[record.account].openOrders -= 1
    deleteRow(ofOrder: slot)
    let fingerprint = book.orders.remove(slot)
    if planted == .slotLeaked { book.orders.forgetFree() }
    clientIDs.close(fingerprint, account: record.account, at: stamp, accounts: &accounts.states)
  }
}
