// Long runs: a million trades of the least there is, and ids without end. Debug builds run a small
// part of it; ENGINE_LONG=1 runs ten million ids.

import Engine
import Foundation
import Testing
import Wire

@Suite struct LongRunTests {
  /// How many of a million are run.
  static var million: Int {
    #if DEBUG
      20_000
    #else
      1_000_000
    #endif
  }

  static var idCount: Int {
    ProcessInfo.processInfo.environment["ENGINE_LONG"] == "1" ? 10_000_000 : million / 5
  }

  static let free = ClientIDHorizon(duration: 0, perAccountMax: 0, totalMax: 0)

  static func world(rate: Int64) -> World {
    var world = World(horizon: free)
    let endless = OrderLimits(per10Seconds: .max / 2, perDay: .max / 2)
    world.begin(
      World.setUp(
        accounts: 3, funds: 1 << 40, makerRate: rate, takerRate: rate + 1, limits: endless))
    return world
  }

  /// Trades of one to a few units of base, each worth a unit of quote or so. Answers what is wrong.
  static func dust(_ seed: UInt64, trades: Int, _ bug: PlantedBug) throws -> [Int: String] {
    let rate: Int64 = 9_999_998
    var world = world(rate: rate)
    world.exchange.planted = bug
    var random = Seeded(seed)
    var wrong: [Int: String] = [:]
    var fees: [AssetID: Int64] = [:]
    var count = 0
    var free = 0
    while count < trades {
      let side: Side = random.chance(50) ? .buy : .sell
      var total: Int64 = 0
      for _ in 0..<500 {
        let quantity = random.chance(70) ? 1 : random.pick(2...40)
        total += quantity
        free += 1
        world.run(World.limit(0, side, quantity, at: random.pick(10_000...10_009), id: "m\(free)"))
      }
      let limit: Int64 = side == .buy ? 10_000 : 10_009
      world.run(World.limit(1, side.opposite, total, at: limit, id: "t\(free)"))
      for event in world.lastEvents {
        guard case .trade(let trade) = event else { continue }
        count += 1
        for (view, fee, of) in [
          (trade.maker, trade.makerFee, rate), (trade.taker, trade.takerFee, rate + 1),
        ] {
          let received = view.side == .buy ? trade.quantity : trade.quoteQuantity
          if fee != received * of / 100_000_000 { wrong[17] = "a fee of \(fee) on \(received)" }
          fees[view.side == .buy ? World.base : World.quote, default: 0] += fee
        }
      }
      for (asset, sum) in world.exchange.conservation() where sum != 0 {
        wrong[1] = "\(sum) of asset \(asset.value) after \(count) trades"
      }
    }
    world.collect()
    for asset in [World.base, World.quote] {
      let key = EngineRows.balanceKey(account: .fees, asset: asset)
      let row = try world.rows.row(key).map { try EngineRows.decodeBalance(key: key, value: $0) }
      if row?.free ?? 0 != fees[asset, default: 0] { wrong[17] = "\(row?.free ?? 0) in fees" }
    }
    if fees[World.base, default: 0] == 0 || fees[World.quote, default: 0] == 0 {
      wrong[0] = "a run without fees tests nothing"
    }
    if !world.exchange.checkInvariants().isEmpty { wrong[0] = "an invariant broke" }
    return wrong
  }

  @Test func `a million trades of dust end with every unit where it belongs`() throws {
    let seed: UInt64 = 17
    let wrong = try Self.dust(seed, trades: Self.million, .none)
    #expect(wrong.isEmpty, "seed \(seed)")
    let broken = try Self.dust(seed, trades: 2_000, .feeLost)
    #expect(broken[1] != nil && broken[17] != nil)
  }

  /// Places and cancels, trades away and replaces orders, never more than `open` at once. Answers
  /// the most that were open and how many slots there are in the end.
  static func churn(ids: Int, open: Int, _ bug: PlantedBug) -> (most: Int, slots: Int, rows: Int) {
    var world = world(rate: 100)
    world.exchange.planted = bug
    var random = Seeded(32)
    var most = 0
    var id: Int64 = 0
    while id < Int64(ids) {
      let (_, there) = world.exchange.orderSlots
      most = max(most, there)
      if there < open, !random.chance(20) {
        id += 1
        let price = random.pick(9_000...9_990)
        world.run(World.limit(0, .buy, 10, at: price, id: "i\(id % 7)x\(id)"))
      } else if random.chance(50) {
        id += 1
        world.run(World.limit(1, .sell, random.pick(1...10), at: 9_000, id: "t\(id)", .ioc))
      } else {
        world.run(World.cancel(0, order: id - random.pick(0...Int64(open))))
      }
      if id % 1_000 == 0 { world.collect() }
    }
    world.collect()
    let rows = world.rows.rows.values.count { !$0.isEmpty }
    return (most, world.exchange.orderSlots.used, rows)
  }

  @Test func `ids without end leave no slot and no row behind`() {
    let run = Self.churn(ids: Self.idCount, open: 50, .none)
    #expect(run.slots == run.most, "\(run.slots) slots for \(run.most) orders")
    #expect(run.rows < 120)
    let leaking = Self.churn(ids: 2_000, open: 50, .slotLeaked)
    #expect(leaking.slots > leaking.most)
  }
}
