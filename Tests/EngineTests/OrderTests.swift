// Orders: what each type does, filter by filter and unit by unit. Base has scale 4, quote scale 2.

import Engine
import Testing

@Suite struct OrderTests {
  // No fees, so that amounts are plain.
  static func world(filters: SymbolFilters = World.filters(), funds: Int64 = 1_000_000) -> World {
    var world = World()
    world.begin(World.setUp(funds: funds, filters: filters, makerRate: 0, takerRate: 0))
    return world
  }

  @Test func `a buy order locks the price of all of it, rounded up, and a sell order its base`() {
    var world = Self.world()
    world.run(World.limit(0, .buy, 3, at: 10_001, id: "a"))
    #expect(world.balance(0, World.quote) == (1_000_000 - 4, 4))
    world.run(World.limit(1, .sell, 7, at: 20_000, id: "b"))
    #expect(world.balance(1, World.base) == (1_000_000 - 7, 7))
  }

  @Test func `a better price is returned to a taker at once, and rounding to a maker at each fill`()
  {
    var world = Self.world()
    world.run(World.limit(1, .sell, 10_000, at: 100, id: "s"))
    let reply = world.run(World.limit(0, .buy, 20_000, at: 101, id: "b"))
    #expect(reply.placed?.fills.map(\.price) == [100])
    // 10,000 units at 100 cost 100; the other 10,000 hold 101.
    #expect(world.balance(0, World.quote) == (1_000_000 - 100 - 101, 101))
    // 3 units at 101 are worth 0.0303: nothing is paid, and the hold of 9,997 is still 101.
    world.run(World.limit(2, .sell, 10_000, at: 90, id: "t"))
    #expect(world.balance(0, World.quote) == (1_000_000 - 201, 0))
  }

  @Test func `partial fills of a maker release what the rest does not need`() {
    var world = Self.world()
    world.run(World.limit(0, .buy, 15_000, at: 3, id: "b"))
    #expect(world.balance(0, World.quote).locked == 5)
    world.run(World.limit(1, .sell, 5_000, at: 3, id: "s"))
    // Paid floor(1.5) = 1; the rest of 10,000 holds 3.
    #expect(world.balance(0, World.quote) == (1_000_000 - 4, 3))
    world.run(World.limit(1, .sell, 10_000, at: 3, id: "t"))
    #expect(world.balance(0, World.quote) == (1_000_000 - 4, 0))
    #expect(world.balance(0, World.base) == (1_015_000, 0))
  }

  @Test func `fees are taken from what each side receives, rounded down`() {
    var world = World()
    world.begin(World.setUp(funds: 10_000_000, makerRate: 100_000, takerRate: 200_000))
    world.run(World.limit(1, .sell, 19_999, at: 10_000, id: "s"))
    world.run(World.limit(0, .buy, 19_999, at: 10_000, id: "b"))
    #expect(world.balance(0, World.base).free == 10_000_000 + 19_999 - 39)
    #expect(world.balance(1, World.quote).free == 10_000_000 + 19_999 - 19)
    guard case .trade(let trade) = world.lastEvents[1] else {
      Issue.record("no trade")
      return
    }
    #expect(trade.takerFee == 39 && trade.makerFee == 19 && trade.buyerIsMaker == false)
  }

  @Test func `orders of one price trade in the order of their arrival, and better prices first`() {
    var world = Self.world()
    world.run(World.limit(1, .sell, 5, at: 10_002, id: "a"))
    world.run(World.limit(1, .sell, 5, at: 10_001, id: "b"))
    world.run(World.limit(2, .sell, 5, at: 10_001, id: "c"))
    world.run(World.limit(0, .buy, 12, at: 10_002, id: "d"))
    let makers = world.lastEvents.compactMap { event -> Int64? in
      if case .trade(let trade) = event { trade.maker.id.value } else { nil }
    }
    #expect(makers == [2, 3, 1])
  }

  @Test func `ids count accepted orders and trades from 1 without gaps`() {
    var world = Self.world()
    #expect(world.run(World.limit(0, .buy, 0, at: 1, id: "x")).rejection == .filterLotSize)
    #expect(world.run(World.limit(0, .buy, 5, at: 10_000, id: "a")).placed?.order.id.value == 1)
    let taker = world.run(World.limit(1, .sell, 5, at: 10_000, id: "b")).placed
    #expect(taker?.order.id.value == 2)
    #expect(taker?.fills.map(\.trade.value) == [1])
    #expect(
      world.run(World.limit(0, .buy, 5, at: 20_000, id: "c", symbol: World.second)).placed?.order.id
        .value == 1)
  }

  @Test func `what an IOC order cannot trade at once expires`() {
    var world = Self.world()
    world.run(World.limit(1, .sell, 5, at: 10_000, id: "s"))
    let order = world.run(World.limit(0, .buy, 8, at: 10_000, id: "b", .ioc)).placed?.order
    #expect(order?.status == .expired && order?.expiryReason == .unfilledIOC)
    #expect(order?.executed == 5)
    #expect(world.balance(0, World.quote).locked == 0)
  }

  @Test func `a FOK order trades in full or not at all`() {
    var world = Self.world()
    world.run(World.limit(1, .sell, 5, at: 10_000, id: "s"))
    world.run(World.limit(1, .sell, 5, at: 10_001, id: "t"))
    let none = world.run(World.limit(0, .buy, 8, at: 10_000, id: "b", .fok)).placed
    #expect(none?.order.status == .expired && none?.order.expiryReason == .unfilledFOK)
    #expect(none?.fills.isEmpty == true)
    let all = world.run(World.limit(0, .buy, 8, at: 10_001, id: "c", .fok)).placed
    #expect(all?.order.status == .filled && all?.fills.count == 2)
  }

  @Test func `a LIMIT_MAKER order is refused if it would take`() {
    var world = Self.world()
    world.run(World.limit(1, .sell, 5, at: 10_000, id: "s"))
    func maker(_ price: Int64) -> Command {
      .placeOrder(
        PlaceOrder(
          account: World.account(0), symbol: World.first, side: .buy, type: .limitMaker,
          timeInForce: .ioc, quantity: 5, quoteOrderQuantity: 0, price: price,
          clientOrderID: World.text("m")))
    }
    #expect(world.run(maker(10_000)).rejection == .wouldTakeImmediately)
    let order = world.run(maker(9_999)).placed?.order
    #expect(order?.status == .new && order?.timeInForce == .gtc)
  }

  @Test func `a market order on an empty book is accepted and expires`() {
    var world = Self.world()
    for (side, id) in [(Side.buy, "a"), (.sell, "b")] {
      let order = world.run(World.market(0, side, 5, id: id)).placed?.order
      #expect(order?.status == .expired && order?.expiryReason == .insufficientLiquidity)
      let quoted = world.run(World.market(0, side, 0, quote: 5, id: id + "q")).placed?.order
      #expect(quoted?.status == .expired && quoted?.executed == 0)
    }
  }

  @Test func `a market buy needs funds for exactly what it would take`() {
    var world = Self.world(funds: 15)
    world.run(World.limit(1, .sell, 10, at: 10_000, id: "s"))
    world.run(World.limit(2, .sell, 10, at: 20_000, id: "t"))
    #expect(world.run(World.market(0, .buy, 13, id: "a")).rejection == .insufficientBalance)
    #expect(world.run(World.market(0, .buy, 12, id: "b")).placed?.order.status == .filled)
    #expect(world.balance(0, World.quote) == (1, 0))
  }

  @Test func `a market buy by quote quantity spends at most that`() {
    var world = Self.world(filters: World.filters(step: 10))
    world.run(World.limit(1, .sell, 100, at: 10_000, id: "s"))
    world.run(World.limit(1, .sell, 100, at: 20_000, id: "t"))
    let order = world.run(World.market(0, .buy, 0, quote: 159, id: "a")).placed?.order
    #expect(order?.executed == 120 && order?.executedQuote == 140 && order?.status == .filled)
    #expect(order?.quantity == 120 && order?.quoteOrderQuantity == 159)
    let rest = world.run(World.market(0, .buy, 0, quote: 500, id: "b")).placed?.order
    #expect(rest?.executed == 80 && rest?.status == .expired)
    world.run(World.limit(1, .sell, 100, at: 20_000, id: "u"))
    #expect(
      world.run(World.market(0, .buy, 0, quote: 19, id: "c")).rejection == .liquidityBelowLotSize)
  }

  @Test func `a market sell by quote quantity receives at most that`() {
    var world = Self.world()
    world.run(World.limit(1, .buy, 100, at: 10_000, id: "s"))
    world.run(World.limit(1, .buy, 100, at: 5_000, id: "t"))
    let order = world.run(World.market(0, .sell, 0, quote: 120, id: "a")).placed?.order
    #expect(order?.executed == 140 && order?.executedQuote == 120 && order?.status == .filled)
  }

  @Test(arguments: [SymbolStatus.halt, .break, .cancelOnly, .endOfDay])
  func `a market that is not trading takes cancels only`(status: SymbolStatus) {
    var world = Self.world()
    world.run(World.limit(0, .buy, 5, at: 10_000, id: "a"))
    world.run(.setSymbolStatus(SetSymbolStatus(symbol: World.first, status: status)))
    #expect(world.run(World.limit(0, .buy, 5, at: 10_000, id: "b")).rejection == .marketClosed)
    #expect(world.run(World.cancel(0, id: "a")).cancelled?.order.status == .canceled)
    world.run(.setSymbolStatus(SetSymbolStatus(symbol: World.first, status: .trading)))
    #expect(world.run(World.limit(0, .buy, 5, at: 10_000, id: "b")).placed != nil)
  }

  @Test func `a cancel returns all that the order still holds`() {
    var world = Self.world()
    world.run(World.limit(0, .buy, 15_000, at: 3, id: "b"))
    world.run(World.limit(1, .sell, 5_000, at: 3, id: "s"))
    let order = world.run(World.cancel(0, order: 1)).cancelled?.order
    #expect(order?.status == .canceled && order?.executed == 5_000)
    #expect(world.balance(0, World.quote) == (1_000_000 - 1, 0))
    #expect(world.run(World.cancel(0, order: 1)).rejection == .orderUnknown)
  }

  @Test func `a cancel by both ids insists that they belong together`() {
    var world = Self.world()
    world.run(World.limit(0, .buy, 5, at: 10_000, id: "a"))
    world.run(World.limit(0, .buy, 5, at: 10_000, id: "b"))
    #expect(world.run(World.cancel(0, order: 1, id: "b")).rejection == .cancelIDsDisagree)
    #expect(world.run(World.cancel(0, order: 9, id: "b")).rejection == .orderUnknown)
    #expect(world.run(World.cancel(1, order: 1)).rejection == .orderUnknown)
    #expect(world.run(World.cancel(0)).rejection == .orderUnknown)
    #expect(world.run(World.cancel(0, order: 1, id: "a")).cancelled != nil)
    #expect(
      world.run(World.cancel(0, order: 2, .onlyPartiallyFilled)).rejection == .cancelRestricted)
    world.run(World.limit(1, .sell, 1, at: 10_000, id: "s"))
    #expect(world.run(World.cancel(0, order: 2, .onlyNew)).rejection == .cancelRestricted)
    #expect(world.run(World.cancel(0, order: 2, .onlyPartiallyFilled)).cancelled != nil)
  }

  @Test func `an order trades with more makers than its answer lists`() throws {
    var world = Self.world()
    let makers = Exchange.fillsPerReplyMax + 1
    for number in 0..<makers {
      world.run(World.limit(0, .sell, 1, at: 10_000, id: "m\(number)"))
    }
    let taken = try #require(
      world.run(World.limit(1, .buy, Int64(makers), at: 10_000, id: "t")).placed)
    #expect(taken.order.status == .filled && taken.order.executed == Int64(makers))
    #expect(taken.fills.count == Exchange.fillsPerReplyMax)
    #expect(world.exchange.checkInvariants().isEmpty)
  }
}
