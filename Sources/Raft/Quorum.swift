// Quorum: majorities of one voter set, or of both sets of a joint configuration (paper, section 6).
//
// Invariant: two quorums of the same configuration share a voter; a joint quorum is a majority of
// each half.
// Not here: who the voters are (Configuration).

/// The outcome of an election so far.
enum VoteResult: Sendable {
  case pending, won, lost
}

/// Votes of one campaign: one for each node, the first counts.
struct Votes: Sendable {
  private var answers: [(id: NodeID, granted: Bool)] = []

  mutating func removeAll() { answers.removeAll(keepingCapacity: true) }

  mutating func record(_ id: NodeID, granted: Bool) {
    guard !answers.contains(where: { $0.id == id }) else { return }
    answers.append((id, granted))
  }

  func of(_ id: NodeID) -> Bool? { answers.first { $0.id == id }?.granted }
}

/// Majority arithmetic over a configuration.
enum Quorum {
  /// The largest value that a quorum has reached. Learners do not count.
  ///
  /// - Complexity: O(v^2) for at most 7 voters, without allocation.
  static func reached(_ configuration: Configuration, _ value: (NodeID) -> UInt64) -> UInt64 {
    let incoming = reached(of: configuration.voters, value)
    guard !configuration.outgoing.isEmpty else { return incoming }
    return min(incoming, reached(of: configuration.outgoing, value))
  }

  static func reached(of voters: [Member], _ value: (NodeID) -> UInt64) -> UInt64 {
    precondition(!voters.isEmpty && voters.count <= Configuration.votersMax)
    var sorted = InlineArray<7, UInt64>(repeating: 0)
    for i in 0..<voters.count {
      let new = value(voters[i].id)
      var k = i
      while k > 0, sorted[k - 1] < new {
        sorted[k] = sorted[k - 1]
        k -= 1
      }
      sorted[k] = new
    }
    return sorted[voters.count / 2]
  }

  /// Whether a quorum satisfies `test`, counted one by one: the check on `reached`.
  static func holds(_ configuration: Configuration, _ test: (NodeID) -> Bool) -> Bool {
    majority(of: configuration.voters, test)
      && (configuration.outgoing.isEmpty || majority(of: configuration.outgoing, test))
  }

  private static func majority(of voters: [Member], _ test: (NodeID) -> Bool) -> Bool {
    var yes = 0
    for voter in voters where test(voter.id) { yes += 1 }
    return yes * 2 > voters.count
  }

  /// Where a campaign stands.
  static func result(_ configuration: Configuration, _ votes: Votes) -> VoteResult {
    if holds(configuration, { votes.of($0) == true }) { return .won }
    return holds(configuration, { votes.of($0) != false }) ? .pending : .lost
  }
}
