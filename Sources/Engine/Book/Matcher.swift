// Matcher: trades between a new order and the best orders of the other side, in price-time order.
//
// Invariants: a trade is at the maker's price; money moves by the one rounding rule; a fill never
// exceeds what either order has left; the taker's funds were checked before (Plan), so nothing here
// can fail.
// Not here: what happens to the taker's rest (Orders).

extension Exchange {
  /// Trades up to the admitted quantity, always with the order that `Book.nextMaker` names. Answers what is left of it.
  mutating func match(
    _ taker: inout OrderView, _ admission: Admission, _ stamp: Int64, _ events: inout EventBatch
  ) -> Int64 {
    if discount.isOn { openBudget(taker, admission) }
    var left = admission.quantity
    while left > 0 {
      let maker = book.nextMaker(
        bestOpposite(taker.side, admission.symbol), for: taker.side, limit: admission.price)
      guard maker >= 0 else { break }
      let price = book.orders[maker].price
      guard admission.range.contains(price) || planted == .rangeIgnored else { break }
      if admission.mode != .none, isSelf(admission, maker),
        planted != .selfTradeAllowed || taker.type != .limit
      {
        prevent(&taker, admission, maker, price, &left, stamp, &events)
        if taker.status == .expiredInMatch { break }
        continue
      }
      touchLeg(maker, stamp, &events)
      let quantity = min(left, book.orders[maker].remaining)
      left -= quantity
      let isDone = left == 0 && !admission.ranDry
      trade(&taker, admission, maker, price, quantity, isDone, stamp, &events)
    }
    return left
  }

  private mutating func trade(
    _ taker: inout OrderView, _ admission: Admission, _ maker: Int32, _ price: Int64,
    _ quantity: Int64, _ isDone: Bool, _ stamp: Int64, _ events: inout EventBatch
  ) {
    let symbol = admission.symbol
    let unit = symbols.states[symbol].baseUnit
    guard let quote = Amounts.scaled(price, times: quantity, over: unit) else {
      preconditionFailure("a trade whose value overflows")
    }
    let fees =
      isDiscounted(taker, maker)
      ? settleDiscounted(taker, admission, maker, price, quantity, quote, stamp)
      : settle(taker, admission, maker, price, quantity, quote)
    let id = TradeID(symbols.states[symbol].counters.nextTrade)
    symbols.states[symbol].counters.nextTrade += planted == .tradeIDSkips ? 2 : 1
    symbols.noteTrade(symbol, price: price, base: quantity, quote: quote, stamp: stamp)
    if symbols.states[symbol].watchers > 0 { note(price: price, symbol) }

    if isAt(Behaviour.loweredCounts), planted != .countsNotLowered {
      if taker.executed == 0 {
        accounts.countFirstFill(admission.account, isMaker: false, at: stamp)
      }
      if book.orders.view(maker).executed == 0 {
        accounts.countFirstFill(book.orders[maker].account, isMaker: true, at: stamp)
      }
    }
    taker.fill(quantity, quote, isDone: isDone, stamp)
    book.reduce(maker, by: quantity, side: taker.side.opposite)
    let isUsedUp = book.orders[maker].remaining == 0
    let isFilled = isUsedUp && left(maker) == 0
    book.orders.fill(maker, quantity, quote, isDone: isFilled, stamp)
    events.noteTrade(
      Trade(
        symbol: taker.symbol, id: id, price: price, quantity: quantity, quoteQuantity: quote,
        maker: book.orders[view: maker], taker: taker, makerFee: fees.maker,
        takerFee: fees.taker, makerFeeAsset: fees.makerAsset, takerFeeAsset: fees.takerAsset,
        stamp: stamp))
    if fills.count < Self.fillsPerReplyMax {
      fills.append(
        Fill(
          price: price, quantity: quantity, commission: fees.taker,
          commissionAsset: fees.takerAsset, trade: id))
    }
    if isFilled {
      if book.orders[maker].special < 0 {
        close(maker, side: taker.side.opposite, stamp)
      } else {
        expire(maker, book.orders[view: maker], stamp, &events)
      }
    } else {
      if isUsedUp { replenish(maker) }
      book.orders.markDirty(maker)
    }
  }

  // Both legs: quote from the buyer to the seller, base from the seller to the buyer, each less the
  // receiver's fee.
  @inline(__always)
  private mutating func settle(
    _ taker: OrderView, _ admission: Admission, _ maker: Int32, _ price: Int64,
    _ quantity: Int64, _ quote: Int64
  ) -> TradeFees {
    let symbol = admission.symbol
    let makerAccount = book.orders[maker].account
    let left = self.left(maker)
    let makerRate = book.orders[view: maker].makerRate
    let base = symbols.states[symbol].base
    let money = symbols.states[symbol].quote
    if taker.side == .buy {
      let takerFee = Amounts.commission(on: quantity, rate: taker.takerRate)
      let makerFee = Amounts.commission(on: quote, rate: makerRate)
      ledger.settle(
        money, from: admission.account, unlocking: 0, to: makerAccount, amount: quote,
        fee: makerFee, feesTo: AccountTable.fees)
      ledger.settle(
        base, from: makerAccount, unlocking: quantity, to: admission.account, amount: quantity,
        fee: takerFee, feesTo: AccountTable.fees)
      if admission.slot >= 0 { keepProceeds(admission.slot, quantity - takerFee) }
      return TradeFees(
        maker: makerFee, taker: takerFee, makerAsset: money, takerAsset: base)
    }
    let takerFee = Amounts.commission(on: quote, rate: taker.takerRate)
    let makerFee = Amounts.commission(on: quantity, rate: makerRate)
    var unlocked =
      hold(.buy, price: price, left: left, symbol)
      - hold(.buy, price: price, left: left - quantity, symbol)
    if planted == .holdKept, unlocked > quote { unlocked -= 1 }
    ledger.settle(
      money, from: makerAccount, unlocking: unlocked, to: admission.account, amount: quote,
      fee: takerFee, feesTo: AccountTable.fees)
    ledger.settle(
      base, from: admission.account, unlocking: 0, to: makerAccount, amount: quantity,
      fee: makerFee, feesTo: AccountTable.fees)
    if book.orders[maker].special >= 0 { keepProceeds(maker, quantity - makerFee) }
    return TradeFees(maker: makerFee, taker: takerFee, makerAsset: base, takerAsset: money)
  }
}

extension OrderView {
  /// Notes a trade.
  @inline(__always)
  mutating func fill(_ quantity: Int64, _ quote: Int64, isDone: Bool, _ stamp: Int64) {
    executed += quantity
    executedQuote += quote
    if quoteOrderQuantity > 0 { self.quantity = executed + extras.prevented }
    status = isDone ? .filled : .partiallyFilled
    updatedAt = stamp
  }
}
