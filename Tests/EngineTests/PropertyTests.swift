// The properties that hold after every command of a random stream, each with a planted bug that
// breaks it; snapshots, quarantine and levels.

import Engine
import Testing
import Wire

@Suite struct PropertyTests {
  /// Runs a stream with a bug planted after the set-up. Answers the properties that it broke.
  static func violations(
    _ seed: UInt64, _ bug: PlantedBug, steps: Int = 400, movements: Int64 = 8
  ) throws -> [Int: String] {
    var run = PropertyRun()
    run.world.exchange.planted = bug
    run.world.exchange.plantedSymbol = World.first
    var commands = RandomCommands(seed: seed)
    for step in 0..<4 * steps {
      if step >= steps, bug != .none || run.trades >= 20 { break }
      run.world.stamp += commands.pause()
      run.run(commands.random.chance(movements) ? commands.movement() : commands.next())
      if commands.random.chance(4), let cancel = run.cancellation(commands.random.next()) {
        run.run(cancel)
      }
      if step % 10 == 0 { try run.checkHolds() }
    }
    if bug == .none, run.trades < 20 || run.paidSo == 0 {
      return [0: "a stream without trades or discounts tests nothing"]
    }
    return run.violated
  }

  @Test(arguments: 1...20)
  func `every property holds after every command`(seed: UInt64) throws {
    let violated = try Self.violations(seed, .none)
    #expect(violated.isEmpty, "seed \(seed)")
  }

  @Test(arguments: [
    (PlantedBug.feeLost, 1), (.feeLost, 17), (.cancelKeepsHold, 3), (.holdKept, 3),
    (.tradeIDSkips, 5), (.stepIgnored, 6), (.bookCrossed, 7), (.toldTwice, 9),
    (.cancelRefused, 10), (.fokPartial, 15), (.overspends, 15), (.depositForgotten, 19),
    (.rangeIgnored, 25), (.statusIgnored, 26), (.countsNotLowered, 27), (.failedIsPosted, 28),
    (.discountUntaken, 17), (.discountOnTax, 33),
  ])
  func `a planted bug breaks its property`(bug: PlantedBug, property: Int) throws {
    var found = false
    for seed in 1...40 where !found {
      found =
        try Self.violations(UInt64(seed), bug, movements: property == 28 ? 80 : 8)[property]
        != nil
    }
    #expect(found, "\(bug) was not seen by property \(property)")
  }

  @Test func `a taker that paid what its own order needs would end the program`() async {
    await #expect(processExitsWith: .failure) {
      Self.spendAll(.discountPromised)
    }
    Self.spendAll(.none)
  }

  // An account with 10,000 of the discount asset buys for all of it, in two trades.
  private static func spendAll(_ bug: PlantedBug) {
    var world = World()
    world.begin(World.setUp(accounts: 2, funds: 10_000))
    for command: Command in [
      .setDiscount(DiscountSettings(asset: World.quote, factor: 50_000_000)),
      .setSymbolDiscount(SetSymbolDiscount(symbol: World.first, isOffered: true)),
      .setAccountDiscount(SetAccountDiscount(account: World.account(0), isUsed: true)),
      World.limit(1, .sell, 5_000, at: 10_000, id: "a"),
      World.limit(1, .sell, 5_000, at: 10_000, id: "b"),
    ] {
      #expect(world.run(command).rejection == nil)
    }
    world.exchange.planted = bug
    let placed = world.run(World.market(0, .buy, 10_000, id: "c")).placed
    #expect(placed?.fills.map(\.commissionAsset) == [World.base, World.base])
    #expect(world.balance(0, World.quote).free == 0)
  }

  @Test func `an account that would owe ends the program, rather than go on`() async {
    await #expect(processExitsWith: .failure) {
      var run = PropertyRun()
      run.world.exchange.planted = .overdraft
      run.run(
        .withdraw(Funds(account: World.account(0), asset: World.quote, amount: 60_001, id: "x")))
    }
  }

  @Test(arguments: 1...6)
  func `replicas with other histories of collection have one hash, and one with a bug has another`(
    seed: UInt64
  ) {
    var worlds: [UInt128] = []
    for (often, bug) in [(true, PlantedBug.none), (false, .none), (false, .tradeIDSkips)] {
      var world = World()
      world.begin(World.setUp(accounts: 4, funds: 60_000))
      world.exchange.planted = bug
      var commands = RandomCommands(seed: seed)
      for _ in 0..<500 {
        world.stamp += commands.pause()
        world.run(commands.next())
        if often { world.collect() }
      }
      worlds.append(world.collect())
    }
    #expect(worlds[0] == worlds[1] && worlds[0] != worlds[2], "seed \(seed)")
  }

  @Test func `a fault rejects its command everywhere, halts its symbol, and others go on`() throws {
    var hashes: Set<UInt128> = []
    for collects in [true, false] {
      var world = World()
      world.begin()
      world.run(World.limit(0, .sell, 100, at: 10_000, id: "a"))
      if collects { world.collect() }
      world.exchange.planted = .fault
      world.exchange.plantedSymbol = World.first
      #expect(
        world.run(World.limit(1, .buy, 50, at: 10_000, id: "b")).rejection == .engineFault)
      #expect(world.lastEvents.count == 1, "the symbol is halted, and nothing else happened")
      world.exchange.planted = .none
      #expect(
        world.run(World.limit(1, .buy, 50, at: 10_000, id: "c")).rejection == .marketClosed)
      let other = World.limit(1, .buy, 100, at: 10_000, id: "d", symbol: World.second)
      #expect(world.run(other).placed != nil)
      #expect(world.run(World.cancel(0, order: 1)).cancelled != nil)
      #expect(world.exchange.checkInvariants().isEmpty)
      world.run(.setSymbolStatus(SetSymbolStatus(symbol: World.first, status: .trading)))
      #expect(world.run(World.limit(1, .buy, 50, at: 10_000, id: "b")).placed != nil)
      hashes.insert(world.collect())
    }
    #expect(hashes.count == 1)
  }

  @Test(arguments: 1...5)
  func `a level changes behaviour at its log index and not before`(seed: UInt64) {
    var old = World()
    var new = World()
    for command in World.setUp(accounts: 4, funds: 60_000) {
      old.run(command)
      new.run(command)
    }
    var commands = RandomCommands(seed: seed)
    var differed = false
    for step in 0..<400 {
      if step == 200 { new.run(.setLevel(SetLevel(level: Behaviour.loweredCounts))) }
      old.stamp += commands.pause()
      new.stamp = old.stamp
      let command = commands.next()
      let replies = (old.run(command), new.run(command))
      if step < 200 {
        #expect(replies.0 == replies.1, "seed \(seed) step \(step)")
        #expect(old.collect() == new.collect(), "seed \(seed) step \(step)")
      } else if replies.0 != replies.1 {
        differed = true
      }
    }
    #expect(differed, "seed \(seed): the level changed nothing")
  }
}

@Suite struct SnapshotTests {
  static func world(_ seed: UInt64) -> World {
    var world = World(horizon: StateTests.horizon)
    world.begin(World.setUp(accounts: 4, funds: 60_000))
    var commands = RandomCommands(seed: seed)
    for _ in 0..<250 {
      world.stamp += commands.pause()
      world.run(commands.random.chance(8) ? commands.movement() : commands.next())
    }
    world.collect()
    return world
  }

  @Test(arguments: 1...8)
  func `a snapshot restored gives the same snapshot and goes on the same`(seed: UInt64) throws {
    var world = Self.world(seed)
    let snapshot = try Snapshot.encode(world.rows)
    var twin = World(horizon: StateTests.horizon)
    try twin.exchange.restore(snapshot)
    #expect(twin.exchange.stateHash == world.exchange.stateHash)
    let rows = try Snapshot.decode(snapshot)
    #expect(try Snapshot.encode(rows) == snapshot, "seed \(seed)")
    var again = World(horizon: StateTests.horizon)
    try again.exchange.restore(Snapshot.encode(rows))
    var commands = RandomCommands(seed: seed + 100)
    for step in 0..<150 {
      world.stamp += commands.pause()
      twin.stamp = world.stamp
      again.stamp = world.stamp
      let command = commands.next()
      let reply = world.run(command)
      #expect(twin.run(command) == reply, "seed \(seed) step \(step)")
      #expect(again.run(command) == reply, "seed \(seed) step \(step)")
    }
    #expect(world.collect() == twin.collect())
    #expect(twin.collect() == again.collect())
  }

  @Test func `a snapshot cut short or with a bit flipped is refused and the old state stays`()
    throws
  {
    let other = Self.world(1)
    let snapshot = try Snapshot.encode(other.rows)
    var world = Self.world(2)
    let hash = world.collect()
    var random = Seeded(3)
    for i in 0..<400 {
      var damaged = snapshot
      if i % 2 == 0 {
        damaged.removeLast(Int(random.pick(1...Int64(snapshot.count))))
      } else {
        damaged[Int(random.pick(0...Int64(snapshot.count - 1)))] ^= 1 << UInt8(random.pick(0...7))
      }
      #expect(throws: WireError.self) { try world.exchange.restore(damaged) }
    }
    #expect(world.collect() == hash)
    #expect(world.exchange.checkInvariants().isEmpty)
    try world.exchange.restore(snapshot)
    #expect(world.exchange.stateHash == other.exchange.stateHash)
  }
}
