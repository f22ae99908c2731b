// Coordinator+Members: operators change the members, and learn when a change is committed.
//
// Invariants: every change asked here is answered once: refused with one sentence and nothing changed, or committed, or
// unknown because leadership ended first.
// Not here: the rules (Consensus+Membership), who may connect (Coordinator+Boot).

import Raft

/// What an operator asks of the members.
public enum MemberRequest: Hashable, Sendable {
  /// A node that runs already, and waits outside; with `promote` it votes once it has caught up. `incarnation`: 0 takes
  /// the one that the node itself has said when it tried to connect.
  case add(NodeID, address: String, promote: Bool, incarnation: UInt64 = 0)
  case promote(NodeID)
  case remove(NodeID)
  /// `with` takes the place of the first in one step, once it has caught up.
  case replace(NodeID, with: NodeID, address: String, incarnation: UInt64 = 0)
}

/// How a change of the members went.
public enum MemberOutcome: Hashable, Sendable {
  /// The entry that begins the change is committed at `index`; `Coordinator.members` shows how it goes on.
  case committed(index: UInt64)
  /// Nothing was changed. One sentence.
  case refused(String)
  /// Nothing was changed: another node leads, if any is known.
  case notLeader(NodeID?)
  /// Leadership ended first: `member list` on the next leader tells.
  case unknown
}

/// The answer to a change of the members.
public struct MemberAnswer: Hashable, Sendable {
  public var ticket: UInt64
  public var outcome: MemberOutcome
}

/// A change that waits for its commit.
struct MemberChange {
  var ticket: UInt64
  var entry: EntryID
}

extension Coordinator {
  /// Changes that may wait for their commit. Consensus lets one be under way; the rest are answered in the same turn.
  private static let strangersMax = 8

  /// Asks for a change of the members; answered in `Effects.memberAnswers`.
  public mutating func changeMembers(
    _ request: MemberRequest, _ ticket: UInt64, _ now: Moment, _ effects: inout Effects
  ) {
    func answer(_ outcome: MemberOutcome) {
      effects.memberAnswers.append(MemberAnswer(ticket: ticket, outcome: outcome))
    }
    guard consensus.role == .leader else { return answer(.notLeader(consensus.leader)) }
    guard isSound else { return answer(.refused("this leader is about to hand over: try again")) }
    if let reason = levelObjection(to: request) { return answer(.refused(reason)) }
    let change: MembershipChange
    switch request {
    case .add(let id, let address, let promote, let incarnation):
      guard let member = newcomer(id, address, incarnation) else {
        return answer(.refused(Self.unheard(id)))
      }
      change = .addLearner(member, promote: promote)
    case .promote(let id): change = .promote(id)
    case .remove(let id): change = .remove(id)
    case .replace(let old, let id, let address, let incarnation):
      guard let member = newcomer(id, address, incarnation) else {
        return answer(.refused(Self.unheard(id)))
      }
      change = .replace(old, with: member)
    }
    do throws(MembershipRefusal) {
      let entry = try consensus.changeMembership(change, &output)
      memberChanges.append(MemberChange(ticket: ticket, entry: entry))
    } catch {
      answer(.refused(error.description))
    }
    collect(now, &effects)
    judgeOwnConfiguration()
  }

  private static func unheard(_ id: NodeID) -> String {
    "node \(id) has not been heard from: start it first, with this node among its peers; it waits"
      + " outside until it is added"
  }

  /// The member that is meant, with the incarnation that it said itself unless one is given.
  private func newcomer(_ id: NodeID, _ address: String, _ incarnation: UInt64) -> Member? {
    if let known = consensus.configuration?.member(id) {
      // Consensus refuses it with a better reason.
      return Member(id: id, incarnation: known.incarnation, address: address)
    }
    if incarnation != 0 { return Member(id: id, incarnation: incarnation, address: address) }
    return strangers.first { $0.node == id }.map {
      Member(id: id, incarnation: $0.incarnation, address: address)
    }
  }

  /// Remembers who knocked and was not let in.
  mutating func remember(stranger hello: PeerHello) {
    strangers.removeAll { $0.node == hello.node }
    strangers.append(hello)
    if strangers.count > Self.strangersMax { strangers.removeFirst() }
  }

  /// Every turn: answers the changes that are committed, or whose leadership ended.
  mutating func answerMemberChanges(_ effects: inout Effects) {
    guard !memberChanges.isEmpty else { return }
    memberChanges.removeAll { change in
      let outcome: MemberOutcome
      if consensus.commit >= change.entry.index, consensus.term == change.entry.term {
        outcome = .committed(index: change.entry.index.value)
      } else if consensus.term != change.entry.term || consensus.role != .leader {
        outcome = .unknown
      } else {
        return false
      }
      effects.memberAnswers.append(MemberAnswer(ticket: change.ticket, outcome: outcome))
      return true
    }
  }

  /// The members as this node sees them; lags are known to the leader only.
  public var members: [MemberStatus] { consensus.members }
}
