// ExctlMain: exctl, the operator's program. It talks to the admin ports, or reads a stopped node's files.
//
// Not here: business rules (Engine, behind the admin API).

import ArgumentParser
import Glibc

/// The root command.
@main struct Exctl: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exctl",
    abstract: "Administers a Castle cluster.",
    discussion: """
      Nodes are found by --admin-urls (or CASTLE_ADMIN_URLS), the token by --admin-token-file (or \
      CASTLE_ADMIN_TOKEN_FILE).

      \(ExitStatus.help)
      """,
    version: "0.1.0",
    subcommands: [
      StatusCommand.self, HealthCommand.self, LeaderCommand.self, MemberCommand.self,
      VerifyCommand.self, AccountCommand.self,
      KeyCommand.self, DepositCommand.self, WithdrawalCommand.self, TransferCommand.self,
      AssetCommand.self, SettingsCommand.self,
      SymbolCommand.self, LogCommand.self, SnapshotCommand.self, RecoverCommand.self,
      GenesisCommand.self,
    ])

  static func main() {
    do {
      var command = try parseAsRoot(reordered(Array(CommandLine.arguments.dropFirst())))
      try command.run()
    } catch let failure as CtlFailure {
      complain("exctl: \(failure)\n")
      Glibc.exit(failure.code)
    } catch {
      exit(withError: error)
    }
  }

  private static func complain(_ line: String) {
    let bytes = Array(line.utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
  }

  /// Options that stand before the verb, as `exctl -o json status`, go behind it, where the parser wants them.
  static func reordered(_ arguments: [String]) -> [String] {
    let withValue: Set<String> = [
      "-o", "--output", "--admin-urls", "--admin-token-file", "--timeout",
    ]
    var leading = 0
    while leading < arguments.count, arguments[leading].hasPrefix("-") {
      let name = arguments[leading].prefix { $0 != "=" }
      guard withValue.contains(String(name)) else { break }
      leading += name.count < arguments[leading].count ? 1 : 2
    }
    guard leading < arguments.count else { return arguments }
    return Array(arguments[leading...] + arguments[..<leading])
  }
}
