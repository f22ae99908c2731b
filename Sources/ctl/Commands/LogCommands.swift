// LogCommands: reads the log of a stopped node. Nothing in the directory is changed.

import ArgumentParser
import Gateway
import Storage

struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Examine the log of a stopped node.", subcommands: [Verify.self])

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
