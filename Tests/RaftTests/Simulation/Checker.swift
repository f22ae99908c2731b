// Checker: what must hold across the nodes of a cluster at every moment, counted naively.
//
// Checked: election safety, one vote a term (also across crashes), log matching, leader append-only,
// leader completeness, committed entries never change and are durable on a quorum, monotone terms and
// commits, acknowledgements only of what is durable, reads not older than the commits before them.

import Raft

/// Watches a cluster. The first violation stays.
struct Checker {
  struct Ballot: Hashable {
    var voter: NodeID
    var term: Term
  }

  let configuration: Configuration
  /// Without it only the harm of a broken promise is seen, not the early message itself.
  var watchesPromises = true
  private(set) var violation: String?
  /// `committed[i - 1]`: the entry that was committed at index `i`, whoever said so first.
  private(set) var committed: [EntryID] = []
  /// The term of the node that said so.
  private var committedIn: [Term] = []
  private(set) var leaderTerms = 0
  private(set) var readsAnswered = 0
  private var leaders: [Term: NodeID] = [:]
  private var ballots: [Ballot: NodeID] = [:]
  /// The entry before each entry, and a digest of its payload.
  private var entries: [EntryID: (parent: EntryID, payload: [UInt8])] = [:]
  private var readFloors: [UInt64: LogIndex] = [:]

  init(_ configuration: Configuration) { self.configuration = configuration }

  var lastCommitted: LogIndex { LogIndex(UInt64(committed.count)) }

  mutating func fail(_ what: String) {
    if violation == nil { violation = what }
  }

  // MARK: After each call

  /// Looks at a node after each call.
  mutating func observe(_ node: SimulatedNode, _ nodes: [SimulatedNode]) {
    guard node.isUp else { return }
    let term = node.core?.term ?? .zero
    let commit = node.core?.commit ?? .zero
    if term < node.lastTerm { fail("node \(node.id): term went back to \(term)") }
    node.lastTerm = term
    if node.role == .leader { observeLeader(node, term) }
    let after = max(node.lastCommit, .zero)
    if commit < after { fail("node \(node.id): commit went back to \(commit)") }
    if commit > after { observeCommit(node, after: after, upTo: commit, nodes) }
    node.lastCommit = commit
    node.lastConfiguration = node.core?.configuration
  }

  private mutating func observeLeader(_ node: SimulatedNode, _ term: Term) {
    if let other = leaders[term] {
      if other != node.id { fail("term \(term): both \(other) and \(node.id) lead") }
      return
    }
    leaders[term] = node.id
    leaderTerms += 1
    // A leader elected late, in a term that is over, need not have what later terms committed.
    for (i, id) in committed.enumerated()
    where committedIn[i] < term && (i >= node.shadow.count || node.shadow[i] != id) {
      fail("leader \(node.id) of term \(term) lacks the committed entry \(id)")
      return
    }
  }

  private mutating func observeCommit(
    _ node: SimulatedNode, after: LogIndex, upTo: LogIndex, _ nodes: [SimulatedNode]
  ) {
    for i in Int(after.value)..<Int(upTo.value) {
      guard i < node.shadow.count else {
        fail("node \(node.id) committed \(i + 1), beyond its log")
        return
      }
      let id = node.shadow[i]
      if i < committed.count {
        if committed[i] != id {
          fail("node \(node.id) committed \(id), others committed \(committed[i])")
        }
      } else {
        committed.append(id)
        committedIn.append(node.lastTerm)
        if !isDurableOnQuorum(id, node.lastConfiguration ?? configuration, nodes) {
          fail("node \(node.id) committed \(id), which is not durable on a quorum")
        }
      }
    }
  }

  /// Counted one by one, by the configuration in force before the call that committed.
  private func isDurableOnQuorum(
    _ id: EntryID, _ configuration: Configuration, _ nodes: [SimulatedNode]
  ) -> Bool {
    func majority(_ voters: [Member]) -> Bool {
      var count = 0
      for voter in voters {
        for node in nodes where node.id == voter.id && Self.holds(node, id) { count += 1 }
      }
      return count > voters.count / 2
    }
    return majority(configuration.voters)
      && (configuration.outgoing.isEmpty || majority(configuration.outgoing))
  }

  /// Whether a node holds an entry durably, or will act as if it did because its disk was damaged since.
  private static func holds(_ node: SimulatedNode, _ id: EntryID) -> Bool {
    if node.disk.term(at: id.index) == id.term { return true }
    switch node.suspect {
    case .unknown: return true
    case .upTo(let claim): return id <= claim
    case nil: return false
    }
  }

  // MARK: Writes and messages

  /// Follows a write into the node's log as it will be once durable.
  mutating func observe(_ write: LogWrite, of node: SimulatedNode) {
    if let after = write.truncateAfter {
      if node.role == .leader { fail("leader \(node.id) truncates its log") }
      if after < node.lastCommit { fail("node \(node.id) truncates what it committed") }
      guard Int(after.value) <= node.shadow.count else {
        return fail("node \(node.id) truncates beyond its log")
      }
      node.shadow.removeLast(node.shadow.count - Int(after.value))
    }
    for entry in write.entries {
      let parent = node.shadow.last ?? .zero
      if entry.index != parent.index.next { fail("node \(node.id) leaves a gap at \(entry.id)") }
      if let known = entries[entry.id] {
        if known.parent != parent || known.payload != entry.payload {
          fail("node \(node.id) holds another entry under \(entry.id)")
        }
      } else {
        entries[entry.id] = (parent, entry.payload)
      }
      node.shadow.append(entry.id)
    }
  }

  /// Looks at a write once it is durable.
  mutating func observeDurable(_ write: LogWrite, of node: SimulatedNode) {
    guard let hardState = write.hardState, let vote = hardState.vote else { return }
    ballot(node.id, hardState.term, vote)
  }

  /// Looks at a message as it leaves.
  mutating func observe(_ message: Message, of node: SimulatedNode) {
    switch message.body {
    case .voteResponse(granted: true):
      ballot(message.from, message.term, message.to)
      if watchesPromises, node.disk.hardState.term < message.term {
        fail("node \(node.id) told its vote in \(message.term) before it was durable")
      }
    case .voteRequest:
      ballot(message.from, message.term, message.from)
    case .appendResponse(.accepted(let match)):
      if watchesPromises, node.disk.last < match {
        fail("node \(node.id) acknowledged \(match) with \(node.disk.last) durable")
      }
    default:
      break
    }
  }

  private mutating func ballot(_ voter: NodeID, _ term: Term, _ candidate: NodeID) {
    let key = Ballot(voter: voter, term: term)
    if let before = ballots[key], before != candidate {
      fail("node \(voter) voted for \(before) and \(candidate) in term \(term)")
    }
    ballots[key] = candidate
  }

  // MARK: Reads

  mutating func asked(_ ticket: UInt64) { readFloors[ticket] = lastCommitted }

  mutating func ended(_ ticket: UInt64, index: LogIndex?) {
    guard let floor = readFloors.removeValue(forKey: ticket) else {
      return fail("read \(ticket) ended twice or was never asked")
    }
    guard let index else { return }
    readsAnswered += 1
    if index < floor { fail("read \(ticket) got index \(index), \(floor) was committed before") }
  }

  /// Reads of a crashed node end with it.
  mutating func forgetRead(_ ticket: UInt64) { readFloors[ticket] = nil }
}
