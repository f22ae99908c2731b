// Memory: where tables lie. Small ones come from the heap; large ones are blocks of their own, which grow without being
// copied and are asked for in large pages.
//
// Measured on a growing exchange: page faults and the copying of tables took a third of the time, and most of the rest
// was waiting for addresses to be translated.
// Invariant: who takes memory for so many records gives it back, and lets it grow, with that very number.
// Not here: what lies in it (the owners).

import CMemory

/// Memory for tables of records.
public enum Memory {
  /// Tables of fewer bytes come from the heap.
  private static let largeMin = 1 << 20
  private static let unit = 2 << 20

  /// Room for `capacity` records; nothing is initialised.
  public static func take<Record>(_ capacity: Int) -> UnsafeMutablePointer<Record> {
    let bytes = capacity * MemoryLayout<Record>.stride
    if bytes < largeMin { return .allocate(capacity: capacity) }
    return block(cm_take(rounded(bytes)))
  }

  /// More room for records, the first `count` of which are initialised. Large tables are not copied.
  public static func grow<Record>(
    _ base: UnsafeMutablePointer<Record>, count: Int, from capacity: Int, to larger: Int
  ) -> UnsafeMutablePointer<Record> {
    precondition(count <= capacity && capacity <= larger, "memory grows")
    let stride = MemoryLayout<Record>.stride
    if capacity * stride >= largeMin {
      let (old, new) = (rounded(capacity * stride), rounded(larger * stride))
      return old == new ? base : block(cm_grow(base, old, new))
    }
    let moved: UnsafeMutablePointer<Record> = take(larger)
    moved.moveInitialize(from: base, count: count)
    base.deallocate()
    return moved
  }

  /// Gives memory back; nothing in it is initialised any more.
  public static func give<Record>(_ base: UnsafeMutablePointer<Record>, _ capacity: Int) {
    let bytes = capacity * MemoryLayout<Record>.stride
    if bytes < largeMin { base.deallocate() } else { cm_give(base, rounded(bytes)) }
  }

  /// Begins to bring what lies at `place` closer to the processor. Changes nothing and cannot fail.
  @inlinable @inline(__always)
  public static func fetch(_ place: UnsafeRawPointer) { cm_fetch(place) }

  /// The same for a record that is longer than what comes at a time.
  @inlinable @inline(__always)
  public static func fetch(_ place: UnsafeRawPointer, bytes: Int) {
    for offset in stride(from: 0, to: bytes, by: 64) { cm_fetch(place + offset) }
  }

  private static func rounded(_ bytes: Int) -> Int { (bytes + unit - 1) / unit * unit }

  private static func block<Record>(_ start: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<
    Record
  > {
    guard let start else { fatalError("no memory left") }
    return start.assumingMemoryBound(to: Record.self)
  }
}
