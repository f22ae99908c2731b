// ScenarioCodeTests: the codes that the engine's scenarios show a trader are those that the Gateway
// answers with.

import Engine
import Foundation
import Testing

@testable import Gateway

@Suite struct ScenarioCodeTests {
  @Test func `each refusal in a scenario carries the code that a client would get`() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "EngineTests/Scenarios")
    var seen = 0
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() {
      let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
      for line in text.split(separator: "\n") where line.hasPrefix("  refused ") {
        let words = line.split(separator: " ")
        let reason = Rejection.allCases.first { "\($0)" == words[2] }
        #expect(reason.map { ErrorCode.error($0).code } == Int(words[1]), "\(name): \(line)")
        seen += 1
      }
    }
    #expect(seen > 20)
  }
}
