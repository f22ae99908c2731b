// Turns: orders that enter the market although no command places them now: those whose price was
// met, and legs whose list has come to them.
//
// Such an order is checked again like a new one (not its ids and not its counts). What fails the
// checks expires with the reason REJECTED; what finds an engine fault does so too, and halts its
// symbol, so that the turns behind it wait for the operator. Turns that a command leaves over run
// with the next ones on the symbol: before a new order is looked at, after a cancel or an amendment,
// and when a halted symbol trades again.
// Invariant: an order keeps its id, its slot and its place on the account's sheet.
// Not here: when an order fires (Triggers).

extension Exchange {
  /// Runs the turns that the command brought about, its own and those that they bring about.
  @inline(__always)
  mutating func runTurns(_ symbol: Int32, _ stamp: Int64, _ events: inout EventBatch) {
    if symbols.states[symbol].watchers > 0 { runWaitingTurns(symbol, stamp, &events) }
  }

  /// Runs what earlier commands left over, before an order is evaluated. It is their business: it
  /// stands, and is told, whatever becomes of the order.
  @inline(__always)
  mutating func finishTurns(_ market: SymbolID, _ stamp: Int64, _ events: inout EventBatch) {
    guard let symbol = symbols.place(market), symbols.states[symbol].watchers > 0,
      Int(symbol) < triggers.count, !triggers[Int(symbol)].turns.isEmpty
    else { return }
    runWaitingTurns(symbol, stamp, &events)
  }

  @inline(never)
  private mutating func runWaitingTurns(
    _ symbol: Int32, _ stamp: Int64, _ events: inout EventBatch
  ) {
    openTriggers(symbol)
    let told = (fills.count, preventions.count)
    fire(symbol, stamp, &events)
    while turnsRun < turnsMax, symbols.states[symbol].status == .trading,
      let turn = triggers[Int(symbol)].turns.first
    {
      triggers[Int(symbol)].turns.removeFirst()
      symbols.states[symbol].watchers -= 1
      if turn.isList {
        placePending(turn.slot, stamp, &events)
      } else {
        work(fired: turn.slot, stamp, &events)
      }
      fire(symbol, stamp, &events)
      turnsRun += 1
    }
    // The answer tells of the command's own order only.
    while fills.count > told.0 { _ = fills.popLast() }
    while preventions.count > told.1 { _ = preventions.popLast() }
  }

  private mutating func work(fired slot: Int32, _ stamp: Int64, _ events: inout EventBatch) {
    let side = book.orders[view: slot].side
    ledger.release(
      book.orders[slot].account, heldAsset(side, book.orders[slot].symbol), amount: held(slot))
    withSpecial(slot) {
      $0.phase = .pending
      $0.turn = 0
    }
    enter(slot, type: book.orders[view: slot].type.working, stamp, &events)
  }

  /// Lets an order that holds nothing enter the market as an order of `type`.
  mutating func enter(
    _ slot: Int32, type: OrderType, _ stamp: Int64, _ events: inout EventBatch
  ) {
    do throws(Rejection) {
      let admission = try evaluate(again(slot, type), book.orders[slot].account, stamp, slot: slot)
      start(slot, admission, stamp, &events)
    } catch {
      halt(book.orders[slot].symbol, after: error, &events)
      reject(slot, stamp, &events)
    }
  }

  /// An order that fails its checks when its turn comes.
  mutating func reject(_ slot: Int32, _ stamp: Int64, _ events: inout EventBatch) {
    var view = book.orders[view: slot]
    view.status = .expired
    view.expiryReason = .rejected
    view.updatedAt = stamp
    expire(slot, view, stamp, &events)
  }

  /// The command that would place what is left of an open order. An iceberg that was amended, or
  /// that sells proceeds, shows no more than it has.
  func again(_ slot: Int32, _ type: OrderType) -> PlaceOrder {
    let view = book.orders[view: slot]
    var special = view.extras.terms
    special.icebergQuantity = min(special.icebergQuantity, left(slot))
    if !type.waitsForPrice {
      special.stopPrice = 0
      special.trailingDelta = 0
    }
    let isPegged = special.peg != .none
    return PlaceOrder(
      account: view.account, symbol: view.symbol, side: view.side, type: type,
      timeInForce: view.timeInForce, quantity: left(slot), quoteOrderQuantity: 0,
      price: isPegged ? view.extras.sentPrice : view.price, clientOrderID: view.clientOrderID,
      selfTradePrevention: view.selfTradePrevention, special: special)
  }

  // Parks the order, or runs its taker phase and leaves the rest in the book.
  mutating func start(
    _ slot: Int32, _ admission: Admission, _ stamp: Int64, _ events: inout EventBatch
  ) {
    var view = book.orders[view: slot]
    view.status = .new
    view.updatedAt = stamp
    view.price = admission.price
    if admission.phase != .working {
      if admission.phase == .following { view.extras.trailingSince = stamp }
      book.orders[view: slot] = view
      events.append(.orderTriggered(view))
      wait(slot, admission)
      return
    }
    view.workingAt = stamp
    book.orders[view: slot] = view
    events.append(.orderTriggered(view))
    _ = run(slot, admission, stamp, &events)
  }

  /// Runs the taker phase of an order that holds nothing, and leaves the rest in the book. Answers
  /// the order after it.
  mutating func run(
    _ slot: Int32, _ admission: Admission, _ stamp: Int64, _ events: inout EventBatch
  ) -> OrderView {
    var admission = admission
    admission.slot = slot
    var view = book.orders[view: slot]
    var left = admission.quantity
    if !admission.killed { left = match(&view, admission, stamp, &events) }
    if stays(view, admission, left: left) {
      book.orders[view: slot] = view
      show(slot, admission, left: left)
      return view
    }
    conclude(&view, admission, left: left, stamp)
    withSpecial(slot) { $0.phase = .pending }
    expire(slot, view, stamp, &events)
    return view
  }

  /// Gives a parked order its hold and its place.
  mutating func wait(_ slot: Int32, _ admission: Admission) {
    withSpecial(slot) {
      $0.phase = admission.phase
      $0.holdPrice = admission.holdPrice
      $0.extreme = admission.extreme
    }
    lock(slot)
    park(slot, admission.phase)
  }

  /// Gives what is left of an order after its taker phase its hold and its place in the book.
  mutating func show(_ slot: Int32, _ admission: Admission, left: Int64) {
    let iceberg = book.orders[view: slot].extras.terms.icebergQuantity
    let hidden = iceberg > 0 ? max(0, left - iceberg) : 0
    book.orders[slot].remaining = left - hidden
    book.orders[slot].price = book.orders[view: slot].price
    if hidden > 0 || book.orders[slot].special >= 0 {
      withSpecial(slot) {
        $0.phase = .working
        $0.hidden = hidden
      }
    }
    lock(slot)
    let number = nextTurn(admission.symbol)
    book.orders[detail: slot].priority = number
    book.orders.markDirty(slot)
    book.enqueue(slot, &symbols.states[admission.symbol])
  }

  private mutating func lock(_ slot: Int32) {
    let symbol = book.orders[slot].symbol
    ledger.hold(
      book.orders[slot].account, heldAsset(book.orders[view: slot].side, symbol),
      amount: held(slot))
  }

  /// Ends an order that holds nothing more: out of the slab, told (unless its last trade did), and
  /// on with its list.
  mutating func expire(
    _ slot: Int32, _ view: OrderView, _ stamp: Int64, _ events: inout EventBatch
  ) {
    let special = special(slot)
    close(slot, side: view.side, stamp)
    if view.status != .filled { events.append(.orderClosed(view, cancelClientOrderID: .empty)) }
    if let special, special.list >= 0 {
      legEnded(special.list, Int(special.leg), view.status, stamp, &events)
    }
  }
}
