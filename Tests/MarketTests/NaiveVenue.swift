// NaiveVenue: a slow, obviously right exchange that makes events in the engine's order, and
// remembers the truth.
// Not here: money, filters, refusals.

import Engine

/// Random trading of two symbols, with everything that happened in plain arrays.
struct NaiveVenue {
  struct Book {
    var open: [OrderView] = []
    var levels: [Int64: Int64] = [:]  // +price asks, -price bids
    var nextOrder: Int64 = 1
    var nextTrade: Int64 = 1
    var updateID: Int64 = 0
  }

  var books: [Book] = [Book(), Book()]
  var trades: [Trade] = []
  var latest: [String: OrderView] = [:]
  /// The levels of a symbol at each update id.
  var history: [[Int64: [Int64: Int64]]] = [[0: [:]], [0: [:]]]
  var stamp: Int64
  var index: UInt64 = 1
  private var random: Seeded
  private let step: Int64

  /// - Parameter step: stamps grow by up to twice this many microseconds an entry.
  init(seed: UInt64, start: Int64, step: Int64) {
    random = Seeded(seed)
    stamp = start
    self.step = step
  }

  /// The events of `count` further log entries.
  mutating func run(entries count: Int) -> EventBatch {
    var batch = EventBatch()
    for _ in 0..<count {
      stamp += random.below(2 * step + 1)
      index += 1
      batch.begin(index: index, stamp: stamp)
      for _ in 0..<random.below(4) { command(&batch) }
    }
    return batch
  }

  /// An entry without commands.
  mutating func tick(after microseconds: Int64) -> EventBatch {
    stamp += microseconds
    index += 1
    var batch = EventBatch()
    batch.begin(index: index, stamp: stamp)
    return batch
  }

  private mutating func command(_ batch: inout EventBatch) {
    let at = Int(random.below(2))
    let before = books[at].levels
    if random.below(4) == 0, !books[at].open.isEmpty {
      cancel(at, &batch)
    } else {
      place(at, &batch)
    }
    books[at].levels = Self.levels(books[at].open)
    let names = Set(before.keys).union(books[at].levels.keys).sorted()
    for name in names where before[name] != books[at].levels[name] {
      books[at].updateID += 1
      let change = LevelChange(
        symbol: SymbolID(UInt32(at + 1)), side: name < 0 ? .buy : .sell, price: abs(name),
        quantity: books[at].levels[name] ?? 0, updateID: books[at].updateID)
      batch.append(.levelChanged(change))
    }
    history[at][books[at].updateID] = books[at].levels
    let balance = BalanceChange(account: AccountID(1001), asset: AssetID(1), free: 1, locked: 0)
    batch.append(.balanceChanged(balance))
  }

  private mutating func cancel(_ at: Int, _ batch: inout EventBatch) {
    var order = books[at].open.remove(at: Int(random.below(Int64(books[at].open.count))))
    order.status = .canceled
    order.updatedAt = stamp
    note(order)
    batch.append(.orderClosed(order, cancelClientOrderID: .empty))
  }

  private mutating func place(_ at: Int, _ batch: inout EventBatch) {
    let side: Side = random.below(2) == 0 ? .buy : .sell
    let id = books[at].nextOrder
    books[at].nextOrder += 1
    var taker = Fixture.order(
      id, account: 1001 + UInt64(random.below(3)), symbol: UInt32(at + 1), side,
      price: 6_000_000_000 + random.below(12) * 1_000_000, quantity: 1 + random.below(5_000_000),
      at: stamp, client: "same\(random.below(6))")
    note(taker)
    batch.append(.orderAccepted(taker))
    while taker.executed < taker.quantity, let best = best(against: taker, at) {
      batch.append(.trade(trade(at, &taker, makerAt: best)))
    }
    if taker.executed < taker.quantity { books[at].open.append(taker) }
  }

  private mutating func trade(_ at: Int, _ taker: inout OrderView, makerAt best: Int) -> Trade {
    var maker = books[at].open[best]
    let quantity = min(taker.quantity - taker.executed, maker.quantity - maker.executed)
    let quote = Int64(Int128(maker.price) * Int128(quantity) / 100_000_000)
    for side in 0..<2 {
      var order = side == 0 ? maker : taker
      order.executed += quantity
      order.executedQuote += quote
      order.updatedAt = stamp
      order.status = order.executed == order.quantity ? .filled : .partiallyFilled
      note(order)
      if side == 0 { maker = order } else { taker = order }
    }
    if maker.status == .filled {
      books[at].open.remove(at: best)
    } else {
      books[at].open[best] = maker
    }
    let trade = Trade(
      symbol: maker.symbol, id: TradeID(books[at].nextTrade), price: maker.price,
      quantity: quantity, quoteQuantity: quote, maker: maker, taker: taker,
      makerFee: quantity / 1000, takerFee: quantity / 500,
      // Now and then a side pays in an asset that is not traded here.
      makerFeeAsset: AssetID(books[at].nextTrade % 5 == 0 ? 3 : maker.side == .buy ? 1 : 2),
      takerFeeAsset: AssetID(books[at].nextTrade % 7 == 0 ? 3 : taker.side == .buy ? 1 : 2),
      stamp: stamp)
    books[at].nextTrade += 1
    trades.append(trade)
    return trade
  }

  private func best(against taker: OrderView, _ at: Int) -> Int? {
    var best: Int?
    for (position, maker) in books[at].open.enumerated() where maker.side != taker.side {
      let crosses =
        taker.side == .buy ? maker.price <= taker.price : maker.price >= taker.price
      guard crosses else { continue }
      guard let now = best else {
        best = position
        continue
      }
      let other = books[at].open[now].price
      if taker.side == .buy ? maker.price < other : maker.price > other { best = position }
    }
    return best
  }

  private mutating func note(_ order: OrderView) {
    latest["\(order.symbol.value)/\(order.id.value)"] = order
  }

  static func levels(_ open: [OrderView]) -> [Int64: Int64] {
    var levels: [Int64: Int64] = [:]
    for order in open {
      levels[order.side == .buy ? -order.price : order.price, default: 0] +=
        order.quantity - order.executed
    }
    return levels
  }
}
