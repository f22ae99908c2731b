// AdminService+Members: who belongs to the cluster, for the status.
//
// Not here: changing it (Replica).

import Gateway
import Raft
import Replica
import Synchronization

extension AdminService {
  func members(_ replica: ReplicaStatus) -> [NodeStatus.Member] {
    guard let configuration = replica.configuration else { return [] }
    let addresses = peers.addresses.withLock { $0 }
    let sets = [
      ("voter", configuration.voters), ("outgoing", configuration.outgoing),
      ("learner", configuration.learners),
    ]
    var found: [NodeStatus.Member] = []
    for (standing, set) in sets {
      for member in set where !found.contains(where: { $0.id == member.id.value }) {
        let own = member.id == replica.id ? facts.settings.ownPeerAddress : nil
        found.append(
          NodeStatus.Member(
            id: member.id.value, incarnation: member.incarnation,
            address: (own ?? addresses[member.id])?.description ?? "", standing: standing))
      }
    }
    return found.sorted { $0.id < $1.id }
  }
}
