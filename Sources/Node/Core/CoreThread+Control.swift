// CoreThread+Control: operators' requests about the cluster itself, handed to the replica.
//
// Invariant: every request is answered once; a refusal changed nothing.
// Not here: the rules (Raft), the JSON (Gateway).

import Gateway
import Raft
import Replica

extension CoreThread {
  func control(_ request: ControlRequest, _ ticket: UInt64, _ now: Moment) {
    if case .saveSnapshot = request {
      return queues.snapshots.post(.save(ticket: ticket))
    }
    guard coordinator.role == .leader else {
      return deliver(.control(ticket, .notLeader(coordinator.leader?.value)))
    }
    if let refusal = addressRefusal(request) { return deliver(.control(ticket, .refused(refusal))) }
    switch request {
    case .transferLeadership(let to): transfer(to.map { NodeID($0) }, ticket, now)
    case .addMember(let id, let asVoter):
      change(.add(NodeID(id), address: address(of: id), promote: asVoter), ticket, now)
    case .promoteMember(let id): change(.promote(NodeID(id)), ticket, now)
    case .removeMember(let id): change(.remove(NodeID(id)), ticket, now)
    case .replaceMember(let id, let with):
      change(.replace(NodeID(id), with: NodeID(with), address: address(of: with)), ticket, now)
    case .verify:
      let index = coordinator.compareStates(now, &effects)
      deliver(.control(ticket, index.map { .done(index: $0) } ?? .refused("try again")))
    case .saveSnapshot: break
    }
  }

  private func transfer(_ to: NodeID?, _ ticket: UInt64, _ now: Moment) {
    guard let to else {
      coordinator.transferLeadership(now, &effects)
      return deliver(.control(ticket, .accepted))
    }
    let isBegun = coordinator.transferLeadership(to: to, now, &effects)
    deliver(
      .control(
        ticket,
        isBegun ? .accepted : .refused("node \(to) cannot take over: it is no voter that answers")))
  }

  private func change(_ request: MemberRequest, _ ticket: UInt64, _ now: Moment) {
    coordinator.changeMembers(request, ticket, now, &effects)
  }

  /// Where a node that knocked says that it listens.
  private func address(of id: UInt64) -> String { guests[NodeID(id)]?.address.description ?? "" }

  /// Why the newcomer's address is no good. The first configuration holds no addresses, so consensus cannot tell.
  private func addressRefusal(_ request: ControlRequest) -> String? {
    let (newcomer, leaving): (UInt64, UInt64?) =
      switch request {
      case .addMember(let id, _): (id, nil)
      case .replaceMember(let id, let with): (with, id)
      default: (0, nil)
      }
    guard let guest = guests[NodeID(newcomer)],
      let members = coordinator.configuration?.members.map(\.id)
    else { return nil }
    let known = addresses()
    let holder = members.first { id in
      id.value != newcomer && id.value != leaving && known[id] == guest.address
    }
    return holder.map {
      MembershipRefusal(.sameAddress(as: $0, guest.address.description)).description
    }
  }

  static func outcome(_ answer: MemberAnswer) -> ControlOutcome {
    switch answer.outcome {
    case .committed(let index): .done(index: index)
    case .refused(let reason): .refused(reason)
    case .notLeader(let leader): .notLeader(leader?.value)
    case .unknown: .unknown
    }
  }

  // MARK: Snapshots

  /// What the snapshot thread did for the replica.
  func note(_ result: SnapshotResult, _ now: Moment) {
    switch result {
    case .made(let id, let manifest): coordinator.snapshotMade(id, manifest: manifest)
    case .makeFailed: coordinator.snapshotFailed()
    case .read(let peer, let transfer, let piece, let bytes):
      coordinator.snapshotRead(
        peer: peer, transfer: transfer, piece: piece, bytes: bytes, now, &effects)
    case .began(let missing): coordinator.installBegan(missing: missing, now, &effects)
    case .wrote(let piece, let again):
      coordinator.installWrote(piece, again: again, now, &effects)
    case .installFailed: coordinator.installFailed(now)
    }
  }
}
