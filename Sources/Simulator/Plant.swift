// Plant: the bugs that can be planted, by room and name.
//
// The standing list: each must be caught by a seed, or, for a few, by a scenario of RaftTests.
// Not here: what they do (each room says it beside the bug).

import Raft
import Replica
import Storage

/// A bug that can be planted.
package struct Plant: Sendable {
  package let name: String
  /// The simulator is not expected to catch it within the bound.
  package let isForScenarios: Bool
  /// Outside the standing list: its situation does not come about in a simulation yet, and tests of its room catch it.
  package let isBeyond: Bool
  /// Faults that every world has in which the bug is planted, because without them it harms nobody.
  package let focus: [FaultKind]
  private let raft: PlantedBug?
  private let replica: PlantedBugs
  private let storage: StorageMutant.Bug?

  private init(
    _ name: String, raft: PlantedBug? = nil, replica: PlantedBugs = [],
    storage: StorageMutant.Bug? = nil
  ) {
    self.name = name
    focus = Self.focuses[name] ?? []
    isBeyond = Self.beyond.contains(name)
    isForScenarios = Self.forScenarios.contains(name)
    self.raft = raft
    self.replica = replica
    self.storage = storage
  }

  package func apply(to options: inout SimOptions) {
    options.raftBug = raft
    options.replicaBugs = replica
    options.focus += focus
    options.storageBug = storage
  }

  /// At most four; the directed scenarios of RaftTests catch them.
  static let forScenarios: Set<String> = [
    // A leader's first message after its election already removes the tail that this bug would
    // commit.
    "raft:commitUnverified",
    // Replica watches the disk as well, and pre-votes are refused by other rules too.
    "raft:ignoreHangingDisk", "raft:forgetStickiness",
    // What the heir lacks is mostly on its way to it before the word to campaign.
    "raft:transferTooEarly",
  ]

  /// Tests of their rooms catch them; that simulations do as well is not asked yet.
  static let beyond: Set<String> = [
    "raft:countRemovedLeader", "raft:keepTruncatedConfiguration",
    "raft:changeBeforeTermCommit", "raft:voteUnreadably", "raft:suspectCampaigns",
    "raft:heartbeatByIndex", "replica:learnersCountInHash",
    "replica:forgetsContradictions", "replica:installsOlder",
  ]

  static let focuses: [String: [FaultKind]] = [
    "replica:servesFenced": [.wrongState],
    "replica:servesUncompared": [.wrongState, .snapshot, .longAbsence, .lostStore],
    "replica:sendsContradicted": [.wrongState, .snapshot, .longAbsence, .lostStore],
    "replica:forwardsOvertake": [.reordering, .loss],
  ]

  /// Bugs of parts that a simulation does not run: the tests of Storage catch them.
  static let elsewhere: Set<StorageMutant.Bug> = [
    .pointerBeforeFiles, .checksumNotChecked, .snapshotNotSynced,
  ]

  package static let all: [Plant] =
    PlantedBug.allCases.map { Plant("raft:\($0.rawValue)", raft: $0) }
    + PlantedBugs.all.map { Plant("replica:\($0.name)", replica: $0.bug) }
    + StorageMutant.Bug.allCases.filter { !elsewhere.contains($0) }
    .map { Plant("storage:\($0.rawValue)", storage: $0) }
}
