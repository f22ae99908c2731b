// Generator: a seeded xorshift64* (Vigna, 2014), so that a run can be repeated from its seed.

/// Pseudo-random numbers from a seed.
struct Generator: RandomNumberGenerator {
  private var state: UInt64

  /// Seed 0 is replaced, since the sequence of 0 is constant.
  init(seed: UInt64) { state = seed == 0 ? 0x9E37_79B9_7F4A_7C15 : seed }

  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 2_685_821_657_736_338_717
  }

  /// A number in `0..<bound`.
  mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "an empty range has no number")
    return Int((next() >> 33) % UInt64(bound))
  }
}
