// ClusterRecovery: begins a cluster anew from what one stopped node holds, when a quorum is lost for good.
//
// The new log is written beside the old one; replacing the identity file is the one step from the old cluster to the
// new. The node's incarnation is drawn anew, and the new configuration names it alone. So members of the old cluster
// refuse the node, and the node refuses them: a handshake compares incarnations with the configuration.
//
// Invariants:
//   * until the identity is replaced nothing that the old node needs has changed
//   * the old log stays where it was
//   * the new log begins behind the stored state and names no member of the old cluster: whoever joins replays none of
//     its configurations, because the new one cannot follow them (Configuration.maySucceed)
// Not here: asking the operator (exctl).

import Raft

/// Stopped data directories of one cluster, locked, and what could be begun from them.
public struct ClusterRecovery {
  /// What one directory holds.
  public struct Candidate: Sendable {
    public let directory: DataDirectory
    public let log: RecoveredLog
    /// The newest configuration that this log or this state holds; `nil` if neither does.
    public let configuration: Configuration?
    /// The last entry that the state store covers; zero if it was not looked at or cannot be used.
    public let applied: EntryID
    /// Why the state store cannot be used.
    public let stateDamage: StorageError?
    let store: LogStore

    /// Whether the log goes on from the stored state. A damaged one may end before it, or be an earlier state of itself
    /// that holds another entry there.
    var continuesState: Bool { applied == .zero || log.term(at: applied.index) == applied.term }

    /// The last entry whose effect is here.
    public var last: EntryID { continuesState ? log.last : applied }
  }

  /// In the order of the paths.
  public let candidates: [Candidate]
  /// The position of the one with the highest last entry, among those whose state can be used.
  public let chosen: Int

  /// How far above every known term the new one lies: elections that nobody saw do not reach it.
  public static let termStep: UInt64 = 1000

  /// Locks and reads the directories. Changes nothing that a start of the node would not change.
  ///
  /// - Parameter describe: reads the state store in a directory; `nil`: the stores are not looked at.
  /// - Throws: one clear line: no data directory, in use, not of one cluster, given twice, or none
  ///   whose state can be used.
  public static func survey(
    _ paths: [String], disk: any Disk = LinuxDisk(),
    describe: ((String) throws -> SnapshotContents)? = nil
  ) throws(StorageError) -> ClusterRecovery {
    precondition(!paths.isEmpty, "a directory")
    var candidates: [Candidate] = []
    for path in paths {
      let directory = try DataDirectory.openExisting(path: path, disk: disk)
      for other in candidates.map(\.directory) {
        guard other.genesisHash == directory.genesisHash else {
          throw StorageError(
            path,
            "belongs to the cluster with genesis \(hex(directory.genesisHash)), and "
              + "\(other.path) to the one with genesis \(hex(other.genesisHash))")
        }
        guard other.node != directory.node else {
          throw StorageError(path, "and \(other.path) both belong to node \(directory.node)")
        }
      }
      guard try !LogStore.isMissing(disk: disk, directory: directory.logPath) else {
        throw StorageError(directory.logPath, "the log of this node is gone or empty")
      }
      candidates.append(try candidate(directory, disk, describe))
    }
    let usable = candidates.indices.filter { candidates[$0].stateDamage == nil }
    guard let best = usable.max(by: { candidates[$0].last < candidates[$1].last }) else {
      guard let damage = candidates.compactMap(\.stateDamage).first else {
        preconditionFailure("a directory")
      }
      throw StorageError(
        damage.path,
        "\(damage.message); no directory given has a state that a cluster could begin with: restore a snapshot instead"
      )
    }
    return ClusterRecovery(candidates: candidates, chosen: best)
  }

  private static func candidate(
    _ directory: DataDirectory, _ disk: any Disk, _ describe: ((String) throws -> SnapshotContents)?
  ) throws(StorageError) -> Candidate {
    let (store, log) = try LogStore.open(
      disk: disk, directory: directory.logPath, identity: directory.logIdentity)
    var configuration = try lastConfiguration(log, store)
    var applied = EntryID.zero
    var damage: StorageError?
    do {
      if let state = try describe?(directory.statePath) {
        applied = state.applied
        if configuration == nil || log.term(at: applied.index) != applied.term {
          configuration = state.configuration ?? configuration
        }
        if applied.index < log.base.index {
          damage = StorageError(
            directory.statePath,
            "the state store ends at \(applied), before the log's beginning at \(log.base)")
        }
      }
    } catch let error as StorageError {
      damage = error
    } catch {
      damage = StorageError(directory.statePath, "the state store cannot be used (\(error))")
    }
    return Candidate(
      directory: directory, log: log, configuration: configuration,
      applied: damage == nil ? applied : .zero, stateDamage: damage, store: store)
  }

  /// The directory that the new cluster begins with.
  public var source: Candidate { candidates[chosen] }

  /// The newest configuration that any of the logs holds.
  public var configuration: Configuration? {
    candidates.filter { $0.configuration != nil }.max { $0.last < $1.last }?.configuration
  }

  /// The directories hold enough voters for the old cluster to go on without loss.
  public var isQuorum: Bool {
    guard let configuration else { return false }
    let present = candidates.filter { candidate in
      candidate.log.suspect == nil
        && configuration.incarnation(of: candidate.directory.node)
          == candidate.directory.incarnation
    }.map(\.directory.node)
    func isMajority(_ voters: [Member]) -> Bool {
      2 * voters.filter { present.contains($0.id) }.count > voters.count
    }
    return isMajority(configuration.voters)
      && (configuration.outgoing.isEmpty || isMajority(configuration.outgoing))
  }

  /// The last entry that is kept.
  public var keptUpTo: EntryID { source.last }

  /// The highest index that is known to have been committed, or held once by a log that is damaged now; what lies
  /// between `keptUpTo` and it is lost. There may be more that only missing nodes know of.
  public var knownUpTo: LogIndex {
    var known = keptUpTo.index
    for log in candidates.map(\.log) {
      known = max(known, log.hardState.commit)
      if case .upTo(let claim)? = log.suspect { known = max(known, claim.index) }
    }
    return known
  }

  /// The term that the new cluster begins in.
  public var newTerm: Term {
    let terms = candidates.flatMap { [$0.log.hardState.term, $0.last.term] }
    return Term((terms.max() ?? .zero).value + Self.termStep)
  }

  /// Begins the new cluster in the chosen directory, with this node as its only voter.
  ///
  /// - Parameter incarnation: drawn at random.
  /// - Throws: `StorageError`; called again, it starts over, and the old node is as it was until it has returned.
  public func begin(
    incarnation: UInt64, options: LogOptions = LogOptions()
  ) throws(StorageError) {
    let directory = source.directory
    precondition(incarnation != directory.incarnation, "a new incarnation")
    let known = configuration.map { $0.voters + $0.outgoing + $0.learners } ?? []
    let address = known.first { $0.id == directory.node }?.address ?? ""
    let member = Member(id: directory.node, incarnation: incarnation, address: address)
    // What damage took from the log below the stored state is not missed.
    let log = source.continuesState ? source.log : nil
    let base = max(source.applied, log?.base ?? .zero)
    try NewLog.write(
      directory, member: member, term: newTerm, base: base, from: log, store: source.store,
      options: options)
  }

  private static func lastConfiguration(
    _ log: RecoveredLog, _ store: LogStore
  ) throws(StorageError) -> Configuration? {
    var found: Configuration?
    var position = log.base.index
    while position < log.last.index {
      let piece = try store.read(after: position, bytesMax: 1 << 20).entries
      guard let end = piece.last else { break }
      for entry in piece where entry.kind == .configuration {
        found = (try? Configuration(decoding: entry.payload)) ?? found
      }
      position = end.index
    }
    return found
  }
}

/// Writes the first log of a cluster that begins with one node, and makes it the node's.
enum NewLog {
  /// - Parameters:
  ///   - base: the entry before the first one of the new log.
  ///   - log: its entries after `base` are taken over, but for what configurations say: each names `member` alone.
  ///     `nil`: none.
  static func write(
    _ directory: DataDirectory, member: Member, term: Term, base: EntryID,
    from log: RecoveredLog?, store source: LogStore?, options: LogOptions
  ) throws(StorageError) {
    let disk = directory.disk
    let epoch = directory.epoch + 1
    let identity = LogIdentity(
      genesisHash: directory.genesisHash, node: directory.node,
      incarnation: member.incarnation)
    let path = DiskPath.join(directory.path, DataDirectory.logName(epoch))
    // Left over from an attempt that did not get to the end.
    try disk.removeTree(path)
    let store = try LogStore.open(
      disk: disk, directory: path, identity: identity, options: options
    ).0
    if base != .zero { try store.reset(to: base) }
    guard let configuration = Configuration(voters: [member]) else {
      preconditionFailure("one voter is a configuration")
    }
    var position = base.index
    while let source, let log, position < log.last.index {
      var piece = try source.read(after: position, bytesMax: 1 << 20).entries
      guard let end = piece.last else { break }
      for i in piece.indices where piece[i].kind == .configuration {
        piece[i].payload = configuration.encoded
      }
      let state = HardState(term: max(end.term, base.term), commit: position)
      try store.write([LogWrite(sequence: 0, entries: piece, hardState: state)])
      position = end.index
    }
    let entry = Entry(
      id: EntryID(term: term, index: position.next), kind: .configuration,
      payload: configuration.encoded)
    let state = HardState(term: term, vote: directory.node, commit: position)
    try store.write([LogWrite(sequence: 0, entries: [entry], hardState: state)])
    try disk.syncDirectory(directory.path)
    try directory.replaceIdentity(identity, epoch: epoch)
  }
}
