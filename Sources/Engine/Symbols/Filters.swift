// Filters: whether a symbol takes an order's price and quantity (Binance's filters), and whether
// filters make sense.
//
// A bound of 0 is switched off.
// Not here: MAX_NUM_ORDERS (Orders, it needs the account), messages (Gateway).

extension SymbolFilters {
  /// PRICE_FILTER.
  @inline(__always)
  func checkPrice(_ price: Int64) throws(Rejection) {
    guard price > 0, price >= minPrice, maxPrice == 0 || price <= maxPrice, price % tickSize == 0
    else { throw .filterPrice }
  }

  /// LOT_SIZE.
  @inline(__always)
  func checkLot(_ quantity: Int64) throws(Rejection) {
    guard quantity > 0, quantity >= minQuantity, maxQuantity == 0 || quantity <= maxQuantity,
      quantity % stepSize == 0
    else { throw .filterLotSize }
  }

  /// MARKET_LOT_SIZE.
  func checkMarketLot(_ quantity: Int64) throws(Rejection) {
    guard quantity >= marketMinQuantity, marketMaxQuantity == 0 || quantity <= marketMaxQuantity,
      marketStepSize == 0 || quantity % marketStepSize == 0
    else { throw .filterMarketLotSize }
  }

  /// NOTIONAL.
  @inline(__always)
  func checkNotional(_ notional: Int64, isMarket: Bool) throws(Rejection) {
    if !isMarket || applyMinToMarket, notional < minNotional { throw .filterNotional }
    if !isMarket || applyMaxToMarket, maxNotional > 0, notional > maxNotional {
      throw .filterNotional
    }
  }

  /// The step of a MARKET order's base quantity.
  var marketStep: Int64 { marketStepSize > 0 ? marketStepSize : stepSize }

  /// True if no bound contradicts another and none is negative. Symbols with other filters are refused.
  public var isValid: Bool {
    let bounds = [
      minPrice, maxPrice, minQuantity, maxQuantity, marketMinQuantity, marketMaxQuantity,
      marketStepSize, minNotional, maxNotional,
    ]
    guard bounds.allSatisfy({ $0 >= 0 }), tickSize > 0, stepSize > 0 else { return false }
    guard maxPrice == 0 || maxPrice >= minPrice, maxQuantity == 0 || maxQuantity >= minQuantity,
      marketMaxQuantity == 0 || marketMaxQuantity >= marketMinQuantity,
      maxNotional == 0 || maxNotional >= minNotional
    else { return false }
    // What a MARKET order by quote quantity comes to must pass both steps.
    return marketStepSize % stepSize == 0
      && averagePriceMinutes <= SymbolTable.averageMinutesMax && rules.isValid
  }
}
