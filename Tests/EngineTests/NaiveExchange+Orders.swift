// The naive engine's orders: checks, trades and what is left.

import Engine

extension NaiveExchange {
  mutating func place(_ order: PlaceOrder, _ stamp: Int64) throws(Rejection) -> Placed {
    let s = Int(order.symbol.value) - 1
    let info = symbols[s].info
    guard info.status == .trading else { throw .marketClosed }
    try checkFeatures(order)
    try checkTerms(order, s, stamp)
    try checkRules(order, s, stamp)
    let range = executionRange(order.side, s, stamp)
    try checkCounts(order, s, stamp)
    if isReserved(order, stamp) { throw .duplicateClientOrderID }
    let price = order.type == .market ? nil : order.price
    if order.type == .limitMaker, let best = symbols[s].queue(order.side.opposite).first,
      crosses(order.side, order.price, best.view.price)
    {
      throw .wouldTakeImmediately
    }
    var quantity = Int128(order.quantity)
    var ranDry = false
    if order.quoteOrderQuantity > 0 { (quantity, ranDry) = try quantityForQuote(order, range, s) }
    try checkFunds(order, quantity, range, s)

    counted[order.account, default: []].append((stamp, 1))
    let rates = rates(order.account, order.side, info)
    var view = OrderView(
      symbol: order.symbol, id: OrderID(symbols[s].nextOrder), account: order.account,
      clientOrderID: order.clientOrderID, side: order.side, type: order.type,
      timeInForce: order.type == .limit ? order.timeInForce : .gtc, price: price ?? 0,
      quantity: order.quantity, quoteOrderQuantity: order.quoteOrderQuantity, createdAt: stamp,
      updatedAt: stamp, workingAt: stamp, makerRate: rates.maker, takerRate: rates.taker,
      strategyID: order.strategyID, strategyType: order.strategyType)
    symbols[s].nextOrder += 1
    events.append(.orderAccepted(view))
    var fills: [Fill] = []
    let isFOK = order.type == .limit && order.timeInForce == .fok
    if !isFOK || available(order, range, s) >= quantity {
      trade(&view, &quantity, ranDry, price, range, s, stamp, &fills)
    }
    let rests = order.type == .limitMaker || (order.type == .limit && order.timeInForce == .gtc)
    let best = symbols[s].queue(order.side.opposite).first?.view.price
    let isOutOfRange =
      (quantity > 0 || ranDry)
      && best.map { (price == nil || crosses(order.side, order.price, $0)) && !range.contains($0) }
        ?? false
    if quantity > 0, rests, !isOutOfRange {
      let name = held(view)
      let amount = hold(view, quantity)
      balances[name, default: NaiveBalance()].free -= amount
      balances[name, default: NaiveBalance()].locked += amount
      symbols[s].orders.append(NaiveOrder(view: view, left: quantity))
    } else {
      if view.status != .filled {
        view.status = .expired
        view.updatedAt = stamp
        view.expiryReason =
          isOutOfRange
          ? .executionRulePriceRangeExceeded
          : isFOK ? .unfilledFOK : order.type == .market ? .insufficientLiquidity : .unfilledIOC
        events.append(.orderClosed(view, cancelClientOrderID: .empty))
      }
      reserve(view, stamp)
    }
    return Placed(order: view, fills: fills, counts: counts(order.account, stamp))
  }

  private func checkTerms(_ order: PlaceOrder, _ s: Int, _ stamp: Int64) throws(Rejection) {
    let f = symbols[s].info.filters
    let isMarket = order.type == .market
    if order.quoteOrderQuantity != 0, order.quantity != 0 { throw .orderTypeNotSupported }
    if !isMarket {
      if order.price <= 0 || order.price < f.minPrice || order.price % f.tickSize != 0
        || (f.maxPrice > 0 && order.price > f.maxPrice)
      {
        throw .filterPrice
      }
    }
    var value = Int128(order.quoteOrderQuantity)
    if order.quoteOrderQuantity == 0 {
      let q = order.quantity
      if q <= 0 || q < f.minQuantity || q % f.stepSize != 0
        || (f.maxQuantity > 0 && q > f.maxQuantity)
      {
        throw .filterLotSize
      }
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

  private func checkCounts(_ order: PlaceOrder, _ s: Int, _ stamp: Int64) throws(Rejection) {
    let limits = self.limits[order.account] ?? OrderLimits(per10Seconds: 0, perDay: 0)
    let counts = counts(order.account, stamp)
    if counts.in10Seconds >= limits.per10Seconds { throw .tooManyOrders10Seconds }
    if counts.inDay >= limits.perDay { throw .tooManyOrdersDay }
    let rests = order.type == .limitMaker || (order.type == .limit && order.timeInForce == .gtc)
    guard rests else { return }
    let open = symbols[s].orders.filter { $0.view.account == order.account }.count
    let bound = Int(symbols[s].info.filters.maxOpenOrders)
    if bound > 0, open >= bound { throw .filterMaxOpenOrders }
    let all = symbols.reduce(0) { sum, symbol in
      sum + symbol.orders.filter { $0.view.account == order.account }.count
    }
    if settings.limits.maxOrders > 0, all >= Int(settings.limits.maxOrders) {
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

  func crosses(_ side: Side, _ limit: Int64, _ price: Int64) -> Bool {
    side == .buy ? price <= limit : price >= limit
  }

  private func available(_ order: PlaceOrder, _ range: NaiveRange, _ s: Int) -> Int128 {
    symbols[s].queue(order.side.opposite).prefix {
      crosses(order.side, order.price, $0.view.price) && range.contains($0.view.price)
    }.reduce(0) { $0 + $1.left }
  }

  // Takes from each order in turn the most whole steps that the budget pays for.
  private func quantityForQuote(
    _ order: PlaceOrder, _ range: NaiveRange, _ s: Int
  ) throws(Rejection) -> (Int128, Bool) {
    let f = symbols[s].info.filters
    let step = Int128(f.stepSize)
    var budget = Int128(order.quoteOrderQuantity)
    if order.side == .buy {
      let free = balances[NaiveName(account: order.account, asset: symbols[s].info.quote)]?.free
      if (free ?? 0) < budget { throw .insufficientBalance }
    }
    let queue = symbols[s].queue(order.side.opposite).prefix { range.contains($0.view.price) }
    guard let last = queue.last else { return (0, true) }
    var total: Int128 = 0
    var ranDry = true
    for maker in queue {
      var taken: Int128 = 0
      while taken + step <= maker.left,
        Int128(maker.view.price) * (taken + step) <= budget * symbols[s].unit
      {
        taken += step
      }
      budget -= Self.floorDivide(Int128(maker.view.price) * taken, symbols[s].unit)
      total += taken
      if taken < maker.left {
        ranDry = false
        break
      }
    }
    if Int128(last.view.price) * step > budget * symbols[s].unit { ranDry = false }
    if f.marketStepSize > 0 { total -= total % Int128(f.marketStepSize) }
    if total == 0 || total < Int128(f.minQuantity) { throw .liquidityBelowLotSize }
    if total < Int128(f.marketMinQuantity) { throw .liquidityBelowMarketLotSize }
    if f.maxQuantity > 0, total > Int128(f.maxQuantity) { throw .filterLotSize }
    if f.marketMaxQuantity > 0, total > Int128(f.marketMaxQuantity) { throw .filterMarketLotSize }
    try checkAssets(s, total, nil)
    try checkPosition(order, total, s)
    return (total, ranDry)
  }

  private func checkFunds(
    _ order: PlaceOrder, _ quantity: Int128, _ range: NaiveRange, _ s: Int
  ) throws(Rejection) {
    let info = symbols[s].info
    let asset = order.side == .buy ? info.quote : info.base
    let free = balances[NaiveName(account: order.account, asset: asset)]?.free ?? 0
    var needed: Int128 = 0
    if order.side == .sell {
      needed = quantity
    } else if order.type != .market {
      needed = Self.ceilDivide(Int128(order.price) * quantity, symbols[s].unit)
    } else {
      var left = quantity
      for maker in symbols[s].queue(.sell).prefix(while: { range.contains($0.view.price) }) {
        let taken = min(left, maker.left)
        needed += Self.floorDivide(Int128(maker.view.price) * taken, symbols[s].unit)
        left -= taken
      }
    }
    if needed > free { throw .insufficientBalance }
  }

  private mutating func trade(
    _ view: inout OrderView, _ left: inout Int128, _ ranDry: Bool, _ limit: Int64?,
    _ range: NaiveRange, _ s: Int, _ stamp: Int64, _ fills: inout [Fill]
  ) {
    for candidate in symbols[s].queue(view.side.opposite) {
      if left == 0 { return }
      if let limit, !crosses(view.side, limit, candidate.view.price) { return }
      if !range.contains(candidate.view.price) { return }
      var maker = candidate
      let quantity = min(left, maker.left)
      let quote = Self.floorDivide(Int128(maker.view.price) * quantity, symbols[s].unit)
      let before = hold(maker.view, maker.left)
      if settings.level >= 2 {
        if view.executed == 0 { counted[view.account, default: []].append((stamp, -1)) }
        if maker.view.executed == 0 {
          counted[maker.view.account, default: []].append((stamp, -5))
        }
      }
      left -= quantity
      maker.left -= quantity
      for isMaker in [false, true] {
        var side = isMaker ? maker.view : view
        side.executed += Int64(quantity)
        side.executedQuote += Int64(quote)
        if side.quoteOrderQuantity > 0 { side.quantity = side.executed }
        let isDone = isMaker ? maker.left == 0 : left == 0 && !ranDry
        side.status = isDone ? .filled : .partiallyFilled
        side.updatedAt = stamp
        if isMaker { maker.view = side } else { view = side }
      }
      let released = before - hold(maker.view, maker.left)
      let fees = pay(view, maker.view, released, quantity, quote, s)
      let id = TradeID(symbols[s].nextTrade)
      symbols[s].nextTrade += 1
      symbols[s].trades.append((stamp, maker.view.price, quantity, quote))
      events.append(
        .trade(
          Trade(
            symbol: view.symbol, id: id, price: maker.view.price, quantity: Int64(quantity),
            quoteQuantity: Int64(quote), maker: maker.view, taker: view, makerFee: fees.maker,
            takerFee: fees.taker, stamp: stamp)))
      let info = symbols[s].info
      fills.append(
        Fill(
          price: maker.view.price, quantity: Int64(quantity), commission: fees.taker,
          commissionAsset: view.side == .buy ? info.base : info.quote, trade: id))
      let place = symbols[s].orders.firstIndex { $0.view.id == maker.view.id }
      if maker.left > 0, let place {
        symbols[s].orders[place] = maker
      } else if let place {
        symbols[s].orders.remove(at: place)
        reserve(maker.view, stamp)
      }
    }
  }

  private mutating func pay(
    _ taker: OrderView, _ maker: OrderView, _ released: Int128, _ quantity: Int128,
    _ quote: Int128, _ s: Int
  ) -> (maker: Int64, taker: Int64) {
    let info = symbols[s].info
    let unit: Int128 = 100_000_000
    for (view, isMaker) in [(taker, false), (maker, true)] {
      let paid = view.side == .buy ? quote : quantity
      let paidAsset = view.side == .buy ? info.quote : info.base
      let got = view.side == .buy ? quantity : quote
      let gotAsset = view.side == .buy ? info.base : info.quote
      let rate = Int128(isMaker ? view.makerRate : view.takerRate)
      let fee = Self.floorDivide(got * rate, unit)
      let from = NaiveName(account: view.account, asset: paidAsset)
      balances[from, default: NaiveBalance()].locked -= isMaker ? released : 0
      balances[from, default: NaiveBalance()].free += (isMaker ? released : 0) - paid
      let to = NaiveName(account: view.account, asset: gotAsset)
      balances[to, default: NaiveBalance()].free += got - fee
      let fees = NaiveName(account: .fees, asset: gotAsset)
      balances[fees, default: NaiveBalance()].free += fee
    }
    let makerGot = maker.side == .buy ? quantity : quote
    let takerGot = taker.side == .buy ? quantity : quote
    return (
      Int64(Self.floorDivide(makerGot * Int128(maker.makerRate), unit)),
      Int64(Self.floorDivide(takerGot * Int128(taker.takerRate), unit))
    )
  }
}
