// The tables that keep definitions, fingerprints and orders in little memory, against plain models.

import Testing

@testable import Engine

@Suite struct TableTests {
  @Test(arguments: 1...5)
  func `the map of words agrees with a dictionary`(seed: UInt64) {
    var random = Seeded(seed)
    var map = WordMap(bits: 2)
    var model: [UInt64: UInt64] = [:]
    for _ in 0..<3_000 {
      // Neighbours as well as numbers without a pattern. 0 and 1 stand as one.
      let key = UInt64(random.chance(50) ? random.pick(1...400) : random.pick(1...Int64.max))
      let word = UInt64(random.pick(0...9))
      map.set(key, word)
      model[key] = word
      #expect(map.count == model.count)
    }
    for (key, word) in model { #expect(map[key] == word) }
    for _ in 0..<1_000 {
      let key = UInt64(random.pick(1...1_000))
      #expect(map[key] == model[key])
    }
  }

  @Test func `a fingerprint of zero has a word of its own`() {
    var map = WordMap()
    #expect(map[0] == nil)
    map.set(0, 7)
    #expect(map[0] == 7 && map.count == 1)
  }

  @Test func `rows of definitions are what was put there last`() {
    var random = Seeded(11)
    var rows = DefinitionRows()
    var model: [[UInt8]] = []
    for step in 0..<6_000 {
      let count = Int(random.pick(0...(step % 50 == 0 ? Int64(DefinitionRows.bytesMax) : 300)))
      let row = (0..<count).map { UInt8(truncatingIfNeeded: $0 &+ step) }
      if model.isEmpty || random.chance(60) {
        rows.append(row)
        model.append(row)
      } else {
        let number = Int(random.pick(0...Int64(model.count - 1)))
        // One in two as long as before, as a key that is revoked.
        let same = random.chance(50) ? model[number].map { $0 &+ 1 } : row
        rows.replace(number, same)
        model[number] = same
      }
    }
    #expect(rows.count == model.count)
    for (number, row) in model.enumerated() { #expect(rows[number] == row) }
  }

  @Test func `a row that is replaced again and again takes no more memory`() {
    var rows = DefinitionRows()
    for number in 0..<100 { rows.append([UInt8](repeating: UInt8(number), count: 44)) }
    let pages = rows.pageCount
    for step in 0..<100_000 {
      // As an account's row with its switch on and off, on both sides of a multiple of four.
      let row = [UInt8](repeating: UInt8(truncatingIfNeeded: step), count: 44 + step % 4)
      rows.replace(step % 7, row)
      if step % 997 == 0 { #expect(rows[step % 7] == row) }
    }
    #expect(rows.pageCount == pages)
    for number in 7..<100 {
      #expect(rows[number] == [UInt8](repeating: UInt8(number), count: 44))
    }
  }

  @Test(arguments: 1...10)
  func `an order that is kept in parts is the order that was put there`(seed: UInt64) {
    var random = Seeded(seed)
    var slab = OrderSlab()
    var model: [Int32: OrderView] = [:]
    for step in 0..<2_000 {
      var view = Self.possible(CodecTests.view(&random), OrderID(Int64(step)))
      if random.chance(50) {
        // A plain order, of which nothing is kept elsewhere.
        view.extras = .none
        view.strategyID = 0
        view.strategyType = 0
        view.quoteOrderQuantity = 0
        view.workingAt = view.createdAt
      }
      if model.isEmpty || random.chance(50) {
        let record = OrderRecord(
          view.id, view.side, price: 1, remaining: 1, account: 7, symbol: 8)
        let slot = slab.add(record, view, priority: 1, fingerprint: UInt64(step))
        model[slot] = view
      } else if let slot = model.keys.sorted().randomElement(using: &random) {
        if random.chance(50), let old = model[slot] {
          view.id = old.id
          view.side = old.side
          slab[view: slot] = view
          model[slot] = view
        } else if random.chance(50) {
          slab[view: slot].extras.amendments &+= 1
          slab[view: slot].executed &+= 1
          model[slot]?.extras.amendments &+= 1
          model[slot]?.executed &+= 1
        } else {
          _ = slab.remove(slot)
          model[slot] = nil
        }
      }
    }
    for (slot, view) in model { #expect(slab[view: slot] == view) }
  }

  /// An order that an exchange may hold: its rates are within their bound, and it is of the account
  /// and the symbol of the test.
  private static func possible(_ view: OrderView, _ id: OrderID) -> OrderView {
    var view = view
    view.id = id
    view.account = AccountTable.id(7)
    view.symbol = SymbolTable.id(8)
    view.makerRate = Int64(UInt64(bitPattern: view.makerRate) % UInt64(Amounts.rateMax + 1))
    view.takerRate = Int64(UInt64(bitPattern: view.takerRate) % UInt64(Amounts.rateMax + 1))
    return view
  }
}
