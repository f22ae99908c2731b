// ListLegs: what the legs of a list do to each other.
//
// A leg of an untouched pair that begins to trade or whose price is met ends the other one
// (OCO_TRIGGER). A first leg that is filled brings the others to the market; one that ends otherwise
// ends them (OTO_PHASE_ONE_EXPIRED). Cancelling a leg cancels its list.
// Invariants: at most one leg of a pair ever trades; a pair keeps locked what the dearer of its legs
// would; what a list passes on is locked until it does.
// Not here: placing lists (Exchange+Lists).

extension Exchange {
  /// Called before anything happens to an open order in the market: if it belongs to an untouched
  /// pair, the other leg ends.
  @inline(__always)
  mutating func touchLeg(_ slot: Int32, _ stamp: Int64, _ events: inout EventBatch) {
    let place = book.orders[slot].special
    guard place >= 0 else { return }
    let list = book.specials[place].list
    if list >= 0, lists[list].isPair { breakPair(list, slot, stamp, &events) }
  }

  private mutating func breakPair(
    _ list: Int32, _ slot: Int32, _ stamp: Int64, _ events: inout EventBatch
  ) {
    let shared = pairHold(list)
    lists[list].phase = .single
    for leg in 0..<3 where lists[list].slots[leg] >= 0 && lists[list].slots[leg] != slot {
      let other = lists[list].slots[leg]
      lists[list].slots[leg] = -1
      end(pending: other, .expired, .ocoTrigger, .empty, stamp, &events)
    }
    let side = book.orders[view: slot].side
    let symbol = book.orders[slot].symbol
    ledger.release(
      book.orders[slot].account, heldAsset(side, symbol), amount: shared - held(slot))
    save(list, stamp)
  }

  /// What an untouched pair keeps locked: what the dearer leg would.
  func pairHold(_ list: Int32) -> Int64 {
    var most: Int64 = 0
    for leg in 0..<3 {
      let slot = lists[list].slots[leg]
      guard slot >= 0, let special = special(slot) else { continue }
      most = max(most, held(alone: slot, special))
    }
    return most
  }

  /// A leg is gone from the slab.
  mutating func legEnded(
    _ list: Int32, _ leg: Int, _ status: OrderStatus, _ stamp: Int64, _ events: inout EventBatch
  ) {
    lists[list].slots[leg] = -1
    if lists[list].phase == .first, leg == 0 {
      if status == .filled || planted == .pendingAnyway {
        let symbol = lists[list].symbol
        let number = nextTurn(symbol)
        lists[list].phase = .placing
        lists[list].turn = number
        openTriggers(symbol)
        triggers[Int(symbol)].turns.append(Turn(number: number, slot: list, isList: true))
        symbols.states[symbol].watchers += 1
        save(list, stamp)
        return
      }
      releaseProceeds(list)
      for leg in 0..<3 where lists[list].slots[leg] >= 0 {
        let slot = lists[list].slots[leg]
        lists[list].slots[leg] = -1
        end(pending: slot, .expired, .otoPhaseOneExpired, .empty, stamp, &events)
      }
    }
    if (0..<3).allSatisfy({ lists[list].slots[$0] < 0 }) {
      end(list: list, stamp, &events)
    } else {
      save(list, stamp)
    }
  }

  /// Closes a leg whose hold is somebody else's business.
  @discardableResult
  mutating func end(
    pending slot: Int32, _ status: OrderStatus, _ reason: ExpiryReason, _ cancelID: ShortText,
    _ stamp: Int64, _ events: inout EventBatch
  ) -> OrderView {
    var view = book.orders[view: slot]
    view.status = status
    view.expiryReason = reason
    view.updatedAt = stamp
    close(slot, side: view.side, stamp)
    events.append(.orderClosed(view, cancelClientOrderID: cancelID))
    return view
  }

  /// Cancels all legs that are left, and with them the list.
  mutating func cancel(
    list: Int32, _ cancelID: ShortText, _ stamp: Int64, _ events: inout EventBatch
  ) -> ListCancelled {
    let symbol = lists[list].symbol
    let account = lists[list].account
    if lists[list].phase == .placing {
      triggers[Int(symbol)].turns.removeAll { $0.isList && $0.slot == list }
      symbols.states[symbol].watchers -= 1
    }
    releaseProceeds(list)
    let isPair = lists[list].isPair
    let shared = isPair ? pairHold(list) : 0
    var released = false
    var cancelled: [Cancelled] = []
    for leg in 0..<3 where lists[list].slots[leg] >= 0 {
      let slot = lists[list].slots[leg]
      let side = book.orders[view: slot].side
      let amount = isPair ? (released ? 0 : shared) : held(slot)
      released = true
      if amount > 0 { ledger.release(account, heldAsset(side, symbol), amount: amount) }
      lists[list].slots[leg] = -1
      let view = end(pending: slot, .canceled, .none, cancelID, stamp, &events)
      cancelled.append(Cancelled(order: view, cancelClientOrderID: cancelID))
    }
    return ListCancelled(list: end(list: list, stamp, &events), orders: cancelled)
  }

  @discardableResult
  private mutating func end(
    list: Int32, _ stamp: Int64, _ events: inout EventBatch
  ) -> OrderListView {
    lists[list].updatedAt = stamp
    let state = lists[list]
    let view = state.view(accounts.id(state.account), symbols.states[state.symbol].id, .allDone)
    events.append(.listChanged(view))
    dropRow(list)
    count(lists: -1, state.account, state.symbol)
    lists.remove(list, fingerprint: fingerprint(list: state))
    return view
  }

  mutating func count(lists change: Int32, _ account: Int32, _ symbol: Int32) {
    let sheet = accounts.openSheet(account, symbol)
    accounts.sheets[sheet].lists += change
    accounts.states[account].openLists += change
  }

  func fingerprint(list: OrderListState) -> UInt64 {
    ClientIDs.fingerprint(
      accounts.id(list.account), symbols.states[list.symbol].id, list.text)
  }

  /// What the first leg of a list bought, less its fee, stays locked if the others will sell it.
  mutating func keepProceeds(_ slot: Int32, _ amount: Int64) {
    guard let special = special(slot), special.list >= 0, special.leg == 0,
      lists[special.list].phase == .first, lists[special.list].kind.passesProceeds
    else { return }
    let list = special.list
    ledger.hold(lists[list].account, symbols.states[lists[list].symbol].base, amount: amount)
    lists[list].proceeds += amount
    save(list, lists[list].updatedAt)
  }

  private mutating func releaseProceeds(_ list: Int32) {
    let amount = lists[list].proceeds
    guard amount > 0 else { return }
    lists[list].proceeds = 0
    ledger.release(lists[list].account, symbols.states[lists[list].symbol].base, amount: amount)
  }

  /// The first leg is filled: the others enter the market.
  mutating func placePending(_ list: Int32, _ stamp: Int64, _ events: inout EventBatch) {
    let proceeds = lists[list].proceeds
    releaseProceeds(list)
    lists[list].turn = 0
    if !lists[list].kind.hasPair { lists[list].phase = .single }
    save(list, stamp)
    if lists[list].kind.passesProceeds {
      let quantity = sellable(proceeds, by: list)
      for leg in 1..<lists[list].kind.legCount {
        let slot = lists[list].slots[leg]
        book.orders[slot].remaining = quantity
        book.orders[view: slot].quantity = quantity
        book.orders.markDirty(slot)
      }
    }
    if !lists[list].kind.hasPair {
      let slot = lists[list].slots[1]
      enter(slot, type: book.orders[view: slot].type, stamp, &events)
    } else {
      placePair(list, lists[list].slots[1], lists[list].slots[2], stamp, &events)
    }
  }

  // What LOT_SIZE lets the pending legs sell of the proceeds, and MARKET_LOT_SIZE if one of them will
  // trade at any price: both legs of a pair have the same quantity. The rest stays free.
  private func sellable(_ proceeds: Int64, by list: Int32) -> Int64 {
    let filters = symbols.states[lists[list].symbol].filters
    var step = filters.stepSize
    var most = filters.maxQuantity > 0 ? min(proceeds, filters.maxQuantity) : proceeds
    for leg in 1..<lists[list].kind.legCount
    where book.orders[view: lists[list].slots[leg]].type.working == .market {
      step = filters.marketStep
      if filters.marketMaxQuantity > 0 { most = min(most, filters.marketMaxQuantity) }
    }
    return most - most % step
  }

  private mutating func placePair(
    _ list: Int32, _ above: Int32, _ below: Int32, _ stamp: Int64, _ events: inout EventBatch
  ) {
    let account = lists[list].account
    let types = (book.orders[view: above].type, book.orders[view: below].type)
    let admissions: (Admission, Admission)
    do throws(Rejection) {
      admissions = (
        try evaluate(again(above, types.0), account, stamp, slot: above),
        try evaluate(again(below, types.1), account, stamp, slot: below)
      )
    } catch {
      halt(lists[list].symbol, after: error, &events)
      lists[list].phase = .single
      reject(above, stamp, &events)
      reject(below, stamp, &events)
      return
    }
    lists[list].phase = .pair
    start(above, admissions.0, stamp, &events)
    start(below, admissions.1, stamp, &events)
    lockPair(list)
    save(list, stamp)
  }

  mutating func lockPair(_ list: Int32) {
    let symbol = lists[list].symbol
    for leg in 0..<3 where lists[list].slots[leg] >= 0 {
      let side = book.orders[view: lists[list].slots[leg]].side
      ledger.hold(lists[list].account, heldAsset(side, symbol), amount: pairHold(list))
      return
    }
  }
}
