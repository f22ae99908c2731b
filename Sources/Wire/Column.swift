// Column: a growing run of plain records in one place of its own, named by their positions.
//
// An array that is a field is checked for other owners at each change; a column has one owner.
// Invariants: the first `count` records are initialised; a position is checked, in release too.
// Not here: what the records mean (the owner knows).

/// A growing run of plain records.
@frozen
public struct Column<Record: BitwiseCopyable>: ~Copyable {
  @usableFromInline var base: UnsafeMutablePointer<Record>
  @usableFromInline var capacity: Int
  /// How many records there are.
  public internal(set) var count: Int {
    @inlinable get { used }
    @inlinable set { used = newValue }
  }
  @usableFromInline var used = 0

  @inlinable public init(capacity: Int = 16) {
    self.capacity = max(1, capacity)
    base = Memory.take(self.capacity)
  }

  /// `count` equal records.
  @inlinable public init(repeating record: Record, count: Int) {
    self.init(capacity: count)
    base.initialize(repeating: record, count: count)
    used = count
  }

  @inlinable deinit { Memory.give(base, capacity) }

  /// Adds a record. Amortised O(1).
  @inlinable @inline(__always)
  public mutating func append(_ record: Record) {
    if used == capacity { grow() }
    (base + used).initialize(to: record)
    used += 1
  }

  @inlinable public subscript(position: Int) -> Record {
    @inline(__always) unsafeAddress {
      precondition(position >= 0 && position < used, "outside of the column")
      return UnsafePointer(base + position)
    }
    @inline(__always) unsafeMutableAddress {
      precondition(position >= 0 && position < used, "outside of the column")
      return base + position
    }
  }

  /// Begins to bring a record closer, if there is one at the position.
  @inlinable @inline(__always)
  public func fetch(_ position: Int) {
    if position >= 0, position < used {
      Memory.fetch(base + position, bytes: MemoryLayout<Record>.stride)
    }
  }

  @usableFromInline
  mutating func grow() {
    base = Memory.grow(base, count: used, from: capacity, to: capacity * 2)
    capacity *= 2
  }
}
