// PackedBytes: one growing run of bytes that is packed in place, emptied and used again without an
// allocation.
//
// Invariant: the first `count` bytes were packed; those behind them mean nothing.
// Not here: what lies where (the owner keeps ranges).

/// A reusable run of bytes.
public struct PackedBytes: Sendable {
  @usableFromInline var bytes: [UInt8] = []
  @usableFromInline var used = 0

  public init() {}

  /// Bytes packed so far.
  @inlinable public var count: Int { used }

  /// Packs at most `capacity` more bytes.
  @inlinable @inline(__always)
  public mutating func pack<R>(atMost capacity: Int, _ body: (inout Packer) -> R) -> R {
    if used + capacity > bytes.count { grow(capacity) }
    let start = used
    var count = 0
    let result = bytes.withUnsafeMutableBytes { buffer -> R in
      guard let base = buffer.baseAddress else { preconditionFailure("packing into nothing") }
      var packer = Packer(memory: base + start, capacity: capacity)
      let result = body(&packer)
      count = packer.count
      return result
    }
    used += count
    return result
  }

  /// Overwrites four bytes at `offset`, for what is known only afterwards.
  public mutating func patch32(at offset: Int, _ value: UInt32) {
    precondition(offset >= 0 && offset + 4 <= used, "patch32 outside of what was packed")
    bytes.withUnsafeMutableBytes {
      $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
    }
  }

  /// Looks at bytes packed before.
  @inlinable @inline(__always)
  public func withBytes<R>(
    _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> R
  ) rethrows -> R {
    precondition(range.lowerBound >= 0 && range.upperBound <= used, "outside of what was packed")
    return try bytes.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  /// A copy of bytes packed before.
  public subscript(range: Range<Int>) -> [UInt8] { withBytes(range) { Array($0) } }

  /// Empties it, keeping its memory.
  @inlinable public mutating func removeAll() { used = 0 }

  @usableFromInline
  mutating func grow(_ count: Int) {
    bytes.append(contentsOf: repeatElement(0, count: max(bytes.count, count, 1024)))
  }
}
