// Mutants: plants each known bug in turn and runs seeds until a check catches it; then the same seeds without any bug.
//
// Invariants:
//   * a bug that no seed catches within the bound is a failure, and so is one whose branch never ran
//   * seeds are judged in their order, so that equal arguments give equal counts, whatever the number of jobs
//   * the unmodified code passes every seed that was used against it
// Not here: the list of bugs (Plant), the tests that catch the rest (MutantTests, ScenarioTests).

import Simulator

enum Mutants {
  static func run(_ arguments: Arguments) throws(Arguments.Mistake) -> Int32 {
    let plants = Plant.all.filter { plant in
      guard let only = arguments.only else { return true }
      return only.split(separator: ",").contains { plant.name.hasPrefix($0) }
    }
    guard !plants.isEmpty else {
      throw Arguments.Mistake("there is no bug \(arguments.only ?? "")")
    }
    let standing = Plant.all.filter { !$0.isBeyond }
    guard standing.count >= 24, standing.count(where: \.isForScenarios) <= 4 else {
      throw Arguments.Mistake("the standing list needs 24 bugs, at most 4 of them for scenarios")
    }
    var survivors: [String] = []
    var left: [String] = []
    var used: [(focus: [FaultKind], seeds: UInt64)] = []
    for plant in plants {
      var own = arguments
      own.plant = plant
      // What is not expected to be caught gets a few seeds all the same.
      if plant.isForScenarios || plant.isBeyond {
        let first = own.seeds.lowerBound
        own.seeds = first...min(own.seeds.upperBound, first + 39)
      }
      let result = hunt(own)
      Console.out(line(plant, result))
      if plant.isForScenarios || plant.isBeyond, result.caught == nil {
        left.append(plant.name)
      } else if result.caught == nil || result.planted == 0 {
        survivors.append(plant.name)
      }
      if let place = used.firstIndex(where: { $0.focus == plant.focus }) {
        used[place].seeds = max(used[place].seeds, result.seeds)
      } else {
        used.append((plant.focus, result.seeds))
      }
    }
    let failed = used.reduce(0) { $0 + clean(arguments, $1.focus, $1.seeds) }
    let names = survivors.isEmpty ? "" : ": " + survivors.joined(separator: " ")
    Console.out(
      "\(plants.count) bugs: \(plants.count - left.count - survivors.count) caught by seeds,"
        + " \(left.count) left to tests, \(survivors.count) survived\(names)")
    return survivors.isEmpty && failed == 0 ? 0 : 1
  }

  private struct Result {
    var caught: SeedReport?
    /// How many seeds it took.
    var seeds: UInt64 = 0
    var planted = 0
    var cpuNanoseconds: Int64 = 0
  }

  private static func hunt(_ arguments: Arguments) -> Result {
    var result = Result()
    var early: [UInt64: SeedReport] = [:]
    var next = arguments.seeds.lowerBound
    var workers = Workers(arguments: arguments, chunk: 4)
    workers.run { report, cpu in
      result.cpuNanoseconds += cpu
      early[report.seed] = report
      while let report = early.removeValue(forKey: next) {
        next += 1
        result.planted += report.tally.planted
        if result.caught == nil {
          result.seeds += 1
          if let failure = report.failure, failure.check != "evidence" { result.caught = report }
        }
        // A process that died could not tell its count: the next seeds do.
        if result.caught != nil, result.planted > 0 { return false }
      }
      return true
    }
    return result
  }

  private static func line(_ plant: Plant, _ result: Result) -> String {
    let name = plant.name + String(repeating: " ", count: max(1, 36 - plant.name.count))
    let runs = "branch ran \(result.planted) times, \(result.cpuNanoseconds / 1_000_000_000) CPU s"
    guard let caught = result.caught, let failure = caught.failure else {
      let isLeft = plant.isForScenarios || plant.isBeyond
      let verdict = isLeft ? "left to tests, not caught by" : "SURVIVED"
      return "\(name) \(verdict) \(result.seeds) seeds, \(runs)"
    }
    return "\(name) caught by \(failure.check) after \(result.seeds) seeds (seed \(caught.seed)),"
      + " \(runs): \(failure.text.prefix(90))"
  }

  /// Runs the seeds that were used without a bug; how many failed.
  private static func clean(
    _ arguments: Arguments, _ focus: [FaultKind], _ count: UInt64
  ) -> Int {
    var own = arguments
    own.plant = nil
    own.focus = focus
    own.seeds = arguments.seeds.lowerBound...arguments.seeds.lowerBound + count - 1
    var failed = 0
    var workers = Workers(arguments: own, chunk: 10)
    workers.run { report, _ in
      guard report.failure != nil else { return true }
      failed += 1
      if failed <= 3 { Program.explain(report, own) }
      return true
    }
    let faults = focus.isEmpty ? "" : " with \(focus.map(\.rawValue).joined(separator: ","))"
    Console.out("without a bug: \(count) seeds\(faults), \(failed) failed")
    return failed
  }
}
