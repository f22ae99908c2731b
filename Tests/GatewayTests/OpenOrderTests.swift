// OpenOrderTests: long lists of open orders.

import Engine
import Market
import Testing
import Wire

@testable import Gateway

/// Rows with as many open orders as one likes: copies of the first of them.
private final class RepeatingRows: RowReader {
  private let rows: any RowReader
  var count = 1

  init(_ rows: any RowReader) { self.rows = rows }

  func row(_ key: [UInt8]) throws -> [UInt8]? { try rows.row(key) }

  func scan(
    from: [UInt8], upTo: [UInt8], reverse: Bool, _ body: (_ key: [UInt8], _ value: [UInt8]) -> Bool
  ) throws {
    let isOpenOrders = from[0] == EngineRows.openOrderPrefix(account: AccountID(0))[0]
    try rows.scan(from: from, upTo: upTo, reverse: reverse) { key, value in
      for _ in 0..<(isOpenOrders ? count : 1) where !body(key, value) { return false }
      return true
    }
  }
}

@Suite struct OpenOrderTests {
  @Test func `open orders are listed to the last one, or refused, but never cut`() throws {
    let venue = try Venue()
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=50000"
    #expect(venue.send("POST", "/api/v3/order", order).status == 200)
    let rows = RepeatingRows(venue.model.rows)
    let model = try ReadModel(rows: rows, appliedIndex: 1, stamp: venue.time)
    let account = try #require(model.catalog.accounts.first { $0.name == "alice" })
    let most = OrderQueries.openOrdersMax
    #expect(most == Int(Exchange.openOrdersPerSheetMax))
    for count in [3, 1000, 10_001, most] {
      rows.count = count
      let listed = try model.openOrders(account.id, SymbolID(1), limit: most + 1)
      #expect(listed.count == count)
      let answer = try answer(venue, model)
      #expect(answer.status == 200)
      #expect(answer.body.count(where: { $0 == UInt8(ascii: "{") }) == count)
      #expect(answer.weight == (count <= 1000 ? 0 : (count - 1000) / 500))
    }
    rows.count = most + 1
    #expect(
      try answer(venue, model).failure
        == "400 -1101 Too many open orders for one answer; send 'symbol' to list those of one symbol."
    )
  }

  private func answer(_ venue: Venue, _ model: ReadModel) throws -> HTTPResponse {
    try #require(venue.action("GET", "/api/v3/openOrders").answered(model))
  }
}
