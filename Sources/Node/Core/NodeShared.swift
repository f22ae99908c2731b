// NodeShared: the few values that threads of the node show each other, each behind its own lock or atomic.
//
// Invariant: no work is done under a lock here but copying or swapping a value.
// Not here: queues between threads (Inbox).

import Gateway
import Glibc
import Logging
import Market
import Raft
import Replica
import Synchronization

/// Snapshots that any thread may read.
final class NodeShared: Sendable {
  /// Names and ids, replaced by the publisher when a run changed them.
  let catalog: Mutex<Catalog>
  /// Replaced by the core every tick.
  let status: Mutex<ReplicaStatus>
  /// This node's encoded `PeerHello`, replaced by the core.
  let hello = Mutex<[UInt8]>([])
  /// Log bytes that were made durable since start.
  let logBytes = Atomic<Int>(0)
  /// The last index whose rows are in the state store.
  let storedIndex: Atomic<UInt64>
  /// What the disk can still take; all ones before the first look.
  let freeBytes = Atomic<UInt64>(.max)
  let spaceIsLow = Atomic<Bool>(false)
  let metrics = Metrics()
  let log: Logger
  private let clusterOffset: Atomic<Int64>

  init(catalog: Catalog, status: ReplicaStatus, storedIndex: UInt64, log: Logger) {
    self.catalog = Mutex(catalog)
    self.status = Mutex(status)
    self.storedIndex = Atomic(storedIndex)
    self.log = log
    clusterOffset = Atomic(SystemClock.wall() - SystemClock.monotonic())
  }

  /// The cluster's time, microseconds since 1970.
  var clusterTime: Int64 { SystemClock.monotonic() + clusterOffset.load(ordering: .relaxed) }

  /// The core's last reading of cluster time.
  func setClusterTime(_ time: Int64, at monotonic: Int64) {
    clusterOffset.store(time - monotonic, ordering: .relaxed)
  }
}

/// The end of a node that must not go on.
enum Fatal {
  /// A disk that failed once is not trusted again: one line, and the process ends (sysexits: EX_IOERR).
  static func disk(_ log: Logger, _ what: String) -> Never {
    log.critical("\(what); this node stops")
    _exit(74)
  }

  /// The node found its own state broken (sysexits: EX_SOFTWARE).
  static func state(_ log: Logger, _ what: String) -> Never {
    log.critical("\(what); this node stops")
    _exit(70)
  }
}
