// ScenarioVenue: the commands of a scenario, in a trader's words.
//
//   asset BTC scale 8                       symbol BTCUSDT BTC/USDT tick 0.01 step 0.00001 ...
//   account alice 10 BTC 5000 USDT          deposit alice 1 BTC id d1
//   alice buy 0.5 BTCUSDT limit 100 ioc id a1
//   alice buy BTCUSDT market for 100        alice cancel BTCUSDT #3 (or: id a1, or: all)
//   wait 10s                                status BTCUSDT HALT
//   turns 2 (what one command may run)      restart (from rows, like a replica that starts)
//   balances alice    orders alice    book BTCUSDT     (these only show)
//
// Not here: how what happened is told (ScenarioReport), options of orders and symbols
// (ScenarioOptions).

import Engine

struct ScenarioVenue: ~Copyable {
  var world = World()
  var assets: [AssetInfo] = []
  var symbols: [SymbolInfo] = []
  var accounts: [String] = []
  var levels: [ScenarioLevel: Int64] = [:]
  var deposits = 0
  var clientIDs = 0
  var turnsMax = Exchange.turnsPerCommandMax

  /// Runs one line; answers what came of it, a line each.
  mutating func run(_ line: String, at place: String) throws -> [String] {
    var words = Words(line, at: place)
    let answers = try dispatch(&words)
    try words.finish()
    let broken = world.exchange.checkInvariants()
    guard broken.isEmpty else { throw words.fail("\(broken)") }
    return answers
  }

  private mutating func dispatch(_ words: inout Words) throws -> [String] {
    let first = try words.word()
    switch first {
    case "asset": return try asset(&words)
    case "symbol": return try symbol(&words)
    case "account": return try account(&words)
    case "deposit": return try apply(.deposit(funds(&words)))
    case "withdraw": return try apply(.withdraw(funds(&words)))
    case "transfer": return try transfer(&words, by: nil)
    case "withdrawal": return try moveWithdrawal(&words, by: nil)
    case "wait":
      world.stamp += try duration(&words)
      return []
    case "status":
      let symbol = try symbolNamed(words.word(), words)
      let name = try words.word("a market state")
      guard let status = SymbolStatus.allCases.first(where: { "\($0)" == name }) else {
        throw words.fail("\(name) is not a market state")
      }
      return try apply(.setSymbolStatus(SetSymbolStatus(symbol: symbol.id, status: status)))
    case "turns":
      turnsMax = Int(try words.number())
      world.exchange.turnsMax = turnsMax
      return []
    case "restart":
      world.collect()
      world.exchange = try Exchange(loading: world.rows)
      world.exchange.turnsMax = turnsMax
      return []
    case "commission": return try commission(&words)
    case "discount": return try discount(&words)
    case "level": return try apply(.setLevel(SetLevel(level: UInt32(words.number()))))
    case "refuse": return try apply(.setFeatures(features(&words)))
    case "filters": return try changeFilters(&words)
    case "assetLimit":
      let asset = try assetNamed(words.word(), words)
      let most = try words.amount(asset.scale)
      return try apply(.setAssetLimit(SetAssetLimit(asset: asset.id, orderMax: most)))
    case "exchangeLimits": return try exchangeLimits(&words)
    case "group": return try group(&words)
    case "selfTrade": return try selfTrade(&words)
    case "limits":
      let account = try accountNamed(words.word(), words)
      let short = UInt32(try words.number())
      let limits = OrderLimits(per10Seconds: short, perDay: UInt32(try words.number()))
      return try apply(.setOrderLimits(SetOrderLimits(account: account, limits: limits)))
    case "balances": return try balances(of: words.word(), words)
    case "orders": return try orders(of: words.word(), words)
    case "book": return try book(of: symbolNamed(words.word(), words))
    default: return try trader(first, &words)
    }
  }

  private mutating func trader(_ name: String, _ words: inout Words) throws -> [String] {
    let account = try accountNamed(name, words)
    let verb = try words.word("what to do")
    switch verb {
    case "buy", "sell":
      return try apply(.placeOrder(order(account, verb == "buy" ? .buy : .sell, &words)))
    case "cancel": return try apply(cancel(account, &words))
    case "discount":
      let isUsed = try onOrOff(&words)
      return try apply(
        .setAccountDiscount(SetAccountDiscount(account: account, isUsed: isUsed)))
    case "amend": return try amend(account, &words)
    case "replace": return try replace(account, &words)
    case "transfer": return try transfer(&words, by: account)
    case "asks": return try requestWithdrawal(account, &words)
    case "withdrawal": return try moveWithdrawal(&words, by: account)
    default:
      guard let kind = OrderListKind.allCases.first(where: { "\($0)" == verb }) else {
        throw words.fail("\(verb) is nothing that a trader does")
      }
      return try list(kind, account, &words)
    }
  }

  mutating func cancel(_ account: AccountID, _ words: inout Words) throws -> Command {
    let symbol = try symbolNamed(words.word(), words).id
    if words.take("all") {
      return .cancelAllOrders(
        CancelAllOrders(
          account: account, symbol: symbol, cancelClientOrderID: World.text("cancel")))
    }
    var cancel = CancelOrder(
      account: account, symbol: symbol, orderID: nil, originalClientOrderID: .empty,
      cancelClientOrderID: World.text("cancel"), restriction: .none)
    if words.take("list") {
      return .cancelOrderList(
        CancelOrderList(
          account: account, symbol: symbol, list: OrderListID(try words.number()),
          clientListID: .empty, cancelClientOrderID: World.text("cancel")))
    }
    while let option = words.next, option != "with" {
      if option.hasPrefix("#"), let id = Int64(option.dropFirst()) {
        cancel.orderID = OrderID(id)
      } else if option == "id" {
        _ = words.take("id")
        cancel.originalClientOrderID = World.text(try words.word("a client order id"))
        continue
      } else if option == "onlyNew" {
        cancel.restriction = .onlyNew
      } else if option == "onlyPartiallyFilled" {
        cancel.restriction = .onlyPartiallyFilled
      } else {
        throw words.fail("\(option) is nothing that a cancel takes")
      }
      _ = try words.word()
    }
    return .cancelOrder(cancel)
  }

  private mutating func asset(_ words: inout Words) throws -> [String] {
    let name = try words.word("the asset's name")
    guard words.take("scale") else { throw words.fail("scale is missing") }
    let add = AddAsset(name: name, scale: UInt8(try words.number()))
    let answers = try apply(.addAsset(add))
    if case .asset(let id) = lastReply {
      assets.append(AssetInfo(id: id, name: name, scale: add.scale))
    }
    return answers
  }

  private mutating func account(_ words: inout Words) throws -> [String] {
    let name = try words.word("the account's name")
    let parent: AccountID =
      words.take("under") ? try accountNamed(words.word("the account above"), words) : .operator
    let create = CreateAccount(
      name: name, permissions: [.trade, .withdraw, .transfer],
      limits: OrderLimits(per10Seconds: 1_000, perDay: 100_000), apiKey: "key-\(name)",
      sealedSecret: [], parent: parent)
    var answers = try apply(.createAccount(create))
    guard case .account = lastReply else { return answers }
    accounts.append(name)
    let account = try accountNamed(name, words)
    while let amount = words.next {
      _ = try words.word()
      let asset = try assetNamed(words.word("an asset"), words)
      guard let units = Decimals.parse(amount, asset.scale) else {
        throw words.fail("\(amount) is not an amount")
      }
      deposits += 1
      let deposit = Funds(
        account: account, asset: asset.id, amount: units, id: "setup\(deposits)")
      // The balances of a set-up line are told by the line itself.
      answers += try apply(.deposit(deposit)).filter { $0.hasPrefix("refused") }
    }
    return answers
  }

  private mutating func funds(_ words: inout Words) throws -> Funds {
    let account = try accountNamed(words.word(), words)
    let amount = try words.word("an amount")
    let asset = try assetNamed(words.word("an asset"), words)
    guard let units = Decimals.parse(amount, asset.scale) else {
      throw words.fail("\(amount) is not an amount")
    }
    guard words.take("id") else { throw words.fail("an id is missing") }
    return Funds(account: account, asset: asset.id, amount: units, id: try words.word("an id"))
  }

  private func duration(_ words: inout Words) throws -> Int64 {
    let text = try words.word("a time")
    let units: [(String, Int64)] = [
      ("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000),
      ("d", 86_400_000_000),
    ]
    for (suffix, microseconds) in units where text.hasSuffix(suffix) {
      if let count = Int64(text.dropLast(suffix.count)) { return count * microseconds }
    }
    throw words.fail("\(text) is not a time")
  }

  func assetNamed(_ name: String, _ words: Words) throws -> AssetInfo {
    guard let asset = assets.first(where: { $0.name == name }) else {
      throw words.fail("there is no asset \(name)")
    }
    return asset
  }

  func symbolNamed(_ name: String, _ words: Words) throws -> SymbolInfo {
    guard let symbol = symbols.first(where: { $0.name == name }) else {
      throw words.fail("there is no symbol \(name)")
    }
    return symbol
  }

  func accountNamed(_ name: String, _ words: Words) throws -> AccountID {
    if name == "fees" { return .fees }
    guard let index = accounts.firstIndex(of: name) else {
      throw words.fail("there is no account \(name)")
    }
    return World.account(index)
  }

  var lastReply: Reply { world.lastReply }
}
