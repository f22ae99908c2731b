// Support: rows in a plain sorted array, a seeded generator, and definitions that the tests of this
// room share.
// Not here: events (NaiveVenue).

import Engine
import Market
import Wire

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Seeded {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ bound: Int64) -> Int64 { Int64(next() % UInt64(bound)) }
}

/// The simplest row store: a sorted array.
final class PlainRows: RowReader {
  private(set) var rows: [(key: [UInt8], value: [UInt8])] = []

  func write(_ batch: RowBatch) {
    for change in batch.changes {
      let at = position(change.key)
      let exists = at < rows.count && rows[at].key == change.key
      switch (change.value, exists) {
      case (let value?, true): rows[at].value = value
      case (let value?, false): rows.insert((change.key, value), at: at)
      case (nil, true): rows.remove(at: at)
      case (nil, false): break
      }
    }
  }

  func row(_ key: [UInt8]) -> [UInt8]? {
    let at = position(key)
    return at < rows.count && rows[at].key == key ? rows[at].value : nil
  }

  func scan(
    from: [UInt8], upTo: [UInt8], reverse: Bool, _ body: (_ key: [UInt8], _ value: [UInt8]) -> Bool
  ) {
    let low = position(from)
    let range = low..<max(low, position(upTo))
    for at in reverse ? Array(range.reversed()) : Array(range) {
      guard body(rows[at].key, rows[at].value) else { return }
    }
  }

  private func position(_ key: [UInt8]) -> Int {
    var low = 0
    var high = rows.count
    while low < high {
      let middle = (low + high) / 2
      if rows[middle].key.lexicographicallyPrecedes(key) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

enum Fixture {
  static let bitcoin = AssetInfo(id: AssetID(1), name: "BTC", scale: 8)
  static let dollar = AssetInfo(id: AssetID(2), name: "USDT", scale: 8)
  static let ether = AssetInfo(id: AssetID(3), name: "ETH", scale: 6)

  static func symbol(_ id: UInt32, _ name: String, _ base: AssetInfo) -> SymbolInfo {
    SymbolInfo(
      id: SymbolID(id), name: name, base: base.id, quote: dollar.id, status: .trading,
      filters: SymbolFilters(
        minPrice: 1, maxPrice: 1 << 50, tickSize: 1, minQuantity: 1, maxQuantity: 1 << 50,
        stepSize: 1),
      makerRate: 100_000, takerRate: 200_000)
  }

  static let symbols = [symbol(1, "BTCUSDT", bitcoin), symbol(2, "ETHUSDT", ether)]

  /// A fresh exchange's first entry.
  static func definitions(index: UInt64 = 1, stamp: Int64) -> EventBatch {
    var batch = EventBatch()
    batch.begin(index: index, stamp: stamp)
    for asset in [bitcoin, dollar, ether] { batch.append(.assetAdded(asset)) }
    for symbol in symbols { batch.append(.symbolChanged(symbol)) }
    return batch
  }

  static func order(
    _ id: Int64, account: UInt64 = 1001, symbol: UInt32 = 1, _ side: Side, price: Int64,
    quantity: Int64, at stamp: Int64, client: String = ""
  ) -> OrderView {
    OrderView(
      symbol: SymbolID(symbol), id: OrderID(id), account: AccountID(account),
      clientOrderID: ShortText(client.isEmpty ? "c\(id)" : client) ?? .empty, side: side,
      type: .limit, timeInForce: .gtc, price: price, quantity: quantity, createdAt: stamp,
      updatedAt: stamp, workingAt: stamp)
  }
}

/// A model and its store, as the publisher keeps them.
final class Publisher {
  let rows = PlainRows()
  private(set) var model: ReadModel
  private(set) var updates: [MarketUpdate] = []

  init() throws { model = try ReadModel(rows: rows, appliedIndex: 0, stamp: 0) }

  func run(_ events: EventBatch) -> [MarketUpdate] {
    var batch = RowBatch()
    var fresh: [MarketUpdate] = []
    _ = model.fold(events, into: &batch, updates: &fresh)
    rows.write(batch)
    updates += fresh
    return fresh
  }
}
