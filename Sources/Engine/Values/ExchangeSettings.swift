// ExchangeSettings: what the operator sets for the whole exchange: the level of behaviour, the switches of
// features, the limits over all symbols.
//
// Replicated, one row. Raw values are stored: never renumber, only add.
// Not here: who may set them (Exchange+Settings).

/// Things that the operator can refuse, each by itself, while the rest goes on. Cancels cannot be
/// refused.
public struct Features: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let limitOrders = Features(rawValue: 1 << 0)
  public static let marketOrders = Features(rawValue: 1 << 1)
  public static let stopOrders = Features(rawValue: 1 << 2)
  public static let trailingStops = Features(rawValue: 1 << 3)
  public static let icebergs = Features(rawValue: 1 << 4)
  public static let peggedOrders = Features(rawValue: 1 << 5)
  public static let orderLists = Features(rawValue: 1 << 6)
  public static let cancelReplace = Features(rawValue: 1 << 7)
  public static let amendments = Features(rawValue: 1 << 8)
  public static let deposits = Features(rawValue: 1 << 9)
  public static let withdrawals = Features(rawValue: 1 << 10)
  public static let transfers = Features(rawValue: 1 << 11)

  /// All that are known.
  public static let all = Features(rawValue: (1 << 12) - 1)
}

/// The exchange's own settings.
public struct ExchangeSettings: Hashable, Sendable {
  /// Which behaviour is in force. Grows only, by a command, so that every replica changes at the
  /// same log index.
  public var level: UInt32 = Behaviour.first
  /// Features that are refused.
  public var refused: Features = []
  public var limits = ExchangeLimits.none
  public var discount = DiscountSettings.none

  public init() {}
}

/// The levels of behaviour, and what each changed.
public enum Behaviour {
  /// What the first version did.
  public static let first: UInt32 = 1
  /// Fills lower the counts of unfilled orders.
  public static let loweredCounts: UInt32 = 2
  /// Commission in the discount asset is converted over a third asset, too, and at no price that is older than a day.
  public static let bridgedDiscount: UInt32 = 3

  /// The highest level that this program can apply.
  public static let newest: UInt32 = bridgedDiscount
}
