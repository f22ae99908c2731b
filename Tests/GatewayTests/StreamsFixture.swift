// StreamsFixture: a short piece of market history, and what each stream says about it.

import Engine
import Market
import Wire

@testable import Gateway

/// A model, the updates of each entry, and short ways to make events.
struct MarketScene {
  let model: ReadModel
  private(set) var updates: [[MarketUpdate]] = []

  /// Folds the definitions and then one entry a list, a second apart.
  init(_ events: [[Event]]) throws {
    let rows = MemoryRows()
    model = try ReadModel(rows: rows, appliedIndex: 0, stamp: 0)
    for (at, list) in ([Edge().definitions] + events).enumerated() {
      var batch = EventBatch()
      batch.begin(index: UInt64(at + 1), stamp: Edge.start + Int64(at) * 1_000_000)
      for event in list { batch.append(event) }
      var changes = RowBatch()
      var fresh: [MarketUpdate] = []
      _ = model.fold(batch, into: &changes, updates: &fresh)
      rows.apply(changes)
      updates.append(fresh)
    }
  }

  /// What the streams with these names get, as "name payload".
  func rendered(_ names: [String], unit: TimeUnit = .millisecond) -> [String] {
    var interest = StreamInterest()
    for name in names { interest.add(StreamKey(name: name, unit: unit)) }
    var renderer = StreamRenderer()
    var lines: [String] = []
    for list in updates {
      renderer.render(list, interest: interest, model: model) {
        lines.append("\($0.key.name) " + String(decoding: $0.payload, as: UTF8.self))
      }
    }
    return lines
  }

  static func level(_ side: Side, _ price: Int64, _ quantity: Int64, _ id: Int64) -> Event {
    .levelChanged(
      LevelChange(
        symbol: Edge.btcusdt.id, side: side, price: price * 1_000_000, quantity: quantity,
        updateID: id))
  }

  static func trade(_ id: Int64, price: Int64, quantity: Int64, at second: Int64) -> Event {
    func order(_ order: Int64, _ side: Side, _ account: UInt64) -> OrderView {
      OrderView(
        symbol: Edge.btcusdt.id, id: OrderID(order), account: AccountID(account),
        clientOrderID: ShortText("c\(order)") ?? .empty, side: side, type: .limit,
        timeInForce: .gtc, price: price * 1_000_000, quantity: quantity,
        createdAt: Edge.start, updatedAt: Edge.start, workingAt: Edge.start)
    }
    return .trade(
      Trade(
        symbol: Edge.btcusdt.id, id: TradeID(id), price: price * 1_000_000, quantity: quantity,
        quoteQuantity: price * quantity / 100, maker: order(id, .sell, 1001),
        taker: order(100, .buy, 1002), makerFee: 1, takerFee: 1,
        makerFeeAsset: AssetID(2), takerFeeAsset: AssetID(1), stamp: Edge.start + second * 1_000_000
      ))
  }

  /// A book appears; one buy takes two of its levels; time passes.
  static let history: [[Event]] = [
    [
      level(.buy, 59_990, 150_000_000, 1), level(.sell, 60_000, 200_000_000, 2),
      level(.sell, 60_010, 100_000_000, 3),
    ],
    [
      trade(1, price: 60_000, quantity: 150_000_000, at: 2),
      trade(2, price: 60_000, quantity: 50_000_000, at: 2),
      trade(3, price: 60_010, quantity: 50_000_000, at: 2),
      level(.sell, 60_000, 0, 4), level(.sell, 60_010, 50_000_000, 5),
    ],
    [],
  ]
}
