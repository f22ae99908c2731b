// ReplayCommand: `exbench replay FILE...` drives recorded Binance data through a cluster and checks every node.
//
// Not here: the steps (Player), the comparisons (ReplayChecks), the files (Recording).

import ArgumentParser
import Gateway
import Glibc
import NIOCore

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract:
      "Drive recorded Binance messages through the cluster and compare books, tops and fills.")

  @OptionGroup var cluster: ClusterOptions

  @Argument(help: "Recordings (.jsonl or .jsonl.gz).")
  var files: [String] = []

  @Option(help: "Make a recording of N diffs from the seed instead of reading a file.")
  var generate: Int?

  @Option(help: "Seed of a generated recording.")
  var seed: UInt64 = 1

  @Option(help: "Only the first N seconds of a recording (0: all).")
  var seconds = 0

  @Option(help: "Kill -9 the leader this often, for example 30s (spawned clusters only).")
  var killLeaderEvery: String?

  @Option(
    help: ArgumentHelp("Break the tool on purpose, to see the checks fail.", visibility: .hidden))
  var plant: String = "none"

  @Option(name: .shortAndLong, help: "Output format; json is the only one.")
  var output = "json"

  func run() throws {
    guard let fault = PlantedFault(rawValue: plant) else {
      throw ValidationError("--plant is one of \(PlantedFault.allCases.map(\.rawValue))")
    }
    let interval = try killInterval()
    guard !files.isEmpty || generate != nil else {
      throw ValidationError("give a FILE or --generate N")
    }
    let cluster = try self.cluster.open()
    defer { cluster.spawned?.stop() }
    if interval != nil, cluster.spawned == nil {
      throw ValidationError("--kill-leader-every needs --spawn: only own nodes are killed")
    }
    var results: [String] = []
    for recording in try recordings() {
      let replay = Replay(cluster: cluster, killEvery: interval, fault: fault)
      results.append(try replay.play(recording))
    }
    print(
      """
      {"command":"replay","spawned":\(cluster.spawned != nil),\
      "raised":"\(cluster.spawned == nil ? "by the operator" : SpawnedCluster.raised)",\
      "recordings":[\(results.joined(separator: ","))]}
      """)
  }

  private func recordings() throws -> [Recording] {
    if let generate {
      var generator = RecordingGenerator(seed: seed)
      let path = "/tmp/castle-recording-\(getpid()).jsonl"
      try writeText(path, generator.text(diffs: generate))
      defer { unlink(path) }
      return [try Recording(path: path)]
    }
    return try files.map { try Recording(path: $0, secondsMax: seconds) }
  }

  private func killInterval() throws -> Double? {
    guard let text = killLeaderEvery else { return nil }
    let digits = text.hasSuffix("s") ? String(text.dropLast()) : text
    guard let seconds = Double(digits), seconds > 0 else {
      throw ValidationError("--kill-leader-every takes seconds, for example 30s")
    }
    return seconds
  }
}

/// One recording through one cluster.
struct Replay {
  let cluster: Cluster
  let killEvery: Double?
  let fault: PlantedFault

  /// Plays it, checks it, and returns the result as a JSON object. Throws on the first difference.
  func play(_ recording: Recording) throws(BenchError) -> String {
    let symbol = "R" + recording.symbol
    let player = try prepare(symbol)
    let loop = cluster.group.any()
    let nodes = cluster.clients.enumerated().map { i, address in
      WatchedNode(name: "node \(i + 1)", address: address, symbol: symbol, on: loop)
    }
    for node in nodes { try node.connect() }
    var checks = ReplayChecks()
    var progress = Progress("replay \(symbol)", total: recording.steps.count)
    var killer = LeaderKiller(cluster: cluster, every: killEvery)
    let started = monotonicSeconds()
    var diffs = 0
    for (number, step) in recording.steps.enumerated() {
      progress.show(number + 1)
      try killer.poll()
      switch step {
      case .trade(let price, let quantity, let buyerIsMaker):
        try player.trade(price: price, quantity: quantity, buyerIsMaker: buyerIsMaker)
      case .diff(let update, let bids, let asks):
        try player.diff(bids: bids, asks: asks)
        checks.name(bids: bids, asks: asks)
        diffs += 1
        let alive = killer.alive(nodes)
        try checks.compareTop(recording, update: update, index: player.lastIndex, on: alive)
        if diffs % 100 == 0 {
          try checks.compareBook(player.target, index: player.lastIndex, on: alive)
        }
      }
    }
    try killer.finish()
    if case .diff? = recording.steps.last {
      try checks.compareBook(player.target, index: player.lastIndex, on: nodes)
    }
    try cluster.checkStateHashes()
    for node in nodes { node.disconnect() }
    return report(
      recording, symbol, player, checks, diffs: diffs, kills: killer.kills,
      seconds: monotonicSeconds() - started, messages: nodes.map(\.messages))
  }

  private func prepare(_ symbol: String) throws(BenchError) -> Player {
    let known = try cluster.admin("GET", "/admin/v1/symbols")
    let names = (known["symbols"] ?? known).elements?.compactMap { $0["name"]?.text } ?? []
    let client = Client(cluster.clients[0], on: cluster.group.any())
    if names.contains(symbol) {
      let request = publicRequest("/api/v3/depth?symbol=\(symbol)")
      guard case .success(let reply) = client.call(request),
        let json = try? JSONValue.parse(reply.body),
        json["bids"]?.elements?.isEmpty == true, json["asks"]?.elements?.isEmpty == true
      else { throw BenchError("the book of \(symbol) is not empty: replay needs an empty one") }
    } else {
      try cluster.addSymbol(symbol, base: "BTC", quote: "USDT", tick: "0.01", step: "0.00000001")
    }
    let stamp = wallMilliseconds()
    let funds = [("BTC", "10000000"), ("USDT", "3000000000")]
    let maker = try cluster.openAccount("replay-maker-\(stamp)", funds: funds)
    let taker = try cluster.openAccount("replay-taker-\(stamp)", funds: funds)
    try cluster.waitUntilLevel(seconds: 30)
    return Player(
      symbol: symbol, maker: maker, taker: taker,
      clients: cluster.clients.map { Client($0, on: cluster.group.any(), width: 16) }, fault: fault)
  }

  private func report(
    _ recording: Recording, _ symbol: String, _ player: Player, _ checks: ReplayChecks, diffs: Int,
    kills: Int, seconds: Double, messages: [Int]
  ) -> String {
    let counts = player.counts
    return """
      {"symbol":"\(symbol)","diffs":\(diffs),"topsEqual":\(checks.topsCompared),\
      "topsLeftOut":\(checks.topsLeftOut),"booksEqual":\(checks.booksCompared),\
      "fills":\(counts.fills),"volume":"\(Decimal.text(counts.volume, scale: 8))",\
      "exact":\(counts.exact),"better":\(counts.better),"partial":\(counts.partial),\
      "none":\(counts.none),"requests":\(player.requestsSent),"openOrders":\(player.openOrders),\
      "leaderKills":\(kills),"streamMessages":\(messages),"seconds":\((seconds * 10).rounded() / 10),\
      "differences":0}
      """
  }
}

/// Kills the leader now and then and restarts it a moment later.
struct LeaderKiller {
  private let cluster: Cluster
  private let every: Double?
  private(set) var kills = 0
  private var next: Double
  private var down: (node: Int, since: Double)?

  init(cluster: Cluster, every: Double?) {
    self.cluster = cluster
    self.every = every
    next = monotonicSeconds() + (every ?? 0)
  }

  /// Kills or restarts if it is time.
  mutating func poll() throws(BenchError) {
    guard let every, let spawned = cluster.spawned else { return }
    let now = monotonicSeconds()
    if let down {
      if now - down.since > 1.5 {
        try spawned.nodes[down.node].start()
        self.down = nil
        next = now + every
      }
    } else if now >= next, let leader = cluster.leader() {
      spawned.nodes[leader].kill(SIGKILL)
      kills += 1
      down = (leader, now)
    }
  }

  /// The nodes that are not killed at the moment.
  func alive(_ nodes: [WatchedNode]) -> [WatchedNode] {
    nodes.enumerated().filter { $0.offset != down?.node }.map(\.element)
  }

  /// Restarts a node that is down and waits until all are level.
  mutating func finish() throws(BenchError) {
    if let down, let spawned = cluster.spawned { try spawned.nodes[down.node].start() }
    down = nil
    if every != nil { try cluster.waitUntilLevel(seconds: 60) }
  }
}
