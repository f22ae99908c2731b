// The structures below the engine against plain models: price levels, the slot map, arithmetic,
// short texts.

import Testing

@testable import Engine

@Suite struct StructureTests {
  @Test(arguments: 1...20)
  func `the trie of levels agrees with a sorted array`(seed: UInt64) {
    var random = Seeded(seed)
    var levels = Levels()
    var ladder = Ladder()
    var model: [Int64: Int32] = [:]
    let side: Side = seed % 2 == 0 ? .buy : .sell
    // From a book of neighbours to ticks over all 63 bits.
    let bound = [Int64(200), 5_000, 1 << 20, 1 << 40, .max][Int(seed % 5)]
    for _ in 0..<1_500 {
      if random.chance(55) || model.isEmpty {
        let price = random.chance(50) ? random.pick(1...bound) : random.pick(1...min(bound, 300))
        let slot = levels.findOrInsert(&ladder, tick: UInt64(price), price: price, side: side)
        #expect(model[price] == nil || model[price] == slot)
        model[price] = slot
      } else {
        let prices = model.keys.sorted()
        let price = prices[Int(random.pick(0...Int64(prices.count - 1)))]
        levels.remove(&ladder, levels.find(ladder, tick: UInt64(price)))
        model[price] = nil
      }
      guard random.chance(10) else { continue }
      var walked: [Int64] = []
      var slot = ladder.best
      while slot >= 0 {
        walked.append(levels[slot].price)
        slot = levels[slot].worse
      }
      let sorted = model.keys.sorted()
      #expect(walked == (side == .buy ? sorted.reversed() : sorted), "seed \(seed)")
      for (price, slot) in model { #expect(levels.find(ladder, tick: UInt64(price)) == slot) }
      #expect(levels.find(ladder, tick: UInt64(bound) + 1) == -1)
    }
    for price in model.keys.sorted() {
      levels.remove(&ladder, levels.find(ladder, tick: UInt64(price)))
    }
    #expect(ladder.best == -1 && ladder.height == 0 && levels.used == 0 && levels.nodesUsed == 0)
  }

  @Test(arguments: 1...10)
  func `the slot map finds what was put in and nothing else`(seed: UInt64) {
    var random = Seeded(seed)
    var map = SlotMap(bits: 3)
    var model: [Int32: UInt64] = [:]
    for _ in 0..<4_000 {
      let slot = Int32(random.pick(0...400))
      if let hash = model[slot] {
        map.remove(hash, slot)
        model[slot] = nil
      } else {
        // Few hashes, so that many slots share one.
        let hash = UInt64(random.pick(1...60))
        map.insert(hash, slot)
        model[slot] = hash
      }
      let hash = UInt64(random.pick(1...60))
      var found: Set<Int32> = []
      var probe = map.probe(hash)
      while let slot = map.next(&probe) { if model[slot] == hash { found.insert(slot) } }
      #expect(found == Set(model.filter { $0.value == hash }.keys))
      #expect(map.count == model.count)
    }
    for (slot, hash) in model { map.remove(hash, slot) }
    #expect(map.count == 0)
  }

  @Test func `products are divided exactly, or reported as too large`() {
    var random = Seeded(7)
    for _ in 0..<20_000 {
      let a = PoisonTests.value(&random)
      let b = PoisonTests.value(&random)
      let d = PoisonTests.value(&random)
      for up in [false, true] {
        let got = Amounts.scaled(a, times: b, over: d, up: up)
        guard a >= 0, b >= 0, d > 0 else {
          #expect(got == nil)
          continue
        }
        let product = Int128(a) * Int128(b)
        let exact = (product + (up ? Int128(d) - 1 : 0)) / Int128(d)
        if product / Int128(d) < Int128(Int64.max) {
          #expect(got.map { Int128($0) } == exact, "\(a) * \(b) / \(d)")
        } else {
          #expect(got == nil, "\(a) * \(b) / \(d)")
        }
      }
    }
  }

  @Test func `a commission is rounded down and never above what is received`() {
    #expect(Amounts.commission(on: 999, rate: 100_000) == 0)
    #expect(Amounts.commission(on: 1_000, rate: 100_000) == 1)
    #expect(
      Amounts.commission(on: Amounts.amountMax, rate: Amounts.rateMax) == Amounts.amountMax / 10)
    #expect(Amounts.commission(on: 0, rate: Amounts.rateMax) == 0)
  }

  @Test func `blocks keep their records when they grow`() {
    var blocks = Blocks<Int64>(blank: 0, capacity: 8)
    var owners = [Block](repeating: Block(), count: 20)
    var random = Seeded(3)
    var model: [Int: Int64] = [:]
    for _ in 0..<2_000 {
      let owner = Int(random.pick(0...19))
      // Half of the indexes share their home.
      let index = Int32(random.pick(0...63) * (random.pick(0...1) == 0 ? 1 : 64))
      let value = random.pick(1...1_000)
      blocks[blocks.findOrInsert(&owners[owner], index)] = value
      model[owner * 8192 + Int(index)] = value
    }
    for owner in 0..<20 {
      for index in 0..<Int32(8192) {
        let place = blocks.find(owners[owner], index)
        #expect((place < 0 ? nil : blocks[place]) == model[owner * 8192 + Int(index)])
      }
      #expect(
        Int(owners[owner].count) == model.keys.count(where: { $0 / 8192 == owner }),
        "an owner has as many records as it used indexes")
    }
  }

  @Test func `a block of one record takes one place, however high its index`() {
    var blocks = Blocks<Int64>(blank: 0)
    var owners = [Block](repeating: Block(), count: 100)
    for owner in 0..<100 {
      #expect(blocks.findOrInsert(&owners[owner], Int32(10_000 - owner)) == owner)
    }
  }
}
