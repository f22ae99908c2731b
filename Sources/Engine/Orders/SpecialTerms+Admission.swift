// Admission of orders that are not plain: stop and take-profit orders, icebergs, pegged orders.
//
// Nothing here changes anything.
// Not here: plain orders (Exchange+Orders), filters that only count (Exchange+Orders).

extension Exchange {
  /// Slices that an iceberg order may have. It bounds the trades that one order can be good for.
  static let icebergPartsMax: Int64 = 100
  /// Hundredths of a per cent that a trailing order may lag behind.
  static let trailingDeltaMax: UInt32 = 9_999

  /// What can be said of a leg that sells proceeds before it is known how much: all but its size and
  /// its value.
  func checkWithoutQuantity(_ order: PlaceOrder, _ symbol: Int32) throws(Rejection) {
    try checkCombination(order)
    try checkPeg(order)
    let filters = symbols.states[symbol].filters
    if order.special.icebergQuantity != 0 {
      guard order.type.working != .market, Self.rests(order) else {
        throw .combinationNotSupported
      }
      try filters.checkLot(order.special.icebergQuantity)
    }
    if order.type.waitsForPrice { try checkTrigger(order, symbol) }
    if order.type.working == .market {
      guard order.price == 0 || !order.type.waitsForPrice else { throw .combinationNotSupported }
    } else if order.special.peg == .none || order.price != 0 {
      try filters.checkPrice(order.price)
    }
  }

  func terms(
    ofSpecial order: PlaceOrder, _ account: Int32, _ symbol: Int32, _ stamp: Int64
  ) throws(Rejection) -> Admission {
    try checkCombination(order)
    try checkPeg(order)
    if order.special.icebergQuantity != 0 { try checkIceberg(order, symbol) }
    let filters = symbols.states[symbol].filters
    if order.type.waitsForPrice {
      guard order.quoteOrderQuantity == 0 else { throw .combinationNotSupported }
      try checkTrigger(order, symbol)
    }
    var admission: Admission
    if order.type.working == .market {
      admission = try terms(ofMarket: order, account, symbol, stamp)
      if order.type.waitsForPrice {
        guard order.price == 0 else { throw .combinationNotSupported }
        admission.rests = true
      }
    } else if order.special.peg != .none, order.price == 0 {
      // Its price is checked once it is known.
      try filters.checkLot(order.quantity)
      guard order.quantity <= Amounts.amountMax else { throw .quantityTooLarge }
      admission = Admission(
        account: account, symbol: symbol, quantity: order.quantity, price: 0,
        rests: Self.rests(order), expiry: Self.expiry(order))
    } else {
      admission = try terms(ofLimit: order, account, symbol)
    }
    if order.type.waitsForPrice { admission.rests = true }
    return admission
  }

  private func checkTrigger(_ order: PlaceOrder, _ symbol: Int32) throws(Rejection) {
    let filters = symbols.states[symbol].filters
    if order.special.stopPrice != 0 { try filters.checkPrice(order.special.stopPrice) }
    if order.special.trailingDelta != 0 {
      try filters.rules.checkTrailing(
        delta: order.special.trailingDelta, isAbove: Self.firesAbove(order.side, order.type))
    }
  }

  static func rests(_ order: PlaceOrder) -> Bool {
    order.type == .limitMaker || order.timeInForce == .gtc
  }

  static func expiry(_ order: PlaceOrder) -> ExpiryReason {
    rests(order) ? .none : order.timeInForce == .fok ? .unfilledFOK : .unfilledIOC
  }

  private func checkCombination(_ order: PlaceOrder) throws(Rejection) {
    let special = order.special
    guard special.stopPrice >= 0, special.icebergQuantity >= 0 else {
      throw .combinationNotSupported
    }
    guard special.trailingDelta <= Self.trailingDeltaMax else { throw .filterTrailingDelta }
    let asks = special.stopPrice > 0 || special.trailingDelta > 0
    guard asks == order.type.waitsForPrice else { throw .combinationNotSupported }
    guard special.peg != .none || special.pegLevels == nil else {
      throw .combinationNotSupported
    }
  }

  private func checkIceberg(_ order: PlaceOrder, _ symbol: Int32) throws(Rejection) {
    guard order.type.working != .market, Self.rests(order) else {
      throw .combinationNotSupported
    }
    let slice = order.special.icebergQuantity
    guard slice <= order.quantity else { throw .icebergExceedsQuantity }
    try symbols.states[symbol].filters.checkLot(slice)
    guard (order.quantity - 1) / slice < Self.icebergPartsMax else { throw .filterIcebergParts }
    try symbols.states[symbol].filters.rules.checkIceberg(
      quantity: order.quantity, visible: slice)
  }

  private func checkPeg(_ order: PlaceOrder) throws(Rejection) {
    switch order.special.peg {
    case .none: return
    case .primary:
      guard order.type.working != .market else { throw .pegNotAllowed }
      if order.type == .limit, order.timeInForce != .gtc { throw .pegPriceNotAllowed }
    case .market:
      guard order.type.working != .market else { throw .pegNotAllowed }
      guard order.type != .limitMaker else { throw .pegPriceNotAllowed }
    }
  }

  /// Gives a pegged order its price, and checks it like one that was sent.
  func peg(
    _ order: PlaceOrder, _ admission: inout Admission, _ stamp: Int64
  ) throws(Rejection) {
    let symbol = admission.symbol
    let side = order.special.peg == .primary ? order.side : order.side.opposite
    var level = bestOpposite(side.opposite, symbol)
    for _ in 0..<(order.special.pegLevels ?? 0) where level >= 0 {
      level = book.levels[level].worse
    }
    guard level >= 0 else { throw .liquidityTooLowForPeg }
    var pegged = order
    pegged.price = book.levels[level].price
    admission.price = try terms(ofLimit: pegged, admission.account, symbol).price
    try checkPercentPrice(pegged.price, order.side, symbol, stamp)
    if symbols.hasOrderMaxes {
      let unit = symbols.states[symbol].baseUnit
      let notional = Amounts.scaled(pegged.price, times: order.quantity, over: unit)
      try checkAssets(symbol, quantity: order.quantity, notional: notional)
    }
  }

  /// Stop and take-profit orders: the last price must not meet them yet, and funds for what they
  /// may cost.
  func plan(stop order: PlaceOrder, _ admission: inout Admission) throws(Rejection) {
    let symbol = admission.symbol
    let stop = order.special.stopPrice
    let last = symbols.states[symbol].counters.lastPrice
    if stop > 0, last > 0 {
      let isMet = Self.firesAbove(order.side, order.type) ? last >= stop : last <= stop
      guard !isMet else { throw .wouldTriggerImmediately }
    }
    admission.phase = stop > 0 ? .waiting : .following
    if stop == 0 {
      admission.extreme = last
    }
    let price = try holdPrice(order, stop > 0 ? stop : last)
    admission.holdPrice = price
    let unit = symbols.states[symbol].baseUnit
    guard let most = Amounts.scaled(price, times: order.quantity, over: unit, up: true),
      most < Amounts.amountMax
    else { throw .quantityTooLarge }
    let needed = order.side == .sell ? order.quantity : most
    guard needed <= ledger.free(admission.account, heldAsset(order.side, symbol)) else {
      throw .insufficientBalance
    }
  }

  // What a BUY may cost a unit: its limit, or where it would fire.
  private func holdPrice(_ order: PlaceOrder, _ anchor: Int64) throws(Rejection) -> Int64 {
    if order.type.working != .market, order.price > 0 { return order.price }
    let factor = 10_000 + Int64(order.special.trailingDelta)
    guard let price = Amounts.scaled(anchor, times: factor, over: 10_000, up: true) else {
      throw .quantityTooLarge
    }
    return price
  }
}
