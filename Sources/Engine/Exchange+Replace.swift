// Replace: cancelling one order and placing another in one step.
//
// Filters and order limits are checked before the cancel, the old order counted: bands, MAX_ASSET,
// MAX_POSITION, counts of open orders. What the book, funds and ids say is checked after it, and a
// pegged order's price then. Under STOP_ON_FAILURE nothing is tried once the cancel fails; under
// ALLOW_FAILURE the new order is tried anyhow.
// Invariant: an order whose cancel fails is left as it is, bit for bit.
// Not here: HTTP's view of the outcomes (Gateway).

extension Exchange {
  mutating func replace(
    _ replace: CancelReplace, _ account: Int32, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    let order = replace.order
    guard order.account == replace.cancel.account, order.symbol == replace.cancel.symbol else {
      throw .combinationNotSupported
    }
    guard let symbol = symbols.place(order.symbol) else { throw .symbolUnknown }
    guard symbols.states[symbol].status == .trading else { throw .marketClosed }
    try checkFeature(.cancelReplace)
    try checkFeatures(order)
    let terms = try terms(of: order, account, symbol, stamp)
    try checkRules(order, account, symbol, stamp)
    _ = try mode(of: order, symbol)
    var overLimit: Rejection?
    do throws(Rejection) {
      try checkCounts(account, symbol, rests: terms.rests, stamp)
      if !order.special.isPlain {
        try checkSpecialCounts(account, symbol, SpecialCounts(of: order))
      }
    } catch {
      guard replace.overLimit == .cancelOnly,
        error == .tooManyOrders10Seconds || error == .tooManyOrdersDay
      else { throw error }
      overLimit = error
    }
    let slot: Int32
    do throws(Rejection) {
      slot = try find(replace.cancel, account)
    } catch {
      let replaced = withoutCancel(replace, error, overLimit, account, stamp, &events)
      report(&events)
      return .replaced(replaced)
    }
    let cancelled: ReplaceCancel
    let cancelID = replace.cancel.cancelClientOrderID
    if let special = special(slot), special.list >= 0 {
      cancelled = .cancelledList(cancel(list: special.list, cancelID, stamp, &events))
    } else {
      cancelled = .cancelled(end(slot, cancelID, stamp, &events))
    }
    let placed = overLimit.map { .failed($0) } ?? attempt(order, account, stamp, &events)
    runTurns(symbol, stamp, &events)
    report(&events)
    return .replaced(Replaced(cancel: cancelled, order: placed))
  }

  // The cancel failed, and the old order is as it was.
  private mutating func withoutCancel(
    _ replace: CancelReplace, _ reason: Rejection, _ overLimit: Rejection?, _ account: Int32,
    _ stamp: Int64, _ events: inout EventBatch
  ) -> Replaced {
    guard replace.mode == .allowFailure || planted == .replaceGoesOn else {
      // Binance counts the order that it did not attempt.
      if overLimit == nil { accounts.countOrder(account, at: stamp) }
      return Replaced(cancel: .failed(reason), order: .notAttempted)
    }
    if let overLimit { return Replaced(cancel: .failed(reason), order: .failed(overLimit)) }
    let placed = attempt(replace.order, account, stamp, &events)
    return Replaced(cancel: .failed(reason), order: placed)
  }

  private mutating func attempt(
    _ order: PlaceOrder, _ account: Int32, _ stamp: Int64, _ events: inout EventBatch
  ) -> ReplaceOrder {
    do throws(Rejection) {
      let fingerprint = ClientIDs.fingerprint(order.account, order.symbol, order.clientOrderID)
      let admission = try admit(order, fingerprint, account, stamp)
      var view = OrderView.blank
      let placed = execute(order, admission, stamp, &events, into: &view)
      let told = (fills.array, preventions.array)
      runTurns(admission.symbol, stamp, &events)
      return .placed(
        Placed(
          order: view, fills: told.0, counts: placed.counts, preventions: told.1))
    } catch {
      if let symbol = symbols.place(order.symbol) { halt(symbol, after: error, &events) }
      return .failed(error)
    }
  }
}
