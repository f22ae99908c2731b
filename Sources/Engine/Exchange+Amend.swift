// Amend: lowering an open order's quantity without giving up its place in the queue.
//
// Both legs of an untouched pair are lowered together, whether they are placed or still wait for the
// first leg of their list. What is cut off an iceberg comes out of what it hides as long as there is
// any.
// Invariants: the legs of a pair have the same quantity; no quantity ever grows; queue position,
// order id and fee terms stay; what is not needed any more is unlocked at once.
// Not here: raising a quantity (cancel-replace does that).

extension Exchange {
  /// Amendments of one order, whatever the filter says.
  static let amendmentsMax: UInt16 = 10_000

  mutating func amend(
    _ amend: AmendOrder, _ account: Int32, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> Amended {
    let slot = try find(
      amend.orderID, amend.originalClientOrderID, amend.account, amend.symbol, account)
    let fingerprint = try check(amend, slot, account, stamp)
    let list = special(slot)?.list ?? -1
    let partner = list >= 0 ? lists[list].partner(of: slot) : -1
    let isPair = list >= 0 && lists[list].isPair
    let before = isPair ? pairHold(list) : held(slot)
    let side = book.orders[view: slot].side
    let symbol = book.orders[slot].symbol
    if partner >= 0 { _ = lower(partner, to: amend.quantity, nil, stamp, &events) }
    let amendment = lower(
      slot, to: amend.quantity, (amend.clientOrderID, fingerprint), stamp, &events)
    let view = book.orders[view: slot]
    let isDone = view.quantity <= view.executed + view.extras.prevented
    let after = isPair ? pairHold(list) : isDone ? 0 : held(slot)
    ledger.release(account, heldAsset(side, symbol), amount: before - after)
    var told: OrderListView?
    if list >= 0 {
      let leg = Int(special(slot)?.leg ?? 0)
      lists[list].texts[leg] = view.clientOrderID
      save(list, stamp)
      told = lists[list].view(view.account, view.symbol, .updated)
      if view.clientOrderID != amendment.originalClientOrderID, let told {
        events.append(.listChanged(told))
      }
    }
    var result = Amended(amendment: amendment, list: told)
    if isDone {
      var ended = view
      ended.status = .expired
      result.amendment.order = ended
      expire(slot, ended, stamp, &events)
    }
    runTurns(symbol, stamp, &events)
    report(&events)
    return result
  }

  // Everything that can refuse an amendment. Answers the fingerprint of the new client id.
  private func check(
    _ amend: AmendOrder, _ slot: Int32, _ account: Int32, _ stamp: Int64
  ) throws(Rejection) -> UInt64 {
    let symbol = book.orders[slot].symbol
    let status = symbols.states[symbol].status
    guard status == .trading || status == .cancelOnly else { throw .marketClosed }
    try checkFeature(.amendments)
    let view = book.orders[view: slot]
    let filters = symbols.states[symbol].filters
    if let special = special(slot), special.list >= 0, special.leg > 0,
      lists[special.list].kind.passesProceeds, special.phase == .pending
    {
      throw .amendPendingProceeds
    }
    try filters.checkLot(amend.quantity)
    guard amend.quantity <= view.quantity else { throw .amendIncreases }
    guard amend.quantity < view.quantity else { throw .amendChangesNothing }
    try checkValue(view, amend.quantity, symbol, stamp)
    if let list = special(slot)?.list, list >= 0 {
      let partner = lists[list].partner(of: slot)
      if partner >= 0 {
        try checkValue(book.orders[view: partner], amend.quantity, symbol, stamp)
      }
    }
    let bound = filters.rules.maxOrderAmends
    guard view.extras.amendments < Self.amendmentsMax,
      bound == 0 || UInt32(view.extras.amendments) < bound
    else { throw .filterMaxAmendments }
    let fingerprint = ClientIDs.fingerprint(amend.account, amend.symbol, amend.clientOrderID)
    guard amend.clientOrderID != view.clientOrderID else { return fingerprint }
    if book.orders.find(account, symbol, amend.clientOrderID, fingerprint: fingerprint) != nil
      || clientIDs.refuses(fingerprint, account: account, at: stamp)
    {
      throw .duplicateClientOrderID
    }
    return fingerprint
  }

  // NOTIONAL, at the order's price or at the reference price if it will trade at any; and
  // MARKET_LOT_SIZE. A pegged order that has no price yet is checked when it gets one.
  private func checkValue(
    _ view: OrderView, _ quantity: Int64, _ symbol: Int32, _ stamp: Int64
  ) throws(Rejection) {
    let filters = symbols.states[symbol].filters
    let unit = symbols.states[symbol].baseUnit
    if view.type.working == .market {
      try filters.checkMarketLot(quantity)
      guard planted != .amendUnchecked,
        let reference = symbols.referencePrice(symbol, at: stamp)
      else { return }
      let notional = Amounts.scaled(reference, times: quantity, over: unit)
      try filters.checkNotional(notional ?? .max, isMarket: true)
    } else if view.price > 0 {
      guard let notional = Amounts.scaled(view.price, times: quantity, over: unit), notional > 0
      else { throw .priceTimesQuantityZero }
      try filters.checkNotional(notional, isMarket: false)
    }
  }

  // Lowers one order, and gives it another client id if one is given. Its hold is the caller's.
  private mutating func lower(
    _ slot: Int32, to quantity: Int64, _ name: (text: ShortText, fingerprint: UInt64)?,
    _ stamp: Int64, _ events: inout EventBatch
  ) -> Amendment {
    let symbol = book.orders[slot].symbol
    let old = book.orders[view: slot]
    let now = max(0, quantity - old.executed - old.extras.prevented)
    cut(slot, left(slot) - now)
    book.orders[view: slot].quantity = quantity
    book.orders[view: slot].extras.amendments += 1
    book.orders[view: slot].updatedAt = stamp
    if let name, name.text != old.clientOrderID {
      let freed = book.orders.rename(slot, name.text, fingerprint: name.fingerprint)
      clientIDs.close(
        freed, account: book.orders[slot].account, at: stamp, accounts: &accounts.states)
    }
    if planted == .amendLosesPlace, phase(slot) == .working {
      book.dequeue(slot, side: old.side, &symbols.states[symbol])
      book.orders[detail: slot].priority = nextTurn(symbol)
      book.enqueue(slot, &symbols.states[symbol])
    }
    book.orders.markDirty(slot)
    let execution = ExecutionID(symbols.states[symbol].counters.nextExecution)
    symbols.states[symbol].counters.nextExecution += 1
    symbols.markCounters(symbol)
    let amendment = Amendment(
      order: book.orders[view: slot], originalClientOrderID: old.clientOrderID,
      originalQuantity: old.quantity, execution: execution, stamp: stamp)
    events.append(.orderAmended(amendment))
    return amendment
  }

  // Takes `amount` out of what an order has left, out of what it hides first.
  private mutating func cut(_ slot: Int32, _ amount: Int64) {
    precondition(amount >= 0 && amount <= left(slot), "an amendment that raises a quantity")
    guard phase(slot) == .working else {
      book.orders[slot].remaining -= amount
      return
    }
    var amount = amount
    let place = book.orders[slot].special
    if place >= 0 {
      let hidden = min(amount, book.specials[place].hidden)
      book.specials[place].hidden -= hidden
      book.levels[book.orders[slot].level].hidden -= hidden
      amount -= hidden
    }
    if amount > 0 { book.reduce(slot, by: amount, side: book.orders[view: slot].side) }
  }
}
