// Icebergs: orders that show a slice of what they have left. A slice that is used up is followed by
// the next one, at the end of the level's queue.
//
// Invariants: a level's quantity is what is on display, `hidden` the rest of its orders; a new slice
// has a new place in the queue.
// Not here: what an iceberg order may be (Special).

extension Exchange {
  /// Shows the next slice of an order whose slice is used up, behind all others of its level.
  mutating func replenish(_ slot: Int32) {
    let place = book.orders[slot].special
    precondition(place >= 0 && book.specials[place].hidden > 0, "no slice to show")
    let slice =
      planted == .sliceWhole
      ? book.specials[place].hidden
      : min(book.orders[view: slot].extras.terms.icebergQuantity, book.specials[place].hidden)
    book.specials[place].hidden -= slice
    book.show(slot, slice)
    let symbol = book.orders[slot].symbol
    book.orders[detail: slot].priority = symbols.states[symbol].counters.nextPriority
    symbols.states[symbol].counters.nextPriority += 1
    symbols.markCounters(symbol)
    book.orders.markDirty(slot)
  }
}

extension Book {
  /// Puts `slice` of an order's hidden rest on display, and the order behind all others of its
  /// level.
  mutating func show(_ slot: Int32, _ slice: Int64) {
    let level = orders[slot].level
    orders[slot].remaining += slice
    levels[level].quantity += slice
    levels[level].hidden -= slice
    touch(level, orders[view: slot].side, orders[slot].symbol)
    let newer = orders[slot].newer
    guard newer >= 0 else { return }
    let older = orders[slot].older
    orders[newer].older = older
    if older >= 0 { orders[older].newer = newer } else { levels[level].head = newer }
    let tail = levels[level].tail
    orders[tail].newer = slot
    orders[slot].older = tail
    orders[slot].newer = -1
    levels[level].tail = slot
  }
}
