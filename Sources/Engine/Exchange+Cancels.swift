// Cancels: ending open orders on request, by either id, by both, or all of an account on a symbol.
//
// Invariants: a cancel needs neither funds nor an open market (it works in every market state); it
// returns exactly what the order still holds.
// Not here: orders that end by trading or expire at entry (Matcher, Orders).

extension Exchange {
  mutating func cancel(
    _ cancel: CancelOrder, _ account: Int32, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> Cancelled {
    let slot = try find(cancel, account)
    switch cancel.restriction {
    case .none: break
    case .onlyNew:
      guard book.orders[view: slot].status == .new else { throw .cancelRestricted }
    case .onlyPartiallyFilled:
      guard book.orders[view: slot].status == .partiallyFilled else { throw .cancelRestricted }
    }
    let cancelled = end(slot, cancel.cancelClientOrderID, stamp, &events)
    report(&events)
    return cancelled
  }

  mutating func cancelAll(
    _ cancel: CancelAllOrders, _ account: Int32, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> [Cancelled] {
    guard let symbol = symbols.place(cancel.symbol) else { throw .symbolUnknown }
    let sheet = accounts.sheet(account, symbol)
    guard sheet.count > 0 else { throw .noOpenOrders }
    var all: [Cancelled] = []
    all.reserveCapacity(Int(sheet.count))
    var slot = sheet.head
    while slot >= 0 {
      let next = book.orders[slot].sheetNewer
      all.append(end(slot, cancel.cancelClientOrderID, stamp, &events))
      slot = next
    }
    report(&events)
    return all
  }

  // The open order that a cancel names.
  private func find(_ cancel: CancelOrder, _ account: Int32) throws(Rejection) -> Int32 {
    guard let symbol = symbols.place(cancel.symbol) else { throw .symbolUnknown }
    let text = cancel.originalClientOrderID
    if let id = cancel.orderID {
      guard let slot = book.orders.find(symbol, id), book.orders[slot].account == account else {
        throw .orderUnknown
      }
      guard text.isEmpty || book.orders[view: slot].clientOrderID == text else {
        throw .cancelIDsDisagree
      }
      return slot
    }
    let fingerprint = ClientIDs.fingerprint(cancel.account, cancel.symbol, text)
    guard !text.isEmpty,
      let slot = book.orders.find(account, symbol, text, fingerprint: fingerprint)
    else { throw .orderUnknown }
    return slot
  }

  private mutating func end(
    _ slot: Int32, _ cancelID: ShortText, _ stamp: Int64, _ events: inout EventBatch
  ) -> Cancelled {
    let record = book.orders[slot]
    var view = book.orders.view(slot)
    let asset =
      view.side == .buy
      ? symbols.states[record.symbol].quote : symbols.states[record.symbol].base
    let held = hold(view.side, price: view.price, left: record.remaining, record.symbol)
    if planted != .cancelKeepsHold {
      ledger.release(record.account, asset, amount: held)
    }
    view.status = .canceled
    view.updatedAt = stamp
    close(slot, side: view.side, stamp)
    events.noteClosed(view, cancelID)
    return Cancelled(order: view, cancelClientOrderID: cancelID)
  }
}
