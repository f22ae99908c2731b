// Book: putting orders into level queues and taking them out.
//
// Invariants: a level's quantity and count are the sums over its queue; a level without orders is
// removed at once; each level that a command changes is noted once, with its last quantity.
// Not here: which orders trade (Matcher), the trie (Levels).

/// A level that the running command changed.
struct TouchedLevel {
  var symbol: Int32
  var side: Side
  var price: Int64
  var quantity: Int64
  var slot: Int32
  var live: Bool
}

/// All books: levels, their orders, and what the running command changed in them.
struct Book: ~Copyable {
  var levels = Levels()
  var orders = OrderSlab()
  var specials = Slab<SpecialState>(capacity: 16)
  private(set) var touched = List<TouchedLevel>()
  /// False where nobody asks which levels a command changed.
  var notesChanges = true

  /// Adds an open order to the end of its level's queue. `known`: that level, or -1.
  mutating func enqueue(_ slot: Int32, _ state: inout SymbolState, known: Int32 = -1) {
    let side = orders[slot].side
    let price = orders[slot].price
    var level = known
    if level < 0 {
      // A division takes as long as all the rest of this.
      let size = state.filters.tickSize
      let tick = UInt64(size == 1 ? price : price / size)
      level =
        side == .buy
        ? levels.findOrInsert(&state.bids, tick: tick, price: price, side: side)
        : levels.findOrInsert(&state.asks, tick: tick, price: price, side: side)
    }
    let tail = levels[level].tail
    orders[slot].level = level
    orders[slot].older = tail
    orders[slot].newer = -1
    if tail >= 0 { orders[tail].newer = slot } else { levels[level].head = slot }
    levels[level].tail = slot
    levels[level].count += 1
    levels[level].quantity += orders[slot].remaining
    if orders[slot].special >= 0 {
      levels[level].hidden += specials[orders[slot].special].hidden
    }
    touch(level, side, orders[slot].symbol)
  }

  /// True if an order of `side` limited to `limit` (0: not limited) may trade at `price`.
  @inline(__always)
  static func crosses(_ side: Side, limit: Int64, price: Int64) -> Bool {
    limit == 0 || (side == .buy ? price <= limit : price >= limit)
  }

  /// The order that an order of `side` trades with next, given the best level of the other side: the
  /// oldest one there. -1 if there is none, or none within `limit`.
  @inline(__always)
  func nextMaker(_ best: Int32, for side: Side, limit: Int64) -> Int32 {
    guard best >= 0, Self.crosses(side, limit: limit, price: levels[best].price) else { return -1 }
    return levels[best].head
  }

  /// Lowers what an order has left by `quantity`; it stays in its queue.
  @inline(__always)
  mutating func reduce(_ slot: Int32, by quantity: Int64, side: Side) {
    let level = orders[slot].level
    precondition(quantity <= orders[slot].remaining, "a fill beyond what is left")
    orders[slot].remaining -= quantity
    levels[level].quantity -= quantity
    touch(level, side, orders[slot].symbol)
  }

  /// Takes an order out of its level's queue, and the level out of the book if it was the last.
  mutating func dequeue(_ slot: Int32, side: Side, _ state: inout SymbolState) {
    let record = orders[slot]
    let level = record.level
    if record.older >= 0 {
      orders[record.older].newer = record.newer
    } else {
      levels[level].head = record.newer
    }
    if record.newer >= 0 {
      orders[record.newer].older = record.older
    } else {
      levels[level].tail = record.older
    }
    levels[level].count -= 1
    levels[level].quantity -= record.remaining
    if record.special >= 0 { levels[level].hidden -= specials[record.special].hidden }
    touch(level, side, record.symbol)
    if levels[level].count == 0 {
      if notesChanges { touched[Int(levels[level].touched)].live = false }
      if side == .buy {
        levels.remove(&state.bids, level)
      } else {
        levels.remove(&state.asks, level)
      }
    }
  }

  @inline(__always)
  mutating func touch(_ level: Int32, _ side: Side, _ symbol: Int32) {
    guard notesChanges else { return }
    let place = levels[level].touched
    if place >= 0 {
      touched[Int(place)].quantity = levels[level].quantity
      return
    }
    levels[level].touched = Int32(touched.count)
    touched.append(
      TouchedLevel(
        symbol: symbol, side: side, price: levels[level].price,
        quantity: levels[level].quantity, slot: level, live: true))
  }

  /// The change at `position` of the command's list of changed levels. Its level is not in the list any more.
  @inline(__always)
  mutating func untouch(_ position: Int) -> TouchedLevel {
    let change = touched[position]
    if change.live { levels[change.slot].touched = -1 }
    return change
  }

  /// Ends the command's list of changed levels, of which nobody is told.
  mutating func forgetTouched() {
    for i in 0..<touched.count { _ = untouch(i) }
    touched.removeAll()
  }

  /// Ends the list, all of which was taken by `untouch`.
  @inline(__always)
  mutating func endTouched() { touched.removeAll() }
}
