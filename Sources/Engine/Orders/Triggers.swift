// Triggers: orders that wait for a price, and what happens when a trade meets it.
//
// A stop price stands in one of two ladders per symbol: those met from below (BUY stop losses, SELL
// take profits) and those met from above. A trailing order follows the price in a list. Each taker
// phase leaves the prices at which it traded; afterwards all orders that one of them met fire, in
// the order of their ids, and take their turns; what their own trades meet queues up behind them.
// Invariants: an order fires once; a trailing order's extreme never goes back; no command runs more
// than `turnsPerCommandMax` turns, and what is left goes on with the next command on the symbol.
// Not here: what an order does in its turn (Exchange+Turns).

/// An order or a list that waits for its turn.
struct Turn {
  var number: UInt64
  /// A slot of the orders, or of the lists.
  var slot: Int32
  var isList: Bool
}

/// What waits for the prices of one symbol.
struct SymbolTriggers {
  /// Met by a price at or above theirs; the lowest is the best.
  var above = Ladder()
  /// Met by a price at or below theirs; the highest is the best.
  var below = Ladder()
  var followers: [Int32] = []
  var turns: [Turn] = []
  /// What was traded since the last look, without repetitions.
  var prices: [Int64] = []
}

extension Exchange {
  /// Turns that one command may run.
  public static let turnsPerCommandMax = 1_000
  /// A symbol takes no trailing order while so many orders wait on it: each may have to be looked at
  /// with each trade.
  static let followersMax: Int32 = 10_000

  /// True if an order of the side and type fires at or above its stop price.
  static func firesAbove(_ side: Side, _ type: OrderType) -> Bool {
    let isStopLoss = type == .stopLoss || type == .stopLossLimit
    return isStopLoss == (side == .buy)
  }

  /// Puts an order where it waits.
  mutating func park(_ slot: Int32, _ phase: OrderPhase) {
    let symbol = book.orders[slot].symbol
    openTriggers(symbol)
    symbols.states[symbol].watchers += 1
    guard phase == .waiting else {
      triggers[Int(symbol)].followers.append(slot)
      return
    }
    let view = book.orders[view: slot]
    let price = view.extras.terms.stopPrice
    let tick = UInt64(price / symbols.states[symbol].filters.tickSize)
    let level =
      Self.firesAbove(view.side, view.type)
      ? book.levels.findOrInsert(
        &triggers[Int(symbol)].above, tick: tick, price: price, side: .sell)
      : book.levels.findOrInsert(
        &triggers[Int(symbol)].below, tick: tick, price: price, side: .buy)
    book.append(slot, to: level)
  }

  /// Takes an order from where it waits, whatever it waits for.
  mutating func unpark(_ slot: Int32, _ phase: OrderPhase) {
    let symbol = book.orders[slot].symbol
    switch phase {
    case .working, .pending: return
    case .waiting:
      let level = book.orders[slot].level
      book.unlink(slot)
      if book.levels[level].count == 0 {
        let view = book.orders[view: slot]
        if Self.firesAbove(view.side, view.type) {
          book.levels.remove(&triggers[Int(symbol)].above, level)
        } else {
          book.levels.remove(&triggers[Int(symbol)].below, level)
        }
      }
      book.orders[slot].level = -1
    case .following: triggers[Int(symbol)].followers.removeAll { $0 == slot }
    case .fired: triggers[Int(symbol)].turns.removeAll { $0.slot == slot && !$0.isList }
    }
    symbols.states[symbol].watchers -= 1
    // Whoever comes to wait later must not see prices of before.
    if symbols.states[symbol].watchers == 0 { triggers[Int(symbol)].prices.removeAll() }
  }

  mutating func openTriggers(_ symbol: Int32) {
    while triggers.count <= Int(symbol) { triggers.append(SymbolTriggers()) }
  }

  /// Notes a price for the next look. Only while something waits.
  mutating func note(price: Int64, _ symbol: Int32) {
    openTriggers(symbol)
    if triggers[Int(symbol)].prices.last != price {
      triggers[Int(symbol)].prices.append(price)
    }
  }

  /// Looks at the prices since the last look: extremes move, and orders fire.
  mutating func fire(_ symbol: Int32, _ stamp: Int64, _ events: inout EventBatch) {
    guard Int(symbol) < triggers.count, !triggers[Int(symbol)].prices.isEmpty else { return }
    var met: [Int32] = []
    let prices = triggers[Int(symbol)].prices
    for price in prices {
      follow(symbol, price, &met)
      var reached: [Int32] = []
      while let slot = first(symbol, metBy: price) {
        unpark(slot, .waiting)
        reached.append(slot)
      }
      reached.sort { book.orders[view: $0].id < book.orders[view: $1].id }
      for slot in reached {
        if book.orders[view: slot].extras.terms.trailingDelta == 0 {
          met.append(slot)
          symbols.states[symbol].watchers += 1
          withSpecial(slot) { $0.phase = .fired }
        } else {
          start(following: slot, price, stamp, &events)
        }
      }
    }
    triggers[Int(symbol)].prices.removeAll(keepingCapacity: true)
    met.sort { book.orders[view: $0].id < book.orders[view: $1].id }
    if planted == .turnsReversed { met.reverse() }
    for slot in met where book.orders[slot].live {
      touchLeg(slot, stamp, &events)
      let number = nextTurn(symbol)
      withSpecial(slot) { $0.turn = number }
      triggers[Int(symbol)].turns.append(Turn(number: number, slot: slot, isList: false))
    }
  }

  /// A number for a turn, from the counter of queue positions.
  mutating func nextTurn(_ symbol: Int32) -> UInt64 {
    let number = symbols.states[symbol].counters.nextPriority
    symbols.states[symbol].counters.nextPriority += 1
    symbols.markCounters(symbol)
    return number
  }

  private func first(_ symbol: Int32, metBy price: Int64) -> Int32? {
    if planted == .stopLate {
      return first(symbol, beyond: price)
    }
    let above = triggers[Int(symbol)].above.best
    if above >= 0, book.levels[above].price <= price { return book.levels[above].head }
    let below = triggers[Int(symbol)].below.best
    if below >= 0, book.levels[below].price >= price { return book.levels[below].head }
    return nil
  }

  // What a planted bug takes for it.
  private func first(_ symbol: Int32, beyond price: Int64) -> Int32? {
    let above = triggers[Int(symbol)].above.best
    if above >= 0, book.levels[above].price < price { return book.levels[above].head }
    let below = triggers[Int(symbol)].below.best
    if below >= 0, book.levels[below].price > price { return book.levels[below].head }
    return nil
  }

  private mutating func start(
    following slot: Int32, _ price: Int64, _ stamp: Int64, _ events: inout EventBatch
  ) {
    withSpecial(slot) {
      $0.phase = .following
      $0.extreme = price
    }
    book.orders[view: slot].extras.trailingSince = stamp
    book.orders[view: slot].updatedAt = stamp
    events.append(.orderTriggered(book.orders[view: slot]))
    park(slot, .following)
  }

  // Moves the extremes and takes out the orders whose price came back far enough.
  private mutating func follow(_ symbol: Int32, _ price: Int64, _ met: inout [Int32]) {
    let followers = triggers[Int(symbol)].followers
    guard !followers.isEmpty else { return }
    var firing = false
    for slot in followers {
      let view = book.orders[view: slot]
      let extreme = special(slot)?.extreme ?? 0
      let isBetter = view.side == .sell ? price > extreme : price < extreme
      let delta = view.extras.terms.trailingDelta
      let isMet = extreme > 0 && !isBetter && Self.hasTurned(view.side, extreme, price, delta)
      if extreme == 0 || isBetter || (planted == .trailingBack && !isMet) {
        withSpecial(slot) { $0.extreme = price }
      } else if isMet {
        withSpecial(slot) { $0.phase = .fired }
        met.append(slot)
        firing = true
      }
    }
    guard firing else { return }
    triggers[Int(symbol)].followers = followers.filter { phase($0) == .following }
  }

  /// True if `price` is `delta` hundredths of a per cent away from the extreme.
  static func hasTurned(_ side: Side, _ extreme: Int64, _ price: Int64, _ delta: UInt32) -> Bool {
    let now = Int128(price) * 10_000
    return side == .sell
      ? now <= Int128(extreme) * (10_000 - Int128(delta))
      : now >= Int128(extreme) * (10_000 + Int128(delta))
  }
}

extension Book {
  /// Adds an order to the end of a level's queue, without what matching keeps of levels.
  mutating func append(_ slot: Int32, to level: Int32) {
    let tail = levels[level].tail
    orders[slot].level = level
    orders[slot].older = tail
    orders[slot].newer = -1
    if tail >= 0 { orders[tail].newer = slot } else { levels[level].head = slot }
    levels[level].tail = slot
    levels[level].count += 1
  }

  /// Takes an order out of its level's queue; the level stays.
  mutating func unlink(_ slot: Int32) {
    let record = orders[slot]
    if record.older >= 0 {
      orders[record.older].newer = record.newer
    } else {
      levels[record.level].head = record.newer
    }
    if record.newer >= 0 {
      orders[record.newer].older = record.older
    } else {
      levels[record.level].tail = record.older
    }
    levels[record.level].count -= 1
  }
}
