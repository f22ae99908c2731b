// ShortText as bytes: a count, then whole words of eight bytes, zero-padded, so that reading it
// allocates nothing.
// Not here: the other texts (ByteReader.text).

import Wire

extension ShortText {
  /// How many words of eight bytes the text takes when encoded.
  var wordCount: Int { (Int(count) + 7) / 8 }

  /// Its words; those at and above `wordCount` are zero.
  var words: InlineArray<5, UInt64> { [w0, w1, w2, w3, UInt64(w4) << 32] }

  /// The longest encoding, in bytes.
  static let bytesMax = 41

  /// Encodes to memory that has `bytesMax` bytes. Answers how many of them count.
  @inline(__always)
  func store(to memory: UnsafeMutableRawPointer) -> Int {
    memory.storeBytes(of: count, as: UInt8.self)
    memory.storeBytes(of: w0.bigEndian, toByteOffset: 1, as: UInt64.self)
    memory.storeBytes(of: w1.bigEndian, toByteOffset: 9, as: UInt64.self)
    memory.storeBytes(of: w2.bigEndian, toByteOffset: 17, as: UInt64.self)
    memory.storeBytes(of: w3.bigEndian, toByteOffset: 25, as: UInt64.self)
    memory.storeBytes(of: (UInt64(w4) << 32).bigEndian, toByteOffset: 33, as: UInt64.self)
    return 1 + wordCount * 8
  }

  /// Encodes into `writer`.
  public func encode(into writer: inout ByteWriter) {
    writer.u8(count)
    let words = self.words
    for i in 0..<wordCount { writer.u64(words[i]) }
  }

  /// Decodes; refuses what `init?` would refuse, and padding that is not zero.
  public static func decode(_ reader: inout ByteReader) throws(WireError) -> ShortText {
    let count = try reader.u8()
    guard Int(count) <= countMax else { throw .tooLong(length: Int(count), limit: countMax) }
    var words: InlineArray<5, UInt64> = [0, 0, 0, 0, 0]
    var left = Int(count)
    var i = 0
    while left > 0 {
      let word = try reader.u64()
      // What is not text must be zero; there, 0x21 takes its place for the check.
      let padding: UInt64 = left >= 8 ? 0 : ~0 >> UInt64(8 * left)
      guard word & padding == 0 else { throw .invalid("short text padding") }
      guard isPrintable(word | padding & 0x2121_2121_2121_2121) else {
        throw .invalid("short text")
      }
      words[i] = word
      i += 1
      left -= 8
    }
    return ShortText(words: words, count: count)
  }

  // True if all eight bytes are from 0x21 to 0x7E. A byte with its high bit clear reaches 0x80 by
  // adding 0x5F exactly if it is at least 0x21, and by adding 0x01 exactly if it is 0x7F; neither
  // sum carries into the next byte.
  @inline(__always)
  private static func isPrintable(_ word: UInt64) -> Bool {
    let high: UInt64 = 0x8080_8080_8080_8080
    guard word & high == 0 else { return false }
    return (word &+ 0x5F5F_5F5F_5F5F_5F5F) & high == high
      && (word &+ 0x0101_0101_0101_0101) & high == 0
  }

  private init(words: InlineArray<5, UInt64>, count: UInt8) {
    w0 = words[0]
    w1 = words[1]
    w2 = words[2]
    w3 = words[3]
    w4 = UInt32(truncatingIfNeeded: words[4] >> 32)
    self.count = count
  }
}
