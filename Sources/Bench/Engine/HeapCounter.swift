// HeapCounter: how often this process asked for memory, retained and released, if the counting library of
// scripts/allocations.sh is loaded in front of it.
// Not here: the counting (scripts/heapcounter.c).

import Glibc

enum HeapCounter {
  struct Counts {
    var allocations: UInt64
    var references: UInt64
  }

  private typealias Reader = @convention(c) (UnsafeMutablePointer<UInt64>) -> Void

  private static let reader: Reader? = {
    guard let symbol = dlsym(nil, "castle_heap_counts") else { return nil }
    return unsafeBitCast(symbol, to: Reader.self)
  }()

  /// The counts so far, or `nil` if nothing counts.
  static func read() -> Counts? {
    guard let reader else { return nil }
    var counts: (UInt64, UInt64) = (0, 0)
    withUnsafeMutablePointer(to: &counts) {
      $0.withMemoryRebound(to: UInt64.self, capacity: 2) { reader($0) }
    }
    return Counts(allocations: counts.0, references: counts.1)
  }
}
