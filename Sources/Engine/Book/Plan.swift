// Plan: walks over the book that decide, before anything changes, what an order would do there and
// what it costs.
//
// Not here: doing it (Matcher), filters (Filters).

extension Exchange {
  /// The best level that an order of `side` would trade with, or -1.
  @inline(__always)
  func bestOpposite(_ side: Side, _ symbol: Int32) -> Int32 {
    side == .buy ? symbols.states[symbol].asks.best : symbols.states[symbol].bids.best
  }

  /// True if an order of `side` limited to `limit` (0: not limited) may trade at `price`.
  @inline(__always)
  static func crosses(_ side: Side, limit: Int64, price: Int64) -> Bool {
    Book.crosses(side, limit: limit, price: price)
  }

  /// True if the best order would trade with an order of `side`, but for its price, which is out of
  /// the order's range.
  func isStoppedByRange(_ side: Side, _ admission: Admission) -> Bool {
    if admission.range == .open { return false }
    let best = bestOpposite(side, admission.symbol)
    guard best >= 0 else { return false }
    let price = book.levels[best].price
    return Self.crosses(side, limit: admission.price, price: price)
      && !admission.range.contains(price)
  }

  /// LIMIT and LIMIT_MAKER: funds for all of it at its limit, the level's sum, and whether it
  /// takes.
  func plan(limit order: PlaceOrder, _ admission: inout Admission) throws(Rejection) {
    let symbol = admission.symbol
    let price = admission.price
    let best = bestOpposite(order.side, symbol)
    if order.type == .limitMaker, best >= 0,
      Self.crosses(order.side, limit: price, price: book.levels[best].price)
    {
      throw .wouldTakeImmediately
    }
    let asset = order.side == .buy ? symbols.states[symbol].quote : symbols.states[symbol].base
    let needed =
      admission.needed >= 0
      ? admission.needed : hold(order.side, price: price, left: order.quantity, symbol)
    guard needed <= ledger.free(admission.account, asset) else { throw .insufficientBalance }
    if admission.rests, order.side == .buy {
      // Sums of a level's SELL orders are bounded by the supply of base; those of BUY orders only
      // by this.
      let tick = UInt64(price / symbols.states[symbol].filters.tickSize)
      let level = book.levels.find(symbols.states[symbol].bids, tick: tick)
      admission.level = level
      if level >= 0 {
        let there = book.levels[level].quantity + book.levels[level].hidden
        if there > Amounts.amountMax - order.quantity { throw .quantityTooLarge }
      }
    }
    if order.type == .limit, order.timeInForce == .fok {
      admission.killed =
        planted != .fokPartial
        && (admission.mode == .none
          ? !isFillable(order, admission) : !isFillableByOthers(order, admission))
    }
  }

  private func isFillable(_ order: PlaceOrder, _ admission: Admission) -> Bool {
    var left = order.quantity
    var level = bestOpposite(order.side, admission.symbol)
    while level >= 0, left > 0 {
      let price = book.levels[level].price
      guard Self.crosses(order.side, limit: admission.price, price: price),
        admission.range.contains(price)
      else { return false }
      left -= min(left, book.levels[level].quantity + book.levels[level].hidden)
      level = book.levels[level].worse
    }
    return left == 0
  }

  // A prevented match would take from the order or end it, unless only the makers pay for it.
  private func isFillableByOthers(_ order: PlaceOrder, _ admission: Admission) -> Bool {
    var left = order.quantity
    var visits = self.walk(against: order.side, admission.symbol)
    while left > 0, let visit = next(&visits) {
      guard Self.crosses(order.side, limit: admission.price, price: visit.price),
        admission.range.contains(visit.price)
      else { return false }
      if isSelf(admission, visit.slot) {
        if admission.mode == .expireMaker { continue }
        return false
      }
      left -= min(left, visit.quantity)
    }
    return left == 0
  }

  /// MARKET: what base quantity a quote quantity comes to, and funds for what would trade.
  func plan(market order: PlaceOrder, _ admission: inout Admission) throws(Rejection) {
    let symbol = admission.symbol
    if order.quoteOrderQuantity > 0 {
      try plan(quote: order, &admission)
    } else if order.side == .buy {
      let free = ledger.free(admission.account, symbols.states[symbol].quote)
      admission.needed = try checkCost(of: order.quantity, within: free, admission)
    }
    if order.side == .sell {
      let free = ledger.free(admission.account, symbols.states[symbol].base)
      guard admission.quantity <= free else { throw .insufficientBalance }
    }
  }

  // Walks the asks trade by trade, because each trade's quote amount is rounded by itself. Answers
  // what it comes to.
  private func checkCost(
    of quantity: Int64, within free: Int64, _ admission: Admission
  ) throws(Rejection) -> Int64 {
    let unit = symbols.states[admission.symbol].baseUnit
    var left = quantity
    var budget = free
    var visits = self.walk(against: .buy, admission.symbol)
    while left > 0, let visit = next(&visits), admission.range.contains(visit.price) {
      let traded = min(left, visit.quantity)
      if admission.mode != .none, isSelf(admission, visit.slot) {
        switch admission.mode {
        case .expireMaker: continue
        case .expireTaker, .expireBoth: return free - budget
        case .none, .decrement, .transfer:
          guard changesHands(admission, visit.slot) else {
            left -= traded
            continue
          }
        }
      }
      guard let cost = Amounts.scaled(visit.price, times: traded, over: unit), cost <= budget
      else { throw .insufficientBalance }
      budget -= cost
      left -= traded
    }
    return free - budget
  }

  private func plan(quote order: PlaceOrder, _ admission: inout Admission) throws(Rejection) {
    let symbol = admission.symbol
    if order.side == .buy {
      let free = ledger.free(admission.account, symbols.states[symbol].quote)
      guard order.quoteOrderQuantity <= free else { throw .insufficientBalance }
    }
    let filters = symbols.states[symbol].filters
    let walk = self.walk(order.quoteOrderQuantity, order.side, admission)
    admission.quantity = walk.quantity - walk.quantity % filters.marketStep
    admission.ranDry = walk.ranDry
    let best = bestOpposite(order.side, symbol)
    guard best >= 0, admission.range.contains(book.levels[best].price) else { return }
    guard admission.quantity > 0, admission.quantity >= filters.minQuantity else {
      throw .liquidityBelowLotSize
    }
    guard admission.quantity >= filters.marketMinQuantity else {
      throw .liquidityBelowMarketLotSize
    }
    try filters.checkLot(admission.quantity)
    try filters.checkMarketLot(admission.quantity)
    guard admission.quantity <= Amounts.amountMax else { throw .quantityTooLarge }
    try checkAssets(symbol, quantity: admission.quantity, notional: nil)
    try checkPosition(admission.account, symbol, order.side, quantity: admission.quantity)
  }

  // The largest quantity, in steps of LOT_SIZE, that the book gives for at most `budget` of quote
  // in price-time order; and whether the book ended while the budget would have bought another step
  // at its last price. Orders that would expire instead of trading do not count.
  private func walk(
    _ budget: Int64, _ side: Side, _ admission: Admission
  ) -> (quantity: Int64, ranDry: Bool) {
    let symbol = admission.symbol
    let unit = symbols.states[symbol].baseUnit
    let step = symbols.states[symbol].filters.stepSize
    var budget = budget
    var quantity: Int64 = 0
    var price: Int64 = 0
    var visits = self.walk(against: side, symbol)
    while let visit = next(&visits), admission.range.contains(visit.price) {
      if admission.mode == .expireMaker, isSelf(admission, visit.slot) { continue }
      price = visit.price
      let affordable = Self.steps(budget, unit, price, step)
      let traded = min(affordable, visit.quantity)
      guard let cost = Amounts.scaled(price, times: traded, over: unit), cost <= budget,
        quantity <= Amounts.amountMax - traded
      else { return (quantity, false) }
      budget -= cost
      quantity += traded
      if traded < visit.quantity {
        let more = planted == .overspends ? min(step, visit.quantity - traded) : 0
        return (quantity + more, false)
      }
    }
    return (quantity, price == 0 || Self.steps(budget, unit, price, step) > 0)
  }

  // The base quantity, in whole steps, that `budget` buys at `price`.
  private static func steps(_ budget: Int64, _ unit: Int64, _ price: Int64, _ step: Int64) -> Int64
  {
    let affordable = Amounts.scaled(budget, times: unit, over: price) ?? Amounts.amountMax
    return affordable - affordable % step
  }
}
