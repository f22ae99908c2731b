// Consensus+Invariants: what must hold after every call. Kept in release builds: O(1), no allocation.
//
// A broken invariant stops the process: a node that contradicts itself must not go on voting.
// Not here: invariants between nodes (the simulation in the tests holds those).

extension Consensus {
  /// A precondition that deliberately planted faults may break, so that the tests' checkers find
  /// them and not the trap.
  func require(_ condition: @autoclosure () -> Bool, _ message: StaticString) {
    if settings.plantedBug == nil, !condition() { preconditionFailure("\(message)") }
  }

  /// Checks the node against itself.
  func checkInvariants() {
    let last = log.last
    require(durableIndex <= last.index, "durable beyond the last entry")
    require(commit <= last.index, "committed beyond the last entry")
    require(applied <= commit, "applied beyond the commit index")
    require(log.base.index <= applied, "dropped an entry that is not applied")
    require(cuttable <= commit, "cuttable beyond the commit index")
    require(last.term <= term, "an entry of a later term")
    require(persistedSequence <= lastSequence, "durable writes that were never handed out")
    require((role == .leader) == (leader == id), "a leader knows that it leads")
    require(role == .leader || progress.isEmpty, "only a leader follows others' progress")
    require(role == .leader || transfer == nil, "only a leader hands over")
    require(role == .follower || vote != nil || role == .preCandidate, "a candidate has voted")
    require(role != .leader || suspect == nil, "a damaged node never leads")
    require(
      configurations.effectiveIndex <= last.index, "a configuration in force that is not in the log"
    )
    require(pendingWrites.isEmpty == (persistedSequence == lastSequence), "writes out of step")
  }
}
