// ProposalQueue: what the leader will propose, and what it has proposed and not yet applied.
//
// Invariants: a request id is at most once in flight (queued or proposed); both bounds hold; empty on followers.
// Not here: the log (Consensus), and repetitions of what is applied already (StateMachine).

import Engine

struct ProposalQueue {
  let countMax: Int
  let bytesMax: Int
  private var queued: [[UInt8]] = []
  private var head = 0
  private var bytes = 0
  private var inFlight: Set<RequestID> = []

  init(countMax: Int, bytesMax: Int) {
    self.countMax = countMax
    self.bytesMax = bytesMax
  }

  /// Commands that wait to be proposed.
  var count: Int { queued.count - head }

  /// Commands that wait or were proposed.
  var inFlightCount: Int { inFlight.count }

  func isInFlight(_ id: RequestID) -> Bool { inFlight.contains(id) }

  /// Adds a request at the end; `false` if there is no room. One that is in flight is not added again.
  mutating func add(_ id: RequestID, _ request: [UInt8]) -> Bool {
    if inFlight.contains(id) { return true }
    guard count < countMax, bytes + request.count <= bytesMax else { return false }
    inFlight.insert(id)
    queued.append(request)
    bytes += request.count
    return true
  }

  /// The first requests within both bounds; at least one if any waits. They stay until `drop`.
  func batch(countMax: Int, bytesMax: Int) -> ArraySlice<[UInt8]> {
    var end = head
    var size = 0
    while end < queued.count, end - head < countMax {
      size += queued[end].count
      if size > bytesMax, end > head { break }
      end += 1
    }
    return queued[head..<end]
  }

  /// Forgets the first `count` requests: they are in the log.
  mutating func drop(_ count: Int) {
    precondition(head + count <= queued.count, "more dropped than queued")
    for request in queued[head..<head + count] { bytes -= request.count }
    head += count
    if head * 2 >= queued.count {
      queued.removeFirst(head)
      head = 0
    }
  }

  /// The request was applied.
  mutating func applied(_ id: RequestID) { inFlight.remove(id) }

  mutating func removeAll() {
    queued.removeAll()
    head = 0
    bytes = 0
    inFlight.removeAll()
  }
}
