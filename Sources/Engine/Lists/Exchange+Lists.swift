// Lists: placing lists of orders, and cancelling them by their own ids.
//
// Invariants: everything that can refuse a list is checked before anything changes; all legs enter
// with one command, in the order of the command, with consecutive order ids.
// Not here: what the legs do to each other later (Exchange+ListLegs), the messages for wrong types
// and sides (Gateway).

extension Exchange {
  mutating func place(
    _ list: PlaceOrderList, _ account: Int32, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> ListPlaced {
    guard let symbol = symbols.place(list.symbol) else { throw .symbolUnknown }
    guard symbols.states[symbol].status == .trading else { throw .marketClosed }
    try checkFeature(.orderLists)
    guard list.legs.count == list.kind.legCount,
      list.legs.allSatisfy({ $0.account == list.account && $0.symbol == list.symbol })
    else { throw .combinationNotSupported }
    try checkShape(list)
    var special = SpecialCounts(lists: 1)
    for leg in list.legs {
      try checkFeatures(leg)
      special.add(SpecialCounts(of: leg))
      if list.kind.passesProceeds, leg.side == .sell {
        try checkWithoutQuantity(leg, symbol)
      } else {
        _ = try terms(of: leg, account, symbol, stamp)
      }
      _ = try mode(of: leg, symbol)
    }
    if list.kind == .oco { try checkRelation(list.legs[0], list.legs[1], symbol, placing: true) }
    if list.kind.legCount == 3 {
      try checkRelation(list.legs[1], list.legs[2], symbol, placing: false)
    }
    try checkCounts(account, symbol, rests: true, stamp, orders: UInt32(list.legs.count))
    try checkSpecialCounts(account, symbol, special)
    try checkIDs(list, account, symbol, stamp)
    let first = try evaluate(list.legs[0], account, stamp)
    let second = list.kind == .oco ? try evaluate(list.legs[1], account, stamp) : nil
    return execute(list, account, symbol, first, second, stamp, &events)
  }

  private func checkShape(_ list: PlaceOrderList) throws(Rejection) {
    for leg in list.legs where leg.quoteOrderQuantity != 0 { throw .combinationNotSupported }
    if list.kind.hasPendingLegs {
      let type = list.legs[0].type
      guard type == .limit || type == .limitMaker else { throw .combinationNotSupported }
    }
    if list.kind.passesProceeds {
      guard list.legs[0].side == .buy,
        list.legs.dropFirst().allSatisfy({ $0.side == .sell && $0.quantity == 0 })
      else { throw .combinationNotSupported }
    }
    let pair = list.kind == .oco ? 0 : 1
    guard list.kind.legCount - pair == 2 else { return }
    let above = list.legs[pair]
    let below = list.legs[pair + 1]
    guard above.side == below.side, above.quantity == below.quantity,
      Self.isProfit(above.side == .sell ? above.type : below.type),
      Self.isStop(above.side == .sell ? below.type : above.type)
    else { throw .combinationNotSupported }
  }

  private static func isProfit(_ type: OrderType) -> Bool {
    type == .limitMaker || type == .takeProfit || type == .takeProfitLimit
  }

  private static func isStop(_ type: OrderType) -> Bool {
    type == .stopLoss || type == .stopLossLimit
  }

  // The upper leg's price lies above the lower leg's, and the last price between them.
  private func checkRelation(
    _ above: PlaceOrder, _ below: PlaceOrder, _ symbol: Int32, placing: Bool
  ) throws(Rejection) {
    func price(_ leg: PlaceOrder) -> Int64 {
      leg.type == .limitMaker ? leg.price : leg.special.stopPrice
    }
    let (high, low) = (price(above), price(below))
    let last = placing ? symbols.states[symbol].counters.lastPrice : 0
    if high > 0, low > 0, high <= low { throw .pricesNotRelated }
    guard last > 0 else { return }
    if high > 0, high <= last { throw .pricesNotRelated }
    if low > 0, low >= last { throw .pricesNotRelated }
  }

  private func checkIDs(
    _ list: PlaceOrderList, _ account: Int32, _ symbol: Int32, _ stamp: Int64
  ) throws(Rejection) {
    for (i, leg) in list.legs.enumerated() {
      let fingerprint = ClientIDs.fingerprint(leg.account, leg.symbol, leg.clientOrderID)
      try checkID(leg, fingerprint, account, symbol, stamp)
      for other in list.legs[..<i] where other.clientOrderID == leg.clientOrderID {
        throw .duplicateClientOrderID
      }
    }
    let fingerprint = ClientIDs.fingerprint(list.account, list.symbol, list.clientListID)
    if lists.find(account, symbol, list.clientListID, fingerprint: fingerprint) != nil {
      throw .duplicateListID
    }
  }

  private mutating func execute(
    _ command: PlaceOrderList, _ account: Int32, _ symbol: Int32, _ first: Admission,
    _ second: Admission?, _ stamp: Int64, _ events: inout EventBatch
  ) -> ListPlaced {
    for _ in command.legs { accounts.countOrder(account, at: stamp) }
    let list = open(command, account, symbol, stamp)
    var views: [OrderView] = []
    for (i, leg) in command.legs.enumerated() {
      let admission = i == 0 ? first : command.kind == .oco ? second : nil
      views.append(add(leg, admission, to: list, leg: i, symbol, stamp))
    }
    let state = lists[list]
    let view = state.view(command.account, command.symbol, .execStarted)
    events.append(.listChanged(view))
    for view in views { events.append(.orderAccepted(view)) }
    save(list, stamp)
    fills.removeAll()
    preventions.removeAll()
    if let second {
      place(lists[list].slots[0], first)
      place(lists[list].slots[1], second)
      lockPair(list)
      save(list, stamp)
    } else {
      views[0] = run(lists[list].slots[0], first, stamp, &events)
    }
    let counts = accounts.states[account].windows.counts(at: stamp)
    let told = ListPlaced(
      list: view, orders: views, fills: fills.array, counts: counts,
      preventions: preventions.array)
    runTurns(symbol, stamp, &events)
    report(&events)
    return told
  }

  private mutating func open(
    _ command: PlaceOrderList, _ account: Int32, _ symbol: Int32, _ stamp: Int64
  ) -> Int32 {
    let state = OrderListState(
      id: OrderListID(lists.next), account: account, symbol: symbol, kind: command.kind,
      phase: command.kind == .oco ? .pair : .first, text: command.clientListID,
      createdAt: stamp, updatedAt: stamp)
    lists.next += 1
    count(lists: 1, account, symbol)
    return lists.add(state, fingerprint: fingerprint(list: state))
  }

  // Makes a leg's order. One without an admission waits for the first leg.
  private mutating func add(
    _ leg: PlaceOrder, _ admission: Admission?, to list: Int32, leg number: Int, _ symbol: Int32,
    _ stamp: Int64
  ) -> OrderView {
    var view = newView(leg, admission, symbol, stamp)
    view.extras.list = lists[list].id
    let fingerprint = ClientIDs.fingerprint(leg.account, leg.symbol, leg.clientOrderID)
    let state = SpecialState(phase: .pending, list: list, leg: UInt8(number))
    let slot = add(view, state, symbol, fingerprint)
    lists[list].slots[number] = slot
    lists[list].orders[number] = view.id
    lists[list].texts[number] = view.clientOrderID
    return view
  }

  // A leg of a new pair: none of them takes.
  private mutating func place(_ slot: Int32, _ admission: Admission) {
    if admission.phase == .working {
      show(slot, admission, left: admission.quantity)
    } else {
      wait(slot, admission)
    }
  }

  mutating func cancel(
    _ cancel: CancelOrderList, _ account: Int32, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> ListCancelled {
    guard let symbol = symbols.place(cancel.symbol) else { throw .symbolUnknown }
    let text = cancel.clientListID
    let found: Int32
    if let id = cancel.list {
      guard let list = lists.find(id), lists[list].account == account,
        lists[list].symbol == symbol
      else { throw .listUnknown }
      guard text.isEmpty || lists[list].text == text else { throw .listUnknown }
      found = list
    } else {
      let fingerprint = ClientIDs.fingerprint(cancel.account, cancel.symbol, text)
      guard !text.isEmpty,
        let list = lists.find(account, symbol, text, fingerprint: fingerprint)
      else { throw .listUnknown }
      found = list
    }
    let cancelled = self.cancel(list: found, cancel.cancelClientOrderID, stamp, &events)
    runTurns(symbol, stamp, &events)
    report(&events)
    return cancelled
  }
}
