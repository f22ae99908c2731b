// NodeProcess: puts a node together, runs it, and takes it down in order.
//
//   start:  files -> replica -> ports -> threads -> peers
//   stop:   stop accepting -> hand leadership over -> finish what is due -> core -> disk -> publisher -> flush
//
// Not here: what the parts do.

import Gateway
import Glibc
import Logging
import Market
import NIOCore
import NIOPosix
import Raft
import Replica
import Storage
import Synchronization
import Wire

/// A running node.
final class NodeProcess {
  private static let loopCount = 2

  private let log: Logger
  private let shared: NodeShared
  private let queues: NodeQueues
  private let loops: [LoopState]
  private let group: MultiThreadedEventLoopGroup
  private let peers: PeerNetwork
  private let admin: AdminService
  private let clientServer: HTTPServer
  private let adminServer: HTTPServer
  private let state: StateStore
  /// Holds the lock on the directory.
  private let directory: DataDirectory
  private let threads: Threads

  private struct Threads {
    var core: WorkerThread
    var disk: WorkerThread
    var publisher: WorkerThread
    var helper: WorkerThread
  }

  /// Opens everything and starts serving.
  ///
  /// - Throws: one clear line.
  init(_ settings: NodeSettings, log: Logger) throws {
    self.log = log
    Self.raiseFileLimit()
    let genesis = try Genesis.commands(settings.genesis ?? Genesis.standard)
    let files = try NodeFiles.open(settings, genesis: genesis, log: log)
    directory = files.directory
    state = files.state
    let queues = NodeQueues()
    self.queues = queues
    let coordinator = try files.coordinator(settings, genesis: genesis)
    let model = try ReadModel(
      rows: files.state, appliedIndex: files.marker.applied.index.value, stamp: files.marker.stamp)
    let shared = NodeShared(
      catalog: model.catalog, status: ReplicaStatus(id: settings.id, incarnation: directory.incarnation),
      storedIndex: files.marker.applied.index.value, log: log)
    self.shared = shared

    group = MultiThreadedEventLoopGroup(numberOfThreads: Self.loopCount)
    let feed = StreamFeed()
    let loops = group.makeIterator().enumerated().map { index, loop in
      LoopState(loop: loop, index: index, metrics: shared.metrics, feed: feed)
    }
    self.loops = loops
    let peers = PeerNetwork(
      loop: loops[0].loop,
      context: PeerContext(
        id: settings.id, secret: PeerSecret(settings.clusterSecret),
        hooks: Self.hooks(queues, shared), metrics: shared.metrics, log: log),
      others: settings.others)
    self.peers = peers

    let secrets = SecretBox(clusterKey: Self.clusterKey(settings, genesis.hash))
    let client = ClientService(
      settings: Self.edge(settings), secrets: secrets, shared: shared, queues: queues)
    guard let api = AdminAPI(token: settings.adminToken) else {
      throw SettingError("the admin token must be at least 16 printable ASCII characters")
    }
    let attempts = AttemptLimiter(limit: settings.connectionAttemptsPer5Minutes)
    let metrics = shared.metrics
    clientServer = try Self.bind("client", settings.clientListen) {
      try HTTPServer.bind($0, group: group, loops: loops, service: client) { loop in
        StreamConnection.upgrader(loop, attempts: attempts, metrics: metrics)
      }
    }
    let facts = NodeFacts(
      settings: settings, clusterID: genesis.clusterID, genesisHash: genesis.hash,
      clientAddress: settings.clientListen.description)
    let admin = AdminService(
      api: api, secrets: secrets, shared: shared, queues: queues, facts: facts, loops: loops,
      peers: peers)
    self.admin = admin
    adminServer = try Self.bind("admin", settings.adminListen) {
      try HTTPServer.bind($0, group: group, loops: loops, service: admin)
    }
    try Self.bind("peer", settings.peerListen) { try peers.listen($0) }

    let send: @Sendable ([Outgoing]) -> Void = { peers.send($0) }
    let core = CoreThread(coordinator, queues: queues, shared: shared, loops: loops, send: send)
    let disk = DiskThread(store: files.log, queues: queues, shared: shared, send: send)
    let publisher = PublisherThread(
      model: model, state: state, queues: queues, shared: shared, loops: loops,
      streams: StreamPublisher(feed: feed, loops: loops))
    let helper = HelperThread(store: files.log, state: state, queues: queues, shared: shared)
    threads = Threads(
      core: .start("core") { core.run() }, disk: .start("disk") { disk.run() },
      publisher: .start("publisher") { publisher.run() },
      helper: .start("helper") { helper.run() })
    queues.helper.post(.prepareSpare)
    for loop in loops { loop.startSweeping() }
    peers.start()
    log.notice(
      "node \(settings.id) of \(genesis.clusterID) serves clients at \(settings.clientListen)")
  }

  // MARK: Parts

  private static func bind<Bound>(
    _ what: String, _ address: NodeAddress, _ body: (NodeAddress) throws -> Bound
  ) throws -> Bound {
    do {
      return try body(address)
    } catch let error as IOError {
      let reason = String(cString: strerror(error.errnoCode))
      throw SettingError("cannot listen for \(what)s on \(address): \(reason)")
    } catch {
      throw SettingError("cannot listen for \(what)s on \(address): \(error)")
    }
  }

  private static func hooks(_ queues: NodeQueues, _ shared: NodeShared) -> PeerHooks {
    PeerHooks(
      hello: { shared.hello.withLock { $0 } },
      greet: { node, bytes, connection, verdict in
        guard let hello = try? PeerHello(decoding: bytes) else {
          return verdict("its hello cannot be read")
        }
        queues.core.post(.greet(hello, from: node, connection: connection, verdict: verdict))
      },
      receive: { node, connection, payload in
        var reader = ByteReader(payload)
        guard let message = try? PeerCodec.decode(&reader) else {
          shared.metrics.peerMessagesRefused.add()
          return
        }
        shared.metrics.peerMessagesIn.add()
        if !queues.core.offer(.message(message, from: node, connection: connection)) {
          shared.metrics.peerMessagesRefused.add()
        }
      },
      lost: { node, connection in queues.core.post(.lost(node, connection: connection)) })
  }

  /// What API secrets are sealed under: the same on every node, and in no snapshot. Without a cluster secret (loopback
  /// only) the key is derived from the genesis and protects nothing.
  private static func clusterKey(_ settings: NodeSettings, _ genesisHash: [UInt8]) -> [UInt8] {
    HMACKey(secret: settings.clusterSecret ?? Array("castle: no cluster secret".utf8))
      .sign(Array("api secrets".utf8)[...], genesisHash[...])
  }

  private static func edge(_ settings: NodeSettings) -> EdgeSettings {
    var edge = EdgeSettings()
    if let weight = settings.requestWeightPerMinute { edge.weightPerMinute = weight }
    if let raw = settings.rawRequestsPer5Minutes { edge.rawRequestsPer5Minutes = raw }
    return edge
  }

  /// Every connection is a file; the system's default of 1024 is too few.
  private static func raiseFileLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = min(limit.rlim_max, 65_536)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  // MARK: Stop

  /// Takes the node down within about five seconds.
  func stop() {
    let end = SystemClock.monotonic() + 4_000_000
    log.notice("stopping: no new connections")
    admin.beginStopping()
    clientServer.stop()
    for loop in loops { loop.isDraining = true }
    queues.core.post(.drain)
    // Until someone else leads and everything under way is answered.
    wait(until: min(end, SystemClock.monotonic() + 2_500_000)) { [self] in
      shared.status.withLock { $0.role != .leader || $0.peers.isEmpty }
        && loops.allSatisfy { $0.pendingRequests == 0 }
    }
    for loop in loops { loop.closeIdle() }
    adminServer.stop()
    queues.core.post(.stop)
    threads.core.join()
    queues.disk.post(.stop)
    threads.disk.join()
    queues.helper.post(.stop)
    threads.helper.join()
    queues.publisher.post(.stop)
    threads.publisher.join()
    peers.stop()
    do {
      try state.flush()
    } catch {
      Fatal.disk(log, "\(error)")
    }
    state.close()
    log.notice("stopped")
  }

  private func wait(until end: Int64, _ done: () -> Bool) {
    while SystemClock.monotonic() < end, !done() { usleep(10_000) }
  }
}
