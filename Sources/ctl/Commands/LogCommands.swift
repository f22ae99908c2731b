// LogCommands: reads the log of a stopped node. Nothing in the directory is changed.

import ArgumentParser
import Gateway
import Raft
import Storage

struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Examine the log of a stopped node.",
    subcommands: [Inspect.self, Verify.self])

  struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the entries of a node's log.",
      discussion: "Shows index, term, kind and size of each, and what the log says about itself.")
    @Argument(help: "The node's data directory.") var directory: String
    @Option(help: "The first index to show.") var from: UInt64 = 1
    @Option(help: "How many entries to show at most.") var count = 20
    @OptionGroup var printing: OutputOptions

    func validate() throws {
      guard count > 0 else { throw ValidationError("--count must be above 0") }
    }

    func run() throws {
      do throws(StorageError) {
        let data = try DataDirectory.openExisting(path: directory)
        guard try LinuxDisk().exists(data.logPath) else {
          throw StorageError(data.logPath, "there is no log here")
        }
        let (store, log) = try LogStore.open(
          disk: LinuxDisk(), directory: data.logPath, identity: data.logIdentity)
        var entries: [Entry] = []
        var after = max(log.base.index, LogIndex(from == 0 ? 0 : from - 1))
        while entries.count < count, after < log.last.index {
          let piece = try store.read(after: after, bytesMax: 1 << 20).entries
          guard let end = piece.last else { break }
          entries += piece.prefix(count - entries.count)
          after = end.index
        }
        printing.show(Self.json(log, entries)) { Self.table(log, entries) }
      } catch {
        throw CtlFailure(error.description)
      }
    }

    private static func kind(_ entry: Entry) -> String {
      switch entry.kind {
      case .noop: "noop"
      case .command: "command"
      case .configuration: "configuration"
      }
    }

    private static func claim(_ log: RecoveredLog) -> String {
      switch log.suspect {
      case nil: log.voteUnreadable ? "the newest vote" : "none"
      case .upTo(let last)?: "up to entry \(last)"
      case .unknown?: "up to an unknown entry"
      }
    }

    private static func table(_ log: RecoveredLog, _ entries: [Entry]) -> String {
      var table = Table("INDEX", "TERM", "KIND", "BYTES")
      for entry in entries {
        table.add("\(entry.index)", "\(entry.term)", kind(entry), "\(entry.payload.count)")
      }
      let state = log.hardState
      let vote = state.vote.map { "\($0)" } ?? "none"
      return [
        table.text, "", "begins after  \(log.base)", "ends at       \(log.last)",
        "term          \(state.term)", "vote          \(vote)", "commit        \(state.commit)",
        "missing       \(claim(log))",
      ].joined(separator: "\n")
    }

    private static func json(_ log: RecoveredLog, _ entries: [Entry]) -> JSONValue {
      func number(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }
      let list = entries.map { entry in
        JSONValue.object([
          .init("index", number(entry.index.value)), .init("term", number(entry.term.value)),
          .init("kind", .string(kind(entry))), .init("bytes", number(entry.payload.count)),
        ])
      }
      return .object([
        .init("base", number(log.base.index.value)), .init("last", number(log.last.index.value)),
        .init("lastTerm", number(log.last.term.value)),
        .init("term", number(log.hardState.term.value)),
        .init("vote", log.hardState.vote.map { number($0.value) } ?? .null),
        .init("commit", number(log.hardState.commit.value)),
        .init("missing", .string(claim(log))), .init("entries", .array(list)),
      ])
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check every block of a node's log.",
      discussion: "Names file, offset and reason of each damage, and exits with 1 if there is one.")
    @Argument(help: "The node's data directory.") var directory: String
    @OptionGroup var printing: OutputOptions

    func run() throws {
      do throws(StorageError) {
        let data = try DataDirectory.openExisting(path: directory)
        let report = try LogStore.verify(disk: LinuxDisk(), directory: data.logPath)
        printing.show(Self.json(report, data)) { Self.table(report) }
        guard report.damages.isEmpty else {
          let count = report.damages.count
          throw StorageError(data.logPath, "\(count) damaged \(count == 1 ? "place" : "places")")
        }
      } catch {
        throw CtlFailure(error.description)
      }
    }

    private static func tail(_ report: LogReport) -> String {
      switch report.tail {
      case .empty: "empty"
      case .clean: "clean"
      case .torn: "torn (the last write was never completed, and nobody was told of it)"
      case .suspect: "damaged"
      }
    }

    private static func table(_ report: LogReport) -> String {
      var segments = Table("SEGMENT", "GROUPS", "ENTRIES", "BYTES")
      for segment in report.segments {
        segments.add(
          segment.file, String(segment.groups), String(segment.entries), String(segment.bytesUsed))
      }
      var lines = [segments.text, ""]
      let last = report.last.index.value
      let range = report.first.value > last ? "none" : "\(report.first.value) to \(last)"
      lines.append("entries  \(range)")
      lines.append("tail     \(tail(report))")
      lines += report.damages.map { "damage   \($0)" }
      return lines.joined(separator: "\n")
    }

    private static func json(_ report: LogReport, _ data: DataDirectory) -> JSONValue {
      func number(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }
      let segments = report.segments.map { segment in
        JSONValue.object([
          .init("file", .string(segment.file)), .init("groups", number(segment.groups)),
          .init("entries", number(segment.entries)), .init("bytes", number(segment.bytesUsed)),
        ])
      }
      let damages = report.damages.map { damage in
        JSONValue.object([
          .init("file", .string(damage.file)), .init("offset", number(damage.offset)),
          .init("reason", .string(damage.reason)),
        ])
      }
      return .object([
        .init("node", number(data.node.value)), .init("first", number(report.first.value)),
        .init("last", number(report.last.index.value)),
        .init("lastTerm", number(report.last.term.value)), .init("tail", .string(tail(report))),
        .init("segments", .array(segments)), .init("damages", .array(damages)),
      ])
    }
  }
}
