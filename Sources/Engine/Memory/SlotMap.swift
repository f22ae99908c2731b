// SlotMap: from a 64-bit hash to slots, by open addressing with linear probing.
//
// The map keeps 32 bits of the hash and the slot; whoever looks something up compares the record in
// the slot, because equal hashes do not mean equal keys. Several slots may stand under one hash.
// Invariants: at most half of the places are taken; no tombstones (removal shifts back).
// Not here: the keys.

import Wire

/// An open-addressing index into a slab.
struct SlotMap: ~Copyable {
  /// A running lookup.
  struct Probe {
    fileprivate var place: UInt32
    fileprivate let tag: UInt32
  }

  private static let vacant: UInt64 = 0xFFFF_FFFF

  /// Upper half: tag. Lower half: slot, or all ones.
  private var places: UnsafeMutablePointer<UInt64>
  private var bits: UInt32
  private var mask: UInt32
  /// How many entries there may be.
  private var limit: Int
  private(set) var count = 0

  init(bits: UInt32 = 6) {
    self.bits = bits
    mask = (1 << bits) - 1
    limit = 1 << Int(bits - 1)
    places = Self.allocate(bits: bits)
  }

  deinit { Memory.give(places, 1 << Int(bits)) }

  @inline(__always)
  private static func tag(_ hash: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: (hash &* 0x9E37_79B9_7F4A_7C15) >> 32)
  }

  @inline(__always)
  private func home(_ tag: UInt32) -> UInt32 { tag &>> (32 &- bits) }

  /// Begins to bring the place of `hash` closer.
  @inline(__always)
  func fetch(_ hash: UInt64) { Memory.fetch(places + Int(home(Self.tag(hash)))) }

  /// The slot that a lookup of `hash` most likely finds, or -1.
  @inline(__always)
  func guess(_ hash: UInt64) -> Int32 {
    var probe = probe(hash)
    return next(&probe) ?? -1
  }

  /// Starts a lookup of `hash`.
  @inline(__always)
  func probe(_ hash: UInt64) -> Probe {
    let tag = Self.tag(hash)
    return Probe(place: home(tag), tag: tag)
  }

  /// The next slot that may be the one looked for, or `nil`.
  @inline(__always)
  func next(_ probe: inout Probe) -> Int32? {
    while true {
      let entry = places[Int(probe.place)]
      if entry & Self.vacant == Self.vacant { return nil }
      probe.place = (probe.place &+ 1) & mask
      if UInt32(entry >> 32) == probe.tag {
        return Int32(bitPattern: UInt32(truncatingIfNeeded: entry))
      }
    }
  }

  /// Adds a slot under `hash`.
  mutating func insert(_ hash: UInt64, _ slot: Int32) {
    precondition(slot >= 0, "no slot")
    if count >= limit { grow() }
    place(UInt64(Self.tag(hash)) << 32 | UInt64(UInt32(bitPattern: slot)))
    count += 1
  }

  /// Removes a slot that stands under `hash`.
  mutating func remove(_ hash: UInt64, _ slot: Int32) {
    let entry = UInt64(Self.tag(hash)) << 32 | UInt64(UInt32(bitPattern: slot))
    var hole = home(Self.tag(hash))
    while places[Int(hole)] != entry {
      precondition(places[Int(hole)] & Self.vacant != Self.vacant, "removal of an absent slot")
      hole = (hole &+ 1) & mask
    }
    vacate(hole)
  }

  /// Removes the slot that the lookup answered last.
  @inline(__always)
  mutating func remove(at probe: Probe) { vacate((probe.place &- 1) & mask) }

  // Empties a place, and closes the gap.
  @inline(__always)
  private mutating func vacate(_ place: UInt32) {
    var hole = place
    var scan = hole
    while true {
      scan = (scan &+ 1) & mask
      let moved = places[Int(scan)]
      if moved & Self.vacant == Self.vacant { break }
      let wanted = home(UInt32(moved >> 32))
      // The entry may fill the hole unless its home lies cyclically between the hole and itself.
      if (scan &- wanted) & mask >= (scan &- hole) & mask {
        places[Int(hole)] = moved
        hole = scan
      }
    }
    places[Int(hole)] = Self.vacant
    count -= 1
  }

  @inline(__always)
  private func place(_ entry: UInt64) {
    var at = home(UInt32(entry >> 32))
    while places[Int(at)] & Self.vacant != Self.vacant { at = (at &+ 1) & mask }
    places[Int(at)] = entry
  }

  private mutating func grow() {
    precondition(bits < 31, "slot map full")
    let old = places
    let oldCount = 1 << bits
    bits += 1
    mask = (1 << bits) - 1
    limit = 1 << Int(bits - 1)
    places = Self.allocate(bits: bits)
    for i in 0..<oldCount where old[i] & Self.vacant != Self.vacant { place(old[i]) }
    Memory.give(old, oldCount)
  }

  private static func allocate(bits: UInt32) -> UnsafeMutablePointer<UInt64> {
    let places: UnsafeMutablePointer<UInt64> = Memory.take(1 << Int(bits))
    places.initialize(repeating: vacant, count: 1 << bits)
    return places
  }
}
