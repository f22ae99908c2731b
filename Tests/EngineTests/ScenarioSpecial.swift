// ScenarioSpecial: words for orders that are not plain, lists, cancel-replace and amendments.
//
//   alice sell 1 BTCUSDT stopLossLimit 89 stop 90       ... trail 100 (hundredths of 1 %)
//   alice sell 1 BTCUSDT limit 100 iceberg 0.2          ... limit peg primary levels 1
//   alice oco sell 1 BTCUSDT limitMaker 110 , sell 1 BTCUSDT stopLoss stop 90 , named L1
//   alice replace allowFailure BTCUSDT #3 with buy 1 BTCUSDT limit 99
//   alice amend BTCUSDT #3 to 0.5 as a2                 alice cancel BTCUSDT list 1
//   group alice 1                                       selfTrade BTCUSDT decrement expireTaker
//
// Not here: what all orders take (ScenarioOptions).

import Engine

extension ScenarioVenue {
  /// What only some orders ask for. False: not such a word.
  func applySpecial(
    _ option: String, to order: inout PlaceOrder, _ base: UInt8, _ quote: UInt8,
    _ words: inout Words
  ) throws -> Bool {
    switch option {
    case "stop": order.special.stopPrice = try words.amount(quote)
    case "trail": order.special.trailingDelta = UInt32(try words.number())
    case "iceberg": order.special.icebergQuantity = try words.amount(base)
    case "peg":
      let name = try words.word("primary or market")
      guard let peg = PegPrice.allCases.first(where: { "\($0)" == name }), peg != .none else {
        throw words.fail("\(name) is no price to peg to")
      }
      order.special.peg = peg
    case "levels": order.special.pegLevels = UInt8(try words.number())
    default: return false
    }
    return true
  }

  /// `LEG , LEG [, LEG] [, named NAME]`, a leg being `buy|sell` and an order.
  mutating func list(
    _ kind: OrderListKind, _ account: AccountID, _ words: inout Words
  ) throws -> [String] {
    var legs: [PlaceOrder] = []
    clientIDs += 1
    var name = World.text("list\(clientIDs)")
    repeat {
      switch try words.word("a leg") {
      case "buy": legs.append(try order(account, .buy, &words))
      case "sell": legs.append(try order(account, .sell, &words))
      case "named": name = World.text(try words.word("a name"))
      case let other: throw words.fail("\(other) is not a leg")
      }
    } while words.take(",")
    guard let first = legs.first else { throw words.fail("a list of nothing") }
    return try apply(
      .placeOrderList(
        PlaceOrderList(
          account: account, symbol: first.symbol, kind: kind, clientListID: name, legs: legs)))
  }

  /// `MODE [cancelOnly] SYMBOL #ID|id TEXT [restriction] with buy|sell ORDER`.
  mutating func replace(_ account: AccountID, _ words: inout Words) throws -> [String] {
    let name = try words.word("stopOnFailure or allowFailure")
    guard let mode = ReplaceMode.allCases.first(where: { "\($0)" == name }) else {
      throw words.fail("\(name) is no mode of cancel-replace")
    }
    let overLimit: ReplaceOverLimit = words.take("cancelOnly") ? .cancelOnly : .doNothing
    guard case .cancelOrder(let cancel) = try cancel(account, &words), words.take("with") else {
      throw words.fail("with is missing")
    }
    let side: Side = try words.word("buy or sell") == "buy" ? .buy : .sell
    let order = try order(account, side, &words)
    var lines = try apply(
      .cancelReplace(
        CancelReplace(cancel: cancel, order: order, mode: mode, overLimit: overLimit)))
    guard case .replaced(let replaced) = lastReply else { return lines }
    if case .failed(let reason) = replaced.cancel {
      lines.append("cancel refused \(ScenarioCodes.code(of: reason)) \(reason)")
    }
    switch replaced.order {
    case .placed: break
    case .failed(let reason):
      lines.append("order refused \(ScenarioCodes.code(of: reason)) \(reason)")
    case .notAttempted: lines.append("order not attempted")
    }
    return lines
  }

  /// `SYMBOL #ID to QUANTITY [as ID]`.
  mutating func amend(_ account: AccountID, _ words: inout Words) throws -> [String] {
    let symbol = try symbolNamed(words.word("a symbol"), words)
    let text = try words.word("an order")
    guard text.hasPrefix("#"), let id = Int64(text.dropFirst()), words.take("to") else {
      throw words.fail("an order and to are missing")
    }
    let quantity = try words.amount(assets[Int(symbol.base.value) - 1].scale)
    clientIDs += 1
    let name = words.take("as") ? try words.word("a client order id") : "auto\(clientIDs)"
    return try apply(
      .amendOrder(
        AmendOrder(
          account: account, symbol: symbol.id, orderID: OrderID(id),
          originalClientOrderID: .empty, quantity: quantity, clientOrderID: World.text(name))))
  }

  /// `ACCOUNT NUMBER`; 0: no group.
  mutating func group(_ words: inout Words) throws -> [String] {
    let account = try accountNamed(words.word("an account"), words)
    let number = try words.number()
    let group: TradeGroupID = number == 0 ? .none : TradeGroupID(number)
    return try apply(.setTradeGroup(SetTradeGroup(account: account, group: group)))
  }

  /// `SYMBOL STANDARD [OTHER ...]`: the modes that new orders may have.
  mutating func selfTrade(_ words: inout Words) throws -> [String] {
    let symbol = try symbolNamed(words.word("a symbol"), words)
    var modes: [SelfTradePrevention] = []
    while !words.isEmpty {
      let name = try words.word("a mode")
      guard let mode = SelfTradePrevention.allCases.first(where: { "\($0)" == name }) else {
        throw words.fail("\(name) is not a mode of self-trade prevention")
      }
      modes.append(mode)
    }
    guard let standard = modes.first else { throw words.fail("a mode is missing") }
    return try apply(
      .setSelfTradeRules(
        SetSelfTradeRules(
          symbol: symbol.id, rules: SelfTradeRules(allowing: modes, standard: standard))))
  }

  /// `ORDERS [ALGO ICEBERG LISTS]`.
  mutating func exchangeLimits(_ words: inout Words) throws -> [String] {
    var limits = ExchangeLimits(maxOrders: UInt32(try words.number()))
    if !words.isEmpty {
      limits.maxAlgoOrders = UInt32(try words.number())
      limits.maxIcebergOrders = UInt32(try words.number())
      limits.maxOrderLists = UInt32(try words.number())
    }
    return try apply(.setExchangeLimits(limits))
  }
}
