// Identifiers: the names that replicated state gives to things. All are drawn from counters in
// `apply`, never reused.
// Not here: API keys and secrets (random, drawn at the edge).

/// An account. 0 is the operator (the admin port); fees and custody are accounts too
/// (`AccountID.fees`, `.custody`).
public struct AccountID: Hashable, Comparable, Sendable {
  public let value: UInt64
  @inlinable public init(_ value: UInt64) { self.value = value }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }

  /// The operator: no balances, may use every administrative command.
  @inlinable public static var `operator`: AccountID { AccountID(0) }
  /// The other side of deposits and withdrawals. Its balance is minus what the venue owes its
  /// customers.
  @inlinable public static var custody: AccountID { AccountID(1) }
  /// Receives commissions.
  @inlinable public static var fees: AccountID { AccountID(2) }
  /// The first account of a customer; smaller ids belong to the venue.
  @inlinable public static var firstCustomer: AccountID { AccountID(1001) }
}

/// An asset, for example BTC. Never reused.
public struct AssetID: Hashable, Comparable, Sendable {
  public let value: UInt32
  @inlinable public init(_ value: UInt32) { self.value = value }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

/// A trading pair, for example BTCUSDT. Never reused.
public struct SymbolID: Hashable, Comparable, Sendable {
  public let value: UInt32
  @inlinable public init(_ value: UInt32) { self.value = value }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

/// An order of one symbol, counted from 1. Unique within the symbol.
public struct OrderID: Hashable, Comparable, Sendable {
  public let value: Int64
  @inlinable public init(_ value: Int64) { self.value = value }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

/// A trade of one symbol, counted from 1 without gaps.
public struct TradeID: Hashable, Comparable, Sendable {
  public let value: Int64
  @inlinable public init(_ value: Int64) { self.value = value }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

/// A list of orders, counted from 1 over all symbols.
public struct OrderListID: Hashable, Comparable, Sendable {
  public let value: Int64
  @inlinable public init(_ value: Int64) { self.value = value }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }

  /// No list.
  @inlinable public static var none: OrderListID { OrderListID(-1) }
}

/// A prevented match of one symbol, counted from 1 without gaps.
public struct PreventedMatchID: Hashable, Comparable, Sendable {
  public let value: Int64
  @inlinable public init(_ value: Int64) { self.value = value }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

/// A change of an order other than by a trade, counted from 1 within its symbol.
public struct ExecutionID: Hashable, Comparable, Sendable {
  public let value: Int64
  @inlinable public init(_ value: Int64) { self.value = value }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

/// Accounts that count as one for self-trade prevention.
public struct TradeGroupID: Hashable, Comparable, Sendable {
  public let value: Int64
  @inlinable public init(_ value: Int64) { self.value = value }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }

  /// No group.
  @inlinable public static var none: TradeGroupID { TradeGroupID(-1) }
}

/// An API key's number in the replicated state. 0 stands for the admin port.
public struct KeyID: Hashable, Comparable, Sendable {
  public let value: UInt64
  @inlinable public init(_ value: UInt64) { self.value = value }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }

  /// The admin port, authenticated by its own token.
  @inlinable public static var admin: KeyID { KeyID(0) }
}

/// Names one request for duplicate suppression: the same id is executed once, and answered with the
/// first result.
public struct RequestID: Hashable, Sendable {
  public let words: (UInt64, UInt64, UInt64, UInt64)
  public init(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) { words = (a, b, c, d) }

  /// Takes 32 bytes (for example a SHA-256), big-endian. Traps on another count.
  public init(bytes: [UInt8]) {
    precondition(bytes.count == 32, "a request id has 32 bytes")
    func word(_ i: Int) -> UInt64 { bytes[i..<i + 8].reduce(0) { $0 << 8 | UInt64($1) } }
    words = (word(0), word(8), word(16), word(24))
  }

  public static func == (a: Self, b: Self) -> Bool { a.words == b.words }
  public func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }
}
