// PackedBytes: one growing run of bytes that is packed in place, emptied and used again without an
// allocation.
//
// Copies share their memory until one of them packs more.
// Invariant: the first `count` bytes were packed; those behind them mean nothing.
// Not here: what lies where (the owner keeps ranges).

/// A reusable run of bytes.
public struct PackedBytes: @unchecked Sendable {  // Shared memory is never written.
  /// Frees the memory with the last of its owners.
  @usableFromInline final class Memory {
    @usableFromInline let base: UnsafeMutableRawPointer
    @usableFromInline let capacity: Int

    @usableFromInline init(capacity: Int) {
      base = .allocate(byteCount: capacity, alignment: 16)
      self.capacity = capacity
    }

    deinit { base.deallocate() }
  }

  @usableFromInline var memory: Memory?
  // Of `memory`.
  @usableFromInline var base: UnsafeMutableRawPointer?
  @usableFromInline var capacity = 0
  @usableFromInline var used = 0

  public init() {}

  /// Bytes packed so far.
  @inlinable public var count: Int { used }

  /// Packs at most `capacity` more bytes.
  @inlinable @inline(__always)
  public mutating func pack<R>(atMost capacity: Int, _ body: (inout Packer) -> R) -> R {
    var packer = Packer(memory: room(capacity) + used, capacity: capacity)
    let result = body(&packer)
    used += packer.count
    return result
  }

  /// Overwrites four bytes at `offset`, for what is known only afterwards.
  public mutating func patch32(at offset: Int, _ value: UInt32) {
    precondition(offset >= 0 && offset + 4 <= used, "patch32 outside of what was packed")
    room(0).storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
  }

  /// Looks at bytes packed before.
  @inlinable @inline(__always)
  public func withBytes<R>(
    _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> R
  ) rethrows -> R {
    precondition(range.lowerBound >= 0 && range.upperBound <= used, "outside of what was packed")
    guard let base else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
    defer { withExtendedLifetime(self) {} }
    return try body(
      UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
  }

  /// A copy of bytes packed before.
  public subscript(range: Range<Int>) -> [UInt8] { withBytes(range) { Array($0) } }

  /// Empties it, keeping its memory.
  @inlinable public mutating func removeAll() { used = 0 }

  // Memory of this run alone, with room for `count` more bytes.
  @inlinable @inline(__always)
  mutating func room(_ count: Int) -> UnsafeMutableRawPointer {
    if let base, used + count <= capacity, isKnownUniquelyReferenced(&memory) { return base }
    return renew(count)
  }

  @usableFromInline @inline(never)
  mutating func renew(_ count: Int) -> UnsafeMutableRawPointer {
    let larger = Memory(capacity: max(2 * capacity, used + count, 1024))
    if let base { larger.base.copyMemory(from: base, byteCount: used) }
    memory = larger
    base = larger.base
    capacity = larger.capacity
    return larger.base
  }
}
