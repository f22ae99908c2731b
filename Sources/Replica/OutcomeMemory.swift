// OutcomeMemory: where the duplicate table keeps its outcomes: the bytes of the outcomes of an entry together, as its
// row has them, a plain record an outcome that says where in there it is, and an open-addressing index by request id.
//
// Invariants: a live record stands in the index exactly once and belongs to one group; the bytes of a group stay until
// the last of its records is given back; at most one group is open, and only to that one is added; nothing here is
// moved or counted per use, and what is given back is used again.
// Not here: what is kept and for how long (DuplicateTable), what the bytes say (OutcomeRows).

import Engine
import Wire

/// A recorded outcome, without its bytes.
struct StoredOutcome: BitwiseCopyable {
  /// Some bits of the request's id.
  var tag: UInt32
  var group: Int32
  /// Where it begins within its group's bytes.
  var offset: UInt32
  var replyCount: UInt32
  /// The first second in which it is gone; all ones: much later.
  var expiry: UInt32
  /// The place of its account.
  var account: UInt32
  /// The next one that expires in the same second, or -1.
  var next: Int32 = -1
}

/// Outcomes of one entry that are stored as one row.
struct OutcomeGroup: BitwiseCopyable {
  var index: UInt64
  var part: UInt32
  /// How many of its outcomes are kept still.
  var live: UInt32 = 0
  /// The value of its row.
  var bytes: UnsafeMutableRawPointer?
  var count: UInt32 = 0
  /// The next free one, or -1.
  var next: Int32 = -1
  /// Of its row.
  var hash: (UInt64, UInt64) = (0, 0)
}

/// Groups, records and index.
struct OutcomeMemory: ~Copyable {
  private static let vacant: UInt64 = 0xFFFF_FFFF

  private var records = Column<StoredOutcome>(capacity: 1024)
  private var free: Int32 = -1
  private var groups = Column<OutcomeGroup>()
  private var freeGroup: Int32 = -1
  /// The group to which outcomes are added, or -1. Its bytes are `building`.
  private(set) var open: Int32 = -1
  private var building: UnsafeMutableRawPointer
  private var buildingCapacity = 8192
  /// How many bytes the open group has.
  private(set) var openCount = 0
  /// How many outcomes it has.
  private var openLive: UInt32 = 0
  /// Upper half: some bits of the id. Lower half: the slot, or all ones.
  private var places: UnsafeMutablePointer<UInt64>
  private var bits: UInt32
  private var mask: Int
  private var cells = OutcomeCells()
  private let inPlace = InPlace()
  private(set) var count = 0

  init() {
    bits = 11
    mask = (1 << 11) - 1
    places = Self.vacantPlaces(bits)
    building = .allocate(byteCount: buildingCapacity, alignment: 16)
  }

  deinit {
    for group in 0..<groups.count where Int32(group) != open {
      guard let cell = groups[group].bytes else { continue }
      OutcomeCells.releaseIfLarge(cell, Int(groups[group].count))
    }
    building.deallocate()
    Memory.give(places, 1 << Int(bits))
  }

  subscript(slot: Int32) -> StoredOutcome {
    @inline(__always) _read { yield records[Int(slot)] }
    @inline(__always) _modify { yield &records[Int(slot)] }
  }

  /// The group that a record belongs to.
  @inline(__always)
  func group(of slot: Int32) -> OutcomeGroup { groups[Int(records[Int(slot)].group)] }

  /// Where the bytes of a record's outcome begin, and how many its group has from there on.
  @inline(__always)
  func bytes(_ slot: Int32) -> UnsafeRawBufferPointer {
    let offset = Int(records[Int(slot)].offset)
    let group = Int(records[Int(slot)].group)
    let start = UnsafeRawPointer(groups[group].bytes)
    let count = group == Int(open) ? openCount : Int(groups[group].count)
    return UnsafeRawBufferPointer(start: start.map { $0 + offset }, count: count - offset)
  }

  /// Begins to bring closer where `id` is looked for.
  @inline(__always)
  func fetch(_ id: RequestID) { Memory.fetch(places + home(Self.tag(id))) }

  /// Begins to bring closer where a record stands in the index.
  @inline(__always)
  func fetch(place slot: Int32) { Memory.fetch(places + home(self[slot].tag)) }

  /// Begins to bring a record closer, if there is one.
  @inline(__always)
  func fetch(record slot: Int32) { records.fetch(Int(slot)) }

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
        if OutcomeRows.id(bytes(slot)) == id { return slot }
      }
      at = (at &+ 1) & mask
    }
  }
}

// Groups.
extension OutcomeMemory {
  /// Opens a group: what `head` writes comes first, at most `limit` bytes; it answers how many.
  mutating func openGroup(
    index: UInt64, part: UInt32, atMost limit: Int, head: (UnsafeMutableRawPointer) -> Int
  ) {
    precondition(open < 0, "one group is open at a time")
    reserve(limit)
    openCount = head(building)
    openLive = 0
    precondition(openCount <= limit, "a head beyond its limit")
    open = takeGroup(OutcomeGroup(index: index, part: part, bytes: building))
  }

  /// Adds an outcome to the open group: what `body` writes, at most `limit` bytes; it answers how many.
  @inline(__always)
  mutating func add(
    _ id: RequestID, expiry: UInt32, account: UInt32, replyCount: Int, atMost limit: Int,
    _ body: (UnsafeMutableRawPointer) -> Int
  ) -> Int32 {
    precondition(open >= 0, "no group is open")
    let offset = openCount
    if offset + limit > buildingCapacity { reserve(offset + limit) }
    let written = body(building + offset)
    precondition(written <= limit, "an outcome beyond its limit")
    openCount = offset &+ written
    openLive &+= 1
    return note(
      StoredOutcome(
        tag: Self.tag(id), group: open, offset: UInt32(truncatingIfNeeded: offset),
        replyCount: UInt32(truncatingIfNeeded: replyCount), expiry: expiry, account: account))
  }

  /// The open group and its bytes.
  func openBytes() -> (group: OutcomeGroup, bytes: UnsafeRawBufferPointer) {
    (groups[Int(open)], UnsafeRawBufferPointer(start: building, count: openCount))
  }

  /// Ends the open group: its bytes go where they stay.
  mutating func close(hash: (UInt64, UInt64)) {
    let group = Int(open)
    groups[group].bytes = cells.store(UnsafeRawBufferPointer(start: building, count: openCount))
    groups[group].count = UInt32(openCount)
    groups[group].live = openLive
    groups[group].hash = hash
    open = -1
  }

  /// Adds a group that was closed before, with a copy of its bytes. Answers it.
  mutating func load(
    index: UInt64, part: UInt32, bytes: UnsafeRawBufferPointer, hash: (UInt64, UInt64)
  ) -> Int32 {
    takeGroup(
      OutcomeGroup(
        index: index, part: part, bytes: cells.store(bytes), count: UInt32(bytes.count),
        hash: hash))
  }

  /// Adds a record of a group that was loaded.
  mutating func load(_ outcome: StoredOutcome) -> Int32 {
    groups[Int(outcome.group)].live += 1
    return note(outcome)
  }

  @inline(__always)
  private mutating func note(_ outcome: StoredOutcome) -> Int32 {
    if count &* 2 > mask &- 1 { growIndex() }
    let slot: Int32
    if free >= 0 {
      slot = free
      free = self[slot].next
      self[slot] = outcome
    } else {
      // As many as the index has places for.
      slot = Int32(truncatingIfNeeded: records.count)
      records.append(outcome)
    }
    place(UInt64(outcome.tag) << 32 | UInt64(UInt32(bitPattern: slot)))
    count &+= 1
    return slot
  }

  /// Gives a record back. Answers its group if that was its last one: it is to be given back too.
  @inline(__always)
  mutating func remove(_ slot: Int32) -> Int32 {
    unplace(slot)
    let group = self[slot].group
    self[slot].next = free
    free = slot
    count -= 1
    groups[Int(group)].live -= 1
    return groups[Int(group)].live == 0 ? group : -1
  }

  /// Gives a group without records back. Answers what it was.
  mutating func remove(group: Int32) -> OutcomeGroup {
    let gone = groups[Int(group)]
    precondition(gone.live == 0 && group != open, "removal of a group that is in use")
    if let cell = gone.bytes { cells.release(cell, Int(gone.count)) }
    groups[Int(group)].bytes = nil
    groups[Int(group)].next = freeGroup
    freeGroup = group
    return gone
  }

  private mutating func takeGroup(_ group: OutcomeGroup) -> Int32 {
    guard freeGroup >= 0 else {
      groups.append(group)
      return Int32(groups.count - 1)
    }
    let taken = freeGroup
    freeGroup = groups[Int(taken)].next
    groups[Int(taken)] = group
    return taken
  }

  @inline(never)
  private mutating func reserve(_ count: Int) {
    guard count > buildingCapacity else { return }
    let capacity = max(count, 2 * buildingCapacity)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    larger.copyMemory(from: building, byteCount: buildingCapacity)
    building.deallocate()
    building = larger
    buildingCapacity = capacity
    if open >= 0 { groups[Int(open)].bytes = building }
  }
}

// The index.
extension OutcomeMemory {
  @inline(__always)
  static func tag(_ id: RequestID) -> UInt32 {
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
    let tag = self[slot].tag
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
