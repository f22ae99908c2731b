// BridgeTests: commission in the discount asset over a third asset (property 33), and from which level on.
// Not here: where it is traded for one of the two directly (PropertyRun), the naive engine (OracleTests).

import Engine
import Testing

@testable import Engine

@Suite struct BridgeTests {
  static let horizon = ClientIDHorizon.standard

  /// FOURTHBASE offers commission in OTHER; BASE leads there over BASEQUOTE and OTHERQUOTE. Two of three accounts want
  /// it, and have enough.
  struct Run: ~Copyable {
    var world = World()
    var random: Seeded
    /// Price and minute of the last trade, by symbol.
    var last: [SymbolID: (price: Int64, minute: Int64)] = [:]
    var paidInOther = 0
    var paidAsReceived = 0
    var stale = 0
    var violations: [String] = []
    private var number = 0

    init(_ seed: UInt64, _ level: UInt32, _ bug: PlantedBug) {
      random = Seeded(seed)
      var filters = World.filters()
      filters.averagePriceMinutes = 1
      let funds: Int64 = 1 << 50
      world.begin(
        World.setUp(accounts: 3, funds: funds, filters: filters)
          + World.bridge(accounts: 3, funds: funds, filters: filters) + [
            .setDiscount(DiscountSettings(asset: World.other, factor: 75_000_000)),
            .setAccountDiscount(SetAccountDiscount(account: World.account(0), isUsed: true)),
            .setAccountDiscount(SetAccountDiscount(account: World.account(1), isUsed: true)),
            .setLevel(SetLevel(level: level)),
          ])
      world.exchange.planted = bug
    }

    /// Each command has a minute of its own, so that the average price is the last one.
    mutating func step() {
      world.stamp += random.chance(2) ? random.pick(1_435...1_445) * 60_000_000 : 61_000_000
      number += 1
      let symbols = [World.first, World.second, World.third]
      let symbol = symbols[Int(random.chance(60) ? 2 : random.pick(0...1))]
      world.run(
        World.limit(
          Int(random.pick(0...2)), random.chance(50) ? .buy : .sell,
          random.pick(1...1_000_000), at: random.pick(9_990...10_010), id: "o\(number)", .gtc,
          symbol: symbol))
      for case .trade(let trade) in world.lastEvents {
        if trade.symbol == World.third { watch(trade) }
        last[trade.symbol] = (trade.price, trade.stamp / 60_000_000)
      }
    }

    private mutating func watch(_ trade: Trade) {
      watch(trade, trade.maker, 75_000, trade.makerFee, trade.makerFeeAsset)
      watch(trade, trade.taker, 133_337, trade.takerFee, trade.takerFeeAsset)
    }

    private mutating func watch(
      _ trade: Trade, _ order: OrderView, _ rate: Int64, _ fee: Int64, _ asset: AssetID
    ) {
      let minute = trade.stamp / 60_000_000
      var wanted = (
        fee: (order.side == .buy ? trade.quantity : trade.quoteQuantity) * rate / 100_000_000,
        asset: order.side == .buy ? AssetID(4) : World.base
      )
      if order.account != World.account(2), let base = last[World.first],
        let other = last[World.second]
      {
        if minute - base.minute <= 1_440, minute - other.minute <= 1_440 {
          let worth = trade.quoteQuantity * base.price / 10_000
          // Three quarters of the rate; OTHER has a hundred units.
          let share = Int128(worth) * Int128(rate * 3 / 4) * 100
          wanted = (Int64(share / (100_000_000 * Int128(other.price))), World.other)
        } else {
          stale += 1
        }
      }
      if asset == World.other { paidInOther += 1 } else { paidAsReceived += 1 }
      if fee != wanted.fee || asset != wanted.asset {
        violations.append("trade \(trade.id): \(fee) of \(asset) in place of \(wanted)")
      }
    }
  }

  private static func run(_ seed: UInt64, level: UInt32 = 3, _ bug: PlantedBug = .none) -> Run {
    var run = Run(seed, level, bug)
    for _ in 0..<400 { run.step() }
    return run
  }

  @Test(arguments: 1...10)
  func `commission goes over a third asset, at prices of the last day`(seed: UInt64) {
    let run = Self.run(seed)
    let violations = run.violations
    #expect(violations.isEmpty, "seed \(seed)")
    let counts = [run.paidInOther, run.paidAsReceived, run.stale]
    #expect(counts.allSatisfy { $0 > 0 }, "seed \(seed): \(counts) tests nothing")
  }

  @Test(arguments: [PlantedBug.discountUnbridged, .discountStale])
  func `a planted bug in the conversion is seen`(bug: PlantedBug) {
    let found = (1...10).contains { !Self.run(UInt64($0), bug).violations.isEmpty }
    #expect(found, "\(bug)")
  }

  @Test func `below level 3 there is no way over a third asset`() {
    let run = Self.run(1, level: 2)
    let (inOther, asReceived) = (run.paidInOther, run.paidAsReceived)
    #expect(inOther == 0 && asReceived > 0)
  }

  @Test func `the symbols of an asset are tried in their order, and over the discount asset too`() {
    var world = World()
    world.begin(World.setUp(accounts: 0) + World.bridge(accounts: 0, funds: 0))
    func bridges(_ discounted: AssetID) -> [[Int32]] {
      world.run(.setDiscount(DiscountSettings(asset: discounted, factor: 1)))
      return (1...4).map { Array(world.exchange.discount.bridges(from: AssetID($0))) }
    }
    // BASEQUOTE, OTHERQUOTE and FOURTHBASE, in the places 0, 1 and 2.
    #expect(bridges(World.other) == [[0], [], [], []])
    #expect(bridges(World.quote) == [[0], [], [1], []])
    #expect(bridges(World.base) == [[], [], [1], [2]])
  }
}
