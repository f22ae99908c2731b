// DiscountTable: the discount asset, and the markets that say what it is worth; who may pay in it.
//
// Derived from the settings and the symbols, so it has no rows of its own. While nothing is offered
// the order path asks one flag.
// Invariants, while the discount is on: `markets` has a place for each asset; the bridges of an asset lie
// together, in the order of the symbols.
// Not here: paying (DiscountedTrade), the settings' row (Settings).

struct DiscountTable {
  /// True if there is a discount asset.
  private(set) var isOn = false
  private(set) var asset = AssetID(0)
  private(set) var factor: Int64 = 0
  /// Units of one whole discount asset.
  private(set) var unit: Int64 = 1
  // By asset: the first symbol that trades the discount asset for it, or -1.
  private var markets: [Int32] = []
  // Every symbol whose quote asset is the discount asset, or what that is traded for too, by its base asset; those of
  // one asset begin at its place in `starts`, and end where the next one's begin.
  private var bridges: [Int32] = []
  private var starts: [Int32] = []
  /// What the running taker may pay of the asset that its order gives; see `Exchange.budget`.
  var budget: Int64 = .max

  /// Nothing is offered.
  init() {}

  init(_ settings: DiscountSettings, unit: Int64, _ symbols: borrowing SymbolTable) {
    isOn = true
    asset = settings.asset
    factor = settings.factor
    self.unit = unit
    markets = [Int32](repeating: -1, count: symbols.assets.count + 1)
    for place in 0..<symbols.states.count where symbols.states[place].base == asset {
      let quote = Int(symbols.states[place].quote.value)
      if markets[quote] < 0 { markets[quote] = place }
    }
    starts = [Int32](repeating: 0, count: markets.count + 1)
    for place in 0..<symbols.states.count where isBridge(place, symbols) {
      starts[Int(symbols.states[place].base.value) + 1] += 1
    }
    for asset in 1..<starts.count { starts[asset] += starts[asset - 1] }
    bridges = [Int32](repeating: -1, count: Int(starts[markets.count]))
    var next = starts
    for place in 0..<symbols.states.count where isBridge(place, symbols) {
      let base = Int(symbols.states[place].base.value)
      bridges[Int(next[base])] = place
      next[base] += 1
    }
  }

  private func isBridge(_ place: Int32, _ symbols: borrowing SymbolTable) -> Bool {
    let quote = symbols.states[place].quote
    return symbols.states[place].base != asset && (quote == asset || market(for: quote) >= 0)
  }

  /// The symbols that trade `asset` for the discount asset, or for what that is traded for too, in their order.
  func bridges(from asset: AssetID) -> ArraySlice<Int32> {
    guard Int(asset.value) < markets.count else { return [] }
    return bridges[Int(starts[Int(asset.value)])..<Int(starts[Int(asset.value) + 1])]
  }

  /// The symbol on which the discount asset is traded for `asset`, or -1.
  func market(for asset: AssetID) -> Int32 {
    Int(asset.value) < markets.count ? markets[Int(asset.value)] : -1
  }
}

extension Exchange {
  /// Brings the table in line with settings and symbols. False if the settings name no asset that
  /// there is.
  @discardableResult
  mutating func openDiscount() -> Bool {
    if settings.discount.asset.value == 0 {
      if discount.isOn { discount = DiscountTable() }
      return true
    }
    guard let asset = symbols.asset(settings.discount.asset) else { return false }
    discount = DiscountTable(
      settings.discount, unit: Amounts.unit(scale: asset.scale), symbols)
    return true
  }

  mutating func setDiscount(
    _ set: DiscountSettings, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    guard set.isValid else { throw .invalidDefinition }
    guard set.asset.value == 0 || symbols.asset(set.asset) != nil else { throw .assetUnknown }
    if settings.discount == set { return .done }
    var new = settings
    new.discount = set
    let reply = change(new)
    openDiscount()
    events.append(.discountChanged(set))
    return reply
  }

  mutating func setSymbolDiscount(
    _ set: SetSymbolDiscount, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    guard let symbol = symbols.place(set.symbol) else { throw .symbolUnknown }
    if symbols.states[symbol].offersDiscount == set.isOffered { return .done }
    symbols.setDiscount(symbol, set.isOffered)
    noteChanged(symbol, &events)
    return .done
  }

  mutating func setAccountDiscount(
    _ set: SetAccountDiscount, _ key: KeyID, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    if key != .admin { _ = try trader(key, for: set.account) }
    guard let account = customer(set.account) else { throw .accountUnknown }
    var info = accounts.info(account)
    if info.usesDiscount == set.isUsed { return .done }
    info.usesDiscount = set.isUsed
    rewrite(account, info, &events)
    return .done
  }

  /// What an order accepted now pays in the discount asset.
  @inline(__always)
  func frozenDiscount(_ account: AccountID, _ side: Side, _ symbol: Int32) -> DiscountTerms {
    guard discount.isOn, symbols.states[symbol].offersDiscount,
      let place = accounts.place(account), accounts.states[place].usesDiscount
    else { return .none }
    var terms = commission(account, symbol)
    if planted == .discountOnTax {
      for layer in [terms.tax, terms.special] {
        terms.standard.maker += layer.maker
        terms.standard.taker += layer.taker
        terms.standard.buyer += layer.buyer
        terms.standard.seller += layer.seller
      }
      terms = Commission(standard: terms.standard)
    }
    return terms.discounted(side, factor: discount.factor)
  }
}
