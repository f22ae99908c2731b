// Slab: records of one type in one growing allocation, named by Int32 slots, reused last-in
// first-out.
//
// Invariants: a slot below `count` is initialised memory; every access checks its slot, in release
// too (measured: the check is free). Records hold no references, so nothing is retained or released
// on the way.
// Not here: what the records mean, and which slots are in use (the owner knows).

import Wire

/// A growing array of plain records with stable slots.
struct Slab<Record>: ~Copyable {
  private var base: UnsafeMutablePointer<Record>
  private var capacity: Int32
  /// Slots ever used; all of them are initialised.
  private(set) var count: Int32 = 0
  private var free = List<Int32>()
  private let place = InPlace()

  init(capacity: Int32 = 64) {
    self.capacity = max(1, capacity)
    base = Memory.take(Int(self.capacity))
  }

  deinit {
    base.deinitialize(count: Int(count))
    Memory.give(base, Int(capacity))
  }

  /// Slots in use.
  var used: Int { Int(count) - free.count }

  /// Stores a record in a free slot. Amortised O(1).
  @inline(__always)
  mutating func allocate(_ record: Record) -> Int32 {
    if let slot = free.popLast() {
      base[Int(slot)] = record
      return slot
    }
    if count == capacity { grow() }
    let slot = count
    (base + Int(slot)).initialize(to: record)
    count += 1
    return slot
  }

  /// Stores a record; if the slot was used before, `keeping` may carry something over from its last
  /// record.
  @inline(__always)
  mutating func allocate(_ record: Record, keeping: (inout Record, Record) -> Void) -> Int32 {
    guard let slot = free.popLast() else { return allocate(record) }
    var record = record
    keeping(&record, base[Int(slot)])
    base[Int(slot)] = record
    return slot
  }

  /// Makes `slot`, which another slab allocated, a slot of this one too, for records that hold no references:
  /// what it holds is the caller's to write. Such slots are never released here.
  @inline(__always)
  mutating func follow(_ slot: Int32) {
    if slot < count { return }
    precondition(slot == count, "a slot out of turn")
    if count == capacity { grow() }
    count += 1
  }

  /// Gives a slot back. Its record stays readable until the slot is used again.
  mutating func release(_ slot: Int32) {
    precondition(UInt32(bitPattern: slot) < UInt32(bitPattern: count), "release of no slot")
    free.append(slot)
  }

  /// Leaves unused what was given back. For a planted bug.
  mutating func forgetFree() { free.removeAll() }

  /// Begins to bring a record closer, if there is one.
  @inline(__always)
  func fetch(_ slot: Int32) {
    if UInt32(bitPattern: slot) < UInt32(bitPattern: count) {
      Memory.fetch(base + Int(slot), bytes: MemoryLayout<Record>.stride)
    }
  }

  subscript(slot: Int32) -> Record {
    @inline(__always) unsafeAddress {
      precondition(UInt32(bitPattern: slot) < UInt32(bitPattern: count), "slot outside of the slab")
      return UnsafePointer(base + Int(slot))
    }
    @inline(__always) unsafeMutableAddress {
      precondition(UInt32(bitPattern: slot) < UInt32(bitPattern: count), "slot outside of the slab")
      return base + Int(slot)
    }
  }

  @inline(never)
  private mutating func grow() {
    precondition(capacity < Int32.max / 2, "slab full")
    base = Memory.grow(
      base, count: Int(count), from: Int(capacity), to: Int(capacity) * 2)
    capacity *= 2
  }
}
