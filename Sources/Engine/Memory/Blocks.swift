// Blocks: runs of records of one type, one run per owner, each as wide as the highest index its
// owner used.
//
// It is the dense (account x asset) table without the columns that an account never touches.
// Invariants: a block's width is 0 or a power of two; an index below the width is initialised
// memory.
// Not here: who owns which block (the owner keeps its `Block`).

/// Where an owner's run lies.
struct Block {
  var base: Int32 = 0
  var width: Int32 = 0
}

/// Storage of many blocks.
struct Blocks<Record>: ~Copyable {
  private var records: UnsafeMutablePointer<Record>
  private var capacity: Int
  private var count = 0
  /// Freed blocks by the power of two of their width.
  private var freed: [[Int32]] = Array(repeating: [], count: 32)
  /// Behind a pointer, because the size of `Blocks` must not depend on `Record`: else Swift 6.3
  /// forgets the `deinit` when another module drops an exchange (found by the fuzzer's leak check).
  private let blank: UnsafeMutablePointer<Record>

  init(blank: Record, capacity: Int = 256) {
    self.blank = .allocate(capacity: 1)
    self.blank.initialize(to: blank)
    self.capacity = max(8, capacity)
    records = .allocate(capacity: self.capacity)
  }

  deinit {
    records.deinitialize(count: count)
    records.deallocate()
    blank.deinitialize(count: 1)
    blank.deallocate()
  }

  /// Makes `block` wide enough to hold `index`, keeping its records.
  mutating func widen(_ block: inout Block, toHold index: Int32) {
    precondition(index >= 0 && index < 1 << 24, "block index out of range")
    if index < block.width { return }
    var width: Int32 = max(4, block.width)
    var power = width.trailingZeroBitCount
    while width <= index {
      width *= 2
      power += 1
    }
    let base = take(width: width, power: power)
    for i in 0..<width {
      records[Int(base + i)] = i < block.width ? records[Int(block.base + i)] : blank.pointee
    }
    if block.width > 0 { freed[block.width.trailingZeroBitCount].append(block.base) }
    block = Block(base: base, width: width)
  }

  private mutating func take(width: Int32, power: Int) -> Int32 {
    if let base = freed[power].popLast() { return base }
    let base = count
    precondition(base + Int(width) < Int(Int32.max), "blocks full")
    if base + Int(width) > capacity { grow(to: max(capacity * 2, base + Int(width))) }
    (records + base).initialize(repeating: blank.pointee, count: Int(width))
    count += Int(width)
    return Int32(base)
  }

  private mutating func grow(to larger: Int) {
    let moved = UnsafeMutablePointer<Record>.allocate(capacity: larger)
    moved.moveInitialize(from: records, count: count)
    records.deallocate()
    records = moved
    capacity = larger
  }

  /// The record at `index` of `block`; the index must be below the width.
  subscript(block: Block, index: Int32) -> Record {
    @inline(__always) unsafeAddress {
      precondition(UInt32(bitPattern: index) < UInt32(bitPattern: block.width), "outside of block")
      return UnsafePointer(records + Int(block.base) + Int(index))
    }
    @inline(__always) unsafeMutableAddress {
      precondition(UInt32(bitPattern: index) < UInt32(bitPattern: block.width), "outside of block")
      return records + Int(block.base) + Int(index)
    }
  }
}
