// FlowF1: a public order flow (45 % passive orders, 40 % cancels, 15 % aggressive orders on a growing book), as
// commands of a thousand accounts.
//
// Every engine that ran it so far made the same result: 313,315 trades, volume 7,978,596 over 2,000,000 operations.
// Not here: running it (EngineRun).

import Engine
import Wire

/// The operations of the flow, without end.
struct FlowF1 {
  static let preload = 10_000
  static let operations = 2_000_000
  static let trades = 313_315
  static let volume: Int64 = 7_978_596

  enum Operation {
    case place(id: Int64, isBuy: Bool, price: Int64, quantity: Int64)
    case cancel(id: Int64)
  }

  private var random = Generator(seed: 42)
  private var passive: [Int64] = []
  private var lastID: Int64 = 0

  private mutating func below(_ bound: Int) -> Int64 { Int64(random.below(bound)) }

  /// The next of the orders that fill the book beforehand.
  mutating func passiveOrder() -> Operation {
    let isBuy = below(2) == 1
    let offset = 1 + below(500)
    let quantity = 1 + below(100)
    lastID += 1
    passive.append(lastID)
    return .place(
      id: lastID, isBuy: isBuy, price: isBuy ? 100_000 - offset : 100_000 + offset,
      quantity: quantity)
  }

  /// The next operation.
  mutating func next() -> Operation {
    let kind = below(100)
    if kind < 45 { return passiveOrder() }
    if kind < 85 {
      let back = below(min(passive.count, 20_000))
      return .cancel(id: passive[passive.count - 1 - Int(back)])
    }
    let isBuy = below(2) == 1
    let quantity = 1 + below(100)
    lastID += 1
    return .place(id: lastID, isBuy: isBuy, price: isBuy ? 100_010 : 99_990, quantity: quantity)
  }
}

/// The flow as requests to an exchange of one symbol.
struct FlowRequests {
  static let accounts = 1000
  /// One tick and one lot in units of the assets, both of scale 6.
  static let tick: Int64 = 10_000
  static let lot: Int64 = 1_000
  /// How long after its entry's stamp a request may run.
  private static let patience: Int64 = 5_000_000

  private var number: UInt64 = 0

  /// What makes the exchange: two assets, a symbol (taker 10 bp, maker 8 bp), and funded accounts.
  static func setUp() -> [Command] {
    let filters = SymbolFilters(
      minPrice: 0, maxPrice: 0, tickSize: tick, minQuantity: 0, maxQuantity: 0, stepSize: lot,
      maxOpenOrders: 0)
    var commands: [Command] = [
      .genesis(GenesisMark(clusterID: "bench", hash: [UInt8](repeating: 1, count: 32))),
      .addAsset(AddAsset(name: "BASE", scale: 6)), .addAsset(AddAsset(name: "QUOTE", scale: 6)),
      .addSymbol(
        AddSymbol(
          name: "BASEQUOTE", base: "BASE", quote: "QUOTE", filters: filters, makerRate: 80_000,
          takerRate: 100_000)),
    ]
    for i in 0..<accounts {
      commands.append(
        .createAccount(
          CreateAccount(
            name: "account\(i)", permissions: .trade,
            limits: OrderLimits(per10Seconds: .max, perDay: .max), apiKey: "key\(i)",
            sealedSecret: [])))
      for asset in [1, 2] as [UInt32] {
        commands.append(
          .deposit(
            Funds(
              account: account(i), asset: AssetID(asset), amount: 1_000_000_000_000_000,
              id: "d\(i).\(asset)")))
      }
    }
    return commands
  }

  /// A set-up command as a request.
  mutating func request(_ command: Command, stamp: Int64) -> Request {
    Request(header: header(.admin, stamp), command: command)
  }

  /// An operation as a request of the account that owns its order.
  mutating func request(_ operation: FlowF1.Operation, stamp: Int64) -> Request {
    switch operation {
    case .place(let id, let isBuy, let price, let quantity):
      let owner = Int(id % Int64(Self.accounts))
      let order = PlaceOrder(
        account: Self.account(owner), symbol: SymbolID(1), side: isBuy ? .buy : .sell,
        type: .limit, timeInForce: .gtc, quantity: quantity * Self.lot, quoteOrderQuantity: 0,
        price: price * Self.tick, clientOrderID: Self.text("order-", UInt64(id)))
      return Request(
        header: header(KeyID(UInt64(owner) + 1), stamp), command: .placeOrder(order))
    case .cancel(let id):
      let owner = Int(id % Int64(Self.accounts))
      let cancel = CancelOrder(
        account: Self.account(owner), symbol: SymbolID(1), orderID: OrderID(id),
        originalClientOrderID: .empty, cancelClientOrderID: Self.text("cancel-", number),
        restriction: .none)
      return Request(
        header: header(KeyID(UInt64(owner) + 1), stamp), command: .cancelOrder(cancel))
    }
  }

  private static func account(_ i: Int) -> AccountID {
    AccountID(AccountID.firstCustomer.value + UInt64(i))
  }

  // 32 bytes without a pattern, as a SHA-256 is.
  private mutating func header(_ key: KeyID, _ stamp: Int64) -> CommandHeader {
    number += 1
    func word(_ lane: UInt64) -> UInt64 {
      var z = (number &* 4 &+ lane) &* 0x9E37_79B9_7F4A_7C15
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
    return CommandHeader(
      requestID: RequestID(word(0), word(1), word(2), word(3)), key: key,
      timestamp: key == .admin ? 0 : stamp, deadline: stamp + Self.patience)
  }

  private static func text(_ prefix: String, _ number: UInt64) -> ShortText {
    ShortText(Array(prefix.utf8) + Array(String(number, radix: 36).utf8)) ?? .empty
  }
}
