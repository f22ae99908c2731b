// SymbolRulesForm: the filters of a symbol beyond the grid, as exchangeInfo shows them. Those that
// are switched off are left out.
// Not here: PRICE_FILTER, LOT_SIZE, NOTIONAL, MAX_NUM_ORDERS (General).

import Engine

/// Writes one object per filter.
struct SymbolRulesForm {
  let rules: SymbolRules
  let filters: SymbolFilters
  let baseScale: Int

  func write(into json: inout JSONWriter) {
    bands(into: &json)
    Self.count("ICEBERG_PARTS", "limit", rules.icebergParts, into: &json)
    Self.count("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", rules.maxAlgoOrders, into: &json)
    Self.count("MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders", rules.maxIcebergOrders, into: &json)
    Self.count("MAX_NUM_ORDER_LISTS", "maxNumOrderLists", rules.maxOrderLists, into: &json)
    Self.count("MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends", rules.maxOrderAmends, into: &json)
    if rules.maxPosition != 0 {
      json.object {
        $0.field("filterType", "MAX_POSITION")
        $0.field("maxPosition", decimal: rules.maxPosition, scale: baseScale)
      }
    }
    if rules.trailing != .none {
      json.object {
        $0.field("filterType", "TRAILING_DELTA")
        $0.field("minTrailingAboveDelta", rules.trailing.minAbove)
        $0.field("maxTrailingAboveDelta", rules.trailing.maxAbove)
        $0.field("minTrailingBelowDelta", rules.trailing.minBelow)
        $0.field("maxTrailingBelowDelta", rules.trailing.maxBelow)
      }
    }
  }

  private func bands(into json: inout JSONWriter) {
    if rules.percentPrice != .open {
      json.object {
        $0.field("filterType", "PERCENT_PRICE")
        multiplier("multiplierUp", Self.up(rules.percentPrice), into: &$0)
        multiplier("multiplierDown", rules.percentPrice.down, into: &$0)
        $0.field("avgPriceMins", filters.averagePriceMinutes)
      }
    }
    if rules.percentPriceBid != .open || rules.percentPriceAsk != .open {
      json.object {
        $0.field("filterType", "PERCENT_PRICE_BY_SIDE")
        multiplier("bidMultiplierUp", Self.up(rules.percentPriceBid), into: &$0)
        multiplier("bidMultiplierDown", rules.percentPriceBid.down, into: &$0)
        multiplier("askMultiplierUp", Self.up(rules.percentPriceAsk), into: &$0)
        multiplier("askMultiplierDown", rules.percentPriceAsk.down, into: &$0)
        $0.field("avgPriceMins", filters.averagePriceMinutes)
      }
    }
  }

  // A bound that is switched off is the widest that there is: clients take 0 literally.
  private static func up(_ band: PriceBand) -> UInt32 {
    band.up == 0 ? PriceBand.multiplierMax : band.up
  }

  private func multiplier(_ name: StaticString, _ value: UInt32, into json: inout JSONWriter) {
    var text = Decimal.text(Int64(value), scale: 4, decimals: 4)
    // Binance prints multipliers without zeros at the end.
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    json.field(name, text)
  }

  /// The bounds over all symbols.
  static func write(_ limits: ExchangeLimits, into json: inout JSONWriter) {
    count("EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders", limits.maxOrders, into: &json)
    count("EXCHANGE_MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", limits.maxAlgoOrders, into: &json)
    count(
      "EXCHANGE_MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders", limits.maxIcebergOrders,
      into: &json)
    count("EXCHANGE_MAX_NUM_ORDER_LISTS", "maxNumOrderLists", limits.maxOrderLists, into: &json)
  }

  private static func count(
    _ type: String, _ name: StaticString, _ most: UInt32, into json: inout JSONWriter
  ) {
    guard most != 0 else { return }
    json.object {
      $0.field("filterType", type)
      $0.field(name, most)
    }
  }
}
