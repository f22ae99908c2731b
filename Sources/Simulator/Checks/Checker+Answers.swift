// Checker+Answers: what clients and publishers are told.
//
// Linearizability, by place in the log: every write has the place of its entry, every read the
// place up to which it shows everything. If one operation ended before another began, its place is
// not behind the other's. Contents follow: each reply must be what a replay of the log answers
// (Oracle), and each node's rows must have the hash of that place.
// Not here: the replay (Oracle).

import Engine
import Raft
import Replica

extension Checker {
  /// What a client was told.
  struct Told: Equatable {
    var reply: Reply
    var index: UInt64
    var stamp: Int64

    /// Whether both can be told about one request: the same outcome, or refused for its deadline
    /// twice. Such a refusal executes nothing, and is forgotten a minute after the deadline: where
    /// stamps are an hour ahead it is forgotten at once, and made again for a copy under way.
    func allows(_ other: Told) -> Bool {
      self == other || (reply == .rejected(.deadlinePassed) && other.reply == reply)
    }
  }

  func see(_ run: Run, _ node: SimNode, _ life: Life) {
    world.mix(UInt64(truncatingIfNeeded: run.stateHash))
    if run.lastIndex > node.shadow.items.count {
      fail(
        "rows-durable",
        "node \(node.id) hands out rows of \(run.lastIndex), its log holds \(node.shadow.last)")
    }
    if run.lastIndex > canonical.count {
      fail("rows", "node \(node.id) hands out rows of uncommitted entry \(run.lastIndex)")
    }
    if node.isWrong, run.lastIndex > node.wrongAfter {
      // Changed on purpose; what matters is that it is found out.
      if hashes[run.lastIndex] == run.stateHash { node.isWrong = false } else { judge(run, node) }
      return
    }
    if let hash = hashes[run.lastIndex] {
      if hash != run.stateHash {
        fail("state-hash", "the state of node \(node.id) at index \(run.lastIndex) differs")
      }
    } else {
      hashes[run.lastIndex] = run.stateHash
    }
  }

  func see(_ answer: Answer, _ operation: Operation, _ node: SimNode) {
    guard let request = operation.request else {
      return fail("answers", "node \(node.id) answers a read as a write")
    }
    let id = request.header.requestID.words.3 << 8 | request.header.requestID.words.1
    switch answer.outcome {
    case .reply(let reply, let index, let stamp):
      if index > canonical.count {
        return fail(
          "answers", "node \(node.id) answers from index \(index), which is not committed")
      }
      if operation.floor > 0, index <= operation.floor {
        fail(
          "linearizable",
          "a write took effect at \(index), but began after \(operation.floor) was answered")
      }
      if replies[id] != nil { world.mark(.repeatedRequest) }
      if reply == .rejected(.deadlinePassed) { world.mark(.deadlinePassed) }
      if reply == .rejected(.levelRefused) { world.mark(.levelFallRefused) }
      if case .rejected(.orderUnknown) = reply { world.mark(.cancelFilled) }
      let told = Told(reply: reply, index: index, stamp: stamp)
      if let earlier = replies[id], !earlier.allows(told) {
        fail(
          "exactly-once",
          "a request was answered at \(earlier.index), and at \(index) by node \(node.id)")
      }
      replies[id] = told
      if expired.contains(id), reply != .rejected(.deadlinePassed) {
        fail("answers", "a request was called expired, and executed at \(index)")
      }
    case .expired:
      expired.insert(id)
      world.mark(.expiredOutcome)
      if let earlier = replies[id], earlier.reply != .rejected(.deadlinePassed) {
        fail("answers", "node \(node.id) calls expired what was executed at \(earlier.index)")
      }
    case .unknown: world.mark(.unknownOutcome)
    case .overloaded: world.mark(.overloaded)
    case .refused(let reason): see(refusal: reason, operation, node)
    }
  }

  func see(read index: UInt64, _ operation: Operation, _ node: SimNode, _ life: Life) {
    if life.coordinator.role != .leader { world.mark(.readOnFollower) }
    if index > life.published {
      fail("reads", "node \(node.id) confirms a read at \(index), but shows \(life.published)")
    }
    if life.published < operation.floor {
      fail(
        "linearizable",
        "node \(node.id) shows a read \(life.published) that began after \(operation.floor) was answered"
      )
    }
  }
}
