// CoreEvents: what the threads of the node tell each other.
//
//   event loops -> core        submissions, reads, peer messages, greetings
//   core        -> disk        log writes, cuts          disk -> core       persisted
//   core        -> publisher   runs, queries             publisher -> core  stored
//   core        -> helper      log fetches               helper -> core     fetched, flushed
//                                                        watch -> core      space
//
// Not here: the queues themselves (Inbox).

import Gateway
import Market
import Raft
import Replica

/// A question that the publisher answers.
struct Query: Sendable {
  var ticket: UInt64
  /// `nil`: nothing is asked but to have come this far.
  var answer: (@Sendable (ReadModel) -> HTTPResponse)?
  /// When nobody waits any more, on the monotonic clock.
  var until: Int64
}

/// For the core thread.
enum CoreEvent: Sendable {
  case submit(Submission)
  /// A query that needs a read index first.
  case read(Query)
  case message(PeerMessage, from: NodeID, connection: UInt64)
  case greet(
    PeerHello, from: PeerAddress, connection: UInt64?, verdict: @Sendable (String?) -> Void)
  case lost(NodeID, connection: UInt64)
  case persisted(UInt64)
  case fetched(LogFetched)
  case stored(UInt64)
  case flushed(UInt64)
  /// The log's files begin after this entry now.
  case cutDone(EntryID)
  case snapshot(SnapshotResult)
  /// The free space of the disk became low, or is no longer.
  case space(isLow: Bool)
  /// An operator's request about the cluster itself.
  case control(ControlRequest, ticket: UInt64)
  /// Give leadership away, and campaign no more; the process is about to end. Writes are still taken.
  case drain
  /// Refuse new writes; those that wait are still answered.
  case refuseWrites
  case stop
}

/// For the disk thread.
enum DiskEvent: Sendable {
  case write(LogWrite)
  case cut(LogIndex)
  /// The damaged log holds again what it once held.
  case clearSuspect
  case stop
}

/// For the publisher thread.
enum PublisherEvent: Sendable {
  case run(Run)
  case query(Query)
  /// Empty the buffer in front of the store, and tell the snapshot thread.
  case writeOut
  case stop
}

/// For the helper thread: slow things that nobody on the order path waits for.
enum HelperEvent: Sendable {
  case prepareSpare
  case fetch(LogFetch)
  case flush
  case stop
}

/// For the thread that watches the disk.
enum WatchEvent: Sendable {
  case stop
}

/// All queues of a node.
final class NodeQueues: Sendable {
  /// Bounded for clients and peers; what other threads of the node post is bounded by what the core gave them.
  let core = Inbox<CoreEvent>(capacity: 65_536)
  let disk = Inbox<DiskEvent>(capacity: 65_536)
  /// Bounded for public queries.
  let publisher = Inbox<PublisherEvent>(capacity: 16_384)
  let helper = Inbox<HelperEvent>(capacity: 1024)
  let snapshots = Inbox<SnapshotEvent>(capacity: 1024)
  let watch = Inbox<WatchEvent>(capacity: 1)
}
