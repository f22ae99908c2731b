// WordMap: from 64-bit fingerprints to words, by open addressing with linear probing.
//
// Less work than a dictionary and no more memory: a dictionary hashes its keys against those who choose them, and these
// are hashes already.
// Invariants: at most three quarters of the places are taken; a key of 0 stands as 1; nothing is taken out.
// Not here: what the words mean.

import Wire

/// Words by fingerprint.
struct WordMap: ~Copyable {
  struct Place: BitwiseCopyable {
    /// 0: vacant.
    var key: UInt64 = 0
    var word: UInt64 = 0
  }

  private var places: Column<Place>
  private var bits: UInt32
  private(set) var count = 0

  init(bits: UInt32 = 6) {
    self.bits = bits
    places = Column(repeating: Place(), count: 1 << Int(bits))
  }

  /// The word of `key`, or `nil`.
  subscript(key: UInt64) -> UInt64? {
    let at = find(key)
    return places[at].key == 0 ? nil : places[at].word
  }

  /// Sets the word of `key`.
  mutating func set(_ key: UInt64, _ word: UInt64) {
    if count >= places.count / 4 * 3 { grow() }
    let at = find(key)
    if places[at].key == 0 {
      count += 1
      places[at].key = max(1, key)
    }
    places[at].word = word
  }

  // Where `key` stands, or would stand.
  private func find(_ key: UInt64) -> Int {
    let key = max(1, key)
    let mask = places.count - 1
    var at = Int((key &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - bits))
    while places[at].key != 0, places[at].key != key { at = (at + 1) & mask }
    return at
  }

  private mutating func grow() {
    var larger = WordMap(bits: bits + 1)
    for at in 0..<places.count where places[at].key != 0 {
      larger.set(places[at].key, places[at].word)
    }
    self = larger
  }
}
