// PlantedBugs: deliberate faults of this room, for tests that prove that their checkers see them.
//
// Invariant: none is set outside of tests; each counts how often its branch ran, so that a bug that was never reached
// is not called found.
// Not here: consensus' own planted faults (Raft.PlantedBug).

/// Faults that tests plant. All off outside of tests.
package struct PlantedBugs: OptionSet, Hashable, Sendable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  /// Applies a repeated request again.
  package static let ignoreDuplicates = PlantedBugs(rawValue: 1)
  /// Leaves the applied marker out of the batch of rows.
  package static let rowsWithoutMarker = PlantedBugs(rawValue: 2)
  /// Answers a write when it is proposed.
  package static let answerBeforeCommit = PlantedBugs(rawValue: 4)
  /// Executes past the deadline.
  package static let ignoreDeadline = PlantedBugs(rawValue: 8)
  /// Hands rows out before the own log is durable.
  package static let rowsBeforeDurable = PlantedBugs(rawValue: 16)
  /// Leaves the duplicate table out of the rows, and so out of every snapshot.
  package static let rowsWithoutDuplicates = PlantedBugs(rawValue: 32)
  /// Looks at the deadline before it looks for a recorded outcome.
  package static let deadlineBeforeDuplicates = PlantedBugs(rawValue: 64)
  /// Reports a read ready before its index is applied and handed out.
  package static let readsBeforeApply = PlantedBugs(rawValue: 128)
  /// A node that led, or still believes that it leads, confirms reads by itself.
  package static let readsWithoutQuorum = PlantedBugs(rawValue: 256)
  /// Learners' state hashes count as voters' do.
  package static let learnersCountInHash = PlantedBugs(rawValue: 512)
  /// Hands a write over under a new request id after a change of leadership.
  package static let freshRequestIDs = PlantedBugs(rawValue: 1024)
  /// Takes forwarded writes although some before them were lost.
  package static let forwardsOvertake = PlantedBugs(rawValue: 2048)
  /// A replica whose state differs from the majority's goes on serving.
  package static let servesFenced = PlantedBugs(rawValue: 4096)
  /// Lets the log be cut at the applied index, whatever the store holds durably.
  package static let cutBeforeFlush = PlantedBugs(rawValue: 8192)

  /// Sends snapshots of a state that nobody has compared.
  package static let servesUncompared = PlantedBugs(rawValue: 16384)
  /// Forgets that states contradicted each other once the voters have come to enough later points.
  package static let forgetsContradictions = PlantedBugs(rawValue: 32768)
  /// Sends a snapshot that a voter contradicts as if nobody did, before it began or since.
  package static let sendsContradicted = PlantedBugs(rawValue: 65536)
  /// Goes on fetching a snapshot that the own log has got past.
  package static let installsOlder = PlantedBugs(rawValue: 131072)
  /// A leader raises the level although a member cannot apply it, or has not said that it can.
  package static let raisesUnasked = PlantedBugs(rawValue: 262144)
  /// Some lives of replicas raise the level with the entry after the one that says so.
  package static let raisesLate = PlantedBugs(rawValue: 524288)

  /// Each of them, with its name.
  package static let all: [(name: String, bug: PlantedBugs)] = [
    ("ignoreDuplicates", .ignoreDuplicates), ("rowsWithoutMarker", .rowsWithoutMarker),
    ("answerBeforeCommit", .answerBeforeCommit), ("ignoreDeadline", .ignoreDeadline),
    ("rowsBeforeDurable", .rowsBeforeDurable),
    ("rowsWithoutDuplicates", .rowsWithoutDuplicates),
    ("deadlineBeforeDuplicates", .deadlineBeforeDuplicates),
    ("readsBeforeApply", .readsBeforeApply), ("readsWithoutQuorum", .readsWithoutQuorum),
    ("learnersCountInHash", .learnersCountInHash), ("freshRequestIDs", .freshRequestIDs),
    ("forwardsOvertake", .forwardsOvertake), ("servesFenced", .servesFenced),
    ("cutBeforeFlush", .cutBeforeFlush), ("servesUncompared", .servesUncompared),
    ("forgetsContradictions", .forgetsContradictions), ("sendsContradicted", .sendsContradicted),
    ("installsOlder", .installsOlder), ("raisesUnasked", .raisesUnasked),
    ("raisesLate", .raisesLate),
  ]
}

/// The planted faults of a part, and how often their branches ran.
struct Plants: Sendable {
  var bugs: PlantedBugs = []
  private(set) var runs: [PlantedBugs: UInt64] = [:]

  /// Whether the bug is planted, where its branch would change what happens.
  ///
  /// - Complexity: one test of a bit where nothing is planted.
  @inline(__always)
  mutating func has(_ bug: PlantedBugs) -> Bool {
    guard !bugs.isEmpty, bugs.contains(bug) else { return false }
    runs[bug, default: 0] += 1
    return true
  }
}

extension Coordinator {
  /// Plants faults. For tests and the simulator.
  package mutating func plant(_ bugs: PlantedBugs) {
    plants.bugs = bugs
    machine.plants.bugs = bugs
    machine.raisesLate = bugs.contains(.raisesLate) && forwardLife & 1 == 1
  }

  /// How often the branch of a planted fault ran in this life.
  package func plantedRuns(_ bug: PlantedBugs) -> UInt64 {
    (plants.runs[bug] ?? 0) + (machine.plants.runs[bug] ?? 0)
  }

  /// How often the branches of all planted faults ran in this life.
  package var plantedRuns: UInt64 {
    PlantedBugs.all.reduce(0) { $0 + plantedRuns($1.bug) }
  }

  /// Changes this replica's state silently, as a fault of memory or of the program would. For tests and the simulator.
  ///
  /// - Parameter lasting: the change does not pass by itself; otherwise it is gone a minute of log
  ///   time later, and what it was is known to the hashes taken meanwhile alone.
  package mutating func corruptState(lasting: Bool = true) { machine.corrupt(lasting: lasting) }
}
