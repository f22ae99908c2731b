// Configuration: who votes and who only follows, with both halves of a joint change (paper, section 6).
//
// Invariants (checked at construction):
//   * 1 to 7 voters, ids unique, a node in both halves is the same member, no learner is a voter
//   * a promotion names a learner, and what it replaces is a voter; never within a joint change
//   * `highestID` is at or above every id, so that an id of a removed node is never given again
// Not here: how it changes (Consensus+Membership).

import Wire

/// A member of the cluster.
public struct Member: Hashable, Sendable {
  public var id: NodeID
  /// Drawn at random by an empty data directory. A node that lost its disk comes back with another
  /// one and is refused.
  public var incarnation: UInt64
  /// Where its peers reach it, `host:port`. Empty: the nodes know it from their own settings.
  public var address: String

  public init(id: NodeID, incarnation: UInt64, address: String = "") {
    self.id = id
    self.incarnation = incarnation
    self.address = address
  }
}

/// The members, sorted by id.
public struct Configuration: Hashable, Sendable {
  /// A learner that becomes a voter once it has caught up. It stands in the configuration, so that
  /// every later leader goes on with it.
  public struct Promotion: Hashable, Sendable {
    public var learner: NodeID
    /// The voter that it takes the place of, in the same step.
    public var replacing: NodeID?

    public init(learner: NodeID, replacing: NodeID? = nil) {
      self.learner = learner
      self.replacing = replacing
    }
  }

  public static let votersMax = 7
  public static let learnersMax = 64
  /// The longest address of a member, in bytes.
  public static let addressBytesMax = 256

  public private(set) var voters: [Member]
  /// The old voters during a joint change; empty otherwise.
  public private(set) var outgoing: [Member]
  public private(set) var learners: [Member]
  public private(set) var promotion: Promotion?
  /// The highest id that was ever a member. New members get higher ones.
  public private(set) var highestID: NodeID

  /// `nil` if the sets break the invariants.
  public init?(
    voters: [Member], outgoing: [Member] = [], learners: [Member] = [],
    promotion: Promotion? = nil, highestID: NodeID = NodeID(0)
  ) {
    func unique(_ members: [Member]) -> Bool { Set(members.map(\.id)).count == members.count }
    let learnerIDs = learners.map(\.id)
    guard !voters.isEmpty, voters.count <= Self.votersMax, outgoing.count <= Self.votersMax,
      learners.count <= Self.learnersMax, unique(voters), unique(outgoing), unique(learners),
      Set((voters + outgoing).map(\.id)).isDisjoint(with: learnerIDs),
      outgoing.allSatisfy({ old in voters.allSatisfy { $0.id != old.id || $0 == old } }),
      (voters + outgoing + learners).allSatisfy({
        $0.id.value > 0 && $0.address.utf8.count <= Self.addressBytesMax
      })
    else { return nil }
    if let promotion {
      guard outgoing.isEmpty, learnerIDs.contains(promotion.learner),
        promotion.replacing.map({ old in voters.contains { $0.id == old } }) ?? true
      else { return nil }
    }
    self.voters = voters.sorted { $0.id < $1.id }
    self.outgoing = outgoing.sorted { $0.id < $1.id }
    self.learners = learners.sorted { $0.id < $1.id }
    self.promotion = promotion
    self.highestID = (voters + outgoing + learners).map(\.id).reduce(highestID, max)
  }

  /// Whether decisions need a majority of two sets of voters.
  public var isJoint: Bool { !outgoing.isEmpty }

  /// Every member once: voters, then leaving voters, then learners.
  public var members: [Member] {
    voters + outgoing.filter { old in !voters.contains { $0.id == old.id } } + learners
  }

  /// Whether a node votes, in either half.
  public func isVoter(_ id: NodeID) -> Bool {
    for voter in voters where voter.id == id { return true }
    for voter in outgoing where voter.id == id { return true }
    return false
  }

  /// The member with this id, in whichever set it is.
  public func member(_ id: NodeID) -> Member? {
    (voters + outgoing + learners).first { $0.id == id }
  }

  /// The incarnation that the configuration knows for a node, in whichever set it is.
  public func incarnation(of id: NodeID) -> UInt64? { member(id)?.incarnation }

  /// Whether `next` may follow this one: the voters stay, or a joint change begins from them, or a
  /// joint change ends with its new voters. Then any two quorums of the two overlap.
  public func maySucceed(with next: Configuration) -> Bool {
    if next.voters == voters, next.outgoing == outgoing { return true }
    if isJoint { return !next.isJoint && next.voters == voters }
    return next.isJoint && next.outgoing == voters
  }

  // MARK: Bytes

  /// The payload of a configuration entry: version u16 (2), then the three sets, each a count u16
  /// and for each member id u64, incarnation u64, address text; then the promotion (learner u64,
  /// replaced u64, 0 for none) and the highest id u64.
  public var encoded: [UInt8] {
    var writer = ByteWriter()
    writer.u16(2)
    for set in [voters, outgoing, learners] {
      writer.u16(UInt16(set.count))
      for member in set {
        writer.u64(member.id.value)
        writer.u64(member.incarnation)
        writer.text(member.address)
      }
    }
    writer.u64(promotion?.learner.value ?? 0)
    writer.u64(promotion?.replacing?.value ?? 0)
    writer.u64(highestID.value)
    return writer.bytes
  }

  /// Reads what `encoded` wrote, and version 1 (without addresses, promotion and highest id).
  public init(decoding bytes: [UInt8]) throws(WireError) {
    var reader = ByteReader(bytes)
    let version = try reader.u16()
    guard version == 1 || version == 2 else { throw .invalid("configuration version") }
    var sets: [[Member]] = []
    for _ in 0..<3 {
      var set: [Member] = []
      let count = Int(try reader.u16())
      guard count <= Self.learnersMax else {
        throw .tooLong(length: count, limit: Self.learnersMax)
      }
      for _ in 0..<count {
        var member = Member(id: NodeID(try reader.u64()), incarnation: try reader.u64())
        if version > 1 { member.address = try reader.text(limit: Self.addressBytesMax) }
        set.append(member)
      }
      sets.append(set)
    }
    var promotion: Promotion?
    var highest = NodeID(0)
    if version > 1 {
      let learner = try reader.u64()
      let replaced = try reader.u64()
      guard learner > 0 || replaced == 0 else { throw .invalid("configuration promotion") }
      if learner > 0 {
        promotion = Promotion(
          learner: NodeID(learner), replacing: replaced == 0 ? nil : NodeID(replaced))
      }
      highest = NodeID(try reader.u64())
    }
    try reader.finish()
    guard
      let valid = Configuration(
        voters: sets[0], outgoing: sets[1], learners: sets[2], promotion: promotion,
        highestID: highest)
    else {
      throw .invalid("configuration members")
    }
    self = valid
  }
}
