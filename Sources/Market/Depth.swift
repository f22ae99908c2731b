// Depth: the visible levels of one symbol's book, both sides sorted.
//
// Invariants: every stored quantity is above 0; no price occurs twice on a side; the best level of
// a side is the last of its array, because that is where most changes happen.
// Not here: orders (Engine), and windows of changes (DepthWindow).

import Engine

/// A level's name: its side and price in one number. Sorted, bids come first, then asks, each from
/// the best price on.
struct LevelName: Hashable, Comparable, Sendable {
  /// -price for a bid, +price for an ask.
  let raw: Int64

  init(raw: Int64) { self.raw = raw }
  init(_ side: Side, _ price: Int64) { raw = side == .buy ? -price : price }

  var side: Side { raw < 0 ? .buy : .sell }
  var price: Int64 { raw < 0 ? -raw : raw }

  static func < (a: Self, b: Self) -> Bool { a.raw < b.raw }
}

/// Both sides of a book at one update id.
struct Depth: Equatable, Sendable {
  private(set) var bids: [PriceLevel] = []
  private(set) var asks: [PriceLevel] = []
  /// The update id of the last change; 0 before the first.
  private(set) var lastUpdateID: Int64 = 0

  init() {}

  /// Takes over stored levels, each once. They may come in any order.
  init(levels: [(name: LevelName, quantity: Int64)], lastUpdateID: Int64) {
    self.lastUpdateID = lastUpdateID
    for level in levels.sorted(by: { $0.name > $1.name }) where level.quantity > 0 {
      let value = PriceLevel(price: level.name.price, quantity: level.quantity)
      if level.name.side == .buy { bids.append(value) } else { asks.append(value) }
    }
  }

  /// Takes over a change.
  ///
  /// - Complexity: O(log n) to find the level, O(distance from the best price) to insert or remove
  /// it.
  mutating func apply(_ change: LevelChange) {
    set(LevelName(change.side, change.price), change.quantity)
    lastUpdateID = change.updateID
  }

  /// The quantity at a level, 0 if it is not there.
  func quantity(_ name: LevelName) -> Int64 {
    let side = name.side == .buy ? bids : asks
    let at = Self.position(of: name, in: side)
    return at < side.count && side[at].price == name.price ? side[at].quantity : 0
  }

  /// The best level of a side; price and quantity 0 if the side is empty.
  func best(_ side: Side) -> PriceLevel {
    (side == .buy ? bids.last : asks.last) ?? PriceLevel(price: 0, quantity: 0)
  }

  /// The best `limit` levels of a side, best first.
  func top(_ side: Side, limit: Int) -> [PriceLevel] {
    Array((side == .buy ? bids : asks).suffix(max(0, limit)).reversed())
  }

  private mutating func set(_ name: LevelName, _ quantity: Int64) {
    if name.side == .buy {
      Self.set(name, quantity, in: &bids)
    } else {
      Self.set(name, quantity, in: &asks)
    }
  }

  private static func set(_ name: LevelName, _ quantity: Int64, in side: inout [PriceLevel]) {
    let at = position(of: name, in: side)
    let exists = at < side.count && side[at].price == name.price
    if quantity <= 0 {
      if exists { side.remove(at: at) }
    } else if exists {
      side[at].quantity = quantity
    } else {
      side.insert(PriceLevel(price: name.price, quantity: quantity), at: at)
    }
  }

  /// Where the level stands or would stand: names fall along the array.
  private static func position(of name: LevelName, in side: [PriceLevel]) -> Int {
    var low = 0
    var high = side.count
    while low < high {
      let middle = (low + high) / 2
      if LevelName(name.side, side[middle].price) > name {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }
}
