// Line: a seed's report as one line of text, from a worker process to the one that counts.
//
// Invariant: decode(encode(x)) gives the fields that are counted; a field holds no tab and no
// newline.
// Not here: processes (exsim).

package enum Line {
  /// A worker says which seed it begins, so that a trap can be blamed on it.
  package static func begin(_ seed: UInt64) -> String { "B\t\(seed)" }

  package static func encode(_ report: SeedReport, cpuNanoseconds: Int64) -> String {
    let tally = report.tally
    let numbers: [String] = [
      "\(report.seed)", "\(report.simulated)", "\(cpuNanoseconds)", "\(report.events)",
      "\(report.digest)", "\(tally.acknowledged)", "\(tally.reads)", "\(tally.leaders)",
      "\(tally.committed)", tally.faults.map(String.init).joined(separator: ","),
      tally.marks.map(String.init).joined(separator: ","), "\(tally.planted)",
    ]
    var fields = ["R"] + numbers
    if let failure = report.failure {
      fields += [failure.check, failure.text, failure.at, report.world].map(plain)
    }
    return fields.joined(separator: "\t")
  }

  /// What a worker said.
  package enum Said: Sendable {
    case begin(UInt64)
    case report(SeedReport, cpuNanoseconds: Int64)
    case other(String)
  }

  package static func decode(_ line: String) -> Said {
    let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    if fields.count == 2, fields[0] == "B", let seed = UInt64(fields[1]) { return .begin(seed) }
    guard fields.count >= 13, fields[0] == "R", let seed = UInt64(fields[1]),
      let simulated = Int64(fields[2]), let cpu = Int64(fields[3]), let events = UInt64(fields[4]),
      let digest = UInt64(fields[5])
    else { return .other(line) }
    var tally = Tally()
    tally.acknowledged = Int(fields[6]) ?? 0
    tally.reads = Int(fields[7]) ?? 0
    tally.leaders = Int(fields[8]) ?? 0
    tally.committed = Int(fields[9]) ?? 0
    tally.faults = numbers(fields[10])
    tally.marks = numbers(fields[11])
    tally.planted = Int(fields[12]) ?? 0
    var report = SeedReport(
      seed: seed, failure: nil, simulated: simulated, events: events, digest: digest, tally: tally,
      world: "")
    if fields.count >= 17 {
      report.failure = SeedReport.Failure(check: fields[13], text: fields[14], at: fields[15])
      report.world = fields[16]
    }
    return .report(report, cpuNanoseconds: cpu)
  }

  private static func numbers(_ text: String) -> [Int] {
    text.split(separator: ",").compactMap { Int($0) }
  }

  private static func plain(_ text: String) -> String {
    String(text.map { $0 == "\t" || $0.isNewline ? " " : $0 })
  }
}
