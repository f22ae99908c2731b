// SimulationTests: hundreds of seeded runs that must find nothing, and planted bugs that must be found.

import Raft
import Testing

@Suite struct SimulationTests {
  @Test(arguments: 0..<4)
  func `random faults break no rule and the cluster recovers`(_ part: UInt64) {
    var commits = 0
    var reads = 0
    for seed in (part * 100)..<(part * 100 + 100) {
      var simulation = Simulation(seed: seed)
      let result = simulation.run()
      commits += result.commits
      reads += result.reads
      guard let violation = result.violation else { continue }
      var again = Simulation(seed: seed, tracing: true)
      let trace = again.run().trace.suffix(60).joined(separator: "\n")
      Issue.record("seed \(seed): \(violation)\n\(trace)")
      return
    }
    // Runs that do nothing would find nothing.
    #expect(commits > 3_000, "the runs of part \(part) committed only \(commits) entries")
    #expect(reads > 500, "the runs of part \(part) answered only \(reads) reads")
  }

  @Test func `equal seeds give equal runs`() {
    var first = Simulation(seed: 11, tracing: true)
    var second = Simulation(seed: 11, tracing: true)
    let a = first.run()
    let b = second.run()
    #expect(a.trace == b.trace)
    #expect(a.commits == b.commits)
    #expect(!a.trace.isEmpty)
  }

  /// Judged by the harm done to logs and votes, not by the early message itself.
  @Test(arguments: [
    PlantedBug.ackBeforeDurable, .voteBeforeDurable, .truncateOnAnyAppend, .suspectVotesByRest,
    .countSentAsMatched, .commitTailAtStart, .voteTwice, .readBeforeTermCommit,
  ])
  func `a planted bug is found by the random runs`(_ bug: PlantedBug) {
    for seed in UInt64(0)..<600 {
      var simulation = Simulation(seed: seed, bug: bug, harmOnly: true)
      if simulation.run().violation != nil { return }
    }
    Issue.record("600 seeds did not find \(bug)")
  }
}
