// LoadOrders: open orders and lists from their rows, each where it stood.
//
// Invariants: queues are in the order of the stored positions, sheets in the order of ids, turns in
// the order of their numbers; rows that cannot belong together throw, and never trap.
// Not here: the other rows (Load), writing (Collect, ListRows).

import Wire

extension Exchange {
  mutating func loadOrders(_ rows: any RowReader) throws {
    var queue: [(symbol: Int32, priority: UInt64, slot: Int32)] = []
    try each(rows, RowKind.openOrder) { exchange, key, value, hash throws(WireError) in
      let stored = try RowValues.openOrder(key: key, value: value)
      let slot = try exchange.load(stored, hash)
      queue.append((exchange.book.orders[slot].symbol, stored.priority, slot))
    }
    queue.sort { ($0.symbol, $0.priority, $0.slot) < ($1.symbol, $1.priority, $1.slot) }
    for (symbol, _, slot) in queue {
      switch phase(slot) {
      case .working:
        book.enqueue(slot, &symbols.states[symbol])
        let level = book.levels[book.orders[slot].level]
        let (sum, overflow) = level.quantity.addingReportingOverflow(level.hidden)
        guard !overflow, sum <= Amounts.amountMax else {
          throw WireError.invalid("open orders beyond the supply")
        }
      case .waiting, .following: park(slot, phase(slot))
      case .fired:
        let number = special(slot)?.turn ?? 0
        openTriggers(symbol)
        triggers[Int(symbol)].turns.append(Turn(number: number, slot: slot, isList: false))
        symbols.states[symbol].watchers += 1
      case .pending: break
      }
    }
    book.forgetTouched()
  }

  private mutating func load(
    _ stored: StoredOrder, _ hash: UInt128
  ) throws(WireError) -> Int32 {
    let view = stored.view
    guard let account = accounts.place(view.account), let symbol = symbols.place(view.symbol),
      view.status.isOpen, view.executed >= 0, view.extras.prevented >= 0,
      view.quantity >= view.executed, view.quantity - view.executed >= view.extras.prevented,
      view.quantity <= Amounts.amountMax, view.extras.discount.isValid,
      (0...Amounts.rateMax).contains(view.makerRate),
      (0...Amounts.rateMax).contains(view.takerRate)
    else { throw .invalid("open order row") }
    let left = view.quantity - view.executed - view.extras.prevented
    try check(stored, left, symbol)
    let slot = book.orders.add(
      OrderRecord(
        view.id, view.side, price: view.price,
        remaining: left - (stored.special?.hidden ?? 0), account: account, symbol: symbol),
      view, priority: stored.priority,
      fingerprint: ClientIDs.fingerprint(view.account, view.symbol, view.clientOrderID),
      hash: hash)
    if let special = stored.special {
      book.orders[slot].special = book.specials.allocate(special)
    }
    // Rows come by account, symbol and id: the order of the account's sheet.
    addToSheet(slot, account, symbol)
    if book.orders.hasTerms(slot) { count(special: slot, by: 1) }
    return slot
  }

  // What enqueuing and holding rely on.
  private func check(
    _ stored: StoredOrder, _ left: Int64, _ symbol: Int32
  ) throws(WireError) {
    let view = stored.view
    let special = stored.special ?? SpecialState()
    let tick = symbols.states[symbol].filters.tickSize
    let price = special.phase == .working ? view.price : special.holdPrice
    let terms = view.extras.terms
    guard price >= 0, special.hidden >= 0, special.extreme >= 0, terms.stopPrice >= 0,
      terms.icebergQuantity >= 0, special.leg < 3,
      let value = Amounts.scaled(
        price, times: view.quantity, over: symbols.states[symbol].baseUnit),
      value < Amounts.amountMax
    else { throw .invalid("open order row") }
    let isSound: Bool
    switch special.phase {
    case .working:
      isSound =
        price > 0 && price % tick == 0 && special.hidden < left
        && (special.hidden == 0 || terms.icebergQuantity > 0)
    case .waiting:
      isSound =
        terms.stopPrice > 0 && terms.stopPrice % tick == 0 && view.type.waitsForPrice && left > 0
        && special.hidden == 0
    case .following:
      isSound =
        terms.trailingDelta > 0 && view.type.waitsForPrice && left > 0 && special.hidden == 0
    case .fired: isSound = view.type.waitsForPrice && left > 0 && special.hidden == 0
    case .pending: isSound = view.status == .pendingNew && special.hidden == 0
    }
    guard isSound else { throw .invalid("open order row") }
  }

  mutating func loadLists(_ rows: any RowReader) throws {
    try each(rows, RowKind.orderList) { exchange, key, value, hash throws(WireError) in
      try exchange.load(try ListRows.list(key: key, value: value), hash)
    }
    for symbol in triggers.indices { triggers[symbol].turns.sort { $0.number < $1.number } }
    for slot in 0..<book.orders.slotBound where book.orders[slot].live {
      let belongs = book.orders[view: slot].extras.list != .none
      // Only an order whose list is gone, or that never had one, stands alone.
      if !belongs, phase(slot) == .pending { throw WireError.invalid("pending order of no list") }
    }
  }

  private mutating func load(_ stored: StoredList, _ hash: UInt128) throws(WireError) {
    guard let account = accounts.place(stored.account), let symbol = symbols.place(stored.symbol),
      stored.proceeds >= 0, stored.legs.count == stored.kind.legCount
    else { throw .invalid("order list row") }
    var list = OrderListState(
      id: stored.id, account: account, symbol: symbol, kind: stored.kind, phase: stored.phase,
      text: stored.text, createdAt: stored.createdAt, updatedAt: stored.updatedAt,
      proceeds: stored.proceeds, turn: stored.turn)
    list.hash = hash
    var slots: [Int32] = []
    for (i, leg) in stored.legs.enumerated() {
      list.orders[i] = leg.order
      list.texts[i] = leg.text
      guard leg.isOpen else { continue }
      guard let slot = book.orders.find(symbol, leg.order), book.orders[slot].special >= 0,
        book.orders[slot].account == account, book.orders[view: slot].extras.list == stored.id
      else { throw .invalid("order list without its leg") }
      list.slots[i] = slot
      slots.append(slot)
    }
    let isSound: Bool =
      switch stored.phase {
      case .first: list.slots[0] >= 0 && slots.count == stored.kind.legCount
      case .placing: list.slots[0] < 0 && slots.count == stored.kind.legCount - 1
      case .pair: slots.count == 2
      case .single: slots.count >= 1
      }
    guard isSound else { throw .invalid("order list row") }
    for slot in slots {
      let partner = list.partner(of: slot)
      guard partner < 0 || book.orders[view: partner].quantity == book.orders[view: slot].quantity
      else { throw .invalid("order list whose legs differ") }
    }
    let place = lists.add(list, fingerprint: fingerprint(list: list))
    for (i, slot) in list.slots.indices.map({ ($0, list.slots[$0]) }) where slot >= 0 {
      book.specials[book.orders[slot].special].list = place
      book.specials[book.orders[slot].special].leg = UInt8(i)
    }
    count(lists: 1, account, symbol)
    guard stored.phase == .placing else { return }
    openTriggers(symbol)
    triggers[Int(symbol)].turns.append(Turn(number: stored.turn, slot: place, isList: true))
    symbols.states[symbol].watchers += 1
  }
}
