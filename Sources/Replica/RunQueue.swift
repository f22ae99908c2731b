// RunQueue: applied runs on their way to the publisher.
//
// Invariants: runs leave in order, none before the own log is durable to its last index; held and outstanding runs
// together are bounded by `limit`, and by `weightMax` once one run is in, at which `apply` waits.
// Not here: what is in a run (StateMachine).

struct RunQueue {
  let limit: Int
  /// Row changes and events in all runs together: a few hundred bytes each.
  let weightMax: Int
  private var held: [Run] = []
  private var outstanding: [(index: UInt64, weight: Int)] = []
  private var weight = 0
  /// The last index that was handed to the publisher.
  private(set) var handedOut: UInt64
  /// The last index that the store has reported.
  private(set) var stored: UInt64

  /// `stored`: the index of the applied marker at start.
  init(limit: Int, weightMax: Int = .max, stored: UInt64) {
    self.limit = limit
    self.weightMax = weightMax
    self.stored = stored
    handedOut = stored
  }

  var hasRoom: Bool { held.count + outstanding.count < limit && weight < weightMax }
  var heldCount: Int { held.count }
  var outstandingCount: Int { outstanding.count }

  mutating func hold(_ run: Run) {
    weight += Self.weight(run)
    held.append(run)
  }

  private static func weight(_ run: Run) -> Int {
    run.rows.count + run.events.count
  }

  /// Hands out what the own log holds durably.
  mutating func release(durable: UInt64, into runs: inout [Run]) {
    var count = 0
    while count < held.count, held[count].lastIndex <= durable {
      handedOut = held[count].lastIndex
      outstanding.append((handedOut, Self.weight(held[count])))
      runs.append(held[count])
      count += 1
    }
    held.removeFirst(count)
  }

  /// The store has everything up to `index`.
  mutating func stored(upTo index: UInt64) {
    precondition(index <= handedOut, "the store is ahead of what it was given")
    guard index > stored else { return }
    stored = index
    let done = outstanding.firstIndex { $0.index > index } ?? outstanding.count
    for run in outstanding[..<done] { weight -= run.weight }
    outstanding.removeFirst(done)
  }
}
