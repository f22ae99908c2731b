// SpecialTerms: what only some orders ask for (stop price, trailing, iceberg, peg), and what is
// known only of such orders.
//
// They lie apart from what every order has, so that plain orders neither store nor encode them.
// Raw values are stored and replicated: never renumber, only add.
// Not here: what they do (Triggers, Icebergs, Pegs), Binance's spelling of them (Gateway).

/// Which price a pegged order takes (Binance's `pegPriceType`).
public enum PegPrice: UInt8, Sendable, CaseIterable {
  case none = 0
  /// The best price of the order's own side.
  case primary = 1
  /// The best price of the other side.
  case market = 2
}

/// What an order asks for beyond side, type, time in force, quantity and price. All zero for a
/// plain order.
public struct SpecialTerms: Hashable, Sendable {
  /// The trigger price in quote units for one whole base, or 0.
  public var stopPrice: Int64
  /// How far the price must come back from its extreme to fire, in hundredths of a per cent; 0: not
  /// a trailing order.
  public var trailingDelta: UInt32
  /// What is on display at a time, in base units; 0: all of it.
  public var icebergQuantity: Int64
  /// Whose price the order takes when it enters the book.
  public var peg: PegPrice
  /// How many price levels away from that price (`pegOffsetType` PRICE_LEVEL); `nil` if none was
  /// asked for.
  public var pegLevels: UInt8?

  public init(
    stopPrice: Int64 = 0, trailingDelta: UInt32 = 0, icebergQuantity: Int64 = 0,
    peg: PegPrice = .none, pegLevels: UInt8? = nil
  ) {
    self.stopPrice = stopPrice
    self.trailingDelta = trailingDelta
    self.icebergQuantity = icebergQuantity
    self.peg = peg
    self.pegLevels = pegLevels
  }

  /// A plain order's.
  public static let none = SpecialTerms()

  /// Nothing but perhaps a discount.
  @inline(__always)
  var isPlain: Bool {
    stopPrice | icebergQuantity | Int64(trailingDelta) == 0 && peg == .none && pegLevels == nil
  }
}

/// What is known of an order beyond what every order has. `.none` for a plain order.
public struct OrderExtras: Hashable, Sendable {
  public var terms: SpecialTerms
  /// For a pegged order the limit that its client sent, or 0; its `price` is the one that it was
  /// given.
  public var sentPrice: Int64
  /// Since when a trailing order has been following the price, or -1.
  public var trailingSince: Int64
  /// Base quantity that self-trade prevention took out.
  public var prevented: Int64
  /// The last prevented match that the order was in, or 0.
  public var preventedMatch: PreventedMatchID
  /// The list that the order belongs to, or `.none`.
  public var list: OrderListID
  /// How often it was amended.
  public var amendments: UInt16
  /// What it pays in the discount asset.
  public var discount: DiscountTerms

  public init(
    terms: SpecialTerms = .none, sentPrice: Int64 = 0, trailingSince: Int64 = -1,
    prevented: Int64 = 0, preventedMatch: PreventedMatchID = PreventedMatchID(0),
    list: OrderListID = .none, amendments: UInt16 = 0, discount: DiscountTerms = .none
  ) {
    self.terms = terms
    self.sentPrice = sentPrice
    self.trailingSince = trailingSince
    self.prevented = prevented
    self.preventedMatch = preventedMatch
    self.list = list
    self.amendments = amendments
    self.discount = discount
  }

  /// A plain order's.
  public static let none = OrderExtras()

  /// `self == .none`, field by field.
  @inline(__always)
  var isPlain: Bool {
    sentPrice | ~trailingSince | prevented | preventedMatch.value | Int64(amendments) == 0
      && list == .none && terms.isPlain
  }
}

/// What a symbol and an account say about trades with oneself.
public struct SelfTradeRules: Hashable, Sendable {
  /// One bit for each mode's raw value.
  public var allowed: UInt8
  /// The mode of an order that names none. Always one of the allowed ones.
  public var standard: SelfTradePrevention

  public init(allowed: UInt8, standard: SelfTradePrevention) {
    self.allowed = allowed
    self.standard = standard
  }

  public init(allowing modes: [SelfTradePrevention], standard: SelfTradePrevention) {
    self.init(allowed: modes.reduce(0) { $0 | 1 << $1.rawValue }, standard: standard)
  }

  /// Every mode; NONE unless the order says otherwise.
  public static let all = SelfTradeRules(
    allowing: SelfTradePrevention.allCases, standard: .none)

  @inlinable public func allows(_ mode: SelfTradePrevention) -> Bool {
    allowed & (1 << mode.rawValue) != 0
  }

  /// True if the standard mode is allowed, and no unknown one is.
  public var isValid: Bool {
    allows(standard) && allowed >> UInt8(SelfTradePrevention.allCases.count) == 0
  }
}
