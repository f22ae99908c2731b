// NodeProcess: puts a node together, runs it, and takes it down in order.
//
//   start:  files -> replica -> ports -> threads -> peers
//   stop:   hand leadership over -> stop accepting -> finish what is due -> core -> disk -> publisher -> flush
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
  /// How long another node may take to become leader, in microseconds.
  private static let handingOver: Int64 = 2_000_000
  /// How long clients may take to leave their idle connections with a last request, in microseconds.
  private static let farewell: Int64 = 500_000

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
    let connections = FileLimit.raise()
    let genesis = try Genesis.commands(settings.genesis ?? Genesis.standard)
    var files = try NodeFiles.open(settings, genesis: genesis, log: log)
    let queues = NodeQueues()
    self.queues = queues
    var (buffer, model) = try files.readSide()
    let coordinator = try files.coordinator(settings, genesis: genesis)
    if files.storeDamage != nil { (buffer, model) = try files.readSide() }
    self.files = files
    let applied = files.marker.applied.index.value
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
      settings, genesis: genesis, group: group, loops: loops, shared: shared, queues: queues,
      connections: connections)
    threads = NodeThreads.start(
      coordinator, model: model, buffer: buffer, files: files, peers: ports.peers, queues: queues,
      shared: shared, loops: loops, feed: feed,
      watch: SpaceWatch(reserve: files.reserve, queues: queues, shared: shared))
    queues.helper.post(.prepareSpare)
    for loop in loops { loop.startSweeping() }
    ports.peers.start()
    log.notice(
      "node \(settings.id) of \(genesis.clusterID) serves clients at \(settings.clientListen)")
  }

  // MARK: Stop

  /// Takes the node down within about five seconds, so that no client sees an error: leadership goes
  /// first, while everything is still served (writes wait and are forwarded to the next leader); then
  /// every answer closes its connection, and only after that writes are refused.
  ///
  /// - Returns: whether everything has ended. A snapshot on its way may take minutes; it is left as a crash would leave
  ///   it, and the process must end without another word.
  func stop() -> Bool {
    let end = SystemClock.monotonic() + 4_500_000
    log.notice("stopping: handing over")
    ports.admin.beginStopping()
    queues.core.post(.drain)
    handOver()
    ports.clientServer.stop()
    for loop in loops { loop.isDraining = true }
    wait(until: min(end, SystemClock.monotonic() + Self.farewell)) { [self] in
      loops.allSatisfy { $0.openConnections == 0 }
    }
    for loop in loops { loop.closeIdle() }
    queues.core.post(.refuseWrites)
    wait(until: end) { [self] in loops.allSatisfy { $0.pendingRequests == 0 } }
    ports.adminServer.stop()
    for loop in loops { loop.giveUp() }
    let isDone = threads.stop(
      queues, snapshotsUntil: max(end, SystemClock.monotonic() + 500_000))
    ports.peers.stop()
    do {
      try files.state.flush()
    } catch {
      Fatal.disk(log, "\(error)")
    }
    if isDone { files.state.close() }
    log.notice(isDone ? "stopped" : "stopped; a snapshot that was on its way is left behind")
    return isDone
  }

  /// Waits until another node leads; not at all if nobody could take over.
  private func handOver() {
    let end = SystemClock.monotonic() + Self.handingOver
    while SystemClock.monotonic() < end {
      let (role, leader) = shared.status.withLock { ($0.role, $0.leader) }
      let isAlone = ports.peers.connected.withLock { $0.isEmpty }
      if isAlone || (role != .leader && leader != nil) { return }
      usleep(2000)
    }
    log.warning("no other node took over in time")
  }

  private func wait(until end: Int64, _ done: () -> Bool) {
    while SystemClock.monotonic() < end, !done() { usleep(5000) }
  }
}

/// The threads of a node besides its event loops.
struct NodeThreads {
  private let core: WorkerThread
  private let disk: WorkerThread
  private let publisher: WorkerThread
  private let helper: WorkerThread
  private let watch: WorkerThread
  private let snapshots: WorkerThread

  static func start(
    _ coordinator: consuming Coordinator, model: ReadModel, buffer: StoreBuffer, files: NodeFiles,
    peers: PeerNetwork,
    queues: NodeQueues, shared: NodeShared, loops: [LoopState], feed: StreamFeed, watch: SpaceWatch
  ) -> NodeThreads {
    let send: @Sendable ([Outgoing]) -> Void = { peers.send($0) }
    let core = CoreThread(
      coordinator, queues: queues, shared: shared, loops: loops, send: send,
      setMembers: { peers.setMembers($0) }, addresses: { peers.everyone })
    let disk = DiskThread(store: files.log, queues: queues, shared: shared, send: send)
    let publisher = PublisherThread(
      model: model, state: buffer, queues: queues, shared: shared, loops: loops,
      streams: StreamPublisher(feed: feed, loops: loops))
    let helper = HelperThread(store: files.log, state: files.state, queues: queues, shared: shared)
    let snapshots = SnapshotThread(files: files, queues: queues, shared: shared, loops: loops)
    return NodeThreads(
      core: .start("core") { core.run() }, disk: .start("disk") { disk.run() },
      publisher: .start("publisher") { publisher.run() },
      helper: .start("helper") { helper.run() }, watch: .start("watch") { watch.run() },
      snapshots: .start("snapshots") { snapshots.run() })
  }

  /// Ends them in the order in which work flows, so that each finishes what the one before it produced. Nobody waits
  /// for what the one for snapshots does.
  ///
  /// - Returns: whether that one has ended too.
  func stop(_ queues: NodeQueues, snapshotsUntil end: Int64) -> Bool {
    queues.watch.post(.stop)
    watch.join()
    queues.snapshots.post(.stop)
    let isDone = snapshots.join(until: end)
    queues.core.post(.stop)
    core.join()
    queues.disk.post(.stop)
    disk.join()
    queues.helper.post(.stop)
    helper.join()
    queues.publisher.post(.stop)
    publisher.join()
    return isDone
  }
}
