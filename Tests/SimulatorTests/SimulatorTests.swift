// SimulatorTests: the simulator is deterministic, finds nothing in the code as it is, and finds planted bugs.

import Testing

@testable import Simulator

@Suite struct SimulatorTests {
  @Test(arguments: [3, 17] as [UInt64])
  func `equal seeds give equal histories`(seed: UInt64) {
    let first = Simulation.run(seed: seed)
    let second = Simulation.run(seed: seed)
    #expect(first.digest == second.digest, "seed \(seed)")
    #expect(first.events == second.events, "seed \(seed)")
    #expect(first.tally.acknowledged == second.tally.acknowledged, "seed \(seed)")
  }

  @Test func `a trace changes nothing`() {
    var options = SimOptions()
    var lines = 0
    options.trace = { _ in lines += 1 }
    #expect(Simulation.run(seed: 5, options: options).digest == Simulation.run(seed: 5).digest)
    #expect(lines > 100)
  }

  @Test func `different seeds give different histories`() {
    #expect(Simulation.run(seed: 1).digest != Simulation.run(seed: 2).digest)
  }

  @Test(arguments: 100...105 as ClosedRange<UInt64>)
  func `seeds without a planted bug pass`(seed: UInt64) {
    let report = Simulation.run(seed: seed)
    #expect(report.failure == nil, "seed \(seed): \(String(describing: report.failure))")
    #expect(report.simulated >= Simulation.simulatedMin)
    #expect(report.tally.acknowledged >= Simulation.acknowledgedMin)
    #expect(report.tally.kinds >= Simulation.kindsMin)
  }

  @Test(arguments: ["raft:ackBeforeDurable", "replica:answerBeforeCommit"])
  func `a planted bug is caught`(name: String) throws {
    let plant = try #require(Plant.all.first { $0.name == name })
    var options = SimOptions()
    plant.apply(to: &options)
    let caught = (0..<20 as Range<UInt64>).first { seed in
      Simulation.run(seed: seed, options: options).failure != nil
    }
    #expect(caught != nil, "\(name)")
  }

  @Test func `a report survives its line`() {
    let report = Simulation.run(seed: 4)
    guard
      case .report(let read, cpuNanoseconds: 7) = Line.decode(
        Line.encode(report, cpuNanoseconds: 7))
    else {
      Issue.record("the line cannot be read")
      return
    }
    #expect(read.digest == report.digest)
    #expect(read.tally.faults == report.tally.faults)
    #expect(read.tally.marks == report.tally.marks)
    guard case .begin(9) = Line.decode(Line.begin(9)) else {
      Issue.record("the first line of a seed cannot be read")
      return
    }
  }

  @Test(arguments: 0...3 as ClosedRange<UInt64>)
  func `a cluster that lost a majority of its disks halts and tells no lie`(seed: UInt64) {
    var options = SimOptions()
    options.unsurvivable = true
    options.faults = [.lostDisk, .bitRot, .crashPower, .crashLeader]
    let report = Simulation.run(seed: seed, options: options)
    #expect(report.failure == nil, "seed \(seed): \(String(describing: report.failure))")
  }
}
