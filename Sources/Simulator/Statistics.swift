// Statistics: what many seeds amount to: totals, histograms, faults and marks that were never hit.
// Not here: printing (exsim).

/// Sums over reports.
package struct Statistics: Sendable {
  package private(set) var seeds = 0
  package private(set) var failures: [SeedReport] = []
  package private(set) var cpuNanoseconds: Int64 = 0
  private var simulated: [Int64] = []
  private var speeds: [Int64] = []
  private var acknowledged: [Int64] = []
  private var kinds: [Int64] = []
  private var leaders: [Int64] = []
  private var events: UInt64 = 0
  package private(set) var faults = [Int](repeating: 0, count: FaultKind.allCases.count)
  package private(set) var marks: [Int] = []
  package private(set) var planted = 0

  package init() {}

  package mutating func add(_ report: SeedReport, cpuNanoseconds cpu: Int64) {
    seeds += 1
    cpuNanoseconds += cpu
    events += report.events
    simulated.append(report.simulated / 1_000_000)
    speeds.append(cpu > 0 ? report.simulated * 1_000 / cpu : 0)
    acknowledged.append(Int64(report.tally.acknowledged))
    kinds.append(Int64(report.tally.kinds))
    leaders.append(Int64(report.tally.leaders))
    planted += report.tally.planted
    for (place, count) in report.tally.faults.enumerated() where place < faults.count {
      faults[place] += count
    }
    while marks.count < report.tally.marks.count { marks.append(0) }
    for (place, count) in report.tally.marks.enumerated() { marks[place] += count }
    if report.failure != nil { failures.append(report) }
  }

  /// Simulated seconds per CPU second: the mean over seeds.
  package var speed: Int64 { speeds.isEmpty ? 0 : speeds.reduce(0, +) / Int64(speeds.count) }

  /// Lines for people.
  package var summary: [String] {
    guard seeds > 0 else { return ["no seed was run"] }
    let total = simulated.reduce(0, +)
    var lines = [
      "\(seeds) seeds, \(failures.count) failed; \(total) simulated seconds in"
        + " \(cpuNanoseconds / 1_000_000_000).\(cpuNanoseconds / 100_000_000 % 10) CPU seconds;"
        + " \(events) events; mean speed \(speed)x",
      Self.histogram("simulated seconds", simulated),
      Self.histogram("speed (simulated s / CPU s)", speeds),
      Self.histogram("acknowledged commands", acknowledged),
      Self.histogram("kinds of fault", kinds), Self.histogram("leaders elected", leaders),
    ]
    let struck = zip(FaultKind.allCases, faults).map { "\($0.rawValue) \($1)" }
    lines.append("faults: " + struck.joined(separator: ", "))
    let names = Marks.names
    let never = names.enumerated().filter { $0.offset >= marks.count || marks[$0.offset] == 0 }
    lines.append(
      never.isEmpty
        ? "marks: all \(names.count) were hit"
        : "marks never hit: " + never.map { $0.element }.joined(separator: ", "))
    return lines
  }

  /// Quantiles in one line.
  private static func histogram(_ name: String, _ values: [Int64]) -> String {
    let sorted = values.sorted()
    let at = { (percent: Int) in sorted[min(sorted.count - 1, sorted.count * percent / 100)] }
    let mean = sorted.reduce(0, +) / Int64(sorted.count)
    let points = [0, 1, 10, 50, 90, 99].map { "p\($0) \(at($0))" }.joined(separator: "  ")
    let label = name + String(repeating: " ", count: max(0, 28 - name.count))
    return "\(label) \(points)  max \(sorted.last ?? 0)  mean \(mean)"
  }
}
