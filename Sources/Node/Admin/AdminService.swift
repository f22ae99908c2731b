// AdminService: the admin port's requests, and what only the node itself can answer: metrics and health.
//
// Not here: administrative commands and their JSON (Gateway's AdminAPI).

import Gateway
import Glibc
import Raft
import Replica
import Synchronization

/// Facts about the process that do not change.
struct NodeFacts: Sendable {
  var settings: NodeSettings
  var clusterID: String
  var genesisHash: [UInt8]
  var clientAddress: String
  var started = SystemClock.monotonic()
  static let version = "0.1.0"
}

/// Serves `/admin/v1`, `/metrics` and `/health`.
final class AdminService: HTTPService {
  private let api: AdminAPI
  private let secrets: SecretBox
  let shared: NodeShared
  private let queues: NodeQueues
  private let runner: ActionRunner
  let facts: NodeFacts
  let loops: [LoopState]
  let peers: PeerNetwork
  private let stopping = Atomic<Bool>(false)

  init(
    api: AdminAPI, secrets: SecretBox, shared: NodeShared, queues: NodeQueues, facts: NodeFacts,
    loops: [LoopState], peers: PeerNetwork
  ) {
    self.api = api
    self.secrets = secrets
    self.shared = shared
    self.queues = queues
    runner = ActionRunner(queues: queues, metrics: shared.metrics)
    self.facts = facts
    self.loops = loops
    self.peers = peers
  }

  /// From now on the node is not ready.
  func beginStopping() { stopping.store(true, ordering: .relaxed) }

  func handle(_ request: HTTPRequest, _ reply: ReplySlot, on loop: LoopState, isRetry: Bool) {
    switch (request.method, request.path) {
    case ("GET", "/metrics"): reply.send(Self.text(metricsText()))
    case ("GET", "/health/live"): reply.send(Self.text(Array("live\n".utf8)))
    case ("GET", "/health/ready"): reply.send(readiness())
    default:
      let catalog = shared.catalog.withLock { $0 }
      let action = api.handle(
        request, catalog: catalog, secrets: secrets, status: status(), time: shared.clusterTime,
        isRetry: isRetry)
      runner.run(action, request, reply, on: loop, service: self)
    }
  }

  func finish(_ response: HTTPResponse, address: String) -> HTTPResponse { response }

  private static func text(_ body: [UInt8], status: Int = 200) -> HTTPResponse {
    HTTPResponse(
      status: status, headers: [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
      body: body)
  }

  private func readiness() -> HTTPResponse {
    let status = status()
    guard !status.ready else { return Self.text(Array("ready\n".utf8)) }
    return Self.text(Array("not ready: \(status.reason)\n".utf8), status: 503)
  }

  // MARK: Status

  /// What the node knows of itself now.
  func status() -> NodeStatus {
    let replica = shared.status.withLock { $0 }
    let connected = peers.connected.withLock { $0 }
    let addresses = peers.addresses.withLock { $0 }
    let matches = Dictionary(uniqueKeysWithValues: replica.peers.map { ($0.id, $0.match ?? 0) })
    let isStopping = stopping.load(ordering: .relaxed)
    var status = NodeStatus(
      id: replica.id.value, clusterID: facts.clusterID, genesisHash: facts.genesisHash,
      version: NodeFacts.version, role: replica.role.rawValue, term: replica.term,
      leader: replica.leader?.value ?? 0, lastIndex: replica.lastIndex,
      durableIndex: replica.durableIndex, commitIndex: replica.commitIndex,
      appliedIndex: replica.appliedIndex, storedIndex: replica.storedIndex,
      stateHash: replica.stateHash, stateHashIndex: replica.stateHashIndex,
      ready: replica.ready && !isStopping, reason: reason(replica, isStopping),
      clusterTime: shared.clusterTime,
      uptimeSeconds: (SystemClock.monotonic() - facts.started) / 1_000_000,
      residentBytes: Self.residentBytes(), processID: getpid(),
      clientAddress: facts.clientAddress,
      peers: replica.peers.map(\.id).map {
        NodeStatus.Peer(
          id: $0.value, address: addresses[$0]?.description ?? "",
          connected: connected.contains($0),
          matchIndex: matches[$0] ?? 0)
      })
    status.newestLevel = Drills.newestLevel()
    status.priority = Int(facts.settings.priority)
    status.freeBytes = shared.freeBytes.load(ordering: .relaxed)
    status.spaceIsLow = shared.spaceIsLow.load(ordering: .relaxed)
    status.members = members(replica)
    status.agreement = agreement(replica)
    status.hashes = replica.hashes.map { NodeStatus.HashAt(index: $0.index, hash: $0.hash) }
    status.isFenced = replica.fence != nil
    return status
  }

  private func reason(_ status: ReplicaStatus, _ isStopping: Bool) -> String {
    if isStopping { return "this node is shutting down" }
    if let fault = status.faults.first { return fault }
    if let fence = status.fence { return fence }
    if status.ready { return "" }
    return status.leader == nil ? "no leader is known" : "catching up"
  }

  /// Resident memory from /proc, 0 if it cannot be read.
  static func residentBytes() -> UInt64 {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
    let bytes = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let text = String(decoding: bytes, as: UTF8.self)
    let fields = text.split(separator: " ")
    guard fields.count > 1, let pages = UInt64(fields[1]) else { return 0 }
    return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
  }
}
