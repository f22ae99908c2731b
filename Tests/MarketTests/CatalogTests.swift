// CatalogTests: names and ids, folded from events.

import Engine
import Market
import Testing

@Suite struct CatalogTests {
  /// Folds events; returns which of them changed the catalog.
  private func fold(_ catalog: inout Catalog, _ events: [Event]) -> [Bool] {
    events.map { catalog.fold($0) }
  }

  @Test func `definitions are found by id and by name`() throws {
    var catalog = Catalog()
    let changed = fold(&catalog, Array(Fixture.definitions(stamp: 1).events))
    #expect(changed == [true, true, true, true, true])
    #expect(catalog.symbols.map(\.name) == ["BTCUSDT", "ETHUSDT"])
    #expect(catalog.symbol(SymbolID(2))?.name == "ETHUSDT")
    #expect(catalog.symbol(named: "BTCUSDT")?.id == SymbolID(1))
    #expect(catalog.symbol(named: "btcusdt") == nil)
    #expect(catalog.asset(named: "USDT")?.id == AssetID(2))
    #expect(catalog.asset(AssetID(3))?.scale == 6)
    let ether = try #require(catalog.symbol(named: "ETHUSDT"))
    #expect(catalog.baseScale(ether) == 6)
    #expect(catalog.quoteScale(ether) == 8)
  }

  @Test func `a change replaces the entry, and snapshots keep the old one`() throws {
    var catalog = Catalog()
    for event in Fixture.definitions(stamp: 1).events { _ = catalog.fold(event) }
    let before = catalog
    var halted = Fixture.symbols[0]
    halted.status = .halt
    let changed = catalog.fold(.symbolChanged(halted))
    #expect(changed)
    #expect(catalog.symbols.count == 2)
    #expect(catalog.symbol(named: "BTCUSDT")?.status == .halt)
    #expect(before.symbol(named: "BTCUSDT")?.status == .trading)
  }

  @Test func `accounts and keys are found, revoked ones too`() {
    var catalog = Catalog()
    let account = AccountInfo(
      id: AccountID(1001), name: "alice", permissions: .trade, limits: .standard, createdAt: 5)
    var key = KeyInfo(
      id: KeyID(7), account: account.id, apiKey: String(repeating: "k", count: 64),
      sealedSecret: [1], permissions: .trade, revoked: false, createdAt: 5)
    #expect(fold(&catalog, [.accountChanged(account), .keyChanged(key)]) == [true, true])
    #expect(catalog.account(named: "alice") == account)
    #expect(catalog.account(account.id) == account)
    #expect(catalog.key(named: key.apiKey) == key)
    key.revoked = true
    #expect(fold(&catalog, [.keyChanged(key)]) == [true])
    #expect(catalog.key(key.id)?.revoked == true)
    #expect(catalog.keys.count == 1)
    #expect(catalog.key(named: "") == nil)
  }

  @Test func `events about trading leave it alone`() {
    var catalog = Catalog()
    let order = Fixture.order(1, .buy, price: 1, quantity: 1, at: 1)
    let events: [Event] = [
      .orderAccepted(order), .orderClosed(order, cancelClientOrderID: .empty),
    ]
    #expect(fold(&catalog, events) == [false, false])
    #expect(catalog.symbols.isEmpty)
  }
}
