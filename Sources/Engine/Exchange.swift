// Exchange: the replicated state machine. Commands in log order go in; replies, events and changed
// rows come out.
//
// Invariants: `apply` is total (any decodable command gets a reply; none traps), deterministic
// (state, command and stamp decide everything), and checks a command wholly before it changes
// anything, so a refusal leaves every bit as it was. Every piece of state has a row, and can be
// rebuilt from rows alone.
// Not here: duplicates and deadlines (Replica), bytes of the log (Replica), names and JSON
// (Gateway).

import Wire

/// Accounts, ledger, symbols, books and orders.
public struct Exchange: ~Copyable {
  /// The most open orders of all accounts together.
  public static let openOrdersMax = 8_000_000
  /// The most open orders of one account on one symbol, whatever the filter says.
  /// The second bounds the answer of a cancel-all: see `ReplyCodec.bytesMax`.
  public static let openOrdersPerSheetMax: UInt32 = 40_000

  /// Fills that an answer lists. An order that trades with more makers trades with all of them; the
  /// rest is in the trade history only.
  public static let fillsPerReplyMax = 10_000

  var accounts = AccountTable()
  var ledger = Ledger()
  var symbols = SymbolTable()
  var book = Book()
  var clientIDs: ClientIDs
  var lists = OrderListTable()
  /// What waits for prices, by symbol; shorter than the symbols.
  var triggers: [SymbolTriggers] = []
  /// The trades of the running order, for its answer.
  var fills = List<Fill>()
  /// The trades with itself that the running order was kept from, for its answer.
  var preventions = List<Prevention>()
  var genesis: GenesisMark?
  /// Level, switches and limits over all symbols.
  public internal(set) var settings = ExchangeSettings()
  /// The highest level that this program applies: lower than `Behaviour.newest` where it plays an older one.
  public var newestLevel = Behaviour.newest
  /// The ids of booked movements of money.
  var funds = FundsIDs()
  var withdrawals = OpenWithdrawals()
  var commissions = CommissionTable()
  var discount = DiscountTable()
  /// Turns that the running command ran, and how many it may: less than a thousand in tests only.
  var turnsRun = 0
  package var turnsMax = Exchange.turnsPerCommandMax
  /// What a test planted; nothing otherwise.
  package var planted = PlantedBug.none {
    didSet { ledger.losesFees = planted == .feeLost }
  }
  package var plantedSymbol = SymbolID(0)
  /// Rows that were encoded when their command ran, and keys of rows that are gone.
  var written = RowBatch()
  var countersHash: UInt128 = 0
  var countersWritten: UInt64 = 1
  var listsWritten: Int64 = 1
  /// The hash of each definition row: genesis, settings, assets, symbols. Those of accounts and keys are
  /// computed again when they are needed.
  var genesisHash: UInt128 = 0
  var settingsHash: UInt128 = 0
  var assetHashes: [UInt128] = []
  var symbolHashes: [UInt128] = []

  /// The sum of the hashes of all logical rows, mod 2^128. Valid after `collectRows`.
  public internal(set) var stateHash: UInt128 = 0

  /// An empty exchange, with the standard horizon for closed client order ids.
  public init() { self.init(horizon: .standard) }

  /// An empty exchange. Every node of a cluster must use the same horizon.
  public init(horizon: ClientIDHorizon) {
    clientIDs = ClientIDs(horizon: horizon)
    for _ in 0..<AccountTable.firstCustomer { ledger.addAccount() }
  }

  /// Applies one command at `stamp` (microseconds since 1970, never decreasing) and appends its
  /// events to the entry that was begun last. One that is refused has none of its own, but may come
  /// behind turns that earlier commands left over.
  ///
  /// Checks the key, its account and its permissions. Does not check duplicates and deadlines:
  /// Replica did.
  /// - Complexity: O(trades) for orders, O(orders) for cancel-all, else O(1), all but for the price
  /// levels touched.
  ///
  /// Appends the answer, as `ReplyCodec` encodes it at `stamp`, to `reply`.
  public mutating func apply(
    _ request: Request, stamp: Int64, _ events: inout EventBatch, reply: inout PackedBytes
  ) {
    events.claim()
    turnsRun = 0
    do {
      try dispatch(request, stamp, &events, &reply)
    } catch {
      if turnsRun > 0 { report(&events) }
      if error == .engineFault { quarantine(request.command, &events) }
      ReplyCodec.pack(rejected: error, into: &reply)
    }
  }

  /// Applies the request at `position` of a batch, without making a value of it.
  public mutating func apply(
    _ batch: borrowing RequestBatch, at position: Int, stamp: Int64, _ events: inout EventBatch,
    reply: inout PackedBytes
  ) {
    events.claim()
    turnsRun = 0
    let item = batch[item: position]
    let key = item.header.key
    let place = Int(item.place)
    do throws(Rejection) {
      switch item.column {
      case .place:
        try dispatch(
          batch.orders[place], batch.fingerprints[place], key, stamp, &events, &reply)
      case .cancel: try dispatch(batch.cancels[place], key, stamp, &events, &reply)
      case .other: try dispatch(batch[position], stamp, &events, &reply)
      }
    } catch {
      if turnsRun > 0 { report(&events) }
      if error == .engineFault { quarantine(batch.command(position), &events) }
      ReplyCodec.pack(rejected: error, into: &reply)
    }
  }

  /// The same, answering a value.
  public mutating func apply(_ request: Request, stamp: Int64, _ events: inout EventBatch) -> Reply
  {
    var bytes = PackedBytes()
    apply(request, stamp: stamp, &events, reply: &bytes)
    do throws(WireError) {
      return try ReplyCodec.decode(bytes[0..<bytes.count], at: stamp)
    } catch {
      preconditionFailure("an answer that cannot be read back: \(error)")
    }
  }

  private mutating func dispatch(
    _ request: Request, _ stamp: Int64, _ events: inout EventBatch, _ reply: inout PackedBytes
  ) throws(Rejection) {
    let key = request.header.key
    switch request.command {
    case .placeOrder(let order):
      let fingerprint = ClientIDs.fingerprint(order.account, order.symbol, order.clientOrderID)
      try dispatch(order, fingerprint, key, stamp, &events, &reply)
    case .cancelOrder(let cancel): try dispatch(cancel, key, stamp, &events, &reply)
    case .cancelAllOrders(let cancel):
      let account = try trader(key, for: cancel.account)
      ReplyCodec.pack(try cancelAll(cancel, account, stamp, &events), at: stamp, into: &reply)
    case .cancelReplace, .amendOrder, .placeOrderList, .cancelOrderList:
      let answer = try dispatch(special: request.command, key, stamp, &events)
      ReplyCodec.pack(answer, at: stamp, into: &reply)
    case .transfer(let transfer):
      ReplyCodec.pack(try self.transfer(transfer, key, stamp, &events), at: stamp, into: &reply)
    case .requestWithdrawal(let request):
      ReplyCodec.pack(try requestWithdrawal(request, key, stamp, &events), at: stamp, into: &reply)
    case .moveWithdrawal(let move):
      ReplyCodec.pack(try moveWithdrawal(move, key, stamp, &events), at: stamp, into: &reply)
    case .setAccountDiscount(let set):
      ReplyCodec.pack(try setAccountDiscount(set, key, &events), at: stamp, into: &reply)
    default:
      guard key == .admin else { throw .permissionMissing }
      ReplyCodec.pack(try administer(request.command, stamp, &events), at: stamp, into: &reply)
    }
  }

  private mutating func dispatch(
    _ order: PlaceOrder, _ fingerprint: UInt64, _ key: KeyID, _ stamp: Int64,
    _ events: inout EventBatch, _ reply: inout PackedBytes
  ) throws(Rejection) {
    let account = try trader(key, for: order.account)
    finishTurns(order.symbol, stamp, &events)
    var view = OrderView.blank
    let placed = try place(order, fingerprint, account, stamp, &events, into: &view)
    ReplyCodec.pack(
      placed: &view, isPlain: placed.isPlain, placed.counts, fills, preventions, at: stamp,
      into: &reply)
  }

  private mutating func dispatch(
    _ cancel: CancelOrder, _ key: KeyID, _ stamp: Int64, _ events: inout EventBatch,
    _ reply: inout PackedBytes
  ) throws(Rejection) {
    let account = try trader(key, for: cancel.account)
    let slot = try find(cancel, account)
    if book.orders[slot].special < 0 {
      let symbol = book.orders[slot].symbol
      var view = book.orders.view(slot)
      let isPlain = book.orders.isPlain(slot, view)
      end(slot, &view, cancel.cancelClientOrderID, stamp, &events)
      runTurns(symbol, stamp, &events)
      report(&events)
      ReplyCodec.pack(
        cancelled: &view, isPlain: isPlain, cancel.cancelClientOrderID, at: stamp, into: &reply)
    } else {
      ReplyCodec.pack(self.cancel(special: slot, cancel, stamp, &events), at: stamp, into: &reply)
    }
  }

  private mutating func dispatch(
    special command: Command, _ key: KeyID, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    switch command {
    case .cancelReplace(let replace):
      let account = try trader(key, for: replace.cancel.account)
      finishTurns(replace.order.symbol, stamp, &events)
      return try self.replace(replace, account, stamp, &events)
    case .amendOrder(let amend):
      let account = try trader(key, for: amend.account)
      return .amended(try self.amend(amend, account, stamp, &events))
    case .placeOrderList(let list):
      let account = try trader(key, for: list.account)
      finishTurns(list.symbol, stamp, &events)
      return .listPlaced(try place(list, account, stamp, &events))
    case .cancelOrderList(let cancel):
      let account = try trader(key, for: cancel.account)
      return .cancelledList(try self.cancel(cancel, account, stamp, &events))
    default: throw .permissionMissing
    }
  }

  private mutating func administer(
    _ command: Command, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    switch command {
    case .placeOrder, .cancelOrder, .cancelAllOrders, .cancelReplace, .amendOrder,
      .placeOrderList, .cancelOrderList, .transfer, .requestWithdrawal, .moveWithdrawal,
      .setAccountDiscount:
      throw .permissionMissing
    case .createAccount(let create): return try createAccount(create, stamp, &events)
    case .createKey(let create): return try createKey(create, stamp, &events)
    case .revokeKey(let revoke): return try revokeKey(revoke, &events)
    case .setOrderLimits(let set): return try setOrderLimits(set, &events)
    case .deposit(let funds): return try deposit(funds, stamp, &events)
    case .withdraw(let funds): return try withdraw(funds, stamp, &events)
    case .addAsset(let asset): return try addAsset(asset, &events)
    case .addSymbol(let symbol): return try addSymbol(symbol, &events)
    case .setSymbolStatus(let set): return try setSymbolStatus(set, stamp, &events)
    case .setSymbolFilters(let set): return try setSymbolFilters(set, &events)
    case .setAssetLimit(let set): return try setAssetLimit(set, &events)
    case .setExchangeLimits(let limits): return setExchangeLimits(limits)
    case .setCommission(let set): return try setCommission(set, &events)
    case .setDiscount(let set): return try setDiscount(set, &events)
    case .setSymbolDiscount(let set): return try setSymbolDiscount(set, &events)
    case .setLevel(let set): return try setLevel(set)
    case .setFeatures(let refused): return try setFeatures(refused)
    case .genesis(let mark): return try markGenesis(mark)
    case .setTradeGroup(let set): return try setTradeGroup(set, &events)
    case .setSelfTradeRules(let set): return try setSelfTradeRules(set, &events)
    }
  }

  // The place of the account that `key` may trade for. The operator trades for nobody.
  func trader(_ key: KeyID, for account: AccountID) throws(Rejection) -> Int32 {
    guard key != .admin else { throw .permissionMissing }
    guard let state = accounts.keyState(key) else { throw .keyUnknown }
    guard !state.revoked else { throw .keyRevoked }
    guard accounts.id(state.account) == account, state.permissions.contains(.trade) else {
      throw .permissionMissing
    }
    return state.account
  }

  /// The key with this id, or `nil`. O(1).
  public func key(_ id: KeyID) -> KeyInfo? { accounts.key(id) }

  /// Whose key it is, or `nil` if there is no such key. O(1).
  public func account(of key: KeyID) -> AccountID? {
    accounts.keyState(key).map { accounts.id($0.account) }
  }

  /// Open orders of all accounts.
  public var openOrders: Int { book.orders.used }

  /// The identity of the cluster, or `nil` before the genesis command.
  public var genesisMark: GenesisMark? { genesis }

  /// Appends an event for each level and each balance that the command changed, and ends both
  /// lists.
  mutating func report(_ events: inout EventBatch) {
    for i in 0..<book.touched.count {
      let change = book.untouch(i)
      if planted == .levelUntold, change.quantity == 0 { continue }
      symbols.states[change.symbol].counters.depthUpdate += 1
      symbols.markCounters(change.symbol)
      events.noteLevel(
        LevelChange(
          symbol: symbols.states[change.symbol].id, side: change.side, price: change.price,
          quantity: change.quantity,
          updateID: symbols.states[change.symbol].counters.depthUpdate))
    }
    book.endTouched()
    for i in 0..<ledger.touched.count {
      let change = ledger.untouch(i)
      events.noteBalance(
        BalanceChange(
          account: accounts.id(change.account), asset: change.asset, free: change.free,
          locked: change.locked))
    }
    ledger.endTouched()
  }
}
