// Program: the command line of exsim.
//
// Invariant: bad arguments give one sentence and exit code 2; a failed seed gives exit code 1.
// Not here: worker processes (Workers), mutants (Mutants).

import Glibc
import Simulator

enum Program {
  static let usage = """
    exsim run [--seeds A..B | --seeds N] [--jobs N] [--faults a,b] [--focus a,b] [--plant ROOM:BUG]
              [--unsurvivable] [--stop] [--trace] [--commit ID]      runs seeds; with --trace one seed, step by step
    exsim mutants [--seeds N] [--jobs N] [--only ROOM:BUG,ROOM:]   plants each bug and counts seeds until it is caught
    exsim list                                      names of faults, bugs and marks
    """

  static func run(_ arguments: [String]) -> Int32 {
    do {
      switch arguments.first {
      case "run": return try run(Arguments(arguments.dropFirst()))
      case "mutants": return try Mutants.run(Arguments(arguments.dropFirst()))
      case "worker": return try work(Arguments(arguments.dropFirst()))
      case "list":
        list()
        return 0
      case "help", "--help", nil:
        Console.out(usage)
        return arguments.isEmpty ? 2 : 0
      default: throw Arguments.Mistake("unknown command \(arguments[0]); try exsim help")
      }
    } catch {
      Console.error("exsim: \(error)")
      return 2
    }
  }

  private static func list() {
    Console.out("faults: " + FaultKind.allCases.map(\.rawValue).joined(separator: " "))
    Console.out("bugs:   " + Plant.all.map(\.name).joined(separator: " "))
    Console.out("marks:  " + Marks.names.joined(separator: " "))
  }

  // MARK: Seeds

  private static func run(_ arguments: Arguments) throws(Arguments.Mistake) -> Int32 {
    if arguments.trace { return try tell(arguments) }
    var statistics = Statistics()
    var told = 0
    let progress = Progress(total: arguments.seeds.count)
    var workers = Workers(arguments: arguments, chunk: 20)
    workers.run { report, cpu in
      statistics.add(report, cpuNanoseconds: cpu)
      progress.show(statistics)
      guard report.failure != nil else { return true }
      if told < 10 { explain(report, arguments) }
      told += 1
      return !arguments.stop
    }
    progress.end()
    for line in statistics.summary { Console.out(line) }
    return statistics.failures.isEmpty && statistics.seeds > 0 ? 0 : 1
  }

  /// Seed, commit, options, and the command that shows it again.
  static func explain(_ report: SeedReport, _ arguments: Arguments) {
    guard let failure = report.failure else { return }
    Console.out(
      "\nFAILED seed \(report.seed), commit \(arguments.commit): \(failure.check): \(failure.text)")
    Console.out("  at     \(failure.at)")
    Console.out("  world  \(report.world)")
    Console.out(
      "  again  exsim run --seeds \(report.seed)..\(report.seed)\(arguments.repeated) --trace")
  }

  private static func tell(_ arguments: Arguments) throws(Arguments.Mistake) -> Int32 {
    var failed = false
    for seed in arguments.seeds {
      var options = try arguments.options()
      options.trace = { Console.out($0) }
      let report = Simulation.run(seed: seed, options: options)
      Console.out("world \(report.world)\ndigest \(report.digest) tally \(report.tally)")
      if report.failure != nil {
        explain(report, arguments)
        failed = true
      }
    }
    return failed ? 1 : 0
  }

  /// A worker's life: seeds one after the other, a line each.
  private static func work(_ arguments: Arguments) throws(Arguments.Mistake) -> Int32 {
    let options = try arguments.options()
    for seed in arguments.seeds {
      Console.out(Line.begin(seed))
      let start = cpuNanoseconds()
      limit(start)
      let report = Simulation.run(seed: seed, options: options)
      Console.out(Line.encode(report, cpuNanoseconds: cpuNanoseconds() - start))
    }
    return 0
  }

  /// CPU seconds after which a seed, which takes a tenth of one, counts as one that never ends.
  static let seedSecondsMax: Int64 = 120

  /// Has the system end the worker (SIGXCPU) in a seed that never ends: that is a finding too.
  private static func limit(_ start: Int64) {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_CPU.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = min(limit.rlim_max, rlim_t(start / 1_000_000_000 + seedSecondsMax))
    setrlimit(__rlimit_resource_t(RLIMIT_CPU.rawValue), &limit)
  }

  static func cpuNanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

/// A line on standard error that counts, if that is a terminal; else now and then.
final class Progress {
  private let total: Int
  private let isTerminal = isatty(2) == 1
  private var shown = 0

  init(total: Int) { self.total = total }

  func show(_ statistics: Statistics) {
    let step = isTerminal ? 5 : max(100, total / 10)
    guard statistics.seeds >= shown + step else { return }
    shown = statistics.seeds
    let text =
      "\(statistics.seeds) of \(total) seeds, \(statistics.failures.count) failed,"
      + " \(statistics.cpuNanoseconds / 1_000_000_000) CPU s, \(statistics.speed)x"
    Console.progress(isTerminal ? "\r\(text)   " : "\(text)\n")
  }

  func end() { if isTerminal, shown > 0 { Console.progress("\n") } }
}
