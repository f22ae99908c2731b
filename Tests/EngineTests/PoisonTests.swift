// Commands that nobody should send: extreme values, unknown ids, wrong keys. None may trap, create
// money or break an invariant, and a refusal must change nothing.

import Engine
import Testing
import Wire

@Suite struct PoisonTests {
  static let extremes: [Int64] = [
    .min, .min + 1, -1, 0, 1, 2, 9, 10, 9_999, 10_000, 10_001, 1 << 31, 1 << 53, (1 << 61) - 1,
    1 << 61, (1 << 61) + 1, 1 << 62, .max - 1, .max,
  ]

  @Test(arguments: 1...20)
  func `decodable commands with extreme values never trap`(seed: UInt64) throws {
    var random = Seeded(seed)
    var world = World(horizon: StateTests.horizon)
    let rate = random.pick(0...1) * 10_000_000
    for command in World.setUp(accounts: 3, funds: 1 << 58, makerRate: rate, takerRate: rate) {
      world.run(command)
    }
    world.collect()
    for step in 0..<1_200 {
      let request = Self.request(&random)
      var writer = ByteWriter()
      CommandCodec.encode(request, into: &writer)
      var reader = ByteReader(writer.bytes)
      #expect(try CommandCodec.decode(&reader) == request)
      if random.chance(3) { world.stamp = Self.value(&random) }
      let hash = world.collect()
      let reply = world.run(request.command, key: request.header.key)
      if reply.rejection != nil {
        #expect(world.collect() == hash, "seed \(seed) step \(step): \(request.command)")
        #expect(world.lastEvents.isEmpty)
      }
      guard step % 20 == 0 || reply.rejection == nil else { continue }
      let broken = world.exchange.checkInvariants()
      #expect(broken.isEmpty, "seed \(seed) step \(step): \(request.command): \(broken)")
      if !broken.isEmpty { return }
    }
    #expect(world.collect() == world.rows.hash)
    _ = try Exchange(loading: world.rows, horizon: StateTests.horizon)
  }

  static func value(_ random: inout Seeded) -> Int64 {
    switch random.pick(1...10) {
    case 1...5: extremes[Int(random.pick(0...Int64(extremes.count - 1)))]
    case 6...8: random.pick(1...20_000)
    case 9: Int64(1) << random.pick(0...62)
    default: Int64(bitPattern: random.next())
    }
  }

  static func request(_ random: inout Seeded) -> Request {
    let account =
      random.chance(95)
      ? World.account(Int(random.pick(0...2))) : AccountID(UInt64(bitPattern: value(&random)))
    let symbol =
      random.chance(95) ? World.first : SymbolID(UInt32(truncatingIfNeeded: random.next()))
    let command: Command
    switch random.pick(1...26) {
    case 21...26: command = special(account, symbol, &random)
    case 1...13: command = .placeOrder(order(account, symbol, &random))
    case 14...15:
      command = .cancelOrder(
        CancelOrder(
          account: account, symbol: symbol,
          orderID: random.chance(70) ? OrderID(random.pick(-1...300)) : nil,
          originalClientOrderID: random.chance(30) ? .empty : World.text("p\(random.pick(1...40))"),
          cancelClientOrderID: .empty, restriction: .none))
    case 16:
      command = .cancelAllOrders(
        CancelAllOrders(account: account, symbol: symbol, cancelClientOrderID: .empty))
    default: command = administrative(account, &random)
    }
    var key = World.key(for: command)
    if random.chance(4) { key = KeyID(random.chance(50) ? 0 : UInt64(bitPattern: value(&random))) }
    return Request(
      header: CommandHeader(
        requestID: RequestID(random.next(), 0, 0, 0), key: key, timestamp: value(&random),
        deadline: value(&random)), command: command)
  }

  static func order(
    _ account: AccountID, _ symbol: SymbolID, _ random: inout Seeded
  ) -> PlaceOrder {
    let byQuote = random.chance(15)
    let quote = byQuote ? value(&random) : 0
    let market = random.chance(20) || byQuote
    var order = PlaceOrder(
      account: account, symbol: symbol, side: random.chance(50) ? .buy : .sell,
      type: random.chance(5)
        ? OrderType.allCases[Int(random.pick(0...6))]
        : market ? .market : random.chance(80) ? .limit : .limitMaker,
      timeInForce: TimeInForce.allCases[Int(random.pick(0...2))],
      quantity: byQuote && random.chance(95) ? 0 : value(&random), quoteOrderQuantity: quote,
      price: value(&random), clientOrderID: World.text("p\(random.pick(1...2_000))"),
      selfTradePrevention: random.chance(95) ? nil : .expireMaker,
      strategyID: value(&random), strategyType: value(&random))
    if !byQuote, random.chance(40) { spoil(&order, &random) }
    return order
  }

  private static func discount(_ account: AccountID, _ random: inout Seeded) -> Command {
    switch random.pick(1...3) {
    case 1:
      .setDiscount(
        DiscountSettings(
          asset: AssetID(UInt32(random.pick(0...4))),
          factor: random.chance(70) ? random.pick(0...100_000_000) : value(&random)))
    case 2:
      .setSymbolDiscount(SetSymbolDiscount(symbol: World.first, isOffered: random.chance(90)))
    default: .setAccountDiscount(SetAccountDiscount(account: account, isUsed: random.chance(90)))
    }
  }

  private static func administrative(_ account: AccountID, _ random: inout Seeded) -> Command {
    let funds = Funds(
      account: account, asset: AssetID(UInt32(random.pick(0...4))), amount: value(&random),
      id: random.chance(90) ? "f\(random.pick(1...500))" : "")
    let filters = SymbolFilters(
      minPrice: value(&random), maxPrice: value(&random), tickSize: value(&random),
      minQuantity: value(&random), maxQuantity: value(&random), stepSize: value(&random),
      marketStepSize: value(&random), minNotional: value(&random), maxNotional: value(&random),
      averagePriceMinutes: UInt32(truncatingIfNeeded: random.next() >> 58),
      rules: rules(&random))
    switch random.pick(1...18) {
    case 16...18: return discount(account, &random)
    case 1...2: return .deposit(funds)
    case 3...4: return .withdraw(funds)
    case 5:
      return .addSymbol(
        AddSymbol(
          name: "S\(random.pick(1...50))", base: "BASE", quote: "QUOTE", filters: filters,
          makerRate: value(&random), takerRate: 0))
    case 6:
      return .addAsset(
        AddAsset(name: random.chance(50) ? "BASE" : "x y", scale: UInt8(random.pick(0...255))))
    case 7:
      return .createAccount(
        CreateAccount(
          name: "", permissions: Permissions(rawValue: UInt16(random.pick(0...65_535))),
          limits: .standard, apiKey: "k", sealedSecret: []))
    case 8:
      return .setOrderLimits(
        SetOrderLimits(
          account: account, limits: OrderLimits(per10Seconds: .max, perDay: .max)))
    case 9: return .genesis(GenesisMark(clusterID: "again", hash: []))
    case 10, 11:
      var changed = random.chance(80) ? World.filters() : filters
      changed.rules = filters.rules
      return .setSymbolFilters(SetSymbolFilters(symbol: World.first, filters: changed))
    case 12:
      return .setAssetLimit(
        SetAssetLimit(
          asset: AssetID(UInt32(random.pick(0...4))),
          orderMax: random.chance(80) ? 0 : value(&random)))
    case 13 where random.chance(50):
      return .setExchangeLimits(
        ExchangeLimits(
          maxOrders: random.chance(80) ? 0 : UInt32(truncatingIfNeeded: random.next()),
          maxAlgoOrders: random.chance(80) ? 0 : .max,
          maxIcebergOrders: random.chance(80) ? 0 : UInt32(truncatingIfNeeded: random.next()),
          maxOrderLists: random.chance(80) ? 0 : .max))
    case 13:
      return .setCommission(
        AccountCommission(
          account: account, symbol: World.first,
          commission: Commission(
            standard: CommissionRates(maker: value(&random), taker: value(&random)),
            special: CommissionRates(buyer: value(&random)))))
    case 14: return .setLevel(SetLevel(level: UInt32(random.pick(0...4))))
    default:
      return .setFeatures(
        random.chance(80) ? [] : Features(rawValue: UInt32(truncatingIfNeeded: random.next())))
    }
  }

  private static func rules(_ random: inout Seeded) -> SymbolRules {
    var rules = SymbolRules()
    func bound(_ random: inout Seeded) -> UInt32 {
      random.chance(50) ? 0 : UInt32(truncatingIfNeeded: value(&random))
    }
    rules.percentPrice = PriceBand(up: bound(&random), down: bound(&random))
    rules.executionBid = PriceBand(up: bound(&random), down: bound(&random))
    rules.executionAsk = PriceBand(up: bound(&random), down: bound(&random))
    rules.maxPosition = random.chance(70) ? 0 : value(&random)
    if random.chance(20) { rules.icebergParts = bound(&random) }
    if random.chance(20) { rules.maxAlgoOrders = bound(&random) }
    if random.chance(20) { rules.maxIcebergOrders = bound(&random) }
    if random.chance(20) { rules.maxOrderLists = bound(&random) }
    if random.chance(20) { rules.maxOrderAmends = bound(&random) }
    if random.chance(10) {
      rules.trailing = TrailingBounds(
        minAbove: bound(&random), maxAbove: bound(&random), minBelow: bound(&random),
        maxBelow: bound(&random))
    }
    return rules
  }
}

extension PoisonTests {
  /// Special terms, one in three of them extreme.
  static func spoil(_ order: inout PlaceOrder, _ random: inout Seeded) {
    func odd(_ random: inout Seeded) -> Int64 {
      random.chance(33) ? value(&random) : random.pick(0...12_000)
    }
    if random.chance(60) {
      order.type = OrderType.allCases[Int(random.pick(0...6))]
      if order.type.waitsForPrice || random.chance(10) {
        if random.chance(70) { order.special.stopPrice = odd(&random) }
        if random.chance(40) {
          order.special.trailingDelta = UInt32(truncatingIfNeeded: odd(&random))
        }
      }
      if order.type == .stopLoss || order.type == .takeProfit { order.price = 0 }
    }
    if random.chance(25) { order.special.icebergQuantity = odd(&random) }
    if random.chance(20) {
      order.special.peg = random.chance(50) ? .primary : .market
      if random.chance(50) { order.special.pegLevels = UInt8(random.pick(0...255)) }
      if random.chance(60) { order.price = 0 }
    }
    if random.chance(40) {
      order.selfTradePrevention = SelfTradePrevention.allCases[Int(random.pick(0...5))]
    }
  }

  /// Cancel-replace, amendments, lists, groups and rules of self-trade prevention.
  static func special(
    _ account: AccountID, _ symbol: SymbolID, _ random: inout Seeded
  ) -> Command {
    let id = OrderID(random.chance(90) ? random.pick(1...300) : value(&random))
    switch random.pick(1...10) {
    case 1...2:
      return .cancelReplace(
        CancelReplace(
          cancel: CancelOrder(
            account: account, symbol: symbol, orderID: id, originalClientOrderID: .empty,
            cancelClientOrderID: World.text("c"),
            restriction: random.chance(70) ? .none : .onlyNew),
          order: order(account, random.chance(95) ? symbol : SymbolID(9), &random),
          mode: random.chance(50) ? .stopOnFailure : .allowFailure,
          overLimit: random.chance(50) ? .doNothing : .cancelOnly))
    case 3...4:
      return .amendOrder(
        AmendOrder(
          account: account, symbol: symbol, orderID: random.chance(95) ? id : nil,
          originalClientOrderID: .empty, quantity: value(&random),
          clientOrderID: World.text("p\(random.pick(1...2_000))")))
    case 5...8: return .placeOrderList(list(account, symbol, &random))
    case 9:
      return .cancelOrderList(
        CancelOrderList(
          account: account, symbol: symbol, list: OrderListID(value(&random)),
          clientListID: random.chance(80) ? .empty : World.text("l1"),
          cancelClientOrderID: .empty))
    default:
      if random.chance(50) {
        return .setTradeGroup(
          SetTradeGroup(account: account, group: TradeGroupID(value(&random))))
      }
      return .setSelfTradeRules(
        SetSelfTradeRules(
          symbol: symbol,
          rules: SelfTradeRules(
            allowed: random.chance(60) ? 63 : UInt8(random.pick(0...255)), standard: .none)))
    }
  }

  private static func list(
    _ account: AccountID, _ symbol: SymbolID, _ random: inout Seeded
  ) -> PlaceOrderList {
    let kind = OrderListKind.allCases[Int(random.pick(0...4))]
    let count = random.chance(95) ? kind.legCount : kind.legCount == 2 ? 3 : 2
    let side: Side = random.chance(50) ? .buy : .sell
    let quantity = random.chance(80) ? random.pick(1...1_000) : value(&random)
    var legs: [PlaceOrder] = []
    for i in 0..<count {
      var leg = order(account, symbol, &random)
      leg.quoteOrderQuantity = random.chance(98) ? 0 : 1
      leg.quantity = random.chance(95) ? quantity : value(&random)
      let isPending = kind.hasPendingLegs && i > 0
      if kind.passesProceeds, random.chance(95) {
        leg.side = isPending ? .sell : .buy
        if isPending { leg.quantity = 0 }
      } else if random.chance(90) {
        leg.side = isPending ? side.opposite : side
      }
      if random.chance(85) {
        let isLower = i == count - 1
        let pair = kind == .oco || (isPending && kind.legCount == 3)
        let isProfit = isLower == (leg.side == .buy)
        leg.type = pair ? (isProfit ? .limitMaker : .stopLossLimit) : .limit
        let price = random.chance(80) ? (isLower ? 9_000 : 11_000) : value(&random)
        leg.price = price
        leg.special = leg.type == .stopLossLimit ? SpecialTerms(stopPrice: price) : .none
      }
      legs.append(leg)
    }
    return PlaceOrderList(
      account: account, symbol: symbol, kind: kind,
      clientListID: World.text("l\(random.pick(1...50))"), legs: legs)
  }
}
