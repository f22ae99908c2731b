// FoldTests: market data as a fold, against the naive venue's own record.

import Engine
import Testing
import Wire

@testable import Market

@Suite struct FoldTests {
  static let start: Int64 = 1_795_237_445_123_456

  @Test(arguments: [UInt64(11), 12, 13])
  func `depth and the best prices equal the naive book after every run`(seed: UInt64) throws {
    let publisher = try Publisher()
    _ = publisher.run(Fixture.definitions(stamp: Self.start))
    var venue = NaiveVenue(seed: seed, start: Self.start, step: 30_000)
    for _ in 0..<300 {
      _ = publisher.run(venue.run(entries: 2))
      for (at, book) in venue.books.enumerated() {
        let id = SymbolID(UInt32(at + 1))
        let depth = try #require(publisher.model.depth(id, limit: 5000))
        #expect(depth.lastUpdateID == book.updateID, "seed \(seed)")
        #expect(Self.levels(depth.bids, depth.asks) == book.levels, "seed \(seed)")
        #expect(depth.bids.map(\.price) == depth.bids.map(\.price).sorted(by: >))
        #expect(depth.asks.map(\.price) == depth.asks.map(\.price).sorted())
        let top = try #require(publisher.model.bookTicker(id))
        #expect(top.bid == depth.bids.first ?? PriceLevel(price: 0, quantity: 0))
        #expect(top.ask == depth.asks.first ?? PriceLevel(price: 0, quantity: 0))
      }
    }
  }

  @Test(arguments: [UInt64(21), 22, 23])
  func `a book kept from a snapshot and the diffs is right at every diff`(seed: UInt64) throws {
    let publisher = try Publisher()
    _ = publisher.run(Fixture.definitions(stamp: Self.start))
    var venue = NaiveVenue(seed: seed, start: Self.start, step: 30_000)
    _ = publisher.run(venue.run(entries: 100))
    var local = try (1...2).map { id in
      try #require(publisher.model.depth(SymbolID(UInt32(id)), limit: 5000))
    }.map { (levels: Self.levels($0.bids, $0.asks), id: $0.lastUpdateID) }
    var last = [Int64](repeating: 0, count: 2)
    var seen = 0
    for _ in 0..<200 {
      for case .depth(let diff) in publisher.run(venue.run(entries: 3)) {
        let at = Int(diff.symbol.value) - 1
        if last[at] > 0 { #expect(diff.firstUpdateID == last[at] + 1, "seed \(seed)") }
        #expect(diff.firstUpdateID <= diff.lastUpdateID)
        last[at] = diff.lastUpdateID
        guard diff.lastUpdateID > local[at].id else { continue }
        for level in diff.bids { local[at].levels[-level.price] = level.quantity }
        for level in diff.asks { local[at].levels[level.price] = level.quantity }
        local[at].levels = local[at].levels.filter { $0.value > 0 }
        local[at].id = diff.lastUpdateID
        #expect(local[at].levels == venue.history[at][diff.lastUpdateID], "seed \(seed)")
        seen += 1
      }
    }
    #expect(seen > 100)
  }

  @Test(arguments: [UInt64(31), 32, 33, 34])
  func `runs cut differently, with restarts between them, say and store the same`(
    seed: UInt64
  ) throws {
    var random = Seeded(seed)
    let steps: [Int64] = [20_000, 700_000, 40_000_000, 3_000_000_000]
    let step = steps[Int(seed % 4)]
    var venue = NaiveVenue(seed: seed, start: Self.start, step: step)
    let definitions = Fixture.definitions(stamp: Self.start)
    let events = venue.run(entries: 400)
    let whole = try Publisher()
    var expected = whole.run(definitions)
    expected += whole.run(events)

    let rows = PlainRows()
    var catalog = Catalog()
    for event in definitions.events { _ = catalog.fold(event) }
    var state = MarketState()
    var updates = Self.fold(&state, definitions, rows)
    var position = 0
    while position < events.entries.count {
      let end = min(events.entries.count, position + 1 + Int(random.below(9)))
      updates += Self.fold(&state, Self.part(events, position..<end), rows)
      position = end
      if random.below(3) == 0 { state = try MarketState(rows: rows, catalog: catalog) }
    }
    #expect(updates == expected, "seed \(seed)")
    let left = rows.rows.map { RowChange(key: $0.key, value: $0.value) }
    #expect(left == whole.rows.rows.map { RowChange(key: $0.key, value: $0.value) })
  }

  @Test func `a window closes at the first entry whose stamp is past it, and only then`() throws {
    let publisher = try Publisher()
    _ = publisher.run(Fixture.definitions(stamp: 1_000_000))
    var batch = EventBatch()
    batch.begin(index: 2, stamp: 1_010_000)
    let level = LevelChange(
      symbol: SymbolID(1), side: .buy, price: 5, quantity: 7, updateID: 1)
    batch.append(.levelChanged(level))
    let first = publisher.run(batch)
    #expect(first.count == 1)
    guard case .bookTicker(let top)? = first.first else {
      Issue.record("expected a book ticker")
      return
    }
    #expect(top.bid == PriceLevel(price: 5, quantity: 7))
    #expect(top.updateID == 1)
    var index: UInt64 = 2
    func tick(_ stamp: Int64) -> [MarketUpdate] {
      index += 1
      var tick = EventBatch()
      tick.begin(index: index, stamp: stamp)
      return publisher.run(tick)
    }
    #expect(tick(1_099_999).isEmpty)
    let closed = tick(1_100_000)
    #expect(
      closed == [
        .depth(
          DepthDiff(
            symbol: SymbolID(1), firstUpdateID: 1, lastUpdateID: 1,
            bids: [PriceLevel(price: 5, quantity: 7)], asks: [], time: 1_100_000))
      ])
    #expect(tick(9_000_000).isEmpty)
  }

  @Test func `statistics are told once for each window with trades`() throws {
    let publisher = try Publisher()
    _ = publisher.run(Fixture.definitions(stamp: Self.start))
    var venue = NaiveVenue(seed: 71, start: Self.start, step: 40_000)
    for _ in 0..<50 { _ = publisher.run(venue.run(entries: 3)) }
    _ = publisher.run(venue.tick(after: 1_000_000))
    var expected: Set<String> = []
    for trade in venue.trades {
      let end = (trade.stamp / DepthWindow.length + 1) * DepthWindow.length
      expected.insert("\(trade.symbol.value) \(end)")
    }
    var told: Set<String> = []
    for case .statistics(let symbol, let time) in publisher.updates {
      #expect(told.insert("\(symbol.value) \(time)").inserted)
    }
    #expect(told == expected)
    #expect(publisher.run(venue.tick(after: 200_000)).isEmpty)
  }

  @Test func `the book ticker speaks once a command, and only when the top changed`() throws {
    let publisher = try Publisher()
    _ = publisher.run(Fixture.definitions(stamp: 1_000_000))
    let symbol = SymbolID(1)
    func level(_ side: Side, _ price: Int64, _ quantity: Int64, _ id: Int64) -> Event {
      .levelChanged(
        LevelChange(symbol: symbol, side: side, price: price, quantity: quantity, updateID: id))
    }
    let balance = Event.balanceChanged(
      BalanceChange(account: AccountID(1001), asset: AssetID(1), free: 0, locked: 0))
    var batch = EventBatch()
    batch.begin(index: 2, stamp: 1_000_000)
    for event in [level(.buy, 5, 7, 1), level(.buy, 6, 1, 2), balance] { batch.append(event) }
    for event in [level(.buy, 4, 9, 3), balance, level(.sell, 9, 1, 4)] { batch.append(event) }
    let tops = publisher.run(batch).compactMap { update -> Int64? in
      guard case .bookTicker(let top) = update else { return nil }
      return top.updateID
    }
    #expect(tops == [2, 4])
  }

  // MARK: Helpers

  static func levels(_ bids: [PriceLevel], _ asks: [PriceLevel]) -> [Int64: Int64] {
    var levels: [Int64: Int64] = [:]
    for level in bids { levels[-level.price] = level.quantity }
    for level in asks { levels[level.price] = level.quantity }
    return levels
  }

  static func fold(
    _ state: inout MarketState, _ events: EventBatch, _ rows: PlainRows
  ) -> [MarketUpdate] {
    var batch = RowBatch()
    var updates: [MarketUpdate] = []
    state.fold(events, into: &batch, updates: &updates)
    rows.write(batch)
    return updates
  }

  static func part(_ events: EventBatch, _ range: Range<Int>) -> EventBatch {
    var part = EventBatch()
    for position in range {
      part.begin(index: events.entries[position].index, stamp: events.entries[position].stamp)
      for event in events.events(of: position) { part.append(event) }
    }
    return part
  }
}
