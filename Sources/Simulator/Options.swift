// Options: what a simulation may be told besides its seed; and what it counts.
//
// Invariant: equal options and an equal seed give an equal history; `trace` changes nothing.
// Not here: the command line (SimulatorCommand).

import Raft
import Replica
import Storage

/// How to run a seed.
package struct SimOptions {
  /// Only these faults, whatever the seed draws.
  package var faults: [FaultKind]?
  /// These as well, whatever the seed draws.
  package var focus: [FaultKind] = []
  /// Also breaks what cannot survive, and then wants a halt, not a lie.
  package var unsurvivable = false
  /// Ends after the active phase, however little was acknowledged.
  package var isShort = false
  package var raftBug: PlantedBug?
  package var replicaBugs: PlantedBugs = []
  package var storageBug: StorageMutant.Bug?
  /// Takes each line of the trace.
  package var trace: ((String) -> Void)?

  package init() {}

  func adjust(_ swarm: inout Swarm) {
    if let faults { swarm.faults = faults }
    swarm.faults += focus.filter { !swarm.faults.contains($0) }
  }
}

/// What happened, in numbers.
package struct Tally: Sendable {
  package var acknowledged = 0
  package var rejected = 0
  package var reads = 0
  package var expired = 0
  package var unknown = 0
  package var repetitions = 0
  package var leaders = 0
  package var committed = 0
  package var delivered = 0
  package var dropped = 0
  package var repeated = 0
  package var storageErrors = 0
  /// How often each kind of fault struck.
  package var faults: [Int] = Array(repeating: 0, count: FaultKind.allCases.count)

  /// How often each rare situation was met.
  package var marks: [Int] = Array(repeating: 0, count: Marks.names.count)
  /// How often the branch of a planted bug ran.
  package var planted = 0

  package var kinds: Int { faults.count { $0 > 0 } }
}

/// How a seed ended.
package struct SeedReport: Sendable {
  package var seed: UInt64
  /// `nil`: all is well.
  package var failure: Failure?
  package var simulated: Int64
  package var events: UInt64
  package var digest: UInt64
  package var tally: Tally
  package var world: String

  package struct Failure: Sendable {
    /// The check that spoke.
    package var check: String
    package var text: String
    /// The line of the trace at that moment.
    package var at: String
  }
}

extension SeedReport {
  /// The report of a seed whose process died.
  package static func trap(seed: UInt64, _ text: String) -> SeedReport {
    SeedReport(
      seed: seed,
      failure: Failure(check: "trap", text: text, at: "a debug build names the precondition"),
      simulated: 0, events: 0, digest: 0, tally: Tally(), world: "")
  }
}
