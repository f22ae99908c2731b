// SymbolRules as bytes: in the rows and commands of symbols, from their version 2 on.

import Wire

extension ByteWriter {
  mutating func rules(_ rules: SymbolRules) {
    for band in [
      rules.percentPrice, rules.percentPriceBid, rules.percentPriceAsk, rules.executionBid,
      rules.executionAsk,
    ] {
      u32(band.up)
      u32(band.down)
    }
    u32(rules.icebergParts)
    u32(rules.maxAlgoOrders)
    u32(rules.maxIcebergOrders)
    u32(rules.maxOrderLists)
    u32(rules.maxOrderAmends)
    i64(rules.maxPosition)
    u32(rules.trailing.minAbove)
    u32(rules.trailing.maxAbove)
    u32(rules.trailing.minBelow)
    u32(rules.trailing.maxBelow)
  }

  mutating func exchangeLimits(_ limits: ExchangeLimits) {
    u32(limits.maxOrders)
    u32(limits.maxAlgoOrders)
    u32(limits.maxIcebergOrders)
    u32(limits.maxOrderLists)
  }
}

extension ByteReader {
  mutating func rules() throws(WireError) -> SymbolRules {
    var rules = SymbolRules()
    rules.percentPrice = try band()
    rules.percentPriceBid = try band()
    rules.percentPriceAsk = try band()
    rules.executionBid = try band()
    rules.executionAsk = try band()
    rules.icebergParts = try u32()
    rules.maxAlgoOrders = try u32()
    rules.maxIcebergOrders = try u32()
    rules.maxOrderLists = try u32()
    rules.maxOrderAmends = try u32()
    rules.maxPosition = try i64()
    rules.trailing = TrailingBounds(
      minAbove: try u32(), maxAbove: try u32(), minBelow: try u32(), maxBelow: try u32())
    return rules
  }

  private mutating func band() throws(WireError) -> PriceBand {
    PriceBand(up: try u32(), down: try u32())
  }

  mutating func exchangeLimits() throws(WireError) -> ExchangeLimits {
    ExchangeLimits(
      maxOrders: try u32(), maxAlgoOrders: try u32(), maxIcebergOrders: try u32(),
      maxOrderLists: try u32())
  }
}
