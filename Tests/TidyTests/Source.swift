// Source: the repository's own files, as the tidy tests read them.
// Not here: the rules (TidyTests, ArrowTests, DocumentTests).

import Foundation

/// One text file of the repository.
struct Source: CustomStringConvertible {
  /// Path below the repository, for example `Sources/Raft/Entry.swift`.
  let path: String
  let lines: [String]

  var description: String { path }

  /// `Sources/Raft/...` and `Tests/RaftTests/...` are both of the room `Raft`.
  var room: String {
    let parts = path.split(separator: "/")
    guard parts.count > 2 else { return "" }
    return parts[1].hasSuffix("Tests") ? String(parts[1].dropLast(5)) : String(parts[1])
  }

  static let root: String = {
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { url.deleteLastPathComponent() }
    return url.path
  }()

  /// All files that git would commit and whose name ends in one of `endings`.
  static func files(_ endings: [String], under folder: String = "") -> [Source] {
    let start = root + "/" + folder
    guard let walk = FileManager.default.enumerator(atPath: start) else { return [] }
    var found: [Source] = []
    for case let name as String in walk {
      let path = folder.isEmpty ? name : folder + "/" + name
      let hidden = path.split(separator: "/").contains { $0.hasPrefix(".") && $0 != ".ci" }
      let skipped = path.hasPrefix("data/") || path.contains("__pycache__")
      guard !hidden, !skipped, endings.contains(where: path.hasSuffix),
        let text = try? String(contentsOfFile: root + "/" + path, encoding: .utf8)
      else { continue }
      var lines = text.components(separatedBy: "\n")
      if lines.last == "" { lines.removeLast() }
      found.append(Source(path: path, lines: lines))
    }
    return found.sorted { $0.path < $1.path }
  }

  /// The line without its string literals and comment, so that rules look at code only.
  static func code(_ line: String) -> String {
    var out = ""
    var quoted = false
    var previous: Character = " "
    for character in line {
      if character == "\"" && previous != "\\" {
        quoted.toggle()
        out.append("\"")
      } else if !quoted {
        if character == "/" && previous == "/" { return String(out.dropLast()) }
        out.append(character)
      }
      previous = character
    }
    return out
  }
}
