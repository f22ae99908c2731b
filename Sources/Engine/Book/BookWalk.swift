// BookWalk: the orders of one side in the order in which they would trade, slices of icebergs in
// their turns, without changing anything.
//
// Invariant: as long as each visit is used up, the visits are the trades that matching would make.
// Not here: what is decided on the way (Plan).

/// A place in the book, and the slices that come up again at this level.
struct BookWalk {
  fileprivate var level: Int32
  fileprivate var slot: Int32
  fileprivate var again: [(slot: Int32, hidden: Int64)] = []
  fileprivate var turn = 0
}

/// What one order offers at once.
struct BookVisit {
  var slot: Int32
  var quantity: Int64
  var price: Int64
}

extension Exchange {
  /// A walk over what an order of `side` would trade with.
  func walk(against side: Side, _ symbol: Int32) -> BookWalk {
    let best = bestOpposite(side, symbol)
    return BookWalk(level: best, slot: best < 0 ? -1 : book.levels[best].head)
  }

  /// The orders of one side in the order in which they would trade. O(orders).
  package func queue(_ side: Side, _ symbol: SymbolID) -> [OrderView] {
    guard let place = symbols.place(symbol) else { return [] }
    var views: [OrderView] = []
    var walk = walk(against: side.opposite, place)
    while let visit = next(&walk) { views.append(book.orders[view: visit.slot]) }
    return views
  }

  /// The next offer, or `nil` at the end of the book.
  func next(_ walk: inout BookWalk) -> BookVisit? {
    guard walk.level >= 0 else { return nil }
    let price = book.levels[walk.level].price
    let visit: BookVisit
    let hidden: Int64
    if walk.slot >= 0 {
      let slot = walk.slot
      visit = BookVisit(slot: slot, quantity: book.orders[slot].remaining, price: price)
      hidden = special(slot)?.hidden ?? 0
      walk.slot = book.orders[slot].newer
    } else {
      let (slot, rest) = walk.again[walk.turn]
      walk.turn += 1
      let slice = min(rest, book.orders[view: slot].extras.terms.icebergQuantity)
      visit = BookVisit(slot: slot, quantity: slice, price: price)
      hidden = rest - slice
    }
    if hidden > 0 { walk.again.append((visit.slot, hidden)) }
    if walk.slot < 0, walk.turn == walk.again.count {
      walk.again.removeAll()
      walk.turn = 0
      walk.level = book.levels[walk.level].worse
      walk.slot = walk.level < 0 ? -1 : book.levels[walk.level].head
    }
    return visit
  }
}
