// FailoverCommand: `exbench failover` kills the leader again and again under load and proves that nothing was lost.
//
// Gap: the longest interval without an acknowledgement from any writer, from the kill on.
// Every order without an answer is resolved afterwards to exactly zero or one execution, on every node.
// Not here: the writers (PacedWriter).

import ArgumentParser
import Gateway
import Glibc
import NIOCore

struct FailoverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "failover",
    abstract: "Stop the leader N times under load: gap min/median/max, acknowledged orders lost.")

  @OptionGroup var cluster: ClusterOptions

  @Option(help: "How often the leader is stopped.")
  var kills = 20

  @Option(help: "kill (-9) or term.")
  var signal = "kill"

  @Option(help: "Milliseconds between two orders of a writer.")
  var paceMs = 5

  @Option(name: .shortAndLong, help: "Output format; json is the only one.")
  var output = "json"

  func validate() throws {
    guard (1...1000).contains(kills), (1...1000).contains(paceMs) else {
      throw ValidationError("--kills and --pace-ms are 1 to 1000")
    }
    guard ["kill", "term"].contains(signal) else {
      throw ValidationError("--signal is kill or term")
    }
  }

  func run() throws {
    var options = cluster
    options.spawn = true
    let cluster = try options.open()
    defer { cluster.spawned?.stop() }
    let session = try FailoverSession(cluster: cluster, paceMilliseconds: paceMs)
    try session.run(kills: kills, signal: signal == "kill" ? SIGKILL : SIGTERM)
    print(try session.report(signal: signal))
  }
}

/// Three writers, one leader stopped at a time.
final class FailoverSession {
  private let cluster: Cluster
  private let signers: [Signer]
  private let symbol: String
  private let writers: [PacedWriter]
  private let pace: Int
  private let tag: String
  /// From each kill to the restart.
  private var windows: [(from: NIODeadline, to: NIODeadline)] = []

  init(cluster: Cluster, paceMilliseconds: Int) throws(BenchError) {
    self.cluster = cluster
    pace = paceMilliseconds
    tag = String(wallMilliseconds() % 100_000_000, radix: 36).uppercased()
    let symbol = "FO\(tag)"
    try cluster.addSymbol(symbol, base: "BTC", quote: "USDT", tick: "0.01", step: "0.00001")
    var signers: [Signer] = []
    for i in 0..<3 {
      signers.append(
        try cluster.openAccount(
          "failover-\(tag)-\(i)", funds: [("BTC", "100000"), ("USDT", "30000000")]))
    }
    self.signers = signers
    self.symbol = symbol
    let tag = tag
    writers = signers.enumerated().map { i, signer in
      PacedWriter(
        number: i, signer: signer, symbol: symbol, addresses: cluster.clients,
        pace: .milliseconds(Int64(paceMilliseconds)), tag: tag, loop: cluster.group.any())
    }
    try cluster.waitUntilLevel(seconds: 30)
  }

  func run(kills: Int, signal: Int32) throws {
    guard let spawned = cluster.spawned else { throw BenchError("failover needs its own nodes") }
    var random = Generator(seed: UInt64(wallMilliseconds()))
    var progress = Progress("failover", total: kills)
    for writer in writers { writer.start() }
    for kill in 0..<kills {
      usleep(UInt32(700_000 + random.below(600_000)))
      guard let leader = waitForLeader() else { throw BenchError("no leader within 30 s") }
      let from = NIODeadline.now()
      spawned.nodes[leader].kill(signal)
      usleep(2_000_000)
      windows.append((from, .now()))
      try spawned.nodes[leader].start()
      try waitUntilReady()
      progress.show(kill + 1)
    }
    for writer in writers { try writer.stop().wait() }
    try cluster.waitUntilLevel(seconds: 30)
  }

  private func waitForLeader() -> Int? {
    let end = monotonicSeconds() + 30
    while monotonicSeconds() < end {
      if let leader = cluster.leader() { return leader }
      usleep(10_000)
    }
    return nil
  }

  /// All three ready and within a second's worth of entries of each other (writers are running).
  private func waitUntilReady() throws(BenchError) {
    let end = monotonicSeconds() + 30
    while monotonicSeconds() < end {
      let states = cluster.clients.indices.compactMap { cluster.state($0) }
      let applied = states.map(\.appliedIndex)
      if states.count == 3, states.allSatisfy(\.ready), let low = applied.min(),
        let high = applied.max(), high - low < 200
      {
        return
      }
      usleep(20_000)
    }
    throw BenchError("the restarted node was not ready within 30 s")
  }

  // MARK: Afterwards

  /// Milliseconds of each gap.
  private func gaps() -> [Double] {
    let times = writers.flatMap { $0.log.acknowledgedAt }.sorted()
    return windows.map { window in
      var longest = TimeAmount.zero
      var last = window.from
      for time in times where time > window.from && time <= window.to {
        longest = max(longest, time - last)
        last = time
      }
      return Double(max(longest, window.to - last).nanoseconds) / 1e6
    }
  }

  /// Which of the unknown orders exist; every node must say the same.
  private func resolve() throws(BenchError) -> [AcknowledgedOrder] {
    var executed: [AcknowledgedOrder] = []
    for (account, writer) in writers.enumerated() {
      for clientID in writer.log.unknown {
        var ids: Set<Int64?> = []
        for address in cluster.clients {
          let client = Client(address, on: cluster.group.any())
          let request = signers[account].request(
            "GET", "/api/v3/order", "symbol=\(symbol)&origClientOrderId=\(clientID)")
          guard case .success(let reply) = client.call(request),
            let json = try? JSONValue.parse(reply.body),
            reply.status == 200 || json["code"]?.integer == -2013
          else { throw BenchError("cannot resolve \(clientID) on \(address)") }
          ids.insert(json["orderId"]?.integer)
        }
        guard ids.count == 1 else { throw BenchError("the nodes disagree on \(clientID): \(ids)") }
        if case .some(.some(let id)) = ids.first {
          executed.append(
            AcknowledgedOrder(account: account, symbol: 0, id: id, clientID: clientID))
        }
      }
    }
    return executed
  }

  func report(signal: String) throws -> String {
    let executed = try resolve()
    let acknowledged = writers.flatMap { $0.log.acknowledged } + executed
    let verification = Verification(signers: signers, symbols: [symbol])
    var lost = 0
    for address in cluster.clients {
      let client = Client(address, on: cluster.group.any())
      let counts = try verification.counts(of: client)
      let missing = acknowledged.filter { counts.ids[$0.account]?[0]?.contains($0.id) != true }
      lost = max(lost, missing.count)
      guard counts.orders == acknowledged.count || !missing.isEmpty else {
        throw BenchError(
          "\(address) shows \(counts.orders) orders, \(acknowledged.count) were sent")
      }
      guard counts.takerTrades == counts.makerTrades else {
        throw BenchError("\(address): one-sided trades")
      }
    }
    try cluster.checkStateHashes()
    let gaps = gaps()
    let unknown = writers.reduce(0) { $0 + $1.log.unknown.count }
    let refused = writers.flatMap { $0.log.refused }
    let gapTexts = gaps.map { "\(($0 * 10).rounded() / 10)" }
    guard acknowledged.count > 100 * gaps.count else {
      throw BenchError("the writers wrote too little")
    }
    guard lost == 0 else { throw BenchError("\(lost) acknowledged orders are lost") }
    return """
      {"command":"failover","signal":"\(signal)","kills":\(gaps.count),"paceMs":\(pace),\
      "gapMs":{"min":\(gaps.min() ?? 0),"median":\(median(gaps)),"max":\(gaps.max() ?? 0)},\
      "gapsMs":[\(gapTexts.joined(separator: ","))],\
      "acknowledged":\(acknowledged.count - executed.count),"lost":\(lost),\
      "unknown":\(unknown),"unknownExecuted":\(executed.count),"refused":\(refused.count),\
      "fileSystem":"\(cluster.spawned.map { fileSystem(of: $0.folder) } ?? "unknown")"}
      """
  }
}
