// CoreThread: the one thread that drives the replica. It drains its inbox, steps, and hands out what that produced.
//
// Invariants: nothing else touches the Coordinator; runs go to the publisher before the reads that stand behind them;
// one wake-up of each other thread per turn.
// Not here: consensus and state (Replica), disks and sockets.

import Gateway
import Logging
import Raft
import Replica

/// The thread that owns the Coordinator.
final class CoreThread: @unchecked Sendable {  // used by its own thread only, after `init`
  /// Microseconds between two ticks of the replica.
  static let tick: Int64 = 10_000

  var coordinator: Coordinator
  let queues: NodeQueues
  private let shared: NodeShared
  private let loops: [LoopState]
  private let send: @Sendable ([Outgoing]) -> Void
  private let setMembers: @Sendable ([Member]) -> Void
  /// Where nodes are believed to listen, this one among them.
  let addresses: @Sendable () -> [NodeID: NodeAddress]
  var effects = Effects()
  private var queries: [UInt64: Query] = [:]
  private var submissions: [Submission] = []
  private var deliveries: [[Delivery]]
  /// The accepted connection that each node now speaks over.
  private var inbound: [NodeID: UInt64] = [:]
  /// Who introduced itself last as which node, also if it was refused: whom an operator may add.
  var guests: [NodeID: Guest] = [:]
  private var nextTick: Int64
  private var lastFaults: [String] = []
  private var lastConfiguration: Configuration?
  private var commits = CommitTimer()
  /// Since when something committed has waited for apply.
  private var applyWaits: Int64?
  private let wrongState = Drills.wrongState()

  /// A node's last words about itself.
  struct Guest {
    var hello: PeerHello
    var address: NodeAddress
    var at: Int64
  }

  init(
    _ coordinator: consuming Coordinator, queues: NodeQueues, shared: NodeShared,
    loops: [LoopState], send: @escaping @Sendable ([Outgoing]) -> Void,
    setMembers: @escaping @Sendable ([Member]) -> Void,
    addresses: @escaping @Sendable () -> [NodeID: NodeAddress]
  ) {
    self.coordinator = coordinator
    self.queues = queues
    self.shared = shared
    self.loops = loops
    self.send = send
    self.setMembers = setMembers
    self.addresses = addresses
    deliveries = loops.map { _ in [] }
    nextTick = SystemClock.monotonic()
    showStatus(moment())
  }

  /// Runs until `.stop`.
  func run() {
    var batch: [CoreEvent] = []
    while true {
      // What is committed and could not be applied in one turn, as in a long replay, waits for no tick.
      queues.core.take(into: &batch, until: coordinator.needsFlush ? 0 : nextTick)
      let now = moment()
      var stopping = false
      for event in batch {
        if case .stop = event { stopping = true } else { handle(event, now) }
      }
      batch.removeAll(keepingCapacity: true)
      submitCollected(now)
      let ticked = now.monotonic >= nextTick
      if ticked {
        if wrongState?.take() == true { coordinator.corruptState() }
        coordinator.tick(now, &effects)
        nextTick = max(nextTick + Self.tick, now.monotonic + Self.tick / 2)
      }
      let applied = coordinator.appliedIndex
      coordinator.flush(now, &effects)
      if coordinator.appliedIndex > applied { shared.metrics.applyTimes.add(since: now.monotonic) }
      timeApply()
      let changed = effects.roleChange != nil
      timeCommits(now)
      dispatch()
      if ticked || changed { showStatus(now) }
      if stopping { return }
    }
  }

  /// A pause: what is committed could not be applied in the turn that learnt of it.
  private func timeApply() {
    if coordinator.appliedIndex < coordinator.commitIndex {
      applyWaits = applyWaits ?? SystemClock.monotonic()
    } else if let since = applyWaits {
      applyWaits = nil
      shared.metrics.applyPauses.add(since: since)
    }
  }

  private func timeCommits(_ now: Moment) {
    guard coordinator.role == .leader else { return commits.reset() }
    commits.note(effects.writes, at: now.monotonic)
    commits.measure(committed: coordinator.commitIndex, into: shared.metrics.commitTimes)
  }

  private func moment() -> Moment {
    Moment(monotonic: SystemClock.monotonic(), wall: SystemClock.wall())
  }

  private func handle(_ event: CoreEvent, _ now: Moment) {
    switch event {
    case .submit(let submission): submissions.append(submission)
    case .read(let query):
      queries[query.ticket] = query
      coordinator.read(query.ticket, now, &effects)
    case .message(let message, let node, let connection):
      guard inbound[node] == connection else { return }
      coordinator.receive(message, from: node, now, &effects)
    case .greet(let hello, let peer, let connection, let verdict):
      greet(hello, peer, connection, verdict, now)
    case .lost(let node, let connection):
      guard inbound[node] == connection else { return }
      inbound[node] = nil
      coordinator.peerLost(node, now, &effects)
    case .persisted(let sequence): coordinator.logPersisted(sequence, now, &effects)
    case .fetched(let fetched): coordinator.logFetched(fetched, now, &effects)
    case .stored(let index): coordinator.stored(upTo: index)
    case .flushed(let index): coordinator.flushed(upTo: index, &effects)
    case .space(let isLow): note(spaceIsLow: isLow)
    case .control(let request, let ticket): control(request, ticket, now)
    case .snapshot(let result): note(result, now)
    case .cutDone(let base): coordinator.logCut(to: base)
    case .drain: coordinator.drain()
    case .refuseWrites: coordinator.refuseWrites()
    case .stop: break
    }
  }

  private func greet(
    _ hello: PeerHello, _ peer: PeerAddress, _ connection: UInt64?,
    _ verdict: @Sendable (String?) -> Void, _ now: Moment
  ) {
    guard hello.node == peer.id else {
      return verdict("it connects as node \(peer.id) and says that it is node \(hello.node)")
    }
    guests[peer.id] = Guest(hello: hello, address: peer.address, at: now.monotonic)
    switch coordinator.greet(hello, now, &effects) {
    case .accept:
      if let connection { inbound[peer.id] = connection }
      showHello()
      verdict(nil)
    case .refuse(let reason): verdict(reason)
    }
  }

  private func submitCollected(_ now: Moment) {
    guard !submissions.isEmpty else { return }
    coordinator.submit(submissions, now, &effects)
    submissions.removeAll(keepingCapacity: true)
  }

  // MARK: Effects

  private func dispatch() {
    guard !effects.isEmpty else { return }
    if !effects.writes.isEmpty { queues.disk.post(contentsOf: effects.writes.map { .write($0) }) }
    send(effects.messages)
    if let index = effects.cut { queues.disk.post(.cut(index)) }
    if effects.suspectCleared { queues.disk.post(.clearSuspect) }
    if let reason = effects.rebuild {
      shared.log.error("this node's state must be replaced by a peer's: \(reason)")
    }
    for effect in effects.snapshots {
      queues.snapshots.post(.effect(effect, inUse: coordinator.snapshotsInUse))
    }
    for answer in effects.memberAnswers { deliver(.control(answer.ticket, Self.outcome(answer))) }
    for answer in effects.answers {
      if case .overloaded = answer.outcome, coordinator.lacksSpace {
        shared.metrics.outcomesOverloaded.add()
        deliver(.response(answer.ticket, ServiceReply.lowSpace))
      } else {
        deliver(.outcome(answer.ticket, outcome(answer.outcome)))
      }
    }
    for ticket in effects.readsFailed {
      queries[ticket] = nil
      shared.metrics.readsFailed.add()
      deliver(.readFailed(ticket))
    }
    queues.publisher.post(contentsOf: effects.runs.map { .run($0) })
    queues.publisher.post(
      contentsOf: effects.readsReady.compactMap { ready in
        queries.removeValue(forKey: ready.ticket).map { .query($0) }
      })
    for fetch in effects.fetches where !queues.helper.offer(.fetch(fetch)) {
      shared.log.warning("the helper thread is busy; node \(fetch.follower) has to ask again")
    }
    if let change = effects.roleChange { note(change) }
    for (index, loop) in loops.enumerated() where !deliveries[index].isEmpty {
      loop.deliver(deliveries[index])
      deliveries[index].removeAll(keepingCapacity: true)
    }
    effects.removeAll()
  }

  func deliver(_ delivery: Delivery) {
    deliveries[LoopState.index(of: delivery.ticket)].append(delivery)
  }

  private func outcome(_ outcome: Outcome) -> WriteOutcome {
    switch outcome {
    case .reply(let reply, let index, let stamp):
      shared.metrics.outcomesReply.add()
      return .reply(reply, index: index, stamp: stamp)
    case .expired:
      shared.metrics.outcomesExpired.add()
      return .expired
    case .unknown:
      shared.metrics.outcomesUnknown.add()
      return .unknown
    case .overloaded:
      shared.metrics.outcomesOverloaded.add()
      return .overloaded
    case .refused(let reason):
      shared.metrics.outcomesReply.add()
      return .refused(reason)
    }
  }

  private func note(_ change: RoleChange) {
    shared.metrics.roleChanges.add()
    let leader = change.leader.map { "node \($0)" } ?? "none"
    shared.log.notice("role \(change.role.rawValue), term \(change.term), leader \(leader)")
  }

  private func note(spaceIsLow isLow: Bool) {
    coordinator.setSpace(isLow: isLow)
    shared.spaceIsLow.store(isLow, ordering: .relaxed)
    let free = shared.freeBytes.load(ordering: .relaxed) >> 20
    if isLow {
      shared.log.error(
        "low disk space: \(free) MiB are free; writes are refused until there is more")
    } else {
      shared.log.notice("disk space: \(free) MiB are free again; writes are taken")
    }
  }

  // MARK: Snapshots

  private func showStatus(_ now: Moment) {
    let status = coordinator.status(now)
    shared.setClusterTime(status.clusterTime, at: now.monotonic)
    if status.faults != lastFaults {
      for fault in status.faults where !lastFaults.contains(fault) {
        shared.log.warning("\(fault)")
      }
      lastFaults = status.faults
    }
    if status.configuration != lastConfiguration {
      lastConfiguration = status.configuration
      if let configuration = status.configuration { showMembers(configuration) }
    }
    shared.status.withLock { $0 = status }
    showHello()
  }

  private func showMembers(_ configuration: Configuration) {
    setMembers(configuration.voters + configuration.outgoing + configuration.learners)
  }

  private func showHello() {
    let encoded = coordinator.hello.encoded
    shared.hello.withLock { $0 = encoded }
  }
}
