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
    try reader.borrowing { raw throws(WireError) in try decode(&raw) }
  }

  /// The same.
  @inline(__always)
  static func decode(_ reader: inout RawReader) throws(WireError) -> ShortText {
    let count = Int(try reader.u8())
    if count == 0 { return .empty }
    guard count <= countMax else { throw .tooLong(length: count, limit: countMax) }
    let start = try reader.take((count + 7) / 8 * 8)
    var faults = Faults()
    let words = (
      word(0, start, count, &faults), word(1, start, count, &faults),
      word(2, start, count, &faults), word(3, start, count, &faults),
      word(4, start, count, &faults)
    )
    guard faults.padding == 0 else { throw .invalid("short text padding") }
    guard faults.text == 0 else { throw .invalid("short text") }
    return ShortText(words: words, count: UInt8(count))
  }

  private struct Faults {
    var padding: UInt64 = 0
    var text: UInt64 = 0
  }

  // A word of a text of `count` bytes, or 0 behind its end. All of its bytes must be from 0x21 to
  // 0x7E: a byte with its high bit clear reaches 0x80 by adding 0x5F exactly if it is at least 0x21,
  // and by adding 0x01 exactly if it is 0x7F; neither sum carries into the next byte.
  @inline(__always)
  private static func word(
    _ number: Int, _ start: UnsafeRawPointer, _ count: Int, _ faults: inout Faults
  ) -> UInt64 {
    let left = count - 8 * number
    guard left > 0 else { return 0 }
    let high: UInt64 = 0x8080_8080_8080_8080
    let word = start.big(UInt64.self, 8 * number)
    var text = word
    if left < 8 {
      // What is not text must be zero; there, 0x21 takes its place for the check.
      let padding: UInt64 = ~0 &>> UInt64(8 * left)
      faults.padding |= word & padding
      text |= padding & 0x2121_2121_2121_2121
    }
    faults.text |= (text | ~(text &+ 0x5F5F_5F5F_5F5F_5F5F)) & high
    faults.text |= (text &+ 0x0101_0101_0101_0101) & high
    return word
  }

  @inline(__always)
  init(words: (UInt64, UInt64, UInt64, UInt64, UInt64), count: UInt8) {
    w0 = words.0
    w1 = words.1
    w2 = words.2
    w3 = words.3
    w4 = UInt32(truncatingIfNeeded: words.4 >> 32)
    self.count = count
  }
}
