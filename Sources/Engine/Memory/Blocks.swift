// Blocks: small tables of records of one type, one table per owner, with as many places as the owner
// has records.
//
// It is the sparse (account x asset) table: an account that owns the thousandth asset alone has one
// record, and most records lie where their index says, so a lookup is one comparison.
// Invariants: a block's width is 0 or a power of two, at least the count of its records; a record
// stands at the first vacant place from its home on, and records are never taken out; places in use
// have an index, vacant ones -1.
// Not here: who owns which block (the owner keeps its `Block`).

import Wire

/// Where an owner's table lies.
struct Block {
  fileprivate var base: Int32 = 0
  fileprivate var width: UInt16 = 0
  /// How many records it has.
  private(set) var count: UInt16 = 0

  init() {}

  fileprivate init(base: Int32, width: Int, count: UInt16) {
    self.base = base
    self.width = UInt16(width)
    self.count = count
  }

  fileprivate mutating func countOne() { count += 1 }

  // A table of up to four records may be full; a larger one keeps a quarter of its places free.
  fileprivate var isFull: Bool { width <= 4 ? count == width : count >= width / 4 * 3 }
}

/// Storage of many blocks.
struct Blocks<Record>: ~Copyable {
  private struct Cell {
    var record: Record
    /// -1: vacant.
    var index: Int32
  }

  /// No index is as high: a block of that many records still has places to spare.
  static var indexMax: Int32 { 24_000 }

  private var cells: UnsafeMutablePointer<Cell>
  private var capacity: Int
  private var count = 0
  /// Freed blocks by the power of two of their width.
  private var freed: [[Int32]] = Array(repeating: [], count: 17)
  /// Behind a pointer, because the size of `Blocks` must not depend on `Record`: else Swift 6.3
  /// forgets the `deinit` when another module drops an exchange (found by the fuzzer's leak check).
  private let blank: UnsafeMutablePointer<Record>
  private let place = InPlace()

  init(blank: Record, capacity: Int = 256) {
    self.blank = .allocate(capacity: 1)
    self.blank.initialize(to: blank)
    self.capacity = max(8, capacity)
    cells = Memory.take(self.capacity)
  }

  deinit {
    cells.deinitialize(count: count)
    Memory.give(cells, capacity)
    blank.deinitialize(count: 1)
    blank.deallocate()
  }

  /// Begins to bring closer where the record at `index` of `block` probably is.
  @inline(__always)
  func fetch(_ block: Block, _ index: Int32) {
    if block.width == 0 { return }
    let home = Int(block.base) &+ Int(index) & (Int(block.width) &- 1)
    Memory.fetch(cells + home, bytes: MemoryLayout<Cell>.stride)
  }

  /// Where the record at `index` of `block` lies, or -1 if there is none.
  @inline(__always)
  func find(_ block: Block, _ index: Int32) -> Int {
    if block.width == 0 { return -1 }
    let home = Int(block.base) &+ Int(index) & (Int(block.width) &- 1)
    return cells[home].index == index ? home : search(block, index)
  }

  @inline(never)
  private func search(_ block: Block, _ index: Int32) -> Int {
    let mask = Int(block.width) - 1
    for step in 0...mask {
      let place = Int(block.base) + (Int(index) + step) & mask
      if cells[place].index == index { return place }
      if cells[place].index < 0 { return -1 }
    }
    return -1
  }

  /// Where the record at `index` of `block` lies, which is made if it is not there.
  @inline(__always)
  mutating func findOrInsert(_ block: inout Block, _ index: Int32) -> Int {
    let place = find(block, index)
    return place >= 0 ? place : insert(&block, index)
  }

  @inline(never)
  private mutating func insert(_ block: inout Block, _ index: Int32) -> Int {
    precondition(index >= 0 && index < Self.indexMax, "block index out of range")
    if block.isFull { widen(&block) }
    let place = vacancy(block, index)
    cells[place].index = index
    block.countOne()
    return place
  }

  // The place for a record that is not there yet.
  private func vacancy(_ block: Block, _ index: Int32) -> Int {
    let mask = Int(block.width) - 1
    var step = Int(index) & mask
    while cells[Int(block.base) + step].index >= 0 { step = (step + 1) & mask }
    return Int(block.base) + step
  }

  private mutating func widen(_ block: inout Block) {
    let width = max(1, Int(block.width) * 2)
    let wider = Block(base: take(width: width), width: width, count: block.count)
    for place in Int(block.base)..<Int(block.base) + Int(block.width)
    where cells[place].index >= 0 {
      cells[vacancy(wider, cells[place].index)] = cells[place]
    }
    if block.width > 0 { freed[block.width.trailingZeroBitCount].append(block.base) }
    block = wider
  }

  // Vacant places.
  private mutating func take(width: Int) -> Int32 {
    let vacant = Cell(record: blank.pointee, index: -1)
    if let base = freed[width.trailingZeroBitCount].popLast() {
      for place in Int(base)..<Int(base) + width { cells[place] = vacant }
      return base
    }
    let base = count
    precondition(base + width < Int(Int32.max), "blocks full")
    if base + width > capacity { grow(to: max(capacity * 2, base + width)) }
    (cells + base).initialize(repeating: vacant, count: width)
    count += width
    return Int32(base)
  }

  private mutating func grow(to larger: Int) {
    cells = Memory.grow(cells, count: count, from: capacity, to: larger)
    capacity = larger
  }

  /// The record at a place that was found.
  subscript(place: Int) -> Record {
    @inline(__always) unsafeAddress {
      precondition(place >= 0 && place < count, "outside of the blocks")
      return UnsafePointer(pointer(place))
    }
    @inline(__always) unsafeMutableAddress {
      precondition(place >= 0 && place < count, "outside of the blocks")
      return pointer(place)
    }
  }

  // The record is the first thing in its cell.
  @inline(__always)
  private func pointer(_ place: Int) -> UnsafeMutablePointer<Record> {
    UnsafeMutableRawPointer(cells + place).assumingMemoryBound(to: Record.self)
  }
}
