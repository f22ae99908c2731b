// CandlePartsTests: how few stored candles an answer is read from, and stores that lack some of them.

import Engine
import Testing
import Wire

@testable import Market

/// Counts the rows that a reader hands out.
private final class CountingRows: RowReader {
  private let rows: PlainRows
  private(set) var count = 0

  init(_ rows: PlainRows) { self.rows = rows }

  func row(_ key: [UInt8]) -> [UInt8]? {
    count += 1
    return rows.row(key)
  }

  func scan(
    from: [UInt8], upTo: [UInt8], reverse: Bool, _ body: (_ key: [UInt8], _ value: [UInt8]) -> Bool
  ) {
    rows.scan(from: from, upTo: upTo, reverse: reverse) { key, value in
      count += 1
      return body(key, value)
    }
  }
}

@Suite struct CandlePartsTests {
  private static let start: Int64 = 1_795_219_200_000_000
  private static let minute: Int64 = 60_000_000
  private static let hour: Int64 = 60 * minute

  /// Every stored interval, with a trade in each minute.
  private static func busy() -> PlainRows {
    let rows = PlainRows()
    var batch = RowBatch()
    let minutes = 30 * 24 * 60 as Int64
    for interval in Interval.bases.dropFirst() {
      let unit = (interval.length ?? minute) / minute
      for at in stride(from: 0, to: minutes, by: Int(unit)) as StrideTo<Int64> {
        var candle = Candle(flatAt: 5, openTime: start + at * minute)
        candle.firstTrade = at
        candle.lastTrade = min(minutes, at + unit) - 1
        batch.put(
          MarketRows.candleKey(SymbolID(1), interval, candle.openTime), candle.encoded())
      }
    }
    rows.write(batch)
    return rows
  }

  private static let grids: [(name: String, minutes: Int64, rows: Int)] = [
    ("30m", 0, 2), ("1h", 30, 4), ("1h", 7, 20), ("30m", 7, 18), ("2h", 30, 7), ("4h", 45, 9),
    ("12h", 480, 3), ("1d", 480, 6), ("1d", 60, 11), ("1d", 345, 15), ("1d", -420, 11),
    ("3d", 480, 10), ("1w", 345, 22), ("1w", 0, 7),
  ]

  @Test func `a candle is read from few rows on any grid`() throws {
    let counting = CountingRows(Self.busy())
    let model = try ReadModel(rows: counting, appliedIndex: 1, stamp: 0)
    for (name, minutes, rows) in Self.grids {
      let interval = try #require(Interval(name: name))
      let offset = minutes * Self.minute
      #expect(interval.rowsPerCandle(offset: offset) == rows, "\(name) \(minutes)")
      let before = counting.count
      let now = Self.start + 30 * 24 * Self.hour - 1
      let candles = try model.klines(
        SymbolID(1), interval, start: nil, end: nil, offset: offset, limit: 1000, now: now)
      if candles.count < 1000 { #expect(candles.reduce(0) { $0 + $1.count } == 30 * 24 * 60) }
      for (one, next) in zip(candles, candles.dropFirst()) {
        #expect(next.firstTrade == one.lastTrade + 1)
      }
      // Beside the candles: a row for each step of the ladder, the price before, the ends of the range.
      let most = candles.count * rows + 40
      #expect(counting.count - before <= most, "\(name) \(minutes)")
    }
  }

  @Test func `candles are whole when the store began without some of the intervals`() throws {
    let rows = PlainRows()
    let definitions = Fixture.definitions(stamp: Self.start)
    var catalog = Catalog()
    for event in definitions.events { _ = catalog.fold(event) }
    var venue = NaiveVenue(seed: 15, start: Self.start + 11 * Self.minute, step: 90_000_000)
    var state = try MarketState(rows: rows, catalog: catalog)
    func run(_ events: EventBatch) {
      var batch = RowBatch()
      var updates: [MarketUpdate] = []
      state.fold(events, into: &batch, updates: &updates)
      rows.write(batch)
    }
    run(definitions)
    for _ in 0..<40 { run(venue.run(entries: 10)) }
    var lost = RowBatch()
    for row in rows.rows where row.key[0] == MarketRows.candlePrefix {
      let interval = row.key[MarketRows.afterSymbol]
      if [Interval.minute15, .hour4].contains(where: { $0.rawValue == interval }) {
        lost.delete(row.key)
      }
    }
    #expect(!lost.changes.isEmpty)
    rows.write(lost)
    state = try MarketState(rows: rows, catalog: catalog)
    for round in 0..<30 {
      run(venue.run(entries: 10))
      if round == 12 { state = try MarketState(rows: rows, catalog: catalog) }
    }
    let model = try ReadModel(rows: rows, appliedIndex: 1, stamp: venue.stamp)
    for interval in Interval.allCases where interval != .second1 {
      for offset in [0, 45 * Self.minute, 8 * Self.hour] {
        let candles = try model.klines(
          SymbolID(1), interval, start: nil, end: nil, offset: offset, limit: 1000,
          now: venue.stamp)
        #expect(!candles.isEmpty)
        for candle in candles {
          let end = interval.end(of: candle.openTime, offset: offset)
          let expected = CandleTests.naive(venue.trades, 1, from: candle.openTime, upTo: end)
          #expect(candle == expected, "\(interval.name) offset \(offset)")
        }
      }
    }
  }
}
