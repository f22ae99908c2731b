// ScenarioTests: every transcript in Scenarios/ plays as it is written, and every planted bug makes
// at least one of them play otherwise.
//
// SCENARIO_REWRITE=1 writes down what happens instead: read the difference before you keep it.

import Foundation
import Raft
import Testing

@Suite struct ScenarioTests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Scenarios")

  static let names: [String] = {
    let found = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return found.filter { $0.hasSuffix(".txt") }.sorted()
  }()

  static func text(_ name: String) throws -> String {
    try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
  }

  @Test(arguments: names) func `a transcript plays as it is written`(_ name: String) throws {
    let text = try Self.text(name)
    let result = Scenario.play(text)
    if ProcessInfo.processInfo.environment["SCENARIO_REWRITE"] == "1" {
      try result.text.write(
        to: Self.folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
    } else {
      #expect(result.text == text, "\(name) plays as:\n\(result.text)")
    }
    #expect(result.violation == nil)
    #expect(!result.text.contains("UNKNOWN COMMAND"))
  }

  @Test func `there is a transcript for each of the known bugs of others`() {
    let rows = [("a", 13), ("b", 11), ("c", 10), ("d", 10), ("e", 10), ("f", 9), ("g", 3)]
    for (letter, count) in rows {
      for number in 1...count {
        let prefix = "\(letter)\(number < 10 ? "0" : "")\(number)-"
        #expect(Self.names.contains { $0.hasPrefix(prefix) }, "no transcript \(prefix)")
      }
    }
  }

  @Test(arguments: PlantedBug.allCases)
  func `a planted bug changes what a transcript tells`(_ bug: PlantedBug) throws {
    var runs: UInt64 = 0
    for name in Self.names {
      let text = try Self.text(name)
      let result = Scenario.play(text, bug: bug)
      runs += result.plantedRuns
      guard result.plantedRuns > 0, result.text != text else { continue }
      return print(
        "raft:\(bug) caught by the transcript \(name), branch ran \(result.plantedRuns) times")
    }
    Issue.record("no transcript notices \(bug); its branch ran \(runs) times")
  }
}
