// Identifiers: node ids, terms, log indexes, and the position of an entry.
//
// Invariant: EntryID orders by term first, then index (the "up-to-date" comparison of the Raft paper, section 5.4.1).

/// A node of the cluster. Chosen by the operator, above 0, never used again for another machine.
public struct NodeID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let value: UInt64
  @inlinable public init(_ value: UInt64) { self.value = value }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
  public var description: String { "\(value)" }
}

/// A Raft term (paper, section 5.1). 0 before the first election.
public struct Term: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let value: UInt64
  @inlinable public init(_ value: UInt64) { self.value = value }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
  @inlinable public var next: Term { Term(value + 1) }
  public static let zero = Term(0)
  public var description: String { "\(value)" }
}

/// The place of an entry in the log, counted from 1. 0 stands before the first entry.
public struct LogIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let value: UInt64
  @inlinable public init(_ value: UInt64) { self.value = value }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
  @inlinable public var next: LogIndex { LogIndex(value + 1) }
  /// The index before this one; index 0 has none (traps).
  @inlinable public var previous: LogIndex { LogIndex(value - 1) }
  @inlinable public static func + (a: Self, count: Int) -> LogIndex {
    LogIndex(a.value + UInt64(count))
  }
  /// How many entries lie after `b` up to and including `a`. Traps if `b > a`.
  @inlinable public static func - (a: Self, b: Self) -> Int { Int(a.value - b.value) }
  public static let zero = LogIndex(0)
  public var description: String { "\(value)" }
}

/// Term and index of an entry: two logs that hold the same EntryID are equal up to it (Log Matching, section 5.3).
public struct EntryID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let term: Term
  public let index: LogIndex
  @inlinable public init(term: Term, index: LogIndex) {
    self.term = term
    self.index = index
  }
  @inlinable public static func < (a: Self, b: Self) -> Bool {
    a.term != b.term ? a.term < b.term : a.index < b.index
  }
  /// Before the first entry.
  public static let zero = EntryID(term: .zero, index: .zero)
  public var description: String { "\(term).\(index)" }
}
