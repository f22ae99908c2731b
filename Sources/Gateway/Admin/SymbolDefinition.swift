// SymbolDefinition: assets and symbols as an operator writes them, in the genesis and in admin requests alike.
//
// Amounts are decimal strings; a bound of "0" is switched off.
// Not here: the final word on them (Engine refuses what it cannot hold).

import Engine

/// Reads definitions of assets and symbols.
enum SymbolDefinition {
  /// `{"name", "scale"}`; the scale is 8 if not given.
  static func asset(_ fields: inout AdminFields) throws(AdminFailure) -> AddAsset {
    let name = try fields.text("name")
    guard isName(name) else { throw fields.wrong("name", "must be 1 to 20 of A-Z and 0-9") }
    let scale = try fields.optionalInteger("scale", in: 0...8) ?? 8
    return AddAsset(name: name, scale: UInt8(scale))
  }

  /// A symbol: `name`, `base`, `quote`, `tickSize`, `stepSize`, and what else `SymbolFilters` and the fees hold.
  /// `scaleOf` knows the assets.
  static func symbol(
    _ fields: inout AdminFields, scaleOf: (String) -> Int?
  ) throws(AdminFailure) -> AddSymbol {
    let base = try fields.text("base")
    let quote = try fields.text("quote")
    guard base != quote else { throw fields.wrong("quote", "must differ from base") }
    guard let baseScale = scaleOf(base) else {
      throw fields.wrong("base", "names no asset: \(base)")
    }
    guard let quoteScale = scaleOf(quote) else {
      throw fields.wrong("quote", "names no asset: \(quote)")
    }
    let name = try fields.optionalText("name") ?? base + quote
    guard isName(name) else { throw fields.wrong("name", "must be 1 to 20 of A-Z and 0-9") }
    let filters = try filters(&fields, baseScale: baseScale, quoteScale: quoteScale)
    // A genesis tells nobody what the engine refuses: the symbol would just be missing.
    guard filters.isValid else {
      throw fields.wrong(
        "name",
        "has filters that contradict each other: a minimum above its maximum, or a market step that is no multiple of "
          + "stepSize")
    }
    return AddSymbol(
      name: name, base: base, quote: quote, filters: filters,
      makerRate: try rate("makerFee", &fields), takerRate: try rate("takerFee", &fields))
  }

  private static func filters(
    _ fields: inout AdminFields, baseScale: Int, quoteScale: Int
  ) throws(AdminFailure) -> SymbolFilters {
    let tick = try fields.amount("tickSize", scale: quoteScale)
    guard tick > 0 else { throw fields.wrong("tickSize", "must be above 0") }
    let step = try fields.amount("stepSize", scale: baseScale)
    guard step > 0 else { throw fields.wrong("stepSize", "must be above 0") }
    func price(_ name: String) throws(AdminFailure) -> Int64? {
      try fields.optionalAmount(name, scale: quoteScale)
    }
    func quantity(_ name: String) throws(AdminFailure) -> Int64? {
      try fields.optionalAmount(name, scale: baseScale)
    }
    var filters = SymbolFilters(
      minPrice: try price("minPrice") ?? tick,
      maxPrice: try price("maxPrice") ?? standardPriceMax(tick: tick, scale: quoteScale),
      tickSize: tick, minQuantity: try quantity("minQuantity") ?? step,
      maxQuantity: try quantity("maxQuantity") ?? standardQuantityMax(step: step, scale: baseScale),
      stepSize: step)
    filters.marketMinQuantity = try quantity("marketMinQuantity") ?? 0
    filters.marketMaxQuantity = try quantity("marketMaxQuantity") ?? 0
    filters.marketStepSize = try quantity("marketStepSize") ?? 0
    filters.minNotional = try price("minNotional") ?? 0
    filters.applyMinToMarket = try fields.optionalFlag("applyMinToMarket") ?? true
    filters.maxNotional = try price("maxNotional") ?? 0
    filters.applyMaxToMarket = try fields.optionalFlag("applyMaxToMarket") ?? false
    let minutes = try fields.optionalInteger("averagePriceMinutes", in: 0...60) ?? 5
    filters.averagePriceMinutes = UInt32(minutes)
    let open = try fields.optionalInteger("maxOpenOrders", in: 0...1_000_000) ?? 200
    filters.maxOpenOrders = UInt32(open)
    try rules(&fields, baseScale: baseScale, into: &filters.rules)
    return filters
  }

  /// The filters with what the fields say in place of what there was. Tick, step and the minutes of the average cannot
  /// change.
  static func change(
    _ old: SymbolFilters, _ fields: inout AdminFields, baseScale: Int, quoteScale: Int
  ) throws(AdminFailure) -> SymbolFilters {
    for name in ["tickSize", "stepSize", "averagePriceMinutes"] where fields.value(name) != nil {
      throw fields.wrong(name, "cannot change: what rests in the book depends on it")
    }
    var new = old
    func amount(_ name: String, _ scale: Int, _ path: WritableKeyPath<SymbolFilters, Int64>)
      throws(AdminFailure)
    {
      if let value = try fields.optionalAmount(name, scale: scale) { new[keyPath: path] = value }
    }
    try amount("minPrice", quoteScale, \.minPrice)
    try amount("maxPrice", quoteScale, \.maxPrice)
    try amount("minQuantity", baseScale, \.minQuantity)
    try amount("maxQuantity", baseScale, \.maxQuantity)
    try amount("marketMinQuantity", baseScale, \.marketMinQuantity)
    try amount("marketMaxQuantity", baseScale, \.marketMaxQuantity)
    try amount("marketStepSize", baseScale, \.marketStepSize)
    try amount("minNotional", quoteScale, \.minNotional)
    try amount("maxNotional", quoteScale, \.maxNotional)
    if let flag = try fields.optionalFlag("applyMinToMarket") { new.applyMinToMarket = flag }
    if let flag = try fields.optionalFlag("applyMaxToMarket") { new.applyMaxToMarket = flag }
    if let open = try fields.optionalInteger("maxOpenOrders", in: 0...1_000_000) {
      new.maxOpenOrders = UInt32(open)
    }
    try rules(&fields, baseScale: baseScale, into: &new.rules)
    guard new.isValid else {
      throw AdminFailure(
        400,
        "the filters contradict each other: a minimum above its maximum, or a market step that is no multiple of "
          + "stepSize")
    }
    return new
  }

  /// A commission as a fraction ("0.001" = 0.1 %), at most 10 %; 0.1 % if not given.
  private static func rate(
    _ name: String, _ fields: inout AdminFields
  ) throws(AdminFailure) -> Int64 {
    let rate = try fields.optionalAmount(name, scale: 8) ?? 100_000
    guard rate <= 10_000_000 else { throw fields.wrong(name, "must be at most 0.1") }
    return rate
  }

  /// What the standard commission is multiplied by if it is paid in the discount asset, in 10^-8.
  static func factor(_ fields: inout AdminFields) throws(AdminFailure) -> Int64 {
    let factor = try fields.amount("factor", scale: 8)
    guard factor <= Amounts.rateUnit else {
      throw fields.wrong(
        "factor", "must be 0 to 1: what the standard commission is multiplied by")
    }
    return factor
  }

  /// A million whole quote units (Binance's for USDT), or the price of 10^8 ticks if that is above it.
  private static func standardPriceMax(tick: Int64, scale: Int) -> Int64 {
    largest(1_000_000, scale: scale, steps: 100_000_000, of: tick)
  }

  /// 9,000 whole base units (Binance's for BTC), or 10^9 steps if that is above it.
  private static func standardQuantityMax(step: Int64, scale: Int) -> Int64 {
    largest(9_000, scale: scale, steps: 1_000_000_000, of: step)
  }

  /// The larger of `whole` units and `steps` steps, on the grid, with 10^17 as the bound.
  private static func largest(_ whole: Int64, scale: Int, steps: Int64, of step: Int64) -> Int64 {
    let units = (0..<scale).reduce(whole) { power, _ in power * 10 }
    let (product, overflow) = step.multipliedReportingOverflow(by: steps)
    let bound = min(max(units, overflow ? Int64.max : product), 100_000_000_000_000_000)
    return max(bound / step, 1) * step
  }

  /// `[A-Z0-9]{1,20}`.
  static func isName(_ text: String) -> Bool {
    (1...20).contains(text.utf8.count)
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
  }
}
