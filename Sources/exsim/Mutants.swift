// Mutants: plants each known bug in turn and runs seeds until a check catches it.
//
// Invariant: a bug that no seed catches within the bound is a failure, and so is one whose branch never ran.
// Not here: the list of bugs (Plant).

import Simulator

enum Mutants {
  static func run(_ arguments: Arguments) throws(Arguments.Mistake) -> Int32 {
    var survivors: [String] = []
    let plants = Plant.all.filter { arguments.only == nil || $0.name == arguments.only }
    guard !plants.isEmpty else {
      throw Arguments.Mistake("there is no bug \(arguments.only ?? "")")
    }
    for plant in plants {
      var own = arguments
      own.plant = plant
      let result = hunt(own)
      Console.out(line(plant, result))
      if result.caught == nil, !plant.isForScenarios { survivors.append(plant.name) }
    }
    Console.out(
      "\(plants.count) bugs, \(survivors.count) survived\(survivors.isEmpty ? "" : ": \(survivors)")"
    )
    return survivors.isEmpty ? 0 : 1
  }

  private struct Result {
    var caught: SeedReport?
    var seeds = 0
    var planted = 0
  }

  private static func hunt(_ arguments: Arguments) -> Result {
    var result = Result()
    var workers = Workers(arguments: arguments, chunk: 10)
    workers.run { report, _ in
      result.seeds += 1
      result.planted += report.tally.planted
      guard let failure = report.failure, failure.check != "evidence" else { return true }
      result.caught = report
      return false
    }
    return result
  }

  private static func line(_ plant: Plant, _ result: Result) -> String {
    let name = plant.name + String(repeating: " ", count: max(1, 36 - plant.name.count))
    guard let caught = result.caught, let failure = caught.failure else {
      return plant.isForScenarios
        ? "\(name) left to the scenarios (\(result.seeds) seeds did not catch it)"
        : "\(name) SURVIVED \(result.seeds) seeds, branch ran \(result.planted) times"
    }
    return "\(name) caught by \(failure.check) after \(result.seeds) seeds (seed \(caught.seed)):"
      + " \(failure.text.prefix(90))"
  }
}
