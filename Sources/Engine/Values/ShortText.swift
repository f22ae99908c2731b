// ShortText: up to 36 ASCII bytes stored inline, so that an order carries its client id without an
// allocation.
//
// Invariants: bytes past `count` are zero; every byte is printable ASCII (0x21 to 0x7E).
// Not here: which characters a given field allows (Gateway checks Binance's ranges).

/// An immutable inline text of at most 36 printable ASCII characters.
public struct ShortText: Hashable, Sendable {
  /// The longest text, in bytes (the longest client order id that Binance takes).
  public static let countMax = 36

  @usableFromInline let w0: UInt64
  @usableFromInline let w1: UInt64
  @usableFromInline let w2: UInt64
  @usableFromInline let w3: UInt64
  @usableFromInline let w4: UInt32
  /// The number of bytes.
  public let count: UInt8

  /// The empty text.
  public static var empty: ShortText { ShortText(words: (0, 0, 0, 0, 0), count: 0) }

  /// `nil` if the text is too long or holds anything but printable ASCII.
  @inlinable public init?(_ text: some Collection<UInt8>) { self.init(bytes: Array(text)) }

  /// `init(_:)` without generics, which cost 3 us a call from another module.
  @usableFromInline init?(bytes: [UInt8]) {
    guard bytes.count <= Self.countMax, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      return nil
    }
    self.init(unchecked: bytes)
  }

  /// `nil` if the text is too long or holds anything but printable ASCII.
  public init?(_ text: String) { self.init(Array(text.utf8)) }

  private init(unchecked text: [UInt8]) {
    var words: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
    withUnsafeMutableBytes(of: &words) { p in
      for (i, byte) in text.enumerated() { p[i] = byte }
    }
    w0 = words.0.bigEndian
    w1 = words.1.bigEndian
    w2 = words.2.bigEndian
    w3 = words.3.bigEndian
    w4 = UInt32(truncatingIfNeeded: words.4.bigEndian >> 32)
    count = UInt8(text.count)
  }

  public var isEmpty: Bool { count == 0 }

  /// The bytes of the text.
  public var bytes: [UInt8] {
    var words = (
      w0.bigEndian, w1.bigEndian, w2.bigEndian, w3.bigEndian, (UInt64(w4) << 32).bigEndian
    )
    return withUnsafeBytes(of: &words) { Array($0.prefix(Int(count))) }
  }

  /// The text as a String. Allocates above 15 bytes; not for the matching path.
  public var string: String { String(decoding: bytes, as: UTF8.self) }

  /// A 64-bit fingerprint that is the same on every node and in every run (unlike `hashValue`).
  public var fingerprint: UInt64 {
    var h: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(count)
    for w in [w0, w1, w2, w3, UInt64(w4)] {
      let p = (h ^ w).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
      h = p.high ^ p.low
    }
    return h
  }
}
