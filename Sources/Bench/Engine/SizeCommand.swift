// SizeCommand: `exbench size` measures the memory of a large exchange and its start from RocksDB; `exbench steady` the
// memory of a small one under many commands.
//
// Not here: the runs (SizeRun, EngineRun).

import ArgumentParser

struct SizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "size",
    abstract: "Make a large exchange in a new state store; with --start: start from it.")

  @Option(help: "Where the state store is; it must not exist, or with --start must.")
  var dir: String

  @Flag(help: "Start from the store.")
  var start = false

  @Option(help: "Accounts.")
  var accounts = 1_000_000

  @Option(help: "Symbols, each with a base asset of its own.")
  var symbols = 1_000

  @Option(help: "Open orders.")
  var orders = 1_000_000

  func validate() throws {
    guard accounts > 0, (1...9_000).contains(symbols), orders >= 0 else {
      throw ValidationError("--accounts and --symbols (at most 9,000) are above 0")
    }
  }

  func run() throws {
    var figures = StartFigures(orders: orders, seconds: 0, cpuSeconds: 0, residentMiB: 0)
    if start {
      figures = try SizeRun.start(directory: dir)
    } else {
      var run = try SizeRun(directory: dir)
      figures.residentMiB = try run.make(accounts: accounts, symbols: symbols, orders: orders)
    }
    print(
      "{\"residentMiB\":\(figures.residentMiB),\"peakMiB\":\(Resident.mebibytes().peak)"
        + ",\"openOrders\":\(figures.orders),\"seconds\":\(figures.seconds)"
        + ",\"cpuSeconds\":\(figures.cpuSeconds)}")
  }
}

struct SteadyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "steady",
    abstract: "Run many commands with a steady number of open orders; print memory on the way.")

  @Option(help: "Commands.")
  var commands = 50_000_000

  @Option(help: "Open orders.")
  var open = 100_000

  func run() throws {
    var run = try EngineRun(SteadyFlow(open: open), preload: open)
    var parts: [String] = []
    for part in 1...10 {
      try run.run(commands / 10, batch: 64)
      parts.append(
        "{\"commands\":\(commands / 10 * part),\"openOrders\":\(run.openOrders)"
          + ",\"residentMiB\":\(Resident.mebibytes().now)}")
    }
    print(
      "{\"commandsPerCPUSecond\":\(Int(run.figures.perSecond))"
        + ",\"steps\":[\(parts.joined(separator: ","))]}")
  }
}
