// StorageMutant: planted bugs, for proving that the tests can fail. Off in every build that is used.
//
// Invariant: the mutant `.none` changes nothing, and each other one counts how often its branch ran.
// Not here: which test must catch which (Tests/StorageTests/MutantTests).

import Synchronization

/// One planted bug, or none.
package final class StorageMutant: Sendable {
  package enum Bug: String, CaseIterable, Sendable {
    /// A log write returns before its sync.
    case ackBeforeSync
    /// A group does not carry the new term and vote.
    case hardStateNotInGroup
    /// Damage of any kind is taken for a write that was never finished.
    case damageTakenForTorn
    /// A segment is used without having been filled with zeros and synced.
    case spareNotZeroed
    /// The pointer to the state store is swapped before its files are durable.
    case pointerBeforeFiles
    /// The checksum of an arriving file is not compared.
    case checksumNotChecked
    /// A snapshot's manifest is written before its files are durable.
    case snapshotNotSynced
    /// A repaired log does not remember what it may have held.
    case claimForgotten
  }

  /// No bug.
  package static let none = StorageMutant(nil)

  package let bug: Bug?
  private let count = Atomic(0)

  package init(_ bug: Bug?) { self.bug = bug }

  /// How often the bug's branch ran.
  package var runs: Int { count.load(ordering: .relaxed) }

  /// Whether this bug is planted; counts if so.
  func runs(_ bug: Bug) -> Bool {
    guard self.bug == bug else { return false }
    count.add(1, ordering: .relaxed)
    return true
  }
}
