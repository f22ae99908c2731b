// DiskThread: makes log writes durable. It takes everything that queued during the last sync as one group.
//
// Invariants: groups are written in order; a failed write or sync ends the process at once, because after it nobody can
// know what the disk holds; `afterDurable` messages leave only after their group's sync.
// Not here: the log's format (Storage).

import Logging
import Raft
import Replica
import Storage
import Synchronization

/// The thread that owns writing to the log.
struct DiskThread: Sendable {
  let store: LogStore
  let queues: NodeQueues
  let shared: NodeShared
  let send: @Sendable ([Outgoing]) -> Void
  let hang = Drills.diskHang()
  /// Log bytes between two flushes of the state store; a flush lets the log be cut and shortens the next start.
  static let flushEveryBytes = Drills.flushBytes() ?? 64 << 20
  private static let spareEveryBytes = min(1 << 20, flushEveryBytes)
  /// While segments wait to be removed, one goes this often: removing all that a follower's long absence has kept would
  /// hold up writes for seconds, on all nodes at once. Microseconds.
  private static let cutPause: Int64 = 60_000

  /// Runs until `.stop`; everything queued before it is written first.
  func run() {
    var batch: [DiskEvent] = []
    var writes: [LogWrite] = []
    var flushedAt = 0
    var sparedAt = 0
    var cut: LogIndex?
    var cutAt: Int64 = 0
    while true {
      queues.disk.take(into: &batch, until: cut == nil ? nil : cutAt)
      var stopping = false
      for event in batch {
        switch event {
        case .write(let write): writes.append(write)
        case .cut(let index): cut = index
        case .clearSuspect: clearSuspect()
        case .stop: stopping = true
        }
      }
      batch.removeAll(keepingCapacity: true)
      if !writes.isEmpty { persist(writes) }
      writes.removeAll(keepingCapacity: true)
      if let wanted = cut, !stopping, SystemClock.monotonic() >= cutAt {
        if !cutSome(upTo: wanted) { cut = nil }
        cutAt = SystemClock.monotonic() + Self.cutPause
      }
      let total = store.bytesWritten
      shared.logBytes.store(total, ordering: .relaxed)
      if total - sparedAt >= Self.spareEveryBytes {
        sparedAt = total
        _ = queues.helper.offer(.prepareSpare)
      }
      if total - flushedAt >= Self.flushEveryBytes, queues.helper.offer(.flush) {
        flushedAt = total
      }
      if stopping { return }
    }
  }

  private func persist(_ writes: [LogWrite]) {
    let start = SystemClock.monotonic()
    hang?.wait()
    do {
      try store.write(writes)
    } catch {
      Fatal.disk(shared.log, "\(error)")
    }
    shared.metrics.syncs.add()
    let took = UInt64(max(0, SystemClock.monotonic() - start))
    shared.metrics.syncMicroseconds.add(took)
    shared.metrics.syncTimes.add(took)
    let entries = writes.reduce(0) { $0 + $1.entries.count }
    shared.metrics.logEntries.add(UInt64(entries))
    if entries > 0 { shared.metrics.groupEntries.add(UInt64(entries)) }
    let wall = SystemClock.wall()
    send(
      writes.flatMap { write in
        write.afterDurable.map { Outgoing(to: $0.to, message: PeerMessage(wall: wall, .raft($0))) }
      })
    queues.core.post(contentsOf: writes.map { .persisted($0.sequence) })
  }

  /// Removes a segment, if one is due. Returns whether more are.
  private func cutSome(upTo index: LogIndex) -> Bool {
    do {
      let before = store.bounds.base
      let isMore = try store.cut(upTo: index, segmentsMax: 1)
      let base = store.bounds.base
      if base != before { queues.core.post(.cutDone(base)) }
      return isMore
    } catch {
      Fatal.disk(shared.log, "\(error)")
    }
  }

  private func clearSuspect() {
    do {
      try store.clearSuspect()
    } catch {
      Fatal.disk(shared.log, "\(error)")
    }
    shared.log.notice("the log is whole again")
  }
}

/// The thread for slow disk work that nobody on the order path waits for.
///
/// A full disk does not end the node here: the log goes on in its present segment, and the next one
/// is tried again every second. If the segment is full first, the disk thread cannot write and ends
/// the process.
struct HelperThread: Sendable {
  let store: LogStore
  let state: StateStore
  let queues: NodeQueues
  let shared: NodeShared
  /// Microseconds.
  private static let spareRetry: Int64 = 1_000_000
  /// The log's cold segments are read again at this pace, to find damage while the others can still help.
  private static let scrubPause: Int64 = 1_000_000
  private static let scrubBytes = 256 << 10

  /// Runs until `.stop`.
  func run() {
    var batch: [HelperEvent] = []
    var retryAt: Int64?
    var cursor = ScrubCursor()
    var scrubAt = SystemClock.monotonic() + Self.scrubPause
    while true {
      queues.helper.take(into: &batch, until: min(retryAt ?? .max, scrubAt))
      var flush = false
      var spare = retryAt.map { SystemClock.monotonic() >= $0 } ?? false
      var stopping = false
      for event in batch {
        switch event {
        case .prepareSpare: spare = spare || retryAt == nil
        case .fetch(let fetch): self.fetch(fetch)
        case .flush: flush = true
        case .stop: stopping = true
        }
      }
      batch.removeAll(keepingCapacity: true)
      if spare && !stopping {
        let isReady = prepareSpare(isRetry: retryAt != nil)
        retryAt = isReady ? nil : SystemClock.monotonic() + Self.spareRetry
      }
      if flush { self.flush() }
      if stopping { return }
      if SystemClock.monotonic() >= scrubAt {
        scrub(&cursor)
        scrubAt = SystemClock.monotonic() + Self.scrubPause
      }
    }
  }

  /// Reads on. Damage is repaired as it is at a start: by one.
  private func scrub(_ cursor: inout ScrubCursor) {
    shared.metrics.scrubbedBytes.add(UInt64(Self.scrubBytes))
    guard let damage = store.scrub(&cursor, bytes: Self.scrubBytes).first else { return }
    shared.log.error("the log is damaged (\(damage)); this node begins anew to repair it")
    Restart.request()
  }

  /// Returns whether the next segment is ready. One line when the disk is found full, one when it no longer is.
  private func prepareSpare(isRetry: Bool) -> Bool {
    do throws(StorageError) {
      try store.prepareSpare()
    } catch {
      guard error.isFull else { Fatal.disk(shared.log, "\(error)") }
      if !isRetry {
        shared.log.error(
          "\(error); this node stops when its present log segment is full: free some space")
      }
      return false
    }
    if isRetry { shared.log.notice("there is room for the next log segment again") }
    return true
  }

  /// What the log no longer reaches is answered too: consensus then asks for a snapshot.
  private func fetch(_ fetch: LogFetch) {
    do {
      let (after, entries) = try store.read(after: fetch.after, bytesMax: fetch.bytesMax)
      queues.core.post(
        .fetched(LogFetched(follower: fetch.follower, after: after, entries: entries)))
    } catch {
      let base = store.bounds.base
      guard fetch.after < base.index else {
        // Damage, in a segment that the scrub has not come to or never reads: the follower would wait for ever.
        shared.log.error(
          "cannot read entries for node \(fetch.follower) (\(error)); this node begins anew to repair its log"
        )
        return Restart.request()
      }
      queues.core.post(
        .fetched(
          LogFetched(follower: fetch.follower, after: base, entries: [], cutTo: base)))
    }
  }

  /// Notes the stored index first: the flush covers at least that.
  private func flush() {
    let index = shared.storedIndex.load(ordering: .acquiring)
    do {
      try state.flush()
    } catch {
      Fatal.disk(shared.log, "\(error)")
    }
    store.stateIsDurable(upTo: LogIndex(index))
    shared.metrics.flushes.add()
    queues.core.post(.flushed(index))
  }
}
