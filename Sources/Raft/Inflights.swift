// Inflights: which append messages to a follower are unanswered, by the last index of each.
//
// Invariant: the indexes grow; never more than `capacity`.
// Not here: bytes (bounded by capacity times the bytes of one message).

/// A ring of last indexes, in the order in which the messages left.
struct Inflights: Sendable {
  private var ring: [LogIndex]
  private var first = 0
  private(set) var count = 0

  init(capacity: Int) {
    precondition(capacity > 0, "an in-flight window must hold one message")
    ring = Array(repeating: .zero, count: capacity)
  }

  var isFull: Bool { count == ring.count }

  mutating func add(_ last: LogIndex) {
    precondition(!isFull, "more messages in flight than the window allows")
    precondition(
      count == 0 || ring[(first + count - 1) % ring.count] < last, "in-flight indexes must grow")
    ring[(first + count) % ring.count] = last
    count += 1
  }

  /// Frees all messages that an acknowledgement up to `match` answers.
  mutating func free(upTo match: LogIndex) {
    while count > 0, ring[first] <= match {
      first = (first + 1) % ring.count
      count -= 1
    }
  }

  mutating func removeAll() {
    first = 0
    count = 0
  }
}
