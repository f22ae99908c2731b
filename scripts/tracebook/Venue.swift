// Venue: a whole exchange, ledger and all, behind the operations of the conformance protocol. Every
// operation is a command that a client or the operator could send; what the book holds afterwards is
// read from the engine.
//
// A source id is the client order id, an owner is an account with ample funds. Quantities are whole
// numbers of 10^-12, prices of ticks.
// Not here: lines and digests (main).

import Engine

/// What came of one operation.
struct Outcome {
  var reason: String?
  var trades: [Trade] = []
  static let applied = Outcome()
  static func rejected(_ reason: String) -> Outcome { Outcome(reason: reason) }
}

struct Venue: ~Copyable {
  static let places = 12
  private var exchange = Exchange(
    horizon: ClientIDHorizon(duration: 0, perAccountMax: 0, totalMax: 0))
  private var index: UInt64 = 0
  private(set) var symbols: [String: SymbolID] = [:]
  private var accounts: [Int64: (id: AccountID, key: KeyID)] = [:]
  private(set) var owners: [AccountID: Int64] = [:]
  /// Whose order a source id was last.
  private var names: [SymbolID: [Int64: Int64]] = [:]
  private let mode: SelfTradePrevention
  private var funds = 0

  init(_ mode: SelfTradePrevention) {
    self.mode = mode
    _ = run(.addAsset(AddAsset(name: "Q", scale: 8)), .admin)
  }

  private mutating func run(_ command: Command, _ key: KeyID) -> (reply: Reply, trades: [Trade]) {
    var batch = EventBatch()
    index += 1
    batch.begin(index: index, stamp: Int64(index) * 1_000_000)
    let header = CommandHeader(
      requestID: RequestID(0, 0, 0, index), key: key, timestamp: 0, deadline: .max)
    let reply = exchange.apply(
      Request(header: header, command: command), stamp: Int64(index) * 1_000_000, &batch)
    let trades = batch.events.compactMap { if case .trade(let trade) = $0 { trade } else { nil } }
    return (reply, trades)
  }

  private mutating func symbol(_ name: String) -> SymbolID {
    if let known = symbols[name] { return known }
    let base = "B\(symbols.count)"
    let filters = SymbolFilters(
      minPrice: 0, maxPrice: 0, tickSize: 1, minQuantity: 0, maxQuantity: 0, stepSize: 1)
    _ = run(.addAsset(AddAsset(name: base, scale: 8)), .admin)
    _ = run(
      .addSymbol(
        AddSymbol(
          name: "\(base)Q", base: base, quote: "Q", filters: filters, makerRate: 0, takerRate: 0)),
      .admin)
    let id = SymbolID(UInt32(symbols.count + 1))
    symbols[name] = id
    for owner in accounts.values { fund(owner.id, AssetID(id.value + 1)) }
    return id
  }

  private mutating func fund(_ account: AccountID, _ asset: AssetID) {
    funds += 1
    _ = run(
      .deposit(Funds(account: account, asset: asset, amount: 1 << 55, id: "d\(funds)")), .admin)
  }

  private mutating func account(_ owner: Int64) -> (id: AccountID, key: KeyID) {
    if let known = accounts[owner] { return known }
    let number = UInt64(accounts.count)
    let made = (id: AccountID(AccountID.firstCustomer.value + number), key: KeyID(number + 1))
    _ = run(
      .createAccount(
        CreateAccount(
          name: "owner\(number)", permissions: .trade,
          limits: OrderLimits(per10Seconds: .max / 2, perDay: .max / 2), apiKey: "key\(number)",
          sealedSecret: [])), .admin)
    accounts[owner] = made
    owners[made.id] = owner
    for asset in 0...symbols.count { fund(made.id, AssetID(UInt32(asset + 1))) }
    return made
  }

  /// The orders of one side in the order in which they would trade.
  func queue(_ side: Side, _ symbol: SymbolID) -> [OrderView] { exchange.queue(side, symbol) }

  /// Plants the bug with this name.
  mutating func plant(_ name: String) {
    exchange.planted = PlantedBug.allCases.first { "\($0)" == name } ?? .none
  }

  /// Invariants that do not hold.
  func broken() -> [String] { exchange.checkInvariants() }

  static func text(_ id: Int64) -> ShortText { ShortText(String(id)) ?? .empty }

  mutating func place(
    _ name: String, _ id: Int64, _ owner: Int64, _ side: Side, _ type: String, _ quantity: Int64,
    _ price: Int64
  ) -> Outcome {
    let symbol = symbol(name)
    if let other = names[symbol]?[id], other != owner, find(symbol, id) != nil {
      return .rejected("DUPLICATE_ORDER_ID")
    }
    let account = account(owner)
    let order = PlaceOrder(
      account: account.id, symbol: symbol, side: side, type: type == "MARKET" ? .market : .limit,
      timeInForce: type == "IOC" ? .ioc : type == "FOK" ? .fok : .gtc, quantity: quantity,
      quoteOrderQuantity: 0, price: type == "MARKET" ? 0 : price, clientOrderID: Self.text(id),
      selfTradePrevention: owner < 0 ? SelfTradePrevention.none : mode)
    let (reply, trades) = run(.placeOrder(order), account.key)
    switch reply {
    case .placed:
      names[symbol, default: [:]][id] = owner
      return Outcome(trades: trades)
    case .rejected(.duplicateClientOrderID): return .rejected("DUPLICATE_ORDER_ID")
    default: return .rejected("INVALID_ORDER")
    }
  }

  private func find(_ symbol: SymbolID, _ id: Int64) -> OrderView? {
    let text = Self.text(id)
    return queue(.buy, symbol).first { $0.clientOrderID == text }
      ?? queue(.sell, symbol).first { $0.clientOrderID == text }
  }

  private func cancellation(
    _ name: String, _ id: Int64
  ) -> (cancel: CancelOrder, owner: (id: AccountID, key: KeyID))? {
    guard let symbol = symbols[name], let owner = names[symbol]?[id],
      let account = accounts[owner]
    else { return nil }
    let cancel = CancelOrder(
      account: account.id, symbol: symbol, orderID: nil, originalClientOrderID: Self.text(id),
      cancelClientOrderID: .empty, restriction: .none)
    return (cancel, account)
  }

  mutating func cancel(_ name: String, _ id: Int64) -> Outcome {
    guard let (cancel, owner) = cancellation(name, id),
      case .cancelled = run(.cancelOrder(cancel), owner.key).reply
    else { return .rejected("ORDER_NOT_ACTIVE") }
    return .applied
  }

  mutating func reduce(_ name: String, _ id: Int64, by amount: Int64) -> Outcome {
    guard let (cancel, owner) = cancellation(name, id), let view = find(cancel.symbol, id) else {
      return .rejected("ORDER_NOT_ACTIVE")
    }
    let left = view.quantity - view.executed
    guard amount > 0, amount <= left else { return .rejected("INVALID_ORDER") }
    if amount == left { return self.cancel(name, id) }
    let amend = AmendOrder(
      account: owner.id, symbol: cancel.symbol, orderID: view.id, originalClientOrderID: .empty,
      quantity: view.quantity - amount, clientOrderID: view.clientOrderID)
    guard case .amended = run(.amendOrder(amend), owner.key).reply else {
      return .rejected("INVALID_ORDER")
    }
    return .applied
  }

  mutating func replace(
    _ name: String, _ id: Int64, price: Int64?, quantity: Int64?
  ) -> Outcome {
    guard let (cancel, owner) = cancellation(name, id), let view = find(cancel.symbol, id) else {
      return .rejected("ORDER_NOT_ACTIVE")
    }
    let order = PlaceOrder(
      account: owner.id, symbol: cancel.symbol, side: view.side, type: .limit, timeInForce: .gtc,
      quantity: quantity ?? view.quantity - view.executed, quoteOrderQuantity: 0,
      price: price ?? view.price, clientOrderID: view.clientOrderID,
      selfTradePrevention: view.selfTradePrevention)
    let (reply, trades) = run(
      .cancelReplace(
        CancelReplace(cancel: cancel, order: order, mode: .stopOnFailure, overLimit: .doNothing)),
      owner.key)
    guard case .replaced(let both) = reply, case .placed = both.order else {
      return .rejected("INVALID_REPLACEMENT")
    }
    return Outcome(trades: trades)
  }

  mutating func clear(_ name: String) -> Outcome {
    let symbol = symbol(name)
    for owner in accounts.values.sorted(by: { $0.id.value < $1.id.value }) {
      let cancel = CancelAllOrders(
        account: owner.id, symbol: symbol, cancelClientOrderID: .empty)
      _ = run(.cancelAllOrders(cancel), owner.key)
    }
    return .applied
  }
}
