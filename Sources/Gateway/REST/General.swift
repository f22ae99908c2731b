// General: ping, time, and exchangeInfo, which advertises exactly what works here.
// Not here: market data (MarketRoutes).

import Engine
import Market

/// Endpoints about the exchange as a whole.
struct General {
  let settings: EdgeSettings

  func time(_ parameters: Parameters) -> Draft {
    .respond(
      .json(capacity: 40) {
        $0.object { $0.time("serverTime", parameters.now, parameters.timeUnit) }
      })
  }

  // MARK: exchangeInfo

  /// Which symbols a client asked for.
  private enum Selection: Sendable {
    case all
    case symbols([SymbolID])
    case status(SymbolStatus)
    case none
  }

  func exchangeInfo(_ parameters: Parameters, _ catalog: Catalog) throws(APIError) -> Draft {
    let selection = try selection(parameters, catalog)
    let withSets = try parameters.flag("showPermissionSets") ?? true
    let unit = parameters.timeUnit
    let now = parameters.now
    return .read(linearizable: false) { model in
      let catalog = model.catalog
      let settings = try model.settings()
      let symbols =
        switch selection {
        case .all: catalog.symbols
        case .symbols(let ids): ids.compactMap { catalog.symbol($0) }
        case .status(let status): catalog.symbols.filter { $0.status == status }
        case .none: [SymbolInfo]()
        }
      return .json(capacity: 1024 + 1536 * symbols.count) {
        $0.object {
          $0.field("timezone", "UTC")
          $0.time("serverTime", now, unit)
          writeLimits(into: &$0)
          $0.key("exchangeFilters")
          $0.array { SymbolRulesForm.write(settings.limits, into: &$0) }
          $0.key("symbols")
          $0.array { json in
            for symbol in symbols {
              SymbolJSON(symbol, catalog, refused: settings.refused)
                .write(permissionSets: withSets, into: &json)
            }
          }
        }
      }
    }
  }

  private func selection(_ parameters: Parameters, _ catalog: Catalog) throws(APIError) -> Selection
  {
    let one = try parameters.symbolIfSent(catalog)
    let list = try parameters.symbolList(catalog)
    let status = try parameters.symbolStatus()
    let permissions = try permissions(parameters)
    let named = one != nil || list != nil
    if one != nil && list != nil || named && (status != nil || permissions != nil) {
      throw .combination
    }
    if let one { return .symbols([one.id]) }
    if let list { return .symbols(list.map(\.id)) }
    if let permissions, !permissions.contains("SPOT") { return .none }
    return status.map { .status($0) } ?? .all
  }

  /// `permissions`: a name or a JSON array of names.
  private func permissions(_ parameters: Parameters) throws(APIError) -> [String]? {
    guard let text = try parameters.text("permissions") else { return nil }
    if text.hasPrefix("[") { return try parameters.nameList("permissions") }
    guard
      text.utf8.allSatisfy({
        $0 == 0x5F || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0)
      })
    else { throw .invalid("permissions") }
    return [text]
  }

  private func writeLimits(into json: inout JSONWriter) {
    func limit(
      _ type: String, _ interval: String, _ count: Int, _ limit: Int, into json: inout JSONWriter
    ) {
      json.object {
        $0.field("rateLimitType", type)
        $0.field("interval", interval)
        $0.field("intervalNum", count)
        $0.field("limit", limit)
      }
    }
    json.key("rateLimits")
    json.array {
      limit("REQUEST_WEIGHT", "MINUTE", 1, settings.weightPerMinute, into: &$0)
      limit("ORDERS", "SECOND", 10, Int(OrderLimits.standard.per10Seconds), into: &$0)
      limit("ORDERS", "DAY", 1, Int(OrderLimits.standard.perDay), into: &$0)
      limit("RAW_REQUESTS", "MINUTE", 5, settings.rawRequestsPer5Minutes, into: &$0)
    }
  }
}

/// Writes a symbol as exchangeInfo shows it.
struct SymbolJSON {
  let symbol: SymbolInfo
  /// What the operator switched off.
  let refused: Features
  let base: AssetInfo?
  let quote: AssetInfo?
  let baseScale: Int
  let quoteScale: Int

  init(_ symbol: SymbolInfo, _ catalog: Catalog, refused: Features) {
    self.symbol = symbol
    self.refused = refused
    base = catalog.asset(symbol.base)
    quote = catalog.asset(symbol.quote)
    baseScale = catalog.baseScale(symbol)
    quoteScale = catalog.quoteScale(symbol)
  }

  func write(permissionSets: Bool, into json: inout JSONWriter) {
    json.object {
      $0.field("symbol", symbol.name)
      $0.field("status", symbol.status.text)
      $0.field("baseAsset", base?.name ?? "")
      $0.field("baseAssetPrecision", baseScale)
      $0.field("quoteAsset", quote?.name ?? "")
      $0.field("quotePrecision", quoteScale)
      $0.field("quoteAssetPrecision", quoteScale)
      $0.field("baseCommissionPrecision", baseScale)
      $0.field("quoteCommissionPrecision", quoteScale)
      strings("orderTypes", orderTypes, into: &$0)
      switches(into: &$0)
      filters(into: &$0)
      strings("permissions", [], into: &$0)
      if permissionSets {
        $0.key("permissionSets")
        $0.array { $0.array { $0.string("SPOT") } }
      }
      $0.field("defaultSelfTradePreventionMode", symbol.selfTrade.standard.text)
      let modes = SelfTradePrevention.allCases.filter { symbol.selfTrade.allows($0) }
      strings("allowedSelfTradePreventionModes", modes.map(\.text), into: &$0)
    }
  }

  private var orderTypes: [String] {
    var types: [OrderType] = []
    if serves(.limitOrders) { types += [.limit, .limitMaker] }
    if serves(.marketOrders) { types.append(.market) }
    if serves(.stopOrders) {
      types += [.stopLoss, .stopLossLimit, .takeProfit, .takeProfitLimit]
    }
    return types.map(\.text)
  }

  private func serves(_ feature: Features) -> Bool { refused.isDisjoint(with: feature) }

  private func switches(into json: inout JSONWriter) {
    // Every OCO has a leg that waits for a price.
    let pairs = serves([.orderLists, .stopOrders])
    json.field("icebergAllowed", serves(.icebergs))
    json.field("ocoAllowed", pairs)
    json.field("otoAllowed", serves([.orderLists, .limitOrders]))
    json.field("opoAllowed", serves([.orderLists, .limitOrders]))
    json.field("quoteOrderQtyMarketAllowed", serves(.marketOrders))
    json.field("allowTrailingStop", serves([.trailingStops, .stopOrders]))
    json.field("cancelReplaceAllowed", serves(.cancelReplace))
    json.field("amendAllowed", serves(.amendments))
    json.field("pegInstructionsAllowed", serves(.peggedOrders))
    json.field("isSpotTradingAllowed", true)
    json.field("isMarginTradingAllowed", false)
  }

  /// PRICE_FILTER, LOT_SIZE and NOTIONAL are always there: hummingbot skips a symbol that lacks one of them.
  private func filters(into json: inout JSONWriter) {
    let filters = symbol.filters
    json.key("filters")
    json.array {
      $0.object {
        $0.field("filterType", "PRICE_FILTER")
        $0.field("minPrice", decimal: filters.minPrice, scale: quoteScale)
        $0.field("maxPrice", decimal: upper(filters.maxPrice), scale: quoteScale)
        $0.field("tickSize", decimal: filters.tickSize, scale: quoteScale)
      }
      lot(
        "LOT_SIZE", filters.minQuantity, filters.maxQuantity, filters.stepSize, into: &$0)
      if filters.marketStepSize != 0 {
        lot(
          "MARKET_LOT_SIZE", filters.marketMinQuantity, filters.marketMaxQuantity,
          filters.marketStepSize, into: &$0)
      }
      $0.object {
        $0.field("filterType", "NOTIONAL")
        $0.field("minNotional", decimal: filters.minNotional, scale: quoteScale)
        $0.field("applyMinToMarket", filters.applyMinToMarket)
        $0.field("maxNotional", decimal: upper(filters.maxNotional), scale: quoteScale)
        $0.field("applyMaxToMarket", filters.applyMaxToMarket)
        $0.field("avgPriceMins", filters.averagePriceMinutes)
      }
      if filters.maxOpenOrders != 0 {
        $0.object {
          $0.field("filterType", "MAX_NUM_ORDERS")
          $0.field("maxNumOrders", filters.maxOpenOrders)
        }
      }
      SymbolRulesForm(rules: filters.rules, filters: filters, baseScale: baseScale).write(into: &$0)
    }
  }

  private func lot(
    _ type: String, _ least: Int64, _ most: Int64, _ step: Int64, into json: inout JSONWriter
  ) {
    json.object {
      $0.field("filterType", type)
      $0.field("minQty", decimal: least, scale: baseScale)
      $0.field("maxQty", decimal: upper(most), scale: baseScale)
      $0.field("stepSize", decimal: step, scale: baseScale)
    }
  }

  /// An upper bound that is switched off is printed as the largest number: ccxt and freqtrade take 0 literally.
  private func upper(_ bound: Int64) -> Int64 { bound == 0 ? Int64.max : bound }

  private func strings(_ name: StaticString, _ values: [String], into json: inout JSONWriter) {
    json.key(name)
    json.array { for value in values { $0.string(value) } }
  }
}
