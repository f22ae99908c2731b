// The naive engine's lists of orders, cancel-replace and amendments.

import Engine

extension NaiveExchange {
  mutating func place(_ list: PlaceOrderList, _ stamp: Int64) throws(Rejection) -> ListPlaced {
    let s = Int(list.symbol.value) - 1
    if symbols[s].info.status != .trading { throw .marketClosed }
    if settings.refused.contains(.orderLists) { throw .featureRefused }
    if list.legs.count != list.kind.legCount { throw .combinationNotSupported }
    try checkShape(list)
    for leg in list.legs {
      try checkFeatures(leg)
      let isKnown = !list.kind.passesProceeds || leg.side == .buy
      try checkTerms(leg, s, stamp, knowsQuantity: isKnown)
      _ = try mode(leg, s)
    }
    let pair = list.kind == .oco ? list.legs : Array(list.legs.dropFirst())
    if pair.count == 2 {
      try checkRelation(
        pair, last: list.kind == .oco ? symbols[s].trades.last?.price ?? 0 : 0)
    }
    try checkCounts(
      list.account, s, stamp, resting: list.legs.count, orders: UInt32(list.legs.count))
    try checkSpecialCounts(list.legs, lists: 1, s)
    for (i, leg) in list.legs.enumerated() {
      if isReserved(leg, stamp) { throw .duplicateClientOrderID }
      if list.legs[..<i].contains(where: { $0.clientOrderID == leg.clientOrderID }) {
        throw .duplicateClientOrderID
      }
    }
    if lists.contains(where: {
      $0.account == list.account && $0.s == s && $0.text == list.clientListID
    }) {
      throw .duplicateListID
    }
    var plans: [NaivePlan?] = [try enterable(list.legs[0], s, stamp)]
    if list.kind == .oco { plans.append(try enterable(list.legs[1], s, stamp)) }
    while plans.count < list.legs.count { plans.append(nil) }
    return execute(list, plans, s, stamp)
  }

  private func enterable(_ order: PlaceOrder, _ s: Int, _ stamp: Int64) throws(Rejection)
    -> NaivePlan
  {
    try checkRules(order, s, stamp)
    return try plan(order, s, stamp)
  }

  private func checkShape(_ list: PlaceOrderList) throws(Rejection) {
    if list.legs.contains(where: { $0.quoteOrderQuantity != 0 }) {
      throw .combinationNotSupported
    }
    let first = list.legs[0]
    if list.kind != .oco, first.type != .limit, first.type != .limitMaker {
      throw .combinationNotSupported
    }
    let rest = list.legs.dropFirst()
    if list.kind.passesProceeds,
      first.side != .buy || rest.contains(where: { $0.side != .sell || $0.quantity != 0 })
    {
      throw .combinationNotSupported
    }
    let pair = list.kind == .oco ? list.legs : Array(rest)
    guard pair.count == 2 else { return }
    let profit = pair[0].side == .sell ? pair[0] : pair[1]
    let stop = pair[0].side == .sell ? pair[1] : pair[0]
    if pair[0].side != pair[1].side || pair[0].quantity != pair[1].quantity
      || ![.limitMaker, .takeProfit, .takeProfitLimit].contains(profit.type)
      || ![.stopLoss, .stopLossLimit].contains(stop.type)
    {
      throw .combinationNotSupported
    }
  }

  private func checkRelation(_ pair: [PlaceOrder], last: Int64) throws(Rejection) {
    let prices = pair.map { $0.type == .limitMaker ? $0.price : $0.special.stopPrice }
    if prices[0] > 0, prices[1] > 0, prices[0] <= prices[1] { throw .pricesNotRelated }
    if last > 0, prices[0] > 0, prices[0] <= last { throw .pricesNotRelated }
    if last > 0, prices[1] > 0, prices[1] >= last { throw .pricesNotRelated }
  }

  private mutating func execute(
    _ command: PlaceOrderList, _ plans: [NaivePlan?], _ s: Int, _ stamp: Int64
  ) -> ListPlaced {
    fills = []
    preventions = []
    var views: [OrderView] = []
    for (leg, plan) in zip(command.legs, plans) {
      counted[command.account, default: []].append((stamp, 1))
      var view = newView(leg, plan, s, stamp)
      view.extras.list = OrderListID(nextList)
      symbols[s].nextOrder += 1
      symbols[s].orders.append(
        NaiveOrder(view: view, left: Int128(view.quantity), state: .pending))
      views.append(view)
    }
    let list = NaiveList(
      id: OrderListID(nextList), account: command.account, s: s, kind: command.kind,
      text: command.clientListID, createdAt: stamp,
      legs: views.map { ListLeg(order: $0.id, clientOrderID: $0.clientOrderID) },
      open: views.map { $0.id }, isPair: command.kind == .oco, waits: command.kind != .oco)
    nextList += 1
    lists.append(list)
    let told = view(list, .execStarted, stamp)
    events.append(.listChanged(told))
    for view in views { events.append(.orderAccepted(view)) }
    for i in views.indices {
      guard let plan = plans[i] else { continue }
      enter(&views[i], plan, s, stamp)
    }
    if command.kind == .oco { lockPair(list, 1) }
    let placed = ListPlaced(
      list: told, orders: views, fills: fills, counts: counts(command.account, stamp),
      preventions: preventions)
    runTurns(s, stamp)
    return placed
  }

  private func view(_ list: NaiveList, _ type: ListStatusType, _ stamp: Int64) -> OrderListView {
    OrderListView(
      id: list.id, account: list.account, symbol: symbols[list.s].info.id, kind: list.kind,
      statusType: type, status: type == .allDone ? .allDone : .executing,
      clientListID: list.text, createdAt: list.createdAt, updatedAt: stamp, legs: list.legs)
  }

  private mutating func lockPair(_ list: NaiveList, _ sign: Int128) {
    let orders = list.open.map { symbols[list.s].orders[symbols[list.s].place($0)] }
    let amount = (orders.map { own($0) }.max() ?? 0) * sign
    let name = held(orders[0].view)
    balances[name, default: NaiveBalance()].free -= amount
    balances[name, default: NaiveBalance()].locked += amount
  }

  private func list(of view: OrderView) -> Int? {
    lists.firstIndex { $0.id == view.extras.list }
  }

  mutating func breakPair(_ view: OrderView, _ s: Int, _ stamp: Int64) {
    guard let l = list(of: view), lists[l].isPair else { return }
    lockPair(lists[l], -1)
    lists[l].isPair = false
    for id in lists[l].open where id != view.id {
      close(id, .expired, .ocoTrigger, .empty, s, stamp)
    }
    lists[l].open = [view.id]
    lock(view.id, s, 1)
  }

  @discardableResult
  private mutating func close(
    _ id: OrderID, _ status: OrderStatus, _ reason: ExpiryReason, _ text: ShortText, _ s: Int,
    _ stamp: Int64
  ) -> OrderView {
    var view = symbols[s].orders[symbols[s].place(id)].view
    view.status = status
    view.expiryReason = reason
    view.updatedAt = stamp
    symbols[s].orders.removeAll { $0.view.id == id }
    symbols[s].turns.removeAll { if case .order(id) = $0 { true } else { false } }
    reserve(view, stamp)
    events.append(.orderClosed(view, cancelClientOrderID: text))
    return view
  }

  mutating func legEnded(_ view: OrderView, _ s: Int, _ stamp: Int64) {
    guard let l = list(of: view) else { return }
    let wasFirst = lists[l].waits && lists[l].legs[0].order == view.id
    lists[l].open.removeAll { $0 == view.id }
    if wasFirst {
      if view.status == .filled {
        symbols[s].turns.append(.list(lists[l].id))
        return
      }
      freeProceeds(l)
      for id in lists[l].open { close(id, .expired, .otoPhaseOneExpired, .empty, s, stamp) }
      lists[l].open = []
    }
    if lists[l].open.isEmpty {
      events.append(.listChanged(self.view(lists[l], .allDone, stamp)))
      lists.remove(at: l)
    }
  }

  mutating func keepProceeds(_ view: OrderView, _ s: Int, _ net: () -> Int128) {
    guard let l = list(of: view), lists[l].kind.passesProceeds, lists[l].waits,
      lists[l].legs[0].order == view.id
    else { return }
    let name = NaiveName(account: view.account, asset: symbols[s].info.base)
    balances[name, default: NaiveBalance()].free -= net()
    balances[name, default: NaiveBalance()].locked += net()
    lists[l].proceeds += net()
  }

  private mutating func freeProceeds(_ l: Int) {
    let name = NaiveName(account: lists[l].account, asset: symbols[lists[l].s].info.base)
    balances[name, default: NaiveBalance()].free += lists[l].proceeds
    balances[name, default: NaiveBalance()].locked -= lists[l].proceeds
    lists[l].proceeds = 0
  }

  mutating func placePending(_ id: OrderListID, _ stamp: Int64) {
    guard let l = lists.firstIndex(where: { $0.id == id }) else { return }
    let s = lists[l].s
    let proceeds = lists[l].proceeds
    freeProceeds(l)
    lists[l].waits = false
    let ids = lists[l].open
    if lists[l].kind.passesProceeds {
      let quantity = sellable(proceeds, ids, s)
      for id in ids {
        let at = symbols[s].place(id)
        symbols[s].orders[at].left = quantity
        symbols[s].orders[at].view.quantity = Int64(quantity)
      }
    }
    if ids.count == 1 { return start(ids[0], isTriggered: false, s, stamp) }
    do throws(Rejection) {
      // Nothing of the pair is open yet when its legs are looked at.
      let plans = [
        try replan(ids[0], isTriggered: false, s, stamp),
        try replan(ids[1], isTriggered: false, s, stamp),
      ]
      lists[l].isPair = true
      for (id, plan) in zip(ids, plans) { begin(id, plan, s, stamp) }
      lockPair(lists[l], 1)
    } catch {
      for id in ids { reject(id, s, stamp) }
    }
  }

  // The most that every leg may sell: whole lots, and whole market lots if a leg sells at any price.
  private func sellable(_ proceeds: Int128, _ ids: [OrderID], _ s: Int) -> Int128 {
    let f = symbols[s].info.filters
    let isMarket = ids.contains { symbols[s].orders[symbols[s].place($0)].view.type.isMarket }
    var quantity = proceeds
    if f.maxQuantity > 0 { quantity = min(quantity, Int128(f.maxQuantity)) }
    if isMarket, f.marketMaxQuantity > 0 { quantity = min(quantity, Int128(f.marketMaxQuantity)) }
    quantity -= quantity % Int128(f.stepSize)
    if isMarket, f.marketStepSize > 0 { quantity -= quantity % Int128(f.marketStepSize) }
    return quantity
  }

  /// The other leg of the pair that an open order belongs to, if nothing touched the pair yet; it may
  /// still wait for the list's first leg.
  func partner(_ view: OrderView) -> OrderID? {
    guard let l = list(of: view) else { return nil }
    // OTO and OPO have no pair: one leg waits there.
    let pair = lists[l].kind == .oco ? lists[l].legs : Array(lists[l].legs.dropFirst())
    let open = lists[l].open
    guard pair.count == 2, pair.contains(where: { $0.order == view.id }),
      pair.allSatisfy({ open.contains($0.order) })
    else { return nil }
    return pair.first { $0.order != view.id }?.order
  }

  mutating func cancelList(_ l: Int, _ text: ShortText, _ stamp: Int64) -> ListCancelled {
    let s = lists[l].s
    freeProceeds(l)
    if lists[l].isPair {
      lockPair(lists[l], -1)
    } else {
      for id in lists[l].open { lock(id, s, -1) }
    }
    var cancelled: [Cancelled] = []
    for id in lists[l].open {
      let view = close(id, .canceled, .none, text, s, stamp)
      cancelled.append(Cancelled(order: view, cancelClientOrderID: text))
    }
    let id = lists[l].id
    symbols[s].turns.removeAll { if case .list(id) = $0 { true } else { false } }
    let told = view(lists[l], .allDone, stamp)
    events.append(.listChanged(told))
    lists.remove(at: l)
    return ListCancelled(list: told, orders: cancelled)
  }

  mutating func cancel(_ cancel: CancelOrderList, _ stamp: Int64) throws(Rejection)
    -> ListCancelled
  {
    let s = Int(cancel.symbol.value) - 1
    let own = lists.indices.filter { lists[$0].account == cancel.account && lists[$0].s == s }
    let found = own.first {
      (cancel.list == nil || lists[$0].id == cancel.list)
        && (cancel.clientListID.isEmpty
          ? cancel.list != nil : lists[$0].text == cancel.clientListID)
    }
    guard let found else { throw .listUnknown }
    let cancelled = cancelList(found, cancel.cancelClientOrderID, stamp)
    runTurns(s, stamp)
    return cancelled
  }

  mutating func replace(_ replace: CancelReplace, _ stamp: Int64) throws(Rejection) -> Replaced {
    let order = replace.order
    let s = Int(order.symbol.value) - 1
    if symbols[s].info.status != .trading { throw .marketClosed }
    if settings.refused.contains(.cancelReplace) { throw .featureRefused }
    try checkFeatures(order)
    try checkTerms(order, s, stamp)
    try checkRules(order, s, stamp)
    _ = try mode(order, s)
    var over: Rejection?
    do throws(Rejection) {
      try checkCounts(order.account, s, stamp, resting: rests(order) ? 1 : 0, orders: 1)
      try checkSpecialCounts([order], lists: 0, s)
    } catch {
      let isLimit = error == .tooManyOrders10Seconds || error == .tooManyOrdersDay
      guard isLimit, replace.overLimit == .cancelOnly else { throw error }
      over = error
    }
    var result = Replaced(cancel: .failed(.orderUnknown), order: .notAttempted)
    do throws(Rejection) {
      result.cancel =
        switch try self.cancel(replace.cancel, stamp) {
        case .cancelledList(let list): .cancelledList(list)
        case .cancelled(let one): .cancelled(one)
        default: preconditionFailure("not the answer of a cancel")
        }
    } catch {
      result.cancel = .failed(error)
      if replace.mode == .stopOnFailure {
        if over == nil { counted[order.account, default: []].append((stamp, 1)) }
        return result
      }
    }
    let before = self
    do throws(Rejection) {
      if let over { throw over }
      result.order = .placed(try place(order, stamp))
    } catch {
      self = before
      result.order = .failed(error)
    }
    runTurns(s, stamp)
    return result
  }

  mutating func amend(_ amend: AmendOrder, _ stamp: Int64) throws(Rejection) -> Amended {
    let s = Int(amend.symbol.value) - 1
    let order = try find(
      amend.orderID, amend.originalClientOrderID, amend.account, amend.symbol)
    let info = symbols[s].info
    if info.status != .trading, info.status != .cancelOnly { throw .marketClosed }
    if settings.refused.contains(.amendments) { throw .featureRefused }
    let l = list(of: order.view)
    if let l, lists[l].kind.passesProceeds, lists[l].legs[0].order != order.view.id,
      order.state == .pending
    {
      throw .amendPendingProceeds
    }
    let f = info.filters
    let q = amend.quantity
    if q <= 0 || q < f.minQuantity || q % f.stepSize != 0
      || (f.maxQuantity > 0 && q > f.maxQuantity)
    {
      throw .filterLotSize
    }
    if q > order.view.quantity { throw .amendIncreases }
    if q == order.view.quantity { throw .amendChangesNothing }
    try checkValue(order.view, q, s, stamp)
    let partner = partner(order.view)
    if let partner {
      try checkValue(symbols[s].orders[symbols[s].place(partner)].view, q, s, stamp)
    }
    if f.rules.maxOrderAmends > 0, order.view.extras.amendments >= f.rules.maxOrderAmends {
      throw .filterMaxAmendments
    }
    if amend.clientOrderID != order.view.clientOrderID,
      isReserved(amend.account, amend.symbol, amend.clientOrderID, stamp)
    {
      throw .duplicateClientOrderID
    }
    let isPair = l.map { lists[$0].isPair } ?? false
    if let l, isPair { lockPair(lists[l], -1) } else { lock(order.view.id, s, -1) }
    if let partner { _ = lower(partner, q, nil, s, stamp) }
    let amendment = lower(order.view.id, q, amend.clientOrderID, s, stamp)
    if let l, isPair { lockPair(lists[l], 1) } else { lock(order.view.id, s, 1) }
    var result = Amended(amendment: amendment, list: nil)
    if let l, let leg = lists[l].legs.firstIndex(where: { $0.order == order.view.id }) {
      lists[l].legs[leg].clientOrderID = amend.clientOrderID
      let told = view(lists[l], .updated, stamp)
      result.list = told
      if amend.clientOrderID != order.view.clientOrderID { events.append(.listChanged(told)) }
    }
    if symbols[s].orders[symbols[s].place(order.view.id)].left == 0 {
      var ended = amendment.order
      ended.status = .expired
      result.amendment.order = ended
      finish(ended, s, stamp)
    }
    runTurns(s, stamp)
    return result
  }

  private func checkValue(
    _ view: OrderView, _ q: Int64, _ s: Int, _ stamp: Int64
  ) throws(Rejection) {
    let f = symbols[s].info.filters
    let isMarket = view.type.isMarket
    if isMarket,
      q < f.marketMinQuantity || (f.marketMaxQuantity > 0 && q > f.marketMaxQuantity)
        || (f.marketStepSize > 0 && q % f.marketStepSize != 0)
    {
      throw .filterMarketLotSize
    }
    guard let price = isMarket ? averagePrice(s, stamp) : Int128(view.price),
      isMarket || price > 0
    else { return }
    let value = Self.floorDivide(price * Int128(q), symbols[s].unit)
    if value == 0, !isMarket { throw .priceTimesQuantityZero }
    if value < Int128(f.minNotional), !isMarket || f.applyMinToMarket { throw .filterNotional }
    if f.maxNotional > 0, value > Int128(f.maxNotional), !isMarket || f.applyMaxToMarket {
      throw .filterNotional
    }
  }

  private mutating func lower(
    _ id: OrderID, _ quantity: Int64, _ text: ShortText?, _ s: Int, _ stamp: Int64
  ) -> Amendment {
    let at = symbols[s].place(id)
    let old = symbols[s].orders[at]
    let left = max(0, Int128(quantity - old.view.executed - old.view.extras.prevented))
    symbols[s].orders[at].left = left
    symbols[s].orders[at].shown = min(old.shown, left)
    symbols[s].orders[at].view.quantity = quantity
    symbols[s].orders[at].view.updatedAt = stamp
    symbols[s].orders[at].view.extras.amendments += 1
    if let text, text != old.view.clientOrderID {
      symbols[s].orders[at].view.clientOrderID = text
      reserve(old.view, stamp)
    }
    let amendment = Amendment(
      order: symbols[s].orders[at].view, originalClientOrderID: old.view.clientOrderID,
      originalQuantity: old.view.quantity, execution: ExecutionID(symbols[s].nextExecution),
      stamp: stamp)
    symbols[s].nextExecution += 1
    events.append(.orderAmended(amendment))
    return amendment
  }
}
