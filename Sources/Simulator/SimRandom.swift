// SimRandom: the only source of chance in a simulation (SplitMix64).
//
// Invariant: equal seeds give equal sequences, on every machine.
// Not here: what is drawn.

/// A seeded generator.
struct SimRandom: Sendable {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 ^ 0xD1B5_4A32_D192_ED03 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number in `0..<bound`.
  mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "an empty range has no random number")
    return Int((next() >> 1) % UInt64(bound))
  }

  /// A number in `range`.
  mutating func among(_ range: Range<Int64>) -> Int64 {
    range.lowerBound + Int64((next() >> 1) % UInt64(range.upperBound - range.lowerBound))
  }

  /// True in `percent` of 100 cases.
  mutating func chance(_ percent: Int) -> Bool { percent > 0 && below(100) < percent }

  /// True in one of `count` cases.
  mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

  mutating func pick<T>(_ list: [T]) -> T { list[below(list.count)] }

  /// Another generator, independent of what is drawn here later.
  mutating func fork() -> SimRandom { SimRandom(next()) }
}
