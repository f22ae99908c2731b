// Rules: what a symbol, an asset and the exchange ask of a new order beyond its price grid and
// sizes.
//
// All of it only reads. Price bands are taken around the reference price of the moment: the average
// price of `averagePriceMinutes`, or the last price; before the first trade there is none, and the
// bands are open.
// Not here: PRICE_FILTER, LOT_SIZE, NOTIONAL (Filters), counts per time (AccountTable).

extension Exchange {
  /// PERCENT_PRICE and PERCENT_PRICE_BY_SIDE.
  func checkPercentPrice(
    _ price: Int64, _ side: Side, _ symbol: Int32, _ stamp: Int64
  ) throws(Rejection) {
    let rules = symbols.states[symbol].filters.rules
    let own = side == .buy ? rules.percentPriceBid : rules.percentPriceAsk
    if rules.percentPrice.isOpen, own.isOpen { return }
    guard let reference = symbols.referencePrice(symbol, at: stamp), reference > 0 else { return }
    guard rules.percentPrice.range(around: reference).contains(price) else {
      throw .filterPercentPrice
    }
    guard own.range(around: reference).contains(price) else { throw .filterPercentPriceBySide }
  }

  /// The prices at which a taker of `side` may trade (the execution rule PRICE_RANGE), fixed when
  /// its taker phase begins.
  @inline(__always)
  func executionRange(_ side: Side, _ symbol: Int32, _ stamp: Int64) -> PriceRange {
    symbols.states[symbol].isRuled ? ruledRange(side, symbol, stamp) : .open
  }

  private func ruledRange(_ side: Side, _ symbol: Int32, _ stamp: Int64) -> PriceRange {
    let rules = symbols.states[symbol].filters.rules
    let band = side == .buy ? rules.executionBid : rules.executionAsk
    if band.isOpen { return .open }
    guard let reference = symbols.referencePrice(symbol, at: stamp), reference > 0 else {
      return .open
    }
    return band.range(around: reference)
  }

  /// MAX_ASSET: at most so much of the base asset, and at most so much value in the quote asset, in
  /// one order.
  func checkAssets(_ symbol: Int32, quantity: Int64, notional: Int64?) throws(Rejection) {
    let base = symbols.orderMax(symbols.states[symbol].base)
    if base > 0, quantity > base { throw .filterMaxAsset }
    let quote = symbols.orderMax(symbols.states[symbol].quote)
    if quote > 0, let notional, notional > quote { throw .filterMaxAsset }
  }

  /// MAX_POSITION: base that the account has, free and locked, with what its open BUY orders and
  /// this one may still buy. Of a pair only one leg will, so it counts once; none of it does while
  /// its own legs are checked.
  func checkPosition(
    _ account: Int32, _ symbol: Int32, _ side: Side, quantity: Int64, excluding own: Int32 = -1
  ) throws(Rejection) {
    let bound = symbols.states[symbol].filters.rules.maxPosition
    guard bound > 0, side == .buy else { return }
    let balance = ledger.balance(account, symbols.states[symbol].base)
    // Both are at most `Amounts.amountMax`; a sum beyond the bound ends the walk.
    var position = balance.free + balance.locked
    guard position <= bound, quantity <= bound - position else { throw .filterMaxPosition }
    position += quantity
    var slot = accounts.sheet(account, symbol).head
    while slot >= 0 {
      if book.orders[slot].side == .buy, slot != own, !isCounted(byPartnerOf: slot, own) {
        let more = left(slot)
        guard more <= bound - position else { throw .filterMaxPosition }
        position += more
      }
      slot = book.orders[slot].sheetNewer
    }
  }

  // True if an order is a pair's second leg, or its partner is the order that is checked.
  private func isCounted(byPartnerOf slot: Int32, _ own: Int32) -> Bool {
    guard let special = special(slot), special.list >= 0 else { return false }
    let partner = lists[special.list].partner(of: slot)
    return partner >= 0
      && (partner == own || Int(special.leg) == lists[special.list].kind.legCount - 1)
  }

  /// EXCHANGE_MAX_NUM_ORDERS.
  func checkExchangeCount(_ account: Int32, adding: UInt32 = 1) throws(Rejection) {
    let bound = settings.limits.maxOrders
    guard bound > 0 else { return }
    guard UInt32(accounts.states[account].openOrders) + adding <= bound else {
      throw .filterExchangeMaxOrders
    }
  }

  /// What an order with a known quantity must pass: the bands, its size, the position.
  @inline(__always)
  func checkRules(
    _ order: PlaceOrder, _ account: Int32, _ symbol: Int32, _ stamp: Int64,
    excluding own: Int32 = -1
  ) throws(Rejection) {
    if symbols.states[symbol].isRuled || symbols.hasOrderMaxes {
      try checkAllRules(order, account, symbol, stamp, excluding: own)
    }
  }

  private func checkAllRules(
    _ order: PlaceOrder, _ account: Int32, _ symbol: Int32, _ stamp: Int64, excluding own: Int32
  ) throws(Rejection) {
    let asksValue = symbols.orderMax(symbols.states[symbol].quote) > 0
    var notional: Int64? = order.quoteOrderQuantity > 0 ? order.quoteOrderQuantity : nil
    if order.type.working != .market {
      // A pegged order's price is checked once it is known.
      if order.special.peg == .none || order.price > 0 {
        try checkPercentPrice(order.price, order.side, symbol, stamp)
        if asksValue {
          notional = Amounts.scaled(
            order.price, times: order.quantity, over: symbols.states[symbol].baseUnit)
        }
      }
    } else if asksValue, order.quoteOrderQuantity == 0,
      let reference = symbols.referencePrice(symbol, at: stamp)
    {
      notional = Amounts.scaled(
        reference, times: order.quantity, over: symbols.states[symbol].baseUnit)
    }
    try checkAssets(symbol, quantity: order.quantity, notional: notional)
    try checkPosition(account, symbol, order.side, quantity: order.quantity, excluding: own)
  }
}

extension SymbolRules {
  /// ICEBERG_PARTS. Quantities are above 0.
  func checkIceberg(quantity: Int64, visible: Int64) throws(Rejection) {
    guard icebergParts > 0 else { return }
    let parts = quantity / visible + (quantity % visible == 0 ? 0 : 1)
    guard parts <= Int64(icebergParts) else { throw .filterIcebergParts }
  }

  /// TRAILING_DELTA. "Above" is for STOP_LOSS BUY and TAKE_PROFIT SELL.
  func checkTrailing(delta: UInt32, isAbove: Bool) throws(Rejection) {
    let least = isAbove ? trailing.minAbove : trailing.minBelow
    let most = isAbove ? trailing.maxAbove : trailing.maxBelow
    guard delta >= least, most == 0 || delta <= most else { throw .filterTrailingDelta }
  }
}
