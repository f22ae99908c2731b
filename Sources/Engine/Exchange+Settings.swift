// Settings: the operator's changes to a running exchange: filters, limits, level, switches.
//
// Invariants: a setting is checked wholly before it is taken; one that changes nothing writes no row
// and makes no event; resting orders stay as they are.
// Not here: adding things (Admin), checks of orders (Rules).

extension Exchange {
  mutating func setSymbolFilters(
    _ set: SetSymbolFilters, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    guard let symbol = symbols.place(set.symbol) else { throw .symbolUnknown }
    let old = symbols.states[symbol].filters
    guard set.filters.isValid, set.filters.tickSize == old.tickSize,
      set.filters.stepSize == old.stepSize,
      set.filters.averagePriceMinutes == old.averagePriceMinutes
    else { throw .invalidDefinition }
    if set.filters == old { return .done }
    symbols.setFilters(symbol, set.filters)
    noteChanged(symbol, &events)
    return .done
  }

  mutating func setAssetLimit(
    _ set: SetAssetLimit, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    guard let asset = symbols.asset(set.asset) else { throw .assetUnknown }
    guard set.orderMax >= 0 else { throw .invalidDefinition }
    if asset.orderMax == set.orderMax { return .done }
    symbols.setOrderMax(set.asset, set.orderMax)
    let index = Int(set.asset.value) - 1
    let info = symbols.assets[index]
    assetHashes[index] = write(
      EngineRows.assetKey(info.id), RowValues.asset(info), replacing: assetHashes[index])
    events.append(.assetAdded(info))
    return .done
  }

  mutating func setLevel(_ set: SetLevel) throws(Rejection) -> Reply {
    guard set.level >= settings.level, set.level <= newestLevel else { throw .levelRefused }
    var new = settings
    new.level = set.level
    return change(new)
  }

  mutating func setFeatures(_ refused: Features) throws(Rejection) -> Reply {
    guard Features.all.isSuperset(of: refused) else { throw .invalidDefinition }
    var new = settings
    new.refused = refused
    return change(new)
  }

  mutating func setExchangeLimits(_ limits: ExchangeLimits) -> Reply {
    var new = settings
    new.limits = limits
    return change(new)
  }

  mutating func change(_ new: ExchangeSettings) -> Reply {
    if new == settings { return .done }
    settings = new
    settingsHash = write(
      EngineRows.settingsKey, RowValues.settings(new), replacing: settingsHash)
    return .done
  }

  /// Writes a symbol's row and tells of its change.
  mutating func noteChanged(_ symbol: Int32, _ events: inout EventBatch) {
    let info = symbols.infos[Int(symbol)]
    symbolHashes[Int(symbol)] = write(
      EngineRows.symbolKey(info.id), RowValues.symbol(info), replacing: symbolHashes[Int(symbol)])
    events.append(.symbolChanged(info))
  }

  /// True if the level of behaviour is at least `level`.
  @inline(__always)
  func isAt(_ level: UInt32) -> Bool { settings.level >= level }

  /// Refuses a kind of order that the operator switched off.
  @inline(__always)
  func checkFeatures(_ order: PlaceOrder) throws(Rejection) {
    if settings.refused.isEmpty { return }
    var needed: Features =
      switch order.type {
      case .limit, .limitMaker: .limitOrders
      case .market: .marketOrders
      case .stopLoss, .stopLossLimit, .takeProfit, .takeProfitLimit: .stopOrders
      }
    if order.special.trailingDelta > 0 { needed.insert(.trailingStops) }
    if order.special.icebergQuantity > 0 { needed.insert(.icebergs) }
    if order.special.peg != .none { needed.insert(.peggedOrders) }
    guard settings.refused.isDisjoint(with: needed) else { throw .featureRefused }
  }

  /// Refuses what the operator switched off.
  func checkFeature(_ feature: Features) throws(Rejection) {
    guard settings.refused.isDisjoint(with: feature) else { throw .featureRefused }
  }
}
