// Foresight: asking memory ahead of time for what the next commands will look up.
//
// Three looks at the same commands: what a command names, what that names in turn, and the
// neighbours of the orders that will probably go. By the time of the second look the answers to the
// first are there.
// Invariant: nothing is changed and nothing decided here; what is guessed wrong costs time only.
// Not here: which commands come next (Replica).

extension Exchange {
  /// No more commands are looked at in one go.
  public static let foresight = 32

  /// The orders that will probably go.
  private struct Leaving: ~Copyable {
    var slots = InlineArray<32, Int32>(repeating: -1)
    var count = 0

    /// The order that trades next against orders of the side and symbol of the last one that took.
    var symbol: Int32 = -1
    var side = Side.buy
    var maker: Int32 = -1

    mutating func add(_ slot: Int32) {
      guard count < Exchange.foresight, slot >= 0 else { return }
      slots[count] = slot
      count += 1
    }
  }

  /// Looks at the requests at `positions`, which will be applied soon.
  public func foresee(_ batch: borrowing RequestBatch, _ positions: Range<Int>) {
    var placed: Int64 = 0
    for position in positions {
      let place = Int(batch[item: position].place)
      accounts.fetch(key: batch[item: position].header.key)
      switch batch[item: position].column {
      case .place: foreseeFirst(batch.orders[place], batch.fingerprints[place], &placed)
      case .cancel: foreseeFirst(batch.cancels[place])
      case .other: break
      }
    }
    var leaving = Leaving()
    for position in positions {
      let place = Int(batch[item: position].place)
      switch batch[item: position].column {
      case .place: foreseeSecond(batch.orders[place], &leaving)
      case .cancel: foreseeSecond(batch.cancels[place], &leaving)
      case .other: break
      }
    }
    for i in 0..<leaving.count {
      let slot = leaving.slots[i]
      book.orders.fetchNeighbours(slot)
      clientIDs.fetch(book.orders[detail: slot].fingerprint)
    }
  }

  /// What every request on a symbol needs of its account. The symbol's place, if both are known.
  @inline(__always)
  private func foreseeFirst(_ symbol: SymbolID, _ account: AccountID) -> Int32? {
    guard let symbol = symbols.place(symbol), let account = accounts.place(account) else {
      return nil
    }
    accounts.states.fetch(account)
    ledger.fetch(account)
    return symbol
  }

  @inline(__always)
  private func foreseeFirst(
    _ order: PlaceOrder, _ fingerprint: UInt64, _ placed: inout Int64
  ) {
    guard let symbol = foreseeFirst(order.symbol, order.account) else { return }
    let next = OrderID(symbols.states[symbol].counters.nextOrder &+ placed)
    placed += 1
    book.orders.fetch(new: next, symbol, fingerprint: fingerprint)
    clientIDs.fetch(fingerprint)
  }

  @inline(__always)
  private func foreseeFirst(_ cancel: CancelOrder) {
    guard let symbol = foreseeFirst(cancel.symbol, cancel.account) else { return }
    if let id = cancel.orderID { book.orders.fetch(symbol, id) }
  }

  /// The same for the second look: its orders on the symbol, and both balances.
  @inline(__always)
  private func foreseeSecond(_ symbol: SymbolID, _ account: AccountID) -> Int32? {
    guard let symbol = symbols.place(symbol), let account = accounts.place(account) else {
      return nil
    }
    accounts.fetchSheet(account, symbol)
    ledger.fetch(account, symbols.states[symbol].base)
    ledger.fetch(account, symbols.states[symbol].quote)
    return symbol
  }

  @inline(__always)
  private func foreseeSecond(_ order: PlaceOrder, _ leaving: inout Leaving) {
    guard let symbol = foreseeSecond(order.symbol, order.account) else { return }
    let best = bestOpposite(order.side, symbol)
    guard best >= 0,
      Self.crosses(order.side, limit: order.price, price: book.levels[best].price)
    else { return }
    if leaving.symbol == symbol, leaving.side == order.side, leaving.maker >= 0 {
      leaving.maker = book.orders[leaving.maker].newer
    } else {
      leaving.symbol = symbol
      leaving.side = order.side
      leaving.maker = book.levels[best].head
    }
    book.orders.fetch(order: leaving.maker)
    leaving.add(leaving.maker)
  }

  @inline(__always)
  private func foreseeSecond(_ cancel: CancelOrder, _ leaving: inout Leaving) {
    guard let symbol = foreseeSecond(cancel.symbol, cancel.account) else { return }
    guard let id = cancel.orderID else { return }
    let slot = book.orders.guess(symbol, id)
    book.orders.fetch(order: slot)
    leaving.add(slot)
  }
}
