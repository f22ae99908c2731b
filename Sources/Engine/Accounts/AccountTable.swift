// AccountTable: accounts and keys, and each account's order counts and open orders per symbol.
//
// Accounts lie densely: the venue's own first, then customers in the order of their creation.
// Invariants: ids are never reused; names and API keys are unique; the definitions are the very bytes
// of their rows, so that a row's hash is known without being kept.
// Not here: balances (Ledger), orders (OrderSlab).

import Wire

/// What the order path needs of an account.
struct AccountState {
  var limits: OrderLimits
  var tradeGroup = TradeGroupID.none
  var windows = OrderWindows.none
  var windowsTag = RowTag()
  // Stands here because the tag leaves room: there is a million of these.
  var usesDiscount = false
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
  private var rows = DefinitionRows()
  private var keyRows = DefinitionRows()
  private var byName = SlotMap()
  private var byAPIKey = SlotMap()

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
      return index < UInt64(rows.count) ? Int32(index) + Self.firstCustomer : nil
    }
    return id.value < UInt64(Self.firstCustomer) ? Int32(id.value) : nil
  }

  /// The account at a place.
  @inline(__always)
  func id(_ place: Int32) -> AccountID { Self.id(place) }

  /// The same: accounts are numbered without gaps.
  @inline(__always)
  static func id(_ place: Int32) -> AccountID {
    place < firstCustomer
      ? AccountID(UInt64(place))
      : AccountID(AccountID.firstCustomer.value + UInt64(place - firstCustomer))
  }

  /// How many customers and keys there are.
  var count: Int { rows.count }
  var keyCount: Int { keyRows.count }

  /// The account's definition, decoded from its row: for what is rare.
  func info(_ place: Int32) -> AccountInfo {
    let info = try? EngineRows.decodeAccount(
      key: EngineRows.accountKey(id(place)), value: row(place))
    guard let info else { preconditionFailure("the row of an account cannot be read") }
    return info
  }

  /// The value of the account's row.
  func row(_ place: Int32) -> [UInt8] { rows[Int(place - Self.firstCustomer)] }

  func isNameTaken(_ name: String) -> Bool {
    var probe = byName.probe(Self.fingerprint(name))
    while let place = byName.next(&probe) {
      if info(place).name == name { return true }
    }
    return false
  }

  func key(apiKey: String) -> KeyID? {
    var probe = byAPIKey.probe(Self.fingerprint(apiKey))
    while let slot = byAPIKey.next(&probe) {
      let id = KeyID(UInt64(slot) + 1)
      if key(id)?.apiKey == apiKey { return id }
    }
    return nil
  }

  private static func fingerprint(_ name: String) -> UInt64 {
    UInt64(truncatingIfNeeded: RowHash.chained(key: [], value: Array(name.utf8)))
  }

  @inline(__always)
  func keyState(_ id: KeyID) -> KeyState? {
    id.value >= 1 && id.value <= UInt64(keyStates.count) ? keyStates[Int32(id.value - 1)] : nil
  }

  /// The key's definition, decoded from its row: for what is rare.
  func key(_ id: KeyID) -> KeyInfo? {
    guard id.value >= 1, id.value <= UInt64(keyRows.count) else { return nil }
    return try? EngineRows.decodeKey(key: EngineRows.keyKey(id), value: keyRow(id))
  }

  /// The value of the key's row.
  func keyRow(_ id: KeyID) -> [UInt8] { keyRows[Int(id.value - 1)] }

  /// The id of the next account and of the next key.
  var nextAccount: AccountID { AccountID(AccountID.firstCustomer.value + UInt64(rows.count)) }
  var nextKey: KeyID { KeyID(UInt64(keyRows.count) + 1) }

  /// Adds an account under `nextAccount`; `row` is the value of its row.
  mutating func add(_ info: AccountInfo, row: [UInt8]) {
    precondition(info.id == nextAccount, "accounts are numbered in order")
    rows.append(row)
    let place = states.allocate(
      AccountState(
        limits: info.limits, tradeGroup: info.tradeGroup, usesDiscount: info.usesDiscount))
    byName.insert(Self.fingerprint(info.name), place)
  }

  /// Adds a key under `nextKey`; `row` is the value of its row.
  mutating func add(_ key: KeyInfo, account: Int32, row: [UInt8]) {
    precondition(key.id == nextKey, "keys are numbered in order")
    keyRows.append(row)
    let slot = keyStates.allocate(
      KeyState(account: account, permissions: key.permissions, revoked: key.revoked))
    byAPIKey.insert(Self.fingerprint(key.apiKey), slot)
  }

  /// Takes what changed in a key, which may be that it is revoked.
  mutating func change(_ key: KeyInfo) {
    keyStates[Int32(key.id.value - 1)].revoked = key.revoked
    keyRows.replace(Int(key.id.value - 1), RowValues.key(key))
  }

  /// Takes what changed in an account: anything but its name.
  mutating func change(_ place: Int32, _ info: AccountInfo) {
    states[place].limits = info.limits
    states[place].tradeGroup = info.tradeGroup
    states[place].usesDiscount = info.usesDiscount
    rows.replace(Int(place - Self.firstCustomer), RowValues.account(info))
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

  /// Begins to bring a key closer.
  @inline(__always)
  func fetch(key id: KeyID) { keyStates.fetch(Int32(truncatingIfNeeded: id.value) &- 1) }

  /// Begins to bring closer what an account has open on a symbol.
  @inline(__always)
  func fetchSheet(_ place: Int32, _ symbol: Int32) { sheets.fetch(states[place].sheets, symbol) }

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
