// MarketRouteTests: market data over REST, byte by byte, and every refusal.

import Engine
import Market
import Testing

@testable import Gateway

@Suite struct MarketRouteTests {
  private func ask(
    _ path: String, _ query: String = "", timeUnit: String? = nil, later: Int64 = 0
  ) throws -> HTTPResponse {
    var edge = Edge()
    edge.time = Edge.start + 3_000_000 + later
    let request = HTTPRequest(
      method: "GET", path: "/api/v3/\(path)", query: Array(query.utf8), timeUnit: timeUnit,
      address: "1.2.3.4")
    let action = edge.handle(request)
    if case .read(let linearizable, _) = action { #expect(!linearizable) }
    let model = try MarketScene(MarketScene.history).model
    return try #require(action.answered(model) ?? action.response)
  }

  private func text(_ path: String, _ query: String = "") throws -> String {
    let response = try ask(path, query)
    #expect(response.status == 200)
    #expect(response.header("X-Castle-Index") == "4")
    return response.text
  }

  // MARK: Golden answers

  @Test func `depth`() throws {
    let full =
      "{\"lastUpdateId\":5,\"bids\":[[\"59990.00000000\",\"1.50000000\"]],"
      + "\"asks\":[[\"60010.00000000\",\"0.50000000\"]]}"
    #expect(try text("depth", "symbol=BTCUSDT") == full)
    #expect(try text("depth", "symbol=BTCUSDT&limit=999999&symbolStatus=TRADING") == full)
    #expect(
      try text("depth", "symbol=LTCBTC&limit=5")
        == "{\"lastUpdateId\":0,\"bids\":[],\"asks\":[]}")
  }

  private static func trade(_ id: Int, _ price: String, _ quantity: String, _ quote: String)
    -> String
  {
    "{\"id\":\(id),\"price\":\"\(price)\",\"qty\":\"\(quantity)\",\"quoteQty\":\"\(quote)\","
      + "\"time\":1499827321600,\"isBuyerMaker\":false,\"isBestMatch\":true}"
  }

  @Test func `trades and historicalTrades`() throws {
    let trades = [
      Self.trade(1, "60000.00000000", "1.50000000", "90000.00000000"),
      Self.trade(2, "60000.00000000", "0.50000000", "30000.00000000"),
      Self.trade(3, "60010.00000000", "0.50000000", "30005.00000000"),
    ]
    #expect(try text("trades", "symbol=BTCUSDT") == "[\(trades.joined(separator: ","))]")
    #expect(try text("trades", "symbol=BTCUSDT&limit=1") == "[\(trades[2])]")
    #expect(try text("trades", "symbol=LTCBTC") == "[]")
    #expect(
      try text("historicalTrades", "symbol=BTCUSDT&fromId=2&limit=1") == "[\(trades[1])]")
    #expect(try text("historicalTrades", "symbol=BTCUSDT&limit=1") == "[\(trades[2])]")
  }

  @Test func `aggTrades by id and by time`() throws {
    let first =
      "{\"a\":1,\"p\":\"60000.00000000\",\"q\":\"2.00000000\",\"f\":1,\"l\":2,\"T\":1499827321600,"
      + "\"m\":false,\"M\":true}"
    let second =
      "{\"a\":2,\"p\":\"60010.00000000\",\"q\":\"0.50000000\",\"f\":3,\"l\":3,\"T\":1499827321600,"
      + "\"m\":false,\"M\":true}"
    #expect(try text("aggTrades", "symbol=BTCUSDT") == "[\(first),\(second)]")
    #expect(try text("aggTrades", "symbol=BTCUSDT&fromId=2") == "[\(second)]")
    let window = "startTime=1499827321600&endTime=1499827321600"
    #expect(try text("aggTrades", "symbol=BTCUSDT&\(window)") == "[\(first),\(second)]")
    #expect(try text("aggTrades", "symbol=BTCUSDT&endTime=1499827321599") == "[]")
    #expect(try text("aggTrades", "symbol=BTCUSDT&startTime=1499827321601") == "[]")
  }

  @Test func `klines have twelve elements`() throws {
    let minute =
      "[1499827320000,\"60000.00000000\",\"60010.00000000\",\"60000.00000000\",\"60010.00000000\","
      + "\"2.50000000\",1499827379999,\"150005.00000000\",3,\"2.50000000\",\"150005.00000000\",\"0\"]"
    for path in ["klines", "uiKlines"] {
      #expect(try text(path, "symbol=BTCUSDT&interval=1m") == "[\(minute)]")
      #expect(try text(path, "symbol=BTCUSDT&interval=1m&startTime=0&limit=1") == "[\(minute)]")
      #expect(try text(path, "symbol=LTCBTC&interval=1m") == "[]")
    }
    let day = try text("klines", "symbol=BTCUSDT&interval=1d&timeZone=8")
    #expect(day.hasPrefix("[[1499788800000,"))
    #expect(day.contains(",1499875199999,"))
    for zone in ["+8", "8:00", "+08:00", "%2B08:00"] {
      #expect(try text("klines", "symbol=BTCUSDT&interval=1d&timeZone=\(zone)") == day)
    }
    #expect(
      try text("klines", "symbol=BTCUSDT&interval=1d&timeZone=-1:30").hasPrefix("[[1499823000000,"))
  }

  @Test func `avgPrice`() throws {
    #expect(
      try text("avgPrice", "symbol=BTCUSDT")
        == "{\"mins\":5,\"price\":\"60002.00000000\",\"closeTime\":1499827321600}")
    #expect(
      try text("avgPrice", "symbol=LTCBTC")
        == "{\"mins\":5,\"price\":\"0.00000000\",\"closeTime\":0}")
  }

  private static let dayTicker =
    "{\"symbol\":\"BTCUSDT\",\"priceChange\":\"10.00000000\",\"priceChangePercent\":\"0.017\","
    + "\"weightedAvgPrice\":\"60002.00000000\",\"prevClosePrice\":\"0.00000000\","
    + "\"lastPrice\":\"60010.00000000\",\"lastQty\":\"0.50000000\","
    + "\"bidPrice\":\"59990.00000000\",\"bidQty\":\"1.50000000\",\"askPrice\":\"60010.00000000\","
    + "\"askQty\":\"0.50000000\",\"openPrice\":\"60000.00000000\","
    + "\"highPrice\":\"60010.00000000\",\"lowPrice\":\"60000.00000000\",\"volume\":\"2.50000000\","
    + "\"quoteVolume\":\"150005.00000000\",\"openTime\":1499740920000,"
    + "\"closeTime\":1499827322600,\"firstId\":1,\"lastId\":3,\"count\":3}"

  private static let quietTicker =
    "{\"symbol\":\"LTCBTC\",\"openPrice\":\"0.00000000\",\"highPrice\":\"0.00000000\","
    + "\"lowPrice\":\"0.00000000\",\"lastPrice\":\"0.00000000\",\"volume\":\"0.00000000\","
    + "\"quoteVolume\":\"0.00000000\",\"openTime\":1499740920000,\"closeTime\":1499827322600,"
    + "\"firstId\":-1,\"lastId\":-1,\"count\":0}"

  @Test func `ticker/24hr in both types`() throws {
    #expect(try text("ticker/24hr", "symbol=BTCUSDT") == Self.dayTicker)
    #expect(try text("ticker/24hr", "symbol=BTCUSDT&type=FULL") == Self.dayTicker)
    #expect(try text("ticker/24hr", "symbol=LTCBTC&type=MINI") == Self.quietTicker)
    let list = "symbols=%5B%22BTCUSDT%22%5D"
    #expect(try text("ticker/24hr", list) == "[\(Self.dayTicker)]")
    let all = try text("ticker/24hr")
    #expect(all.hasPrefix("[\(Self.dayTicker),{\"symbol\":\"LTCBTC\","))
  }

  @Test func `ticker/price and ticker/bookTicker for one, some and all`() throws {
    let price = "{\"symbol\":\"BTCUSDT\",\"price\":\"60010.00000000\"}"
    let quiet = "{\"symbol\":\"LTCBTC\",\"price\":\"0.00000000\"}"
    #expect(try text("ticker/price", "symbol=BTCUSDT") == price)
    #expect(try text("ticker/price", "symbols=[\"LTCBTC\",\"BTCUSDT\"]") == "[\(quiet),\(price)]")
    #expect(try text("ticker/price") == "[\(price),\(quiet)]")
    #expect(try text("ticker/price", "symbolStatus=HALT") == "[]")
    #expect(try text("ticker/price", "symbols=[\"LTCBTC\"]&symbolStatus=HALT") == "[]")
    let book: String =
      "{\"symbol\":\"BTCUSDT\",\"bidPrice\":\"59990.00000000\",\"bidQty\":\"1.50000000\","
      + "\"askPrice\":\"60010.00000000\",\"askQty\":\"0.50000000\"}"
    #expect(try text("ticker/bookTicker", "symbol=BTCUSDT") == book)
    #expect(try text("ticker/bookTicker").hasPrefix("[{\"symbol\":\"BTCUSDT\","))
  }

  @Test func `times are microseconds if the header asks for them`() throws {
    let query = "symbol=BTCUSDT&interval=1m"
    let candles = try ask("klines", query, timeUnit: "MICROSECOND").text
    #expect(candles.hasPrefix("[[1499827320000000,"))
    #expect(candles.contains(",1499827379999999,"))
    let trades = try ask("trades", "symbol=BTCUSDT&limit=1", timeUnit: "microsecond").text
    #expect(trades.contains("\"time\":1499827321600000,"))
  }

  @Test func `an idle market's candles and tickers follow the clock`() throws {
    let candles = try ask("klines", "symbol=BTCUSDT&interval=1m&limit=2", later: 300_000_000).text
    #expect(candles.hasPrefix("[[1499827560000,\"60010.00000000\",\"60010.00000000\","))
    let ticker = try ask("ticker/24hr", "symbol=BTCUSDT", later: 90_000_000_000).text
    #expect(ticker.contains("\"count\":0"))
    #expect(ticker.contains("\"lastPrice\":\"60010.00000000\""))
    #expect(ticker.contains("\"prevClosePrice\":\"60010.00000000\""))
  }

  // MARK: Refusals

  @Test(
    arguments: [
      (
        "depth", "",
        "400 -1102 Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
      ),
      ("depth", "symbol=NOPE", "400 -1121 Invalid symbol."),
      (
        "depth", "symbol=BTCUSDT&symbolStatus=HALT",
        "400 -1220 The symbol's status does not match the requested symbolStatus."
      ),
      ("depth", "symbol=BTCUSDT&symbolStatus=OPEN", "400 -1122 Invalid symbolStatus."),
      (
        "depth", "symbol=BTCUSDT&limit=x",
        "400 -1100 Illegal characters found in parameter 'limit'; legal range is '^[0-9]{1,20}$'."
      ),
      (
        "depth", "symbol=BTCUSDT&limit=0", "400 -1130 Data sent for parameter 'limit' is not valid."
      ),
      (
        "depth", "symbol=BTCUSDT&symbol=BTCUSDT",
        "400 -1101 Duplicate values for a parameter detected."
      ),
      ("trades", "symbol=", "400 -1105 Parameter 'symbol' was empty."),
      (
        "trades", "symbol=BTCUSDT&limit=1001",
        "400 -1130 Data sent for parameter 'limit' is not valid."
      ),
      (
        "trades", "symbol=BTCUSDT&fromId=1&limit=1",
        "400 -1101 Too many parameters; expected '2' and received '3'."
      ),
      (
        "aggTrades", "symbol=BTCUSDT&fromId=1&startTime=5",
        "400 -1128 Combination of optional parameters invalid."
      ),
      (
        "klines", "symbol=BTCUSDT",
        "400 -1102 Mandatory parameter 'interval' was not sent, was empty/null, or malformed."
      ),
      ("klines", "symbol=BTCUSDT&interval=1H", "400 -1120 Invalid interval."),
      (
        "klines", "symbol=BTCUSDT&interval=1m&timeZone=15",
        "400 -1130 Data sent for parameter 'timeZone' is not valid."
      ),
      (
        "klines", "symbol=BTCUSDT&interval=1m&timeZone=-12:30",
        "400 -1130 Data sent for parameter 'timeZone' is not valid."
      ),
      (
        "klines", "symbol=BTCUSDT&interval=1m&timeZone=1:2:3",
        "400 -1130 Data sent for parameter 'timeZone' is not valid."
      ),
      (
        "klines", "symbol=BTCUSDT&interval=1m&timeZone=x",
        "400 -1130 Data sent for parameter 'timeZone' is not valid."
      ),
      (
        "ticker/24hr", "symbol=BTCUSDT&symbols=[\"BTCUSDT\"]",
        "400 -1128 Combination of optional parameters invalid."
      ),
      ("ticker/24hr", "symbol=BTCUSDT&type=BIG", "400 -1139 Invalid ticker type."),
      (
        "ticker/24hr", "symbols=[\"BTCUSDT\",\"BTCUSDT\"]",
        "400 -1151 Symbol is present multiple times in the list."
      ),
      ("ticker/price", "symbols=[\"NOPE\"]", "400 -1121 Invalid symbol."),
      (
        "ticker/price", "symbol=BTCUSDT&symbolStatus=BREAK",
        "400 -1220 The symbol's status does not match the requested symbolStatus."
      ),
    ] as [(String, String, String)])
  func `a bad parameter gets Binance's code and words`(
    path: String, query: String, expected: String
  ) throws {
    #expect(try ask(path, query).failure == expected)
  }

  @Test func `a store that fails is one clear error`() throws {
    struct Broken: Error {}
    let action = MarketRoutes.read { _ in throw Broken() }
    let model = try MarketScene([]).model
    #expect(
      action.answered(model)?.failure
        == "500 -1000 An unknown error occurred while processing the request.")
  }
}
