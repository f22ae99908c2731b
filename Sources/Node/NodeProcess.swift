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
  private let group: MultiThreadedEventLoopGroup
  private let loops: [LoopState]
  private let ports: NodePorts
  private let files: NodeFiles
  private let threads: NodeThreads

  /// Opens everything and starts serving.
  ///
  /// - Throws: one clear line.
  init(_ settings: NodeSettings, log: Logger) throws {
    self.log = log
    Self.raiseFileLimit()
    let genesis = try Genesis.commands(settings.genesis ?? Genesis.standard)
    files = try NodeFiles.open(settings, genesis: genesis, log: log)
    let queues = NodeQueues()
    self.queues = queues
    let coordinator = try files.coordinator(settings, genesis: genesis)
    let applied = files.marker.applied.index.value
    let buffer = StoreBuffer(files.state, writtenUpTo: applied)
    let model = try ReadModel(
      rows: buffer, appliedIndex: applied, stamp: files.marker.stamp)
    let shared = NodeShared(
      catalog: model.catalog,
      status: ReplicaStatus(id: settings.id, incarnation: files.directory.incarnation),
      storedIndex: applied, log: log)
    self.shared = shared

    group = MultiThreadedEventLoopGroup(numberOfThreads: Self.loopCount)
    let feed = StreamFeed()
    let loops = group.makeIterator().enumerated().map { index, loop in
      LoopState(loop: loop, index: index, metrics: shared.metrics, feed: feed)
    }
    self.loops = loops
    ports = try NodePorts.open(
      settings, genesis: genesis, group: group, loops: loops, shared: shared, queues: queues)
    threads = NodeThreads.start(
      coordinator, model: model, buffer: buffer, files: files, peers: ports.peers, queues: queues,
      shared: shared,
      loops: loops, feed: feed)
    queues.helper.post(.prepareSpare)
    for loop in loops { loop.startSweeping() }
    ports.peers.start()
    log.notice(
      "node \(settings.id) of \(genesis.clusterID) serves clients at \(settings.clientListen)")
  }

  // MARK: Parts

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
    ports.admin.beginStopping()
    ports.clientServer.stop()
    for loop in loops { loop.isDraining = true }
    queues.core.post(.drain)
    // Until someone else leads and everything under way is answered.
    wait(until: min(end, SystemClock.monotonic() + 2_500_000)) { [self] in
      shared.status.withLock { $0.role != .leader || $0.peers.isEmpty }
        && loops.allSatisfy { $0.pendingRequests == 0 }
    }
    for loop in loops { loop.closeIdle() }
    ports.adminServer.stop()
    threads.stop(queues)
    ports.peers.stop()
    do {
      try files.state.flush()
    } catch {
      Fatal.disk(log, "\(error)")
    }
    files.state.close()
    log.notice("stopped")
  }

  private func wait(until end: Int64, _ done: () -> Bool) {
    while SystemClock.monotonic() < end, !done() { usleep(10_000) }
  }
}

/// The threads of a node besides its event loops.
struct NodeThreads {
  private let core: WorkerThread
  private let disk: WorkerThread
  private let publisher: WorkerThread
  private let helper: WorkerThread

  static func start(
    _ coordinator: consuming Coordinator, model: ReadModel, buffer: StoreBuffer, files: NodeFiles,
    peers: PeerNetwork,
    queues: NodeQueues, shared: NodeShared, loops: [LoopState], feed: StreamFeed
  ) -> NodeThreads {
    let send: @Sendable ([Outgoing]) -> Void = { peers.send($0) }
    let core = CoreThread(coordinator, queues: queues, shared: shared, loops: loops, send: send)
    let disk = DiskThread(store: files.log, queues: queues, shared: shared, send: send)
    let publisher = PublisherThread(
      model: model, state: buffer, queues: queues, shared: shared, loops: loops,
      streams: StreamPublisher(feed: feed, loops: loops))
    let helper = HelperThread(store: files.log, state: files.state, queues: queues, shared: shared)
    return NodeThreads(
      core: .start("core") { core.run() }, disk: .start("disk") { disk.run() },
      publisher: .start("publisher") { publisher.run() },
      helper: .start("helper") { helper.run() })
  }

  /// Ends them in the order in which work flows, so that each finishes what the one before it produced.
  func stop(_ queues: NodeQueues) {
    queues.core.post(.stop)
    core.join()
    queues.disk.post(.stop)
    disk.join()
    queues.helper.post(.stop)
    helper.join()
    queues.publisher.post(.stop)
    publisher.join()
  }
}
