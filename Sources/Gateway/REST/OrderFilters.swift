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
    switch order.type {
    case .limit, .limitMaker: try limit(order, symbol.filters, baseScale: baseScale)
    case .market: try market(order, symbol.filters)
    default: throw .orderTypeNotSupported
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
