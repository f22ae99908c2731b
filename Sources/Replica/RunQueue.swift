// RunQueue: applied runs on their way to the publisher.
//
// Invariants: runs leave in order, none before the own log is durable to its last index; held and outstanding runs
// together are bounded by `limit`, at which `apply` waits.
// Not here: what is in a run (StateMachine).

struct RunQueue {
  let limit: Int
  private var held: [Run] = []
  private var outstanding: [UInt64] = []
  /// The last index that was handed to the publisher.
  private(set) var handedOut: UInt64
  /// The last index that the store has reported.
  private(set) var stored: UInt64

  /// `stored`: the index of the applied marker at start.
  init(limit: Int, stored: UInt64) {
    self.limit = limit
    self.stored = stored
    handedOut = stored
  }

  var hasRoom: Bool { held.count + outstanding.count < limit }
  var heldCount: Int { held.count }
  var outstandingCount: Int { outstanding.count }

  mutating func hold(_ run: Run) { held.append(run) }

  /// Hands out what the own log holds durably.
  mutating func release(durable: UInt64, into runs: inout [Run]) {
    var count = 0
    while count < held.count, held[count].lastIndex <= durable {
      handedOut = held[count].lastIndex
      outstanding.append(handedOut)
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
    let done = outstanding.firstIndex { $0 > index } ?? outstanding.count
    outstanding.removeFirst(done)
  }
}
