// Properties of orders that are not plain, of lists and of what the market is told, each with a
// planted bug that breaks it.

import Engine
import Testing
import Wire

@Suite struct SpecialPropertyTests {
  static func run(_ seed: UInt64, _ bug: PlantedBug, steps: Int = 400) -> SpecialRun {
    var run = SpecialRun(seed)
    run.world.exchange.planted = bug
    var commands = RandomCommands(seed: seed &+ 7_000, clientIDs: seed % 2 == 0 ? 60 : 400)
    for step in 0..<steps {
      run.world.stamp += commands.pause()
      run.run(commands.random.chance(5) ? commands.movement() : commands.nextSpecial())
      if commands.random.chance(15), let amend = run.amendment(commands.random.next()) {
        run.run(amend)
      }
      if !run.violated.isEmpty, bug != .none { break }
      if bug == .none, step % 20 == 0 {
        let broken = run.world.exchange.checkInvariants()
        if !broken.isEmpty { run.violated[0] = "\(broken)" }
      }
    }
    return run
  }

  @Test(arguments: 1...20)
  func `every property of special orders holds after every command`(seed: UInt64) {
    let run = Self.run(seed, .none)
    let violated = run.violated
    #expect(violated.isEmpty, "seed \(seed)")
  }

  @Test func `the streams do what the properties are about`() {
    var tally: [String: Int] = [:]
    for seed in UInt64(1)...12 {
      let run = Self.run(seed, .none)
      tally.merge(run.tally) { $0 + $1 }
    }
    for what in [
      "trades", "fired", "pending legs", "slices", "prevented", "amended", "improved",
      "failed cancels", "trails", "fired together",
    ] {
      #expect(tally[what, default: 0] > 0, "\(what): \(tally)")
    }
  }

  @Test(arguments: [
    (PlantedBug.improvementKept, 4), (.amendLosesPlace, 8), (.replaceGoesOn, 11),
    (.pendingAnyway, 12), (.stopLate, 13), (.trailingBack, 13), (.turnsReversed, 13),
    (.selfTradeAllowed, 14), (.sliceWhole, 16),
    (.transferAstray, 29), (.levelUntold, 30), (.openIDTaken, 32),
  ])
  func `a planted bug breaks its property`(bug: PlantedBug, property: Int) {
    var found = false
    for seed in UInt64(1)...60 where !found {
      let run = Self.run(seed, bug)
      found = run.violated[property] != nil
    }
    #expect(found, "\(bug) was not seen by property \(property)")
  }

  /// Deposits up to the most that can be issued, and orders at the ends of what can be multiplied.
  static func extremes(_ seed: UInt64, _ bug: PlantedBug) -> SpecialRun {
    var random = Seeded(seed)
    var run = SpecialRun(seed)
    run.world.exchange.planted = bug
    for step in 0..<60 {
      // Not more than 2^62 in all, so that the bug itself is no trap.
      let amount = step < 3 ? Int64(1) << 60 : random.pick(1...1 << 55)
      run.run(
        .deposit(
          Funds(
            account: World.account(step % 2), asset: step < 3 ? World.base : World.quote,
            amount: amount, id: "x\(step)")))
      run.run(
        World.limit(
          step % 2, random.chance(50) ? .buy : .sell, random.pick(1...1 << 60) / 10 * 10,
          at: Int64(1) << random.pick(0...62), id: "e\(step)"))
      run.run(
        .placeOrder(
          PlaceOrder(
            account: World.account(step % 2), symbol: World.first,
            side: random.chance(50) ? .buy : .sell, type: .stopLoss, timeInForce: .gtc,
            quantity: 10 << random.pick(0...57), quoteOrderQuantity: 0, price: 0,
            clientOrderID: World.text("s\(step)"),
            special: SpecialTerms(
              stopPrice: random.chance(50) ? 0 : Int64(1) << random.pick(0...62),
              trailingDelta: UInt32(random.pick(0...9_999))))))
      let broken = run.world.exchange.checkInvariants()
      if !broken.isEmpty { run.violated[0] = "\(broken)" }
    }
    return run
  }

  @Test(arguments: 1...6)
  func `amounts at the ends of their range are refused or exact, never wrapped`(seed: UInt64) {
    let sound = Self.extremes(seed, .none)
    let violated = sound.violated
    #expect(violated.isEmpty, "seed \(seed)")
    let broken = Self.extremes(seed, .issueUnbounded)
    let found = broken.violated[18] != nil
    #expect(found, "seed \(seed)")
  }

  @Test func `NOTIONAL holds when an order that will trade at any price is amended`() {
    for bug in [PlantedBug.none, .amendUnchecked] {
      var filters = World.filters()
      filters.minNotional = 50
      filters.applyMinToMarket = true
      var world = World()
      world.begin(World.setUp(filters: filters))
      world.exchange.planted = bug
      world.run(World.limit(0, .sell, 100, at: 10_000, id: "a"))
      world.run(World.limit(1, .buy, 100, at: 10_000, id: "b"))
      world.run(
        .placeOrder(
          PlaceOrder(
            account: World.account(0), symbol: World.first, side: .sell, type: .stopLoss,
            timeInForce: .gtc, quantity: 100, quoteOrderQuantity: 0, price: 0,
            clientOrderID: World.text("stop"), special: SpecialTerms(stopPrice: 9_000))))
      let reply = world.run(
        .amendOrder(
          AmendOrder(
            account: World.account(0), symbol: World.first, orderID: nil,
            originalClientOrderID: World.text("stop"), quantity: 49,
            clientOrderID: World.text("stop"))))
      #expect((reply.rejection == .filterNotional) == (bug == .none))
    }
  }

  /// What a stream did to money and the market, with or without what clients add to their orders.
  static func outcome(_ seed: UInt64, plain: Bool, _ bug: PlantedBug = .none) -> [Event] {
    var world = World(horizon: StateTests.horizon)
    world.begin(World.setUp(accounts: 4, funds: 60_000))
    world.exchange.planted = bug
    var commands = RandomCommands(seed: seed)
    var told: [Event] = []
    for _ in 0..<300 {
      world.stamp += commands.pause()
      var command = commands.next()
      if plain, case .placeOrder(var order) = command {
        order.strategyID = 0
        order.strategyType = 0
        order.clientOrderID = World.text("x" + order.clientOrderID.string)
        order.selfTradePrevention = SelfTradePrevention.none
        command = .placeOrder(order)
      } else if plain, case .cancelOrder(var cancel) = command,
        !cancel.originalClientOrderID.isEmpty
      {
        cancel.originalClientOrderID = World.text("x" + cancel.originalClientOrderID.string)
        command = .cancelOrder(cancel)
      }
      world.run(command)
      told += world.lastEvents.filter {
        switch $0 {
        case .levelChanged, .balanceChanged: true
        default: false
        }
      }
    }
    return told
  }

  @Test(arguments: 1...8)
  func `names and other options of a client never change matching`(seed: UInt64) {
    let named = Self.outcome(seed, plain: false)
    #expect(named.count > 100)
    #expect(named == Self.outcome(seed, plain: true), "seed \(seed)")
    let bug = PlantedBug.strategyMatters
    #expect(Self.outcome(seed, plain: false, bug) != Self.outcome(seed, plain: true, bug))
  }

  @Test func `a client id is free again when its order is gone, and ids leave nothing behind`() {
    var world = World(horizon: ClientIDHorizon(duration: 0, perAccountMax: 0, totalMax: 0))
    world.begin()
    var slabs: Set<Int> = []
    for round in 0..<2_000 {
      #expect(world.run(World.limit(0, .sell, 10, at: 10_000, id: "same")).placed != nil)
      #expect(
        world.run(World.limit(0, .sell, 10, at: 10_000, id: "same")).rejection
          == .duplicateClientOrderID)
      #expect(world.run(World.cancel(0, id: "same")).cancelled != nil)
      if round % 500 == 499 {
        world.collect()
        slabs.insert(world.rows.rows.values.count { !$0.isEmpty })
      }
    }
    #expect(slabs.count == 1, "rows grow with ids: \(slabs)")
    #expect(world.exchange.checkInvariants().isEmpty)
  }
}
