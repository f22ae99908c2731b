// Jitter: the injected source of randomness, for election timeouts only (SplitMix64).
//
// Invariant: equal seeds give equal sequences, on every machine.
// Not here: anything that needs unpredictable numbers.

/// A small seeded generator. Not for secrets.
struct Jitter: Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number in `0..<bound`. The bias of the remainder is below 2^-50 for the bounds used here.
  mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "an empty range has no random number")
    return Int(next() % UInt64(bound))
  }
}
