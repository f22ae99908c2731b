// SymbolRules: what a symbol asks of orders beyond the grid, the sizes and the notional: price
// bands, counts of special orders, a largest position, bounds of trailing deltas.
//
// Binance's names stand beside the fields. A bound of 0 is switched off.
// Not here: checking orders (Rules), the older filters (SymbolFilters).

/// A band around a reference price, in 10^-4 of it. 0: that side is open.
public struct PriceBand: Hashable, Sendable {
  public var up: UInt32
  public var down: UInt32

  public init(up: UInt32, down: UInt32) {
    self.up = up
    self.down = down
  }

  /// Any price.
  public static let open = PriceBand(up: 0, down: 0)

  /// 1 in the unit of the multipliers.
  public static let unit: Int64 = 10_000

  /// No multiplier is above this: 1,000 times the reference.
  public static let multiplierMax: UInt32 = 10_000_000

  var isOpen: Bool { self == .open }

  var isValid: Bool {
    up <= Self.multiplierMax && down <= Self.multiplierMax && (up == 0 || up >= down)
  }

  /// The prices of the band: its bounds are rounded towards the reference, and may be traded at.
  func range(around reference: Int64) -> PriceRange {
    let high =
      up == 0 ? nil : Amounts.scaled(reference, times: Int64(up), over: Self.unit)
    let low =
      down == 0
      ? nil : Amounts.scaled(reference, times: Int64(down), over: Self.unit, up: true)
    return PriceRange(low: low ?? 0, high: high ?? .max)
  }
}

/// Prices from `low` to `high`, both included.
struct PriceRange: Equatable {
  var low: Int64
  var high: Int64

  static let open = PriceRange(low: 0, high: .max)

  @inline(__always)
  func contains(_ price: Int64) -> Bool { price >= low && price <= high }
}

/// TRAILING_DELTA: bounds in basis points. "Above" is for STOP_LOSS BUY and TAKE_PROFIT SELL.
public struct TrailingBounds: Hashable, Sendable {
  public var minAbove: UInt32
  public var maxAbove: UInt32
  public var minBelow: UInt32
  public var maxBelow: UInt32

  public init(minAbove: UInt32, maxAbove: UInt32, minBelow: UInt32, maxBelow: UInt32) {
    self.minAbove = minAbove
    self.maxAbove = maxAbove
    self.minBelow = minBelow
    self.maxBelow = maxBelow
  }

  public static let none = TrailingBounds(minAbove: 0, maxAbove: 0, minBelow: 0, maxBelow: 0)

  var isValid: Bool {
    (maxAbove == 0 || maxAbove >= minAbove) && (maxBelow == 0 || maxBelow >= minBelow)
  }
}

/// The rules of a symbol beyond `SymbolFilters`' own fields.
public struct SymbolRules: Hashable, Sendable {
  /// PERCENT_PRICE.
  public var percentPrice = PriceBand.open
  /// PERCENT_PRICE_BY_SIDE: of BUY and of SELL orders.
  public var percentPriceBid = PriceBand.open
  public var percentPriceAsk = PriceBand.open
  /// The execution rule PRICE_RANGE: at which prices a BUY or SELL taker may trade.
  public var executionBid = PriceBand.open
  public var executionAsk = PriceBand.open
  /// ICEBERG_PARTS.
  public var icebergParts: UInt32 = 0
  /// MAX_NUM_ALGO_ORDERS, MAX_NUM_ICEBERG_ORDERS and MAX_NUM_ORDER_LISTS of one account.
  public var maxAlgoOrders: UInt32 = 0
  public var maxIcebergOrders: UInt32 = 0
  public var maxOrderLists: UInt32 = 0
  /// MAX_NUM_ORDER_AMENDS of one order.
  public var maxOrderAmends: UInt32 = 0
  /// MAX_POSITION, in base units.
  public var maxPosition: Int64 = 0
  /// TRAILING_DELTA.
  public var trailing = TrailingBounds.none

  public init() {}

  /// Everything switched off.
  public static let none = SymbolRules()

  var isValid: Bool {
    [percentPrice, percentPriceBid, percentPriceAsk, executionBid, executionAsk].allSatisfy {
      $0.isValid
    } && trailing.isValid && maxPosition >= 0
  }
}

/// Bounds over all symbols, of one account. 0: switched off.
public struct ExchangeLimits: Hashable, Sendable {
  /// EXCHANGE_MAX_NUM_ORDERS, _ALGO_ORDERS, _ICEBERG_ORDERS and _ORDER_LISTS.
  public var maxOrders: UInt32
  public var maxAlgoOrders: UInt32
  public var maxIcebergOrders: UInt32
  public var maxOrderLists: UInt32

  public init(
    maxOrders: UInt32 = 0, maxAlgoOrders: UInt32 = 0, maxIcebergOrders: UInt32 = 0,
    maxOrderLists: UInt32 = 0
  ) {
    self.maxOrders = maxOrders
    self.maxAlgoOrders = maxAlgoOrders
    self.maxIcebergOrders = maxIcebergOrders
    self.maxOrderLists = maxOrderLists
  }

  public static let none = ExchangeLimits()
}
