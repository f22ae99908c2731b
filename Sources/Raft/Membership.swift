// Membership: what an operator may ask of the set of members, what is refused, and how it stands.
//
// Not here: how a change is carried out (Consensus+Membership).

/// A change of the members. One at a time.
public enum MembershipChange: Hashable, Sendable {
  /// A node that gets the log but does not vote; with `promote` it becomes a voter once it has
  /// caught up.
  case addLearner(Member, promote: Bool)
  /// A learner that has caught up becomes a voter.
  case promote(NodeID)
  /// A voter or learner leaves. Removing a learner that is being brought up ends that change.
  case remove(NodeID)
  /// A new node is brought up as a learner and then takes the voter's place in one step.
  case replace(NodeID, with: Member)
}

/// Why a change of the members was refused. Nothing was changed.
public struct MembershipRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  /// The reasons, for tests and callers that tell them apart.
  public enum Reason: Hashable, Sendable {
    case notLeader(leader: NodeID?)
    case handingOver
    case notCommittedYet
    case changeInFlight
    case bringingUp(NodeID, replacing: NodeID?)
    case badMember(NodeID)
    case unknown(NodeID)
    case alreadyMember(NodeID)
    case usedBefore(NodeID, highest: NodeID)
    case sameIncarnation(as: NodeID)
    case sameAddress(as: NodeID, String)
    case alreadyVoter(NodeID)
    case notVoter(NodeID)
    case silent(NodeID)
    case lagging(NodeID, behind: Int)
    case lastVoter(NodeID)
    case tooManyVoters
    case tooManyLearners
    case noQuorum(voters: [NodeID], answering: [NodeID])
  }

  public let reason: Reason

  public init(_ reason: Reason) { self.reason = reason }

  /// One sentence for the operator.
  public var description: String {
    switch reason {
    case .notLeader(let leader?): "this node does not lead; ask node \(leader)"
    case .notLeader(nil): "there is no leader at the moment; try again"
    case .handingOver: "the leader is handing over; try again on the next one"
    case .notCommittedYet: "the leader has not committed in its term yet; try again"
    case .changeInFlight: "another change of the members is under way; wait until it is done"
    case .bringingUp(let id, let old?):
      "node \(id) is being brought up to replace node \(old); wait, or remove node \(id) first"
    case .bringingUp(let id, nil):
      "node \(id) is being brought up to vote; wait, or remove node \(id) first"
    case .badMember(let id):
      "node \(id) cannot be a member: its id or its incarnation is 0, or its address is too long"
    case .unknown(let id): "node \(id) is not a member"
    case .alreadyMember(let id): "node \(id) is a member already"
    case .usedBefore(let id, let highest):
      "id \(id) may have been used before: a new node needs an id above \(highest)"
    case .sameIncarnation(let id):
      "the new node has the data directory of node \(id): start it with an empty one"
    case .sameAddress(let id, let address): "node \(id) has the address \(address) already"
    case .alreadyVoter(let id): "node \(id) is a voter already"
    case .notVoter(let id): "node \(id) is a learner: remove it and add the new node instead"
    case .silent(let id): "node \(id) does not answer"
    case .lagging(let id, let behind):
      "node \(id) is \(behind) entries behind: wait until it has caught up"
    case .lastVoter(let id): "node \(id) is the last voter"
    case .tooManyVoters: "there are \(Configuration.votersMax) voters already, which is the most"
    case .tooManyLearners:
      "there are \(Configuration.learnersMax) learners already, which is the most"
    case .noQuorum(let voters, let answering):
      "the new voters would be \(Self.list(voters)), of which only \(Self.list(answering))"
        + " would answer: no majority"
    }
  }

  private static func list(_ ids: [NodeID]) -> String {
    ids.isEmpty ? "none" : ids.map { "\($0)" }.joined(separator: ", ")
  }
}

/// How a member stands, as this node sees it.
public struct MemberStatus: Hashable, Sendable {
  /// In which set of the configuration a member is.
  public enum Standing: String, Sendable {
    case voter
    /// Votes only until the joint change is over.
    case outgoing
    case learner
  }

  /// How the leader sends to a member.
  public enum Replication: String, Sendable {
    case probe, replicate, snapshot
  }

  public var member: Member
  public var standing: Standing
  /// A learner that is being brought up to vote.
  public var isPromoted: Bool
  /// The voter whose place it will take.
  public var replacing: NodeID?
  public var priority: UInt8
  /// How far its log equals the leader's, durably. Only the leader knows.
  public var match: LogIndex?
  /// `nil` for the leader itself, and on other nodes.
  public var replication: Replication?
  /// Ticks since its last answer. Only the leader knows; 0 for itself.
  public var ticksSinceContact: Int?
  /// Its log is damaged and being repaired. Only the leader knows.
  public var isSuspect: Bool

  public init(
    member: Member, standing: Standing, isPromoted: Bool = false, replacing: NodeID? = nil,
    priority: UInt8 = 100, match: LogIndex? = nil, replication: Replication? = nil,
    ticksSinceContact: Int? = nil, isSuspect: Bool = false
  ) {
    self.member = member
    self.standing = standing
    self.isPromoted = isPromoted
    self.replacing = replacing
    self.priority = priority
    self.match = match
    self.replication = replication
    self.ticksSinceContact = ticksSinceContact
    self.isSuspect = isSuspect
  }
}
