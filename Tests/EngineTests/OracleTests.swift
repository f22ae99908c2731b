// The engine against the naive engine, on random streams; and what must hold after every command.

import Engine
import Testing
import Wire

@Suite struct OracleTests {
  static let filters = SymbolFilters(
    minPrice: 100, maxPrice: 50_000, tickSize: 1, minQuantity: 10, maxQuantity: 100_000,
    stepSize: 10, marketMinQuantity: 20, marketMaxQuantity: 2_000, marketStepSize: 20,
    minNotional: 15, applyMinToMarket: true, maxNotional: 560, applyMaxToMarket: false,
    averagePriceMinutes: 3, maxOpenOrders: 12)

  static let horizon = ClientIDHorizon(duration: 200_000_000, perAccountMax: 40, totalMax: 90)

  @Test(arguments: 1...40)
  func `the engine answers a random stream as the naive engine does`(seed: UInt64) throws {
    try compare(seed, filters: Self.filters, funds: 30_000, horizon: Self.horizon)
  }

  @Test(arguments: 41...60)
  func `the engine agrees with the naive engine where funds and counts run out`(
    seed: UInt64
  ) throws {
    try compare(
      seed, filters: World.filters(step: 10), funds: 700,
      horizon: ClientIDHorizon(duration: 0, perAccountMax: 0, totalMax: 0),
      limits: OrderLimits(per10Seconds: 25, perDay: 120))
  }

  @Test(arguments: 61...90)
  func `the engine agrees with the naive engine on bands, positions, switches and levels`(
    seed: UInt64
  ) throws {
    var filters = World.filters(step: 10)
    filters.averagePriceMinutes = UInt32(seed % 3)
    try compare(
      seed, filters: filters, funds: 30_000, horizon: Self.horizon,
      limits: OrderLimits(per10Seconds: 40, perDay: 400), withSettings: true)
  }

  @Test(arguments: 101...160)
  func `the engine agrees with the naive engine on orders that are not plain`(
    seed: UInt64
  ) throws {
    var filters = seed % 3 == 0 ? Self.filters : World.filters(step: 10)
    filters.averagePriceMinutes = UInt32(seed % 3)
    filters.maxOpenOrders = 0
    try compare(
      seed, filters: filters, funds: seed % 4 == 0 ? 3_000 : 400_000, horizon: Self.horizon,
      limits: OrderLimits(per10Seconds: 60, perDay: 4_000), withSettings: seed % 2 == 0,
      withSpecials: true)
  }

  @Test(arguments: 201...240)
  func `the engine agrees with the naive engine on commissions in the discount asset`(
    seed: UInt64
  ) throws {
    var filters = World.filters(step: 10)
    filters.averagePriceMinutes = UInt32(seed % 3)
    try compare(
      seed, filters: filters, funds: seed % 4 == 0 ? 900 : 100_000, horizon: Self.horizon,
      withDiscounts: true, withSpecials: seed % 2 == 0)
  }

  /// What many streams together must have met.
  struct Reached {
    var amendedPairs = 0
    var shrunkIcebergs = 0
    var leftTurns = 0
    var refusedBehindTurns = 0
  }

  @Test(arguments: 301...304)
  func `the engine agrees with the naive engine on amended legs and on turns that are left over`(
    part: UInt64
  ) throws {
    var reached = Reached()
    for seed in (part * 10)..<(part * 10 + 10) {
      var filters = seed % 3 == 0 ? Self.filters : World.filters(step: 10)
      filters.averagePriceMinutes = UInt32(seed % 3)
      filters.maxOpenOrders = 0
      try compare(
        seed, filters: filters, funds: 40_000, horizon: Self.horizon,
        limits: OrderLimits(per10Seconds: 1_000, perDay: 1_000_000), withSettings: seed % 2 == 0,
        withDiscounts: false, withSpecials: true, withAmendments: true,
        turns: seed % 2 == 1 ? 1 : Exchange.turnsPerCommandMax, &reached)
    }
    #expect(
      reached.amendedPairs > 0 && reached.shrunkIcebergs > 0 && reached.leftTurns > 0
        && reached.refusedBehindTurns > 0, "\(reached)")
  }

  private func compare(
    _ seed: UInt64, filters: SymbolFilters, funds: Int64, horizon: ClientIDHorizon,
    limits: OrderLimits = OrderLimits(per10Seconds: 1_000, perDay: 1_000_000),
    withSettings: Bool = false, withDiscounts: Bool = false, withSpecials: Bool = false
  ) throws {
    var reached = Reached()
    try compare(
      seed, filters: filters, funds: funds, horizon: horizon, limits: limits,
      withSettings: withSettings, withDiscounts: withDiscounts, withSpecials: withSpecials,
      withAmendments: false, turns: Exchange.turnsPerCommandMax, &reached)
  }

  private func compare(
    _ seed: UInt64, filters: SymbolFilters, funds: Int64, horizon: ClientIDHorizon,
    limits: OrderLimits, withSettings: Bool, withDiscounts: Bool, withSpecials: Bool,
    withAmendments: Bool, turns: Int, _ reached: inout Reached
  ) throws {
    var world = World(horizon: horizon)
    world.begin(World.setUp(accounts: 4, funds: funds, filters: filters, limits: limits))
    if withDiscounts { world.begin(World.bridge(accounts: 4, funds: funds, filters: filters)) }
    var naive = NaiveExchange(horizon: horizon)
    naive.mirror(world.rows, limits: limits)
    world.exchange.turnsMax = turns
    naive.turnsMax = turns
    var commands = RandomCommands(seed: seed)
    commands.symbols = withDiscounts ? 3 : 2
    commands.position = funds
    var trades = 0
    var paidSo = 0
    var refusals: [String: Int] = [:]
    let enough = withSettings || withSpecials ? 5 : 20
    // A stream whose market stood still for long goes on until it has traded.
    for step in 0..<2_000 {
      if step >= 500, trades > enough { break }
      // The level rises under way, and now and then nobody trades for a day or two.
      if withDiscounts, commands.random.chance(1) {
        world.stamp += commands.random.pick(1_430...2_900) * 60_000_000
      }
      let command = next(
        &commands, naive, step, withSettings: withSettings, withDiscounts: withDiscounts,
        withSpecials: withSpecials, withAmendments: withAmendments)
      world.stamp += commands.pause()
      let hash = world.collect()
      let before = naive
      let reply = world.run(command)
      let wanted = naive.apply(command, world.stamp)
      #expect(reply == wanted, "seed \(seed) step \(step): \(command)")
      if reply.rejection != nil, naive.turnsRun > 0 {
        reached.refusedBehindTurns += 1
      } else if reply.rejection != nil {
        #expect(world.lastEvents.isEmpty)
        #expect(world.collect() == hash, "seed \(seed) step \(step): a refusal changed state")
      }
      try expectSameEvents(world.lastEvents, &naive, before, "seed \(seed) step \(step)")
      let broken = world.exchange.checkInvariants()
      #expect(broken.isEmpty, "seed \(seed) step \(step): \(broken)")
      if let reason = reply.rejection { refusals["\(reason)", default: 0] += 1 }
      reached.note(world.lastEvents, naive)
      for case .trade(let trade) in world.lastEvents {
        trades += 1
        if trade.makerFee + trade.takerFee > 0, trade.isDiscounted(naive) { paidSo += 1 }
      }
      if step % 50 == 49 {
        // A replica that starts from rows goes on like one that never stopped.
        let hash = world.collect()
        world.exchange = try Exchange(loading: world.rows, horizon: horizon)
        world.exchange.turnsMax = turns
        #expect(world.exchange.stateHash == hash, "seed \(seed) step \(step)")
      }
      if reply != wanted || !broken.isEmpty { return }
    }
    #expect(
      trades > enough,
      "seed \(seed): a stream without trades tests nothing: \(refusals)")
    #expect(paidSo > 0 || !withDiscounts, "seed \(seed): nobody paid in the discount asset")
    world.collect()
    #expect(world.exchange.stateHash == world.rows.hash)
  }

  private func next(
    _ commands: inout RandomCommands, _ naive: NaiveExchange, _ step: Int, withSettings: Bool,
    withDiscounts: Bool, withSpecials: Bool, withAmendments: Bool
  ) -> Command {
    if withDiscounts, step == 100 { return .setLevel(SetLevel(level: Behaviour.newest)) }
    let open = withAmendments ? naive.symbols.flatMap { $0.orders.map { $0.view } } : []
    if !open.isEmpty, commands.random.chance(12) { return commands.amendment(of: open) }
    if withDiscounts, step < 5 || commands.random.chance(8) { return commands.discount(step) }
    if withSettings, commands.random.chance(6) {
      return commands.setting(naive.symbols.map { $0.info })
    }
    if withSettings, commands.random.chance(10) { return commands.movement() }
    return withSpecials ? commands.nextSpecial() : commands.next()
  }

  // Orders and trades in order; levels and balances as sets, since the naive engine finds them by
  // comparing.
  private func expectSameEvents(
    _ events: [Event], _ naive: inout NaiveExchange, _ before: NaiveExchange, _ place: String
  ) throws {
    var orders: [Event] = []
    var levels: [NaiveLevel: Int128] = [:]
    var balances: [NaiveName: NaiveBalance] = [:]
    for event in events {
      switch event {
      case .orderAccepted, .trade, .orderClosed, .matchPrevented, .orderTriggered, .orderAmended,
        .listChanged:
        orders.append(event)
      case .levelChanged(let change):
        let s = Int(change.symbol.value) - 1
        naive.symbols[s].depthUpdate += 1
        #expect(change.updateID == naive.symbols[s].depthUpdate, "\(place)")
        levels[NaiveLevel(side: change.side, price: change.price)] = Int128(change.quantity)
      case .balanceChanged(let change):
        let name = NaiveName(account: change.account, asset: change.asset)
        #expect(balances[name] == nil, "\(place): two events for a balance")
        balances[name] = NaiveBalance(free: Int128(change.free), locked: Int128(change.locked))
      default: break
      }
    }
    #expect(orders == naive.events, "\(place)")
    // A level that changed and came back within one command is told too.
    let old = before.symbols.map { $0.levels() }
    let same = levels.filter { level, quantity in
      old.contains { ($0[level] ?? 0) == quantity }
    }
    var changed = naive.changedLevels(since: before)
    for level in same.keys { changed[level] = levels[level] }
    #expect(levels == changed, "\(place)")
    let moved = naive.balances.filter { $0.value != before.balances[$0.key] ?? NaiveBalance() }
    for (name, balance) in moved { #expect(balances[name] == balance, "\(place): \(name)") }
    for (name, balance) in balances { #expect(naive.balances[name] == balance, "\(place)") }
  }
}

extension OracleTests.Reached {
  mutating func note(_ events: [Event], _ naive: NaiveExchange) {
    if naive.symbols.contains(where: { !$0.turns.isEmpty }) { leftTurns += 1 }
    for case .orderAmended(let amendment) in events {
      let view = amendment.order
      if view.status == .pendingNew, naive.partner(view) != nil { amendedPairs += 1 }
      if view.extras.terms.icebergQuantity > view.quantity { shrunkIcebergs += 1 }
    }
  }
}

extension Trade {
  /// True if a side paid in an asset that it did not receive.
  func isDiscounted(_ naive: NaiveExchange) -> Bool {
    let info = naive.symbols[Int(symbol.value) - 1].info
    let isTaken = taker.side == .buy
    return takerFeeAsset != (isTaken ? info.base : info.quote)
      || makerFeeAsset != (isTaken ? info.quote : info.base)
  }
}

extension NaiveExchange {
  /// Takes over symbols and balances that the set-up made.
  mutating func mirror(_ rows: RowTable, limits: OrderLimits) {
    rows.scan(prefix: EngineRows.symbolPrefix) { key, value in
      if let info = try? EngineRows.decodeSymbol(key: key, value: value) {
        symbols.append(NaiveSymbol(info: info, unit: info.id == World.first ? 10_000 : 100))
      }
      return true
    }
    for account in [AccountID.custody, .fees] + (0..<4).map(World.account) {
      self.limits[account] = limits
      rows.scan(prefix: EngineRows.balancePrefix(account: account)) { key, value in
        if let balance = try? EngineRows.decodeBalance(key: key, value: value) {
          balances[NaiveName(account: account, asset: balance.asset)] = NaiveBalance(
            free: Int128(balance.free), locked: Int128(balance.locked))
        }
        return true
      }
    }
  }

  func changedLevels(since before: NaiveExchange) -> [NaiveLevel: Int128] {
    var changed: [NaiveLevel: Int128] = [:]
    for s in symbols.indices {
      let old = before.symbols[s].levels()
      let new = symbols[s].levels()
      for (level, quantity) in new where old[level] != quantity { changed[level] = quantity }
      for level in old.keys where new[level] == nil { changed[level] = 0 }
    }
    return changed
  }
}

extension RowTable {
  func scan(prefix: [UInt8], _ body: ([UInt8], [UInt8]) -> Bool) {
    scan(from: prefix, upTo: RowKey.after(prefix), reverse: false, body)
  }
}
