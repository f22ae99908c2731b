// DiscountedTrade: the money of a trade of which a side may pay its commission in the discount asset.
//
// A side pays so if its order was accepted with a discount and what is free covers the whole
// commission of that trade; else it pays as every other order does, from what it receives, at the
// plain rate. The trade is worth its quote amount, or its base quantity; that is converted at the
// reference price of the market of the discount asset and the quote asset, or else the base asset, or
// else over a third asset that both are traded for.
// Invariants: a commission is rounded down, once a price; it is taken in one asset; what an order still
// needs for its own trades is not taken from it; nothing here can fail.
// Not here: trades without it (Matcher), who has it (DiscountTable).

/// What both sides of a trade paid, and in which asset.
struct TradeFees {
  var maker: Int64
  var taker: Int64
  var makerAsset: AssetID
  var takerAsset: AssetID
}

/// A trade as one side sees it.
private struct TradeSide {
  var account: Int32
  var received: AssetID
  var amount: Int64
  var rate: Int64
  /// The rate in the discount asset, or `nil`.
  var discounted: Int64?
  /// How much of the discount asset it may pay, whatever is free.
  var budget: Int64 = .max
}

extension Exchange {
  /// True if one of the sides may pay in the discount asset.
  @inline(__always)
  func isDiscounted(_ taker: OrderView, _ maker: Int32) -> Bool {
    discount.isOn
      && (taker.extras.discount.isOn || book.orders[view: maker].extras.discount.isOn)
  }

  /// Fixes, when a taker begins, what it may pay of the asset that it gives: what is free beyond all
  /// that its order can need.
  mutating func openBudget(_ taker: OrderView, _ admission: Admission) {
    let asset = heldAsset(taker.side, admission.symbol)
    guard taker.extras.discount.isOn, asset == discount.asset, planted != .discountPromised else {
      discount.budget = .max
      return
    }
    let need: Int64
    if taker.side == .sell || admission.price > 0 {
      need = hold(
        taker.side, price: admission.price, left: admission.quantity, admission.symbol)
    } else if taker.quoteOrderQuantity > 0 {
      need = taker.quoteOrderQuantity
    } else {
      need = admission.needed
    }
    discount.budget = max(0, ledger.free(admission.account, asset) - need)
  }

  /// Both legs of a trade, and then the commissions: the buyer's first.
  mutating func settleDiscounted(
    _ taker: OrderView, _ admission: Admission, _ maker: Int32, _ price: Int64,
    _ quantity: Int64, _ quote: Int64, _ stamp: Int64
  ) -> TradeFees {
    let symbol = admission.symbol
    let isBuyer = taker.side == .buy
    let resting = book.orders[maker].account
    var unlocked = quantity
    if !isBuyer {
      let left = self.left(maker)
      unlocked =
        hold(.buy, price: price, left: left, symbol)
        - hold(.buy, price: price, left: left - quantity, symbol)
    }
    let asset = symbols.states[symbol].base
    let money = symbols.states[symbol].quote
    ledger.settle(
      isBuyer ? asset : money, from: resting, unlocking: unlocked, to: admission.account,
      amount: isBuyer ? quantity : quote, fee: 0, feesTo: AccountTable.fees)
    ledger.settle(
      isBuyer ? money : asset, from: admission.account, unlocking: 0, to: resting,
      amount: isBuyer ? quote : quantity, fee: 0, feesTo: AccountTable.fees)
    let makerView = book.orders[view: maker]
    let taking = side(of: taker, isMaker: false, admission.account, symbol, quantity, quote)
    let making = side(of: makerView, isMaker: true, resting, symbol, quantity, quote)
    // The buyer first, because what the first leg of a list bought is locked before the seller,
    // who may be the same account, pays.
    let buyer = charge(isBuyer ? taking : making, symbol, quantity, quote, stamp)
    let kept = buyer.asset == asset ? quantity - buyer.fee : quantity
    let slot = isBuyer ? admission.slot : maker
    if slot >= 0, book.orders[slot].special >= 0 { keepProceeds(slot, kept) }
    let seller = charge(isBuyer ? making : taking, symbol, quantity, quote, stamp)
    let (own, other) = isBuyer ? (buyer, seller) : (seller, buyer)
    return TradeFees(
      maker: other.fee, taker: own.fee, makerAsset: other.asset, takerAsset: own.asset)
  }

  private func side(
    of view: OrderView, isMaker: Bool, _ account: Int32, _ symbol: Int32, _ quantity: Int64,
    _ quote: Int64
  ) -> TradeSide {
    let isBuyer = view.side == .buy
    let terms = view.extras.discount
    return TradeSide(
      account: account,
      received: isBuyer ? symbols.states[symbol].base : symbols.states[symbol].quote,
      amount: isBuyer ? quantity : quote, rate: isMaker ? view.makerRate : view.takerRate,
      discounted: terms.isOn ? Int64(isMaker ? terms.maker : terms.taker) : nil,
      budget: isMaker ? .max : discount.budget)
  }

  // Takes a side's commission. What it pays from what it receives, it has: even if it is both sides,
  // no two commissions are above a fifth of the trade.
  private mutating func charge(
    _ side: TradeSide, _ symbol: Int32, _ quantity: Int64, _ quote: Int64, _ stamp: Int64
  ) -> (fee: Int64, asset: AssetID) {
    if let rate = side.discounted,
      let fee = converted(rate, side, symbol, quantity, quote, stamp),
      fee <= ledger.free(side.account, discount.asset), fee <= side.budget
    {
      pay(fee, discount.asset, side.account)
      if side.budget != .max { discount.budget -= fee }
      return (fee, discount.asset)
    }
    let fee = Amounts.commission(on: side.amount, rate: side.rate)
    pay(fee, side.received, side.account)
    return (fee, side.received)
  }

  private mutating func pay(_ fee: Int64, _ asset: AssetID, _ account: Int32) {
    if planted == .discountUntaken, asset == discount.asset { return }
    if fee > 0 { ledger.transfer(asset, from: account, to: AccountTable.fees, amount: fee) }
  }

  // The commission in the discount asset; `nil` while no price says what it is worth.
  private func converted(
    _ rate: Int64, _ side: TradeSide, _ symbol: Int32, _ quantity: Int64, _ quote: Int64,
    _ stamp: Int64
  ) -> Int64? {
    let base = symbols.states[symbol].base
    let money = symbols.states[symbol].quote
    if base == discount.asset { return Amounts.commission(on: quantity, rate: rate) }
    if money == discount.asset { return Amounts.commission(on: quote, rate: rate) }
    if let fee = converted(rate, money, quote, stamp) ?? converted(rate, base, quantity, stamp) {
      return fee
    }
    guard isAt(Behaviour.bridgedDiscount) else { return nil }
    return bridged(rate, money, quote, stamp) ?? bridged(rate, base, quantity, stamp)
  }

  private func converted(
    _ rate: Int64, _ asset: AssetID, _ amount: Int64, _ stamp: Int64
  ) -> Int64? {
    let market = discount.market(for: asset)
    guard market >= 0, let price = freshPrice(market, stamp) else { return nil }
    return Amounts.commission(on: amount, rate: rate, unit: discount.unit, price: price)
  }

  // Over the first symbol of `asset` whose quote asset is the discount asset, or what that is traded for too, and where
  // all have a price. Complexity: O(symbols of the asset).
  private func bridged(
    _ rate: Int64, _ asset: AssetID, _ amount: Int64, _ stamp: Int64
  ) -> Int64? {
    for bridge in discount.bridges(from: asset) {
      guard let price = freshPrice(bridge, stamp),
        let worth = Amounts.scaled(
          amount, times: planted == .discountUnbridged ? symbols.states[bridge].baseUnit : price,
          over: symbols.states[bridge].baseUnit), worth <= Amounts.amountMax
      else { continue }
      let quote = symbols.states[bridge].quote
      if quote == discount.asset { return Amounts.commission(on: worth, rate: rate) }
      if let fee = converted(rate, quote, worth, stamp) { return fee }
    }
    return nil
  }

  /// A reference price that is not older than a day.
  private func freshPrice(_ market: Int32, _ stamp: Int64) -> Int64? {
    guard let price = symbols.referencePrice(market, at: stamp), price > 0 else { return nil }
    guard isAt(Behaviour.bridgedDiscount), planted != .discountStale,
      let age = symbols.priceAge(market, at: stamp), age > Self.priceMinutesMax
    else { return price }
    return nil
  }

  /// So many calendar minutes after its trade a price still says what the discount asset is worth.
  private static let priceMinutesMax: Int64 = 1_440
}
