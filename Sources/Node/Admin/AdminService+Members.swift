// AdminService+Members: who belongs to the cluster, and whether they agree, for the status.
//
// Not here: changing it (Replica).

import Gateway
import Raft
import Replica
import Synchronization

extension AdminService {
  func members(_ replica: ReplicaStatus) -> [NodeStatus.Member] {
    let addresses = peers.addresses.withLock { $0 }
    return replica.members.map { seen in
      let id = seen.member.id
      let own = id == replica.id ? facts.settings.ownPeerAddress : nil
      var member = NodeStatus.Member(
        id: id.value, incarnation: seen.member.incarnation,
        address: (own ?? addresses[id])?.description ?? seen.member.address,
        standing: seen.standing.rawValue)
      member.isPromoted = seen.isPromoted
      member.replacing = seen.replacing?.value ?? 0
      member.priority = Int(seen.priority)
      member.replication = seen.replication?.rawValue ?? ""
      member.matchIndex = seen.match?.value ?? 0
      member.isSuspect = seen.isSuspect || (id == replica.id && replica.isSuspect)
      return member
    }.sorted { $0.id < $1.id }
  }

  /// The newest point at which a majority agreed.
  func agreement(_ replica: ReplicaStatus) -> NodeStatus.Agreement? {
    guard let point = replica.agreement.last(where: { $0.agreed != nil }), let hash = point.agreed
    else { return nil }
    return NodeStatus.Agreement(
      index: point.index, hash: hash,
      equal: point.votes.filter { $0.hash == hash }.map(\.node.value),
      different: point.dissenters.map(\.value))
  }
}
