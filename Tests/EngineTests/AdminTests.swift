// Who may do what, and the definitions and funds that the operator manages.

import Engine
import Testing

@Suite struct AdminTests {
  static func account(_ name: String, key: String, _ permissions: Permissions = .trade) -> Command {
    .createAccount(
      CreateAccount(
        name: name, permissions: permissions, limits: .standard, apiKey: key, sealedSecret: [1]))
  }

  static func deposit(_ amount: Int64, id: String, _ account: AccountID = World.account(0))
    -> Funds
  {
    Funds(account: account, asset: World.quote, amount: amount, id: id)
  }

  @Test func `orders need a key of the account that is known, not revoked and may trade`() {
    var world = World()
    world.begin()
    world.run(
      .createKey(
        CreateKey(
          account: World.account(0), permissions: [], apiKey: "read", sealedSecret: [])))
    let order = World.limit(0, .buy, 100, at: 10_000, id: "a")
    #expect(world.run(order, key: KeyID(99)).rejection == .keyUnknown)
    #expect(world.run(order, key: KeyID(.max)).rejection == .keyUnknown)
    #expect(world.run(order, key: KeyID(2)).rejection == .permissionMissing)
    #expect(world.run(order, key: KeyID(4)).rejection == .permissionMissing)
    #expect(world.run(order, key: .admin).rejection == .permissionMissing)
    #expect(world.run(World.cancel(0, order: 1), key: .admin).rejection == .permissionMissing)
    #expect(world.run(order, key: KeyID(1)).placed != nil)
    #expect(world.run(.revokeKey(RevokeKey(apiKey: "key0"))) == .done)
    #expect(world.run(.revokeKey(RevokeKey(apiKey: "key0"))) == .done)
    #expect(world.run(World.cancel(0, order: 1)).rejection == .keyRevoked)
    #expect(world.exchange.key(KeyID(1))?.revoked == true)
  }

  @Test func `administration needs the operator`() {
    var world = World()
    world.begin()
    let commands: [Command] = [
      Self.account("new", key: "new"), .deposit(Self.deposit(1, id: "x")),
      .withdraw(Self.deposit(1, id: "x")), .addAsset(AddAsset(name: "NEW", scale: 1)),
      .revokeKey(RevokeKey(apiKey: "key0")),
      .setSymbolStatus(SetSymbolStatus(symbol: World.first, status: .halt)),
    ]
    let hash = world.collect()
    for command in commands {
      #expect(world.run(command, key: KeyID(1)).rejection == .permissionMissing)
    }
    #expect(world.collect() == hash)
  }

  @Test func `names and keys are unique, and keys do no more than their account`() {
    var world = World()
    world.begin()
    #expect(world.run(Self.account("account0", key: "new")).rejection == .accountExists)
    #expect(world.run(Self.account("new", key: "key0")).rejection == .apiKeyExists)
    #expect(world.run(Self.account("no spaces", key: "new")).rejection == .invalidDefinition)
    #expect(world.run(Self.account("new", key: "")).rejection == .invalidDefinition)
    #expect(
      world.run(Self.account("new", key: "new")) == .account(World.account(3), KeyID(4)))
    let more = CreateKey(
      account: World.account(0), permissions: [.trade, .withdraw], apiKey: "more",
      sealedSecret: [])
    #expect(world.run(.createKey(more)).rejection == .permissionsExceedAccount)
    var unknown = more
    unknown.account = AccountID(5_000)
    #expect(world.run(.createKey(unknown)).rejection == .accountUnknown)
    unknown.account = .fees
    #expect(world.run(.createKey(unknown)).rejection == .accountUnknown)
    #expect(world.run(.revokeKey(RevokeKey(apiKey: "none"))).rejection == .keyUnknown)
  }

  @Test func `assets and symbols are defined once`() {
    var world = World()
    world.begin()
    #expect(world.run(.addAsset(AddAsset(name: "BASE", scale: 4))) == .asset(World.base))
    #expect(world.run(.addAsset(AddAsset(name: "BASE", scale: 5))).rejection == .assetExists)
    #expect(world.run(.addAsset(AddAsset(name: "BIG", scale: 9))).rejection == .invalidDefinition)
    #expect(world.run(.addAsset(AddAsset(name: "low", scale: 1))).rejection == .invalidDefinition)
    var symbol = AddSymbol(
      name: "BASEQUOTE", base: "BASE", quote: "QUOTE", filters: World.filters(), makerRate: 0,
      takerRate: 0)
    #expect(world.run(.addSymbol(symbol)).rejection == .symbolExists)
    symbol.name = "NEW"
    symbol.quote = "NONE"
    #expect(world.run(.addSymbol(symbol)).rejection == .assetUnknown)
    symbol.quote = "BASE"
    #expect(world.run(.addSymbol(symbol)).rejection == .invalidDefinition)
    symbol.quote = "QUOTE"
    symbol.takerRate = 10_000_001
    #expect(world.run(.addSymbol(symbol)).rejection == .invalidDefinition)
    symbol.takerRate = 10_000_000
    #expect(world.run(.addSymbol(symbol)) == .symbol(SymbolID(3)))
  }

  @Test func `genesis is the very first command or nothing`() {
    let mark = GenesisMark(clusterID: "c", hash: [UInt8](repeating: 1, count: 32))
    var world = World()
    #expect(world.run(.genesis(mark)) == .done)
    #expect(world.run(.genesis(mark)).rejection == .genesisRepeated)
    #expect(world.exchange.genesisMark == mark)
    var late = World()
    late.run(.addAsset(AddAsset(name: "A", scale: 1)))
    #expect(late.run(.genesis(mark)).rejection == .genesisRepeated)
  }

  @Test func `a deposit or withdrawal is booked once per id`() {
    var world = World()
    world.begin(World.setUp(funds: 0))
    let deposit = Self.deposit(100, id: "x")
    #expect(world.run(.deposit(deposit)) == .funds(free: 100, repeated: false))
    let hash = world.collect()
    #expect(world.run(.deposit(deposit)) == .funds(free: 100, repeated: true))
    #expect(world.lastEvents.isEmpty)
    #expect(world.collect() == hash)
    #expect(world.run(.deposit(Self.deposit(101, id: "x"))).rejection == .fundsIDReused)
    #expect(world.run(.withdraw(Self.deposit(101, id: "x"))).rejection == .insufficientBalance)
    #expect(world.run(.withdraw(Self.deposit(40, id: "x"))) == .funds(free: 60, repeated: false))
    #expect(world.run(.withdraw(Self.deposit(40, id: "x"))) == .funds(free: 60, repeated: true))
    #expect(world.exchange.conservation().allSatisfy { $0.1 == 0 })
  }

  @Test func `only free money can be withdrawn`() {
    var world = World()
    world.begin(World.setUp(funds: 100))
    world.run(World.limit(0, .buy, 70, at: 10_000, id: "a"))
    #expect(world.run(.withdraw(Self.deposit(31, id: "w"))).rejection == .insufficientBalance)
    #expect(world.run(.withdraw(Self.deposit(30, id: "w"))) == .funds(free: 0, repeated: false))
  }

  @Test func `no more of an asset is issued than sums can hold`() {
    var world = World()
    world.begin(World.setUp(funds: 0))
    let half = Amounts.amountMax / 2
    #expect(world.run(.deposit(Self.deposit(half, id: "a"))).rejection == nil)
    #expect(
      world.run(.deposit(Self.deposit(half, id: "b", World.account(1)))).rejection == nil)
    #expect(world.run(.deposit(Self.deposit(1, id: "c"))).rejection == .amountInvalid)
    #expect(world.run(.withdraw(Self.deposit(1, id: "d"))).rejection == nil)
    #expect(world.run(.deposit(Self.deposit(1, id: "c"))).rejection == nil)
    for amount in [Int64.min, -1, 0, .max] {
      #expect(world.run(.deposit(Self.deposit(amount, id: "e"))).rejection == .amountInvalid)
      #expect(world.run(.withdraw(Self.deposit(amount, id: "e"))).rejection == .amountInvalid)
    }
    #expect(world.exchange.checkInvariants().isEmpty)
  }

  @Test func `funds move for customers and the fee account only`() {
    var world = World()
    world.begin()
    for account in [AccountID.operator, .custody, AccountID(3), AccountID(1_000), AccountID(.max)] {
      #expect(
        world.run(.deposit(Self.deposit(1, id: "x", account))).rejection == .accountUnknown)
    }
    #expect(world.run(.deposit(Self.deposit(5, id: "y", .fees))).rejection == nil)
    var funds = Self.deposit(1, id: "x")
    for id in ["", "a b", "é", String(repeating: "x", count: 65)] {
      funds.id = id
      #expect(world.run(.deposit(funds)).rejection == .invalidDefinition)
    }
    funds.id = "x"
    funds.asset = AssetID(99)
    #expect(world.run(.deposit(funds)).rejection == .assetUnknown)
  }
}
