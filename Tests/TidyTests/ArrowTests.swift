// ArrowTests: imports between rooms go one way, and pure rooms import nothing that could do I/O.
//
// The table is the one of docs/ARCHITECTURE.md. The package manager does not enforce it: a transitive import compiles.

import Testing

@Suite struct ArrowTests {
  /// What each room may import. Absent: no rule (test support).
  static let allowed: [String: Set<String>] = [
    "Wire": ["CMemory", "CWire"],
    "Raft": ["Wire"],
    "Engine": ["Wire"],
    "Market": ["Engine", "Wire"],
    "Match": ["Engine", "CMatch"],
    "Replica": ["Raft", "Engine", "Wire"],
    "Storage": ["Raft", "Wire", "CRocksDB", "CLinux", "Glibc", "Synchronization"],
    "Simulator": ["Replica", "Market", "Storage", "Raft", "Engine", "Wire", "Glibc"],
    "exsim": ["Simulator", "Glibc"],
    "Gateway": ["Market", "Engine", "Wire", "COpenSSL", "Synchronization"],
    "Node": [
      "Replica", "Raft", "Engine", "Market", "Storage", "Gateway", "Wire", "CLinux", "Glibc",
      "Synchronization", "Dispatch", "ArgumentParser", "Logging", "NIOCore", "NIOPosix", "NIOHTTP1",
      "NIOWebSocket", "NIOConcurrencyHelpers",
    ],
    "ctl": [
      "Storage", "Gateway", "Replica", "Raft", "Engine", "Wire", "Glibc", "ArgumentParser",
      "NIOCore", "NIOPosix", "NIOHTTP1",
    ],
    "Bench": [
      "Replica", "Raft", "Storage", "Gateway", "Engine", "Wire", "CMatch", "Glibc",
      "Synchronization", "Dispatch", "ArgumentParser", "Histogram", "NIOCore", "NIOPosix",
      "NIOHTTP1", "NIOWebSocket",
    ],
  ]

  @Test func `every room imports only what its arrow allows`() {
    var wrong: [String] = []
    for file in Source.files([".swift"], under: "Sources") {
      guard let allowed = Self.allowed[file.room] else {
        wrong.append("\(file): room \(file.room) has no row in the table")
        continue
      }
      for (number, line) in file.lines.enumerated() {
        let words = line.split(separator: " ")
        guard let at = words.firstIndex(of: "import"), at <= 1, !line.hasPrefix("//") else {
          continue
        }
        let module = words.last.map { $0.split(separator: ".")[0] } ?? ""
        if !allowed.contains(String(module)) {
          wrong.append("\(file):\(number + 1): \(file.room) may not import \(module)")
        }
      }
    }
    #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
  }

  @Test func `the C interface holds no book of its own`() {
    let banned = [
      "Level", "Slab", "Dictionary", "Array", "[UInt64", "[Int64", ": [", "sorted", "queue(",
    ]
    var wrong: [String] = []
    for file in Source.files([".swift"], under: "Sources/Match") {
      for (number, line) in file.lines.enumerated() {
        let code = Source.code(line)
        for word in banned where code.contains(word) {
          wrong.append("\(file):\(number + 1): \(word)")
        }
      }
    }
    #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
  }

  @Test func `the deterministic rooms hold no floating point, no async and no clock`() {
    let banned = ["Double", "Float", "async", "await", "Date()", "ContinuousClock", "SystemRandom"]
    var wrong: [String] = []
    for room in ["Wire", "Raft", "Engine", "Market", "Replica"] {
      for file in Source.files([".swift"], under: "Sources/\(room)") {
        for (number, line) in file.lines.enumerated() {
          let code = Source.code(line)
          for word in banned where code.contains(word) {
            wrong.append("\(file):\(number + 1): \(word)")
          }
        }
      }
    }
    #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
  }
}
