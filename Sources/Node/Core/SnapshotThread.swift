// SnapshotThread: makes snapshots of the state store, for operators and for nodes that lag too far behind.
//
// Invariants: what a snapshot says of itself is read from its finished files; a snapshot that is being sent stays
// until a newer one was sent.
// Not here: files (Storage), who needs one (Replica).

import Gateway
import Glibc
import Logging
import Raft
import Replica
import Storage
import Wire

/// For the snapshot thread.
enum SnapshotEvent: Sendable {
  /// An operator wants one.
  case save(ticket: UInt64)
  case stop
}

/// The thread for everything about snapshots. Slow, and nobody on the order path waits for it.
final class SnapshotThread: @unchecked Sendable {  // used by its own thread only, after `init`
  private static let kept = 2

  private let files: NodeFiles
  private let queues: NodeQueues
  private let shared: NodeShared
  private let loops: [LoopState]
  private var store: SnapshotStore?

  init(files: NodeFiles, queues: NodeQueues, shared: NodeShared, loops: [LoopState]) {
    self.files = files
    self.queues = queues
    self.shared = shared
    self.loops = loops
  }

  /// Runs until `.stop`.
  func run() {
    var batch: [SnapshotEvent] = []
    while true {
      queues.snapshots.take(into: &batch, until: nil)
      for event in batch {
        switch event {
        case .save(let ticket): save(ticket)
        case .stop: return
        }
      }
      batch.removeAll(keepingCapacity: true)
    }
  }

  private func save(_ ticket: UInt64) {
    let outcome: ControlOutcome
    do {
      let snapshot = try make()
      outcome = .saved(
        directory: snapshot.directory, index: snapshot.applied.index.value,
        bytes: UInt64(snapshot.manifest.bytes))
    } catch {
      shared.log.error("no snapshot was made: \(error)")
      outcome = .refused("no snapshot was made: \(error)")
    }
    loops[LoopState.index(of: ticket)].deliver([.control(ticket, outcome)])
  }

  /// A snapshot of now.
  private func make() throws -> Snapshot {
    guard files.storeDamage == nil else {
      throw SettingError("the state store of this node is damaged")
    }
    let start = SystemClock.monotonic()
    let snapshots = try opened()
    let snapshot = try snapshots.make(of: files.state) { rows in
      try Self.contents(AppliedMarker.load(rows) ?? .initial)
    }
    try snapshots.removeOld(keeping: Self.kept)
    let took = SystemClock.monotonic() - start
    shared.metrics.snapshots.add()
    shared.metrics.snapshotBytes.add(UInt64(snapshot.manifest.bytes))
    shared.metrics.snapshotMicroseconds.add(UInt64(took))
    shared.log.notice(
      "snapshot of index \(snapshot.applied.index): \(snapshot.manifest.bytes) bytes, \(took / 1000) ms"
    )
    return snapshot
  }

  private func opened() throws -> SnapshotStore {
    if let store { return store }
    let opened = try SnapshotStore.open(directory: files.directory.snapshotsPath)
    for note in opened.ignored { shared.log.warning("\(note)") }
    store = opened
    return opened
  }

  /// What a snapshot's rows say about themselves.
  static func contents(_ marker: AppliedMarker) throws -> SnapshotContents {
    SnapshotContents(
      applied: marker.applied, configuration: marker.configuration, stateHash: marker.stateHash,
      genesisHash: marker.genesisHash, level: 0)
  }

  /// The same, with the state hash counted anew from all rows.
  static func verified(_ rows: any RowReader) throws -> SnapshotContents {
    try contents(StateMachine(loading: rows).marker)
  }
}
