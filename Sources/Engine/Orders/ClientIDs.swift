// ClientIDs: the client order ids of closed orders, refused for a while so that a retry cannot run
// twice.
//
// Open ids are not here (the order slab knows them exactly, and never forgets them). A closed id is
// kept as a 64-bit fingerprint until it is older than the horizon, or too many are kept for its
// account or in all.
// Invariants: entries leave in log order; what is older than the horizon counts as absent even
// while it is still stored; all of it changes only when an order closes.
// Not here: what a refusal is called (Orders).

/// How long closed client order ids are refused. Every node of a cluster must use the same values.
public struct ClientIDHorizon: Hashable, Sendable {
  /// Microseconds of log time; 0 is Binance's rule: an id is free again as soon as its order is
  /// closed.
  public var duration: Int64
  /// Closed ids kept for one account.
  public var perAccountMax: Int
  /// Closed ids kept in all.
  public var totalMax: Int

  public init(duration: Int64, perAccountMax: Int, totalMax: Int) {
    self.duration = duration
    self.perAccountMax = perAccountMax
    self.totalMax = totalMax
  }

  /// 24 hours, 100,000 for an account, 4 million in all.
  public static let standard = ClientIDHorizon(
    duration: 86_400_000_000, perAccountMax: 100_000, totalMax: 4_000_000)
}

/// A closed id and its neighbours in the two queues: of all, and of its account.
struct ClosedID {
  var fingerprint: UInt64
  var closedAt: Int64
  var sequence: UInt64
  var account: Int32
  var older: Int32 = -1
  var newer: Int32 = -1
  var ownOlder: Int32 = -1
  var ownNewer: Int32 = -1
  var live = true
  /// Waits in the list of rows to write.
  var dirty = false
  /// Its row is stored and counts in the state hash.
  var stored = false
}

/// The table of closed ids.
struct ClientIDs: ~Copyable {
  let horizon: ClientIDHorizon
  private var entries = Slab<ClosedID>(capacity: 64)
  private var map = SlotMap()
  private var oldest: Int32 = -1
  private var newest: Int32 = -1
  /// The sequence number of the next closed id. Never reused.
  private(set) var nextSequence: UInt64 = 1
  /// Slots of new entries without a row.
  private(set) var dirty = List<Int32>()
  /// Stored entries that were evicted since the rows were collected.
  private(set) var evicted = List<ClosedID>()

  init(horizon: ClientIDHorizon) { self.horizon = horizon }

  /// Kept entries.
  var count: Int { entries.used }

  subscript(slot: Int32) -> ClosedID { entries[slot] }
  var slotBound: Int32 { entries.count }

  /// Names (account, symbol, id) with 64 bits, the same on every node.
  static func fingerprint(_ account: AccountID, _ symbol: SymbolID, _ text: ShortText) -> UInt64 {
    let owner = account.value &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(symbol.value) << 32
    let mixed = (text.fingerprint ^ owner).multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
    return mixed.high ^ mixed.low ^ owner
  }

  /// Begins to bring closer where an id is looked for.
  @inline(__always)
  func fetch(_ fingerprint: UInt64) { map.fetch(fingerprint) }

  /// True if the id was closed within the horizon before `stamp`.
  func refuses(_ fingerprint: UInt64, account: Int32, at stamp: Int64) -> Bool {
    guard let slot = find(fingerprint, account) else { return false }
    return !hasExpired(entries[slot], at: stamp)
  }

  /// Adds the id of an order that closed at `stamp`, and evicts what must go. Amortised O(1).
  mutating func close(
    _ fingerprint: UInt64, account: Int32, at stamp: Int64, accounts: inout Slab<AccountState>
  ) {
    guard horizon.duration > 0, horizon.perAccountMax > 0, horizon.totalMax > 0 else { return }
    if let earlier = find(fingerprint, account) { evict(earlier, &accounts) }
    // Two for one: the table shrinks as fast as orders close, and no command pays for many.
    for _ in 0..<2 where oldest >= 0 && hasExpired(entries[oldest], at: stamp) {
      evict(oldest, &accounts)
    }
    if count >= horizon.totalMax { evict(oldest, &accounts) }
    if accounts[account].closedCount >= horizon.perAccountMax {
      evict(accounts[account].oldestClosed, &accounts)
    }
    let slot = append(
      ClosedID(
        fingerprint: fingerprint, closedAt: stamp, sequence: nextSequence, account: account),
      &accounts)
    nextSequence += 1
    if !entries[slot].dirty {
      entries[slot].dirty = true
      dirty.append(slot)
    }
  }

  /// Puts back a stored entry; entries must come in the order of their sequence.
  mutating func load(_ entry: ClosedID, accounts: inout Slab<AccountState>) {
    _ = append(entry, &accounts)
  }

  mutating func load(nextSequence: UInt64) { self.nextSequence = nextSequence }

  /// Notes that the row of an entry was written.
  mutating func clean(_ slot: Int32) {
    entries[slot].dirty = false
    entries[slot].stored = true
  }

  /// Notes that a slot in the list holds no entry any more.
  mutating func skip(_ slot: Int32) { entries[slot].dirty = false }

  mutating func forgetDirty() {
    dirty.removeAll()
    evicted.removeAll()
  }

  private func find(_ fingerprint: UInt64, _ account: Int32) -> Int32? {
    var probe = map.probe(fingerprint)
    while let slot = map.next(&probe) {
      if entries[slot].fingerprint == fingerprint, entries[slot].account == account { return slot }
    }
    return nil
  }

  private func hasExpired(_ entry: ClosedID, at stamp: Int64) -> Bool {
    let (age, overflow) = stamp.subtractingReportingOverflow(entry.closedAt)
    return overflow || age >= horizon.duration
  }

  private mutating func append(_ entry: ClosedID, _ accounts: inout Slab<AccountState>) -> Int32 {
    let slot = entries.allocate(entry, keeping: { $0.dirty = $1.dirty })
    map.insert(entry.fingerprint, slot)
    entries[slot].older = newest
    if newest >= 0 { entries[newest].newer = slot } else { oldest = slot }
    newest = slot
    let last = accounts[entry.account].newestClosed
    entries[slot].ownOlder = last
    if last >= 0 {
      entries[last].ownNewer = slot
    } else {
      accounts[entry.account].oldestClosed = slot
    }
    accounts[entry.account].newestClosed = slot
    accounts[entry.account].closedCount += 1
    return slot
  }

  private mutating func evict(_ slot: Int32, _ accounts: inout Slab<AccountState>) {
    let entry = entries[slot]
    precondition(entry.live, "eviction of no entry")
    if entry.older >= 0 { entries[entry.older].newer = entry.newer } else { oldest = entry.newer }
    if entry.newer >= 0 { entries[entry.newer].older = entry.older } else { newest = entry.older }
    if entry.ownOlder >= 0 {
      entries[entry.ownOlder].ownNewer = entry.ownNewer
    } else {
      accounts[entry.account].oldestClosed = entry.ownNewer
    }
    if entry.ownNewer >= 0 {
      entries[entry.ownNewer].ownOlder = entry.ownOlder
    } else {
      accounts[entry.account].newestClosed = entry.ownOlder
    }
    accounts[entry.account].closedCount -= 1
    map.remove(entry.fingerprint, slot)
    entries[slot].live = false
    entries.release(slot)
    if entry.stored { evicted.append(entry) }
  }
}
