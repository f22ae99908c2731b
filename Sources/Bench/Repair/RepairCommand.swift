// RepairCommand: `exbench repair` measures what large states cost: a checkpoint under load, and a wiped node that is
// replaced under load.
//
// It fills the state through the cluster first, with orders in a closed loop. Then orders come at a fixed
// rate: as usual, while the leader makes snapshots, and while one node is killed and a new, empty one takes
// its place. Latency counts from the moment a request was due.
// Not here: the load (LoadRun), the steps (RepairSession).

import ArgumentParser
import Glibc

struct RepairCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: "Fill the state, then measure checkpoints and the replacement of a wiped node.")

  @OptionGroup var cluster: ClusterOptions

  @Option(help: "Fill until the files of the state have so many MiB.")
  var stateMib = 1024

  @Option(help: "Fill no longer than so many seconds.")
  var fillSeconds = 1200.0

  @Option(help: "Orders a second while it is measured.")
  var rate = 200.0

  @Option(help: "Seconds of the usual load.")
  var seconds = 20.0

  @Option(name: .shortAndLong, help: "Output format; json is the only one.")
  var output = "json"

  func validate() throws {
    guard (1...65_536).contains(stateMib), fillSeconds > 0, rate > 0, rate <= 100_000, seconds > 0
    else { throw ValidationError("sizes, times and rates are above 0, --state-mib at most 65536") }
  }

  func run() throws {
    var options = cluster
    options.spawn = true
    let cluster = try options.open()
    defer { cluster.spawned?.stop() }
    let session = try RepairSession(cluster: cluster, rate: rate)
    try session.fill(mebibytes: stateMib, seconds: fillSeconds)
    try session.measureUsual(seconds: seconds)
    try session.measureSnapshots(3)
    try session.measureReplacement()
    print(session.report)
  }
}
