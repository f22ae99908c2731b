// DepthTests: the book as levels, and the windows of its changes.

import Engine
import Testing
import Wire

@testable import Market

@Suite struct DepthTests {
  private let symbol = SymbolID(1)

  private func change(
    _ side: Side, _ price: Int64, _ quantity: Int64, _ id: Int64
  ) -> LevelChange {
    LevelChange(symbol: symbol, side: side, price: price, quantity: quantity, updateID: id)
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func `depth equals a dictionary after random changes`(seed: UInt64) {
    var random = Seeded(seed)
    var depth = Depth()
    var naive: [Int64: Int64] = [:]
    for id in 1...3000 {
      let side: Side = random.below(2) == 0 ? .buy : .sell
      let price = 1 + random.below(60)
      let quantity = max(0, random.below(9) - 3)
      depth.apply(change(side, price, quantity, Int64(id)))
      naive[side == .buy ? -price : price] = quantity == 0 ? nil : quantity
      let bids = naive.filter { $0.key < 0 }.sorted { $0.key < $1.key }
      let asks = naive.filter { $0.key > 0 }.sorted { $0.key < $1.key }
      #expect(
        depth.top(.buy, limit: .max) == bids.map { PriceLevel(price: -$0.key, quantity: $0.value) },
        "seed \(seed) id \(id)")
      #expect(
        depth.top(.sell, limit: .max) == asks.map { PriceLevel(price: $0.key, quantity: $0.value) })
      #expect(depth.lastUpdateID == Int64(id))
      #expect(depth.quantity(LevelName(side, price)) == quantity)
    }
    let levels = naive.map { (name: LevelName(raw: $0.key), quantity: $0.value) }
    #expect(Depth(levels: levels, lastUpdateID: 3000) == depth)
  }

  @Test func `an empty side has a best level of zero`() {
    #expect(Depth().best(.buy) == PriceLevel(price: 0, quantity: 0))
    #expect(Depth().top(.sell, limit: 5).isEmpty)
    #expect(Depth().top(.sell, limit: -1).isEmpty)
  }

  @Test func `a window names each level once, best first, with its last quantity`() throws {
    var depth = Depth()
    var window = DepthWindow()
    let changes = [
      change(.buy, 10, 5, 1), change(.buy, 12, 5, 2), change(.sell, 20, 1, 3),
      change(.sell, 19, 4, 4), change(.buy, 10, 0, 5),
    ]
    for item in changes {
      depth.apply(item)
      window.note(item, stamp: 1_234_567)
    }
    #expect(window.end == 1_300_000)
    let closed = window.close(symbol, depth)
    let diff = try #require(closed)
    #expect(diff.firstUpdateID == 1)
    #expect(diff.lastUpdateID == 5)
    #expect(diff.time == 1_300_000)
    #expect(
      diff.bids == [PriceLevel(price: 12, quantity: 5), PriceLevel(price: 10, quantity: 0)])
    #expect(diff.asks == [PriceLevel(price: 19, quantity: 4), PriceLevel(price: 20, quantity: 1)])
    #expect(!window.isPending)
    let again = window.close(symbol, depth)
    #expect(again == nil)
  }

  @Test func `a pending window survives its bytes`() throws {
    var window = DepthWindow()
    window.note(change(.sell, 20, 1, 3), stamp: 250_000)
    window.note(change(.buy, 10, 1, 4), stamp: 260_000)
    window.noteTrade(stamp: 260_000)
    var writer = ByteWriter()
    window.encode(into: &writer)
    var reader = ByteReader(writer.bytes)
    #expect(try DepthWindow(from: &reader) == window)
    #expect(reader.left == 0)
  }

  @Test func `a window whose count is beyond its bytes is refused before it is read`() {
    var writer = ByteWriter()
    writer.i64(1)
    writer.i64(1)
    writer.bool(false)
    writer.u32(UInt32.max)
    var reader = ByteReader(writer.bytes)
    #expect(throws: WireError.self) { try DepthWindow(from: &reader) }
  }
}
