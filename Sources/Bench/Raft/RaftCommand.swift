// RaftCommand: `exbench raft` measures the consensus core by itself: three replicas on one thread.
//
// Not here: the run (ConsensusRun).

import ArgumentParser

struct RaftCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "raft",
    abstract: "Run three replicas of consensus on one thread; print commands per CPU second.")

  @Option(help: "Log entries.")
  var entries = 50_000

  @Option(help: "Commands in a log entry.")
  var batch = 64

  @Option(help: "Bytes of a command.")
  var bytes = 96

  @Option(help: "Entries under way at once.")
  var pipeline = 4

  func validate() throws {
    guard entries > 0, (1...4096).contains(batch), (1...256).contains(bytes),
      (1...1024).contains(pipeline)
    else {
      throw ValidationError(
        "--entries is above 0, --batch 1 to 4096, --bytes 1 to 256, --pipeline 1 to 1024")
    }
  }

  func run() throws {
    var run = ConsensusRun()
    run.commit(1000, bytes: batch * bytes, pipeline: pipeline)
    let start = EngineClock.threadSeconds
    run.commit(entries, bytes: batch * bytes, pipeline: pipeline)
    let perSecond = Int(Double(entries * batch) / (EngineClock.threadSeconds - start))
    let ticksStart = EngineClock.threadSeconds
    run.tick(100_000)
    let ticks = Int(300_000 / (EngineClock.threadSeconds - ticksStart))
    print(
      "{\"command\":\"raft\",\"entries\":\(entries),\"batch\":\(batch),\"bytes\":\(bytes),"
        + "\"pipeline\":\(pipeline),\"commandsPerCpuSecond\":\(perSecond),"
        + "\"ticksPerCpuSecond\":\(ticks)}")
  }
}
