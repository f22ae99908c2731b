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
    switch random.pick(1...20) {
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

  private static func order(
    _ account: AccountID, _ symbol: SymbolID, _ random: inout Seeded
  ) -> PlaceOrder {
    let byQuote = random.chance(15)
    let quote = byQuote ? value(&random) : 0
    let market = random.chance(20) || byQuote
    return PlaceOrder(
      account: account, symbol: symbol, side: random.chance(50) ? .buy : .sell,
      type: random.chance(5)
        ? OrderType.allCases[Int(random.pick(0...6))]
        : market ? .market : random.chance(80) ? .limit : .limitMaker,
      timeInForce: TimeInForce.allCases[Int(random.pick(0...2))],
      quantity: byQuote && random.chance(95) ? 0 : value(&random), quoteOrderQuantity: quote,
      price: value(&random), clientOrderID: World.text("p\(random.pick(1...2_000))"),
      selfTradePrevention: random.chance(95) ? nil : .expireMaker,
      strategyID: value(&random), strategyType: value(&random))
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
    switch random.pick(1...15) {
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
    case 13:
      return .setExchangeLimits(
        ExchangeLimits(maxOrders: random.chance(80) ? 0 : UInt32(truncatingIfNeeded: random.next()))
      )
    case 13 where random.chance(50):
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
    return rules
  }
}
