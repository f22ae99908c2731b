// SymbolRulesDefinition: the rules of a symbol beyond grid, sizes and notional, as an operator writes and
// reads them. All are switched off unless they are given.
//
// Not here: the older filters (SymbolDefinition), exchangeInfo (SymbolRulesForm).

import Engine

extension SymbolDefinition {
  private static let bands:
    [(name: String, path: any WritableKeyPath<SymbolRules, PriceBand> & Sendable)] = [
      ("percentPrice", \.percentPrice), ("percentPriceBid", \.percentPriceBid),
      ("percentPriceAsk", \.percentPriceAsk), ("executionBid", \.executionBid),
      ("executionAsk", \.executionAsk),
    ]

  private static let counts:
    [(name: String, path: any WritableKeyPath<SymbolRules, UInt32> & Sendable)] = [
      ("icebergParts", \.icebergParts), ("maxAlgoOrders", \.maxAlgoOrders),
      ("maxIcebergOrders", \.maxIcebergOrders), ("maxOrderLists", \.maxOrderLists),
      ("maxOrderAmends", \.maxOrderAmends),
    ]

  private static let bounds:
    [(name: String, path: any WritableKeyPath<SymbolRules, UInt32> & Sendable)] = [
      ("minAbove", \.trailing.minAbove), ("maxAbove", \.trailing.maxAbove),
      ("minBelow", \.trailing.minBelow), ("maxBelow", \.trailing.maxBelow),
    ]

  /// Bands are `{up, down}`, multipliers of the reference price with up to 4 decimals, "0" for an open side; the trailing
  /// bounds are in hundredths of a per cent.
  static func rules(
    _ fields: inout AdminFields, baseScale: Int, into rules: inout SymbolRules
  ) throws(AdminFailure) {
    for band in bands {
      guard let value = fields.value(band.name) else { continue }
      var inner = try AdminFields(value, place: band.name + ".")
      let most = Int64(PriceBand.multiplierMax)
      func multiplier(_ name: String) throws(AdminFailure) -> UInt32 {
        let multiplier = try inner.amount(name, scale: 4)
        guard multiplier <= most else { throw inner.wrong(name, "must be 0 to 1000") }
        return UInt32(multiplier)
      }
      rules[keyPath: band.path] = PriceBand(
        up: try multiplier("up"), down: try multiplier("down"))
      try inner.finish()
    }
    let range = 0...Int64(UInt32.max)
    for count in counts {
      guard let value = try fields.optionalInteger(count.name, in: range) else { continue }
      rules[keyPath: count.path] = UInt32(value)
    }
    if let value = try fields.optionalAmount("maxPosition", scale: baseScale) {
      rules.maxPosition = value
    }
    guard let value = fields.value("trailingDelta") else { return }
    var inner = try AdminFields(value, place: "trailingDelta.")
    for bound in bounds {
      rules[keyPath: bound.path] = UInt32(try inner.integer(bound.name, in: range))
    }
    try inner.finish()
  }

  /// The rules as they are read.
  static func write(_ rules: SymbolRules, baseScale: Int, to w: inout JSONWriter) {
    for band in bands {
      w.key(dynamic: band.name)
      w.object {
        $0.field("up", decimal: Int64(rules[keyPath: band.path].up), scale: 4)
        $0.field("down", decimal: Int64(rules[keyPath: band.path].down), scale: 4)
      }
    }
    for count in counts {
      w.key(dynamic: count.name)
      w.int(Int64(rules[keyPath: count.path]))
    }
    w.field("maxPosition", decimal: rules.maxPosition, scale: baseScale)
    w.key("trailingDelta")
    w.object { w in
      for bound in bounds {
        w.key(dynamic: bound.name)
        w.int(Int64(rules[keyPath: bound.path]))
      }
    }
  }
}
