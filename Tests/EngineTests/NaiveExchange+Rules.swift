// The naive engine's rules: bands, positions, limits over all symbols, switches, levels.

import Engine

struct NaiveRange {
  var low: Int128
  var high: Int128
  func contains(_ price: Int64) -> Bool { Int128(price) >= low && Int128(price) <= high }
}

extension NaiveExchange {
  mutating func applySetting(_ command: Command) throws(Rejection) -> Reply {
    switch command {
    case .setSymbolFilters(let set):
      symbols[Int(set.symbol.value) - 1].info.filters = set.filters
    case .setAssetLimit(let set): orderMax[set.asset] = set.orderMax
    case .setExchangeLimits(let limits): settings.limits = limits
    case .setCommission(let entry): commissions.append(entry)
    case .setDiscount, .setSymbolDiscount, .setAccountDiscount:
      return try applyDiscount(command)
    case .setFeatures(let features): settings.refused = features
    case .setLevel(let set):
      guard set.level >= settings.level, set.level <= 3 else { throw .levelRefused }
      settings.level = set.level
    default: preconditionFailure("not a command of the naive engine")
    }
    return .done
  }

  /// The sum over the layers, for an order of `side`.
  func rates(
    _ account: AccountID, _ side: Side, _ info: SymbolInfo
  ) -> (maker: Int64, taker: Int64) {
    let mine = commissions.last { $0.account == account && $0.symbol == info.id }
    let all = commissions.last { $0.account == .operator && $0.symbol == info.id }
    guard let terms = (mine ?? all)?.commission else { return (info.makerRate, info.takerRate) }
    let layers = [terms.standard, terms.tax, terms.special]
    let own = layers.reduce(0) { $0 + (side == .buy ? $1.buyer : $1.seller) }
    return (
      layers.reduce(own) { $0 + $1.maker }, layers.reduce(own) { $0 + $1.taker }
    )
  }

  func checkFeatures(_ order: PlaceOrder) throws(Rejection) {
    let type: Features =
      order.type.isParked ? .stopOrders : order.type == .market ? .marketOrders : .limitOrders
    let x = order.special
    if settings.refused.contains(type)
      || (x.trailingDelta > 0 && settings.refused.contains(.trailingStops))
      || (x.icebergQuantity > 0 && settings.refused.contains(.icebergs))
      || (x.peg != .none && settings.refused.contains(.peggedOrders))
    {
      throw .featureRefused
    }
  }

  func band(_ band: PriceBand, _ s: Int, _ stamp: Int64) -> NaiveRange {
    let reference = averagePrice(s, stamp) ?? 0
    guard reference > 0 else { return NaiveRange(low: 0, high: Int128(Int64.max)) }
    return NaiveRange(
      low: Self.ceilDivide(reference * Int128(band.down), 10_000),
      high: band.up == 0
        ? Int128(Int64.max) : Self.floorDivide(reference * Int128(band.up), 10_000))
  }

  func executionRange(_ side: Side, _ s: Int, _ stamp: Int64) -> NaiveRange {
    let rules = symbols[s].info.filters.rules
    return band(side == .buy ? rules.executionBid : rules.executionAsk, s, stamp)
  }

  func checkRules(_ order: PlaceOrder, _ s: Int, _ stamp: Int64) throws(Rejection) {
    var notional: Int128? = order.quoteOrderQuantity > 0 ? Int128(order.quoteOrderQuantity) : nil
    if !order.type.isMarket {
      if order.special.peg != .none, order.price == 0 {
        try checkAssets(s, Int128(order.quantity), nil)
        return try checkPosition(order, Int128(order.quantity), s)
      }
      try checkPercent(order, s, stamp)
      notional = Self.floorDivide(
        Int128(order.price) * Int128(order.quantity), symbols[s].unit)
    } else if order.quoteOrderQuantity == 0, let average = averagePrice(s, stamp) {
      notional = Self.floorDivide(average * Int128(order.quantity), symbols[s].unit)
    }
    try checkAssets(s, Int128(order.quantity), notional)
    try checkPosition(order, Int128(order.quantity), s)
  }

  func checkPercent(_ order: PlaceOrder, _ s: Int, _ stamp: Int64) throws(Rejection) {
    let rules = symbols[s].info.filters.rules
    if !band(rules.percentPrice, s, stamp).contains(order.price) { throw .filterPercentPrice }
    let own = order.side == .buy ? rules.percentPriceBid : rules.percentPriceAsk
    if !band(own, s, stamp).contains(order.price) { throw .filterPercentPriceBySide }
  }

  func checkAssets(_ s: Int, _ quantity: Int128, _ notional: Int128?) throws(Rejection) {
    let info = symbols[s].info
    let base = orderMax[info.base] ?? 0
    let quote = orderMax[info.quote] ?? 0
    if base > 0, quantity > Int128(base) { throw .filterMaxAsset }
    if quote > 0, let notional, notional > Int128(quote) { throw .filterMaxAsset }
  }

  func checkPosition(_ order: PlaceOrder, _ quantity: Int128, _ s: Int) throws(Rejection) {
    let bound = symbols[s].info.filters.rules.maxPosition
    guard bound > 0, order.side == .buy else { return }
    let name = NaiveName(account: order.account, asset: symbols[s].info.base)
    let balance = balances[name, default: NaiveBalance()]
    var buying: Int128 = 0
    var seen: [OrderID] = []
    for open in symbols[s].orders
    where open.view.account == order.account && open.view.side == .buy {
      // One leg of a pair buys at most.
      if let partner = partner(open.view), seen.contains(partner) { continue }
      seen.append(open.view.id)
      buying += open.left
    }
    if balance.free + balance.locked + buying + quantity > Int128(bound) {
      throw .filterMaxPosition
    }
  }
}
