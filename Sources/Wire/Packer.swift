// Packer: writes big-endian fields straight into memory of a known capacity.
//
// Rows and replies of the hot path are encoded through it: no allocation, no call a byte.
// Invariant: never writes past the capacity (checked).
// Not here: reading (ByteReader), layouts (the rooms that own them).

/// Appends fields to memory of a fixed capacity.
public struct Packer {
  @usableFromInline let memory: UnsafeMutableRawPointer
  @usableFromInline let capacity: Int
  /// Bytes written so far.
  public internal(set) var count: Int {
    @inlinable get { written }
    @inlinable set { written = newValue }
  }
  @usableFromInline var written = 0

  /// A packer over `capacity` bytes of memory, which must outlive it.
  @inlinable public init(memory: UnsafeMutableRawPointer, capacity: Int) {
    self.memory = memory
    self.capacity = capacity
  }

  /// The bytes that `body` packs, at most `capacity` of them.
  @inlinable
  public static func bytes(_ capacity: Int, _ body: (inout Packer) -> Void) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      guard let start = UnsafeMutableRawPointer(buffer.baseAddress) else { return }
      var packer = Packer(memory: start, capacity: capacity)
      body(&packer)
      count = packer.written
    }
  }

  @inlinable public mutating func u8(_ value: UInt8) { store(value) }
  @inlinable public mutating func u16(_ value: UInt16) { store(value.bigEndian) }
  @inlinable public mutating func u32(_ value: UInt32) { store(value.bigEndian) }
  @inlinable public mutating func u64(_ value: UInt64) { store(value.bigEndian) }

  @inlinable public mutating func i64(_ value: Int64) {
    store(UInt64(bitPattern: value).bigEndian)
  }

  @inlinable public mutating func u128(_ value: UInt128) {
    u64(UInt64(truncatingIfNeeded: value >> 64))
    u64(UInt64(truncatingIfNeeded: value))
  }

  /// The bytes as they are.
  @inlinable public mutating func raw(_ bytes: UnsafeRawBufferPointer) {
    precondition(written + bytes.count <= capacity, "packed beyond the capacity")
    guard let start = bytes.baseAddress else { return }
    (memory + written).copyMemory(from: start, byteCount: bytes.count)
    written += bytes.count
  }

  /// Packs what `body` writes to the memory that it is given, at most `limit` bytes: it answers how
  /// many. One check for all of them.
  @inlinable @inline(__always)
  public mutating func block(atMost limit: Int, _ body: (UnsafeMutableRawPointer) -> Int) {
    precondition(written + limit <= capacity, "packed beyond the capacity")
    let count = body(memory + written)
    precondition(count >= 0 && count <= limit, "packed beyond the limit")
    written += count
  }

  /// Overwrites four bytes at `offset`, for what is known only afterwards.
  @inlinable public mutating func patch32(at offset: Int, _ value: UInt32) {
    precondition(offset >= 0 && offset + 4 <= written, "patch32 outside of what was packed")
    memory.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
  }

  @inlinable @inline(__always)
  mutating func store<T: BitwiseCopyable>(_ value: T) {
    precondition(written + MemoryLayout<T>.size <= capacity, "packed beyond the capacity")
    memory.storeBytes(of: value, toByteOffset: written, as: T.self)
    written += MemoryLayout<T>.size
  }
}
