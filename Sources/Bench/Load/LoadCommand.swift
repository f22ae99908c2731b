// LoadCommand: `exbench load` measures signed orders, open loop at a rate or closed loop on connections.
//
// Not here: the round itself (LoadRun), reading back (Verification).

import ArgumentParser
import Gateway
import Glibc
import NIOCore

struct LoadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load",
    abstract:
      "Send signed orders from 32 accounts on 2 symbols to all nodes; print latencies and rates.")

  @OptionGroup var cluster: ClusterOptions

  @Option(help: "Open loop: orders a second. Without it: closed loop.")
  var rate: Double?

  @Option(help: "Keep-alive connections, spread over the nodes.")
  var connections = 64

  @Option(help: "Measured seconds a round.")
  var seconds = 10.0

  @Option(help: "Seconds before the measured ones.")
  var warmUp = 1.0

  @Option(help: "Rounds; every figure is given for each and as the median.")
  var rounds = 1

  @Option(help: "Seed of the order flow.")
  var seed: UInt64 = 1

  @Option(name: .shortAndLong, help: "Output format; json is the only one.")
  var output = "json"

  func validate() throws {
    guard rate.map({ $0 > 0 && $0 <= 100_000 }) ?? true else {
      throw ValidationError("--rate is above 0 and at most 100000")
    }
    guard (1...10_000).contains(connections), (1...100).contains(rounds), seconds > 0, warmUp >= 0
    else {
      throw ValidationError("--connections is 1 to 10000, --rounds 1 to 100, --seconds above 0")
    }
  }

  func run() throws {
    let cluster = try self.cluster.open()
    defer { cluster.spawned?.stop() }
    let session = try LoadSession(cluster: cluster, seed: seed)
    var progress = Progress("load", total: rounds)
    for round in 0..<rounds {
      let plan = LoadRun.Plan(
        rate: rate, connections: connections, seconds: seconds, warmUpSeconds: warmUp)
      try session.round(plan, number: round)
      progress.show(round + 1)
    }
    try session.verify()
    print(session.report(cluster: cluster, connections: connections, rate: rate))
  }
}

/// Accounts, symbols and rounds of one load.
final class LoadSession {
  private let cluster: Cluster
  private let signers: [Signer]
  private let symbols: [String]
  private let seed: UInt64
  private var rounds: [LoadResult] = []
  private var acknowledged: [AcknowledgedOrder] = []
  private var cpuPer1000: [Double] = []
  private var syncsPer1000: [Double] = []
  private var executedShare = 0.0
  private let tag: String

  init(cluster: Cluster, seed: UInt64) throws(BenchError) {
    self.cluster = cluster
    self.seed = seed
    let stamp = String(wallMilliseconds() % 100_000_000, radix: 36).uppercased()
    tag = stamp
    var names: [String] = []
    for suffix in ["A", "B"] {
      let name = "LD\(stamp)\(suffix)"
      try cluster.addSymbol(name, base: "BTC", quote: "USDT", tick: "0.01", step: "0.00001")
      names.append(name)
    }
    symbols = names
    var signers: [Signer] = []
    for i in 0..<OrderFlow.accounts {
      signers.append(
        try cluster.openAccount(
          "load-\(stamp)-\(i)", funds: [("BTC", "10000"), ("USDT", "30000000")]))
    }
    self.signers = signers
    try cluster.waitUntilLevel(seconds: 30)
  }

  /// A round that has not begun, and its connections to these nodes.
  func prepare(
    _ plan: LoadRun.Plan, number: Int, clients: [Address]
  ) throws -> (LoadRun, [NIOLoopBound<Connection>]) {
    let loop = cluster.group.any()
    var connections: [NIOLoopBound<Connection>] = []
    for i in 0..<plan.connections {
      let address = clients[i % clients.count]
      connections.append(
        try Connection.open(host: address.host, port: address.port, on: loop).wait())
    }
    let flow = OrderFlow(seed: seed &+ UInt64(number), tag: "\(tag)-\(number)")
    return (
      LoadRun(plan: plan, signers: signers, symbols: symbols, flow: flow, loop: loop), connections
    )
  }

  func close(_ connections: [NIOLoopBound<Connection>]) {
    for bound in connections { cluster.group.any().execute { bound.value.close() } }
  }

  /// Runs one round; throws if anything failed.
  func round(_ plan: LoadRun.Plan, number: Int) throws {
    let (run, connections) = try prepare(plan, number: number, clients: cluster.clients)
    let before = (cpu: serverCPU(), syncs: cluster.metric("castle_log_syncs_total"))
    try run.run(connections)
    let after = (cpu: serverCPU(), syncs: cluster.metric("castle_log_syncs_total"))
    close(connections)
    let result = run.result
    guard result.failureCount == 0 else {
      throw BenchError("\(result.failureCount) requests failed, first: \(result.failures)")
    }
    let total = Double(max(1, result.placed + result.cancelled + result.cancelledTooLate))
    if let a = before.cpu, let b = after.cpu { cpuPer1000.append((b - a) / total * 1000) }
    if let a = before.syncs, let b = after.syncs { syncsPer1000.append((b - a) / total * 1000) }
    rounds.append(result)
    acknowledged += run.acknowledged
  }

  /// Reads everything back from every node.
  func verify() throws(BenchError) {
    try cluster.waitUntilLevel(seconds: 30)
    let verification = Verification(signers: signers, symbols: symbols)
    let fills = rounds.reduce(0) { $0 + $1.fills }
    for address in cluster.clients {
      let client = Client(address, on: cluster.group.any())
      let counts = try verification.check(client, acknowledged: acknowledged, fills: fills)
      executedShare = Double(counts.executed) / Double(max(1, counts.orders))
    }
    guard executedShare >= 0.5 else {
      throw BenchError(
        "only \(Int(executedShare * 100)) % of the orders traded; at least half must")
    }
    try cluster.checkStateHashes()
  }

  /// CPU seconds of all spawned nodes, from /proc.
  private func serverCPU() -> Double? {
    guard let spawned = cluster.spawned else { return nil }
    return spawned.nodes.compactMap { NodeProcess.cpuSeconds(of: $0.pid) }.reduce(0, +)
  }

  func report(cluster: Cluster, connections: Int, rate: Double?) -> String {
    let perRound = rounds.enumerated().map { i, round in
      let histogram = round.latencyMicroseconds
      func ms(_ percentile: Double) -> Double {
        Double(histogram.valueAtPercentile(percentile)) / 1000
      }
      return """
        {"ordersPerSecond":\(rounded(Double(round.answered) / round.seconds)),\
        "p50ms":\(ms(50)),"p90ms":\(ms(90)),"p99ms":\(ms(99)),"p999ms":\(ms(99.9)),\
        "maxms":\(Double(histogram.max) / 1000),"placed":\(round.placed),"fills":\(round.fills),\
        "cancelled":\(round.cancelled),"cancelledTooLate":\(round.cancelledTooLate),\
        "cpuSecondsPer1000":\(value(cpuPer1000, i)),"syncsPer1000":\(value(syncsPer1000, i))}
        """
    }
    let rates = rounds.map { Double($0.answered) / $0.seconds }
    let p99s = rounds.map { Double($0.latencyMicroseconds.valueAtPercentile(99)) / 1000 }
    let folder = cluster.spawned?.folder
    return """
      {"command":"load","loop":"\(rate == nil ? "closed" : "open")","rate":\(rate.map { "\($0)" } ?? "null"),\
      "connections":\(connections),"nodes":\(cluster.clients.count),\
      "fileSystem":\(folder.map { "\"\(fileSystem(of: $0))\"" } ?? "null"),\
      "raised":"order limits of the bench accounts\(folder == nil ? "" : "; " + SpawnedCluster.raised)",\
      "executedShare":\(rounded(executedShare * 1000) / 1000),"failures":0,\
      "medianOrdersPerSecond":\(rounded(median(rates))),"medianP99ms":\(median(p99s)),\
      "medianCpuSecondsPer1000":\(cpuPer1000.isEmpty ? "null" : "\(median(cpuPer1000))"),\
      "medianSyncsPer1000":\(syncsPer1000.isEmpty ? "null" : "\(rounded(median(syncsPer1000)))"),\
      "rounds":[\(perRound.joined(separator: ","))]}
      """
  }

  private func value(_ values: [Double], _ i: Int) -> String {
    i < values.count ? "\((values[i] * 1000).rounded() / 1000)" : "null"
  }
}

/// The middle value (of an even count: the lower middle); 0 of none.
func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  return sorted.isEmpty ? 0 : sorted[(sorted.count - 1) / 2]
}

/// Rounded to a whole number.
func rounded(_ value: Double) -> Double { value.rounded() }
