// AdminCommands: what the operator may change of a running exchange, as values.
//
// Not here: their bytes (AdminCodec), what they do (Exchange+Settings).

/// Replaces the filters of a symbol. Tick, step and the minutes of the average price stay as they
/// are: what rests in the book and what was averaged depends on them. Resting orders stay.
public struct SetSymbolFilters: Hashable, Sendable {
  public var symbol: SymbolID
  public var filters: SymbolFilters
  public init(symbol: SymbolID, filters: SymbolFilters) {
    self.symbol = symbol
    self.filters = filters
  }
}

/// MAX_ASSET: the most of an asset in one order; 0: no bound.
public struct SetAssetLimit: Hashable, Sendable {
  public var asset: AssetID
  public var orderMax: Int64
  public init(asset: AssetID, orderMax: Int64) {
    self.asset = asset
    self.orderMax = orderMax
  }
}

/// Raises the level of behaviour. Every replica changes at this command's log index. Refused if it
/// is lower than the present one, or higher than this program knows; the leader must know that
/// every member can apply it before it is proposed.
public struct SetLevel: Hashable, Sendable {
  public var level: UInt32
  public init(level: UInt32) { self.level = level }
}
