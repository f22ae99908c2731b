// The naive engine's orders: checks, and what becomes of an order that enters the market.

import Engine

/// What an order would do if it entered now.
struct NaivePlan {
  var quantity: Int128
  var price: Int64
  var ranDry = false
  var killed = false
  /// What the whole order can cost of the asset that it gives.
  var need: Int128 = 0
  var mode = SelfTradePrevention.none
  var range: NaiveRange
  var state = NaiveState.book
  var holdPrice: Int64 = 0
  var extreme: Int64 = 0
}

extension NaiveExchange {
  mutating func place(_ order: PlaceOrder, _ stamp: Int64) throws(Rejection) -> Placed {
    let s = Int(order.symbol.value) - 1
    guard symbols[s].info.status == .trading else { throw .marketClosed }
    try checkFeatures(order)
    try checkTerms(order, s, stamp)
    try checkRules(order, s, stamp)
    _ = try mode(order, s)
    try checkCounts(order.account, s, stamp, resting: rests(order) ? 1 : 0, orders: 1)
    try checkSpecialCounts([order], lists: 0, s)
    if isReserved(order, stamp) { throw .duplicateClientOrderID }
    let plan = try plan(order, s, stamp)
    counted[order.account, default: []].append((stamp, 1))
    fills = []
    preventions = []
    var view = newView(order, plan, s, stamp)
    events.append(.orderAccepted(view))
    symbols[s].orders.append(NaiveOrder(view: view, left: plan.quantity, state: .pending))
    enter(&view, plan, s, stamp)
    let placed = Placed(
      order: view, fills: fills, counts: counts(order.account, stamp), preventions: preventions)
    runTurns(s, stamp)
    return placed
  }

  /// The checks that need the book, the last price or the account's funds.
  func plan(_ order: PlaceOrder, _ s: Int, _ stamp: Int64) throws(Rejection) -> NaivePlan {
    var order = order
    var plan = NaivePlan(
      quantity: Int128(order.quantity), price: order.type.isMarket ? 0 : order.price,
      range: executionRange(order.side, s, stamp))
    plan.mode = order.selfTradePrevention ?? symbols[s].info.selfTrade.standard
    if order.type.isParked {
      try park(order, &plan, s)
      return plan
    }
    if order.special.peg != .none {
      order.price = try pegPrice(order, s)
      try checkTerms(order, s, stamp)
      try checkPercent(order, s, stamp)
      let value = Int128(order.price) * Int128(order.quantity) / symbols[s].unit
      try checkAssets(s, Int128(order.quantity), value)
      plan.price = order.price
    }
    if order.type == .limitMaker, let best = symbols[s].queue(order.side.opposite).first,
      crosses(order.side, order.price, best.view.price)
    {
      throw .wouldTakeImmediately
    }
    if order.quoteOrderQuantity > 0 { try quantityForQuote(order, &plan, s) }
    plan.need = try checkFunds(order, plan, s)
    if order.quoteOrderQuantity > 0, order.side == .buy {
      plan.need = Int128(order.quoteOrderQuantity)
    }
    if order.type == .limit, order.timeInForce == .fok {
      plan.killed = !isFillable(order, plan, s)
    }
    return plan
  }

  func newView(_ order: PlaceOrder, _ plan: NaivePlan?, _ s: Int, _ stamp: Int64) -> OrderView {
    let info = symbols[s].info
    let rates = rates(order.account, order.side, info)
    var view = OrderView(
      symbol: order.symbol, id: OrderID(symbols[s].nextOrder), account: order.account,
      clientOrderID: order.clientOrderID, side: order.side, type: order.type,
      timeInForce: order.type.hasLimit ? order.timeInForce : .gtc,
      selfTradePrevention: order.selfTradePrevention ?? info.selfTrade.standard,
      status: plan == nil ? .pendingNew : .new, price: plan?.price ?? 0,
      quantity: order.quantity, quoteOrderQuantity: order.quoteOrderQuantity, createdAt: stamp,
      updatedAt: stamp, workingAt: plan?.state == .book ? stamp : -1, makerRate: rates.maker,
      takerRate: rates.taker, strategyID: order.strategyID, strategyType: order.strategyType)
    view.extras.discount = discountTerms(order.account, order.side, info)
    view.extras.terms = order.special
    if order.special.peg != .none { view.extras.sentPrice = order.price }
    if plan?.state == .following { view.extras.trailingSince = stamp }
    if plan == nil, order.special.peg == .none, !order.type.isMarket { view.price = order.price }
    return view
  }

  /// Parks an order, or lets it trade and leaves the rest in the book. The order is in the list of
  /// orders, holding nothing.
  mutating func enter(_ view: inout OrderView, _ plan: NaivePlan, _ s: Int, _ stamp: Int64) {
    if symbols[s].nextOrder == view.id.value { symbols[s].nextOrder += 1 }
    let at = symbols[s].place(view.id)
    symbols[s].orders[at].view = view
    symbols[s].orders[at].holdPrice = plan.holdPrice
    symbols[s].orders[at].extreme = plan.extreme
    if plan.state != .book {
      symbols[s].orders[at].state = plan.state
      lock(view.id, s, 1)
      return
    }
    var left = plan.quantity
    if !plan.killed { match(&view, &left, plan, s, stamp) }
    let best = symbols[s].queue(view.side.opposite).first?.view.price
    let isOutOfRange =
      (left > 0 || plan.ranDry)
      && best.map {
        (plan.price == 0 || crosses(view.side, plan.price, $0)) && !plan.range.contains($0)
      } ?? false
    let rests = view.type == .limitMaker || (view.type.hasLimit && view.timeInForce == .gtc)
    if left > 0, rests, !isOutOfRange, view.status != .expiredInMatch {
      let at = symbols[s].place(view.id)
      symbols[s].orders[at].view = view
      symbols[s].orders[at].left = left
      symbols[s].show(at)
      symbols[s].orders[at].state = .book
      lock(view.id, s, 1)
      return
    }
    if view.status != .filled, view.status != .expiredInMatch {
      view.status = .expired
      view.updatedAt = stamp
      view.expiryReason =
        isOutOfRange
        ? .executionRulePriceRangeExceeded
        : plan.price == 0
          ? .insufficientLiquidity : view.timeInForce == .fok ? .unfilledFOK : .unfilledIOC
    }
    finish(view, s, stamp)
  }

  /// Takes an order that holds nothing more out, and goes on with its list.
  mutating func finish(_ view: OrderView, _ s: Int, _ stamp: Int64) {
    symbols[s].orders.removeAll { $0.view.id == view.id }
    reserve(view, stamp)
    if view.status != .filled { events.append(.orderClosed(view, cancelClientOrderID: .empty)) }
    legEnded(view, s, stamp)
  }

  func averagePrice(_ s: Int, _ stamp: Int64) -> Int128? {
    guard let last = symbols[s].trades.last else { return nil }
    let minutes = Int64(symbols[s].info.filters.averagePriceMinutes)
    let now = stamp / 60_000_000
    var quote: Int128 = 0
    var base: Int128 = 0
    for trade in symbols[s].trades where now - trade.stamp / 60_000_000 < minutes {
      quote += trade.quote
      base += trade.base
    }
    return base == 0 ? Int128(last.price) : quote * symbols[s].unit / base
  }

  func checkCounts(
    _ account: AccountID, _ s: Int, _ stamp: Int64, resting: Int, orders: UInt32
  ) throws(Rejection) {
    let limits = self.limits[account] ?? OrderLimits(per10Seconds: 0, perDay: 0)
    let counts = counts(account, stamp)
    if counts.in10Seconds + orders > limits.per10Seconds { throw .tooManyOrders10Seconds }
    if counts.inDay + orders > limits.perDay { throw .tooManyOrdersDay }
    guard resting > 0 else { return }
    let open = symbols[s].orders.filter { $0.view.account == account }.count
    let bound = Int(symbols[s].info.filters.maxOpenOrders)
    if bound > 0, open + resting > bound { throw .filterMaxOpenOrders }
    let all = symbols.reduce(0) { sum, symbol in
      sum + symbol.orders.filter { $0.view.account == account }.count
    }
    if settings.limits.maxOrders > 0, all + resting > Int(settings.limits.maxOrders) {
      throw .filterExchangeMaxOrders
    }
  }

  /// Unfilled orders of the windows of `stamp`, never below zero at any time.
  func counts(_ account: AccountID, _ stamp: Int64) -> OrderCounts {
    func count(_ window: Int64) -> UInt32 {
      let changes = (counted[account] ?? []).filter { $0.stamp / window == stamp / window }
      return UInt32(changes.reduce(0) { max(0, $0 + $1.change) })
    }
    return OrderCounts(in10Seconds: count(10_000_000), inDay: count(86_400_000_000))
  }

  func rests(_ order: PlaceOrder) -> Bool {
    order.type.isParked || order.type == .limitMaker
      || (order.type == .limit && order.timeInForce == .gtc)
  }

  func crosses(_ side: Side, _ limit: Int64, _ price: Int64) -> Bool {
    side == .buy ? price <= limit : price >= limit
  }

  private func isFillable(_ order: PlaceOrder, _ plan: NaivePlan, _ s: Int) -> Bool {
    var left = Int128(order.quantity)
    for visit in symbols[s].visits(order.side.opposite) where left > 0 {
      if !crosses(order.side, plan.price, visit.order.view.price)
        || !plan.range.contains(visit.order.view.price)
      {
        return false
      }
      if plan.mode != .none, isSelf(order.account, visit.order.view.account) {
        if plan.mode == .expireMaker { continue }
        return false
      }
      left -= min(left, visit.quantity)
    }
    return left == 0
  }

  // Takes from each order in turn the most whole steps that the budget pays for.
  private func quantityForQuote(
    _ order: PlaceOrder, _ plan: inout NaivePlan, _ s: Int
  ) throws(Rejection) {
    let f = symbols[s].info.filters
    let step = Int128(f.stepSize)
    var budget = Int128(order.quoteOrderQuantity)
    if order.side == .buy {
      let free = balances[NaiveName(account: order.account, asset: symbols[s].info.quote)]?.free
      if (free ?? 0) < budget { throw .insufficientBalance }
    }
    let range = plan.range
    let visits = symbols[s].visits(order.side.opposite).prefix {
      range.contains($0.order.view.price)
    }
    let others = visits.filter {
      plan.mode != .expireMaker || !isSelf(order.account, $0.order.view.account)
    }
    plan.quantity = 0
    plan.ranDry = true
    var total: Int128 = 0
    for visit in others {
      var taken: Int128 = 0
      while taken + step <= visit.quantity,
        Int128(visit.order.view.price) * (taken + step) <= budget * symbols[s].unit
      {
        taken += step
      }
      budget -= Self.floorDivide(Int128(visit.order.view.price) * taken, symbols[s].unit)
      total += taken
      if taken < visit.quantity {
        plan.ranDry = false
        break
      }
    }
    if let last = others.last,
      Int128(last.order.view.price) * step > budget * symbols[s].unit
    {
      plan.ranDry = false
    }
    if visits.isEmpty { return }
    if f.marketStepSize > 0 { total -= total % Int128(f.marketStepSize) }
    if total == 0 || total < Int128(f.minQuantity) { throw .liquidityBelowLotSize }
    if total < Int128(f.marketMinQuantity) { throw .liquidityBelowMarketLotSize }
    if f.maxQuantity > 0, total > Int128(f.maxQuantity) { throw .filterLotSize }
    if f.marketMaxQuantity > 0, total > Int128(f.marketMaxQuantity) { throw .filterMarketLotSize }
    try checkAssets(s, total, nil)
    try checkPosition(order, total, s)
    plan.quantity = total
  }

  private func checkFunds(
    _ order: PlaceOrder, _ plan: NaivePlan, _ s: Int
  ) throws(Rejection) -> Int128 {
    let info = symbols[s].info
    let asset = order.side == .buy ? info.quote : info.base
    let free = balances[NaiveName(account: order.account, asset: asset)]?.free ?? 0
    var needed: Int128 = 0
    if order.side == .sell {
      needed = plan.quantity
    } else if order.type != .market {
      needed = Self.ceilDivide(Int128(plan.price) * plan.quantity, symbols[s].unit)
    } else if order.quoteOrderQuantity == 0 {
      var left = plan.quantity
      for visit in symbols[s].visits(.sell) {
        if left == 0 || !plan.range.contains(visit.order.view.price) { break }
        let taken = min(left, visit.quantity)
        if plan.mode != .none, isSelf(order.account, visit.order.view.account) {
          if plan.mode == .expireMaker { continue }
          if plan.mode == .expireTaker || plan.mode == .expireBoth { break }
          left -= taken
          if !changesHands(order.account, plan.mode, visit.order.view) { continue }
        } else {
          left -= taken
        }
        needed += Self.floorDivide(Int128(visit.order.view.price) * taken, symbols[s].unit)
      }
    }
    if needed > free { throw .insufficientBalance }
    return needed
  }
}
