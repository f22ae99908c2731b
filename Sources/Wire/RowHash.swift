// RowHash: a 128-bit hash of one row, for the state hash: the sum of the hashes of all rows, mod 2^128.
//
// The sum makes the state hash independent of the order in which rows changed, and lets a change of one row
// cost one subtraction and one addition. Keyed with a fixed constant: it finds divergence between replicas
// that run the same code, not forgery.
// Not here: which rows count (each room says so for its own state).

/// Hashing of rows for the state hash.
public enum RowHash {
  /// The hash of a row. Never zero, so that a row that exists always counts.
  ///
  /// - Complexity: O(n), one 128-bit multiplication per 16 bytes.
  public static func of(key: [UInt8], value: [UInt8]) -> UInt128 {
    var state = State()
    state.mix(key)
    state.mix(value)
    return state.finish()
  }

  /// A running hash over words, for callers that hash fields without encoding them first.
  public struct State {
    private var a: UInt64 = 0x9E37_79B9_7F4A_7C15
    private var b: UInt64 = 0xD1B5_4A32_D192_ED03
    private var words: UInt64 = 0

    public init() {}

    /// Mixes one word in.
    @inline(__always)
    public mutating func mix(_ word: UInt64) {
      words &+= 1
      let p = (a ^ word).multipliedFullWidth(by: 0xA076_1D64_78BD_642F ^ b)
      let q = (b &+ word).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB ^ (a | 1))
      a = p.high ^ p.low ^ q.low
      b = q.high ^ (p.low &+ words)
    }

    /// Mixes bytes in, with their count, so that the border between two arrays counts too.
    public mutating func mix(_ bytes: [UInt8]) {
      mix(UInt64(bytes.count))
      bytes.withUnsafeBytes { p in
        var i = 0
        while i + 8 <= p.count {
          mix(UInt64(bigEndian: p.loadUnaligned(fromByteOffset: i, as: UInt64.self)))
          i += 8
        }
        var tail: UInt64 = 0
        while i < p.count {
          tail = tail << 8 | UInt64(p[i])
          i += 1
        }
        mix(tail)
      }
    }

    /// The hash of what was mixed in. Never zero.
    public func finish() -> UInt128 {
      var copy = self
      copy.mix(words)
      copy.mix(0x5851_F42D_4C95_7F2D)
      let value = UInt128(copy.a) << 64 | UInt128(copy.b)
      return value == 0 ? 1 : value
    }
  }
}
