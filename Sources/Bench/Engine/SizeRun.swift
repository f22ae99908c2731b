// SizeRun: a large exchange (accounts, symbols, open orders), made command by command and stored as rows, and a start
// from those rows.
//
// Not here: the command line (SizeCommand), counting memory (Resident).

import Engine
import Raft
import Replica
import Storage
import Wire

/// Makes the exchange in a state store.
struct SizeRun: ~Copyable {
  private var machine = StateMachine(hashInterval: 1 << 60)
  private let store: StateStore
  private var events = EventBatch()
  private var rows = RowBatch()
  private var outcomes = AppliedOutcomes()
  private var waiting: [[UInt8]] = []
  private var number: UInt64 = 0
  private var index: UInt64 = 0
  private var stamp: Int64 = 1_700_000_000_000_000

  init(directory: String) throws { store = try StateStore.open(path: directory) }

  /// Every account has an API key, money of two assets, and its share of the open orders, half of them BUY.
  /// Answers the mebibytes that it all takes in this process.
  mutating func make(accounts: Int, symbols: Int, orders: Int) throws -> Int {
    try add(
      .admin, .genesis(GenesisMark(clusterID: "bench", hash: [UInt8](repeating: 1, count: 32))))
    try add(.admin, .addAsset(AddAsset(name: "QUOTE", scale: 6)))
    let filters = SymbolFilters(
      minPrice: 0, maxPrice: 0, tickSize: 10_000, minQuantity: 0, maxQuantity: 0, stepSize: 1_000,
      maxOpenOrders: 0)
    for symbol in 0..<symbols {
      try add(.admin, .addAsset(AddAsset(name: "B\(symbol)", scale: 6)))
      try add(
        .admin,
        .addSymbol(
          AddSymbol(
            name: "B\(symbol)QUOTE", base: "B\(symbol)", quote: "QUOTE", filters: filters,
            makerRate: 80_000, takerRate: 100_000)))
    }
    for account in 0..<accounts { try open(account, symbols) }
    for order in 0..<orders { try place(order, accounts, symbols) }
    try flush()
    try store.flush()
    let resident = Resident.mebibytes().now
    guard machine.exchangeOpenOrders == orders else {
      throw SizeFault.orders(machine.exchangeOpenOrders)
    }
    store.close()
    return resident
  }

  private mutating func open(_ account: Int, _ symbols: Int) throws {
    // As long as the ones that a node draws.
    let key = String(repeating: "k", count: 56) + String(10_000_000 + account)
    try add(
      .admin,
      .createAccount(
        CreateAccount(
          name: "account\(account)", permissions: .trade,
          limits: OrderLimits(per10Seconds: .max, perDay: .max), apiKey: key,
          sealedSecret: [UInt8](repeating: 7, count: 92))))
    for asset in [1, UInt32(account % symbols + 2)] {
      try add(
        .admin,
        .deposit(
          Funds(
            account: Self.id(account), asset: AssetID(asset), amount: 1_000_000_000_000,
            id: "\(account).\(asset)")))
    }
  }

  private mutating func place(_ order: Int, _ accounts: Int, _ symbols: Int) throws {
    let account = order % accounts
    let isBuy = (order / symbols) % 2 == 0
    let offset = Int64(1 + order / symbols % 500)
    try add(
      KeyID(UInt64(account) + 1),
      .placeOrder(
        PlaceOrder(
          account: Self.id(account), symbol: SymbolID(UInt32(account % symbols + 1)),
          side: isBuy ? .buy : .sell, type: .limit, timeInForce: .gtc, quantity: 5_000,
          quoteOrderQuantity: 0, price: (isBuy ? 100_000 - offset : 100_000 + offset) * 10_000,
          clientOrderID: ShortText("x-order-\(order)") ?? .empty)))
  }

  private static func id(_ account: Int) -> AccountID {
    AccountID(AccountID.firstCustomer.value + UInt64(account))
  }

  private mutating func add(_ key: KeyID, _ command: Command) throws {
    number += 1
    // Some 6,000 commands a second, so that about as many outcomes are kept as a node keeps by default: 400,000.
    stamp += 165
    // 32 bytes without a pattern, as a SHA-256 is.
    var random = Generator(seed: number &* 0x9E37_79B9_7F4A_7C15)
    let id = RequestID(random.next(), random.next(), random.next(), random.next())
    let header = CommandHeader(
      requestID: id, key: key, timestamp: key == .admin ? 0 : stamp, deadline: stamp + 5_000_000)
    var writer = ByteWriter(capacity: 256)
    CommandCodec.encode(Request(header: header, command: command), into: &writer)
    waiting.append(writer.bytes)
    if waiting.count == 1024 { try flush() }
  }

  private mutating func flush() throws {
    index += 1
    let entry = Entry(
      id: EntryID(term: Term(1), index: LogIndex(index)), kind: .command,
      payload: EntryPayload.encode(stamp: stamp, requests: waiting))
    waiting.removeAll(keepingCapacity: true)
    try machine.apply(entry, &events, &outcomes)
    machine.collectRows(into: &rows)
    try store.write(rows)
    events.removeAll()
    outcomes.removeAll()
    rows.removeAll()
  }

  /// Starts from the rows, as a node does.
  static func start(directory: String) throws -> StartFigures {
    let before = EngineClock.now()
    let cpuBefore = EngineClock.threadTime()
    let store = try StateStore.open(path: directory)
    let machine = try StateMachine(loading: store)
    let seconds = Double(EngineClock.now() - before) / 1e9
    let cpuSeconds = Double(EngineClock.threadTime() - cpuBefore) / 1e9
    // The machine is still there: its orders are counted afterwards.
    let resident = Resident.mebibytes()
    let orders = machine.exchangeOpenOrders
    store.close()
    return StartFigures(
      orders: orders, seconds: seconds, cpuSeconds: cpuSeconds, residentMiB: resident.now)
  }
}

/// What a start took.
struct StartFigures {
  var orders: Int
  var seconds: Double
  /// Of the thread that reads the rows.
  var cpuSeconds: Double
  /// With everything loaded.
  var residentMiB: Int
}

enum SizeFault: Error {
  /// So many orders are open, and not as many as were placed.
  case orders(Int)
}
