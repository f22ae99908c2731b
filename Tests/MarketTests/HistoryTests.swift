// HistoryTests: what accounts and lists find again in rows, against the venue's own record.

import Engine
import Testing
import Wire

@testable import Market

@Suite struct HistoryTests {
  static let start: Int64 = 1_795_237_445_123_456

  private static func venue(
    seed: UInt64, entries: Int, step: Int64 = 40_000
  ) throws -> (Publisher, NaiveVenue) {
    let publisher = try Publisher()
    _ = publisher.run(Fixture.definitions(stamp: start))
    var venue = NaiveVenue(seed: seed, start: start, step: step)
    for _ in 0..<entries / 7 { _ = publisher.run(venue.run(entries: 7)) }
    return (publisher, venue)
  }

  /// Binance's window rules over a plain array.
  private static func select<T>(
    _ all: [T], _ id: (T) -> Int64, _ time: (T) -> Int64, fromID: Int64?, start: Int64?,
    end: Int64?, limit: Int
  ) -> [T] {
    let inside = all.filter {
      id($0) >= fromID ?? .min && time($0) >= start ?? .min && time($0) <= end ?? .max
    }
    return fromID != nil || start != nil
      ? Array(inside.prefix(limit)) : Array(inside.suffix(limit))
  }

  private static let windows: [(start: Int64?, end: Int64?)] = [
    (nil, nil), (start, nil), (nil, start + 9_000_000), (start + 2_000_000, nil),
    (start + 2_000_000, start + 4_000_000), (start + 99_000_000_000, nil), (nil, start - 1),
    (nil, .max), (.min, .max), (start + 4_000_000, start + 2_000_000),
  ]

  @Test func `every order is found by both ids as it was left`() throws {
    let (publisher, venue) = try Self.venue(seed: 51, entries: 400)
    var newest: [String: OrderView] = [:]
    for order in venue.latest.values {
      let found = try publisher.model.order(order.account, order.symbol, id: order.id)
      #expect(found == order)
      let stranger = try publisher.model.order(AccountID(9), order.symbol, id: order.id)
      #expect(stranger == nil)
      let key = "\(order.account.value) \(order.symbol.value) \(order.clientOrderID.string)"
      if newest[key].map({ $0.id < order.id }) ?? true { newest[key] = order }
    }
    #expect(newest.count > 20)
    for order in newest.values {
      let found = try publisher.model.order(
        order.account, order.symbol, clientOrderID: order.clientOrderID)
      #expect(found == order)
    }
    let text = try #require(ShortText("never-used"))
    #expect(try publisher.model.order(AccountID(1001), SymbolID(1), clientOrderID: text) == nil)
  }

  @Test func `an account's orders are listed by the window rules`() throws {
    let (publisher, venue) = try Self.venue(seed: 52, entries: 500)
    let account = AccountID(1002)
    let all = venue.latest.values.filter { $0.account == account && $0.symbol.value == 2 }
      .sorted { $0.id < $1.id }
    #expect(all.count > 30)
    let exact = (all[5].createdAt, all[20].createdAt)
    for window in Self.windows + [(exact.0, exact.1), (nil, exact.1), (exact.1, exact.1)] {
      for fromID in [nil, Int64(0), 7, all[10].id.value, 1_000_000] {
        for limit in [1, 5, 1000] {
          let found = try publisher.model.allOrders(
            account, SymbolID(2), fromID: fromID.map { OrderID($0) }, start: window.start,
            end: window.end, limit: limit)
          let expected = Self.select(
            all, { $0.id.value }, { $0.createdAt }, fromID: fromID, start: window.start,
            end: window.end, limit: limit)
          #expect(found == expected, "window \(window) from \(fromID ?? -1) limit \(limit)")
        }
      }
    }
  }

  @Test func `an account's trades carry its side, and are found by order and by window`() throws {
    let (publisher, venue) = try Self.venue(seed: 53, entries: 500)
    let account = AccountID(1001)
    var all: [AccountTrade] = []
    for trade in venue.trades where trade.symbol.value == 1 {
      for (order, isMaker) in [(trade.maker, true), (trade.taker, false)] {
        guard order.account == account else { continue }
        all.append(
          AccountTrade(
            symbol: trade.symbol, id: trade.id, order: order.id, price: trade.price,
            quantity: trade.quantity, quoteQuantity: trade.quoteQuantity,
            commission: isMaker ? trade.makerFee : trade.takerFee,
            commissionAsset: isMaker ? trade.makerFeeAsset : trade.takerFeeAsset,
            time: trade.stamp,
            isBuyer: order.side == .buy, isMaker: isMaker))
      }
    }
    all.sort { ($0.id.value, $0.isBuyer ? 0 : 1) < ($1.id.value, $1.isBuyer ? 0 : 1) }
    #expect(Set(all.map(\.id)).count < all.count, "the seed has a trade of an account with itself")
    for window in Self.windows {
      for fromID in [nil, Int64(12)] {
        let found = try publisher.model.accountTrades(
          account, SymbolID(1), orderID: nil, fromID: fromID.map { TradeID($0) },
          start: window.start, end: window.end, limit: 20)
        var expected = Self.select(
          all, { $0.id.value }, { $0.time }, fromID: fromID, start: window.start, end: window.end,
          limit: 20)
        if expected.count == 20, let last = expected.last, last.isBuyer {
          expected += all.filter { $0.id == last.id && !$0.isBuyer }
        }
        #expect(found == expected, "window \(window)")
      }
    }
    for limit in 1...3 {
      var walked: [AccountTrade] = []
      while true {
        let page = try publisher.model.accountTrades(
          account, SymbolID(1), orderID: nil, fromID: TradeID((walked.last?.id.value ?? 0) + 1),
          start: nil, end: nil, limit: limit)
        if page.isEmpty { break }
        walked += page
      }
      #expect(walked == all, "pages of \(limit) lose a side of a trade with itself")
    }
    for order in Set(all.map(\.order)) {
      let mine = all.filter { $0.order == order }
      let found = try publisher.model.accountTrades(
        account, SymbolID(1), orderID: order, fromID: nil, start: nil, end: nil, limit: 500)
      #expect(found == mine)
      let later = try publisher.model.accountTrades(
        account, SymbolID(1), orderID: order, fromID: mine.last?.id, start: nil, end: nil, limit: 5)
      #expect(later == mine.suffix(1))
    }
  }

  @Test func `public trades come from memory and from rows alike`() throws {
    let (publisher, venue) = try Self.venue(seed: 54, entries: 3500)
    let all = venue.trades.filter { $0.symbol.value == 1 }.map {
      TradeRecord(
        id: $0.id, price: $0.price, quantity: $0.quantity, quoteQuantity: $0.quoteQuantity,
        time: $0.stamp, buyerIsMaker: $0.buyerIsMaker)
    }
    #expect(all.count > 1100)
    let count = Int64(all.count)
    for limit in [1, 500, 1000] {
      for fromID in [nil, 0, 1, 100, count - 999, count - 5, count, count + 1, Int64.max] {
        let found = try publisher.model.trades(
          SymbolID(1), fromID: fromID.map { TradeID($0) }, limit: limit)
        let expected = Self.select(
          all, { $0.id.value }, { $0.time }, fromID: fromID, start: nil, end: nil, limit: limit)
        #expect(found == expected, "from \(fromID ?? -1) limit \(limit)")
      }
    }
    #expect(publisher.model.lastPrice(SymbolID(1)) == all.last?.price)
    #expect(try publisher.model.trades(SymbolID(99), fromID: nil, limit: 5).isEmpty)
  }

  @Test func `aggregate trades merge one taker's fills at one price`() throws {
    let (publisher, venue) = try Self.venue(seed: 55, entries: 800)
    var all: [AggregateTrade] = []
    var taker: OrderID?
    for trade in venue.trades where trade.symbol.value == 1 {
      if let last = all.indices.last, taker == trade.taker.id, all[last].price == trade.price {
        all[last].quantity += trade.quantity
        all[last].lastTrade = trade.id
      } else {
        all.append(
          AggregateTrade(
            symbol: trade.symbol, id: Int64(all.count + 1), price: trade.price,
            quantity: trade.quantity, firstTrade: trade.id, lastTrade: trade.id,
            time: trade.stamp, buyerIsMaker: trade.buyerIsMaker))
      }
      taker = trade.taker.id
    }
    #expect(all.contains { $0.firstTrade != $0.lastTrade })
    let told = publisher.updates.compactMap { update -> AggregateTrade? in
      guard case .aggregateTrade(let trade) = update, trade.symbol.value == 1 else { return nil }
      return trade
    }
    #expect(told == all)
    for window in Self.windows {
      for limit in [1, 30, 1000] {
        let found = try publisher.model.aggregateTrades(
          SymbolID(1), fromID: nil, start: window.start, end: window.end, limit: limit)
        let expected = Self.select(
          all, { $0.id }, { $0.time }, fromID: nil, start: window.start, end: window.end,
          limit: limit)
        #expect(found == expected, "window \(window) limit \(limit)")
      }
    }
    let from = try publisher.model.aggregateTrades(
      SymbolID(1), fromID: 5, start: nil, end: nil, limit: 3)
    #expect(from.map(\.id) == [5, 6, 7])
  }

  @Test func `transfers are listed in the order of the log, the newest ones`() throws {
    let publisher = try Publisher()
    _ = publisher.run(Fixture.definitions(stamp: Self.start))
    var batch = EventBatch()
    for number in 1...5 {
      batch.begin(index: UInt64(number + 1), stamp: Self.start + Int64(number))
      for asset in [Fixture.bitcoin, Fixture.dollar] {
        let funds = FundsMoved(
          account: AccountID(1001), asset: asset.id, amount: number == 3 ? -7 : Int64(number),
          id: "tx-\(number)", stamp: Self.start + Int64(number))
        batch.append(.fundsMoved(funds))
      }
    }
    _ = publisher.run(batch)
    let found = try publisher.model.transfers(AccountID(1001), limit: 3)
    #expect(found.map(\.index) == [5, 6, 6])
    #expect(found.map(\.ordinal) == [1, 0, 1])
    #expect(found.map(\.asset) == [AssetID(2), AssetID(1), AssetID(2)])
    #expect(try publisher.model.transfers(AccountID(1001), limit: 100).map(\.amount)[4] == -7)
    #expect(try publisher.model.transfers(AccountID(1002), limit: 100).isEmpty)
  }

  @Test func `an unreadable row is an error, not an empty answer`() throws {
    let (publisher, venue) = try Self.venue(seed: 56, entries: 50)
    let order = try #require(venue.latest.values.first)
    var batch = RowBatch()
    let key = MarketRows.key(
      MarketRows.orderPrefix, order.account, order.symbol, order.id.value)
    batch.put(key, [99])
    publisher.rows.write(batch)
    #expect(throws: WireError.self) {
      try publisher.model.order(order.account, order.symbol, id: order.id)
    }
    #expect(throws: WireError.self) {
      try publisher.model.allOrders(
        order.account, order.symbol, fromID: nil, start: nil, end: nil, limit: 1000)
    }
  }
}
