// OutcomeMemory: where the duplicate table keeps its outcomes: plain records in a slab, an open-addressing index by
// request id, and the replies in cells of few sizes.
//
// Invariants: a live record stands in the index exactly once; a reply lies in a cell of its own until its record is
// given back; nothing here is moved or counted per use, and what is given back is used again.
// Not here: what is kept and for how long (DuplicateTable).

import Engine
import Wire

/// A recorded outcome, without its reply's bytes.
struct StoredOutcome {
  var id: RequestID
  var index: UInt64
  var stamp: Int64
  var deadline: Int64
  var account: AccountID
  /// Of its row.
  var hash: (UInt64, UInt64)
  /// Its reply's cell.
  var reply: UnsafeMutableRawPointer?
  var replyCount: UInt32 = 0
  /// The next one that expires in the same second, or -1.
  var next: Int32 = -1
}

/// Records, index and replies.
struct OutcomeMemory: ~Copyable {
  private static let vacant: UInt64 = 0xFFFF_FFFF

  private var records: UnsafeMutablePointer<StoredOutcome>
  private var capacity: Int
  private var used = 0
  private var free: Int32 = -1
  /// Upper half: some bits of the id. Lower half: the slot, or all ones.
  private var places: UnsafeMutablePointer<UInt64>
  private var bits: UInt32
  private var mask: Int
  private var replies = ReplyCells()
  private let inPlace = InPlace()
  private(set) var count = 0

  init() {
    capacity = 1024
    records = Memory.take(capacity)
    bits = 11
    mask = (1 << 11) - 1
    places = Self.vacantPlaces(bits)
  }

  deinit {
    for slot in 0..<used {
      guard let cell = records[slot].reply else { continue }
      ReplyCells.releaseIfLarge(cell, Int(records[slot].replyCount))
    }
    Memory.give(records, capacity)
    Memory.give(places, 1 << Int(bits))
  }

  subscript(slot: Int32) -> StoredOutcome {
    @inline(__always) unsafeAddress {
      precondition(slot >= 0 && Int(slot) < used, "slot outside of the table")
      return UnsafePointer(records + Int(slot))
    }
    @inline(__always) unsafeMutableAddress {
      precondition(slot >= 0 && Int(slot) < used, "slot outside of the table")
      return records + Int(slot)
    }
  }

  /// The reply of a record.
  @inline(__always)
  func reply(_ slot: Int32) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: self[slot].reply, count: Int(self[slot].replyCount))
  }

  /// Begins to bring closer where `id` is looked for.
  @inline(__always)
  func fetch(_ id: RequestID) { Memory.fetch(places + home(Self.tag(id))) }

  /// Begins to bring a record closer, if there is one.
  @inline(__always)
  func fetch(record slot: Int32) {
    if slot >= 0, Int(slot) < used {
      Memory.fetch(records + Int(slot), bytes: MemoryLayout<StoredOutcome>.stride)
    }
  }

  /// The record of `id`, or -1.
  @inline(__always)
  func find(_ id: RequestID) -> Int32 {
    let tag = Self.tag(id)
    var at = home(tag)
    while true {
      let place = places[at]
      if place & Self.vacant == Self.vacant { return -1 }
      if UInt32(place >> 32) == tag {
        let slot = Int32(bitPattern: UInt32(truncatingIfNeeded: place))
        if records[Int(slot)].id == id { return slot }
      }
      at = (at &+ 1) & mask
    }
  }

  /// Adds a record with a copy of its reply. Answers its slot.
  @inline(__always)
  mutating func add(_ outcome: StoredOutcome, reply: UnsafeRawBufferPointer) -> Int32 {
    if count * 2 > mask - 1 { growIndex() }
    let slot = takeSlot()
    (records + Int(slot)).initialize(to: outcome)
    records[Int(slot)].reply = replies.store(reply)
    records[Int(slot)].replyCount = UInt32(reply.count)
    place(UInt64(Self.tag(outcome.id)) << 32 | UInt64(UInt32(bitPattern: slot)))
    count += 1
    return slot
  }

  /// Gives a record and its reply's cell back.
  mutating func remove(_ slot: Int32) {
    unplace(slot)
    if let cell = self[slot].reply { replies.release(cell, Int(self[slot].replyCount)) }
    records[Int(slot)].reply = nil
    records[Int(slot)].replyCount = 0
    records[Int(slot)].next = free
    free = slot
    count -= 1
  }

  @inline(__always)
  private mutating func takeSlot() -> Int32 {
    if free >= 0 {
      let slot = free
      free = records[Int(slot)].next
      return slot
    }
    if used == capacity { grow() }
    used += 1
    return Int32(used - 1)
  }

  @inline(never)
  private mutating func grow() {
    precondition(capacity < Int(Int32.max) / 2, "duplicate table full")
    records = Memory.grow(records, count: used, from: capacity, to: capacity * 2)
    capacity *= 2
  }

  @inline(__always)
  private static func tag(_ id: RequestID) -> UInt32 {
    UInt32(truncatingIfNeeded: ((id.words.0 ^ id.words.3) &* 0x9E37_79B9_7F4A_7C15) >> 32)
  }

  @inline(__always)
  private func home(_ tag: UInt32) -> Int { Int(tag &>> (32 &- bits)) }

  @inline(__always)
  private func place(_ entry: UInt64) {
    var at = home(UInt32(entry >> 32))
    while places[at] & Self.vacant != Self.vacant { at = (at &+ 1) & mask }
    places[at] = entry
  }

  private func unplace(_ slot: Int32) {
    let tag = Self.tag(self[slot].id)
    let entry = UInt64(tag) << 32 | UInt64(UInt32(bitPattern: slot))
    var hole = home(tag)
    while places[hole] != entry {
      precondition(places[hole] & Self.vacant != Self.vacant, "removal of an absent outcome")
      hole = (hole &+ 1) & mask
    }
    var scan = hole
    while true {
      scan = (scan &+ 1) & mask
      let moved = places[scan]
      if moved & Self.vacant == Self.vacant { break }
      let wanted = home(UInt32(moved >> 32))
      // The entry may fill the hole unless its home lies cyclically between the hole and itself.
      if (scan &- wanted) & mask >= (scan &- hole) & mask {
        places[hole] = moved
        hole = scan
      }
    }
    places[hole] = Self.vacant
  }

  private mutating func growIndex() {
    precondition(bits < 31, "duplicate table full")
    let old = places
    let oldCount = 1 << Int(bits)
    bits += 1
    mask = (1 << Int(bits)) - 1
    places = Self.vacantPlaces(bits)
    for i in 0..<oldCount where old[i] & Self.vacant != Self.vacant { place(old[i]) }
    Memory.give(old, oldCount)
  }

  private static func vacantPlaces(_ bits: UInt32) -> UnsafeMutablePointer<UInt64> {
    let places: UnsafeMutablePointer<UInt64> = Memory.take(1 << Int(bits))
    places.initialize(repeating: vacant, count: 1 << Int(bits))
    return places
  }
}

/// Cells for replies: sizes in steps of 32 bytes up to 1 KiB out of large pages; longer replies by themselves.
struct ReplyCells: ~Copyable {
  private static let step = 32
  private static let cellMax = 1024
  /// The first pages are small, so that a small exchange does not need a large one.
  private static let pageBytes = 1 << 18
  private static let smallPages = 8
  private static let largePageBytes = 1 << 21

  private var pages: [UnsafeMutablePointer<UInt8>] = []
  /// What is left of the last of them.
  private var page: UnsafeMutableRawPointer
  private var pageLeft = 0
  /// The first free cell of each size; a free cell begins with the address of the next.
  private var freeCells = Column<UnsafeMutableRawPointer?>(
    repeating: nil, count: ReplyCells.cellMax / ReplyCells.step + 1)

  init() {
    let first: UnsafeMutablePointer<UInt8> = Memory.take(Self.pageBytes)
    pages.append(first)
    page = UnsafeMutableRawPointer(first)
    pageLeft = Self.pageBytes
  }

  @inline(never)
  private mutating func openPage() {
    pageLeft = Self.bytes(ofPage: pages.count)
    let next: UnsafeMutablePointer<UInt8> = Memory.take(pageLeft)
    pages.append(next)
    page = UnsafeMutableRawPointer(next)
  }

  private static func bytes(ofPage number: Int) -> Int {
    number < smallPages ? pageBytes : largePageBytes
  }

  deinit {
    for (number, page) in pages.enumerated() { Memory.give(page, Self.bytes(ofPage: number)) }
  }

  /// Copies bytes into a cell.
  @inline(__always)
  mutating func store(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutableRawPointer {
    let cell = take(bytes.count)
    if let start = bytes.baseAddress { cell.copyMemory(from: start, byteCount: bytes.count) }
    return cell
  }

  mutating func release(_ cell: UnsafeMutableRawPointer, _ count: Int) {
    if count > Self.cellMax {
      cell.deallocate()
      return
    }
    let size = Self.size(count)
    cell.storeBytes(of: freeCells[size], as: UnsafeMutableRawPointer?.self)
    freeCells[size] = cell
  }

  static func releaseIfLarge(_ cell: UnsafeMutableRawPointer, _ count: Int) {
    if count > cellMax { cell.deallocate() }
  }

  private static func size(_ count: Int) -> Int { max(1, (count + step - 1) / step) }

  @inline(__always)
  private mutating func take(_ count: Int) -> UnsafeMutableRawPointer {
    if count > Self.cellMax { return .allocate(byteCount: count, alignment: 16) }
    let size = Self.size(count)
    if let cell = freeCells[size] {
      freeCells[size] = cell.load(as: UnsafeMutableRawPointer?.self)
      return cell
    }
    let bytes = size * Self.step
    if bytes > pageLeft { openPage() }
    pageLeft -= bytes
    defer { page += bytes }
    return page
  }
}
