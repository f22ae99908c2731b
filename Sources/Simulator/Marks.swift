// Marks: rare situations that a good set of seeds must have met. A run says which it never met.
// Not here: where they are noticed.

import Raft

/// A rare situation.
package enum SimMark: String, CaseIterable, Sendable {
  case tornTail, writeSurvivedCrash, suspectLog, truncation, truncatedDurably, conflictAnswer
  case logFetch, logCut, segmentRoll, storeFellBack, replayAtStart, transferCampaign
  case voteRefused, preVoteRefused, twoCandidates, minorityLeader, readOnFollower, readFailed
  case forwardRepeated, overloaded, expiredOutcome, unknownOutcome, repeatedRequest
  case deadlinePassed, halfQuorumDown, allDown, cancelFilled, outcomeForgotten, suspectCleared
  case fetchBelowCut, cutBehindMember, logReset
  case snapshotMade, snapshotRotten, installResumed, installRefused
  case lagReplaced, storeReplaced, wrongReplaced, storeUnusable, fenced
  case changeCommitted, changeRefused, changeUnknown, changeGivenUp, lostReplaced, memberRetired
  case strangerRefused, votesUnreadable
  case wrongSnapshotMade, wrongHeldBack, operatorJudged
  case levelRaised, levelRefused, levelUnheard, levelUnknown, levelFallRefused, foundedLower
  case programRenewed
}

/// All marks by name: those that the world notices, then those of consensus.
package enum Marks {
  package static let names =
    SimMark.allCases.map(\.rawValue) + Raft.Mark.allCases.map { "raft:\($0)" }
}

extension World {
  /// Takes over what a life has counted, at its end.
  func count(_ life: Life) {
    for (place, mark) in Raft.Mark.allCases.enumerated() {
      tally.marks[SimMark.allCases.count + place] += Int(life.coordinator.raftMarks[mark])
    }
    tally.planted += Int(life.coordinator.raftPlantedRuns)
    if !options.replicaBugs.isEmpty { tally.planted += Int(life.coordinator.plantedRuns) }
  }

  func mark(_ mark: SimMark) { tally.marks[Self.places[mark] ?? 0] += 1 }

  private static let places = [SimMark: Int](
    uniqueKeysWithValues: SimMark.allCases.enumerated().map { ($1, $0) })
}
