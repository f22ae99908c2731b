// Rows and the state hash: rebuilding, determinism, and that every field of every row counts.

import Engine
import Testing
import Wire

@Suite struct StateTests {
  static let horizon = ClientIDHorizon(duration: 300_000_000, perAccountMax: 30, totalMax: 70)

  @Test(arguments: 1...25)
  func `an exchange rebuilt from rows goes on exactly like the original`(seed: UInt64) throws {
    var world = World(horizon: Self.horizon)
    world.begin(World.setUp(accounts: 4, funds: 40_000, filters: OracleTests.filters))
    var commands = RandomCommands(seed: seed)
    for _ in 0..<300 {
      world.stamp += commands.pause()
      world.run(commands.next())
      if commands.random.chance(30) { world.collect() }
    }
    let hash = world.collect()
    #expect(hash == world.rows.hash, "seed \(seed)")
    var twin = World(horizon: Self.horizon)
    twin.exchange = try Exchange(loading: world.rows, horizon: Self.horizon)
    #expect(twin.exchange.stateHash == hash, "seed \(seed)")
    #expect(twin.exchange.checkInvariants().isEmpty)
    var unchanged = RowBatch()
    twin.exchange.collectRows(into: &unchanged)
    #expect(unchanged.isEmpty, "a rebuilt exchange has no rows to write")
    for step in 0..<300 {
      world.stamp += commands.pause()
      twin.stamp = world.stamp
      let command = commands.next()
      let reply = world.run(command)
      #expect(twin.run(command) == reply, "seed \(seed) step \(step): \(command)")
      #expect(twin.lastEvents == world.lastEvents, "seed \(seed) step \(step)")
      guard step % 10 == 0 else { continue }
      #expect(world.collect() == twin.collect(), "seed \(seed) step \(step)")
    }
    #expect(world.collect() == world.rows.hash)
    #expect(twin.collect() == world.exchange.stateHash)
  }

  @Test(arguments: 1...10)
  func `the state hash does not depend on when rows were collected`(seed: UInt64) {
    var often = World(horizon: Self.horizon)
    var once = World(horizon: Self.horizon)
    for command in World.setUp(funds: 50_000) {
      often.run(command)
      often.collect()
      once.run(command)
    }
    var commands = RandomCommands(seed: seed, accounts: 3)
    for _ in 0..<400 {
      let command = commands.next()
      often.stamp += commands.pause()
      once.stamp = often.stamp
      #expect(often.run(command) == once.run(command))
      often.collect()
    }
    #expect(often.collect() == once.collect(), "seed \(seed)")
    #expect(often.rows.rows == once.rows.rows, "seed \(seed)")
  }

  @Test func `one unit more or less in any byte of any row changes the state hash`() throws {
    let world = try Self.worldWithEveryRow()
    let hash = world.exchange.stateHash
    var kinds: Set<UInt8> = []
    for (key, value) in world.rows.rows {
      kinds.insert(key[0])
      // The first byte is the version: another one is refused.
      for i in 1..<value.count {
        var changed = value
        changed[i] ^= 1
        let other = RowTable()
        for (k, v) in world.rows.rows { other.replace(k, v) }
        other.replace(key, changed)
        if let rebuilt = try? Exchange(loading: other, horizon: Self.horizon) {
          #expect(rebuilt.stateHash != hash, "byte \(i) of a row of kind \(key[0])")
        }
      }
      let versioned = RowTable()
      for (k, v) in world.rows.rows { versioned.replace(k, v) }
      versioned.replace(key, [9] + value.dropFirst())
      #expect(throws: WireError.self) { try Self.load(versioned) }
    }
    #expect(
      kinds == Set(0x10...0x1D).union([0x28, 0x29]), "a kind of row is missing from this test")
  }

  @Test func `a change of each field by one unit through commands changes the state hash`() throws {
    var hashes: Set<UInt128> = []
    var expected = 0
    func add(_ commands: [Command], stamp: Int64 = World.start) {
      var world = World()
      world.stamp = stamp
      world.begin()
      for command in commands {
        #expect(world.run(command).rejection == nil)
      }
      hashes.insert(world.collect())
      expected += 1
    }
    let order = World.limit(0, .buy, 100, at: 10_000, id: "a")
    add([])
    add([order])
    add([World.limit(0, .buy, 101, at: 10_000, id: "a")])
    add([World.limit(0, .buy, 100, at: 10_001, id: "a")])
    add([World.limit(1, .buy, 100, at: 10_000, id: "a")])
    add([World.limit(0, .sell, 100, at: 10_000, id: "a")])
    add([World.limit(0, .buy, 100, at: 10_000, id: "b")])
    add([World.limit(0, .buy, 100, at: 10_000, id: "a", symbol: World.second)])
    add([order], stamp: World.start + 1)
    add([order, World.limit(1, .buy, 100, at: 10_000, id: "a")])
    add([World.limit(1, .buy, 100, at: 10_000, id: "a"), order])
    add([order, World.cancel(0, order: 1)])
    add([.setSymbolStatus(SetSymbolStatus(symbol: World.first, status: .halt))])
    add([.revokeKey(RevokeKey(apiKey: "key0"))])
    add([.setDiscount(DiscountSettings(asset: World.other, factor: 1))])
    add([.setDiscount(DiscountSettings(asset: World.other, factor: 2))])
    add([.setDiscount(DiscountSettings(asset: World.base, factor: 1))])
    add([.setSymbolDiscount(SetSymbolDiscount(symbol: World.first, isOffered: true))])
    add([.setSymbolDiscount(SetSymbolDiscount(symbol: World.second, isOffered: true))])
    add([.setAccountDiscount(SetAccountDiscount(account: World.account(0), isUsed: true))])
    add([.setAccountDiscount(SetAccountDiscount(account: World.account(1), isUsed: true))])
    add([
      .setOrderLimits(
        SetOrderLimits(
          account: World.account(0), limits: OrderLimits(per10Seconds: 1_000_000, perDay: 999_999)))
    ])
    #expect(hashes.count == expected, "two different states have one hash")
  }

  @Test func `rows that do not belong together are refused and do not trap`() throws {
    let world = try Self.worldWithEveryRow()
    var random = Seeded(5)
    let keys = world.rows.rows.keys.sorted(by: RowTable.less)
    for _ in 0..<3_000 {
      let table = RowTable()
      for (key, value) in world.rows.rows where !random.chance(1) { table.replace(key, value) }
      for _ in 0..<random.pick(0...2) {
        let key = keys[Int(random.pick(0...Int64(keys.count - 1)))]
        guard var value = table.row(key) else { continue }
        value[Int(random.pick(0...Int64(value.count - 1)))] = UInt8(random.pick(0...255))
        if random.chance(20) { value.removeLast() }
        table.replace(key, value)
      }
      _ = try? Self.load(table)
    }
  }

  private static func load(_ rows: RowTable) throws {
    _ = try Exchange(loading: rows, horizon: horizon)
  }

  static func worldWithEveryRow() throws -> World {
    var world = World(horizon: horizon)
    world.begin(World.setUp(accounts: 2, funds: 1_000_000))
    world.run(World.limit(0, .buy, 500, at: 10_000, id: "a"))
    world.run(World.limit(0, .buy, 300, at: 10_000, id: "b"))
    world.run(World.limit(1, .sell, 200, at: 9_999, id: "c"))
    world.run(World.limit(1, .sell, 200, at: 10_002, id: "d"))
    world.run(
      .requestWithdrawal(
        RequestWithdrawal(
          account: World.account(0), asset: World.quote, amount: 5, fee: 1, network: "n",
          address: "a", id: "r")))
    world.run(
      .setCommission(
        AccountCommission(
          account: World.account(0), symbol: World.first,
          commission: Commission(standard: CommissionRates(maker: 1, seller: 2)))))
    world.run(.setExchangeLimits(ExchangeLimits(maxOrders: 100)))
    world.run(.setDiscount(DiscountSettings(asset: World.other, factor: 1)))
    world.run(.setSymbolDiscount(SetSymbolDiscount(symbol: World.first, isOffered: true)))
    world.run(.setAccountDiscount(SetAccountDiscount(account: World.account(1), isUsed: true)))
    world.run(World.limit(1, .sell, 100, at: 10_003, id: "e"))
    world.run(
      .withdraw(Funds(account: World.account(0), asset: World.quote, amount: 5, id: "w")))
    world.collect()
    return world
  }
}
