// EngineCommand: `exbench engine` measures the replicated state machine by itself, without log, disk and network.
//
// Not here: the run (EngineRun) and its flow (FlowF1).

import ArgumentParser

struct EngineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "engine",
    abstract: "Run a public order flow through the state machine; print commands per CPU second.")

  @Option(help: "Commands.")
  var commands = FlowF1.operations

  @Option(help: "Commands in a log entry.")
  var batch = 64

  @Option(help: "Runs; each on a new state machine.")
  var rounds = 3

  @Option(help: "Microseconds of log time from command to command; decides when outcomes expire.")
  var pace: Int64 = 50

  func validate() throws {
    guard commands > 0, (1...4096).contains(batch), rounds > 0, pace > 0 else {
      throw ValidationError("--batch is 1 to 4096, the other numbers are above 0")
    }
  }

  func run() throws {
    var parts: [String] = []
    var isRight = true
    for _ in 0..<rounds {
      var run = try EngineRun(FlowF1(), pace: pace)
      try run.run(commands, batch: batch)
      var single = try EngineRun(FlowF1(), pace: pace)
      try single.run(commands, batch: 1, latencies: true)
      let figures = run.figures
      if commands == FlowF1.operations {
        isRight = isRight && figures.trades == FlowF1.trades && figures.volume == FlowF1.volume
      }
      isRight = isRight && figures.trades == single.figures.trades
      parts.append(
        "{\"commandsPerCPUSecond\":\(Int(figures.perSecond)),\"trades\":\(figures.trades)"
          + ",\"volume\":\(figures.volume),\"p50ns\":\(single.figures.latency(0.5))"
          + ",\"p99ns\":\(single.figures.latency(0.99))"
          + ",\"p999ns\":\(single.figures.latency(0.999))"
          + Self.counts(figures) + "}")
    }
    print(
      "{\"commands\":\(commands),\"batch\":\(batch),\"right\":\(isRight)"
        + ",\"rounds\":[\(parts.joined(separator: ","))]}")
    guard isRight else { throw ExitCode.failure }
  }

  // Only under the counting library (scripts/allocations.sh).
  private static func counts(_ figures: EngineFigures) -> String {
    guard let allocations = figures.allocations, let references = figures.references else {
      return ""
    }
    let commands = Double(figures.commands)
    return ",\"allocationsPerCommand\":\(Double(allocations) / commands)"
      + ",\"referencesPerCommand\":\(Double(references) / commands)"
  }
}
