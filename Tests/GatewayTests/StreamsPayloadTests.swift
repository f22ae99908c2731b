// StreamsPayloadTests: every market stream's payload, byte by byte.

import Engine
import Market
import Testing

@testable import Gateway

@Suite struct StreamsPayloadTests {
  private func scene() throws -> MarketScene { try MarketScene(MarketScene.history) }

  @Test func `trade`() throws {
    let lines = try scene().rendered(["btcusdt@trade"])
    #expect(lines.count == 3)
    let first: String =
      "btcusdt@trade {\"e\":\"trade\",\"E\":1499827321600,\"s\":\"BTCUSDT\",\"t\":1,"
      + "\"p\":\"60000.00000000\",\"q\":\"1.50000000\",\"T\":1499827321600,\"m\":false,\"M\":true}"
    #expect(lines.first == first)
  }

  @Test func `aggTrade merges the fills of one order at one price`() throws {
    let lines = try scene().rendered(["btcusdt@aggTrade"])
    let expected: [String] = [
      "btcusdt@aggTrade {\"e\":\"aggTrade\",\"E\":1499827321600,\"s\":\"BTCUSDT\",\"a\":1,"
        + "\"p\":\"60000.00000000\",\"q\":\"2.00000000\",\"f\":1,\"l\":2,\"T\":1499827321600,"
        + "\"m\":false,\"M\":true}",
      "btcusdt@aggTrade {\"e\":\"aggTrade\",\"E\":1499827321600,\"s\":\"BTCUSDT\",\"a\":2,"
        + "\"p\":\"60010.00000000\",\"q\":\"0.50000000\",\"f\":3,\"l\":3,\"T\":1499827321600,"
        + "\"m\":false,\"M\":true}",
    ]
    #expect(lines == expected)
  }

  @Test func `bookTicker has neither an event type nor a time`() throws {
    let lines = try scene().rendered(["btcusdt@bookTicker"])
    let expected: [String] = [
      "btcusdt@bookTicker {\"u\":3,\"s\":\"BTCUSDT\",\"b\":\"59990.00000000\",\"B\":\"1.50000000\","
        + "\"a\":\"60000.00000000\",\"A\":\"2.00000000\"}",
      "btcusdt@bookTicker {\"u\":5,\"s\":\"BTCUSDT\",\"b\":\"59990.00000000\",\"B\":\"1.50000000\","
        + "\"a\":\"60010.00000000\",\"A\":\"0.50000000\"}",
    ]
    #expect(lines == expected)
  }

  @Test func `depth is contiguous, and prints a removed level as 0.00000000`() throws {
    for name in ["btcusdt@depth@100ms", "btcusdt@depth"] {
      let lines = try scene().rendered([name])
      let expected: [String] = [
        "\(name) {\"e\":\"depthUpdate\",\"E\":1499827320700,\"s\":\"BTCUSDT\",\"U\":1,\"u\":3,"
          + "\"b\":[[\"59990.00000000\",\"1.50000000\"]],"
          + "\"a\":[[\"60000.00000000\",\"2.00000000\"],[\"60010.00000000\",\"1.00000000\"]]}",
        "\(name) {\"e\":\"depthUpdate\",\"E\":1499827321700,\"s\":\"BTCUSDT\",\"U\":4,\"u\":5,"
          + "\"b\":[],"
          + "\"a\":[[\"60000.00000000\",\"0.00000000\"],[\"60010.00000000\",\"0.50000000\"]]}",
      ]
      #expect(lines == expected)
    }
  }

  @Test func `partial depth names no symbol`() throws {
    let lines = try scene().rendered(["btcusdt@depth5@100ms"])
    let last: String =
      "btcusdt@depth5@100ms {\"lastUpdateId\":5,"
      + "\"bids\":[[\"59990.00000000\",\"1.50000000\"]],"
      + "\"asks\":[[\"60010.00000000\",\"0.50000000\"]]}"
    #expect(lines.last == last)
  }

  @Test func `kline runs, then closes`() throws {
    let lines = try scene().rendered(["btcusdt@kline_1s", "btcusdt@kline_1m"])
    let body =
      "\"o\":\"60000.00000000\",\"c\":\"60010.00000000\",\"h\":\"60010.00000000\","
      + "\"l\":\"60000.00000000\",\"v\":\"2.50000000\",\"n\":3,\"x\":"
    let tail =
      ",\"q\":\"150005.00000000\",\"V\":\"2.50000000\",\"Q\":\"150005.00000000\",\"B\":\"0\"}}"
    let expected: [String] = [
      "btcusdt@kline_1m {\"e\":\"kline\",\"E\":1499827321700,\"s\":\"BTCUSDT\","
        + "\"k\":{\"t\":1499827320000,\"T\":1499827379999,\"s\":\"BTCUSDT\",\"i\":\"1m\",\"f\":1,"
        + "\"L\":3," + body + "false" + tail,
      "btcusdt@kline_1s {\"e\":\"kline\",\"E\":1499827322600,\"s\":\"BTCUSDT\","
        + "\"k\":{\"t\":1499827321000,\"T\":1499827321999,\"s\":\"BTCUSDT\",\"i\":\"1s\",\"f\":1,"
        + "\"L\":3," + body + "true" + tail,
    ]
    #expect(lines == expected)
  }

  @Test func `miniTicker and ticker cover the rolling day`() throws {
    let scene = try scene()
    let mini =
      "\"s\":\"BTCUSDT\",\"c\":\"60010.00000000\",\"o\":\"60000.00000000\","
      + "\"h\":\"60010.00000000\",\"l\":\"60000.00000000\",\"v\":\"2.50000000\","
      + "\"q\":\"150005.00000000\"}"
    let head = "{\"e\":\"24hrMiniTicker\",\"E\":1499827321700,"
    #expect(scene.rendered(["btcusdt@miniTicker"]).last == "btcusdt@miniTicker \(head)\(mini)")
    #expect(scene.rendered(["!miniTicker@arr"]) == ["!miniTicker@arr [\(head)\(mini)]"])
    let full: String =
      "btcusdt@ticker {\"e\":\"24hrTicker\",\"E\":1499827321700,\"s\":\"BTCUSDT\",\"p\":\"10.00000000\","
      + "\"P\":\"0.017\",\"w\":\"60002.00000000\",\"x\":\"0.00000000\",\"c\":\"60010.00000000\","
      + "\"Q\":\"0.50000000\",\"b\":\"59990.00000000\",\"B\":\"1.50000000\","
      + "\"a\":\"60010.00000000\",\"A\":\"0.50000000\",\"o\":\"60000.00000000\","
      + "\"h\":\"60010.00000000\",\"l\":\"60000.00000000\",\"v\":\"2.50000000\","
      + "\"q\":\"150005.00000000\",\"O\":1499740920000,\"C\":1499827322600,\"F\":1,\"L\":3,\"n\":3}"
    #expect(scene.rendered(["btcusdt@ticker"]).last == full)
  }

  @Test func `avgPrice`() throws {
    let lines = try scene().rendered(["btcusdt@avgPrice"])
    let expected: [String] = [
      "btcusdt@avgPrice {\"e\":\"avgPrice\",\"E\":1499827321700,\"s\":\"BTCUSDT\",\"i\":\"5m\","
        + "\"w\":\"60002.00000000\",\"T\":1499827321600}"
    ]
    #expect(lines == expected)
  }

  @Test func `times are microseconds if the connection asked for them`() throws {
    let lines = try scene().rendered(["btcusdt@trade", "btcusdt@kline_1s"], unit: .microsecond)
    #expect(lines.first?.contains("\"E\":1499827321600000,") == true)
    #expect(lines.last?.contains("\"t\":1499827321000000,\"T\":1499827321999999,") == true)
  }

  @Test func `a combined message carries the stream's name`() {
    let message = StreamMessage(
      key: StreamKey(name: "btcusdt@trade", unit: .millisecond), payload: Array("{\"a\":1}".utf8))
    #expect(
      String(decoding: message.combined(), as: UTF8.self)
        == "{\"stream\":\"btcusdt@trade\",\"data\":{\"a\":1}}")
  }

  @Test func `nothing is rendered for nobody`() throws {
    let scene = try scene()
    #expect(scene.rendered([]).isEmpty)
    #expect(scene.rendered(["ltcbtc@trade", "btcusdt@nothing", "0", "BTCUSDT@trade"]).isEmpty)
  }

  @Test func `interest counts subscriptions`() {
    var interest = StreamInterest()
    let key = StreamKey(name: "btcusdt@trade", unit: .millisecond)
    let micro = StreamKey(name: "btcusdt@trade", unit: .microsecond)
    interest.add(key)
    interest.add(key)
    interest.add(micro)
    interest.add(StreamKey(name: "0", unit: .millisecond))
    #expect(interest.wanted("btcusdt").map(\.key) == [key, micro])
    interest.remove(key)
    #expect(interest.count(key) == 1)
    interest.remove(key)
    interest.remove(key)
    #expect(interest.wanted("btcusdt").map(\.key) == [micro])
    interest.remove(micro)
    #expect(interest.isEmpty)
  }
}
