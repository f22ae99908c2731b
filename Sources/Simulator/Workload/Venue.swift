// Venue: the exchange that is simulated: its genesis, with funded accounts.
//
// Invariant: equal for all seeds, so ids are known beforehand.
// Not here: what clients do with it (Clients).

import Engine

enum Venue {
  static let genesisHash = (0..<32).map { UInt8($0) }
  static let customers = 6
  static let symbol = SymbolID(1)
  static let assets = [AssetID(1), AssetID(2)]

  struct Customer {
    var account: AccountID
    var key: KeyID
  }

  private static var definitions: [Command] {
    let filters = SymbolFilters(
      minPrice: 1, maxPrice: 1 << 40, tickSize: 1, minQuantity: 1, maxQuantity: 1 << 40,
      stepSize: 1, maxOpenOrders: 0)
    return [
      .genesis(GenesisMark(clusterID: "sim", hash: genesisHash)),
      .addAsset(AddAsset(name: "BTC", scale: 2)), .addAsset(AddAsset(name: "USDT", scale: 2)),
      .addSymbol(
        AddSymbol(
          name: "BTCUSDT", base: "BTC", quote: "USDT", filters: filters, makerRate: 100_000,
          takerRate: 100_000)),
    ]
  }

  private static func account(_ number: Int) -> Command {
    .createAccount(
      CreateAccount(
        name: "account\(number)", permissions: [.trade, .withdraw],
        limits: OrderLimits(per10Seconds: 1_000_000, perDay: 1_000_000),
        apiKey: String(repeating: "k", count: 62) + "\(10 + number)", sealedSecret: [1, 2, 3]))
  }

  private static func request(_ command: Command) -> Request {
    Request(
      header: CommandHeader(
        requestID: RequestID(0, 0, 0, 0), key: .admin, timestamp: 0, deadline: 0),
      command: command)
  }

  /// Definitions, accounts and their first funds. The ids are taken from an exchange of its own.
  private static let founded: (genesis: [Request], customers: [Customer]) = {
    var genesis: [Request] = []
    var customers: [Customer] = []
    var exchange = Exchange()
    var events = EventBatch()
    events.begin(index: 1, stamp: 1)
    func add(_ command: Command) -> Reply {
      let framed = request(command)
      genesis.append(framed)
      return exchange.apply(framed, stamp: 1, &events)
    }
    for command in definitions { _ = add(command) }
    for number in 0..<Self.customers {
      guard case .account(let account, let key) = add(account(number)) else {
        preconditionFailure("the genesis cannot be applied")
      }
      customers.append(Customer(account: account, key: key))
      for (place, asset) in assets.enumerated() {
        let id = "genesis-\(number)-\(place)"
        _ = add(.deposit(Funds(account: account, asset: asset, amount: 1 << 40, id: id)))
      }
    }
    return (genesis, customers)
  }()

  /// The genesis of a cluster that is founded at that level.
  static func genesis(at level: UInt32) -> [Request] {
    founded.genesis + [request(.setLevel(SetLevel(level: level)))]
  }

  static var accounts: [Customer] { founded.customers }
}
