// CandleTests: candles, tickers and averages against plain sums over the venue's trades.

import Engine
import Testing
import Wire

@testable import Market

@Suite struct CandleTests {
  static let start: Int64 = 1_795_237_445_123_456
  static let hour: Int64 = 3_600_000_000

  /// What the trades of a period add up to.
  static func naive(
    _ trades: [Trade], _ symbol: UInt32, from: Int64, upTo: Int64
  ) -> Candle {
    let before = trades.last { $0.symbol.value == symbol && $0.stamp < from }
    let inside = trades.filter {
      $0.symbol.value == symbol && $0.stamp >= from && $0.stamp < upTo
    }
    var candle = Candle(flatAt: before?.price ?? 0, openTime: from)
    guard let first = inside.first, let last = inside.last else { return candle }
    candle.open = first.price
    candle.close = last.price
    candle.high = inside.map(\.price).max() ?? 0
    candle.low = inside.map(\.price).min() ?? 0
    candle.volume = inside.map(\.quantity).reduce(0, +)
    candle.quoteVolume = inside.map(\.quoteQuantity).reduce(0, +)
    let bought = inside.filter { !$0.buyerIsMaker }
    candle.takerBuyVolume = bought.map(\.quantity).reduce(0, +)
    candle.takerBuyQuoteVolume = bought.map(\.quoteQuantity).reduce(0, +)
    candle.firstTrade = first.id.value
    candle.lastTrade = last.id.value
    return candle
  }

  private static func venue(
    seed: UInt64, step: Int64, entries: Int
  ) throws -> (Publisher, NaiveVenue) {
    let publisher = try Publisher()
    _ = publisher.run(Fixture.definitions(stamp: start))
    var venue = NaiveVenue(seed: seed, start: start, step: step)
    for _ in 0..<entries / 10 { _ = publisher.run(venue.run(entries: 10)) }
    return (publisher, venue)
  }

  @Test(arguments: Interval.allCases)
  func `candles equal plain sums over the trades, on every grid`(interval: Interval) throws {
    let step = max(200_000, (interval.length ?? 30 * 24 * Self.hour) / 6)
    let seed = UInt64(interval.rawValue)
    let (publisher, venue) = try Self.venue(seed: seed, step: step, entries: 300)
    let quarters = 5 * Self.hour + 45 * 60_000_000
    for offset in [0, Self.hour, -12 * Self.hour, quarters, Self.hour / 2, -420_000_000] {
      let candles = try publisher.model.klines(
        SymbolID(1), interval, start: nil, end: nil, offset: offset, limit: 1000, now: venue.stamp)
      let first = try #require(venue.trades.first { $0.symbol.value == 1 })
      if candles.count < 1000 {
        #expect(candles.first?.openTime == interval.start(of: first.stamp, offset: offset))
      }
      #expect(candles.last?.openTime == interval.start(of: venue.stamp, offset: offset))
      for (position, candle) in candles.enumerated() {
        let end = interval.end(of: candle.openTime, offset: offset)
        let expected = Self.naive(venue.trades, 1, from: candle.openTime, upTo: end)
        #expect(candle == expected, "\(interval.name) offset \(offset) seed \(seed)")
        if position + 1 < candles.count { #expect(candles[position + 1].openTime == end) }
      }
    }
  }

  @Test func `windows and limits select by open time`() throws {
    let (publisher, venue) = try Self.venue(seed: 5, step: 5_000_000, entries: 400)
    let model = publisher.model
    func times(_ start: Int64?, _ end: Int64?, _ limit: Int) throws -> [Int64] {
      try model.klines(
        SymbolID(1), .minute1, start: start, end: end, limit: limit, now: venue.stamp
      ).map(\.openTime)
    }
    let all = try times(nil, nil, 1000)
    #expect(all.count > 20)
    #expect(try times(nil, nil, 5) == Array(all.suffix(5)))
    #expect(try times(0, nil, 1) == [all[0]])
    #expect(try times(all[3], nil, 4) == Array(all[3...6]))
    #expect(try times(all[3] + 1, nil, 2) == Array(all[4...5]))
    #expect(try times(all[3], all[6], 1000) == Array(all[3...6]))
    #expect(try times(all[3], all[6] - 1, 1000) == Array(all[3...5]))
    #expect(try times(nil, all[6] + 5, 3) == Array(all[4...6]))
    #expect(try times(nil, all[1], 500) == Array(all[0...1]))
    #expect(try times(nil, all[0] - 1, 500).isEmpty)
    #expect(try times(venue.stamp + 60_000_000, nil, 5).isEmpty)
    #expect(try times(all[6], all[3], 5).isEmpty)
    #expect(try times(nil, nil, 0).isEmpty)
    #expect(try times(Int64.min, Int64.max, 1000) == all)
  }

  @Test func `a symbol without trades has no candles`() throws {
    let publisher = try Publisher()
    _ = publisher.run(Fixture.definitions(stamp: Self.start))
    let candles = try publisher.model.klines(
      SymbolID(1), .minute1, start: nil, end: nil, limit: 10, now: Self.start)
    #expect(candles.isEmpty)
  }

  @Test func `an idle market goes on with flat candles at the last price`() throws {
    let (publisher, venue) = try Self.venue(seed: 6, step: 100_000, entries: 100)
    let price = try #require(venue.trades.last { $0.symbol.value == 1 }).price
    let candles = try publisher.model.klines(
      SymbolID(1), .minute1, start: nil, end: nil, limit: 3, now: venue.stamp + Self.hour)
    #expect(candles.count == 3)
    for candle in candles {
      #expect(candle == Candle(flatAt: price, openTime: candle.openTime))
      #expect(candle.count == 0)
    }
  }

  @Test(arguments: [UInt64(41), 42, 43])
  func `the rolling day equals plain sums, while it fills and when it moves on`(
    seed: UInt64
  ) throws {
    let publisher = try Publisher()
    _ = publisher.run(Fixture.definitions(stamp: Self.start))
    var venue = NaiveVenue(seed: seed, start: Self.start, step: 400_000_000)
    for round in 0..<60 {
      _ = publisher.run(venue.run(entries: 10))
      let now = venue.stamp + (round % 3 == 0 ? 0 : Int64(round) * Self.hour / 3)
      let ticker = try #require(publisher.model.ticker24(SymbolID(1), now: now))
      let from = Interval.minute1.start(of: now - 24 * Self.hour)
      let day = Self.naive(venue.trades, 1, from: from, upTo: .max)
      #expect(ticker.openTime == from)
      #expect(ticker.closeTime == now)
      #expect(ticker.count == day.count, "seed \(seed) round \(round)")
      #expect(ticker.volume == day.volume)
      #expect(ticker.quoteVolume == day.quoteVolume)
      #expect(ticker.firstTrade == day.firstTrade && ticker.lastTrade == day.lastTrade)
      #expect(ticker.last == day.close)
      guard day.count > 0 else { continue }
      #expect([ticker.open, ticker.high, ticker.low] == [day.open, day.high, day.low])
      let before = venue.trades.last { $0.symbol.value == 1 && $0.stamp < from }
      #expect(ticker.previousClose == before?.price ?? 0)
      let since = try #require(
        try publisher.model.statistics(SymbolID(1), since: now - 24 * Self.hour, now: now))
      #expect(since == ticker)
    }
  }

  @Test func `the day keeps at most 1,441 minutes`() {
    var day = RollingDay()
    let order = Fixture.order(1, .buy, price: 5, quantity: 5, at: 0)
    for minute in 0..<4000 as Range<Int64> {
      day.add(
        Trade(
          symbol: SymbolID(1), id: TradeID(minute + 1), price: minute + 1, quantity: 1,
          quoteQuantity: 1, maker: order, taker: order, makerFee: 0, takerFee: 0,
          makerFeeAsset: AssetID(1), takerFeeAsset: AssetID(1),
          stamp: Self.start + minute * 60_000_000))
    }
    #expect(day.minutes.count == 1441)
    #expect(day.previousClose == 4000 - 1441)
  }

  @Test func `the change in percent rounds half away from zero`() {
    func percent(_ open: Int64, _ last: Int64) -> Int64 {
      var ticker = Self.ticker
      (ticker.open, ticker.last) = (open, last)
      return ticker.changePercent
    }
    #expect(percent(100_000, 101_000) == 1000)
    #expect(percent(100_000, 99_000) == -1000)
    #expect(percent(3, 4) == 33_333)
    #expect(percent(200_000, 200_001) == 1)
    #expect(percent(200_001, 200_002) == 0)
    #expect(percent(0, 5) == 0)
    #expect(percent(1, Int64.max) == Int64.max)
  }

  static let ticker = TickerStatistics(
    symbol: SymbolID(1), openTime: 0, closeTime: 0, open: 0, high: 0, low: 0, last: 0,
    lastQuantity: 0, previousClose: 0, volume: 0, quoteVolume: 0, weightedAverage: 0,
    firstTrade: 1, lastTrade: 1, count: 1, bid: PriceLevel(price: 0, quantity: 0),
    ask: PriceLevel(price: 0, quantity: 0))

  @Test func `the average price weighs by volume over five minutes, then falls back`() throws {
    let (publisher, venue) = try Self.venue(seed: 8, step: 2_000_000, entries: 300)
    let model = publisher.model
    let from = Interval.minute1.start(of: venue.stamp) - 240_000_000
    let recent = Self.naive(venue.trades, 1, from: from, upTo: .max)
    let expected = Int128(recent.quoteVolume) * 100_000_000 / Int128(recent.volume)
    let average = try #require(model.averagePrice(SymbolID(1), now: venue.stamp))
    #expect(Int128(average.price) == expected)
    let last = try #require(venue.trades.last { $0.symbol.value == 1 })
    #expect(average.closeTime == last.stamp)
    let later = try #require(model.averagePrice(SymbolID(1), now: venue.stamp + Self.hour))
    #expect(later.price == last.price)
    #expect(Market.averagePrice(quote: 5, volume: 0, baseScale: 8) == 0)
    #expect(Market.averagePrice(quote: .max, volume: 1, baseScale: 8) == .max)
  }

  @Test func `volumes saturate instead of overflowing`() {
    let order = Fixture.order(1, .buy, price: 5, quantity: 5, at: 0)
    let trade = Trade(
      symbol: SymbolID(1), id: TradeID(1), price: 5, quantity: .max - 1, quoteQuantity: .max - 1,
      maker: order, taker: order, makerFee: 0, takerFee: 0, makerFeeAsset: AssetID(1),
      takerFeeAsset: AssetID(1), stamp: 0)
    var candle = Candle(first: trade, openTime: 0)
    candle.add(trade)
    #expect(candle.volume == .max)
    var sum = candle
    sum.add(candle)
    #expect(sum.quoteVolume == .max)
  }

  @Test func `a candle is told closed exactly once, with its final numbers`() throws {
    let publisher = try Publisher()
    _ = publisher.run(Fixture.definitions(stamp: Self.start))
    var venue = NaiveVenue(seed: 9, start: Self.start, step: 8_000_000)
    for _ in 0..<40 { _ = publisher.run(venue.run(entries: 10)) }
    _ = publisher.run(venue.tick(after: 70 * 24 * Self.hour))
    var seen: Set<String> = []
    for case .candleClosed(let symbol, let interval, let candle, let time) in publisher.updates {
      #expect(seen.insert("\(symbol.value) \(interval.name) \(candle.openTime)").inserted)
      let end = interval.end(of: candle.openTime)
      #expect(time >= end)
      #expect(candle == Self.naive(venue.trades, symbol.value, from: candle.openTime, upTo: end))
    }
    for trade in venue.trades {
      for interval in Interval.allCases {
        let open = interval.start(of: trade.stamp)
        #expect(seen.contains("\(trade.symbol.value) \(interval.name) \(open)"))
      }
    }
  }
}
