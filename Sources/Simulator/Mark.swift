// Mark: rare situations that a good set of seeds must have met. A run says which it never met.
// Not here: where they are noticed.

/// A rare situation.
package enum Mark: String, CaseIterable, Sendable {
  case tornTail, writeSurvivedCrash, suspectLog, truncation, truncatedDurably, conflictAnswer
  case logFetch, logCut, segmentRoll, storeFellBack, replayAtStart, transferCampaign
  case voteRefused, preVoteRefused, twoCandidates, minorityLeader, readOnFollower, readFailed
  case forwardRepeated, overloaded, expiredOutcome, unknownOutcome, repeatedRequest
  case deadlinePassed, halfQuorumDown, allDown, cancelFilled
}

extension World {
  func mark(_ mark: Mark) { tally.marks[Self.places[mark] ?? 0] += 1 }

  private static let places = [Mark: Int](
    uniqueKeysWithValues: Mark.allCases.enumerated().map { ($1, $0) })
}
