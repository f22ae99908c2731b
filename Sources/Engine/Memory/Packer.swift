// Packer: writes big-endian fields straight into the memory of a new byte array.
//
// The rows of hot records are encoded through it: one allocation a row, no call a byte.
// Invariant: never writes past the capacity (checked).
// Not here: reading (Wire.ByteReader), layouts (State/Rows, OrderViewCodec).

/// Appends fields to memory of a fixed capacity.
struct Packer {
  private let memory: UnsafeMutableRawPointer
  private let capacity: Int
  private(set) var count = 0

  /// The bytes that `body` packs, at most `capacity` of them.
  @inline(__always)
  static func bytes(_ capacity: Int, _ body: (inout Packer) -> Void) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      guard let start = UnsafeMutableRawPointer(buffer.baseAddress) else { return }
      var packer = Packer(memory: start, capacity: capacity)
      body(&packer)
      count = packer.count
    }
  }

  private init(memory: UnsafeMutableRawPointer, capacity: Int) {
    self.memory = memory
    self.capacity = capacity
  }

  @inline(__always) mutating func u8(_ value: UInt8) { store(value) }
  @inline(__always) mutating func u16(_ value: UInt16) { store(value.bigEndian) }
  @inline(__always) mutating func u32(_ value: UInt32) { store(value.bigEndian) }
  @inline(__always) mutating func u64(_ value: UInt64) { store(value.bigEndian) }
  @inline(__always) mutating func i64(_ value: Int64) { store(UInt64(bitPattern: value).bigEndian) }

  @inline(__always) mutating func u128(_ value: UInt128) {
    u64(UInt64(truncatingIfNeeded: value >> 64))
    u64(UInt64(truncatingIfNeeded: value))
  }

  /// The count of the text, then its bytes in whole words of eight.
  mutating func text(_ text: ShortText) {
    u8(text.count)
    let words = text.words
    for i in 0..<text.wordCount { u64(words[i]) }
  }

  @inline(__always)
  private mutating func store<T: BitwiseCopyable>(_ value: T) {
    precondition(count + MemoryLayout<T>.size <= capacity, "row longer than its bound")
    memory.storeBytes(of: value, toByteOffset: count, as: T.self)
    count += MemoryLayout<T>.size
  }
}
