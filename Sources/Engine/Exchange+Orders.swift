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
  var fingerprint: UInt64
  /// Base quantity that may trade.
  var quantity: Int64
  /// 0 for MARKET.
  var price: Int64
  /// The prices at which it may trade.
  var range = PriceRange.open
  /// What is left after the taker phase stays in the book.
  var rests: Bool
  /// FOK that cannot be filled: expires without trading.
  var killed = false
  /// Why a remainder expires.
  var expiry: ExpiryReason
  /// A MARKET order by quote quantity that the book could not satisfy: expires although `quantity`
  /// was traded.
  var ranDry = false
}

extension Exchange {
  mutating func place(
    _ order: PlaceOrder, _ account: Int32, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> (order: OrderView, counts: OrderCounts) {
    let admission = try admit(order, account, stamp)
    return execute(order, admission, stamp, &events)
  }

  /// Everything that can refuse an order. Changes nothing.
  func admit(_ order: PlaceOrder, _ account: Int32, _ stamp: Int64) throws(Rejection) -> Admission {
    guard let symbol = symbols.place(order.symbol) else { throw .symbolUnknown }
    guard symbols.states[symbol].status == .trading || planted == .statusIgnored else {
      throw .marketClosed
    }
    try checkFeatures(order)
    let fingerprint = ClientIDs.fingerprint(order.account, order.symbol, order.clientOrderID)
    var admission: Admission
    switch order.type {
    case .limit, .limitMaker: admission = try terms(ofLimit: order, account, symbol)
    case .market: admission = try terms(ofMarket: order, account, symbol, stamp)
    case .stopLoss, .stopLossLimit, .takeProfit, .takeProfitLimit: throw .orderTypeNotSupported
    }
    admission.fingerprint = fingerprint
    try checkRules(order, account, symbol, stamp)
    admission.range = executionRange(order.side, symbol, stamp)
    guard order.selfTradePrevention ?? SelfTradePrevention.none == SelfTradePrevention.none else {
      throw .selfTradePreventionNotAllowed
    }
    guard order.special == .none else { throw .orderTypeNotSupported }
    try checkCounts(account, symbol, rests: admission.rests, stamp)
    if book.orders.find(account, symbol, order.clientOrderID, fingerprint: fingerprint) != nil
      || clientIDs.refuses(fingerprint, account: account, at: stamp)
    {
      throw .duplicateClientOrderID
    }
    try checkSound(admission, order.side)
    if order.type == .market {
      try plan(market: order, &admission)
    } else {
      try plan(limit: order, &admission)
    }
    return admission
  }

  private func terms(
    ofLimit order: PlaceOrder, _ account: Int32, _ symbol: Int32
  ) throws(Rejection) -> Admission {
    guard order.quoteOrderQuantity == 0 else { throw .orderTypeNotSupported }
    try symbols.states[symbol].filters.checkPrice(order.price)
    try symbols.states[symbol].filters.checkLot(order.quantity)
    guard order.quantity <= Amounts.amountMax,
      let notional = Amounts.scaled(
        order.price, times: order.quantity, over: symbols.states[symbol].baseUnit),
      notional < Amounts.amountMax
    else { throw .quantityTooLarge }
    guard notional > 0 else { throw .priceTimesQuantityZero }
    try symbols.states[symbol].filters.checkNotional(notional, isMarket: false)
    let isMaker = order.type == .limitMaker
    let rests = isMaker || order.timeInForce == .gtc
    return Admission(
      account: account, symbol: symbol, fingerprint: 0, quantity: order.quantity,
      price: order.price, rests: rests,
      expiry: rests ? .none : order.timeInForce == .fok ? .unfilledFOK : .unfilledIOC)
  }

  private func terms(
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
      account: account, symbol: symbol, fingerprint: 0, quantity: order.quantity, price: 0,
      rests: false, expiry: .insufficientLiquidity)
  }

  private func checkCounts(
    _ account: Int32, _ symbol: Int32, rests: Bool, _ stamp: Int64
  ) throws(Rejection) {
    let counts = accounts.states[account].windows.counts(at: stamp)
    let limits = accounts.states[account].limits
    guard counts.in10Seconds < limits.per10Seconds else { throw .tooManyOrders10Seconds }
    guard counts.inDay < limits.perDay else { throw .tooManyOrdersDay }
    guard rests else { return }
    let open = accounts.sheet(account, symbol).count
    let filter = symbols.states[symbol].filters.maxOpenOrders
    let limit = filter == 0 ? Self.openOrdersPerSheetMax : min(filter, Self.openOrdersPerSheetMax)
    guard UInt32(open) < limit else { throw .filterMaxOpenOrders }
    try checkExchangeCount(account)
    guard book.orders.used < Self.openOrdersMax else { throw .limitReached }
  }

  private mutating func execute(
    _ order: PlaceOrder, _ admission: Admission, _ stamp: Int64, _ events: inout EventBatch
  ) -> (order: OrderView, counts: OrderCounts) {
    accounts.countOrder(admission.account, at: stamp)
    var view = newView(order, admission, stamp)
    events.noteAccepted(view)
    fills.removeAll()
    preventions.removeAll()
    var left = admission.quantity
    if !admission.killed { left = match(&view, admission, stamp, &events) }
    let isOutOfRange = (left > 0 || admission.ranDry) && isStoppedByRange(view.side, admission)
    if left > 0, admission.rests, !isOutOfRange {
      rest(view, admission, left: left)
    } else {
      if left > 0 || admission.ranDry || view.status == .new {
        view.status = .expired
        view.expiryReason =
          isOutOfRange ? .executionRulePriceRangeExceeded : admission.expiry
        view.updatedAt = stamp
        events.noteClosed(view, .empty)
      }
      clientIDs.close(
        admission.fingerprint, account: admission.account, at: stamp, accounts: &accounts.states)
    }
    report(&events)
    let counts = accounts.states[admission.account].windows.counts(at: stamp)
    return (view, counts)
  }

  private mutating func newView(
    _ order: PlaceOrder, _ admission: Admission, _ stamp: Int64
  ) -> OrderView {
    let symbol = admission.symbol
    let id = OrderID(symbols.states[symbol].counters.nextOrder)
    symbols.states[symbol].counters.nextOrder += 1
    symbols.markCounters(symbol)
    let rates = frozenRates(order.account, order.side, symbol)
    return OrderView(
      symbol: order.symbol, id: id, account: order.account, clientOrderID: order.clientOrderID,
      side: order.side, type: order.type,
      timeInForce: order.type == .limit ? order.timeInForce : .gtc, price: admission.price,
      quantity: order.quantity, quoteOrderQuantity: order.quoteOrderQuantity, createdAt: stamp,
      updatedAt: stamp, workingAt: stamp, makerRate: rates.maker,
      takerRate: rates.taker, strategyID: order.strategyID,
      strategyType: order.strategyType)
  }

  // Locks what the rest needs and puts it into the book.
  private mutating func rest(_ view: OrderView, _ admission: Admission, left: Int64) {
    let symbol = admission.symbol
    let asset = view.side == .buy ? symbols.states[symbol].quote : symbols.states[symbol].base
    let needed = hold(view.side, price: view.price, left: left, symbol)
    ledger.hold(admission.account, asset, amount: needed)
    let priority = symbols.states[symbol].counters.nextPriority
    symbols.states[symbol].counters.nextPriority += 1
    let slot = book.orders.add(
      OrderRecord(
        view.id, view.side, price: view.price, remaining: left, account: admission.account,
        symbol: symbol),
      OrderDetail(view: view, priority: priority, fingerprint: admission.fingerprint))
    book.orders.markDirty(slot)
    addToSheet(slot, admission.account, symbol)
    book.enqueue(slot, &symbols.states[symbol])
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

  // Appends to the account's open orders on the symbol.
  mutating func addToSheet(_ slot: Int32, _ account: Int32, _ symbol: Int32) {
    let block = accounts.openSheet(account, symbol)
    let tail = accounts.sheets[block, symbol].tail
    book.orders[slot].sheetOlder = tail
    book.orders[slot].sheetNewer = -1
    if tail >= 0 {
      book.orders[tail].sheetNewer = slot
    } else {
      accounts.sheets[block, symbol].head = slot
    }
    accounts.sheets[block, symbol].tail = slot
    accounts.sheets[block, symbol].count += 1
    accounts.states[account].openOrders += 1
  }

  // Takes a closed order out of its queue, its sheet and its maps; reserves its client id; drops
  // its row.
  mutating func close(_ slot: Int32, side: Side, _ stamp: Int64) {
    let record = book.orders[slot]
    book.dequeue(slot, side: side, &symbols.states[record.symbol])
    let block = accounts.openSheet(record.account, record.symbol)
    if record.sheetOlder >= 0 {
      book.orders[record.sheetOlder].sheetNewer = record.sheetNewer
    } else {
      accounts.sheets[block, record.symbol].head = record.sheetNewer
    }
    if record.sheetNewer >= 0 {
      book.orders[record.sheetNewer].sheetOlder = record.sheetOlder
    } else {
      accounts.sheets[block, record.symbol].tail = record.sheetOlder
    }
    accounts.sheets[block, record.symbol].count -= 1
    accounts.states[record.account].openOrders -= 1
    deleteRow(ofOrder: slot)
    let fingerprint = book.orders.remove(slot)
    clientIDs.close(fingerprint, account: record.account, at: stamp, accounts: &accounts.states)
  }
}
