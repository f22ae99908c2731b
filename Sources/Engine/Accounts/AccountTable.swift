// AccountTable: accounts and keys, and each account's order counts and open orders per symbol.
//
// Accounts lie densely: the venue's own first, then customers in the order of their creation.
// Invariants: ids are never reused; names and API keys are unique; dictionaries are only looked up,
// never iterated.
// Not here: balances (Ledger), orders (OrderSlab).

/// What the order path needs of an account.
struct AccountState {
  var limits: OrderLimits
  var tradeGroup = TradeGroupID.none
  var usesDiscount = false
  var windows = OrderWindows.none
  var windowsTag = RowTag()
  /// Its open orders on all symbols.
  var openOrders: Int32 = 0
  /// Of them, stop and take-profit orders, and icebergs; and its open lists.
  var openAlgorithmic: Int32 = 0
  var openIcebergs: Int32 = 0
  var openLists: Int32 = 0
  /// Open orders per symbol.
  var sheets = Block()
  /// The ids of its closed orders that are still refused, oldest and newest (ClientIDs).
  var oldestClosed: Int32 = -1
  var newestClosed: Int32 = -1
  var closedCount: Int32 = 0
}

/// The open orders of one account on one symbol, oldest first.
struct Sheet {
  var head: Int32 = -1
  var tail: Int32 = -1
  var count: Int32 = 0
  /// Of them, stop and take-profit orders, parked or not.
  var algorithmic: Int32 = 0
  /// Of them, iceberg orders.
  var icebergs: Int32 = 0
  /// Open lists.
  var lists: Int32 = 0
}

/// What the order path needs of a key.
struct KeyState {
  var account: Int32
  var permissions: Permissions
  var revoked: Bool
}

/// Accounts and keys.
struct AccountTable: ~Copyable {
  /// Places of the venue's own accounts.
  static let custody: Int32 = 1
  static let fees: Int32 = 2
  static let firstCustomer: Int32 = 3
  static let countMax = 4_000_000
  static let keysMax = 8_000_000

  var states = Slab<AccountState>(capacity: 64)
  var sheets = Blocks<Sheet>(blank: Sheet())
  /// Accounts whose order counts changed since their rows were written.
  var dirtyWindows = List<Int32>()
  private(set) var keyStates = Slab<KeyState>(capacity: 64)
  /// Of customers only.
  private(set) var infos: [AccountInfo] = []
  private(set) var keys: [KeyInfo] = []
  private var byName: [String: Int32] = [:]
  private var byAPIKey: [String: Int] = [:]

  init() {
    for _ in 0..<Self.firstCustomer {
      _ = states.allocate(AccountState(limits: OrderLimits(per10Seconds: 0, perDay: 0)))
    }
  }

  /// The place of an account, or `nil` if there is none.
  @inline(__always)
  func place(_ id: AccountID) -> Int32? {
    if id >= AccountID.firstCustomer {
      let index = id.value - AccountID.firstCustomer.value
      return index < UInt64(infos.count) ? Int32(index) + Self.firstCustomer : nil
    }
    return id.value < UInt64(Self.firstCustomer) ? Int32(id.value) : nil
  }

  /// The account at a place.
  @inline(__always)
  func id(_ place: Int32) -> AccountID {
    place < Self.firstCustomer
      ? AccountID(UInt64(place))
      : AccountID(AccountID.firstCustomer.value + UInt64(place - Self.firstCustomer))
  }

  func info(_ place: Int32) -> AccountInfo { infos[Int(place - Self.firstCustomer)] }
  func isNameTaken(_ name: String) -> Bool { byName[name] != nil }
  func key(apiKey: String) -> KeyID? { byAPIKey[apiKey].map { KeyID(UInt64($0) + 1) } }

  @inline(__always)
  func keyState(_ id: KeyID) -> KeyState? {
    id.value >= 1 && id.value <= UInt64(keyStates.count) ? keyStates[Int32(id.value - 1)] : nil
  }

  func key(_ id: KeyID) -> KeyInfo? {
    id.value >= 1 && id.value <= UInt64(keys.count) ? keys[Int(id.value - 1)] : nil
  }

  /// The id of the next account and of the next key.
  var nextAccount: AccountID { AccountID(AccountID.firstCustomer.value + UInt64(infos.count)) }
  var nextKey: KeyID { KeyID(UInt64(keys.count) + 1) }

  /// Adds an account under `nextAccount`.
  mutating func add(_ info: AccountInfo) {
    precondition(info.id == nextAccount, "accounts are numbered in order")
    infos.append(info)
    byName[info.name] = states.allocate(
      AccountState(
        limits: info.limits, tradeGroup: info.tradeGroup, usesDiscount: info.usesDiscount))
  }

  /// Adds a key under `nextKey`.
  mutating func add(_ key: KeyInfo, account: Int32) {
    precondition(key.id == nextKey, "keys are numbered in order")
    byAPIKey[key.apiKey] = keys.count
    keys.append(key)
    _ = keyStates.allocate(
      KeyState(account: account, permissions: key.permissions, revoked: key.revoked))
  }

  mutating func revoke(_ id: KeyID) {
    keys[Int(id.value - 1)].revoked = true
    keyStates[Int32(id.value - 1)].revoked = true
  }

  mutating func setLimits(_ place: Int32, _ limits: OrderLimits) {
    infos[Int(place - Self.firstCustomer)].limits = limits
    states[place].limits = limits
  }

  mutating func setTradeGroup(_ place: Int32, _ group: TradeGroupID) {
    infos[Int(place - Self.firstCustomer)].tradeGroup = group
    states[place].tradeGroup = group
  }

  mutating func setDiscount(_ place: Int32, _ isUsed: Bool) {
    infos[Int(place - Self.firstCustomer)].usesDiscount = isUsed
    states[place].usesDiscount = isUsed
  }

  /// Counts a new order at `stamp`.
  mutating func countOrder(_ place: Int32, at stamp: Int64) {
    states[place].windows = states[place].windows.counting(at: stamp)
    markWindows(place)
  }

  /// Lowers the counts of unfilled orders for an order's first fill. They never go below zero.
  mutating func countFirstFill(_ place: Int32, isMaker: Bool, at stamp: Int64) {
    let counts = states[place].windows.counts(at: stamp)
    guard counts.in10Seconds > 0 || counts.inDay > 0 else { return }
    states[place].windows = states[place].windows.filling(isMaker: isMaker, at: stamp)
    markWindows(place)
  }

  private mutating func markWindows(_ place: Int32) {
    if !states[place].windowsTag.dirty {
      states[place].windowsTag.dirty = true
      dirtyWindows.append(place)
    }
  }

  /// The open orders of an account on a symbol.
  @inline(__always)
  func sheet(_ place: Int32, _ symbol: Int32) -> Sheet {
    let found = sheets.find(states[place].sheets, symbol)
    return found >= 0 ? sheets[found] : Sheet()
  }

  /// Makes room for a sheet, so that it can be changed in place. Answers its place in `sheets`.
  @inline(__always)
  mutating func openSheet(_ place: Int32, _ symbol: Int32) -> Int {
    sheets.findOrInsert(&states[place].sheets, symbol)
  }
}
