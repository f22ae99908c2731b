// SelfTrade: what happens instead of a trade between orders of one account, or of two accounts of a
// trade group.
//
// The new order's mode decides. Invariants: no trade is made unless the mode is NONE; what a side
// loses is counted as prevented, so that ordered = executed + prevented + left; nothing here can
// fail.
// Not here: walking the book (Matcher).

extension Exchange {
  /// True if the maker belongs to whom the taker belongs to.
  func isSelf(_ admission: Admission, _ maker: Int32) -> Bool {
    let account = book.orders[maker].account
    if account == admission.account { return true }
    let group = accounts.states[admission.account].tradeGroup
    return group != .none && accounts.states[account].tradeGroup == group
  }

  /// True if what both sides lose goes from one account to the other.
  func changesHands(_ admission: Admission, _ maker: Int32) -> Bool {
    admission.mode == .transfer && book.orders[maker].account != admission.account
      && book.orders[view: maker].selfTradePrevention == .transfer
  }

  /// Applies the taker's mode to both orders. The taker's status tells whether it goes on.
  mutating func prevent(
    _ taker: inout OrderView, _ admission: Admission, _ maker: Int32, _ price: Int64,
    _ left: inout Int64, _ stamp: Int64, _ events: inout EventBatch
  ) {
    let symbol = admission.symbol
    let makerLeft = self.left(maker)
    let overlap = min(left, book.orders[maker].remaining)
    let loss: (maker: Int64, taker: Int64)
    switch admission.mode {
    case .none: preconditionFailure("prevention of a trade that is allowed")
    case .expireTaker: loss = (0, left)
    case .expireMaker: loss = (makerLeft, 0)
    case .expireBoth: loss = (makerLeft, left)
    case .decrement, .transfer: loss = (overlap, overlap)
    }
    // A leg that loses nothing was not touched.
    if loss.maker > 0 { touchLeg(maker, stamp, &events) }
    let id = PreventedMatchID(symbols.states[symbol].counters.nextPrevented)
    symbols.states[symbol].counters.nextPrevented += 1
    symbols.markCounters(symbol)
    let makerAccount = book.orders[maker].account
    var group = TradeGroupID.none
    if makerAccount != admission.account { group = accounts.states[makerAccount].tradeGroup }
    if loss.maker > 0 { unlock(maker, loss.maker, makerLeft, price, admission, taker.side) }
    Self.lose(&taker, loss.taker, id, isEnded: loss.taker > 0 && loss.taker == left, stamp)
    left -= loss.taker
    Self.lose(
      &book.orders[view: maker], loss.maker, id, isEnded: loss.maker == makerLeft, stamp)
    events.append(
      .matchPrevented(
        PreventedMatch(
          symbol: taker.symbol, id: id, price: price, mode: admission.mode, group: group,
          maker: book.orders[view: maker], taker: taker, makerQuantity: loss.maker,
          takerQuantity: loss.taker, stamp: stamp)))
    if preventions.count < Self.fillsPerReplyMax {
      preventions.append(
        Prevention(
          id: id, maker: book.orders[view: maker].id, price: price, makerQuantity: loss.maker,
          takerQuantity: loss.taker))
    }
    if loss.maker == makerLeft {
      expire(maker, book.orders[view: maker], stamp, &events)
    } else if loss.maker > 0 {
      book.reduce(maker, by: loss.maker, side: taker.side.opposite)
      if book.orders[maker].remaining == 0 { replenish(maker) }
      book.orders.markDirty(maker)
    }
  }

  private static func lose(
    _ view: inout OrderView, _ loss: Int64, _ id: PreventedMatchID, isEnded: Bool, _ stamp: Int64
  ) {
    guard loss > 0 else { return }
    view.extras.preventedMatch = id
    view.extras.prevented += loss
    if view.quoteOrderQuantity > 0 { view.quantity = view.executed + view.extras.prevented }
    if isEnded { view.status = .expiredInMatch }
    view.updatedAt = stamp
  }

  // Gives back what the maker held for what it loses; or, if both sides want it and belong to two
  // accounts, lets it change hands without a fee.
  private mutating func unlock(
    _ maker: Int32, _ loss: Int64, _ makerLeft: Int64, _ price: Int64, _ admission: Admission,
    _ takerSide: Side
  ) {
    let symbol = admission.symbol
    let account = book.orders[maker].account
    let own = book.orders[view: maker].price
    let side = takerSide.opposite
    let freed =
      hold(side, price: own, left: makerLeft, symbol)
      - hold(side, price: own, left: makerLeft - loss, symbol)
    guard changesHands(admission, maker) else {
      ledger.release(account, heldAsset(side, symbol), amount: freed)
      return
    }
    let unit = symbols.states[symbol].baseUnit
    guard let quote = Amounts.scaled(price, times: loss, over: unit) else {
      preconditionFailure("a transfer whose value overflows")
    }
    let makerGives = side == .sell ? loss : quote
    let takerGives = side == .sell ? quote : loss
    ledger.settle(
      heldAsset(side, symbol), from: account, unlocking: freed, to: admission.account,
      amount: makerGives, fee: 0, feesTo: AccountTable.fees)
    ledger.settle(
      heldAsset(takerSide, symbol), from: admission.account, unlocking: 0, to: account,
      amount: takerGives, fee: 0, feesTo: AccountTable.fees)
  }
}
