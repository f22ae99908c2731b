// Plant: the bugs that can be planted, by room and name.
//
// The standing list: each must be caught by a seed, or, for a few, by a scenario of RaftTests.
// Not here: what they do (each room says it beside the bug).

import Raft
import Replica

/// A bug that can be planted.
package struct Plant: Sendable {
  package let name: String
  /// The simulator is not expected to catch it within the bound.
  package let isForScenarios: Bool
  private let raft: PlantedBug?
  private let replica: String?

  package func apply(to options: inout SimOptions) {
    options.raftBug = raft
    options.replicaBug = replica
  }

  /// At most four; the directed scenarios of RaftTests catch them.
  static let forScenarios: Set<String> = []

  package static let all: [Plant] = {
    var plants: [Plant] = []
    for bug in PlantedBug.allCases {
      let name = "raft:\(bug.rawValue)"
      plants.append(
        Plant(name: name, isForScenarios: forScenarios.contains(name), raft: bug, replica: nil))
    }
    for bug in ReplicaBugs.names {
      let name = "replica:\(bug)"
      plants.append(
        Plant(name: name, isForScenarios: forScenarios.contains(name), raft: nil, replica: bug))
    }
    return plants
  }()
}
