// List: a growing run of plain records that is emptied and filled again, without reference counts.
//
// An array would be retained by each walk over it; a list is owned by one place and walked by index.
// Invariants: the first `count` records are initialised; an index is checked, in release too.
// Not here: slots that keep their place (Slab).

import Wire

/// A growing list of plain records.
struct List<Record>: ~Copyable {
  private var base: UnsafeMutablePointer<Record>
  private var capacity: Int
  private(set) var count = 0

  init(capacity: Int = 16) {
    self.capacity = max(1, capacity)
    base = Memory.take(self.capacity)
  }

  /// A copy of another list.
  init(copying other: borrowing List) {
    self.init(capacity: other.count)
    base.initialize(from: other.base, count: other.count)
    count = other.count
  }

  deinit {
    base.deinitialize(count: count)
    Memory.give(base, capacity)
  }

  var isEmpty: Bool { count == 0 }

  /// Adds a record. Amortised O(1).
  @inline(__always)
  mutating func append(_ record: Record) {
    if count == capacity { grow() }
    (base + count).initialize(to: record)
    count += 1
  }

  /// The same, from where the record is: a large one is copied once.
  @inline(__always)
  mutating func append(copying record: inout Record) {
    if count == capacity { grow() }
    (base + count).initialize(to: record)
    count += 1
  }

  /// The records as an array: for answers that are rare.
  var array: [Record] { (0..<count).map { self[$0] } }

  /// Takes the last record off, or answers `nil`.
  @inline(__always)
  mutating func popLast() -> Record? {
    guard count > 0 else { return nil }
    count -= 1
    return (base + count).move()
  }

  /// Empties it, keeping its memory.
  @inline(__always)
  mutating func removeAll() {
    base.deinitialize(count: count)
    count = 0
  }

  subscript(index: Int) -> Record {
    @inline(__always) unsafeAddress {
      precondition(index >= 0 && index < count, "outside of the list")
      return UnsafePointer(base + index)
    }
    @inline(__always) unsafeMutableAddress {
      precondition(index >= 0 && index < count, "outside of the list")
      return base + index
    }
  }

  @inline(never)
  private mutating func grow() {
    base = Memory.grow(base, count: count, from: capacity, to: capacity * 2)
    capacity *= 2
  }
}
