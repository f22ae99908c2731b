// ScenarioFile: one rule told as a text that a trader can read: commands, one a line, and under
// each, indented, what must come of it.
//
// `# ...` and empty lines are comments. `SCENARIO_REWRITE=1 swift test --filter ScenarioTests`
// writes what the engine does into the files; read the difference before it is committed.
// Not here: the words (ScenarioVenue), what the engine does (ScenarioReport).

import Foundation
import Testing

/// A command with the lines that are expected of it.
struct ScenarioStep {
  var line: Int
  var text: String
  var expected: [String]
}

struct ScenarioFile: CustomTestStringConvertible, Sendable {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "Scenarios")

  let name: String
  var testDescription: String { name }

  /// All files, by name.
  static func all() -> [ScenarioFile] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasSuffix(".txt") }.sorted().map { ScenarioFile(name: $0) }
  }

  func read() throws -> [String] {
    let text = try String(contentsOf: Self.folder.appending(path: name), encoding: .utf8)
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
  }

  /// Runs the file. Answers its lines with what came of each command in place of what was expected.
  func run() throws -> [String] {
    let lines = try read()
    var written: [String] = []
    var venue = ScenarioVenue()
    for (number, line) in lines.enumerated() {
      if line.hasPrefix("  ") { continue }
      written.append(line)
      if line.isEmpty || line.hasPrefix("#") { continue }
      for answer in try venue.run(line, at: "\(name):\(number + 1)") {
        written.append("  \(answer)")
      }
    }
    return written
  }

  func write(_ lines: [String]) throws {
    try lines.joined(separator: "\n").write(
      to: Self.folder.appending(path: name), atomically: true, encoding: .utf8)
  }
}

/// What is wrong with a scenario's text.
struct ScenarioError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

@Suite struct ScenarioTests {
  @Test(arguments: ScenarioFile.all())
  func `a scenario goes as it is written`(file: ScenarioFile) throws {
    let lines = try file.read()
    let written = try file.run()
    if ProcessInfo.processInfo.environment["SCENARIO_REWRITE"] == "1" {
      try file.write(written)
      return
    }
    for i in 0..<max(lines.count, written.count) {
      let wanted = i < lines.count ? lines[i] : "(the end)"
      let got = i < written.count ? written[i] : "(the end)"
      #expect(got == wanted, "\(file.name):\(i + 1)")
      if got != wanted { return }
    }
  }

  @Test func `there are scenarios, and each asserts something`() throws {
    #expect(ScenarioFile.all().count >= 8)
    for file in ScenarioFile.all() {
      let lines = try file.read()
      #expect(lines.first?.hasPrefix("# ") == true, "\(file.name) does not say what it shows")
      #expect(lines.contains { $0.hasPrefix("  ") }, "\(file.name) asserts nothing")
    }
  }
}
