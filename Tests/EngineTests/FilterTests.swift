// Filters, limits and client order ids, as tables: one row a case.

import Engine
import Testing

@Suite struct FilterTests {
  static let filters = SymbolFilters(
    minPrice: 500, maxPrice: 60_000, tickSize: 5, minQuantity: 20, maxQuantity: 200_000,
    stepSize: 10, marketMinQuantity: 40, marketMaxQuantity: 4_000, marketStepSize: 20,
    minNotional: 50, applyMinToMarket: true, maxNotional: 90_000, applyMaxToMarket: true,
    averagePriceMinutes: 5, maxOpenOrders: 3)

  static let limits: [(quantity: Int64, price: Int64, wanted: Rejection?)] = [
    (100, 10_000, nil), (100, 10_001, .filterPrice), (100, 495, .filterPrice),
    (10_000, 500, nil), (10, 60_000, .filterLotSize), (20, 60_000, nil),
    (20, 60_005, .filterPrice), (100, 0, .filterPrice), (100, -5, .filterPrice),
    (105, 10_000, .filterLotSize), (0, 10_000, .filterLotSize), (-10, 10_000, .filterLotSize),
    (200_010, 10_000, .filterLotSize), (20, 20_000, .filterNotional), (20, 25_000, nil),
    (150_000, 60_000, .filterNotional), (20, 500, .filterNotional),
    (.max, 10_000, .filterLotSize), (100, .max, .filterPrice),
  ]

  @Test(arguments: limits.indices)
  func `limit orders pass exactly the filters`(row: Int) {
    var world = OrderTests.world(filters: Self.filters, funds: 10_000_000)
    let (quantity, price, wanted) = Self.limits[row]
    let reply = world.run(World.limit(0, .buy, quantity, at: price, id: "a"))
    #expect(reply.rejection == wanted, "\(quantity) at \(price)")
  }

  static let markets: [(quantity: Int64, quote: Int64, wanted: Rejection?)] = [
    (100, 0, nil), (20, 0, .filterMarketLotSize), (4_020, 0, .filterMarketLotSize),
    (110, 0, .filterMarketLotSize), (105, 0, .filterLotSize), (40, 0, .filterNotional),
    (60, 0, nil), (0, 0, .filterLotSize), (0, 49, .filterNotional), (0, 50, nil),
    (0, 90_001, .filterNotional), (60, 50, .orderTypeNotSupported),
    (0, -1, .priceTimesQuantityZero),
  ]

  @Test(arguments: markets.indices)
  func `market orders pass exactly the filters, valued at the average price`(row: Int) {
    var world = OrderTests.world(filters: Self.filters, funds: 10_000_000)
    world.run(World.limit(1, .sell, 10_000, at: 10_000, id: "s"))
    world.run(World.limit(2, .buy, 1_000, at: 10_000, id: "b"))
    let (quantity, quote, wanted) = Self.markets[row]
    let reply = world.run(World.market(0, .buy, quantity, quote: quote, id: "a"))
    #expect(reply.rejection == wanted, "\(quantity) for \(quote)")
  }

  @Test func `the average price forgets trades after its minutes and then uses the last price`() {
    var world = OrderTests.world(filters: Self.filters, funds: 10_000_000)
    func trade(_ price: Int64, _ id: String) {
      world.run(World.limit(1, .sell, 1_000, at: price, id: "s" + id))
      world.run(World.limit(2, .buy, 1_000, at: price, id: "b" + id))
    }
    trade(10_000, "1")
    world.stamp += 60_000_000
    trade(5_000, "2")
    // Average 7,500: 60 units are worth 45, 80 are worth 60.
    #expect(world.run(World.market(0, .sell, 60, id: "a")).rejection == .filterNotional)
    #expect(world.run(World.market(0, .sell, 80, id: "b")).placed != nil)
    world.stamp += 4 * 60_000_000
    // Only the second trade is left: 80 are worth 40.
    #expect(world.run(World.market(0, .sell, 80, id: "c")).rejection == .filterNotional)
    // A trade in the minute that takes the place of the first: the average of 5,000 and 4,000.
    trade(4_000, "3")
    #expect(world.run(World.market(0, .sell, 100, id: "f")).rejection == .filterNotional)
    #expect(world.run(World.market(0, .sell, 120, id: "g")).placed != nil)
    trade(5_000, "4")
    world.stamp += 60 * 60_000_000
    #expect(world.run(World.market(0, .sell, 100, id: "d")).placed != nil)
    #expect(world.run(World.market(0, .sell, 80, id: "e")).rejection == .filterNotional)
  }

  @Test func `an account has at most so many open orders on a symbol`() {
    var world = OrderTests.world(filters: Self.filters, funds: 10_000_000)
    for id in ["a", "b", "c"] {
      #expect(world.run(World.limit(0, .buy, 100, at: 10_000, id: id)).placed != nil)
    }
    let fourth = World.limit(0, .buy, 100, at: 10_000, id: "d")
    #expect(world.run(fourth).rejection == .filterMaxOpenOrders)
    #expect(world.run(World.limit(0, .buy, 100, at: 10_000, id: "e", .ioc)).placed != nil)
    #expect(
      world.run(World.limit(0, .buy, 100, at: 10_000, id: "d", symbol: World.second)).placed
        != nil)
    world.run(World.cancel(0, id: "b"))
    #expect(world.run(fourth).placed != nil)
  }

  @Test func `orders are counted in calendar windows of the stamp`() {
    var world = World()
    world.begin(World.setUp(limits: OrderLimits(per10Seconds: 2, perDay: 3)))
    world.stamp = 1_700_000_000_000_000 / 10_000_000 * 10_000_000 + 9_000_000
    func place(_ id: String) -> Reply { world.run(World.limit(0, .buy, 100, at: 10_000, id: id)) }
    #expect(place("a").placed?.counts == OrderCounts(in10Seconds: 1, inDay: 1))
    #expect(place("b").placed?.counts == OrderCounts(in10Seconds: 2, inDay: 2))
    #expect(place("c").rejection == .tooManyOrders10Seconds)
    world.stamp += 1_000_000
    #expect(place("c").placed?.counts == OrderCounts(in10Seconds: 1, inDay: 3))
    #expect(place("d").rejection == .tooManyOrdersDay)
    world.stamp += 86_400_000_000
    #expect(place("d").placed?.counts == OrderCounts(in10Seconds: 1, inDay: 1))
  }

  @Test func `a client order id is refused while it is open and for the horizon afterwards`() {
    var world = World(horizon: ClientIDHorizon(duration: 1_000, perAccountMax: 2, totalMax: 10))
    world.begin()
    let order = World.limit(0, .buy, 100, at: 10_000, id: "a")
    #expect(world.run(order).placed != nil)
    #expect(world.run(order).rejection == .duplicateClientOrderID)
    #expect(world.run(World.limit(1, .buy, 100, at: 10_000, id: "a")).placed != nil)
    #expect(
      world.run(World.limit(0, .buy, 100, at: 10_000, id: "a", symbol: World.second)).placed != nil)
    world.stamp += 5_000
    #expect(world.run(order).rejection == .duplicateClientOrderID)
    world.run(World.cancel(0, id: "a"))
    #expect(world.run(order).rejection == .duplicateClientOrderID)
    world.stamp += 999
    #expect(world.run(order).rejection == .duplicateClientOrderID)
    world.stamp += 1
    #expect(world.run(order).placed != nil)
  }

  @Test func `the oldest closed ids of an account give way to newer ones`() {
    var world = World(horizon: ClientIDHorizon(duration: 1_000, perAccountMax: 2, totalMax: 10))
    world.begin()
    for id in ["a", "b", "c"] {
      world.run(World.limit(0, .buy, 100, at: 10_000, id: id))
      world.run(World.cancel(0, id: id))
    }
    func isRefused(_ id: String) -> Bool {
      world.run(World.limit(0, .buy, 100, at: 10_000, id: id)).rejection == .duplicateClientOrderID
    }
    #expect(isRefused("b") && isRefused("c") && !isRefused("a"))
  }

  @Test func `a refused order does not reserve its client id`() {
    var world = OrderTests.world()
    #expect(
      world.run(World.limit(0, .buy, 1_000_000_000, at: 10_000, id: "a")).rejection
        == .insufficientBalance)
    #expect(world.run(World.limit(0, .buy, 1, at: 10_000, id: "a")).placed != nil)
  }

  @Test func `contradicting or negative filters define no symbol`() {
    var world = OrderTests.world()
    var wrong: [SymbolFilters] = []
    func add(_ change: (inout SymbolFilters) -> Void) {
      var filters = Self.filters
      change(&filters)
      wrong.append(filters)
    }
    add { $0.tickSize = 0 }
    add { $0.stepSize = 0 }
    add { $0.stepSize = -1 }
    add { $0.minPrice = 60_001 }
    add { $0.minPrice = -1 }
    add { $0.minQuantity = 200_001 }
    add { $0.marketStepSize = 15 }
    add { $0.marketMaxQuantity = 39 }
    add { $0.maxNotional = 49 }
    add { $0.averagePriceMinutes = 61 }
    for filters in wrong {
      let add = AddSymbol(
        name: "X", base: "BASE", quote: "QUOTE", filters: filters, makerRate: 0, takerRate: 0)
      #expect(world.run(.addSymbol(add)).rejection == .invalidDefinition)
    }
  }
}
