// Terms: what an order asks for, in Binance's words (side, type, time in force, status, self-trade
// prevention).
//
// Raw values are stored and replicated: never renumber, only add.
// Not here: Binance's spelling of them (Gateway), and what they do (Orders, Book).

/// Buy or sell.
public enum Side: UInt8, Sendable, CaseIterable {
  case buy = 1
  case sell = 2

  /// The other side.
  @inlinable public var opposite: Side { self == .buy ? .sell : .buy }
}

/// Order types.
public enum OrderType: UInt8, Sendable, CaseIterable {
  case limit = 1
  case market = 2
  case limitMaker = 3
  case stopLoss = 4
  case stopLossLimit = 5
  case takeProfit = 6
  case takeProfitLimit = 7
}

/// How long an order works.
public enum TimeInForce: UInt8, Sendable, CaseIterable {
  /// Good till cancelled.
  case gtc = 1
  /// Immediate or cancel: what does not trade at once expires.
  case ioc = 2
  /// Fill or kill: trades in full at once, or expires untouched.
  case fok = 3
}

/// Where an order is in its life.
public enum OrderStatus: UInt8, Sendable, CaseIterable {
  case new = 1
  case partiallyFilled = 2
  case filled = 3
  case canceled = 4
  case rejected = 5
  case expired = 6
  case expiredInMatch = 7
  case pendingNew = 8

  /// True if the order may still trade.
  @inlinable public var isOpen: Bool {
    self == .new || self == .partiallyFilled || self == .pendingNew
  }
}

/// Why an order expired (Binance's `expiryReason`).
public enum ExpiryReason: UInt8, Sendable, CaseIterable {
  case none = 0
  case rejected = 1
  case exchangeCanceled = 2
  case ocoTrigger = 3
  case otoPhaseOneExpired = 4
  case unfilledIOC = 5
  case unfilledFOK = 6
  case insufficientLiquidity = 7
  case executionRulePriceRangeExceeded = 8
}

/// What happens when an account, or two accounts of a trade group, would trade with themselves. The
/// new order's mode decides.
public enum SelfTradePrevention: UInt8, Sendable, CaseIterable {
  /// They trade.
  case none = 0
  /// What is left of the new order expires.
  case expireTaker = 1
  /// The resting order expires.
  case expireMaker = 2
  case expireBoth = 3
  /// Both lose what they would have traded.
  case decrement = 4
  /// As `decrement`; between two accounts of a group, if both orders ask for it, the amounts change
  /// hands without a trade.
  case transfer = 5
}

/// What a cancel insists on (Binance's `cancelRestrictions`).
public enum CancelRestriction: UInt8, Sendable, CaseIterable {
  case none = 0
  case onlyNew = 1
  case onlyPartiallyFilled = 2
}

/// Market states (Binance's symbol `status`).
public enum SymbolStatus: UInt8, Sendable, CaseIterable {
  case trading = 1
  case halt = 2
  case `break` = 3
  case cancelOnly = 4
  case endOfDay = 5
}

/// What an API key may do. Reading needs no bit: every valid key may read its account.
public struct Permissions: OptionSet, Hashable, Sendable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }
  public static let trade = Permissions(rawValue: 1)
  public static let withdraw = Permissions(rawValue: 2)
  public static let transfer = Permissions(rawValue: 4)
}
