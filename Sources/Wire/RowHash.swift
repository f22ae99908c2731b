// RowHash: a 128-bit hash of one row, for the state hash: the sum of the hashes of all rows, mod
// 2^128.
//
// The sum makes the state hash independent of the order in which rows changed, and lets a change of
// one row cost one subtraction and one addition. Keyed with fixed constants: it finds divergence
// between replicas that run the same code, not forgery.
// The bytes of key and value are taken in pairs of words; each pair is one 64 x 64 bit product under
// two keys of its own, and the products are summed in 128 bits, so that no step waits for the last.
// Not here: which rows count (each room says so for its own state).

import CWire

/// Hashing of rows for the state hash.
public enum RowHash {
  @usableFromInline static let evenKey: UInt64 = 0xA076_1D64_78BD_642F
  @usableFromInline static let oddKey: UInt64 = 0xE703_7ED1_A0B4_28DB
  @usableFromInline static let evenStep: UInt64 = 0x9E37_79B9_7F4A_7C15
  @usableFromInline static let oddStep: UInt64 = 0xD1B5_4A32_D192_ED03

  /// The hash of a row. Never zero, so that a row that exists always counts.
  ///
  /// - Complexity: O(n), one multiplication per 16 bytes.
  public static func of(key: [UInt8], value: [UInt8]) -> UInt128 {
    withUnsafeTemporaryAllocation(byteCount: key.count + value.count + 1, alignment: 8) { row in
      guard let start = row.baseAddress else { return 1 }
      key.withUnsafeBytes { bytes in
        if let from = bytes.baseAddress { start.copyMemory(from: from, byteCount: bytes.count) }
      }
      value.withUnsafeBytes { bytes in
        guard let from = bytes.baseAddress else { return }
        (start + key.count).copyMemory(from: from, byteCount: bytes.count)
      }
      return of(row: start, keyCount: key.count, valueCount: value.count)
    }
  }

  /// The keys of the first pairs of words, `even` and `odd` in turns: `evenKey` plus so many times `evenStep`, the
  /// same for odd.
  private enum KeyTable {
    /// Rows that are longer go on with keys that are not in the table; its last pair is for a tail.
    static let bytes = 16 * 32
    @inline(__always)
    static var words: UnsafeRawPointer { cw_row_keys() }
  }

  /// The hash of a row whose key and value stand one behind the other in memory.
  public static func of(row: UnsafeRawPointer, keyCount: Int, valueCount: Int) -> UInt128 {
    let count = keyCount + valueCount
    let keys = KeyTable.words
    var sum: UInt128 = 0
    var at = 0
    let whole = min(count, KeyTable.bytes) & ~15
    while at < whole {
      sum &+= product(
        word(row, at) ^ key(keys, at), word(row, at &+ 8) ^ key(keys, at &+ 8))
      at &+= 16
    }
    if count > KeyTable.bytes {
      sum &+= rest(of: row, count)
    } else if at < count {
      let tail = tail(of: row, at, count)
      sum &+= product(tail.0 ^ key(keys, at), tail.1 ^ key(keys, at &+ 8))
    }
    return finish(sum, keyCount, valueCount)
  }

  // What a row that is longer than the table of keys adds beyond it.
  @inline(never)
  private static func rest(of row: UnsafeRawPointer, _ count: Int) -> UInt128 {
    var sum: UInt128 = 0
    var at = KeyTable.bytes
    var even = evenKey &+ UInt64(at / 16) &* evenStep
    var odd = oddKey &+ UInt64(at / 16) &* oddStep
    while at + 16 <= count {
      sum &+= product(word(row, at) ^ even, word(row, at + 8) ^ odd)
      even &+= evenStep
      odd &+= oddStep
      at += 16
    }
    if at < count {
      let tail = tail(of: row, at, count)
      sum &+= product(tail.0 ^ even, tail.1 ^ odd)
    }
    return sum
  }

  // The last 16 bytes, some of them for the second time; or all, if there are fewer.
  @inline(__always)
  private static func tail(
    of row: UnsafeRawPointer, _ start: Int, _ count: Int
  ) -> (UInt64, UInt64) {
    if count >= 16 { return (word(row, count &- 16), word(row, count &- 8)) }
    return shortTail(of: row, start, count)
  }

  @inline(never)
  private static func shortTail(
    of row: UnsafeRawPointer, _ start: Int, _ count: Int
  ) -> (UInt64, UInt64) {
    var tail: (UInt64, UInt64) = (0, 0)
    for at in start..<count {
      let byte = UInt64(row.loadUnaligned(fromByteOffset: at, as: UInt8.self))
      if at < 8 {
        tail.0 |= byte << UInt64(8 * at)
      } else {
        tail.1 |= byte << UInt64(8 * at - 64)
      }
    }
    return tail
  }

  @inlinable @inline(__always)
  static func finish(_ sum: UInt128, _ keyCount: Int, _ valueCount: Int) -> UInt128 {
    let low = UInt64(truncatingIfNeeded: sum)
    let high = UInt64(truncatingIfNeeded: sum >> 64)
    let counts = UInt64(truncatingIfNeeded: keyCount) << 32 ^ UInt64(truncatingIfNeeded: valueCount)
    let first = product(low ^ evenStep, high ^ oddStep ^ counts)
    let second = product(low &+ oddKey, (high ^ counts) &+ evenKey)
    let a = fold(first) ^ high
    let b = fold(second) ^ low
    let last = product(a ^ oddStep, b ^ evenStep)
    let value = UInt128(fold(last) ^ a) << 64 | UInt128(fold(last) &+ b)
    return value == 0 ? 1 : value
  }

  @inlinable @inline(__always)
  static func product(_ a: UInt64, _ b: UInt64) -> UInt128 {
    let full = a.multipliedFullWidth(by: b)
    return UInt128(full.high) << 64 | UInt128(full.low)
  }

  @inlinable @inline(__always)
  static func fold(_ value: UInt128) -> UInt64 {
    UInt64(truncatingIfNeeded: value) ^ UInt64(truncatingIfNeeded: value >> 64)
  }

  @inline(__always)
  private static func key(_ keys: UnsafeRawPointer, _ at: Int) -> UInt64 {
    keys.load(fromByteOffset: at, as: UInt64.self)
  }

  @inlinable @inline(__always)
  static func word(_ row: UnsafeRawPointer, _ at: Int) -> UInt64 {
    UInt64(littleEndian: row.loadUnaligned(fromByteOffset: at, as: UInt64.self))
  }

  /// A slower hash of a pair of byte strings in which each word is mixed into all that came before:
  /// for keys of tables whose contents customers choose.
  public static func chained(key: [UInt8], value: [UInt8]) -> UInt128 {
    var state = State()
    state.mix(key)
    state.mix(value)
    return state.finish()
  }

  /// The running hash behind `chained`, over words and bytes.
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
