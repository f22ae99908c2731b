// RecordCommand: `exbench record` writes a generated recording, so that a replay can be repeated and looked at.

import ArgumentParser

struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Write a generated recording (same shape as recorded Binance data).")

  @Option(help: "Depth messages.")
  var diffs = 200

  @Option(help: "Seed.")
  var seed: UInt64 = 1

  func run() throws {
    guard (1...100_000).contains(diffs) else { throw ValidationError("--diffs is 1 to 100000") }
    var generator = RecordingGenerator(seed: seed)
    print(generator.text(diffs: diffs), terminator: "")
  }
}
