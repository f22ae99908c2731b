// The naive engine's trades, prevented ones too.

import Engine

extension NaiveExchange {
  func isSelf(_ a: AccountID, _ b: AccountID) -> Bool {
    a == b || (groups[a] ?? .none != .none && groups[a] == groups[b])
  }

  func changesHands(_ account: AccountID, _ mode: SelfTradePrevention, _ maker: OrderView) -> Bool {
    mode == .transfer && maker.selfTradePrevention == .transfer && maker.account != account
  }

  mutating func match(
    _ view: inout OrderView, _ left: inout Int128, _ plan: NaivePlan, _ s: Int, _ stamp: Int64
  ) {
    feeBudget = budget(view, plan)
    while left > 0, let maker = symbols[s].queue(view.side.opposite).first {
      if plan.price > 0, !crosses(view.side, plan.price, maker.view.price) { return }
      if !plan.range.contains(maker.view.price) { return }
      if plan.mode != .none, isSelf(view.account, maker.view.account) {
        prevent(&view, &left, maker, plan.mode, s, stamp)
        if view.status == .expiredInMatch { return }
      } else {
        breakPair(maker.view, s, stamp)
        trade(&view, &left, maker, plan.ranDry, s, stamp)
      }
    }
  }

  private mutating func trade(
    _ view: inout OrderView, _ left: inout Int128, _ candidate: NaiveOrder, _ ranDry: Bool,
    _ s: Int, _ stamp: Int64
  ) {
    var maker = candidate
    let quantity = min(left, maker.shown)
    let quote = Self.floorDivide(Int128(maker.view.price) * quantity, symbols[s].unit)
    let before = hold(maker.view, maker.left)
    if settings.level >= 2 {
      if view.executed == 0 { counted[view.account, default: []].append((stamp, -1)) }
      if maker.view.executed == 0 {
        counted[maker.view.account, default: []].append((stamp, -5))
      }
    }
    left -= quantity
    maker.left -= quantity
    maker.shown -= quantity
    for isMaker in [false, true] {
      var side = isMaker ? maker.view : view
      side.executed += Int64(quantity)
      side.executedQuote += Int64(quote)
      if side.quoteOrderQuantity > 0 { side.quantity = side.executed + side.extras.prevented }
      let isDone = isMaker ? maker.left == 0 : left == 0 && !ranDry
      side.status = isDone ? .filled : .partiallyFilled
      side.updatedAt = stamp
      if isMaker { maker.view = side } else { view = side }
    }
    let released = before - hold(maker.view, maker.left)
    let fees = pay(view, maker.view, released, quantity, quote, s, stamp)
    let id = TradeID(symbols[s].nextTrade)
    symbols[s].nextTrade += 1
    symbols[s].trades.append((stamp, maker.view.price, quantity, quote))
    symbols[s].unseen.append(maker.view.price)
    events.append(
      .trade(
        Trade(
          symbol: view.symbol, id: id, price: maker.view.price, quantity: Int64(quantity),
          quoteQuantity: Int64(quote), maker: maker.view, taker: view,
          makerFee: Int64(fees.maker.amount), takerFee: Int64(fees.taker.amount),
          makerFeeAsset: fees.maker.asset, takerFeeAsset: fees.taker.asset, stamp: stamp)))
    fills.append(
      Fill(
        price: maker.view.price, quantity: Int64(quantity),
        commission: Int64(fees.taker.amount), commissionAsset: fees.taker.asset, trade: id))
    settle(maker, s, stamp)
  }

  // Puts a maker back after it lost something: gone, or with its next slice.
  private mutating func settle(_ maker: NaiveOrder, _ s: Int, _ stamp: Int64) {
    let at = symbols[s].place(maker.view.id)
    symbols[s].orders[at] = maker
    if maker.left == 0 {
      finish(maker.view, s, stamp)
    } else if maker.shown == 0 {
      symbols[s].show(at)
    }
  }

  private mutating func prevent(
    _ view: inout OrderView, _ left: inout Int128, _ candidate: NaiveOrder,
    _ mode: SelfTradePrevention, _ s: Int, _ stamp: Int64
  ) {
    var maker = candidate
    let overlap = min(left, maker.shown)
    var makerLoss: Int128 = 0
    var takerLoss: Int128 = 0
    switch mode {
    case .none: break
    case .expireTaker: takerLoss = left
    case .expireMaker: makerLoss = maker.left
    case .expireBoth:
      takerLoss = left
      makerLoss = maker.left
    case .decrement, .transfer:
      takerLoss = overlap
      makerLoss = overlap
    }
    if makerLoss > 0 { breakPair(maker.view, s, stamp) }
    let id = PreventedMatchID(symbols[s].nextPrevented)
    symbols[s].nextPrevented += 1
    let before = hold(maker.view, maker.left)
    left -= takerLoss
    maker.left -= makerLoss
    maker.shown -= min(makerLoss, maker.shown)
    let released = before - hold(maker.view, maker.left)
    let name = held(maker.view)
    balances[name, default: NaiveBalance()].locked -= released
    balances[name, default: NaiveBalance()].free += released
    if changesHands(view.account, mode, maker.view) {
      let quote = Self.floorDivide(Int128(maker.view.price) * overlap, symbols[s].unit)
      let buyer = view.side == .buy ? view.account : maker.view.account
      let seller = view.side == .buy ? maker.view.account : view.account
      give(overlap, symbols[s].info.base, from: seller, to: buyer)
      give(quote, symbols[s].info.quote, from: buyer, to: seller)
    }
    for (loss, isMaker) in [(takerLoss, false), (makerLoss, true)] where loss > 0 {
      var side = isMaker ? maker.view : view
      side.extras.prevented += Int64(loss)
      side.extras.preventedMatch = id
      if side.quoteOrderQuantity > 0 { side.quantity = side.executed + side.extras.prevented }
      if isMaker ? maker.left == 0 : left == 0 { side.status = .expiredInMatch }
      side.updatedAt = stamp
      if isMaker { maker.view = side } else { view = side }
    }
    let group = view.account == maker.view.account ? .none : groups[view.account] ?? .none
    events.append(
      .matchPrevented(
        PreventedMatch(
          symbol: view.symbol, id: id, price: maker.view.price, mode: mode, group: group,
          maker: maker.view, taker: view, makerQuantity: Int64(makerLoss),
          takerQuantity: Int64(takerLoss), stamp: stamp)))
    preventions.append(
      Prevention(
        id: id, maker: maker.view.id, price: maker.view.price, makerQuantity: Int64(makerLoss),
        takerQuantity: Int64(takerLoss)))
    settle(maker, s, stamp)
  }

  private mutating func give(
    _ amount: Int128, _ asset: AssetID, from payer: AccountID, to payee: AccountID
  ) {
    balances[NaiveName(account: payer, asset: asset), default: NaiveBalance()].free -= amount
    balances[NaiveName(account: payee, asset: asset), default: NaiveBalance()].free += amount
  }
}
