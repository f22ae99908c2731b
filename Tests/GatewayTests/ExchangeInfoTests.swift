// ExchangeInfoTests: what exchangeInfo advertises, byte for byte, and which symbols it selects.

import Engine
import Market
import Testing

@testable import Gateway

@Suite struct ExchangeInfoTests {
  static let switches =
    "\"icebergAllowed\":true,\"ocoAllowed\":true,\"otoAllowed\":true,\"opoAllowed\":true,"
    + "\"quoteOrderQtyMarketAllowed\":true,\"allowTrailingStop\":true,"
    + "\"cancelReplaceAllowed\":true,\"amendAllowed\":true,\"pegInstructionsAllowed\":true,"
    + "\"isSpotTradingAllowed\":true,\"isMarginTradingAllowed\":false,"
  static let types =
    "\"orderTypes\":[\"LIMIT\",\"LIMIT_MAKER\",\"MARKET\",\"STOP_LOSS\",\"STOP_LOSS_LIMIT\","
    + "\"TAKE_PROFIT\",\"TAKE_PROFIT_LIMIT\"],"
  static let tail =
    "\"defaultSelfTradePreventionMode\":\"NONE\",\"allowedSelfTradePreventionModes\":["
    + "\"NONE\",\"EXPIRE_TAKER\",\"EXPIRE_MAKER\",\"EXPIRE_BOTH\",\"DECREMENT\",\"TRANSFER\"]}"

  static let btcusdt: String =
    "{\"symbol\":\"BTCUSDT\",\"status\":\"TRADING\",\"baseAsset\":\"BTC\",\"baseAssetPrecision\":8,"
    + "\"quoteAsset\":\"USDT\",\"quotePrecision\":6,\"quoteAssetPrecision\":6,"
    + "\"baseCommissionPrecision\":8,\"quoteCommissionPrecision\":6," + types + switches
    + "\"filters\":[{\"filterType\":\"PRICE_FILTER\",\"minPrice\":\"0.01000000\","
    + "\"maxPrice\":\"1000000.00000000\",\"tickSize\":\"0.01000000\"},"
    + "{\"filterType\":\"LOT_SIZE\",\"minQty\":\"0.00001000\",\"maxQty\":\"9000.00000000\","
    + "\"stepSize\":\"0.00001000\"},"
    + "{\"filterType\":\"NOTIONAL\",\"minNotional\":\"5.00000000\",\"applyMinToMarket\":true,"
    + "\"maxNotional\":\"9223372036854.77580700\",\"applyMaxToMarket\":false,\"avgPriceMins\":5},"
    + "{\"filterType\":\"MAX_NUM_ORDERS\",\"maxNumOrders\":200}],"
    + "\"permissions\":[],\"permissionSets\":[[\"SPOT\"]]," + tail

  static let ltcbtcFilters =
    "\"filters\":[{\"filterType\":\"PRICE_FILTER\",\"minPrice\":\"0.00000001\","
    + "\"maxPrice\":\"92233720368.54775807\",\"tickSize\":\"0.00000001\"},"
    + "{\"filterType\":\"LOT_SIZE\",\"minQty\":\"0.00000001\",\"maxQty\":\"92233720368.54775807\","
    + "\"stepSize\":\"0.00000001\"},"
    + "{\"filterType\":\"MARKET_LOT_SIZE\",\"minQty\":\"0.00000001\",\"maxQty\":\"1.00000000\","
    + "\"stepSize\":\"0.00000001\"},"
    + "{\"filterType\":\"NOTIONAL\",\"minNotional\":\"0.00000000\",\"applyMinToMarket\":true,"
    + "\"maxNotional\":\"92233720368.54775807\",\"applyMaxToMarket\":false,\"avgPriceMins\":5}],"

  func info(_ query: String = "") throws -> HTTPResponse? {
    var edge = Edge()
    let action = edge.get("/api/v3/exchangeInfo", query)
    return action.answered(try edge.model()) ?? action.response
  }

  /// The names of the symbols that an answer lists.
  func names(_ query: String) throws -> [String] {
    let body = try #require(try info(query)).body
    return try JSONValue.parse(body)["symbols"]?.elements?.compactMap { $0["symbol"]?.text } ?? []
  }

  @Test func `a symbol is shown with what works, and with the filters that clients need`() throws {
    let response = try #require(try info("symbol=BTCUSDT"))
    #expect(
      response.text
        == "{\"timezone\":\"UTC\",\"serverTime\":1499827319600,\"rateLimits\":["
        + "{\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":\"MINUTE\",\"intervalNum\":1,\"limit\":6000},"
        + "{\"rateLimitType\":\"ORDERS\",\"interval\":\"SECOND\",\"intervalNum\":10,\"limit\":100},"
        + "{\"rateLimitType\":\"ORDERS\",\"interval\":\"DAY\",\"intervalNum\":1,\"limit\":200000},"
        + "{\"rateLimitType\":\"RAW_REQUESTS\",\"interval\":\"MINUTE\",\"intervalNum\":5,\"limit\":300000}],"
        + "\"exchangeFilters\":[],\"symbols\":[" + Self.btcusdt + "]}")
    #expect(response.header("X-Castle-Index") == "1")
  }

  @Test func `the operator's switches, limits and rules are shown as they stand`() throws {
    let venue = try Venue()
    var rules = SymbolRules()
    rules.percentPriceBid = PriceBand(up: 50_000, down: 2_000)
    rules.percentPriceAsk = PriceBand(up: 12_345, down: 0)
    rules.icebergParts = 10
    rules.maxAlgoOrders = 5
    rules.maxIcebergOrders = 6
    rules.maxOrderLists = 20
    rules.maxOrderAmends = 7
    rules.maxPosition = 1_000_000_000
    rules.trailing = TrailingBounds(minAbove: 10, maxAbove: 2000, minBelow: 11, maxBelow: 2001)
    var filters = Edge.btcusdt.filters
    filters.rules = rules
    let id = try #require(venue.model.catalog.symbol(named: "BTCUSDT")?.id)
    try venue.administer(.setSymbolFilters(SetSymbolFilters(symbol: id, filters: filters)))
    try venue.administer(
      .setSelfTradeRules(
        SetSelfTradeRules(
          symbol: id,
          rules: SelfTradeRules(allowing: [.expireTaker, .decrement], standard: .decrement))))
    try venue.administer(
      .setExchangeLimits(
        ExchangeLimits(maxOrders: 1, maxAlgoOrders: 2, maxIcebergOrders: 3, maxOrderLists: 4)))
    try venue.administer(.setFeatures([.stopOrders, .amendments]))
    let text = venue.get("/api/v3/exchangeInfo").text
    for part in [
      "\"exchangeFilters\":[{\"filterType\":\"EXCHANGE_MAX_NUM_ORDERS\",\"maxNumOrders\":1},"
        + "{\"filterType\":\"EXCHANGE_MAX_NUM_ALGO_ORDERS\",\"maxNumAlgoOrders\":2},"
        + "{\"filterType\":\"EXCHANGE_MAX_NUM_ICEBERG_ORDERS\",\"maxNumIcebergOrders\":3},"
        + "{\"filterType\":\"EXCHANGE_MAX_NUM_ORDER_LISTS\",\"maxNumOrderLists\":4}]",
      "\"orderTypes\":[\"LIMIT\",\"LIMIT_MAKER\",\"MARKET\"],\"icebergAllowed\":true,"
        + "\"ocoAllowed\":false,\"otoAllowed\":true,\"opoAllowed\":true,"
        + "\"quoteOrderQtyMarketAllowed\":true,\"allowTrailingStop\":false,"
        + "\"cancelReplaceAllowed\":true,\"amendAllowed\":false,\"pegInstructionsAllowed\":true",
      "{\"filterType\":\"PERCENT_PRICE_BY_SIDE\",\"bidMultiplierUp\":\"5\","
        + "\"bidMultiplierDown\":\"0.2\",\"askMultiplierUp\":\"1.2345\","
        + "\"askMultiplierDown\":\"0\",\"avgPriceMins\":5},"
        + "{\"filterType\":\"ICEBERG_PARTS\",\"limit\":10},"
        + "{\"filterType\":\"MAX_NUM_ALGO_ORDERS\",\"maxNumAlgoOrders\":5},"
        + "{\"filterType\":\"MAX_NUM_ICEBERG_ORDERS\",\"maxNumIcebergOrders\":6},"
        + "{\"filterType\":\"MAX_NUM_ORDER_LISTS\",\"maxNumOrderLists\":20},"
        + "{\"filterType\":\"MAX_NUM_ORDER_AMENDS\",\"maxNumOrderAmends\":7},"
        + "{\"filterType\":\"MAX_POSITION\",\"maxPosition\":\"10.00000000\"},"
        + "{\"filterType\":\"TRAILING_DELTA\",\"minTrailingAboveDelta\":10,"
        + "\"maxTrailingAboveDelta\":2000,\"minTrailingBelowDelta\":11,"
        + "\"maxTrailingBelowDelta\":2001}]",
      "\"defaultSelfTradePreventionMode\":\"DECREMENT\","
        + "\"allowedSelfTradePreventionModes\":[\"EXPIRE_TAKER\",\"DECREMENT\"]",
    ] {
      #expect(text.contains(part), "\(part) in \(text)")
    }
  }

  @Test func `bounds that are off are printed as the largest number, not as zero`() throws {
    let text = try #require(try info("symbol=LTCBTC")).text
    #expect(text.contains(Self.ltcbtcFilters))
  }

  @Test func `symbols are selected by name, list, permission and status`() throws {
    #expect(try names("") == ["BTCUSDT", "LTCBTC"])
    #expect(try names("symbols=%5B%22LTCBTC%22%5D") == ["LTCBTC"])
    #expect(try names("permissions=SPOT") == ["BTCUSDT", "LTCBTC"])
    #expect(try names("permissions=%5B%22MARGIN%22,%22SPOT%22%5D") == ["BTCUSDT", "LTCBTC"])
    #expect(try names("permissions=MARGIN") == [])
    #expect(try names("symbolStatus=TRADING") == ["BTCUSDT", "LTCBTC"])
    #expect(try names("symbolStatus=HALT") == [])
  }

  @Test func `permission sets can be left out`() throws {
    let text = try #require(try info("symbol=BTCUSDT&showPermissionSets=false")).text
    #expect(!text.contains("permissionSets"))
    #expect(text.contains("\"permissions\":[],\"defaultSelf"))
  }

  @Test(arguments: [
    ("symbol=NOPE", "400 -1121 Invalid symbol."),
    ("symbol=BTCUSDT&permissions=SPOT", "400 -1128 Combination of optional parameters invalid."),
    ("symbol=BTCUSDT&symbolStatus=HALT", "400 -1128 Combination of optional parameters invalid."),
    (
      "symbol=BTCUSDT&symbols=[\"LTCBTC\"]", "400 -1128 Combination of optional parameters invalid."
    ),
    ("symbolStatus=OPEN", "400 -1122 Invalid symbolStatus."),
    ("permissions=spot", "400 -1130 Data sent for parameter 'permissions' is not valid."),
    ("showPermissionSets=", "400 -1105 Parameter 'showPermissionSets' was empty."),
  ])
  func `a bad selection is refused`(_ query: String, _ said: String) throws {
    #expect(try info(query)?.failure == said)
  }

  @Test func `the configured weight limit is advertised`() throws {
    var edge = Edge(settings: EdgeSettings(weightPerMinute: 1200, rawRequestsPer5Minutes: 6100))
    let text = edge.get("/api/v3/exchangeInfo").answered(try edge.model())?.text ?? ""
    #expect(
      text.contains("\"REQUEST_WEIGHT\",\"interval\":\"MINUTE\",\"intervalNum\":1,\"limit\":1200"))
    #expect(
      text.contains("\"RAW_REQUESTS\",\"interval\":\"MINUTE\",\"intervalNum\":5,\"limit\":6100"))
  }
}
