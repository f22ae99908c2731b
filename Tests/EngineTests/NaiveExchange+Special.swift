// The naive engine's orders that are not plain: stops, trailing orders, icebergs, pegs; and the
// turns of those whose price was met.

import Engine

extension OrderType {
  var isParked: Bool { ![.limit, .market, .limitMaker].contains(self) }
  var isMarket: Bool { [.market, .stopLoss, .takeProfit].contains(self) }
  var hasLimit: Bool { [.limit, .stopLossLimit, .takeProfitLimit].contains(self) }
}

extension NaiveExchange {
  /// A leg that sells proceeds is checked without a quantity when its list is placed.
  func checkTerms(
    _ order: PlaceOrder, _ s: Int, _ stamp: Int64, knowsQuantity: Bool = true
  ) throws(Rejection) {
    let f = symbols[s].info.filters
    let x = order.special
    if x.stopPrice < 0 || x.icebergQuantity < 0 { throw .combinationNotSupported }
    if x.trailingDelta > 9_999 { throw .filterTrailingDelta }
    if (x.stopPrice > 0 || x.trailingDelta > 0) != order.type.isParked {
      throw .combinationNotSupported
    }
    if x.pegLevels != nil, x.peg == .none { throw .combinationNotSupported }
    if x.peg != .none {
      if order.type.isMarket { throw .pegNotAllowed }
      if x.peg == .primary, order.type == .limit, order.timeInForce != .gtc {
        throw .pegPriceNotAllowed
      }
      if x.peg == .market, order.type == .limitMaker { throw .pegPriceNotAllowed }
    }
    if x.icebergQuantity > 0 {
      if order.type.isMarket || (order.type.hasLimit && order.timeInForce != .gtc) {
        throw .combinationNotSupported
      }
      if knowsQuantity, x.icebergQuantity > order.quantity { throw .icebergExceedsQuantity }
      try checkLot(x.icebergQuantity, f)
      let parts = Self.ceilDivide(Int128(order.quantity), Int128(x.icebergQuantity))
      let bound = f.rules.icebergParts
      let isTooMany = parts > 100 || (bound > 0 && parts > Int128(bound))
      if knowsQuantity, isTooMany { throw .filterIcebergParts }
    }
    if order.type.isParked {
      if order.quoteOrderQuantity != 0 { throw .combinationNotSupported }
      if x.stopPrice > 0 { try checkPrice(x.stopPrice, f) }
      let t = f.rules.trailing
      let isAbove = firesAbove(order.side, order.type)
      let (least, most) = isAbove ? (t.minAbove, t.maxAbove) : (t.minBelow, t.maxBelow)
      if x.trailingDelta > 0, x.trailingDelta < least || (most > 0 && x.trailingDelta > most) {
        throw .filterTrailingDelta
      }
    }
    if x.peg != .none, order.price == 0 {
      if knowsQuantity { try checkLot(order.quantity, f) }
      return
    }
    if knowsQuantity {
      try checkAmounts(order, s, stamp)
    } else if !order.type.isMarket {
      try checkPrice(order.price, f)
    }
    if order.type.isParked, order.type.isMarket, order.price != 0 {
      throw .combinationNotSupported
    }
  }

  private func checkPrice(_ price: Int64, _ f: SymbolFilters) throws(Rejection) {
    if price <= 0 || price < f.minPrice || price % f.tickSize != 0
      || (f.maxPrice > 0 && price > f.maxPrice)
    {
      throw .filterPrice
    }
  }

  private func checkLot(_ q: Int64, _ f: SymbolFilters) throws(Rejection) {
    if q <= 0 || q < f.minQuantity || q % f.stepSize != 0
      || (f.maxQuantity > 0 && q > f.maxQuantity)
    {
      throw .filterLotSize
    }
  }

  private func checkAmounts(
    _ order: PlaceOrder, _ s: Int, _ stamp: Int64
  ) throws(Rejection) {
    let f = symbols[s].info.filters
    let isMarket = order.type.isMarket
    if order.quoteOrderQuantity != 0, !isMarket || order.quantity != 0 {
      throw .orderTypeNotSupported
    }
    if !isMarket { try checkPrice(order.price, f) }
    var value = Int128(order.quoteOrderQuantity)
    if order.quoteOrderQuantity == 0 {
      let q = order.quantity
      try checkLot(q, f)
      if isMarket {
        if q < f.marketMinQuantity || (f.marketMaxQuantity > 0 && q > f.marketMaxQuantity)
          || (f.marketStepSize > 0 && q % f.marketStepSize != 0)
        {
          throw .filterMarketLotSize
        }
        guard let average = averagePrice(s, stamp) else { return }
        value = Self.floorDivide(average * Int128(q), symbols[s].unit)
      } else {
        value = Self.floorDivide(Int128(order.price) * Int128(q), symbols[s].unit)
        if value == 0 { throw .priceTimesQuantityZero }
      }
    }
    if value < Int128(f.minNotional), !isMarket || f.applyMinToMarket { throw .filterNotional }
    if f.maxNotional > 0, value > Int128(f.maxNotional), !isMarket || f.applyMaxToMarket {
      throw .filterNotional
    }
  }

  func mode(_ order: PlaceOrder, _ s: Int) throws(Rejection) -> SelfTradePrevention {
    let rules = symbols[s].info.selfTrade
    guard let mode = order.selfTradePrevention else { return rules.standard }
    if rules.allowed & (1 << mode.rawValue) == 0 { throw .selfTradePreventionNotAllowed }
    return mode
  }

  func checkSpecialCounts(
    _ orders: [PlaceOrder], lists: Int, _ s: Int
  ) throws(Rejection) {
    guard let account = orders.first?.account else { return }
    let rules = symbols[s].info.filters.rules
    func check(
      _ added: Int, _ bounds: (UInt32, UInt32), _ counts: (NaiveOrder) -> Bool, _ a: Rejection,
      _ b: Rejection
    ) -> (Rejection?, Rejection?) {
      let own = symbols[s].orders.filter { $0.view.account == account && counts($0) }.count
      let all = symbols.flatMap { $0.orders }.filter {
        $0.view.account == account && counts($0)
      }.count
      return (
        added > 0 && bounds.0 > 0 && own + added > Int(bounds.0) ? a : nil,
        added > 0 && bounds.1 > 0 && all + added > Int(bounds.1) ? b : nil
      )
    }
    let algo = check(
      orders.filter { $0.type.isParked }.count,
      (rules.maxAlgoOrders, settings.limits.maxAlgoOrders),
      { $0.view.type.isParked }, .filterMaxAlgoOrders, .filterExchangeMaxAlgoOrders)
    let iceberg = check(
      orders.filter { $0.special.icebergQuantity > 0 }.count,
      (rules.maxIcebergOrders, settings.limits.maxIcebergOrders),
      { $0.view.extras.terms.icebergQuantity > 0 }, .filterMaxIcebergOrders,
      .filterExchangeMaxIcebergOrders)
    let own = self.lists.filter { $0.account == account }
    let here = own.filter { $0.s == s }.count
    let bound = Int(rules.maxOrderLists)
    if let reason = algo.0 ?? iceberg.0 { throw reason }
    if lists > 0, bound > 0, here + lists > bound { throw .filterMaxOrderLists }
    if let reason = algo.1 ?? iceberg.1 { throw reason }
    let all = Int(settings.limits.maxOrderLists)
    if lists > 0, all > 0, own.count + lists > all { throw .filterExchangeMaxOrderLists }
  }

  func pegPrice(_ order: PlaceOrder, _ s: Int) throws(Rejection) -> Int64 {
    let side = order.special.peg == .primary ? order.side : order.side.opposite
    var prices: [Int64] = []
    for order in symbols[s].queue(side) where prices.last != order.view.price {
      prices.append(order.view.price)
    }
    let at = Int(order.special.pegLevels ?? 0)
    guard at < prices.count else { throw .liquidityTooLowForPeg }
    return prices[at]
  }

  func firesAbove(_ side: Side, _ type: OrderType) -> Bool {
    switch (side, type) {
    case (.buy, .stopLoss), (.buy, .stopLossLimit), (.sell, .takeProfit),
      (.sell, .takeProfitLimit):
      true
    default: false
    }
  }

  private func isMet(_ view: OrderView, by price: Int64) -> Bool {
    firesAbove(view.side, view.type)
      ? price >= view.extras.terms.stopPrice : price <= view.extras.terms.stopPrice
  }

  func park(_ order: PlaceOrder, _ plan: inout NaivePlan, _ s: Int) throws(Rejection) {
    let stop = order.special.stopPrice
    let last = symbols[s].trades.last?.price ?? 0
    if stop > 0, last > 0, firesAbove(order.side, order.type) ? last >= stop : last <= stop {
      throw .wouldTriggerImmediately
    }
    plan.state = stop > 0 ? .waiting : .following
    if stop == 0 { plan.extreme = last }
    let anchor = Int128(stop > 0 ? stop : last)
    plan.holdPrice =
      !order.type.isMarket && order.price > 0
      ? order.price
      : Int64(Self.ceilDivide(anchor * (10_000 + Int128(order.special.trailingDelta)), 10_000))
    let most = Self.ceilDivide(Int128(plan.holdPrice) * plan.quantity, symbols[s].unit)
    let info = symbols[s].info
    let asset = order.side == .buy ? info.quote : info.base
    let free = balances[NaiveName(account: order.account, asset: asset)]?.free ?? 0
    if (order.side == .buy ? most : plan.quantity) > free { throw .insufficientBalance }
  }

  /// Locks (1) or frees (-1) what an order holds now.
  mutating func lock(_ id: OrderID, _ s: Int, _ sign: Int128) {
    let order = symbols[s].orders[symbols[s].place(id)]
    if lists.contains(where: { $0.s == s && $0.isPair && $0.open.contains(id) }) { return }
    let amount = own(order) * sign
    let name = held(order.view)
    balances[name, default: NaiveBalance()].free -= amount
    balances[name, default: NaiveBalance()].locked += amount
  }

  /// What an order holds by itself.
  func own(_ order: NaiveOrder) -> Int128 {
    if order.state == .pending { return 0 }
    var view = order.view
    if order.state != .book { view.price = order.holdPrice }
    return hold(view, order.left)
  }

  /// Looks at the prices since the last look.
  mutating func look(_ s: Int, _ stamp: Int64) {
    var met: [OrderID] = []
    for price in symbols[s].unseen {
      for order in symbols[s].orders where order.state == .following {
        let at = symbols[s].place(order.view.id)
        let x = Int128(order.extreme)
        let delta = Int128(order.view.extras.terms.trailingDelta)
        let isSell = order.view.side == .sell
        if x == 0 || (isSell ? price > order.extreme : price < order.extreme) {
          symbols[s].orders[at].extreme = price
        } else if isSell
          ? Int128(price) * 10_000 <= x * (10_000 - delta)
          : Int128(price) * 10_000 >= x * (10_000 + delta)
        {
          symbols[s].orders[at].state = .fired
          met.append(order.view.id)
        }
      }
      let waiting = symbols[s].orders.filter { $0.state == .waiting }
      for order in waiting.sorted(by: { $0.view.id < $1.view.id })
      where isMet(order.view, by: price) {
        let at = symbols[s].place(order.view.id)
        if order.view.extras.terms.trailingDelta > 0 {
          symbols[s].orders[at].state = .following
          symbols[s].orders[at].extreme = price
          symbols[s].orders[at].view.extras.trailingSince = stamp
          symbols[s].orders[at].view.updatedAt = stamp
          events.append(.orderTriggered(symbols[s].orders[at].view))
        } else {
          symbols[s].orders[at].state = .fired
          met.append(order.view.id)
        }
      }
    }
    symbols[s].unseen = []
    for id in met.sorted() {
      guard let order = symbols[s].orders.first(where: { $0.view.id == id }) else { continue }
      breakPair(order.view, s, stamp)
      symbols[s].turns.append(.order(id))
    }
  }

  /// Runs what the command's trades brought about.
  mutating func runTurns(_ s: Int, _ stamp: Int64) {
    let told = (fills, preventions)
    look(s, stamp)
    while !symbols[s].turns.isEmpty, symbols[s].info.status == .trading, turnsRun < turnsMax {
      turnsRun += 1
      switch symbols[s].turns.removeFirst() {
      case .order(let id):
        lock(id, s, -1)
        symbols[s].orders[symbols[s].place(id)].state = .pending
        start(id, isTriggered: true, s, stamp)
      case .list(let id): placePending(id, stamp)
      }
      look(s, stamp)
    }
    (fills, preventions) = told
  }

  /// What is left of an open order as a new order.
  func again(_ id: OrderID, isTriggered: Bool, _ s: Int) -> PlaceOrder {
    let order = symbols[s].orders[symbols[s].place(id)]
    let view = order.view
    var special = view.extras.terms
    if Int128(special.icebergQuantity) > order.left { special.icebergQuantity = Int64(order.left) }
    var type = view.type
    if isTriggered {
      special.stopPrice = 0
      special.trailingDelta = 0
      type = type.isMarket ? .market : .limit
    }
    return PlaceOrder(
      account: view.account, symbol: view.symbol, side: view.side, type: type,
      timeInForce: view.timeInForce, quantity: Int64(order.left), quoteOrderQuantity: 0,
      price: special.peg == .none ? view.price : view.extras.sentPrice,
      clientOrderID: view.clientOrderID, selfTradePrevention: view.selfTradePrevention,
      special: special)
  }

  func replan(_ id: OrderID, isTriggered: Bool, _ s: Int, _ stamp: Int64) throws(Rejection)
    -> NaivePlan
  {
    let order = again(id, isTriggered: isTriggered, s)
    try checkTerms(order, s, stamp)
    var others = self
    let partner = partner(symbols[s].orders[symbols[s].place(id)].view)
    others.symbols[s].orders.removeAll { $0.view.id == id || $0.view.id == partner }
    try others.checkRules(order, s, stamp)
    return try plan(order, s, stamp)
  }

  /// Lets an order that holds nothing enter the market.
  mutating func start(_ id: OrderID, isTriggered: Bool, _ s: Int, _ stamp: Int64) {
    do throws(Rejection) {
      begin(id, try replan(id, isTriggered: isTriggered, s, stamp), s, stamp)
    } catch {
      reject(id, s, stamp)
    }
  }

  mutating func begin(_ id: OrderID, _ plan: NaivePlan, _ s: Int, _ stamp: Int64) {
    var view = symbols[s].orders[symbols[s].place(id)].view
    view.status = .new
    view.updatedAt = stamp
    view.price = plan.price
    if plan.state == .following { view.extras.trailingSince = stamp }
    if plan.state == .book { view.workingAt = stamp }
    events.append(.orderTriggered(view))
    enter(&view, plan, s, stamp)
  }

  mutating func reject(_ id: OrderID, _ s: Int, _ stamp: Int64) {
    var view = symbols[s].orders[symbols[s].place(id)].view
    view.status = .expired
    view.expiryReason = .rejected
    view.updatedAt = stamp
    finish(view, s, stamp)
  }
}
