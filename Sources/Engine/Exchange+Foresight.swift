// Foresight: asking memory ahead of time for what the next commands will look up.
//
// Invariant: nothing is changed and nothing decided here; what is guessed wrong costs time only.
// Not here: which commands come next (Replica).

extension Exchange {
  /// Looks at the requests at `positions`, which will be applied soon.
  public func foresee(_ batch: borrowing RequestBatch, _ positions: Range<Int>) {
    var placed: Int64 = 0
    for position in positions {
      let place = Int(batch[item: position].place)
      switch batch[item: position].column {
      case .place: foresee(batch.orders[place], &placed)
      case .cancel: foresee(batch.cancels[place])
      case .other: break
      }
    }
    // By now the places that were asked for first are there.
    for position in positions where batch[item: position].column == .cancel {
      foreseeOrder(of: batch.cancels[Int(batch[item: position].place)])
    }
    for position in positions where batch[item: position].column == .cancel {
      foreseeEnd(of: batch.cancels[Int(batch[item: position].place)])
    }
  }

  @inline(__always)
  private func foresee(_ order: PlaceOrder, _ placed: inout Int64) {
    guard let symbol = symbols.place(order.symbol) else { return }
    let fingerprint = ClientIDs.fingerprint(order.account, order.symbol, order.clientOrderID)
    let next = OrderID(symbols.states[symbol].counters.nextOrder &+ placed)
    placed += 1
    book.orders.fetch(new: next, symbol, fingerprint: fingerprint)
    clientIDs.fetch(fingerprint)
  }

  @inline(__always)
  private func foresee(_ cancel: CancelOrder) {
    guard let id = cancel.orderID, let symbol = symbols.place(cancel.symbol) else { return }
    book.orders.fetch(symbol, id)
  }

  @inline(__always)
  private func foreseeOrder(of cancel: CancelOrder) {
    guard let id = cancel.orderID, let symbol = symbols.place(cancel.symbol) else { return }
    _ = book.orders.fetchOrder(symbol, id)
  }

  @inline(__always)
  private func foreseeEnd(of cancel: CancelOrder) {
    guard let id = cancel.orderID, let symbol = symbols.place(cancel.symbol) else { return }
    let slot = book.orders.fetchOrder(symbol, id)
    guard slot >= 0 else { return }
    book.orders.fetchNeighbours(slot)
    clientIDs.fetch(book.orders[detail: slot].fingerprint)
  }
}
