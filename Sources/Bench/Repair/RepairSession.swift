// RepairSession: the steps of `exbench repair`, and its report.
//
// Not here: options (RepairCommand), orders (OrderFlow).

import Gateway
import Glibc
import NIOCore

/// One cluster that is filled, observed and repaired.
final class RepairSession {
  private let cluster: Cluster
  private let spawned: SpawnedCluster
  private let load: LoadSession
  private let rate: Double
  private var rounds = 0
  private var parts: [String] = []

  init(cluster: Cluster, rate: Double) throws {
    guard let spawned = cluster.spawned else { throw BenchError("repair needs its own nodes") }
    self.cluster = cluster
    self.spawned = spawned
    self.rate = rate
    load = try LoadSession(cluster: cluster, seed: 1)
  }

  /// One JSON object.
  var report: String {
    """
    {"command":"repair","rate":\(rate),"fileSystem":"\(fileSystem(of: spawned.folder))",\
    \(parts.joined(separator: ","))}
    """
  }

  // MARK: Steps

  /// Orders in a closed loop until the state's files have that size, or the time is over.
  func fill(mebibytes: Int, seconds: Double) throws {
    let start = monotonicSeconds()
    let plan = LoadRun.Plan(
      rate: nil, connections: 128, seconds: seconds, warmUpSeconds: 0, remembers: false)
    var progress = Progress("fill (MiB)", total: mebibytes)
    let result = try during(plan, nodes: [0, 1, 2]) {
      while monotonicSeconds() - start < seconds {
        let size = stateBytes() >> 20
        progress.show(min(size, mebibytes))
        if size >= mebibytes { return }
        usleep(500_000)
      }
    }
    try cluster.waitUntilLevel(seconds: 60)
    parts.append(
      """
      "fill":{"stateMib":\(stateBytes() >> 20),"orders":\(result.placed),\
      "seconds":\(rounded(monotonicSeconds() - start))}
      """)
  }

  /// What the load costs when nothing happens.
  func measureUsual(seconds: Double) throws {
    let before = pauses()
    let watch = StallWatch()
    let result = try during(steady, nodes: [0, 1, 2]) { usleep(UInt32(seconds * 1e6)) }
    parts.append("\"usual\":{\(latency(result)),\(pauses(since: before)),\(watch.end())}")
  }

  /// The leader makes snapshots.
  func measureSnapshots(_ count: Int) throws {
    let leader = try waitForLeader()
    let before = pauses()
    let watch = StallWatch()
    var made: [String] = []
    let result = try during(steady, nodes: [0, 1, 2]) {
      for _ in 0..<count {
        usleep(2_000_000)
        let start = monotonicSeconds()
        let saved = try cluster.admin(
          at: leader, "POST", "/admin/v1/snapshots", "{}", timeout: .seconds(300))
        let took = monotonicSeconds() - start
        made.append(
          "{\"bytes\":\(saved["bytes"]?.integer ?? 0),\"ms\":\(rounded(took * 1000))}")
      }
      usleep(1_000_000)
    }
    parts.append(
      """
      "snapshots":{"made":[\(made.joined(separator: ","))],\(latency(result)),\
      \(pauses(since: before)),\(watch.end())}
      """)
  }

  /// A follower is killed for good, and an empty node replaces it. Counts from the start of the new node.
  func measureReplacement() throws {
    let leader = try waitForLeader()
    let victim = (leader + 1) % 3
    let staying = [leader, (leader + 2) % 3]
    var times = (voter: 0.0, ready: 0.0)
    var added: Cluster?
    let watch = StallWatch()
    let result = try during(steady, nodes: staying) {
      spawned.nodes[victim].kill(SIGKILL)
      let start = monotonicSeconds()
      let node = try spawned.addNode()
      let id = spawned.nodes.count
      try eventually("the replacement is not taken", seconds: 30) {
        (try? cluster.admin(
          at: leader, "POST", "/admin/v1/members/replace", "{\"id\":\(victim + 1),\"with\":\(id)}"))
          != nil
      }
      try eventually("the new node does not become a voter", seconds: 600) {
        let members = try? cluster.admin(at: leader, "GET", "/admin/v1/members").elements
        let ids = members?.filter { $0["standing"]?.text == "voter" }
          .map { $0["id"]?.integer ?? 0 }
        return ids?.sorted() == (staying.map { Int64($0 + 1) } + [Int64(id)]).sorted()
      }
      times.voter = monotonicSeconds() - start
      let present = Cluster(
        clients: staying.map { cluster.clients[$0] } + [node.client],
        admins: staying.map { cluster.admins[$0] } + [node.admin], token: cluster.token,
        spawned: nil, group: cluster.group)
      try eventually("the new node is not ready", seconds: 60) { present.state(2)?.ready ?? false }
      times.ready = monotonicSeconds() - start
      added = present
    }
    try added?.checkStateHashes()
    let log = readText("\(spawned.folder)/node\(spawned.nodes.count).log") ?? ""
    parts.append(
      """
      "replacement":{"voterAfterSeconds":\(hundredths(times.voter)),\
      "readyAfterSeconds":\(hundredths(times.ready)),\
      "bySnapshot":\(log.contains("fetching a snapshot")),\(latency(result)),\
      \(watch.end())}
      """)
  }

  // MARK: Parts

  private var steady: LoadRun.Plan {
    LoadRun.Plan(rate: rate, connections: 32, seconds: 3600, warmUpSeconds: 0, remembers: false)
  }

  /// Runs `body` under load on some of the nodes. Every request must be answered well.
  private func during(
    _ plan: LoadRun.Plan, nodes: [Int], _ body: () throws -> Void
  ) throws -> LoadResult {
    rounds += 1
    let clients = nodes.map { cluster.clients[$0] }
    let (run, connections) = try load.prepare(plan, number: rounds, clients: clients)
    let done = run.begin(connections)
    let outcome = Result { try body() }
    run.end()
    try done.wait()
    load.close(connections)
    try outcome.get()
    guard run.result.failureCount == 0 else {
      throw BenchError(
        "\(run.result.failureCount) requests failed, first: \(run.result.failures)")
    }
    return run.result
  }

  private func latency(_ result: LoadResult) -> String {
    let histogram = result.latencyMicroseconds
    func ms(_ percentile: Double) -> Double {
      Double(histogram.valueAtPercentile(percentile)) / 1000
    }
    return """
      "seconds":\(hundredths(result.seconds)),"orders":\(result.answered),"p50ms":\(ms(50)),\
      "p99ms":\(ms(99)),"maxms":\(Double(histogram.max) / 1000)
      """
  }

  /// Pauses of apply above 10 ms, and turns of apply above 10 ms, by node.
  private func pauses() -> [(waits: Double, turns: Double)] {
    (0..<3).map { i in (above(i, "apply_pause_seconds"), above(i, "apply_seconds")) }
  }

  private func above(_ node: Int, _ name: String) -> Double {
    let all = cluster.metric("castle_\(name)_count", of: node) ?? 0
    return all - (cluster.metric("castle_\(name)_bucket{le=\"0.01\"}", of: node) ?? all)
  }

  private func pauses(since before: [(waits: Double, turns: Double)]) -> String {
    let now = pauses()
    let waits = zip(now, before).map { "\(Int($0.waits - $1.waits))" }
    let turns = zip(now, before).map { "\(Int($0.turns - $1.turns))" }
    return """
      "applyPausesAbove10ms":[\(waits.joined(separator: ","))],\
      "applyTurnsAbove10ms":[\(turns.joined(separator: ","))]
      """
  }

  private func waitForLeader() throws -> Int {
    var found: Int?
    try eventually("no leader", seconds: 30) {
      found = cluster.leader()
      return found != nil
    }
    return found ?? 0
  }

  private func eventually(
    _ complaint: String, seconds: Double, _ check: () throws -> Bool
  ) throws {
    let end = monotonicSeconds() + seconds
    while try !check() {
      guard monotonicSeconds() < end else { throw BenchError(complaint) }
      usleep(20_000)
    }
  }

  /// The bytes of the first node's state files.
  private func stateBytes() -> Int {
    let path = "\(spawned.folder)/node1/state"
    guard let directory = opendir(path) else { return 0 }
    defer { closedir(directory) }
    var sum = 0
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      var facts = stat()
      if name.hasSuffix(".sst"), stat("\(path)/\(name)", &facts) == 0 { sum += Int(facts.st_size) }
    }
    return sum
  }
}

/// Rounded to hundredths.
private func hundredths(_ value: Double) -> Double { (value * 100).rounded() / 100 }
