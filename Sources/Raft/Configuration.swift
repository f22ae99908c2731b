// Configuration: who votes. Shaped for joint consensus (paper, section 6); today only `voters` is used.
//
// Invariants (checked at construction): 1 to 7 voters, ids and addresses unique, no node is both voter and learner.
// Not here: how it changes.

import Wire

/// A member of the cluster.
public struct Member: Hashable, Sendable {
  public var id: NodeID
  /// Drawn at random by an empty data directory. A node that lost its disk comes back with another one and is refused.
  public var incarnation: UInt64

  public init(id: NodeID, incarnation: UInt64) {
    self.id = id
    self.incarnation = incarnation
  }
}

/// The members, sorted by id.
public struct Configuration: Hashable, Sendable {
  public static let votersMax = 7

  public private(set) var voters: [Member]
  /// The old voters during a joint change; empty otherwise.
  public private(set) var outgoing: [Member]
  public private(set) var learners: [Member]

  /// `nil` if the sets break the invariants.
  public init?(voters: [Member], outgoing: [Member] = [], learners: [Member] = []) {
    func unique(_ members: [Member]) -> Bool { Set(members.map(\.id)).count == members.count }
    guard !voters.isEmpty, voters.count <= Self.votersMax, outgoing.count <= Self.votersMax,
      unique(voters), unique(outgoing), unique(learners),
      Set(voters.map(\.id)).isDisjoint(with: learners.map(\.id)),
      (voters + outgoing + learners).allSatisfy({ $0.id.value > 0 })
    else { return nil }
    self.voters = voters.sorted { $0.id < $1.id }
    self.outgoing = outgoing.sorted { $0.id < $1.id }
    self.learners = learners.sorted { $0.id < $1.id }
  }

  /// The incarnation that the configuration knows for a node, in whichever set it is.
  public func incarnation(of id: NodeID) -> UInt64? {
    (voters + outgoing + learners).first { $0.id == id }?.incarnation
  }

  /// The payload of a configuration entry.
  public var encoded: [UInt8] {
    var writer = ByteWriter()
    writer.u16(1)
    for set in [voters, outgoing, learners] {
      writer.u16(UInt16(set.count))
      for member in set {
        writer.u64(member.id.value)
        writer.u64(member.incarnation)
      }
    }
    return writer.bytes
  }

  public init(decoding bytes: [UInt8]) throws(WireError) {
    var reader = ByteReader(bytes)
    guard try reader.u16() == 1 else { throw .invalid("configuration version") }
    var sets: [[Member]] = []
    for _ in 0..<3 {
      var set: [Member] = []
      let count = Int(try reader.u16())
      guard count <= 64 else { throw .tooLong(length: count, limit: 64) }
      for _ in 0..<count {
        set.append(Member(id: NodeID(try reader.u64()), incarnation: try reader.u64()))
      }
      sets.append(set)
    }
    try reader.finish()
    guard let valid = Configuration(voters: sets[0], outgoing: sets[1], learners: sets[2]) else {
      throw .invalid("configuration members")
    }
    self = valid
  }
}
