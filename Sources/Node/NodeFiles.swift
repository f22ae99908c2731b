// NodeFiles: everything that a node keeps on disk, opened and checked against each other.
//
// Not here: formats (Storage), what the contents mean (Replica).

import Engine
import Gateway
import Logging
import Raft
import Replica
import Storage

/// A genesis, read.
typealias GenesisContents = (clusterID: String, hash: [UInt8], commands: [Command])

/// The opened files of a node.
struct NodeFiles {
  var directory: DataDirectory
  var log: LogStore
  var recovered: RecoveredLog
  var state: StateStore
  var marker: AppliedMarker

  /// Opens them, making what is missing in a new directory.
  ///
  /// - Throws: one clear line; a damaged log is never started with.
  static func open(
    _ settings: NodeSettings, genesis: GenesisContents, log: Logger
  ) throws -> NodeFiles {
    let directory = try DataDirectory.open(
      path: settings.dataDirectory, node: settings.id, genesisHash: genesis.hash,
      randomIncarnation: Random.u64())
    let (store, recovered) = try directory.openLog(
      options: LogOptions(addedSyncMicroseconds: settings.addedSyncMicroseconds))
    switch recovered.tail {
    case .suspect(let place):
      throw SettingError(
        "the log is damaged (\(place)); it may have held acknowledged entries, so this node must be "
          + "replaced (exctl member replace), not restarted")
    case .torn: log.notice("the last group of the log was never finished; it was dropped")
    case .empty, .clean: break
    }
    let state = try StateStore.open(path: directory.statePath)
    let marker = try AppliedMarker.load(state) ?? .initial
    store.stateIsDurable(upTo: marker.applied.index)
    return NodeFiles(
      directory: directory, log: store, recovered: recovered, state: state, marker: marker)
  }

  /// The replica as the files left it.
  func coordinator(
    _ settings: NodeSettings, genesis: GenesisContents
  ) throws -> Coordinator {
    guard recovered.last.index >= marker.applied.index else {
      throw SettingError(
        "the state store stands at index \(marker.applied.index), after the end of the log at "
          + "\(recovered.last.index): the log is not this node's")
    }
    let entries = try recovered.entries(after: marker.applied.index)
    // Their headers are fixed by the replica; these are placeholders.
    let requests = genesis.commands.map {
      Request(
        header: CommandHeader(
          requestID: RequestID(0, 0, 0, 0), key: .admin, timestamp: 0, deadline: .max),
        command: $0)
    }
    var replica = ReplicaSettings()
    replica.duplicatesMax = settings.outcomesMax
    replica.duplicateBytesMax = settings.outcomesMax * 350
    // A leader whose disk hangs for longer than an election takes is worse than an election.
    replica.diskHangLimit = Int64(replica.consensus.electionTicks) * CoreThread.tick
    return try Coordinator(
      identity: Member(id: settings.id, incarnation: directory.incarnation),
      voters: settings.peers.map(\.id), genesis: requests, genesisHash: genesis.hash,
      settings: replica,
      restored: RestoredReplica(
        hardState: recovered.hardState, last: recovered.last, entries: entries), rows: state,
      seed: Random.u64())
  }
}
