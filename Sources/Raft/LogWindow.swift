// LogWindow: the end of the log, in memory. Older entries are in the log's files only.
//
// Invariants:
//   * the window holds consecutive entries; the first follows `base`
//   * terms never decrease with the index
//   * what leaves the window as an array is a copy: nothing outside shares its storage, because one
//     shared slice makes each later append copy the whole window
// Not here: what may be dropped (Consensus decides), and disk.

/// Consecutive entries after `base`. Appending, dropping at the front and looking up are O(1).
struct LogWindow: Sendable {
  /// The entry before the first one in the window; its term is known, its payload is not kept.
  private(set) var base: EntryID
  /// What the entries weigh: payloads and a fixed amount for each entry.
  private(set) var bytes = 0
  private var storage: [Entry] = []
  /// How many elements at the front of `storage` are already dropped.
  private var head = 0

  /// What an entry weighs besides its payload.
  static let entryOverhead = 64

  init(base: EntryID, entries: [Entry]) {
    self.base = base
    storage.reserveCapacity(entries.count)
    for entry in entries { append(entry) }
  }

  var last: EntryID { storage.count > head ? storage[storage.count - 1].id : base }
  var count: Int { storage.count - head }

  /// The term at an index, `nil` outside the window (`base` counts as inside).
  func term(at index: LogIndex) -> Term? {
    if index == base.index { return base.term }
    guard index > base.index, index <= last.index else { return nil }
    return self[index].term
  }

  subscript(index: LogIndex) -> Entry {
    precondition(index > base.index && index <= last.index, "index outside the log window")
    return storage[head + (index - base.index) - 1]
  }

  mutating func append(_ entry: Entry) {
    precondition(entry.index == last.index.next, "an entry must follow the last one")
    precondition(entry.term >= last.term, "terms never decrease along the log")
    storage.append(entry)
    bytes += Self.weight(entry)
  }

  /// Forgets everything after `index`.
  mutating func truncate(after index: LogIndex) {
    precondition(index >= base.index && index <= last.index, "truncation outside the window")
    for _ in 0..<(last.index - index) { bytes -= Self.weight(storage.removeLast()) }
  }

  /// Drops entries at the front until the window weighs at most `bytesMax`, none after `limit`.
  mutating func trim(to bytesMax: Int, upTo limit: LogIndex) {
    while bytes > bytesMax, count > 0, base.index < limit {
      bytes -= Self.weight(storage[head])
      base = storage[head].id
      storage[head].payload = []
      head += 1
    }
    if head == storage.count {
      storage.removeAll(keepingCapacity: true)
      head = 0
    } else if head >= 1024, head * 2 >= storage.count {
      storage.removeFirst(head)
      head = 0
    }
  }

  /// A copy of the entries after `after`, at most `countMax` and about `bytesMax`, but one at least.
  func entries(after: LogIndex, upTo: LogIndex, countMax: Int, bytesMax: Int) -> [Entry] {
    precondition(after >= base.index && upTo <= last.index, "entries outside the log window")
    guard after < upTo else { return [] }
    let start = head + (after - base.index)
    let limit = min(start + countMax, start + (upTo - after))
    var end = start
    var size = 0
    while end < limit {
      size += storage[end].payload.count
      if size > bytesMax, end > start { break }
      end += 1
    }
    return Array(storage[start..<end])
  }

  /// The last entry at or before `index` whose term is at most `term`; `base` if all are newer.
  ///
  /// - Complexity: O(log n): terms never decrease.
  func lastEntry(atMost index: LogIndex, termAtMost term: Term) -> EntryID {
    var low = 0
    var high = index <= base.index ? 0 : min(index, last.index) - base.index
    while low < high {
      let middle = (low + high + 1) / 2
      if storage[head + middle - 1].term <= term { low = middle } else { high = middle - 1 }
    }
    return low == 0 ? base : storage[head + low - 1].id
  }

  static func weight(_ entry: Entry) -> Int { entry.payload.count + entryOverhead }
}
