// LogMap: which entry is in which group of which segment, and which term each entry has. In memory, one span a group.
//
// Invariants: spans are consecutive, from the first entry to `last`; term runs cover base+1 to last; base <= last.
// Not here: files.

import Raft

/// Where a group is.
struct GroupPlace: Equatable, Sendable {
  var segment: UInt64
  var block: Int
  var blocks: Int
}

struct LogMap: Sendable {
  struct Span: Equatable, Sendable {
    var first: LogIndex
    var last: LogIndex
    var place: GroupPlace
  }

  private struct Run: Sendable {
    var first: LogIndex
    var term: Term
  }

  /// The entry before the first one.
  private(set) var base: EntryID
  private(set) var last: EntryID
  private(set) var spans: [Span] = []
  private var runs: [Run] = []

  init(base: EntryID) {
    self.base = base
    last = base
  }

  /// Makes `id` the last entry. Below `base` only `id` is known from then on.
  mutating func truncate(after id: EntryID) {
    while let span = spans.last, span.last > id.index {
      if span.first > id.index {
        spans.removeLast()
      } else {
        spans[spans.count - 1].last = id.index
      }
    }
    while let run = runs.last, run.first > id.index { runs.removeLast() }
    last = id
    if id.index < base.index { base = id }
  }

  /// Adds the next entry. Returns `false`, changing nothing, if it does not follow.
  mutating func append(_ id: EntryID, at place: GroupPlace) -> Bool {
    guard id.index == last.index.next, id.term >= last.term, id.term > .zero else { return false }
    if let span = spans.last, span.place == place, span.last == last.index {
      spans[spans.count - 1].last = id.index
    } else {
      spans.append(Span(first: id.index, last: id.index, place: place))
    }
    if runs.last?.term != id.term { runs.append(Run(first: id.index, term: id.term)) }
    last = id
    return true
  }

  /// The term of an entry from base to last.
  ///
  /// - Complexity: O(log n) in the number of term changes.
  func term(at index: LogIndex) -> Term? {
    if index == last.index { return last.term }
    if index == base.index { return base.term }
    guard index > base.index, index < last.index else { return nil }
    var low = 0
    var high = runs.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if runs[middle].first <= index { low = middle } else { high = middle }
    }
    return runs[low].term
  }

  /// The last entry, at or before `bound`, of a term that is not above its; `base` if there is none after that.
  func lastEntry(within bound: EntryID) -> EntryID {
    var end = min(last.index, bound.index)
    for run in runs.reversed() where run.first <= end {
      if run.term <= bound.term { return EntryID(term: run.term, index: end) }
      end = run.first.previous
    }
    return base
  }

  /// The span that holds an entry, as a position in `spans`.
  func span(holding index: LogIndex) -> Int? {
    var low = 0
    var high = spans.count
    while low < high {
      let middle = (low + high) / 2
      if spans[middle].last < index { low = middle + 1 } else { high = middle }
    }
    guard low < spans.count, spans[low].first <= index else { return nil }
    return low
  }

  /// Forgets the entries in segments below `number`.
  mutating func removeSegments(below number: UInt64) {
    let kept = spans.firstIndex { $0.place.segment >= number } ?? spans.count
    guard kept > 0 else { return }
    let index = spans[kept - 1].last
    guard let term = term(at: index) else { preconditionFailure("a span without a term") }
    spans.removeFirst(kept)
    base = EntryID(term: term, index: index)
    while runs.count > 1, runs[1].first <= index.next { runs.removeFirst() }
    if last.index == index { runs.removeAll() }
  }
}
