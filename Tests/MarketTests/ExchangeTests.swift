// ExchangeTests: the fold over the real engine's events and rows, against the engine's own state.

import Engine
import Testing
import Wire

@testable import Market

/// A running engine and the publisher that folds it, with two traders.
private struct Venue: ~Copyable {
  var exchange = Exchange()
  let publisher: Publisher
  var traders: [(account: AccountID, key: KeyID)] = []
  var stamp: Int64 = 1_795_237_445_000_000
  var index: UInt64 = 0
  var requests: UInt64 = 0
  private(set) var replies: [Reply] = []

  init() throws {
    publisher = try Publisher()
    let filters = SymbolFilters(
      minPrice: 1, maxPrice: 1 << 50, tickSize: 1, minQuantity: 1, maxQuantity: 1 << 50,
      stepSize: 1, maxOpenOrders: 0)
    _ = run([
      (.admin, .addAsset(AddAsset(name: "BTC", scale: 8))),
      (.admin, .addAsset(AddAsset(name: "USDT", scale: 8))),
      (
        .admin,
        .addSymbol(
          AddSymbol(
            name: "BTCUSDT", base: "BTC", quote: "USDT", filters: filters, makerRate: 100_000,
            takerRate: 200_000))
      ),
    ])
    for name in ["alice", "bob"] {
      let limits = OrderLimits(per10Seconds: 1_000_000, perDay: 1_000_000)
      let create = CreateAccount(
        name: name, permissions: .trade, limits: limits,
        apiKey: String(repeating: String(name.prefix(1)), count: 64), sealedSecret: [1])
      guard case .account(let account, let key)? = run([(.admin, .createAccount(create))]).first
      else { continue }
      traders.append((account, key))
      _ = run(
        [AssetID(1), AssetID(2)].map {
          let funds = Funds(account: account, asset: $0, amount: 1 << 52, id: "\(name)\($0.value)")
          return (.admin, .deposit(funds))
        })
    }
  }

  /// Applies commands as one entry, stores and folds them.
  mutating func run(_ commands: [(KeyID, Command)]) -> [Reply] {
    index += 1
    var events = EventBatch()
    events.begin(index: index, stamp: stamp)
    var replies: [Reply] = []
    for (key, command) in commands {
      requests += 1
      let header = CommandHeader(
        requestID: RequestID(requests, 0, 0, 0), key: key, timestamp: key == .admin ? 0 : stamp,
        deadline: stamp)
      replies.append(
        exchange.apply(Request(header: header, command: command), stamp: stamp, &events))
    }
    var rows = RowBatch()
    exchange.collectRows(into: &rows)
    publisher.rows.write(rows)
    _ = publisher.run(events)
    return replies
  }

  mutating func trade(_ random: inout Seeded) -> Reply? {
    stamp += random.below(80_000)
    let (account, key) = traders[Int(random.below(2))]
    let symbol = SymbolID(1)
    let client = ShortText("r\(requests)") ?? .empty
    if random.below(4) == 0 {
      let cancel = CancelOrder(
        account: account, symbol: symbol, orderID: OrderID(1 + random.below(Int64(requests))),
        originalClientOrderID: .empty, cancelClientOrderID: client, restriction: .none)
      return run([(key, .cancelOrder(cancel))]).first
    }
    let isMarket = random.below(8) == 0
    let order = PlaceOrder(
      account: account, symbol: symbol, side: random.below(2) == 0 ? .buy : .sell,
      type: isMarket ? .market : .limit, timeInForce: random.below(5) == 0 ? .ioc : .gtc,
      quantity: 1 + random.below(1_000_000), quoteOrderQuantity: 0,
      price: isMarket ? 0 : 6_000_000_000 + random.below(20) * 10_000, clientOrderID: client)
    return run([(key, .placeOrder(order))]).first
  }
}

@Suite struct ExchangeTests {
  @Test(arguments: [UInt64(61), 62])
  func `queries over the engine's rows agree with its events and replies`(seed: UInt64) throws {
    var venue = try Venue()
    var random = Seeded(seed)
    var orders: [OrderID: OrderView] = [:]
    var fills = 0
    for _ in 0..<1500 {
      switch venue.trade(&random) {
      case .placed(let placed)?:
        orders[placed.order.id] = placed.order
        fills += placed.fills.count
      case .cancelled(let cancelled)?: orders[cancelled.order.id] = cancelled.order
      default: break
      }
    }
    #expect(fills > 200, "seed \(seed)")
    let model = venue.publisher.model
    let symbol = SymbolID(1)
    var open: [OrderView] = []
    for (account, _) in venue.traders {
      open += try model.openOrders(account, symbol, limit: 10_000)
    }
    let depth = try #require(model.depth(symbol, limit: 5000))
    #expect(FoldTests.levels(depth.bids, depth.asks) == NaiveVenue.levels(open), "seed \(seed)")
    for order in open {
      #expect(try model.order(order.account, symbol, id: order.id) == order)
    }
    for order in orders.values where !order.status.isOpen {
      #expect(try model.order(order.account, symbol, id: order.id) == order)
      let named = try model.order(order.account, symbol, clientOrderID: order.clientOrderID)
      #expect(named == order)
    }
    let trades = try model.trades(symbol, fromID: nil, limit: 1000)
    #expect(trades.map(\.id.value) == Array(1...Int64(fills)).suffix(1000).map { $0 })
    try checkRebuild(venue.publisher, venue.traders.map(\.account))
  }

  /// A model rebuilt from the stored rows answers like the one that folded them.
  private func checkRebuild(_ publisher: Publisher, _ accounts: [AccountID]) throws {
    let model = publisher.model
    let again = try ReadModel(
      rows: publisher.rows, appliedIndex: model.appliedIndex, stamp: model.stamp)
    let symbol = SymbolID(1)
    #expect(again.catalog.symbols == model.catalog.symbols)
    #expect(again.catalog.assets == model.catalog.assets)
    #expect(again.catalog.accounts == model.catalog.accounts)
    #expect(again.catalog.keys == model.catalog.keys)
    #expect(again.depth(symbol, limit: 5000) == model.depth(symbol, limit: 5000))
    #expect(again.bookTicker(symbol) == model.bookTicker(symbol))
    #expect(again.ticker24(symbol, now: 0) == model.ticker24(symbol, now: 0))
    #expect(again.averagePrice(symbol, now: 0) == model.averagePrice(symbol, now: 0))
    #expect(
      try again.trades(symbol, fromID: nil, limit: 1000)
        == model.trades(symbol, fromID: nil, limit: 1000))
    for interval in Interval.allCases {
      let running = model.market.runningCandle(symbol, interval)
      #expect(again.market.runningCandle(symbol, interval) == running)
    }
    for account in accounts {
      #expect(try again.balances(account).map(\.asset) == [AssetID(1), AssetID(2)])
      #expect(try model.orderCounts(account, at: model.stamp).inDay > 100)
      #expect(try model.orderCounts(account, at: model.stamp + 86_400_000_000).inDay == 0)
      #expect(try model.transfers(account, limit: 10).count == 2)
    }
  }

  @Test func `an order that takes two levels and rests is told in the engine's order`() throws {
    var venue = try Venue()
    let (alice, bob) = (venue.traders[0], venue.traders[1])
    func place(
      _ who: (account: AccountID, key: KeyID), _ side: Side, _ price: Int64, _ quantity: Int64,
      _ client: String
    ) -> (KeyID, Command) {
      let order = PlaceOrder(
        account: who.account, symbol: SymbolID(1), side: side, type: .limit, timeInForce: .gtc,
        quantity: quantity, quoteOrderQuantity: 0, price: price,
        clientOrderID: ShortText(client) ?? .empty)
      return (who.key, .placeOrder(order))
    }
    let whole: Int64 = 100_000_000
    _ = venue.run([
      place(alice, .sell, 600 * whole, whole, "a1"), place(alice, .sell, 600 * whole, whole, "a2"),
      place(alice, .sell, 601 * whole, whole, "a3"),
    ])
    let before = venue.publisher.updates.count
    _ = venue.run([place(bob, .buy, 602 * whole, 4 * whole, "b1")])
    let told = venue.publisher.updates[before...].map { update in
      switch update {
      case .trade(let trade): "trade \(trade.id.value) \(trade.price / whole)"
      case .aggregateTrade(let trade): "aggregate \(trade.id) of \(trade.quantity / whole)"
      case .bookTicker(let top): "top \(top.bid.price / whole) \(top.ask.price / whole)"
      default: "\(update)"
      }
    }
    #expect(
      told == [
        "trade 1 600", "trade 2 600", "aggregate 1 of 2", "trade 3 601", "aggregate 2 of 1",
        "top 602 0",
      ])
  }
}
