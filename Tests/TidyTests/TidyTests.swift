// TidyTests: the house rules that a machine can check: lengths, banned words, headers, documented public declarations.

import Testing

@Suite struct TidyTests {
  static let linesMax = 600
  static let functionLinesMax = 70
  static let columnsMax = 120

  @Test func `no file is longer than 600 lines`() {
    let long = Source.files([".swift", ".py", ".sh", ".c", ".h"])
      .filter { $0.lines.count > Self.linesMax }
      .map { "\($0): \($0.lines.count) lines" }
    #expect(long.isEmpty, "\(long.joined(separator: "\n"))")
  }

  @Test func `the README has at most 160 lines`() {
    let readme = Source.files(["README.md"]).first { $0.path == "README.md" }
    #expect(readme != nil)
    #expect((readme?.lines.count ?? 0) <= 160)
  }

  @Test func `no line of code is longer than 120 columns`() {
    var wrong: [String] = []
    for file in Source.files([".swift", ".py", ".sh"]) {
      for (number, line) in file.lines.enumerated()
      where line.count > Self.columnsMax && !line.contains("\"") && !line.contains("http") {
        wrong.append("\(file):\(number + 1): \(line.count) columns")
      }
    }
    #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
  }

  @Test func `no function is longer than 70 lines`() {
    var wrong: [String] = []
    for file in Source.files([".swift"]) {
      for (start, length, name) in functions(of: file) where length > Self.functionLinesMax {
        wrong.append("\(file):\(start + 1): \(name) has \(length) lines")
      }
    }
    #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
  }

  @Test func `banned words stay out`() {
    // Each with what to write instead. The words are split so that this file does not offend.
    let banned: [(word: String, instead: String)] = [
      ("TO" + "DO", "do it, or leave it out and say so in the docs"),
      ("FIX" + "ME", "fix it"),
      ("try" + "!", "handle the error"),
      ("as" + "! ", "use as? and handle nil"),
      ("-O" + "unchecked", "preconditions stay on"),
      ("placeholder" + " file", "write the real thing"),
    ]
    var wrong: [String] = []
    for file in Source.files([".swift"]) {
      for (number, line) in file.lines.enumerated() {
        for (word, instead) in banned where line.contains(word) && !file.path.contains("TidyTests")
        {
          wrong.append("\(file):\(number + 1): \(word): \(instead)")
        }
        let unchecked = line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)")
        if unchecked && !line.contains("//") && !file.path.contains("TidyTests") {
          wrong.append("\(file):\(number + 1): unchecked concurrency needs its reason on the line")
        }
      }
    }
    #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
  }

  @Test func `only programs for people print`() {
    var wrong: [String] = []
    for file in Source.files([".swift"], under: "Sources")
    where !["ctl", "Bench"].contains(file.room) {
      for (number, line) in file.lines.enumerated() {
        let code = Source.code(line).trimmingPrefix { $0 == " " }
        if code.hasPrefix("print(") { wrong.append("\(file):\(number + 1)") }
      }
    }
    #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
  }

  @Test func `every Swift file begins by saying what it is`() {
    let wrong = Source.files([".swift"]).filter { file in
      guard let first = file.lines.first else { return true }
      return !first.hasPrefix("// ") || first.lowercased().contains("placeholder")
    }
    #expect(wrong.isEmpty, "\(wrong.map(\.path).joined(separator: "\n"))")
  }

  @Test func `nothing names the machine it was written on`() {
    let words = ["/wo" + "rk/", "/ro" + "ot/"]
    var wrong: [String] = []
    for file in Source.files([".swift", ".md", ".py", ".sh", "Makefile", ".ci/run", ".c", ".h"]) {
      for (number, line) in file.lines.enumerated() {
        for word in words where line.contains(word) { wrong.append("\(file):\(number + 1)") }
      }
    }
    #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
  }

  /// Start line, length and name of each function, found by indentation: it ends at the brace in its own column.
  private func functions(of file: Source) -> [(Int, Int, String)] {
    var found: [(Int, Int, String)] = []
    for (start, line) in file.lines.enumerated() {
      let code = Source.code(line)
      guard let range = code.firstRange(of: "func "), !code.hasPrefix("//"),
        code.hasSuffix("{") || code.hasSuffix("(")
      else { continue }
      let indent = line.prefix { $0 == " " }.count
      let closing = String(repeating: " ", count: indent) + "}"
      guard let end = file.lines[(start + 1)...].firstIndex(of: closing) else { continue }
      found.append((start, end - start + 1, String(code[range.upperBound...].prefix(40))))
    }
    return found
  }
}
