// Definitions: assets, symbols, accounts and keys as they are known outside of the engine.
//
// Invariant: amounts are integers in units of the asset: 10^-scale of a whole, scale 0...8.
// Not here: balances and orders.

/// An asset.
public struct AssetInfo: Hashable, Sendable {
  public var id: AssetID
  /// For example "BTC".
  public var name: String
  /// Decimals: one whole asset is 10^scale units. 0...8.
  public var scale: UInt8
  /// MAX_ASSET: the most of it in one order; 0: no bound.
  public var orderMax: Int64

  public init(id: AssetID, name: String, scale: UInt8, orderMax: Int64 = 0) {
    self.id = id
    self.name = name
    self.scale = scale
    self.orderMax = orderMax
  }
}

/// The filters of a symbol. 0 switches a bound off, as at Binance.
public struct SymbolFilters: Hashable, Sendable {
  /// PRICE_FILTER, in quote units for one whole base. `tickSize` is never 0.
  public var minPrice: Int64
  public var maxPrice: Int64
  public var tickSize: Int64
  /// LOT_SIZE, in base units. `stepSize` is never 0.
  public var minQuantity: Int64
  public var maxQuantity: Int64
  public var stepSize: Int64
  /// MARKET_LOT_SIZE, in base units. A step of 0 means that only LOT_SIZE counts.
  public var marketMinQuantity: Int64
  public var marketMaxQuantity: Int64
  public var marketStepSize: Int64
  /// NOTIONAL, in quote units.
  public var minNotional: Int64
  public var applyMinToMarket: Bool
  public var maxNotional: Int64
  public var applyMaxToMarket: Bool
  /// Minutes of the average price that values a MARKET order; 0: the last price.
  public var averagePriceMinutes: UInt32
  /// MAX_NUM_ORDERS: open orders of one account on the symbol; 0: no limit but the engine's own.
  public var maxOpenOrders: UInt32
  /// Bands, special counts, position.
  public var rules: SymbolRules

  public init(
    minPrice: Int64, maxPrice: Int64, tickSize: Int64, minQuantity: Int64, maxQuantity: Int64,
    stepSize: Int64, marketMinQuantity: Int64 = 0, marketMaxQuantity: Int64 = 0,
    marketStepSize: Int64 = 0, minNotional: Int64 = 0, applyMinToMarket: Bool = true,
    maxNotional: Int64 = 0, applyMaxToMarket: Bool = false, averagePriceMinutes: UInt32 = 5,
    maxOpenOrders: UInt32 = 200, rules: SymbolRules = .none
  ) {
    self.minPrice = minPrice
    self.maxPrice = maxPrice
    self.tickSize = tickSize
    self.minQuantity = minQuantity
    self.maxQuantity = maxQuantity
    self.stepSize = stepSize
    self.marketMinQuantity = marketMinQuantity
    self.marketMaxQuantity = marketMaxQuantity
    self.marketStepSize = marketStepSize
    self.minNotional = minNotional
    self.applyMinToMarket = applyMinToMarket
    self.maxNotional = maxNotional
    self.applyMaxToMarket = applyMaxToMarket
    self.averagePriceMinutes = averagePriceMinutes
    self.maxOpenOrders = maxOpenOrders
    self.rules = rules
  }
}

/// A trading pair.
public struct SymbolInfo: Hashable, Sendable {
  public var id: SymbolID
  /// For example "BTCUSDT".
  public var name: String
  public var base: AssetID
  public var quote: AssetID
  public var status: SymbolStatus
  public var filters: SymbolFilters
  /// Commission rates in 10^-8 of what is received (100,000 = 0.1 %). 0...10^7.
  public var makerRate: Int64
  public var takerRate: Int64
  public var selfTrade: SelfTradeRules
  /// Whether orders may pay in the discount asset.
  public var offersDiscount: Bool

  public init(
    id: SymbolID, name: String, base: AssetID, quote: AssetID, status: SymbolStatus,
    filters: SymbolFilters, makerRate: Int64, takerRate: Int64, selfTrade: SelfTradeRules = .all,
    offersDiscount: Bool = false
  ) {
    self.id = id
    self.name = name
    self.base = base
    self.quote = quote
    self.status = status
    self.filters = filters
    self.makerRate = makerRate
    self.takerRate = takerRate
    self.selfTrade = selfTrade
    self.offersDiscount = offersDiscount
  }
}

/// How many new orders an account may place per calendar window of log time (Binance's ORDERS
/// limiter).
public struct OrderLimits: Hashable, Sendable {
  public var per10Seconds: UInt32
  public var perDay: UInt32

  public init(per10Seconds: UInt32, perDay: UInt32) {
    self.per10Seconds = per10Seconds
    self.perDay = perDay
  }

  /// Binance's production values.
  public static let standard = OrderLimits(per10Seconds: 100, perDay: 200_000)
}

/// An account.
public struct AccountInfo: Hashable, Sendable {
  public var id: AccountID
  /// Chosen by the operator; unique.
  public var name: String
  public var permissions: Permissions
  public var limits: OrderLimits
  public var createdAt: Int64
  /// Accounts of one group count as one for self-trade prevention.
  public var tradeGroup: TradeGroupID
  /// The account that it stands under; `.operator`: none.
  public var parent: AccountID
  /// Whether its orders pay in the discount asset where they can.
  public var usesDiscount: Bool

  public init(
    id: AccountID, name: String, permissions: Permissions, limits: OrderLimits, createdAt: Int64,
    tradeGroup: TradeGroupID = .none, parent: AccountID = .operator, usesDiscount: Bool = false
  ) {
    self.id = id
    self.name = name
    self.permissions = permissions
    self.limits = limits
    self.createdAt = createdAt
    self.tradeGroup = tradeGroup
    self.parent = parent
    self.usesDiscount = usesDiscount
  }
}

/// An API key. The secret is sealed (encrypted) at the edge; the engine only stores it.
public struct KeyInfo: Hashable, Sendable {
  public var id: KeyID
  public var account: AccountID
  /// 64 alphanumerics, as in `X-MBX-APIKEY`.
  public var apiKey: String
  /// The encrypted secret, at most 256 bytes.
  public var sealedSecret: [UInt8]
  public var permissions: Permissions
  public var revoked: Bool
  public var createdAt: Int64

  public init(
    id: KeyID, account: AccountID, apiKey: String, sealedSecret: [UInt8], permissions: Permissions,
    revoked: Bool, createdAt: Int64
  ) {
    self.id = id
    self.account = account
    self.apiKey = apiKey
    self.sealedSecret = sealedSecret
    self.permissions = permissions
    self.revoked = revoked
    self.createdAt = createdAt
  }
}
