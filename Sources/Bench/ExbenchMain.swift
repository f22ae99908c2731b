// exbench: measures a cluster, and proves from the outside that it kept its promises.
//
// Each command prints one JSON object on standard output and progress on standard error; exit code
// 0 only if every check passed.

import ArgumentParser

@main
struct ExbenchMain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exbench",
    abstract: "Runs against a Castle cluster, and the engine and consensus by themselves.",
    subcommands: [
      LoadCommand.self, FailoverCommand.self, RepairCommand.self, ReplayCommand.self,
      RecordCommand.self, MakeMarketCommand.self, EngineCommand.self, SizeCommand.self,
      SteadyCommand.self, RaftCommand.self, MatchCommand.self,
    ])
}
