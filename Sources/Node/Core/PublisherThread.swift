// PublisherThread: stores runs, folds them into market data, answers all queries and feeds the streams.
//
// Invariants: runs go first: no query keeps them waiting for longer than it takes itself and `answering`; a query is
// answered behind every run that was queued before it, and perhaps behind later ones, from rows
// that hold that run (the buffer writes out before it is read); `storedIndex` is what the store
// itself covers.
// Not here: what a query asks (Gateway), what market data is (Market).

import Gateway
import Logging
import Market
import NIOCore
import Replica
import Storage
import Synchronization
import Wire

/// The thread that owns the read side.
final class PublisherThread: @unchecked Sendable {  // used by its own thread only, after `init`
  private let model: ReadModel
  private let state: StoreBuffer
  private let queues: NodeQueues
  private let shared: NodeShared
  private let loops: [LoopState]
  private var streams: StreamPublisher
  /// Queries that wait, oldest first.
  private var backlog = CircularBuffer<Query>()
  private let wrongRow = Drills.wrongRow()

  /// How long queries are answered before new runs are looked for, in microseconds.
  private static let answering: Int64 = 5000
  private static let backlogMax = 16_384

  init(
    model: ReadModel, state: StoreBuffer, queues: NodeQueues, shared: NodeShared,
    loops: [LoopState], streams: StreamPublisher
  ) {
    self.model = model
    self.state = state
    self.queues = queues
    self.shared = shared
    self.loops = loops
    self.streams = streams
  }

  /// Runs until `.stop`; everything queued before it is stored first.
  func run() {
    var batch: [PublisherEvent] = []
    var outgoing = Outgoing(loops: loops)
    while true {
      // What is left to answer is not waited for, only looked past.
      queues.publisher.take(into: &batch, until: backlog.isEmpty ? nil : 0)
      var stored: UInt64?
      var stopping = false
      for event in batch {
        switch event {
        case .run(let run):
          store(run, &outgoing.updates)
          stored = run.lastIndex
        case .query(let query): queue(query, &outgoing)
        case .writeOut:
          writeOut()
          queues.snapshots.post(.writtenOut)
        case .stop: stopping = true
        }
      }
      batch.removeAll(keepingCapacity: true)
      try? wrongRow?.strike(state)
      if stopping { writeOut() }
      shared.storedIndex.store(state.writtenIndex, ordering: .releasing)
      if let stored { queues.core.post(.stored(stored)) }
      outgoing.publish(&streams, model)
      let end = stopping ? Int64.max : SystemClock.monotonic() + Self.answering
      answer(until: end, &outgoing)
      outgoing.deliver()
      if stopping { return }
    }
  }

  /// Remembers a query until the runs that came with it are stored. A full backlog refuses, as a full inbox does.
  private func queue(_ query: Query, _ outgoing: inout Outgoing) {
    guard backlog.count >= Self.backlogMax else { return backlog.append(query) }
    outgoing.add(.response(query.ticket, ServiceReply.overloaded))
  }

  /// Answers the oldest queries until `end` on the monotonic clock, one at least.
  private func answer(until end: Int64, _ outgoing: inout Outgoing) {
    var now = SystemClock.monotonic()
    while let query = backlog.popFirst() {
      // Its loop has told the client already that it takes too long.
      if query.until < now { continue }
      outgoing.add(answer(query))
      now = SystemClock.monotonic()
      if now >= end { return }
    }
  }

  /// What leaves for the event loops, in the order in which it came about: streams never run ahead of an answer given
  /// before them, and an answer never ahead of the streams that lead up to it.
  private struct Outgoing {
    let loops: [LoopState]
    var updates: [MarketUpdate] = []
    private var deliveries: [[Delivery]]
    private var hasDeliveries = false

    init(loops: [LoopState]) {
      self.loops = loops
      deliveries = loops.map { _ in [] }
    }

    mutating func add(_ delivery: Delivery) {
      deliveries[LoopState.index(of: delivery.ticket)].append(delivery)
      hasDeliveries = true
    }

    mutating func deliver() {
      guard hasDeliveries else { return }
      hasDeliveries = false
      for (index, loop) in loops.enumerated() {
        loop.deliver(deliveries[index])
        deliveries[index].removeAll(keepingCapacity: true)
      }
    }

    mutating func publish(_ streams: inout StreamPublisher, _ model: ReadModel) {
      guard !updates.isEmpty else { return }
      streams.publish(updates, model: model)
      updates.removeAll(keepingCapacity: true)
    }
  }

  private func store(_ run: Run, _ updates: inout [MarketUpdate]) {
    var rows = run.rows
    let changed = model.fold(run.events, into: &rows, updates: &updates)
    do {
      try state.write(rows, upTo: run.lastIndex)
    } catch {
      Fatal.disk(shared.log, "\(error)")
    }
    shared.metrics.runs.add()
    shared.metrics.rowsStored.add(UInt64(rows.count))
    if changed {
      let catalog = model.catalog
      shared.catalog.withLock { $0 = catalog }
    }
  }

  private func writeOut() {
    do {
      try state.writeOut()
    } catch {
      Fatal.disk(shared.log, "\(error)")
    }
  }

  private func answer(_ query: Query) -> Delivery {
    guard let answer = query.answer else { return .barrier(query.ticket) }
    shared.metrics.reads.add()
    return .response(query.ticket, answer(model))
  }
}
