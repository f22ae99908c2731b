// LoopState: what belongs to one event loop: its connections, and the requests whose answers come from another thread.
//
// Invariants: touched on its own event loop only; a ticket is answered once and then forgotten; the lowest bits of a
// ticket name its loop.
// Not here: what requests mean (services), how answers come about (core and publisher).

import Gateway
import NIOCore
import Synchronization

/// An answer on its way back to the loop that holds its ticket.
enum Delivery: Sendable {
  case outcome(UInt64, WriteOutcome)
  case response(UInt64, HTTPResponse)
  /// The publisher has passed the read index; the request is handled again.
  case barrier(UInt64)
  case readFailed(UInt64)
  case control(UInt64, ControlOutcome)

  var ticket: UInt64 {
    switch self {
    case .outcome(let ticket, _), .response(let ticket, _), .barrier(let ticket),
      .readFailed(let ticket), .control(let ticket, _):
      ticket
    }
  }
}

/// One event loop's share of the node.
final class LoopState: @unchecked Sendable {  // loop-bound, except for `deliver` and `isDraining`
  /// Bits of a ticket that name its loop.
  static let indexBits: UInt64 = 3
  /// A little longer than the replica's own patience, so that its answer normally comes first.
  static let patience: Int64 = 10_500_000
  private static let ticketsMax = 16_384

  /// What an answer needs when it comes.
  enum Waiting {
    case write(ReplySlot, @Sendable (WriteOutcome) -> HTTPResponse)
    case read(ReplySlot)
    case barrier(ReplySlot, HTTPRequest, any HTTPService)
    case control(ReplySlot, @Sendable (ControlOutcome) -> HTTPResponse)
  }

  let loop: any EventLoop
  let metrics: Metrics
  private let index: UInt64
  private var nextTicket: UInt64 = 1
  private var waiting: [UInt64: (until: Int64, what: Waiting)] = [:]
  private var connections: [ObjectIdentifier: HTTPConnection] = [:]
  private var dirty: [HTTPConnection] = []
  private var flushScheduled = false
  private let draining = Atomic<Bool>(false)
  private let openCount = Atomic<Int>(0)
  private let waitingCount = Atomic<Int>(0)
  let streams: StreamHub

  init(loop: any EventLoop, index: Int, metrics: Metrics, feed: StreamFeed) {
    precondition(index < 1 << Self.indexBits, "too many event loops")
    self.loop = loop
    self.index = UInt64(index)
    self.metrics = metrics
    streams = StreamHub(feed: feed, metrics: metrics)
  }

  /// Which loop a ticket belongs to.
  static func index(of ticket: UInt64) -> Int { Int(ticket & (1 << indexBits - 1)) }

  /// Set at shutdown: from now on a connection closes with the last answer that is due on it. Any thread.
  var isDraining: Bool {
    get { draining.load(ordering: .relaxed) }
    set { draining.store(newValue, ordering: .relaxed) }
  }

  /// Requests that wait for an answer. Any thread.
  var pendingRequests: Int { waitingCount.load(ordering: .relaxed) }

  /// Open client connections. Any thread.
  var openConnections: Int { openCount.load(ordering: .relaxed) }

  // MARK: Connections

  func add(_ connection: HTTPConnection) {
    connections[ObjectIdentifier(connection)] = connection
    openCount.store(connections.count, ordering: .relaxed)
  }

  func remove(_ connection: HTTPConnection) {
    connections[ObjectIdentifier(connection)] = nil
    openCount.store(connections.count, ordering: .relaxed)
  }

  /// Flushes a connection once at the end of this loop turn, however many answers it gets.
  func flushLater(_ connection: HTTPConnection) {
    dirty.append(connection)
    guard !flushScheduled else { return }
    flushScheduled = true
    loop.execute { [self] in self.flushDirty() }
  }

  private func flushDirty() {
    flushScheduled = false
    let all = dirty
    dirty.removeAll(keepingCapacity: true)
    for connection in all { connection.flushIfNeeded() }
  }

  // MARK: Tickets

  /// Remembers who waits, and names it. `nil`: too many wait already.
  func issue(_ what: Waiting) -> UInt64? {
    guard waiting.count < Self.ticketsMax else { return nil }
    let ticket = nextTicket << Self.indexBits | index
    nextTicket += 1
    waiting[ticket] = (SystemClock.monotonic() + Self.patience, what)
    waitingCount.store(waiting.count, ordering: .relaxed)
    return ticket
  }

  /// Answers a ticket that nobody else took.
  func withdraw(_ delivery: Delivery) { take(delivery) }

  /// Answers a request for which there was no ticket.
  func overload(_ what: Waiting) {
    switch what {
    case .write(let slot, let render): slot.send(render(.overloaded))
    case .read(let slot), .barrier(let slot, _, _), .control(let slot, _):
      slot.send(ServiceReply.overloaded)
    }
  }

  /// Hands answers to their connections, in one loop turn. Any thread.
  func deliver(_ deliveries: [Delivery]) {
    guard !deliveries.isEmpty else { return }
    loop.execute { [self] in
      for delivery in deliveries { self.take(delivery) }
      self.flushDirty()
    }
  }

  /// Hands stream messages to their subscribers on this loop. Any thread.
  func publish(_ messages: [StreamMessage]) {
    loop.execute { [self] in self.streams.deliver(messages) }
  }

  private func take(_ delivery: Delivery) {
    guard let (_, what) = waiting.removeValue(forKey: delivery.ticket) else { return }
    waitingCount.store(waiting.count, ordering: .relaxed)
    switch (what, delivery) {
    case (.write(let slot, let render), .outcome(_, let outcome)): slot.send(render(outcome))
    case (.write(let slot, _), .response(_, let response)): slot.send(response)
    case (.read(let slot), .response(_, let response)): slot.send(response)
    case (.barrier(let slot, _, _), .response(_, let response)): slot.send(response)
    case (.control(let slot, let render), .control(_, let outcome)): slot.send(render(outcome))
    case (.control(let slot, _), .response(_, let response)): slot.send(response)
    case (.barrier(let slot, let request, let service), .barrier):
      service.handle(request, slot, on: self, isRetry: true)
    default: fail(what)
    }
  }

  private func fail(_ what: Waiting) {
    switch what {
    case .write(let slot, let render): slot.send(render(.unknown))
    case .control(let slot, let render): slot.send(render(.unknown))
    case .read(let slot), .barrier(let slot, _, _): slot.send(ServiceReply.readFailed)
    }
  }

  // MARK: Sweep

  /// Starts looking, once a second, for connections and requests that take too long.
  func startSweeping() {
    loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { [self] _ in
      self.sweep(now: SystemClock.monotonic())
    }
  }

  private func sweep(now: Int64) {
    for connection in Array(connections.values) {
      if let since = connection.blockedSince, now - since > HTTPLimits.writeMicroseconds {
        connection.close()
      } else if let start = connection.requestStart, !connection.isHolding,
        now - start > HTTPLimits.requestMicroseconds
      {
        connection.close()
      } else if !connection.isBusy, now - connection.lastActive > HTTPLimits.idleMicroseconds {
        connection.close()
      }
    }
    let late = waiting.filter { $0.value.until < now }
    for ticket in late.keys.sorted() {
      guard let (_, what) = waiting.removeValue(forKey: ticket) else { continue }
      fail(what)
    }
    waitingCount.store(waiting.count, ordering: .relaxed)
    streams.sweep(now: now)
    flushDirty()
  }

  /// Answers everything that still waits: its outcome is unknown. For the end of a shutdown.
  func giveUp() {
    loop.execute { [self] in
      for ticket in self.waiting.keys.sorted() {
        if let (_, what) = self.waiting.removeValue(forKey: ticket) { self.fail(what) }
      }
      self.waitingCount.store(0, ordering: .relaxed)
      self.flushDirty()
    }
  }

  /// Closes connections on which nothing is due. For the end of a shutdown.
  func closeIdle() {
    loop.execute { [self] in
      let idle = self.connections.values.filter { !$0.isBusy }
      for connection in idle { connection.close() }
      self.streams.closeAll()
    }
  }
}
