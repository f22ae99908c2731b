// MatchCommand: `exbench match` measures matching alone, through the C interface of the public referee
// (flash1-dev/matching-engine-benchmark), beside other libraries that have it.
//
// Not here: the run (MatchLibrary) and the workload's file (MatchWorkload).

import ArgumentParser
import CMatch

struct MatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "match",
    abstract: "Run the referee's workload through matching libraries in turns; print their speeds.")

  @Option(help: "Workload: a file that the referee's generator wrote (orders_normal_....bin).")
  var orders: String

  @Option(help: "Rounds; each library runs once a round.")
  var rounds = 5

  @Argument(help: "Libraries; ratios are the first one's to each of the others.")
  var libraries: [String]

  func validate() throws {
    guard rounds > 0, !libraries.isEmpty else {
      throw ValidationError("--rounds is above 0, and at least one library is needed")
    }
  }

  func run() throws {
    let workload = try MatchWorkload(path: orders)
    let loaded = try libraries.map { try MatchLibrary(path: $0) }
    var runs = loaded.map { _ in [cm_figures]() }
    for _ in 0..<rounds {
      for (place, library) in loaded.enumerated() { runs[place].append(library.run(workload)) }
    }
    let speeds = runs.map { $0.map { Double(workload.count) / $0.cpu_seconds } }
    let medians = speeds.map { $0.sorted()[rounds / 2] }
    let parts = loaded.indices.map { place in
      let each = speeds[place].map { rounded($0 / 1e6) }.joined(separator: ",")
      return "{\"library\":\"\(loaded[place].path)\",\"trades\":\(runs[place][0].trades)"
        + ",\"reports\":\(runs[place][0].reports),\"millionPerCPUSecond\":[\(each)]"
        + ",\"median\":\(rounded(medians[place] / 1e6))"
        + (place == 0 ? "}" : ",\"ratio\":\(rounded(medians[0] / medians[place]))}")
    }
    // Who matches otherwise is no measure.
    let isEqual = runs.allSatisfy { library in
      library.allSatisfy { $0.trades == runs[0][0].trades && $0.reports == runs[0][0].reports }
    }
    print(
      "{\"command\":\"match\",\"messages\":\(workload.count),\"equal\":\(isEqual)"
        + ",\"libraries\":[\(parts.joined(separator: ","))]}")
    guard isEqual else { throw ExitCode.failure }
  }

  private func rounded(_ value: Double) -> String {
    "\((value * 100).rounded() / 100)"
  }
}
