// HashAgreement: the voters' state hashes at fixed log indexes, as the log reports them. Replicated state.
//
// Invariants:
//   * a pure function of the reports and of the configuration applied before each
//   * a voter's first report for an index counts, later ones do not; learners' never do
//   * the newest `pointsMax` indexes are kept; of older ones those at which voters contradict each other and nobody has
//     decided since, for each two voters the newest: at most `heldMax`. Each holds at most one report a member
// Not here: taking and reporting hashes (Coordinator+Hashes), and what follows for this node (StateFence).

import Raft
import Wire

/// What the voters' hashes say of one replica's state.
enum StateTrust: Equatable, Sendable {
  /// A majority had the same.
  case agreed
  /// No majority has spoken yet; more voices for it than for another, or none but the own.
  case open
  /// As many voices for another.
  case disputed
}

/// Which state hash a majority of the voters has, index by index.
public struct HashAgreement: Hashable, Sendable {
  /// How many of the newest indexes are remembered.
  public static let pointsMax = 8
  /// How many older ones at most: one for each two nodes that may vote at a time, in both halves of a joint
  /// configuration.
  static let heldMax = Configuration.votersMax * (2 * Configuration.votersMax - 1)

  /// A member's hash.
  public struct Vote: Hashable, Sendable {
    public var node: NodeID
    public var hash: UInt128
  }

  /// What is known about one index.
  public struct Point: Hashable, Sendable {
    public var index: UInt64
    /// By node.
    public var votes: [Vote] = []
    /// The hash that a majority has.
    public var agreed: UInt128?
    /// No hash can reach a majority any more.
    public var isDivided = false

    /// Those who reported another hash than the majority.
    public var dissenters: [NodeID] {
      guard let agreed else { return [] }
      return votes.filter { $0.hash != agreed }.map(\.node)
    }

    /// Whether the two told different hashes.
    func differ(_ one: NodeID, _ other: NodeID) -> Bool {
      guard let mine = votes.first(where: { $0.node == one }),
        let theirs = votes.first(where: { $0.node == other })
      else { return false }
      return mine.hash != theirs.hash
    }
  }

  /// By index: the newest `pointsMax`, and before them those that are held. A point is held while it is contradicted,
  /// undecided and newer than what was agreed on last, and for some two of the present voters no newer point shows that
  /// their states differ: whoever was contradicted stays so until a majority has spoken, however many points are
  /// passed meanwhile, and however many of them are contradicted.
  public private(set) var points: [Point] = []
  /// The newest index at which a majority agreed, and its hash; kept when the point itself is forgotten.
  public var lastAgreed: HashSample? {
    agreedIndex == 0 ? nil : HashSample(index: agreedIndex, hash: agreedHash)
  }
  private var agreedIndex: UInt64 = 0
  private var agreedHash: UInt128 = 0
  /// The newest index without a possible majority; 0 if there is none.
  private var dividedIndex: UInt64 = 0

  public init() {}

  /// The index since which no majority agrees, if so: writes halt.
  public var divided: UInt64? { dividedIndex > agreedIndex ? dividedIndex : nil }

  /// The newest point at which the states that were told differ, where the silent decide and nothing newer is agreed
  /// on.
  ///
  /// - Parameter counts: whose voices count.
  func dispute(counts: (NodeID) -> Bool) -> Point? {
    for var point in points.reversed() where point.index > agreedIndex && !point.isDivided {
      point.votes.removeAll { !counts($0.node) }
      if Set(point.votes.map(\.hash)).count > 1 { return point }
    }
    return nil
  }

  /// Whether `node` told a hash about which nothing is decided there or later, and which is not its state's any more:
  /// before `index`, or another than its sample.
  func hasOldReport(of node: NodeID, before index: UInt64, _ samples: [HashSample]) -> Bool {
    points.contains { point in
      guard point.index > agreedIndex, let vote = point.votes.first(where: { $0.node == node })
      else { return false }
      let sample = samples.first { $0.index == point.index }
      return point.index < index || sample.map { $0.hash != vote.hash } ?? false
    }
  }

  /// Whether `node` has reported for `index`, or the index is too old to matter.
  func hasReport(of node: NodeID, at index: UInt64) -> Bool {
    if let point = points.first(where: { $0.index == index }) {
      return point.votes.contains { $0.node == node }
    }
    return points.count >= Self.pointsMax && index < points[points.count - Self.pointsMax].index
  }

  /// Counts a report. Returns whether anything changed.
  ///
  /// - Parameters:
  ///   - countsLearners: a planted fault.
  ///   - forgets: whether an older point goes although it is to be held; a planted fault, asked where it matters.
  mutating func count(
    _ report: HashReport, _ configuration: Configuration, countsLearners: Bool = false,
    forgets: () -> Bool = { false }
  ) -> Bool {
    guard configuration.incarnation(of: report.node) == report.incarnation,
      configuration.isVoter(report.node) || countsLearners,
      !hasReport(of: report.node, at: report.index)
    else { return false }
    var place = points.firstIndex { $0.index >= report.index } ?? points.count
    if place == points.count || points[place].index != report.index {
      points.insert(Point(index: report.index), at: place)
      let old = max(0, points.count - Self.pointsMax)
      let held = (0..<old).filter { isHeld($0, configuration) && !forgets() }.map { points[$0] }
      precondition(held.count <= Self.heldMax, "two voters hold one point at most")
      points.replaceSubrange(..<old, with: held)
      place -= old - held.count
    }
    let vote = Vote(node: report.node, hash: report.hash)
    let position =
      points[place].votes.firstIndex { $0.node > report.node } ?? points[place].votes.count
    points[place].votes.insert(vote, at: position)
    judge(place, configuration, countsLearners)
    return true
  }

  /// Whether the point stays although it is old (`points`).
  private func isHeld(_ place: Int, _ configuration: Configuration) -> Bool {
    guard points[place].agreed == nil, points[place].index > agreedIndex else { return false }
    let votes = points[place].votes.filter { configuration.isVoter($0.node) }
    for (position, one) in votes.enumerated() {
      for other in votes[..<position] where other.hash != one.hash {
        let isShownLater = points[(place + 1)...].contains { $0.differ(one.node, other.node) }
        if !isShownLater { return true }
      }
    }
    return false
  }

  /// What is known of a state as of `index`, whose hashes were `samples` before and since. Wrong states stay wrong: who
  /// was contradicted before is in doubt, until a majority had the same (so contradicted points are held, and the own
  /// samples with them); what becomes of a state after that does not matter.
  ///
  /// - Parameter counts: whose voices count where no majority has spoken.
  func trust(
    in samples: [HashSample], since index: UInt64, counts: (NodeID) -> Bool
  ) -> StateTrust {
    var trust = StateTrust.open
    for sample in samples {
      let point = points.first { $0.index == sample.index }
      if lastAgreed == sample || point?.agreed == sample.hash {
        if sample.index >= index { return .agreed }
        trust = .open
        continue
      }
      let votes = point?.votes.filter { counts($0.node) } ?? []
      let others = Set(votes.map(\.hash)).subtracting([sample.hash])
      let most = others.map { hash in votes.count { $0.hash == hash } }.max() ?? 0
      if most > 0, most >= votes.count(where: { $0.hash == sample.hash }) { trust = .disputed }
    }
    return trust
  }

  private mutating func judge(
    _ place: Int, _ configuration: Configuration, _ countsLearners: Bool
  ) {
    guard points[place].agreed == nil else { return }
    let votes = points[place].votes
    var sets = [configuration.voters.map(\.id)]
    if countsLearners { sets[0] += configuration.learners.map(\.id) }
    if configuration.isJoint { sets.append(configuration.outgoing.map(\.id)) }
    /// Whether the hash (`nil`: one that nobody reported yet) has a majority of every set, the
    /// silent counted in or not.
    func reaches(_ hash: UInt128?, withSilent: Bool) -> Bool {
      sets.allSatisfy { set in
        let members = countsLearners ? configuration.voters.count : set.count
        let holders = set.count { node in
          guard let vote = votes.first(where: { $0.node == node }) else { return withSilent }
          return vote.hash == hash
        }
        return holders * 2 > members
      }
    }
    for vote in votes where reaches(vote.hash, withSilent: false) {
      points[place].agreed = vote.hash
      points[place].isDivided = false
      if points[place].index > agreedIndex {
        agreedIndex = points[place].index
        agreedHash = vote.hash
      }
      return
    }
    let mayAgree =
      reaches(nil, withSilent: true) || votes.contains { reaches($0.hash, withSilent: true) }
    points[place].isDivided = !mayAgree
    if !mayAgree { dividedIndex = max(dividedIndex, points[place].index) }
  }

  // MARK: The row

  /// Version u16 (1; 2 if there are more than `pointsMax` points), agreed index u64 and hash u128, divided index u64,
  /// count u16, then for each point its index u64, flags u8, agreed hash u128, count u16 and votes
  /// (node u64, hash u128).
  var encoded: [UInt8] {
    var writer = ByteWriter(capacity: 64 + points.count * 100)
    writer.u16(points.count > Self.pointsMax ? 2 : 1)
    writer.u64(agreedIndex)
    writer.u128(agreedHash)
    writer.u64(dividedIndex)
    writer.u16(UInt16(points.count))
    for point in points {
      writer.u64(point.index)
      writer.u8((point.agreed == nil ? 0 : 1) | (point.isDivided ? 2 : 0))
      writer.u128(point.agreed ?? 0)
      writer.u16(UInt16(point.votes.count))
      for vote in point.votes {
        writer.u64(vote.node.value)
        writer.u128(vote.hash)
      }
    }
    return writer.bytes
  }

  init(decoding bytes: [UInt8]) throws(WireError) {
    var reader = ByteReader(bytes)
    let version = try reader.u16()
    guard version == 1 || version == 2 else { throw .invalid("hash agreement version") }
    agreedIndex = try reader.u64()
    agreedHash = try reader.u128()
    dividedIndex = try reader.u64()
    let count = Int(try reader.u16())
    let limit = version == 1 ? Self.pointsMax : Self.pointsMax + Self.heldMax
    guard count <= limit else { throw .tooLong(length: count, limit: limit) }
    for _ in 0..<count {
      var point = Point(index: try reader.u64())
      let flags = try reader.u8()
      let agreed = try reader.u128()
      point.agreed = flags & 1 == 0 ? nil : agreed
      point.isDivided = flags & 2 != 0
      let votes = Int(try reader.u16())
      guard votes <= 1024 else { throw .tooLong(length: votes, limit: 1024) }
      for _ in 0..<votes {
        point.votes.append(Vote(node: NodeID(try reader.u64()), hash: try reader.u128()))
      }
      points.append(point)
    }
    try reader.finish()
  }
}
