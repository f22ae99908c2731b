// Random commands on orders that are not plain: stops, trailing orders, icebergs, pegs, modes of
// self-trade prevention; lists, cancel-replace, amendments.

import Engine

extension RandomCommands {
  /// Any command, most of them about orders that are not plain.
  mutating func nextSpecial() -> Command {
    count += 1
    switch random.pick(1...100) {
    case 1...4:
      return .setSymbolStatus(SetSymbolStatus(symbol: symbol(), status: .trading))
    case 5...30: return next()
    case 31...62: return .placeOrder(order())
    case 63...70:
      guard case .cancelOrder(let cancel) = cancel() else { return next() }
      var order = order()
      order.account = cancel.account
      order.symbol = cancel.symbol
      if random.chance(40) {
        order.special = .none
        order.type = .limit
        order.timeInForce = .gtc
        if order.price == 0 { order.price = random.pick(9_900...10_100) }
      }
      return .cancelReplace(
        CancelReplace(
          cancel: cancel, order: order,
          mode: random.chance(50) ? .stopOnFailure : .allowFailure,
          overLimit: random.chance(50) ? .doNothing : .cancelOnly))
    case 71...80:
      return .amendOrder(
        AmendOrder(
          account: account(), symbol: symbol(), orderID: OrderID(recent()),
          originalClientOrderID: .empty, quantity: random.pick(1...40) * step,
          clientOrderID: clientID()))
    case 81...95: return .placeOrderList(list())
    case 96...98:
      return .cancelOrderList(
        CancelOrderList(
          account: account(), symbol: symbol(), list: OrderListID(random.pick(1...40)),
          clientListID: .empty, cancelClientOrderID: World.text("list")))
    case 99:
      return .setTradeGroup(
        SetTradeGroup(
          account: account(),
          group: random.chance(80) ? .none : TradeGroupID(random.pick(1...2))))
    default:
      let modes = SelfTradePrevention.allCases
      let standard = random.chance(60) ? .none : modes[Int(random.pick(0...5))]
      let allowed = random.chance(70) ? modes : [standard, modes[Int(random.pick(0...5))]]
      return .setSelfTradeRules(
        SetSelfTradeRules(
          symbol: symbol(), rules: SelfTradeRules(allowing: allowed, standard: standard)))
    }
  }

  /// Lowers one of these open orders by something.
  mutating func amendment(of orders: [OrderView]) -> Command {
    let order = orders[Int(random.pick(0...Int64(orders.count - 1)))]
    return .amendOrder(
      AmendOrder(
        account: order.account, symbol: order.symbol, orderID: order.id,
        originalClientOrderID: .empty,
        quantity: random.pick(0...max(1, order.quantity / step)) * step,
        clientOrderID: random.chance(50) ? order.clientOrderID : clientID()))
  }

  // An order id that may be open.
  private mutating func recent() -> Int64 {
    max(1, Int64(count) - random.pick(0...60))
  }

  private mutating func mode() -> SelfTradePrevention? {
    random.chance(60) ? nil : SelfTradePrevention.allCases[Int(random.pick(0...5))]
  }

  private mutating func order() -> PlaceOrder {
    guard case .placeOrder(var order) = place() else { preconditionFailure("not an order") }
    order.selfTradePrevention = mode()
    switch random.pick(1...10) {
    case 1...2: break
    case 3...6:
      order.quoteOrderQuantity = 0
      if order.quantity == 0 { order.quantity = random.pick(2...40) * step }
      stop(&order)
      if random.chance(15) { order.special.icebergQuantity = random.pick(1...9) * step }
    case 7...8:
      order.type = random.chance(70) ? .limit : .limitMaker
      order.timeInForce = random.chance(95) ? .gtc : .ioc
      order.quoteOrderQuantity = 0
      order.quantity = random.pick(1...60) * step
      order.special.icebergQuantity = random.pick(1...12) * step
      if order.price == 0 { order.price = random.pick(9_950...10_050) }
      if random.chance(15) { peg(&order) }
    default:
      order.type = random.chance(70) ? .limit : .limitMaker
      order.timeInForce = random.chance(80) ? .gtc : .fok
      order.quoteOrderQuantity = 0
      if order.quantity == 0 { order.quantity = random.pick(2...40) * step }
      peg(&order)
    }
    return order
  }

  private mutating func peg(_ order: inout PlaceOrder) {
    order.special.peg = random.chance(60) ? .primary : .market
    if random.chance(40) { order.special.pegLevels = UInt8(random.pick(0...3)) }
    if random.chance(70) { order.price = 0 }
  }

  // Makes the order one that waits, mostly on the right side of the market.
  private mutating func stop(_ order: inout PlaceOrder) {
    let types: [OrderType] = [.stopLoss, .stopLossLimit, .takeProfit, .takeProfitLimit]
    order.type = types[Int(random.pick(0...3))]
    let isStopLoss = order.type == .stopLoss || order.type == .stopLossLimit
    let isAbove = isStopLoss == (order.side == .buy)
    order.special.stopPrice = isAbove ? random.pick(9_990...10_040) : random.pick(9_960...10_010)
    if random.chance(30) {
      order.special.trailingDelta = UInt32(random.pick(1...30))
      if random.chance(50) { order.special.stopPrice = 0 }
    }
    if order.type == .stopLoss || order.type == .takeProfit {
      order.price = 0
    } else {
      order.price = order.special.stopPrice + random.pick(-20...20)
      if order.special.stopPrice == 0 { order.price = random.pick(9_960...10_040) }
      if random.chance(15) { peg(&order) }
    }
  }

  private mutating func leg(
    _ account: AccountID, _ symbol: SymbolID, _ side: Side, _ type: OrderType, _ price: Int64,
    _ quantity: Int64
  ) -> PlaceOrder {
    var order = PlaceOrder(
      account: account, symbol: symbol, side: side, type: type, timeInForce: .gtc,
      quantity: quantity, quoteOrderQuantity: 0, price: price, clientOrderID: clientID(),
      selfTradePrevention: mode())
    if type != .limit, type != .limitMaker, type != .market {
      order.special.stopPrice = price
      order.price = type == .stopLossLimit || type == .takeProfitLimit ? price : 0
      if random.chance(15) { order.special.trailingDelta = UInt32(random.pick(1...30)) }
    } else if type == .limitMaker, random.chance(20) {
      order.special.icebergQuantity = max(step, quantity / 20 * step)
    }
    if type == .market { order.price = 0 }
    return order
  }

  private mutating func pair(
    _ account: AccountID, _ symbol: SymbolID, _ side: Side, _ quantity: Int64
  ) -> [PlaceOrder] {
    let profits: [OrderType] = [.limitMaker, .limitMaker, .takeProfit, .takeProfitLimit]
    let profit = profits[Int(random.pick(0...3))]
    let stop: OrderType = random.chance(50) ? .stopLoss : .stopLossLimit
    let above = leg(
      account, symbol, side, side == .sell ? profit : stop, random.pick(10_000...10_030), quantity)
    let below = leg(
      account, symbol, side, side == .sell ? stop : profit, random.pick(9_970...10_000), quantity)
    return [above, below]
  }

  private mutating func list() -> PlaceOrderList {
    let account = account()
    let symbol = symbol()
    let kind = OrderListKind.allCases[Int(random.pick(0...4))]
    let quantity = random.pick(2...30) * step
    var legs: [PlaceOrder] = []
    if kind == .oco {
      legs = pair(account, symbol, random.chance(50) ? .buy : .sell, quantity)
    } else {
      let side: Side = kind.passesProceeds || random.chance(50) ? .buy : .sell
      let price = side == .buy ? random.pick(9_970...10_020) : random.pick(9_980...10_030)
      var first = leg(
        account, symbol, side, random.chance(80) ? .limit : .limitMaker, price, quantity)
      if first.type == .limit, random.chance(20) { first.timeInForce = .ioc }
      legs = [first]
      let other = kind.passesProceeds || random.chance(70) ? side.opposite : side
      let left = kind.passesProceeds ? 0 : quantity
      if kind.legCount == 3 {
        legs += pair(account, symbol, other, left)
      } else {
        let types = OrderType.allCases
        legs.append(
          leg(
            account, symbol, other, types[Int(random.pick(0...6))],
            random.pick(9_970...10_030), left))
      }
      if random.chance(5) { legs[1].quantity = random.pick(0...3) * step }
    }
    return PlaceOrderList(
      account: account, symbol: symbol, kind: kind,
      clientListID: World.text("list\(random.pick(1...100))"), legs: legs)
  }
}
