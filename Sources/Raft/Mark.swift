// Mark: rare branches that a thorough test run should have visited.
//
// A mark costs one increment in the node that passes it; nothing is shared between nodes or threads.
// Not here: who adds them up (the simulator reports the marks that were never hit).

/// A rare branch.
package enum Mark: Int, CaseIterable, Sendable {
  case conflictRepaired, truncated, ackOwed, appendRefusedForRoom
  case voteRefusedByLog, voteRepeated, preVoteRefusedSticky, preVoteTaughtTerm
  case lostConnectionHurried, campaignHeldForAnother
  case quorumLost, diskHung, oldTermNotCommitted
  case regressed, fetchAsked, fetchDropped, snapshotAsked, snapshotRepeated, snapshotDone
  case membershipRefused, jointEntered, jointLeft, jointLeftBySuccessor, promotedAutomatically
  case leaderRemoved, learnerAdded, configurationTruncated
  case transferBegun, transferAborted, transferDone, priorityHandOver, priorityWaited
  case suspectStarted, suspectVoteRefused, suspectRepaired, suspectLowered
  case voteUnreadableStarted, voteUnreadableEnded
  case readForwarded, readExpired, readFailedWithLeadership
}

/// How often each mark was passed.
package struct MarkCounts: Sendable {
  private var counts = InlineArray<48, UInt32>(repeating: 0)

  package init() { precondition(Mark.allCases.count <= counts.count, "more marks than places") }

  package subscript(_ mark: Mark) -> UInt32 { counts[mark.rawValue] }

  mutating func pass(_ mark: Mark) { counts[mark.rawValue] &+= 1 }
}

extension Consensus {
  /// Notes that a rare branch ran.
  mutating func pass(_ mark: Mark) { marks.pass(mark) }

  /// Whether a fault is planted here. Counts the runs of its branch.
  mutating func has(_ bug: PlantedBug) -> Bool {
    guard settings.plantedBug == bug else { return false }
    plantedRuns += 1
    return true
  }
}
