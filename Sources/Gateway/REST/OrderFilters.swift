// OrderFilters: the filters that need nothing but the order and its symbol, for order/test.
//
// Such an order never reaches the engine. A test holds these verdicts against the engine's.
// Not here: filters of real orders (the engine decides), balances and open orders (order/test does not look at them).

import Engine
import Market

/// Dry checks of an order.
enum OrderFilters {
  /// The engine's order of checks: status, price, quantity, notional.
  static func check(
    _ order: PlaceOrder, _ symbol: SymbolInfo, baseScale: Int
  ) throws(Rejection) {
    guard symbol.status == .trading else { throw .marketClosed }
    let filters = symbol.filters
    try special(order, filters)
    if order.type.hasLimitPrice {
      if order.special.peg != .none, order.price == 0 {
        try lot(order.quantity, filters)
      } else {
        try limit(order, filters, baseScale: baseScale)
      }
    } else {
      try market(order, filters)
    }
    if let mode = order.selfTradePrevention, !symbol.selfTrade.allows(mode) {
      throw .selfTradePreventionNotAllowed
    }
  }

  /// What stop price, trailing delta, iceberg and peg must pass.
  private static func special(
    _ order: PlaceOrder, _ filters: SymbolFilters
  ) throws(Rejection) {
    let terms = order.special
    if terms.peg != .none {
      guard order.type.hasLimitPrice else { throw .pegNotAllowed }
      let isPrimary = terms.peg == .primary
      if isPrimary, order.type == .limit, order.timeInForce != .gtc { throw .pegPriceNotAllowed }
      if !isPrimary, order.type == .limitMaker { throw .pegPriceNotAllowed }
    }
    if terms.icebergQuantity > 0 {
      guard terms.icebergQuantity <= order.quantity else { throw .icebergExceedsQuantity }
      try lot(terms.icebergQuantity, filters)
      let most = filters.rules.icebergParts == 0 ? 100 : min(100, filters.rules.icebergParts)
      guard (order.quantity - 1) / terms.icebergQuantity < Int64(most) else {
        throw .filterIcebergParts
      }
    }
    if terms.stopPrice > 0 {
      guard
        fits(
          terms.stopPrice, least: filters.minPrice, most: filters.maxPrice,
          step: filters.tickSize)
      else { throw .filterPrice }
    }
    if terms.trailingDelta > 0 { try trailing(order, filters.rules.trailing) }
  }

  private static func trailing(
    _ order: PlaceOrder, _ bounds: TrailingBounds
  ) throws(Rejection) {
    let isAbove = order.type.isStopLoss == (order.side == .buy)
    let least = isAbove ? bounds.minAbove : bounds.minBelow
    let most = isAbove ? bounds.maxAbove : bounds.maxBelow
    let delta = order.special.trailingDelta
    guard delta < 10_000, delta >= least, most == 0 || delta <= most else {
      throw .filterTrailingDelta
    }
  }

  private static func limit(
    _ order: PlaceOrder, _ filters: SymbolFilters, baseScale: Int
  ) throws(Rejection) {
    guard
      fits(order.price, least: filters.minPrice, most: filters.maxPrice, step: filters.tickSize)
    else { throw .filterPrice }
    try lot(order.quantity, filters)
    let unit = (0..<baseScale).reduce(into: Int64(1)) { unit, _ in unit *= 10 }
    guard order.quantity <= Amounts.amountMax,
      let notional = Amounts.scaled(order.price, times: order.quantity, over: unit),
      notional < Amounts.amountMax
    else { throw .quantityTooLarge }
    guard notional > 0 else { throw .priceTimesQuantityZero }
    guard notional >= filters.minNotional,
      filters.maxNotional == 0 || notional <= filters.maxNotional
    else { throw .filterNotional }
  }

  private static func market(_ order: PlaceOrder, _ filters: SymbolFilters) throws(Rejection) {
    guard order.quoteOrderQuantity == 0 else {
      let notional = order.quoteOrderQuantity
      guard notional <= Amounts.amountMax else { throw .quantityTooLarge }
      let tooSmall = filters.applyMinToMarket && notional < filters.minNotional
      let tooLarge =
        filters.applyMaxToMarket && filters.maxNotional > 0 && notional > filters.maxNotional
      if tooSmall || tooLarge { throw .filterNotional }
      return
    }
    try lot(order.quantity, filters)
    guard
      fits(
        order.quantity, least: filters.marketMinQuantity, most: filters.marketMaxQuantity,
        step: filters.marketStepSize)
    else { throw .filterMarketLotSize }
    guard order.quantity <= Amounts.amountMax else { throw .quantityTooLarge }
  }

  private static func lot(_ quantity: Int64, _ filters: SymbolFilters) throws(Rejection) {
    guard
      fits(
        quantity, least: filters.minQuantity, most: filters.maxQuantity, step: filters.stepSize)
    else { throw .filterLotSize }
  }

  /// A bound or step of 0 is switched off.
  private static func fits(_ value: Int64, least: Int64, most: Int64, step: Int64) -> Bool {
    value > 0 && value >= least && (most == 0 || value <= most)
      && (step == 0 || value.isMultiple(of: step))
  }
}
