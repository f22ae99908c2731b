// RawReader: a bounded cursor over bytes that lie somewhere else, for what is read all the time: no reference counts,
// and one check for all fields of a fixed layout.
//
// Invariant: 0 <= offset <= bytes.count.
// Not here: who keeps the bytes (the caller, for as long as the reader lives), knowledge of any message.

/// A bounded cursor over borrowed bytes. Each read either returns a whole value and moves on, or throws.
public struct RawReader {
  @usableFromInline let bytes: UnsafeRawBufferPointer
  /// The position of the next byte.
  @inlinable public var offset: Int { position }
  @usableFromInline var position = 0

  /// Reads `bytes`, which must outlive the reader.
  @inlinable public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// How many bytes are left.
  @inlinable public var left: Int { bytes.count - position }

  /// Moves behind the next `count` bytes. Answers where they are.
  @inlinable @inline(__always)
  public mutating func take(_ count: Int) throws(WireError) -> UnsafeRawPointer {
    guard count >= 0, count <= left, let base = bytes.baseAddress else {
      throw .truncated(needed: count, left: left)
    }
    let start = base + position
    position += count
    return start
  }

  @inlinable @inline(__always)
  public mutating func u8() throws(WireError) -> UInt8 { try take(1).big(UInt8.self, 0) }
  @inlinable @inline(__always)
  public mutating func u16() throws(WireError) -> UInt16 { try take(2).big(UInt16.self, 0) }
  @inlinable @inline(__always)
  public mutating func u32() throws(WireError) -> UInt32 { try take(4).big(UInt32.self, 0) }
  @inlinable @inline(__always)
  public mutating func u64() throws(WireError) -> UInt64 { try take(8).big(UInt64.self, 0) }
  @inlinable @inline(__always)
  public mutating func i64() throws(WireError) -> Int64 { try take(8).big(Int64.self, 0) }

  /// One byte that must be 0 or 1.
  @inlinable @inline(__always)
  public mutating func bool() throws(WireError) -> Bool {
    switch try u8() {
    case 0: return false
    case 1: return true
    default: throw .invalid("bool")
    }
  }

  /// A copy of the next `count` bytes.
  public mutating func raw(_ count: Int) throws(WireError) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: try take(count), count: count))
  }
}

extension ByteReader {
  /// Reads with a `RawReader` from here on, and moves behind what it read.
  @inlinable
  public mutating func borrowing<R>(
    _ body: (inout RawReader) throws(WireError) -> R
  ) throws(WireError) -> R {
    let (start, end) = (position, self.end)
    let result: Result<(R, Int), WireError> = bytes.withUnsafeBytes { all in
      var reader = RawReader(UnsafeRawBufferPointer(rebasing: all[start..<end]))
      do throws(WireError) {
        return .success((try body(&reader), reader.offset))
      } catch {
        return .failure(error)
      }
    }
    let (value, count) = try result.get()
    position += count
    return value
  }
}

extension UnsafeRawPointer {
  /// The big-endian integer at `offset`.
  @inlinable @inline(__always)
  public func big<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type, _ offset: Int) -> T {
    T(bigEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
  }
}
