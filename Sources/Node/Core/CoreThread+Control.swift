// CoreThread+Control: operators' requests about the cluster itself, handed to the replica.
//
// Invariant: every request is answered once; a refusal changed nothing.
// Not here: the rules (Raft), the JSON (Gateway).

import Gateway
import Raft
import Replica

extension CoreThread {
  func control(_ request: ControlRequest, _ ticket: UInt64, _ now: Moment) {
    guard coordinator.role == .leader else {
      return deliver(.control(ticket, .notLeader(coordinator.leader?.value)))
    }
    switch request {
    case .transferLeadership(let to):
      guard to == nil else {
        return deliver(.control(ticket, .refused("a leader cannot be chosen yet")))
      }
      coordinator.transferLeadership(now, &effects)
      deliver(.control(ticket, .accepted))
    default: deliver(.control(ticket, .refused("not possible yet")))
    }
  }
}
