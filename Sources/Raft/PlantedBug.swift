// PlantedBug: deliberate faults, each named after the rule it breaks, that tests must find.
//
// Invariant: nothing outside tests sets one; `Consensus.plantedRuns` counts how often its branch ran,
// so that a bug that was never reached does not pass for one that was found.
// Not here: who finds it (Tests/RaftTests, and the simulator's mutants run).

/// Faults that tests plant to prove that they would be found. Never set outside tests.
package enum PlantedBug: String, CaseIterable, Sendable {
  /// A follower acknowledges entries before its own disk has them.
  case ackBeforeDurable
  /// Votes and vote requests leave before the hard state is durable.
  case voteBeforeDurable
  /// A leader counts its own copy before its disk has it.
  case countSelfBeforeDurable
  /// The end of a write that was superseded makes the entries that replaced it count as durable.
  case staleCompletion
  /// A follower drops everything after `previous` on any append, also on a delayed one.
  case truncateOnAnyAppend
  /// A follower takes the leader's commit index for entries that it has not compared.
  case commitUnverified
  /// A follower believes a heartbeat's commit by its index, whatever entry of its own stands there.
  case heartbeatByIndex
  /// After a restart the whole log counts as committed.
  case commitTailAtStart
  /// Candidates are compared by log length only.
  case ignoreLastTermInVote
  /// A second candidate of a term gets a vote as well.
  case voteTwice
  /// Entries of earlier terms are committed by counting copies (paper, figure 8).
  case commitOldTermByCounting
  /// What was sent to a follower counts as acknowledged.
  case countSentAsMatched
  /// Only the new half of a joint configuration decides.
  case ignoreOutgoingHalf
  /// A leader that is not a voter any more counts itself.
  case countRemovedLeader
  /// A truncated configuration stays in force.
  case keepTruncatedConfiguration
  /// A restarted node goes back to the configuration that it last knew to be committed.
  case revertConfigurationAtStart
  /// A leader changes the members before it has committed in its term.
  case changeBeforeTermCommit
  /// A leader leaves a joint configuration that is not committed in its term.
  case leaveJointEarly
  /// Nobody leaves a joint configuration that another leader began.
  case neverLeaveJoint
  /// A read joins a confirmation round whose heartbeats left before it was asked.
  case reuseReadRound
  /// A new leader confirms reads before it has committed in its term.
  case readBeforeTermCommit
  /// A node that hears its leader answers any campaign.
  case forgetStickiness
  /// A leader that lost its quorum goes on with its heartbeats.
  case ignoreLostQuorum
  /// A leader whose disk hangs goes on leading.
  case ignoreHangingDisk
  /// The target of a transfer is told to campaign before it has everything.
  case transferTooEarly
  /// A node with a damaged log votes by what is left of it.
  case suspectVotesByRest
  /// A node with a damaged log campaigns.
  case suspectCampaigns
  /// A node whose vote is unreadable votes as if it had not voted.
  case voteUnreadably
}
