// ShortText as bytes: a count, then whole words of eight bytes, zero-padded, so that reading it
// allocates nothing.
// Not here: the other texts (ByteReader.text).

import Wire

extension ShortText {
  /// How many words of eight bytes the text takes when encoded.
  var wordCount: Int { (Int(count) + 7) / 8 }

  /// Its words; those at and above `wordCount` are zero.
  var words: InlineArray<5, UInt64> { [w0, w1, w2, w3, UInt64(w4) << 32] }

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
    for i in 0..<(Int(count) + 7) / 8 {
      let word = try reader.u64()
      for byte in 0..<8 {
        let value = UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * byte))
        if left > 0 {
          guard value > 0x20, value < 0x7F else { throw .invalid("short text") }
          left -= 1
        } else if value != 0 {
          throw .invalid("short text padding")
        }
      }
      words[i] = word
    }
    return ShortText(words: words, count: count)
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
