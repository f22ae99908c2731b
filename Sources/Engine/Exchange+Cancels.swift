// Cancels: ending open orders on request, by either id, by both, or all of an account on a symbol.
//
// Invariants: a cancel needs neither funds nor an open market (it works in every market state); it
// returns exactly what the order still holds.
// Not here: orders that end by trading or expire at entry (Matcher, Orders).

extension Exchange {
  /// Cancels an order that may belong to a list.
  mutating func cancel(
    special slot: Int32, _ cancel: CancelOrder, _ stamp: Int64, _ events: inout EventBatch
  ) -> Reply {
    let reply: Reply
    let symbol = book.orders[slot].symbol
    if let special = special(slot), special.list >= 0 {
      reply = .cancelledList(
        self.cancel(list: special.list, cancel.cancelClientOrderID, stamp, &events))
    } else {
      reply = .cancelled(end(slot, cancel.cancelClientOrderID, stamp, &events))
    }
    runTurns(symbol, stamp, &events)
    report(&events)
    return reply
  }

  mutating func cancelAll(
    _ cancel: CancelAllOrders, _ account: Int32, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    guard let symbol = symbols.place(cancel.symbol) else { throw .symbolUnknown }
    let sheet = accounts.sheet(account, symbol)
    guard sheet.count > 0 else { throw .noOpenOrders }
    var all: [Cancelled] = []
    var ended: [OrderListView] = []
    all.reserveCapacity(Int(sheet.count))
    var slot = sheet.head
    while slot >= 0 {
      if let special = special(slot), special.list >= 0 {
        let list = self.cancel(
          list: special.list, cancel.cancelClientOrderID, stamp, &events)
        all.append(contentsOf: list.orders)
        ended.append(list.list)
      } else {
        all.append(end(slot, cancel.cancelClientOrderID, stamp, &events))
      }
      // Whatever was closed, the oldest that is left is next.
      slot = accounts.sheet(account, symbol).head
    }
    runTurns(symbol, stamp, &events)
    report(&events)
    return .cancelledAll(all, lists: ended)
  }

  /// The open order that a cancel names, if its restriction lets it be cancelled.
  func find(_ cancel: CancelOrder, _ account: Int32) throws(Rejection) -> Int32 {
    let slot = try find(
      cancel.orderID, cancel.originalClientOrderID, cancel.account, cancel.symbol, account)
    switch cancel.restriction {
    case .none:
      if planted == .cancelRefused, book.orders[view: slot].executed > 0 { throw .orderUnknown }
    case .onlyNew:
      guard book.orders[view: slot].status == .new else { throw .cancelRestricted }
    case .onlyPartiallyFilled:
      guard book.orders[view: slot].status == .partiallyFilled else { throw .cancelRestricted }
    }
    return slot
  }

  /// The account's open order with this id, this client id, or both.
  func find(
    _ id: OrderID?, _ text: ShortText, _ owner: AccountID, _ market: SymbolID, _ account: Int32
  ) throws(Rejection) -> Int32 {
    guard let symbol = symbols.place(market) else { throw .symbolUnknown }
    if let id {
      guard let slot = book.orders.find(symbol, id), book.orders[slot].account == account else {
        throw .orderUnknown
      }
      guard text.isEmpty || book.orders[view: slot].clientOrderID == text else {
        throw .cancelIDsDisagree
      }
      return slot
    }
    let fingerprint = ClientIDs.fingerprint(owner, market, text)
    guard !text.isEmpty,
      let slot = book.orders.find(account, symbol, text, fingerprint: fingerprint)
    else { throw .orderUnknown }
    return slot
  }

  /// Cancels an order that belongs to no list.
  mutating func end(
    _ slot: Int32, _ cancelID: ShortText, _ stamp: Int64, _ events: inout EventBatch
  ) -> Cancelled {
    var view = book.orders.view(slot)
    end(slot, &view, cancelID, stamp, &events)
    return Cancelled(order: view, cancelClientOrderID: cancelID)
  }

  /// The same, given the order as it stands; it becomes what it is afterwards.
  mutating func end(
    _ slot: Int32, _ view: inout OrderView, _ cancelID: ShortText, _ stamp: Int64,
    _ events: inout EventBatch
  ) {
    let record = book.orders[slot]
    if planted != .cancelKeepsHold {
      ledger.release(record.account, heldAsset(view.side, record.symbol), amount: held(slot))
    }
    view.status = .canceled
    view.updatedAt = stamp
    close(slot, side: view.side, stamp)
    events.noteClosed(&view, cancelID)
    if planted == .toldTwice { events.noteClosed(&view, cancelID) }
  }
}
