// World: what engine tests share: a seeded generator, a sorted row store, and an exchange with two
// symbols and funds.
// Not here: the naive engine that answers are compared with (NaiveExchange).

import Engine
import Testing
import Wire

/// SplitMix64, so that every random test can be repeated from its seed.
struct Seeded: RandomNumberGenerator {
  private var state: UInt64
  /// Neighbouring seeds give streams that have nothing to do with each other.
  init(_ seed: UInt64) { state = Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15) }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mix(state)
  }

  private static func mix(_ number: UInt64) -> UInt64 {
    var z = number
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func pick(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &self) }
  mutating func chance(_ percent: Int64) -> Bool { pick(1...100) <= percent }
}

/// Rows in a dictionary, sorted when they are scanned.
final class RowTable: RowReader {
  private(set) var rows: [[UInt8]: [UInt8]]

  init(_ rows: [[UInt8]: [UInt8]] = [:]) { self.rows = rows }

  func write(_ batch: RowBatch) {
    for change in batch.changes { rows[change.key] = change.value }
  }

  func replace(_ key: [UInt8], _ value: [UInt8]) { rows[key] = value }

  func row(_ key: [UInt8]) -> [UInt8]? { rows[key] }

  func scan(
    from: [UInt8], upTo: [UInt8], reverse: Bool, _ body: ([UInt8], [UInt8]) -> Bool
  ) {
    let keys = rows.keys.filter { !Self.less($0, from) && Self.less($0, upTo) }.sorted(
      by: Self.less)
    for key in reverse ? keys.reversed() : keys where !body(key, rows[key] ?? []) { return }
  }

  static func less(_ a: [UInt8], _ b: [UInt8]) -> Bool { a.lexicographicallyPrecedes(b) }

  /// The state hash that these rows have by its definition.
  var hash: UInt128 {
    rows.reduce(0) { $0 &+ RowHash.of(key: $1.key, value: $1.value) }
  }
}

/// An exchange, its rows and the stamp of the next command.
struct World: ~Copyable {
  static let base = AssetID(1)
  static let quote = AssetID(2)
  static let other = AssetID(3)
  static let first = SymbolID(1)
  static let second = SymbolID(2)
  static let third = SymbolID(3)
  static let start: Int64 = 1_700_000_000_000_000

  var exchange: Exchange
  let rows = RowTable()
  var stamp = World.start
  private var index: UInt64 = 0
  private(set) var lastEvents: [Event] = []
  private(set) var lastReply = Reply.done

  init(horizon: ClientIDHorizon = .standard) { exchange = Exchange(horizon: horizon) }

  /// Filters that let everything pass but zero and what is not a multiple of a step.
  static func filters(tick: Int64 = 1, step: Int64 = 1) -> SymbolFilters {
    SymbolFilters(
      minPrice: 0, maxPrice: 0, tickSize: tick, minQuantity: 0, maxQuantity: 0, stepSize: step,
      maxOpenOrders: 0)
  }

  /// The commands that set up assets (base scale 4, the others 2), two symbols, and `accounts`
  /// funded accounts. Keys have the numbers 1, 2, ... in the order of the accounts.
  static func setUp(
    accounts: Int = 3, funds: Int64 = 1_000_000_000, filters: SymbolFilters = filters(),
    makerRate: Int64 = 75_000, takerRate: Int64 = 133_337,
    limits: OrderLimits = OrderLimits(per10Seconds: 1_000_000, perDay: 1_000_000)
  ) -> [Command] {
    var commands: [Command] = [
      .genesis(GenesisMark(clusterID: "test", hash: [UInt8](repeating: 7, count: 32))),
      .addAsset(AddAsset(name: "BASE", scale: 4)), .addAsset(AddAsset(name: "QUOTE", scale: 2)),
      .addAsset(AddAsset(name: "OTHER", scale: 2)),
    ]
    for (name, base) in [("BASEQUOTE", "BASE"), ("OTHERQUOTE", "OTHER")] {
      commands.append(
        .addSymbol(
          AddSymbol(
            name: name, base: base, quote: "QUOTE", filters: filters, makerRate: makerRate,
            takerRate: takerRate)))
    }
    for i in 0..<accounts {
      commands.append(
        .createAccount(
          CreateAccount(
            name: "account\(i)", permissions: .trade, limits: limits, apiKey: "key\(i)",
            sealedSecret: [UInt8(i)])))
      guard funds > 0 else { continue }
      for asset in [base, quote, other] {
        commands.append(
          .deposit(
            Funds(account: account(i), asset: asset, amount: funds, id: "d\(i).\(asset.value)")))
      }
    }
    return commands
  }

  /// The commands that add a third symbol, FOURTHBASE, of an asset with scale 2 of which everybody has some. What it
  /// trades is worth OTHER only over QUOTE.
  static func bridge(
    accounts: Int, funds: Int64, filters: SymbolFilters = filters(), makerRate: Int64 = 75_000,
    takerRate: Int64 = 133_337
  ) -> [Command] {
    [
      .addAsset(AddAsset(name: "FOURTH", scale: 2)),
      .addSymbol(
        AddSymbol(
          name: "FOURTHBASE", base: "FOURTH", quote: "BASE", filters: filters,
          makerRate: makerRate, takerRate: takerRate)),
      .setSymbolDiscount(SetSymbolDiscount(symbol: third, isOffered: true)),
    ]
      + (0..<accounts).map { i in
        .deposit(
          Funds(account: account(i), asset: AssetID(4), amount: funds, id: "d\(i).4"))
      }
  }

  static func account(_ i: Int) -> AccountID {
    AccountID(AccountID.firstCustomer.value + UInt64(i))
  }

  /// Applies the set-up; every command of it must be accepted.
  mutating func begin(_ commands: [Command] = World.setUp()) {
    for command in commands {
      if case .rejected(let reason) = run(command) { Issue.record("\(command): \(reason)") }
    }
    collect()
  }

  /// Applies one command with the key that it needs.
  @discardableResult
  mutating func run(_ command: Command, key: KeyID? = nil) -> Reply {
    var batch = EventBatch()
    index += 1
    batch.begin(index: index, stamp: stamp)
    let header = CommandHeader(
      requestID: RequestID(0, 0, 0, index), key: key ?? Self.key(for: command), timestamp: stamp,
      deadline: .max)
    let reply = exchange.apply(Request(header: header, command: command), stamp: stamp, &batch)
    lastEvents = Array(batch.events)
    lastReply = reply
    return reply
  }

  /// The key of the account that the command trades for, or the operator's.
  static func key(for command: Command) -> KeyID {
    switch command {
    case .placeOrder(let order): key(of: order.account)
    case .cancelOrder(let cancel): key(of: cancel.account)
    case .cancelAllOrders(let cancel): key(of: cancel.account)
    case .cancelReplace(let replace): key(of: replace.cancel.account)
    case .amendOrder(let amend): key(of: amend.account)
    case .placeOrderList(let list): key(of: list.account)
    case .cancelOrderList(let cancel): key(of: cancel.account)
    case .setAccountDiscount(let set): key(of: set.account)
    default: .admin
    }
  }

  static func key(of account: AccountID) -> KeyID {
    KeyID(account.value &- AccountID.firstCustomer.value &+ 1)
  }

  /// Brings rows and hash up to date, and answers the hash.
  @discardableResult
  mutating func collect() -> UInt128 {
    var batch = RowBatch()
    exchange.collectRows(into: &batch)
    rows.write(batch)
    return exchange.stateHash
  }

  mutating func balance(_ account: Int, _ asset: AssetID) -> (free: Int64, locked: Int64) {
    collect()
    let key = EngineRows.balanceKey(account: World.account(account), asset: asset)
    guard let value = rows.row(key),
      let balance = try? EngineRows.decodeBalance(key: key, value: value)
    else { return (0, 0) }
    return (balance.free, balance.locked)
  }

  static func limit(
    _ account: Int, _ side: Side, _ quantity: Int64, at price: Int64, id: String,
    _ timeInForce: TimeInForce = .gtc, symbol: SymbolID = first
  ) -> Command {
    .placeOrder(
      PlaceOrder(
        account: World.account(account), symbol: symbol, side: side, type: .limit,
        timeInForce: timeInForce, quantity: quantity, quoteOrderQuantity: 0, price: price,
        clientOrderID: text(id)))
  }

  static func market(
    _ account: Int, _ side: Side, _ quantity: Int64, quote: Int64 = 0, id: String
  ) -> Command {
    .placeOrder(
      PlaceOrder(
        account: World.account(account), symbol: first, side: side, type: .market,
        timeInForce: .gtc, quantity: quantity, quoteOrderQuantity: quote, price: 0,
        clientOrderID: text(id)))
  }

  static func cancel(
    _ account: Int, order: Int64? = nil, id: String = "",
    _ restriction: CancelRestriction = .none
  ) -> Command {
    .cancelOrder(
      CancelOrder(
        account: World.account(account), symbol: first, orderID: order.map { OrderID($0) },
        originalClientOrderID: text(id), cancelClientOrderID: text("c"), restriction: restriction))
  }

  static func text(_ text: String) -> ShortText {
    guard let short = ShortText(text) else { preconditionFailure("a test text that is too long") }
    return short
  }
}

extension Reply {
  var placed: Placed? { if case .placed(let placed) = self { placed } else { nil } }
  var rejection: Rejection? { if case .rejected(let reason) = self { reason } else { nil } }
  var cancelled: Cancelled? { if case .cancelled(let cancelled) = self { cancelled } else { nil } }
}
