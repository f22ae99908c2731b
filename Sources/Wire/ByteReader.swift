// ByteReader: reads what ByteWriter wrote, never past the end, never more than a stated limit.
//
// Invariant: 0 <= offset <= end <= bytes.count.
// Not here: knowledge of any message.

/// A bounded cursor over bytes. Each read either returns a whole value and moves on, or throws.
public struct ByteReader: Sendable {
  @usableFromInline let bytes: [UInt8]
  /// The position of the next byte, counted from the start of the array.
  @inlinable public var offset: Int { position }
  @usableFromInline var position: Int
  @usableFromInline let end: Int

  @inlinable public init(_ bytes: [UInt8]) {
    self.bytes = bytes
    position = 0
    end = bytes.count
  }

  /// Reads only `range` of the array.
  @inlinable public init(_ bytes: [UInt8], in range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "range outside bytes")
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
  }

  /// How many bytes are left.
  @inlinable public var left: Int { end - position }

  @inlinable @inline(__always)
  public mutating func u8() throws(WireError) -> UInt8 { try integer(UInt8.self) }
  @inlinable @inline(__always)
  public mutating func u16() throws(WireError) -> UInt16 { try integer(UInt16.self) }
  @inlinable @inline(__always)
  public mutating func u32() throws(WireError) -> UInt32 { try integer(UInt32.self) }
  @inlinable @inline(__always)
  public mutating func u64() throws(WireError) -> UInt64 { try integer(UInt64.self) }
  @inlinable @inline(__always)
  public mutating func i64() throws(WireError) -> Int64 { Int64(bitPattern: try u64()) }
  @inlinable public mutating func u128() throws(WireError) -> UInt128 { try integer(UInt128.self) }

  /// One byte that must be 0 or 1.
  @inlinable public mutating func bool() throws(WireError) -> Bool {
    switch try u8() {
    case 0: return false
    case 1: return true
    default: throw .invalid("bool")
    }
  }

  /// The next `count` bytes.
  public mutating func raw(_ count: Int) throws(WireError) -> [UInt8] {
    guard count >= 0, count <= left else { throw .truncated(needed: count, left: left) }
    defer { position += count }
    return Array(bytes[position..<position + count])
  }

  /// A 16-bit length, then that many bytes; lengths above `limit` are refused before reading.
  public mutating func blob16(limit: Int = Int(UInt16.max)) throws(WireError) -> [UInt8] {
    let count = Int(try u16())
    guard count <= limit else { throw .tooLong(length: count, limit: limit) }
    return try raw(count)
  }

  /// A 32-bit length, then that many bytes; lengths above `limit` are refused before reading.
  public mutating func blob32(limit: Int) throws(WireError) -> [UInt8] {
    let count = Int(try u32())
    guard count <= limit else { throw .tooLong(length: count, limit: limit) }
    return try raw(count)
  }

  /// UTF-8 text with a 16-bit length; invalid UTF-8 is refused.
  public mutating func text(limit: Int = 1024) throws(WireError) -> String {
    let utf8 = try blob16(limit: limit)
    guard let text = String(validating: utf8, as: UTF8.self) else { throw .invalid("text") }
    return text
  }

  /// Refuses bytes after the end of a value.
  @inlinable public func finish() throws(WireError) {
    guard left == 0 else { throw .trailingBytes(count: left) }
  }

  @inlinable @inline(__always)
  mutating func integer<T: FixedWidthInteger>(_: T.Type) throws(WireError) -> T {
    let size = MemoryLayout<T>.size
    guard size <= left else { throw .truncated(needed: size, left: left) }
    let value = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: T.self) }
    position += size
    return T(bigEndian: value)
  }
}
