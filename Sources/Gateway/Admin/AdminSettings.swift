// AdminSettings: what the operator sets for the whole exchange: level of behaviour, switches of features,
// limits over all symbols, the discount asset.
//
// Each POST of features and limits replaces all of them, so nothing depends on what was set before.
// Not here: settings of one symbol (AdminSymbols), what they do (Engine).

import Engine
import Market

extension Features {
  /// The names that operators use, in the order of the bits.
  static let named: [(name: String, feature: Features)] = [
    ("limitOrders", .limitOrders), ("marketOrders", .marketOrders), ("stopOrders", .stopOrders),
    ("trailingStops", .trailingStops), ("icebergs", .icebergs), ("peggedOrders", .peggedOrders),
    ("orderLists", .orderLists), ("cancelReplace", .cancelReplace), ("amendments", .amendments),
    ("deposits", .deposits), ("withdrawals", .withdrawals), ("transfers", .transfers),
  ]

  var names: [String] { Self.named.filter { contains($0.feature) }.map(\.name) }
}

extension AdminContext {
  // MARK: Reads

  /// `{level, newestLevel, refused, served, limits, discount}`.
  func showSettings() throws(AdminRefusal) -> Action {
    let newestLevel = status.newestLevel
    return .read(linearizable: true) { model in
      guard let settings = try? model.settings() else { return Self.unreadable }
      let asset = model.catalog.asset(settings.discount.asset)?.name
      return AdminAnswer.at(
        model.appliedIndex,
        .json { w in
          w.object { w in
            w.field("level", settings.level)
            w.field("newestLevel", newestLevel)
            Self.write(refused: settings.refused, to: &w)
            w.key("limits")
            w.object { Self.write(settings.limits, to: &$0) }
            w.key("discount")
            w.object { Self.write(asset, settings.discount.factor, to: &$0) }
          }
        })
    }
  }

  // MARK: Writes

  /// `{level}` -> the same.
  func raiseLevel() throws(AdminRefusal) -> Action {
    let level = try reading { fields throws(AdminFailure) in
      try fields.integer("level", in: 1...Int64(UInt32.max))
    }
    return write(.setLevel(SetLevel(level: UInt32(level)))) { _, w in w.field("level", level) }
  }

  /// `{refused: [names]}`: these from now on, and no others -> `{refused, served}`.
  func setFeatures() throws(AdminRefusal) -> Action {
    let refused = try reading { fields throws(AdminFailure) in
      guard let names = try fields.optionalElements("refused") else {
        throw fields.missing("refused")
      }
      var refused: Features = []
      for name in names {
        guard let feature = Features.named.first(where: { .string($0.name) == name }) else {
          let known = Features.named.map(\.name).joined(separator: ", ")
          throw fields.wrong("refused", "may hold \(known) only")
        }
        refused.insert(feature.feature)
      }
      return refused
    }
    return write(.setFeatures(refused)) { _, w in Self.write(refused: refused, to: &w) }
  }

  /// `{maxOrders?, maxAlgoOrders?, maxIcebergOrders?, maxOrderLists?}`; what is not given is switched off.
  func setExchangeLimits() throws(AdminRefusal) -> Action {
    let limits = try reading { fields throws(AdminFailure) in
      let range = 0...Int64(UInt32.max)
      func count(_ name: String) throws(AdminFailure) -> UInt32 {
        UInt32(try fields.optionalInteger(name, in: range) ?? 0)
      }
      return ExchangeLimits(
        maxOrders: try count("maxOrders"), maxAlgoOrders: try count("maxAlgoOrders"),
        maxIcebergOrders: try count("maxIcebergOrders"),
        maxOrderLists: try count("maxOrderLists"))
    }
    return write(.setExchangeLimits(limits)) { _, w in Self.write(limits, to: &w) }
  }

  /// `{asset, factor}`, or `{asset: null}` for no discount any more.
  func setDiscount() throws(AdminRefusal) -> Action {
    let (name, factor) = try reading { fields throws(AdminFailure) in
      guard let name = try fields.optionalText("asset") else {
        _ = fields.value("factor")
        return (String?.none, Int64(0))
      }
      return (name, try SymbolDefinition.factor(&fields))
    }
    var discount = DiscountSettings.none
    if let name { discount = DiscountSettings(asset: try asset(name).id, factor: factor) }
    return write(.setDiscount(discount)) { _, w in Self.write(name, factor, to: &w) }
  }

  /// `{orderMax}`: the most of the asset in one order; "0" for no bound -> `{name, orderMax}`.
  func setAssetLimit(_ name: String) throws(AdminRefusal) -> Action {
    let asset = try asset(name)
    let most = try reading { fields throws(AdminFailure) in
      try fields.amount("orderMax", scale: Int(asset.scale))
    }
    return write(.setAssetLimit(SetAssetLimit(asset: asset.id, orderMax: most))) { _, w in
      w.field("name", asset.name)
      w.field("orderMax", decimal: most, scale: Int(asset.scale))
    }
  }

  // MARK: Writing

  private static func write(refused: Features, to w: inout JSONWriter) {
    for (member, features) in [
      ("refused" as StaticString, refused), ("served", Features.all.subtracting(refused)),
    ] {
      w.key(member)
      w.array { w in for name in features.names { w.string(name) } }
    }
  }

  private static func write(_ limits: ExchangeLimits, to w: inout JSONWriter) {
    w.field("maxOrders", limits.maxOrders)
    w.field("maxAlgoOrders", limits.maxAlgoOrders)
    w.field("maxIcebergOrders", limits.maxIcebergOrders)
    w.field("maxOrderLists", limits.maxOrderLists)
  }

  private static func write(_ asset: String?, _ factor: Int64, to w: inout JSONWriter) {
    w.key("asset")
    if let asset { w.string(asset) } else { w.null() }
    w.field("factor", decimal: factor, scale: 8)
  }
}
