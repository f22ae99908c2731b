// Coordinator+Health: when a leader hands over, what low disk space means, and how a node leaves office before it ends.
//
// Invariants:
//   * a leader whose disk hangs for an election timeout steps down at once; one whose store or clock fails hands over
//   * a draining node keeps taking writes, and forwards them to the next leader: its clients see no error
//   * what a node says of its health is believed until it says otherwise or its connection ends
// Not here: measuring space (Node), the transfer itself (Consensus+Transfer).

import Raft
import Wire

/// What a node says about itself, besides its log.
public struct NodeHealth: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Its disk is nearly full.
  public static let lowSpace = NodeHealth(rawValue: 1)
  /// Its state must not be used.
  public static let fenced = NodeHealth(rawValue: 2)
  /// Its store does not take rows.
  public static let stalled = NodeHealth(rawValue: 4)
  /// It is about to end.
  public static let draining = NodeHealth(rawValue: 8)
  /// It has another state since it told a hash that is undecided: that hash is not its own any more.
  public static let renewed = NodeHealth(rawValue: 16)

  static let known: UInt8 = 31

  /// Who says one of these takes no office.
  static let unable: NodeHealth = [.fenced, .draining]
}

extension Coordinator {
  private static let healthPause: Int64 = 1_000_000

  // MARK: Inputs

  /// The free space of the node's disk became low, or is enough again. While it is low here or at
  /// the leader, new writes
  /// are refused; reads go on.
  public mutating func setSpace(isLow: Bool) { isSpaceLow = isLow }

  /// Begins to leave: leadership goes to another node, again and again until it does, and this node campaigns no more.
  /// Writes are still taken. `isDrained` tells when the process may end.
  public mutating func drain() {
    draining = true
    consensus.holdsBack = true
  }

  /// Refuses new writes from now on; those that wait are still answered.
  public mutating func refuseWrites() { refusing = true }

  /// True if this node drains, does not lead (or nobody else can), and owes no answer to a write.
  public var isDrained: Bool {
    draining && pending.count == 0 && memberChanges.isEmpty
      && (consensus.role != .leader || !hasHeir)
  }

  /// Whether another voter was heard lately and may lead.
  private var hasHeir: Bool {
    consensus.members.contains { member in
      member.member.id != identity.id && member.standing == .voter && !member.isSuspect
        && (member.ticksSinceContact ?? .max) <= settings.consensus.electionTicks
        && health(of: member.member.id).isDisjoint(with: .unable)
    }
  }

  // MARK: Who is well

  /// What this node says of itself now.
  var health: NodeHealth {
    var health: NodeHealth = []
    if isSpaceLow { health.insert(.lowSpace) }
    if distrust != nil || fault != nil { health.insert(.fenced) }
    if storeStalls { health.insert(.stalled) }
    if draining { health.insert(.draining) }
    if isRenewed { health.insert(.renewed) }
    return health
  }

  func health(of peer: NodeID) -> NodeHealth {
    peersHealth.first { $0.peer == peer }?.health ?? []
  }

  mutating func note(_ health: NodeHealth, of peer: NodeID) {
    peersHealth.removeAll { $0.peer == peer }
    if !health.isEmpty { peersHealth.append((peer, health)) }
    let isUnable = !health.isDisjoint(with: .unable)
    let isPoor = !health.isDisjoint(with: [.lowSpace, .stalled])
    consensus.learnFitness(of: peer, isUnable ? .unable : isPoor ? .poor : .able)
  }

  /// Whether new writes are refused for want of space, here or at the leader.
  public var lacksSpace: Bool {
    isSpaceLow || consensus.leader.map { health(of: $0).contains(.lowSpace) } ?? false
  }

  /// Tells the peers when something changed, and from time to time while something is wrong.
  mutating func sayHealth(_ now: Moment, _ effects: inout Effects) {
    let present = health
    guard
      present != saidHealth || (!present.isEmpty && now.monotonic - saidHealthAt > Self.healthPause)
    else { return }
    saidHealth = present
    saidHealthAt = now.monotonic
    for peer in connected {
      effects.messages.append(
        Outgoing(to: peer, message: PeerMessage(wall: now.wall, .health(present))))
    }
  }

  // MARK: Leadership

  /// A leader that cannot serve hands over: its clock is off, its disk hangs, its store stalls, its disk is nearly full
  /// while others' are not, its state is wrong, its `apply` halted, or it is about to end.
  mutating func watchLeadership(_ now: Moment, _ effects: inout Effects) {
    watchStore(now)
    guard consensus.role == .leader else {
      handOverSince = nil
      return
    }
    let hangs = diskHangs(now)
    let mustGo = clock.isOff || fault != nil || distrust != nil || hangs
    let shouldGo = storeStalls || draining || (isSpaceLow && isBetterElsewhere)
    guard mustGo || shouldGo else {
      handOverSince = nil
      return
    }
    let since = handOverSince ?? now.monotonic
    handOverSince = since
    if hangs || (mustGo && now.monotonic - since > 3_000_000) {
      handOverSince = nil
      consensus.stepDown(&output)
    } else if !consensus.isTransferring, draining || now.monotonic - lastHandOver >= 1_000_000 {
      // Nothing is proposed during an attempt, which consensus ends after an election timeout: only
      // a node that is about
      // to end tries without pause.
      lastHandOver = now.monotonic
      consensus.transferLeadership(&output)
    }
    collect(now, &effects)
  }

  /// Whether some other voter that answers has space.
  private var isBetterElsewhere: Bool {
    hasHeir
      && consensus.members.contains { member in
        member.standing == .voter && member.member.id != identity.id
          && (member.ticksSinceContact ?? .max) <= settings.consensus.electionTicks
          && !health(of: member.member.id).contains(.lowSpace)
      }
  }

  func diskHangs(_ now: Moment) -> Bool {
    guard let oldest = writesInFlight.first else { return false }
    return now.monotonic - oldest.since > settings.diskHangLimit
  }

  /// Whether `apply` has waited for the store, which took nothing, for the limit.
  var storeStalls: Bool {
    storeWaitsSince.map { lastTick - $0 > settings.storeStallLimit } ?? false
  }

  private mutating func watchStore(_ now: Moment) {
    lastTick = now.monotonic
    if runs.hasRoom || runs.stored != storedAtLook || runs.outstandingCount == 0 {
      storeWaitsSince = nil
      storedAtLook = runs.stored
    } else if storeWaitsSince == nil {
      storeWaitsSince = now.monotonic
    }
  }
}
