// ShortNumbers: numbers in as few bytes as they need, with their lengths apart, four bits each.
//
// Most numbers of an order are far below 2^64; most of what is stored is orders.
// Invariants: a number has one encoding (its last byte is not zero, and zero has no byte); reading is bounded and
// never traps.
// Not here: which numbers stand where (the owners of the layouts).

/// Packs numbers one behind the other, least significant byte first.
public struct NumberPacker {
  @usableFromInline let memory: UnsafeMutableRawPointer
  /// Where the next number goes.
  @inlinable public var end: Int { position }
  @usableFromInline var position: Int
  /// The bytes that each number takes, the first number's in the lowest four bits; of at most 16 numbers.
  @inlinable public var lengths: UInt64 { packedLengths }
  @usableFromInline var packedLengths: UInt64 = 0
  @usableFromInline var shift: UInt64 = 0

  /// Packs from `offset` of `memory` on. Each number needs room for eight bytes there, even if it keeps fewer.
  @inlinable @inline(__always)
  public init(_ memory: UnsafeMutableRawPointer, at offset: Int) {
    self.memory = memory
    position = offset
  }

  /// Packs a number.
  @inlinable @inline(__always)
  public mutating func put(_ value: UInt64) {
    memory.storeBytes(of: value.littleEndian, toByteOffset: position, as: UInt64.self)
    // The highest bit of what is looked at is one above the value's, or the value's own if it is the last; zero
    // leaves bit 0, which counts as none.
    let marked = (value &<< 1 | 1) | value
    let count = (70 &- marked.leadingZeroBitCount) &>> 3
    packedLengths |= UInt64(truncatingIfNeeded: count) &<< shift
    shift &+= 4
    position &+= count
  }

  /// Packs `count` zeros.
  @inlinable @inline(__always)
  public mutating func skip(_ count: UInt64) { shift &+= 4 &* count }

  /// Packs a number that is hardly ever negative: one that is takes eight bytes.
  @inlinable @inline(__always)
  public mutating func put(_ value: Int64) { put(UInt64(bitPattern: value)) }
}

/// The lengths of numbers that are read one after the other.
public struct NumberLengths {
  @usableFromInline var lengths: UInt64

  /// As `NumberPacker` made them.
  @inlinable public init(_ lengths: UInt64) { self.lengths = lengths }

  /// Reads the next number.
  @inlinable @inline(__always)
  public mutating func next(_ reader: inout RawReader) throws(WireError) -> UInt64 {
    defer { lengths &>>= 4 }
    return try reader.number(Int(truncatingIfNeeded: lengths & 15))
  }

  /// The same, of a number that may be negative.
  @inlinable @inline(__always)
  public mutating func signed(_ reader: inout RawReader) throws(WireError) -> Int64 {
    Int64(bitPattern: try next(&reader))
  }

  /// The same, of a number that must be below 2^32.
  @inlinable @inline(__always)
  public mutating func short(_ reader: inout RawReader) throws(WireError) -> UInt32 {
    guard let value = UInt32(exactly: try next(&reader)) else { throw .invalid("short number") }
    return value
  }

  /// Refuses lengths of numbers that were not read.
  @inlinable public func finish() throws(WireError) {
    guard lengths == 0 else { throw .invalid("lengths of no numbers") }
  }
}

extension RawReader {
  /// A number of `count` bytes, as `NumberPacker` packs them.
  @inlinable @inline(__always)
  public mutating func number(_ count: Int) throws(WireError) -> UInt64 {
    if count == 0 { return 0 }
    guard count <= 8 else { throw .invalid("number of more than eight bytes") }
    let hasWord = left >= 8
    let start = try take(count)
    var value: UInt64 = 0
    if hasWord {
      value = start.loadUnaligned(as: UInt64.self).littleEndian
      value &= ~0 &>> UInt64(64 - 8 * count)
    } else {
      for i in 0..<count { value |= UInt64(start.big(UInt8.self, i)) &<< UInt64(8 * i) }
    }
    guard value &>> UInt64(8 * count - 8) != 0 else { throw .invalid("number with an empty byte") }
    return value
  }
}
