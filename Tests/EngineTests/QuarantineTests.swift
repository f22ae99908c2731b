// Engine faults at any moment of a random stream, on replicas with different histories; faults of
// orders that enter the market later than their command.

import Engine
import Testing
import Wire

@Suite struct QuarantineTests {
  /// What one replica told.
  struct Step: Equatable {
    var reply: Reply
    var events: [Event]
    var hash: UInt128
  }

  struct History: ~Copyable {
    var world = World(horizon: StateTests.horizon)
    var steps: [Step] = []
    var fault: Int?
  }

  enum Habit: CaseIterable { case collects, restarts, neither }

  static func commands(_ seed: UInt64) -> [(pause: Int64, command: Command)] {
    var random = RandomCommands(seed: seed)
    return (0..<260).map { _ in (random.pause(), random.nextSpecial()) }
  }

  /// Runs a stream in which the first fault after step 150 is the last.
  static func history(
    _ commands: [(pause: Int64, command: Command)], _ bug: PlantedBug, _ habit: Habit
  ) throws -> History {
    var history = History()
    history.world.begin(World.setUp(accounts: 4, funds: 400_000, filters: World.filters(step: 10)))
    for (step, next) in commands.enumerated() {
      if step == 150 { plant(bug, &history.world) }
      history.world.stamp += next.pause
      let reply = history.world.run(next.command)
      let events = history.world.lastEvents
      if habit == .collects { history.world.collect() }
      if habit == .restarts, step % 25 == 24 {
        let planted = history.world.exchange.planted
        history.world.collect()
        history.world.exchange = try Exchange(
          loading: history.world.rows, horizon: StateTests.horizon)
        plant(planted, &history.world)
      }
      if history.fault == nil, isFault(reply, events, next.command) {
        history.fault = step
        plant(.none, &history.world)
      }
      let hash = step % 25 == 24 || history.fault == step ? history.world.collect() : 0
      history.steps.append(Step(reply: reply, events: events, hash: hash))
    }
    return history
  }

  private static func plant(_ bug: PlantedBug, _ world: inout World) {
    world.exchange.planted = bug
    world.exchange.plantedSymbol = World.first
  }

  static func isFault(_ reply: Reply, _ events: [Event], _ command: Command) -> Bool {
    if reply.rejection == .engineFault { return true }
    if case .replaced(let both) = reply, both.order == .failed(.engineFault) { return true }
    switch command {
    case .setSymbolStatus, .setSelfTradeRules: return false
    default: return halts(events)
    }
  }

  static func halts(_ events: [Event]) -> Bool {
    events.contains {
      if case .symbolChanged(let info) = $0 {
        info.id == World.first && info.status == .halt
      } else {
        false
      }
    }
  }

  /// What is wrong after a fault, if one was met.
  static func violations(_ seed: UInt64, _ bug: PlantedBug) throws -> [String]? {
    let commands = commands(seed)
    var sound = try history(commands, bug, .neither)
    var wrong: [String] = []
    for habit in Habit.allCases {
      let other = try history(commands, bug, habit)
      if other.steps != sound.steps { wrong.append("a replica that \(habit) differs") }
    }
    guard let at = sound.fault else { return nil }
    if !halts(sound.steps[at].events) { wrong.append("the symbol goes on") }
    if sound.steps[at].reply.rejection == .engineFault, sound.steps[at].events.count > 1 {
      wrong.append("more happened than the halt")
    }
    wrong += restart(&sound.world)
    return wrong
  }

  /// Everybody can get out before trading goes on.
  private static func restart(_ world: inout World) -> [String] {
    var wrong: [String] = []
    func set(_ status: SymbolStatus, _ world: inout World) {
      world.run(.setSymbolStatus(SetSymbolStatus(symbol: World.first, status: status)))
    }
    set(.cancelOnly, &world)
    if world.run(World.limit(0, .buy, 10, at: 9_000, id: "n1")).rejection != .marketClosed {
      wrong.append("CANCEL_ONLY takes orders")
    }
    for account in 0..<4 {
      let cancel = CancelAllOrders(
        account: World.account(account), symbol: World.first,
        cancelClientOrderID: World.text("out"))
      let reason = world.run(.cancelAllOrders(cancel)).rejection
      if let reason, reason != .noOpenOrders { wrong.append("\(reason) on the way out") }
    }
    set(.trading, &world)
    if world.run(World.limit(0, .buy, 10, at: 9_000, id: "n2")).placed == nil {
      wrong.append("TRADING takes no orders")
    }
    return wrong + world.exchange.checkInvariants()
  }

  @Test(arguments: [PlantedBug.fault, .turnFault])
  func `a fault at any moment is the same on all replicas, and halts its symbol`(
    bug: PlantedBug
  ) throws {
    var met = 0
    for seed in UInt64(1)...12 {
      guard let wrong = try Self.violations(seed, bug) else { continue }
      met += 1
      #expect(wrong.isEmpty, "seed \(seed)")
    }
    #expect(met >= 3, "\(bug) was met in \(met) streams")
  }

  @Test func `a fault that does not halt its symbol is seen`() throws {
    var found = false
    for seed in UInt64(1)...6 where !found {
      found = try Self.violations(seed, .faultUnhalted)?.isEmpty == false
    }
    #expect(found)
  }

  static func stop(_ id: String) -> Command {
    .placeOrder(
      PlaceOrder(
        account: World.account(2), symbol: World.first, side: .sell, type: .stopLossLimit,
        timeInForce: .gtc, quantity: 10, quoteOrderQuantity: 0, price: 9_900,
        clientOrderID: World.text(id), special: SpecialTerms(stopPrice: 9_990)))
  }

  @Test func `a stop that finds a fault when it fires ends alone, and those behind it wait`() {
    var world = World()
    world.begin()
    world.run(World.limit(0, .sell, 10, at: 10_000, id: "a"))
    world.run(World.limit(1, .buy, 10, at: 10_000, id: "b"))
    world.run(Self.stop("s1"))
    world.run(Self.stop("s2"))
    world.run(World.limit(0, .buy, 100, at: 9_990, id: "c"))
    Self.plant(.turnFault, &world)
    let reply = world.run(World.limit(1, .sell, 10, at: 9_990, id: "d"))
    #expect(reply.placed?.order.status == .filled, "the order that met the stops is not to blame")
    #expect(Self.halts(world.lastEvents))
    let ended = world.lastEvents.compactMap {
      if case .orderClosed(let view, _) = $0 { view } else { nil }
    }
    #expect(ended.map { $0.clientOrderID.string } == ["s1"])
    #expect(ended.first?.expiryReason == .rejected)
    #expect(world.balance(2, World.base).locked == 10, "the other one keeps what it holds")
    Self.plant(.none, &world)
    #expect(world.exchange.checkInvariants().isEmpty)
    #expect(world.run(World.limit(1, .sell, 10, at: 9_990, id: "e")).rejection == .marketClosed)
    let other = World.limit(1, .buy, 100, at: 10_000, id: "f", symbol: World.second)
    #expect(world.run(other).placed != nil)
    world.run(.setSymbolStatus(SetSymbolStatus(symbol: World.first, status: .trading)))
    #expect(world.balance(2, World.base).locked == 0, "its turn came before anybody's order")
    #expect(world.run(World.limit(1, .sell, 10, at: 9_990, id: "g")).placed != nil)
  }

  @Test func `a cancel-replace whose new order finds a fault halts its symbol`() {
    var world = World()
    world.begin()
    world.run(World.limit(0, .sell, 10, at: 10_000, id: "a"))
    guard case .cancelOrder(let cancel) = World.cancel(0, order: 1),
      case .placeOrder(let order) = World.limit(0, .sell, 10, at: 10_001, id: "b")
    else { return }
    Self.plant(.fault, &world)
    let reply = world.run(
      .cancelReplace(
        CancelReplace(cancel: cancel, order: order, mode: .stopOnFailure, overLimit: .doNothing)))
    guard case .replaced(let both) = reply, case .cancelled = both.cancel else {
      Issue.record("\(reply)")
      return
    }
    #expect(both.order == .failed(.engineFault))
    #expect(Self.halts(world.lastEvents))
    #expect(world.balance(0, World.base).locked == 0)
  }
}
