// DocumentTests: links in the documents lead somewhere, and public declarations of the pure rooms are documented.

import Foundation
import Testing

@Suite struct DocumentTests {
  @Test func `relative links in Markdown files exist`() throws {
    var wrong: [String] = []
    let link = try Regex(#"\]\(([^)#\s]+)[^)]*\)"#)
    for file in Source.files([".md"]) {
      let folder = (file.path as NSString).deletingLastPathComponent
      for match in file.lines.joined(separator: "\n").matches(of: link) {
        let target = String(match.output[1].substring ?? "")
        if target.hasPrefix("http") { continue }
        let path = Source.root + "/" + (folder as NSString).appendingPathComponent(target)
        if !FileManager.default.fileExists(atPath: path) { wrong.append("\(file): \(target)") }
      }
    }
    #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
  }

  @Test func `public types of the rooms are documented`() {
    var wrong: [String] = []
    let kinds = ["struct ", "enum ", "class ", "protocol ", "func "]
    for file in Source.files([".swift"], under: "Sources") {
      for (number, line) in file.lines.enumerated() {
        let code = line.trimmingCharacters(in: .whitespaces)
        guard code.hasPrefix("public "), number > 0 else { continue }
        let rest = code.dropFirst("public ".count)
        guard kinds.contains(where: rest.contains), !rest.contains("static func ==") else {
          continue
        }
        if kinds.dropLast().contains(where: rest.hasPrefix), !documented(file, before: number) {
          wrong.append("\(file):\(number + 1): \(code.prefix(60))")
        }
      }
    }
    #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
  }

  private func documented(_ file: Source, before number: Int) -> Bool {
    var at = number - 1
    while at >= 0 {
      let line = file.lines[at].trimmingCharacters(in: .whitespaces)
      if line.hasPrefix("@") {
        at -= 1
      } else {
        return line.hasPrefix("///") || line.hasSuffix("*/")
      }
    }
    return false
  }
}
