// OrderSlab: all open orders. What matching reads lies in one record, everything else beside it
// under the same slot.
//
// Invariants: a slot is in exactly one level queue, one account sheet and both id maps while
// `live`; a slot that was given back keeps its mark in the list of changed rows, so that it is
// listed once however often it is reused.
// Not here: which order trades (Matcher), row bytes (State).

/// What the matching path reads of an open order.
struct OrderRecord {
  var remaining: Int64
  let id: OrderID
  /// Of the level that holds it.
  var price: Int64
  var account: Int32
  var symbol: Int32
  /// The level that holds it, and its neighbours there: `older` trades first.
  var level: Int32 = -1
  var older: Int32 = -1
  var newer: Int32 = -1
  /// Its neighbours among the account's open orders on the symbol.
  var sheetOlder: Int32 = -1
  var sheetNewer: Int32 = -1
  /// Its special half, or -1 for a plain order.
  var special: Int32 = -1
  let side: Side
  var live = true
  var dirty = false

  init(
    _ id: OrderID, _ side: Side, price: Int64, remaining: Int64, account: Int32, symbol: Int32
  ) {
    self.id = id
    self.side = side
    self.price = price
    self.remaining = remaining
    self.account = account
    self.symbol = symbol
  }
}

/// All open orders.
struct OrderSlab: ~Copyable {
  private var records = Slab<OrderRecord>(capacity: 1024)
  private var details = Slab<OrderDetail>(capacity: 1024)
  private var rarities = Slab<OrderRarities>(capacity: 16)
  private var byID = SlotMap(bits: 11)
  private var byClientID = SlotMap(bits: 11)
  /// Slots whose rows are out of date.
  private(set) var dirty = List<Int32>()

  /// Open orders.
  var used: Int { records.used }

  /// Slots ever used, for walks over all orders; `live` tells which hold one.
  var slotBound: Int32 { records.count }

  subscript(slot: Int32) -> OrderRecord {
    @inline(__always) _read { yield records[slot] }
    @inline(__always) _modify { yield &records[slot] }
  }

  /// The order's cold half, in place.
  subscript(detail slot: Int32) -> OrderDetail {
    @inline(__always) _read { yield details[slot] }
    @inline(__always) _modify { yield &details[slot] }
  }

  /// The order as it stands, put together from its parts.
  subscript(view slot: Int32) -> OrderView {
    @inline(__always) get { view(slot) }
    @inline(__always) set { put(newValue, slot) }
    @inline(__always) _modify {
      var view = view(slot)
      defer { put(view, slot) }
      yield &view
    }
  }

  /// True if the order is not plain by its terms.
  @inline(__always)
  func hasTerms(_ slot: Int32) -> Bool {
    let place = details[slot].rarities
    return place >= 0 && !rarities[place].extras.terms.isPlain
  }

  @inline(__always)
  private mutating func put(_ view: OrderView, _ slot: Int32) {
    details[slot].take(view)
    if details[slot].rarities >= 0 || !OrderRarities.areNone(in: view) {
      putRarities(OrderRarities(of: view), slot)
    }
  }

  @inline(never)
  private mutating func putRarities(_ rare: OrderRarities, _ slot: Int32) {
    let place = details[slot].rarities
    if place >= 0 {
      rarities[place] = rare
    } else {
      details[slot].rarities = rarities.allocate(rare)
    }
  }

  /// Notes a trade in which the order was the maker.
  @inline(__always)
  mutating func fill(
    _ slot: Int32, _ quantity: Int64, _ quote: Int64, isDone: Bool, _ stamp: Int64
  ) {
    if details[slot].rarities < 0 {
      details[slot].fill(quantity, quote, isDone: isDone, stamp)
    } else {
      self[view: slot].fill(quantity, quote, isDone: isDone, stamp)
    }
  }

  @inline(__always)
  func detail(_ slot: Int32) -> OrderDetail { details[slot] }

  /// The order as it stands.
  @inline(__always)
  func view(_ slot: Int32) -> OrderView {
    var view = details[slot].view(records[slot])
    let place = details[slot].rarities
    if place >= 0 { rarities[place].complete(&view) }
    return view
  }

  /// True if the order in the slot, of which `view` is the whole, has no rarities.
  @inline(__always)
  func isPlain(_ slot: Int32, _ view: OrderView) -> Bool {
    details[slot].rarities < 0 || OrderRarities.areNone(in: view)
  }

  /// Adds an open order; its links are the caller's.
  mutating func add(
    _ record: OrderRecord, _ view: OrderView, priority: UInt64, fingerprint: UInt64,
    hash: UInt128 = 0
  ) -> Int32 {
    var view = view
    return add(
      record, &view, isPlain: OrderRarities.areNone(in: view), priority: priority,
      fingerprint: fingerprint, hash: hash)
  }

  /// The same; `isPlain` if it has no rarities.
  @inline(__always)
  mutating func add(
    _ record: OrderRecord, _ view: inout OrderView, isPlain: Bool, priority: UInt64,
    fingerprint: UInt64, hash: UInt128 = 0
  ) -> Int32 {
    let slot = records.allocate(record, keeping: { $0.dirty = $1.dirty })
    details.follow(slot)
    details[slot] = OrderDetail(view, priority: priority, fingerprint: fingerprint, hash: hash)
    if !isPlain { putRarities(OrderRarities(of: view), slot) }
    byID.insert(Self.hash(record.symbol, record.id), slot)
    byClientID.insert(fingerprint, slot)
    return slot
  }

  /// Takes an order out of the maps and gives its slot back. Answers its client id's fingerprint.
  mutating func remove(_ slot: Int32) -> UInt64 {
    precondition(records[slot].live, "removal of no order")
    let fingerprint = details[slot].fingerprint
    byID.remove(Self.hash(records[slot].symbol, records[slot].id), slot)
    byClientID.remove(fingerprint, slot)
    records[slot].live = false
    records.release(slot)
    if details[slot].rarities >= 0 { rarities.release(details[slot].rarities) }
    return fingerprint
  }

  /// What a planted bug does.
  mutating func forgetFree() {
    records.forgetFree()
    details.forgetFree()
  }

  /// Gives an order another client id. Answers the fingerprint of the old one.
  mutating func rename(_ slot: Int32, _ text: ShortText, fingerprint: UInt64) -> UInt64 {
    let old = details[slot].fingerprint
    byClientID.remove(old, slot)
    details[slot].fingerprint = fingerprint
    details[slot].clientOrderID = text
    byClientID.insert(fingerprint, slot)
    return old
  }

  /// Adds an order of which nothing but the hot half is kept. A slab holds either such orders or
  /// whole ones.
  mutating func add(bare record: OrderRecord) -> Int32 {
    let slot = records.allocate(record)
    byID.insert(Self.hash(record.symbol, record.id), slot)
    return slot
  }

  /// Takes out an order that was added bare.
  mutating func remove(bare slot: Int32) {
    precondition(records[slot].live && details.count == 0, "removal of no bare order")
    byID.remove(Self.hash(records[slot].symbol, records[slot].id), slot)
    records[slot].live = false
    records.release(slot)
  }

  /// Takes out the order with this id, which was added bare, in one lookup; -1 if there is none. Its record stays
  /// readable until the slot is used again.
  mutating func take(bare id: OrderID, of symbol: Int32) -> Int32 {
    precondition(details.count == 0, "bare orders only")
    var probe = byID.probe(Self.hash(symbol, id))
    while let slot = byID.next(&probe) {
      if records[slot].id == id, records[slot].symbol == symbol {
        byID.remove(at: probe)
        records[slot].live = false
        records.release(slot)
        return slot
      }
    }
    return -1
  }

  /// The open order with this id, or `nil`.
  func find(_ symbol: Int32, _ id: OrderID) -> Int32? {
    var probe = byID.probe(Self.hash(symbol, id))
    while let slot = byID.next(&probe) {
      if records[slot].id == id, records[slot].symbol == symbol { return slot }
    }
    return nil
  }

  /// The open order of the account with this client id, or `nil`.
  func find(_ account: Int32, _ symbol: Int32, _ text: ShortText, fingerprint: UInt64) -> Int32? {
    var probe = byClientID.probe(fingerprint)
    while let slot = byClientID.next(&probe) {
      if details[slot].fingerprint == fingerprint, records[slot].account == account,
        records[slot].symbol == symbol, details[slot].clientOrderID == text
      {
        return slot
      }
    }
    return nil
  }

  /// Begins to bring closer where a new order will be looked for and put.
  @inline(__always)
  func fetch(new id: OrderID, _ symbol: Int32, fingerprint: UInt64) {
    byID.fetch(Self.hash(symbol, id))
    byClientID.fetch(fingerprint)
  }

  /// Begins to bring closer where an order is looked for.
  @inline(__always)
  func fetch(_ symbol: Int32, _ id: OrderID) { byID.fetch(Self.hash(symbol, id)) }

  /// The slot in which an order with this id probably is, or -1.
  @inline(__always)
  func guess(_ symbol: Int32, _ id: OrderID) -> Int32 { byID.guess(Self.hash(symbol, id)) }

  /// Begins to bring the order in a slot closer, if there is one.
  @inline(__always)
  func fetch(order slot: Int32) {
    records.fetch(slot)
    details.fetch(slot)
  }

  /// Begins to bring closer what the removal of an order changes.
  @inline(__always)
  func fetchNeighbours(_ slot: Int32) {
    records.fetch(records[slot].older)
    records.fetch(records[slot].newer)
    records.fetch(records[slot].sheetOlder)
    records.fetch(records[slot].sheetNewer)
    byClientID.fetch(details[slot].fingerprint)
    byID.fetch(Self.hash(records[slot].symbol, records[slot].id))
  }

  /// Lists the order's row as out of date.
  @inline(__always)
  mutating func markDirty(_ slot: Int32) {
    if !records[slot].dirty {
      records[slot].dirty = true
      dirty.append(slot)
    }
  }

  /// Notes that the row was written.
  mutating func clean(_ slot: Int32, hash: UInt128?) {
    records[slot].dirty = false
    if let hash { details[slot].hash = hash }
  }

  mutating func forgetDirty() { dirty.removeAll() }

  @inline(__always)
  private static func hash(_ symbol: Int32, _ id: OrderID) -> UInt64 {
    UInt64(bitPattern: id.value) ^ UInt64(UInt32(bitPattern: symbol)) << 40
  }
}
