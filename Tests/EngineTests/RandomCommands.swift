// RandomCommands: streams of mostly sensible commands on two symbols and a few accounts, from a
// seed.
// Not here: senseless ones (PoisonTests).

import Engine

struct RandomCommands {
  var random: Seeded
  let accounts: Int
  let step: Int64
  /// Client ids are drawn from so many, so that some repeat.
  let clientIDs: Int64
  /// Symbols that are traded, from the first on.
  var symbols: Int64 = 2
  /// What bounds on positions lie around.
  var position: Int64 = 30_000
  var count = 1

  init(seed: UInt64, accounts: Int = 4, step: Int64 = 10, clientIDs: Int64 = 400) {
    random = Seeded(seed)
    self.accounts = accounts
    self.step = step
    self.clientIDs = clientIDs
  }

  /// How far the stamp moves before the next command.
  mutating func pause() -> Int64 {
    switch random.pick(1...40) {
    case 1: random.pick(1...90) * 1_000_000
    case 2: random.pick(1...20) * 60_000_000
    default: random.pick(0...50_000)
    }
  }

  mutating func next() -> Command {
    count += 1
    switch random.pick(1...100) {
    case 1...72: return place()
    case 73...90: return cancel()
    case 91...93:
      return .cancelAllOrders(
        CancelAllOrders(
          account: account(), symbol: symbol(), cancelClientOrderID: World.text("all")))
    case 94...96: return .deposit(funds("d"))
    case 97: return .withdraw(funds("w"))
    case 98: return movement()
    default:
      // A market that is closed by chance stays so for a good part of a stream.
      let closed: [SymbolStatus] = [.cancelOnly, .halt, .break]
      return .setSymbolStatus(
        SetSymbolStatus(
          symbol: symbol(),
          status: random.chance(85) ? .trading : closed[Int(random.pick(0...2))]))
    }
  }

  /// A change of what the operator sets, on one of these symbols.
  mutating func setting(_ symbols: [SymbolInfo]) -> Command {
    switch random.pick(1...12) {
    case 11...12: return commission()
    case 1...6:
      let symbol = symbols[Int(random.pick(0...1))]
      var filters = symbol.filters
      filters.rules = rules()
      return .setSymbolFilters(SetSymbolFilters(symbol: symbol.id, filters: filters))
    case 7:
      return .setAssetLimit(
        SetAssetLimit(
          asset: AssetID(UInt32(random.pick(1...3))),
          orderMax: random.chance(50) ? 0 : random.pick(1...600)))
    case 8:
      return .setExchangeLimits(
        ExchangeLimits(
          maxOrders: bound(20), maxAlgoOrders: bound(8), maxIcebergOrders: bound(4),
          maxOrderLists: bound(4)))
    case 9:
      return .setFeatures(
        random.chance(70) ? [] : random.chance(50) ? .marketOrders : [.limitOrders, .stopOrders])
    default: return .setLevel(SetLevel(level: UInt32(random.pick(1...4))))
    }
  }

  /// Switches of the discount; the first five switch all of it on.
  mutating func discount(_ step: Int) -> Command {
    switch step < 5 ? Int64(step) : random.pick(0...12) {
    case 0, 5:
      return .setDiscount(
        DiscountSettings(
          asset: AssetID(UInt32(random.pick(1...(random.chance(20) ? 3 : 2)))),
          factor: random.chance(20) ? 0 : random.pick(1...100_000_000)))
    case 1: return .setSymbolDiscount(SetSymbolDiscount(symbol: World.first, isOffered: true))
    case 2: return .setSymbolDiscount(SetSymbolDiscount(symbol: World.second, isOffered: true))
    case 3...4:
      return .setAccountDiscount(
        SetAccountDiscount(account: World.account(step < 5 ? step - 3 : 2), isUsed: true))
    case 6:
      return .setSymbolDiscount(
        SetSymbolDiscount(symbol: symbol(), isOffered: random.chance(60)))
    case 7...8:
      return .setAccountDiscount(
        SetAccountDiscount(account: account(), isUsed: random.chance(70)))
    case 9:
      return .setDiscount(
        random.chance(20)
          ? .none
          : DiscountSettings(
            asset: World.quote, factor: 75_000_000))
    default: return commission()
    }
  }

  private mutating func commission() -> Command {
    func layer() -> CommissionRates {
      CommissionRates(
        maker: random.pick(0...200_000), taker: random.pick(0...2_000_000),
        buyer: random.pick(0...300_000), seller: random.pick(0...100_000))
    }
    let commission = Commission(
      standard: layer(), tax: random.chance(50) ? .none : layer(),
      special: random.chance(50) ? .none : layer())
    return .setCommission(
      AccountCommission(
        account: random.chance(30) ? .operator : account(), symbol: symbol(),
        commission: commission))
  }

  private mutating func rules() -> SymbolRules {
    var rules = SymbolRules()
    if random.chance(30) { rules.percentPrice = band() }
    if random.chance(30) { rules.percentPriceBid = band() }
    if random.chance(30) { rules.percentPriceAsk = band() }
    if random.chance(40) { rules.executionBid = band() }
    if random.chance(40) { rules.executionAsk = band() }
    if random.chance(30) { rules.maxPosition = position + random.pick(-2_000...2_000) }
    if random.chance(30) { rules.icebergParts = UInt32(random.pick(1...8)) }
    if random.chance(20) { rules.maxAlgoOrders = UInt32(random.pick(1...6)) }
    if random.chance(20) { rules.maxIcebergOrders = UInt32(random.pick(1...3)) }
    if random.chance(20) { rules.maxOrderLists = UInt32(random.pick(1...3)) }
    if random.chance(20) { rules.maxOrderAmends = UInt32(random.pick(1...3)) }
    if random.chance(20) {
      rules.trailing = TrailingBounds(
        minAbove: UInt32(random.pick(0...8)), maxAbove: UInt32(random.pick(10...25)),
        minBelow: UInt32(random.pick(0...8)), maxBelow: UInt32(random.pick(10...25)))
    }
    return rules
  }

  // A bound that is off as often as on.
  private mutating func bound(_ most: Int64) -> UInt32 {
    random.chance(50) ? 0 : UInt32(random.pick(1...most))
  }

  private mutating func band() -> PriceBand {
    PriceBand(
      up: random.chance(30) ? 0 : UInt32(random.pick(9_990...10_200)),
      down: random.chance(30) ? 0 : UInt32(random.pick(9_800...9_990)))
  }

  mutating func account() -> AccountID {
    World.account(Int(random.pick(0...Int64(accounts - 1))))
  }

  mutating func symbol() -> SymbolID {
    if random.chance(80) { return World.first }
    return symbols > 2 ? SymbolID(UInt32(random.pick(2...symbols))) : World.second
  }

  mutating func clientID() -> ShortText { World.text("id\(random.pick(1...clientIDs))") }

  private mutating func funds(_ prefix: String) -> Funds {
    Funds(
      account: account(), asset: AssetID(UInt32(random.pick(1...3))),
      amount: random.pick(1...50_000), id: "\(prefix)\(random.pick(1...30))")
  }

  /// A transfer, or a step of a withdrawal in two phases.
  mutating func movement() -> Command {
    let funds = funds("m")
    switch random.pick(1...10) {
    case 1...3:
      return .transfer(
        InternalTransfer(
          from: funds.account, to: account(), asset: funds.asset, amount: funds.amount,
          id: funds.id))
    case 4...6:
      return .requestWithdrawal(
        RequestWithdrawal(
          account: funds.account, asset: funds.asset, amount: funds.amount,
          fee: random.pick(0...3), network: "net", address: "somewhere", id: funds.id))
    default:
      let states = WithdrawalState.allCases
      return .moveWithdrawal(
        MoveWithdrawal(
          account: funds.account, id: funds.id, state: states[Int(random.pick(0...6))]))
    }
  }

  mutating func place() -> Command {
    let side: Side = random.chance(50) ? .buy : .sell
    var order = PlaceOrder(
      account: account(), symbol: symbol(), side: side, type: .limit, timeInForce: .gtc,
      quantity: random.pick(1...60) * step, quoteOrderQuantity: 0,
      price: side == .buy ? random.pick(9_900...10_030) : random.pick(9_970...10_100),
      clientOrderID: clientID(), strategyID: random.pick(0...3), strategyType: 0)
    switch random.pick(1...100) {
    case 1...55: break
    case 56...66: order.timeInForce = .ioc
    case 67...75: order.timeInForce = .fok
    case 76...83: order.type = .limitMaker
    case 84...92:
      order.type = .market
      order.price = 0
    default:
      order.type = .market
      order.price = 0
      order.quoteOrderQuantity = random.pick(1...3_000)
      order.quantity = 0
    }
    if random.chance(3) { order.quantity += random.pick(0...9) }
    if random.chance(2) { order.quantity = random.pick(-10...10) }
    if random.chance(2) { order.price += random.pick(-10_000...90_000) }
    return .placeOrder(order)
  }

  mutating func cancel() -> Command {
    let byID = random.chance(60)
    let restrictions: [CancelRestriction] = [.none, .none, .none, .onlyNew, .onlyPartiallyFilled]
    return .cancelOrder(
      CancelOrder(
        account: account(), symbol: symbol(),
        orderID: byID ? OrderID(random.pick(1...Int64(count))) : nil,
        originalClientOrderID: byID && random.chance(80) ? .empty : clientID(),
        cancelClientOrderID: World.text("cancel\(count)"),
        restriction: restrictions[Int(random.pick(0...4))]))
  }
}
