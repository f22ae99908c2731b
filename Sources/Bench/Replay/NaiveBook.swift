// NaiveBook: the simplest order book that could be right, as the oracle of the replay.
//
// One quantity per price, sorted arrays, linear searches. It shares no code with the engine, on purpose.

/// Quantities by price, best first on both sides.
struct NaiveBook {
  private(set) var bids: [Level] = []
  private(set) var asks: [Level] = []

  /// Sets the quantity at a price; 0 removes the level.
  mutating func set(buy: Bool, _ level: Level) {
    if buy { Self.set(&bids, level) { $0 > $1 } } else { Self.set(&asks, level) { $0 < $1 } }
  }

  private static func set(
    _ side: inout [Level], _ level: Level, better: (Int64, Int64) -> Bool
  ) {
    let at = side.firstIndex { !better($0.price, level.price) } ?? side.count
    let exists = at < side.count && side[at].price == level.price
    if level.quantity == 0 {
      if exists { side.remove(at: at) }
    } else if exists {
      side[at].quantity = level.quantity
    } else {
      side.insert(level, at: at)
    }
  }

  /// Executes an immediate-or-cancel order and returns its fills, best price first.
  mutating func take(buy: Bool, price: Int64, quantity: Int64) -> [Level] {
    var left = quantity
    var fills: [Level] = []
    while left > 0, let best = buy ? asks.first : bids.first {
      if buy ? best.price > price : best.price < price { break }
      let filled = min(left, best.quantity)
      fills.append(Level(price: best.price, quantity: filled))
      left -= filled
      set(buy: !buy, Level(price: best.price, quantity: best.quantity - filled))
    }
    return fills
  }
}
