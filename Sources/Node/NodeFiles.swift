// NodeFiles: everything that a node keeps on disk, opened and checked against each other.
//
// Not here: formats (Storage), what the contents mean (Replica).

import Engine
import Gateway
import Logging
import Market
import Raft
import Replica
import Storage

/// A genesis, read.
typealias GenesisContents = (clusterID: String, hash: [UInt8], commands: [Command])

/// The state store was replaced by an empty one: the node has to begin anew, and applies its log from the first entry.
struct StoreRebuild: Error {
  /// Why the old one cannot be used.
  var damage: String
}

/// The opened files of a node.
struct NodeFiles {
  var directory: DataDirectory
  var log: LogStore
  var recovered: RecoveredLog
  var state: StateStore
  var marker: AppliedMarker
  /// Why the stored rows cannot be used; then nothing in `state` counts.
  var storeDamage: String?
  /// The configuration that the distrusted rows held.
  private var oldConfiguration: Configuration?
  let reserve: SpaceReserve

  /// Opens them, making what is missing in a new directory.
  ///
  /// A damaged log is repaired: what is intact stays, and it remembers what it may have held.
  ///
  /// - Throws: one clear line.
  static func open(
    _ settings: NodeSettings, genesis: GenesisContents, log: Logger
  ) throws -> NodeFiles {
    let directory = try DataDirectory.open(
      path: settings.dataDirectory, node: settings.id, genesisHash: genesis.hash,
      randomIncarnation: Random.u64())
    for note in directory.notes { log.warning("\(note)") }
    let reserve = directory.spaceReserve(lowBytes: settings.lowSpaceMiB << 20)
    // What is not known to be there cannot be given back, should the log need it now.
    try reserve.check()
    var (store, recovered) = try openLog(directory, settings, reserve, log)
    var storeDamage: String?
    var state: StateStore
    var marker = AppliedMarker.initial
    do {
      state = try StateStore.open(path: directory.statePath)
      let summary = try StateSummary(of: state)
      try checkProgram(summary.level)
      marker = summary.marker
      if marker.applied.index < recovered.base.index {
        storeDamage = "the state store ends at \(marker.applied), and the log begins after it"
      }
    } catch let error as StorageError where error.isFull {
      throw error
    } catch let error as ProgramTooOld {
      throw error
    } catch {
      storeDamage = "\(error)"
      state = try scratch(directory)
    }
    if storeDamage == nil {
      recovered = try store.fit(to: marker.applied)
      store.stateIsDurable(upTo: marker.applied.index)
    }
    return NodeFiles(
      directory: directory, log: store, recovered: recovered, state: state, marker: marker,
      storeDamage: storeDamage, oldConfiguration: nil, reserve: reserve)
  }

  /// Refuses a state that needs a newer program.
  private static func checkProgram(_ level: UInt32) throws(ProgramTooOld) {
    let newest = Drills.newestLevel()
    guard level <= newest else { throw ProgramTooOld(level: level, newest: newest) }
  }

  /// Opens the log, repairs it if it is damaged, and lets it follow an installed snapshot.
  private static func openLog(
    _ directory: DataDirectory, _ settings: NodeSettings, _ reserve: SpaceReserve, _ log: Logger
  ) throws -> (LogStore, RecoveredLog) {
    var options = LogOptions(addedSyncMicroseconds: settings.addedSyncMicroseconds)
    options.reserve = reserve
    if let bytes = Drills.segmentBytes() { options.segmentBytes = bytes }
    var (store, recovered) = try directory.openLog(options: options)
    switch recovered.tail {
    case .suspect(let place):
      log.error(
        "the log is damaged (\(place)); what is intact stays, the rest comes from the peers")
      recovered = try store.repair()
    case .torn: log.notice("the last group of the log was never finished; it was dropped")
    case .empty, .clean: break
    }
    if directory.installed.index > recovered.base.index {
      recovered = try store.reset(to: directory.installed)
    }
    return (store, recovered)
  }

  /// An empty store in place of one that cannot be used, until a peer's is here. Nothing in it is kept.
  private static func scratch(_ directory: DataDirectory) throws -> StateStore {
    let path = directory.path + "/scratch"
    try LinuxDisk().removeTree(path)
    return try StateStore.open(path: path)
  }

  /// Puts an empty store in the place of one whose rows cannot be used. A peer's takes its place later.
  private mutating func distrust(_ damage: String) throws {
    state.close()
    state = try Self.scratch(directory)
    storeDamage = damage
    oldConfiguration = marker.configuration
    marker = .initial
  }

  /// What customers read, as the files left it. Rows that cannot be read are distrusted.
  mutating func readSide() throws -> (buffer: StoreBuffer, model: ReadModel) {
    do {
      return try openReadSide()
    } catch  where storeDamage == nil {
      try distrust("\(error)")
      return try openReadSide()
    }
  }

  private func openReadSide() throws -> (buffer: StoreBuffer, model: ReadModel) {
    let applied = marker.applied.index.value
    let buffer = StoreBuffer(state, writtenUpTo: applied)
    return (
      buffer, try ReadModel(rows: buffer, appliedIndex: applied, stamp: marker.stamp)
    )
  }

  /// The replica as the files left it. Rows that do not add up are distrusted: it begins without
  /// them then, and fetches a peer's.
  ///
  /// - Throws: one clear line, also if there is no peer that could have them.
  mutating func coordinator(
    _ settings: NodeSettings, genesis: GenesisContents
  ) throws -> Coordinator {
    do {
      return try makeCoordinator(settings, genesis: genesis)
    } catch let damage as StateDamage {
      try distrust(damage.description)
      return try makeCoordinator(settings, genesis: genesis)
    }
  }

  /// A node that is the only member gets its state from nobody. If its log reaches back to the first entry, it begins
  /// anew with an empty store, and applies all of it again.
  private func requirePeer(_ settings: NodeSettings, _ damage: String) throws {
    let newest = try recovered.entries(after: recovered.base.index)
      .last { $0.kind == .configuration }
      .map { try Configuration(decoding: $0.payload) }
    let members =
      (newest ?? oldConfiguration ?? marker.configuration)?.members.map(\.id)
      ?? settings.peers.map(\.id)
    guard !members.contains(where: { $0 != settings.id }) else { return }
    guard recovered.base == .zero, recovered.suspect == nil else {
      throw SettingError(
        "the state store cannot be used, no other node has its contents, and the log does not hold all of them"
          + " (\(damage)): begin with a snapshot, by `exctl snapshot restore`")
    }
    try directory.startFreshState()
    throw StoreRebuild(damage: damage)
  }

  private func makeCoordinator(
    _ settings: NodeSettings, genesis: GenesisContents
  ) throws -> Coordinator {
    if let storeDamage { try requirePeer(settings, storeDamage) }
    if storeDamage == nil, recovered.last.index < marker.applied.index {
      throw SettingError(
        "the state store stands at index \(marker.applied.index), after the end of the log at "
          + "\(recovered.last.index): the log is not this node's")
    }
    let base = storeDamage == nil ? marker.applied.index : recovered.base.index
    let entries = try recovered.entries(after: base)
    // Their headers are fixed by the replica; these are placeholders.
    let requests = genesis.commands.map {
      Request(
        header: CommandHeader(
          requestID: RequestID(0, 0, 0, 0), key: .admin, timestamp: 0, deadline: .max),
        command: $0)
    }
    var replica = ReplicaSettings(consensus: Self.consensus(settings))
    if let bytes = Drills.keptBytes() {
      replica.trailingBytes = UInt64(bytes)
      replica.retainedBytesMax = UInt64(bytes)
    }
    if let interval = Drills.hashInterval() { replica.hashInterval = UInt64(interval) }
    replica.newestLevel = Drills.newestLevel()
    replica.mayFound = settings.mayFound
    replica.snapshotBytesPerSecond = Int64(settings.snapshotMiBPerSecond) << 20
    replica.duplicatesMax = settings.outcomesMax
    replica.duplicateBytesMax = settings.outcomesMax * 350
    let suspicion: Raft.Suspect? =
      switch recovered.suspect {
      case nil: nil
      case .upTo(let last): .upTo(last)
      case .unknown: .unknown
      }
    return try Coordinator(
      identity: Member(id: settings.id, incarnation: directory.incarnation),
      voters: settings.peers.map(\.id), genesis: requests, genesisHash: genesis.hash,
      settings: replica,
      restored: RestoredReplica(
        hardState: recovered.hardState, last: recovered.last, entries: entries,
        logBase: recovered.base, suspect: suspicion,
        voteUnreadable: recovered.voteUnreadable, storeDamage: storeDamage),
      rows: state, seed: Random.u64())
  }

  private static func consensus(_ settings: NodeSettings) -> Settings {
    let absence = Drills.absenceMilliseconds() ?? 600_000
    return Settings(
      entriesPerAppendMax: 64, bytesPerAppendMax: 1 << 20, inflightAppendsMax: 64,
      windowBytesMax: Drills.keptBytes().map { max($0, 256 << 10) } ?? 64 << 20,
      priority: settings.priority,
      floorTicks: max(1, absence * 1000 / Int(CoreThread.tick)))
  }
}
