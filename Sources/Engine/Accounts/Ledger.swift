// Ledger: free and locked amounts of every account and asset, changed only by postings whose sides
// cancel out.
//
// Invariants: the balances of an asset over all accounts (custody and fees included) add up to
// zero; all but custody's free amount are never negative; what is issued of an asset never exceeds
// `Amounts.amountMax`, so no sum can overflow. A posting that would break one of these is a bug in
// its caller, which must have checked first: it traps.
// Not here: why money moves (Matcher, Funds), row bytes (State).

/// One account's amounts of one asset.
struct Balance {
  var free: Int64 = 0
  var locked: Int64 = 0
  var tag = RowTag()
  /// True while the balance waits in the command's list of changed balances.
  var touched = false
}

/// Names a balance: the account's place in the account table, and the asset.
struct BalanceName: Equatable {
  var account: Int32
  var asset: AssetID
}

/// All balances.
struct Ledger: ~Copyable {
  private var balances = Blocks<Balance>(blank: Balance())
  /// Per account: where its balances are.
  private var blocks = Slab<Block>(capacity: 64)
  /// Balances whose rows are out of date, in order of their first change.
  private(set) var dirty = List<BalanceName>()
  /// Balances that the running command changed, in order of their first change.
  private(set) var touched = List<BalanceName>()

  /// A planted bug; see PlantedBug.
  var losesFees = false

  /// How many accounts there are.
  var accountCount: Int32 { blocks.count }

  /// Makes room for one more account.
  mutating func addAccount() { _ = blocks.allocate(Block()) }

  @inline(__always)
  func free(_ account: Int32, _ asset: AssetID) -> Int64 { balance(account, asset).free }

  @inline(__always)
  func locked(_ account: Int32, _ asset: AssetID) -> Int64 { balance(account, asset).locked }

  @inline(__always)
  func balance(_ account: Int32, _ asset: AssetID) -> Balance {
    let place = balances.find(blocks[account], Int32(truncatingIfNeeded: asset.value))
    return place >= 0 ? balances[place] : Balance()
  }

  /// Begins to bring closer where an account's balances are listed.
  @inline(__always)
  func fetch(_ account: Int32) { blocks.fetch(account) }

  /// Begins to bring a balance closer.
  @inline(__always)
  func fetch(_ account: Int32, _ asset: AssetID) {
    balances.fetch(blocks[account], Int32(truncatingIfNeeded: asset.value))
  }

  /// Moves `amount` of free money.
  mutating func transfer(_ asset: AssetID, from payer: Int32, to payee: Int32, amount: Int64) {
    change(payer, asset, free: -amount, locked: 0)
    change(payee, asset, free: amount, locked: 0)
  }

  /// Locks `amount` of the account's free money.
  @inline(__always)
  mutating func hold(_ account: Int32, _ asset: AssetID, amount: Int64) {
    change(account, asset, free: -amount, locked: amount)
  }

  /// Frees `amount` of the account's locked money.
  @inline(__always)
  mutating func release(_ account: Int32, _ asset: AssetID, amount: Int64) {
    change(account, asset, free: amount, locked: -amount)
  }

  /// One leg of a trade: the payer gives `amount`, out of `fromLocked` that is unlocked for it
  /// (what is unlocked and not needed becomes free) or, if nothing is unlocked, out of its free
  /// money; the payee gets it less the fee.
  @inline(__always)
  mutating func settle(
    _ asset: AssetID, from payer: Int32, unlocking fromLocked: Int64, to payee: Int32,
    amount: Int64, fee: Int64, feesTo collector: Int32
  ) {
    precondition(amount >= 0 && fee >= 0 && fee <= amount, "a posting with a wrong sign")
    change(payer, asset, free: fromLocked - amount, locked: -fromLocked)
    change(payee, asset, free: amount - fee, locked: 0)
    if fee > 0, !losesFees { change(collector, asset, free: fee, locked: 0) }
  }

  // One side of a posting. Private, so that no caller can post one side alone.
  @inline(__always)
  private mutating func change(_ account: Int32, _ asset: AssetID, free: Int64, locked: Int64) {
    let place = balances.findOrInsert(&blocks[account], Int32(asset.value))
    let news = Self.apply(
      &balances[place], free, locked, mayOwe: account == AccountTable.custody)
    if news.dirty { dirty.append(BalanceName(account: account, asset: asset)) }
    if news.touched { touched.append(BalanceName(account: account, asset: asset)) }
  }

  // Changes one balance. Answers which lists it is new to.
  @inline(__always)
  private static func apply(
    _ balance: inout Balance, _ free: Int64, _ locked: Int64, mayOwe: Bool
  ) -> (dirty: Bool, touched: Bool) {
    let news = (dirty: !balance.tag.dirty, touched: !balance.touched)
    balance.free += free
    balance.locked += locked
    precondition(
      balance.locked >= 0 && (balance.free >= 0 || mayOwe), "a posting beyond the balance")
    balance.tag.dirty = true
    balance.touched = true
    return news
  }

  /// The change at `position` of the command's list of changed balances. Its balance is not in the list any more.
  @inline(__always)
  mutating func untouch(
    _ position: Int
  ) -> (account: Int32, asset: AssetID, free: Int64, locked: Int64) {
    let name = touched[position]
    let place = balances.find(blocks[name.account], Int32(truncatingIfNeeded: name.asset.value))
    balances[place].touched = false
    return (name.account, name.asset, balances[place].free, balances[place].locked)
  }

  /// Ends the list, all of which was taken by `untouch`.
  @inline(__always)
  mutating func endTouched() { touched.removeAll() }

  /// Ends the list of balances with rows out of date, storing each row's new hash (given by `hash`,
  /// 0 for no row).
  mutating func clean(_ name: BalanceName, hash: UInt128) {
    let place = balances.find(blocks[name.account], Int32(name.asset.value))
    balances[place].tag.hash = hash
    balances[place].tag.dirty = false
  }

  mutating func forgetDirty() { dirty.removeAll() }

  /// Puts back a stored balance.
  mutating func load(_ name: BalanceName, free: Int64, locked: Int64, hash: UInt128) {
    let place = balances.findOrInsert(&blocks[name.account], Int32(name.asset.value))
    var tag = RowTag()
    tag.hash = hash
    balances[place] = Balance(free: free, locked: locked, tag: tag)
  }
}
