// RowTests: the layout of Market's rows, byte by byte. If one of these changes, its version must
// change with it.

import Engine
import Testing
import Wire

@testable import Market

@Suite struct RowTests {
  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0" + text : text
    }.joined()
  }

  @Test func `keys are prefix, shard and fields, big-endian`() throws {
    let symbol = SymbolID(2)
    let account = AccountID(1001)
    let text = try #require(ShortText("ab"))
    #expect(hex(MarketRows.key(MarketRows.statePrefix, symbol).bytes) == "40000000000002")
    #expect(
      hex(MarketRows.key(MarketRows.tradePrefix, symbol, 258)) == "420000000000020000000000000102")
    #expect(
      hex(MarketRows.candleKey(symbol, .hour1, 3)) == "44000000000002070000000000000003")
    #expect(
      hex(MarketRows.key(MarketRows.orderPrefix, account, symbol, 5))
        == "45000000000000000003e9000000020000000000000005")
    #expect(
      hex(MarketRows.clientIDKey(account, symbol, text))
        == "46000000000000000003e9000000026162")
    #expect(
      hex(MarketRows.accountTradeKey(account, symbol, 6, .sell))
        == "47000000000000000003e900000002000000000000000602")
    #expect(
      hex(MarketRows.orderTradeKey(account, symbol, OrderID(5), 6, .buy))
        == "48000000000000000003e90000000200000000000000050000000000000006" + "01")
    #expect(
      hex(MarketRows.transferKey(account, 9, 1))
        == "49000000000000000003e9000000000000000900000001")
  }

  @Test func `every prefix belongs to Market`() {
    let prefixes = [
      MarketRows.statePrefix, MarketRows.levelPrefix, MarketRows.tradePrefix,
      MarketRows.aggregatePrefix, MarketRows.candlePrefix, MarketRows.orderPrefix,
      MarketRows.clientIDPrefix, MarketRows.accountTradePrefix, MarketRows.orderTradePrefix,
      MarketRows.transferPrefix,
    ]
    #expect(Set(prefixes).count == prefixes.count)
    #expect(prefixes.allSatisfy(RowPrefix.market.contains))
  }

  @Test func `a trade's row is a version and its fields`() throws {
    let record = TradeRecord(
      id: TradeID(258), price: 1, quantity: 2, quoteQuantity: 3, time: 4, buyerIsMaker: true)
    #expect(
      hex(record.encoded())
        == "01" + "0000000000000001" + "0000000000000002" + "0000000000000003"
        + "0000000000000004" + "01")
    let key = MarketRows.key(MarketRows.tradePrefix, SymbolID(2), 258)
    #expect(try TradeRecord(key: key, value: record.encoded()) == record)
  }

  @Test func `an aggregate trade's row is a version and its fields`() throws {
    let trade = AggregateTrade(
      symbol: SymbolID(2), id: 7, price: 1, quantity: 2, firstTrade: TradeID(3),
      lastTrade: TradeID(4), time: 5, buyerIsMaker: false)
    #expect(
      hex(trade.encoded())
        == "01" + "0000000000000001" + "0000000000000002" + "0000000000000003"
        + "0000000000000004" + "0000000000000005" + "00")
    let key = MarketRows.key(MarketRows.aggregatePrefix, SymbolID(2), 7)
    #expect(try AggregateTrade(symbol: SymbolID(2), key: key, value: trade.encoded()) == trade)
  }

  @Test func `a candle's row is a version and ten numbers`() throws {
    var candle = Candle(flatAt: 1, openTime: 60_000_000)
    (candle.high, candle.low, candle.close, candle.volume) = (2, 3, 4, 5)
    (candle.quoteVolume, candle.takerBuyVolume, candle.takerBuyQuoteVolume) = (6, 7, 8)
    (candle.firstTrade, candle.lastTrade) = (9, 10)
    let numbers = (1...10).map { number in
      let text = String(number, radix: 16)
      return String(repeating: "0", count: 16 - text.count) + text
    }
    #expect(hex(candle.encoded()) == "01" + numbers.joined())
    let key = MarketRows.candleKey(SymbolID(2), .minute1, candle.openTime)
    #expect(try Candle(key: key, value: candle.encoded()) == candle)
  }

  @Test func `an account's trade and a transfer survive their rows`() throws {
    for isBuyer in [true, false] {
      let trade = AccountTrade(
        symbol: SymbolID(2), id: TradeID(6), order: OrderID(5), price: 1, quantity: 2,
        quoteQuantity: 3, commission: 4, commissionAsset: AssetID(9), time: 10, isBuyer: isBuyer,
        isMaker: !isBuyer)
      let key = MarketRows.accountTradeKey(AccountID(1), SymbolID(2), 6, isBuyer ? .buy : .sell)
      #expect(try AccountTrade(symbol: SymbolID(2), key: key, value: trade.encoded()) == trade)
      #expect(hex(trade.encoded()).hasPrefix("010000000000000005"))
      #expect(trade.encoded().count == 1 + 5 * 8 + 4 + 8 + 1)
    }
    let transfer = Transfer(
      index: 9, ordinal: 1, asset: AssetID(2), amount: -5, id: "tx", time: 7)
    let key = MarketRows.transferKey(AccountID(1), 9, 1)
    #expect(try Transfer(key: key, value: transfer.encoded()) == transfer)
    #expect(
      hex(transfer.encoded())
        == "01" + "00000002" + "fffffffffffffffb" + "00027478" + "0000000000000007")
  }

  @Test func `another version, missing and extra bytes are refused`() {
    let record = TradeRecord(
      id: TradeID(1), price: 1, quantity: 2, quoteQuantity: 3, time: 4, buyerIsMaker: true)
    let key = MarketRows.key(MarketRows.tradePrefix, SymbolID(2), 1)
    let value = record.encoded()
    for bad in [[], [2] + value.dropFirst(), Array(value.dropLast()), value + [0]] {
      #expect(throws: WireError.self) { try TradeRecord(key: key, value: bad) }
    }
    #expect(throws: WireError.self) { try TradeRecord(key: Array(key.dropLast()), value: value) }
  }

  @Test func `a symbol's state row is a version, stamp, counters and the pending window`() throws {
    let publisher = try Publisher()
    _ = publisher.run(Fixture.definitions(stamp: 100_000))
    var batch = EventBatch()
    batch.begin(index: 2, stamp: 250_000)
    let change = LevelChange(symbol: SymbolID(1), side: .buy, price: 3, quantity: 4, updateID: 9)
    batch.append(.levelChanged(change))
    _ = publisher.run(batch)
    let key = MarketRows.key(MarketRows.statePrefix, SymbolID(1)).bytes
    let value = try #require(publisher.rows.row(key))
    #expect(
      hex(value)
        == "01" + "000000000003d090" + "0000000000000009" + "0000000000000001"
        + "0000000000000002" + "0000000000000009" + "00" + "00000001" + "fffffffffffffffd")
    let level = MarketRows.key(MarketRows.levelPrefix, SymbolID(1), -3)
    #expect(hex(try #require(publisher.rows.row(level))) == "010000000000000004")
  }
}
