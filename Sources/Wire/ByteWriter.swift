// ByteWriter: appends fixed-width big-endian values to a byte array.
//
// Invariant: everything is big-endian, so that encoded row keys sort as their values do.
// Not here: knowledge of any message, and no length limits (the reader enforces those).

/// Appends values to a growing byte array. Reuse one with `removeAll()` to keep its capacity.
public struct ByteWriter: Sendable {
  /// What was written so far.
  public private(set) var bytes: [UInt8]

  public init(capacity: Int = 64) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  /// The number of bytes written so far.
  public var count: Int { bytes.count }

  /// Forgets what was written, keeping the capacity.
  public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  @inlinable public mutating func u8(_ value: UInt8) { append(value) }
  @inlinable public mutating func bool(_ value: Bool) { append(value ? 1 : 0 as UInt8) }
  @inlinable public mutating func u16(_ value: UInt16) { append(value) }
  @inlinable public mutating func u32(_ value: UInt32) { append(value) }
  @inlinable public mutating func u64(_ value: UInt64) { append(value) }
  @inlinable public mutating func i64(_ value: Int64) { append(UInt64(bitPattern: value)) }
  @inlinable public mutating func u128(_ value: UInt128) { append(value) }

  /// The bytes as they are, without a length.
  public mutating func raw(_ value: some Sequence<UInt8>) { bytes.append(contentsOf: value) }

  /// A 16-bit length, then the bytes. Traps above 65,535 bytes: the caller bounds its fields.
  public mutating func blob16(_ value: [UInt8]) {
    precondition(value.count <= Int(UInt16.max), "blob16 above 65,535 bytes")
    u16(UInt16(value.count))
    bytes.append(contentsOf: value)
  }

  /// A 32-bit length, then the bytes.
  public mutating func blob32(_ value: [UInt8]) {
    precondition(value.count <= Int(UInt32.max), "blob32 above 4 GiB")
    u32(UInt32(value.count))
    bytes.append(contentsOf: value)
  }

  /// UTF-8 with a 16-bit length.
  public mutating func text(_ value: String) { blob16(Array(value.utf8)) }

  /// Overwrites four bytes at `offset`, for lengths and checksums that are known only afterwards.
  public mutating func patch32(at offset: Int, _ value: UInt32) {
    precondition(offset >= 0 && offset + 4 <= bytes.count, "patch32 outside of what was written")
    for i in 0..<4 { bytes[offset + i] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * i)) }
  }

  @usableFromInline mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }
}
