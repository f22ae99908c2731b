// Coordinator+Levels: the leader puts no level of behaviour into the log that a member cannot apply.
//
// Invariants:
//   * a level is taken only after every other member has said, on its last connection to this leader, that its program
//     applies it; a leader judges once it has applied all that was logged before its term, so that it refuses nothing
//     that is in the log
//   * what a leadership has refused to another node it does not take later: that node may have told its client
//   * a cluster is founded at no level that a member cannot apply
//   * nobody joins whose program cannot apply the level in force
// Not here: what a level changes (Engine), that it never falls (Engine), who is let in (Coordinator+Boot).

import Engine
import Raft
import Wire

/// An own write that raises the level.
struct LevelRaise {
  var request: RequestID
  var level: UInt32
}

/// Another node's write that was refused.
struct RefusedRaise {
  var request: RequestID
  var reason: String
}

extension Coordinator {
  /// So many refusals are remembered. A node that repeats one does so within seconds.
  private static let refusedRaisesMax = 256

  /// The levels that this node applies.
  var ownLevels: ClosedRange<UInt16> {
    UInt16(Behaviour.first)...UInt16(clamping: settings.newestLevel)
  }

  /// What a member has said last.
  private func hello(of member: Member) -> PeerHello? {
    hellos.first { $0.node == member.id && $0.incarnation == member.incarnation }
  }

  /// Why the leader does not raise the level so far; `nil` if it does, or if the engine itself will refuse. What no
  /// program knows must not be in the log: a later program would take what this one refused.
  mutating func objection(toLevel level: UInt32) -> String? {
    guard level > machine.level, let members = consensus.configuration?.members else { return nil }
    guard level <= settings.newestLevel else {
      return
        "level \(level) is refused: node \(identity.id), which leads, applies levels"
        + " \(ownLevels.lowerBound) to \(ownLevels.upperBound): give it the newer program first"
    }
    guard let objection = objection(toLevel: level, of: members),
      !plants.has(.raisesUnasked)
    else { return nil }
    return objection
  }

  private func objection(toLevel level: UInt32, of members: [Member]) -> String? {
    for member in members where member.id != identity.id {
      let name = "level \(level) is refused: node \(member.id)"
      guard let hello = hello(of: member) else {
        return
          "\(name) has not said to the leader, node \(identity.id), which levels its program applies: start it,"
          + " or remove it"
      }
      guard hello.levels.contains(UInt16(clamping: level)) else {
        return
          "\(name) applies levels \(hello.levels.lowerBound) to \(hello.levels.upperBound): give it the newer"
          + " program first, or remove it"
      }
    }
    return nil
  }

  /// The genesis, at no level that a member cannot apply. Who has said nothing to this node, which may have been
  /// brought up by another, counts as one that applies the first level only; the operator raises it later.
  var genesisForAll: [[UInt8]] {
    let members = consensus.configuration?.members.filter { $0.id != identity.id } ?? []
    let known = members.map {
      hello(of: $0).map { UInt32($0.levels.upperBound) } ?? Behaviour.first
    }
    let most = min(settings.newestLevel, known.min() ?? .max)
    return genesis.map { bytes in
      var reader = ByteReader(bytes)
      guard var request = try? CommandCodec.decode(&reader),
        case .setLevel(let set) = request.command, set.level > most
      else { return bytes }
      request.command = .setLevel(SetLevel(level: most))
      return Self.encode(request)
    }
  }

  /// Why a node that is to join cannot: it could not apply what is in force.
  func levelObjection(to request: MemberRequest) -> String? {
    let id: NodeID
    switch request {
    case .add(let newcomer, _, _, _), .replace(_, let newcomer, _, _): id = newcomer
    case .promote, .remove: return nil
    }
    guard let hello = strangers.first(where: { $0.node == id }),
      !hello.levels.contains(UInt16(clamping: machine.level))
    else { return nil }
    return
      "node \(id) applies levels \(hello.levels.lowerBound) to \(hello.levels.upperBound), and level"
      + " \(machine.level) is in force: give it the newer program first"
  }

  /// Answers own raises of the level that wait to be put into the log and may not be.
  mutating func refuseLevelRaises(_ effects: inout Effects) {
    guard !levelRaises.isEmpty else { return }
    levelRaises.removeAll { !pending.contains($0.request) }
    for raise in levelRaises
    where !queue.isInFlight(raise.request) && machine.outcome(of: raise.request) == nil {
      if let reason = objection(toLevel: raise.level) {
        answer(raise.request, .refused(reason), &effects)
      }
    }
  }

  /// Why another node's raise is not taken, or was not when it came first; `nil` if it is.
  mutating func refusal(of request: RequestID, toLevel level: UInt32) -> String? {
    if let known = refusedRaises.first(where: { $0.request == request }) { return known.reason }
    guard let reason = objection(toLevel: level) else { return nil }
    refusedRaises.append(RefusedRaise(request: request, reason: reason))
    if refusedRaises.count > Self.refusedRaisesMax { refusedRaises.removeFirst() }
    return reason
  }

  /// Tells the node whose client asked.
  mutating func refuse(
    _ request: RequestID, _ reason: String, to peer: NodeID, _ now: Moment,
    _ effects: inout Effects
  ) {
    let refusal = PeerMessage.Refusal(term: consensus.term, request: request, reason: reason)
    effects.messages.append(
      Outgoing(to: peer, message: PeerMessage(wall: now.wall, .refusal(refusal))))
  }

  /// The leader's word on an own write. An earlier leader's is void: its successor may have logged the write.
  mutating func take(
    _ refusal: PeerMessage.Refusal, from peer: NodeID, _ effects: inout Effects
  ) {
    guard consensus.leader == peer, consensus.term == refusal.term else {
      counters.messagesDropped += 1
      return
    }
    answer(refusal.request, .refused(refusal.reason), &effects)
  }
}
