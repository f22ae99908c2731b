// SimulatedNode: one node of the simulated cluster: the core, its disk, and what was applied.

import Raft

/// One node. `core` is `nil` while it is down.
final class SimulatedNode {
  let id: NodeID
  var core: Consensus?
  var disk = SimulatedDisk()
  var output = Output()
  /// Applied in memory; lost by a crash down to `stored`.
  var applied = LogIndex.zero
  /// Applied and stored; never beyond the durable log.
  var stored = LogIndex.zero
  /// The log's files hold nothing up to here.
  var cut = LogIndex.zero
  /// Damage that is not repaired; kept on disk, so that it survives a restart.
  var suspect: Suspect?
  var voteUnreadable = false
  /// The in-memory log as the writes describe it.
  var shadow: [EntryID] = []
  /// Neither ticks nor receives before this moment.
  var pausedUntil = 0
  var restartAt: Int?
  /// Durable writes of which the core does not know yet.
  var reports: [(sequence: UInt64, due: Int)] = []
  var fetches: [(fetch: LogFetch, due: Int)] = []
  /// Of 1,000 ticks, how many this node's clock misses.
  var clockLoss = 0
  var lastTerm = Term.zero
  var lastCommit = LogIndex.zero
  /// The configuration in force after the last call.
  var lastConfiguration: Configuration?
  var boots: UInt64 = 0

  init(_ id: NodeID) { self.id = id }

  var isUp: Bool { core != nil }
  var role: Role? { core?.role }

  func start(settings: Settings, configuration: Configuration, seed: UInt64) {
    boots += 1
    let base =
      stored == .zero ? EntryID.zero : EntryID(term: disk.term(at: stored) ?? .zero, index: stored)
    let rest = Array(disk.entries[Int(stored.value)...])
    core = Consensus(
      id: id, settings: settings,
      restored: Restored(
        hardState: disk.hardState, configuration: storedConfiguration,
        base: base, entries: rest, logBase: EntryID(term: disk.term(at: cut) ?? .zero, index: cut),
        suspect: suspect, voteUnreadable: voteUnreadable),
      seed: seed &+ boots &* 7919)
    core?.activate(configuration)
    applied = stored
    shadow = disk.entries.map(\.id)
    lastTerm = disk.hardState.term
    lastCommit = stored
    lastConfiguration = core?.configuration
    output.removeAll()
  }

  /// The last configuration that the stored state covers.
  private var storedConfiguration: Configuration? {
    let entry = disk.entries.prefix(Int(stored.value)).last { $0.kind == .configuration }
    return entry.flatMap { try? Configuration(decoding: $0.payload) }
  }

  /// What the log's files answer.
  func fetched(_ fetch: LogFetch, countMax: Int) -> LogFetched {
    let after = EntryID(term: disk.term(at: fetch.after) ?? .zero, index: fetch.after)
    guard fetch.after >= cut else {
      let base = EntryID(term: disk.term(at: cut) ?? .zero, index: cut)
      return LogFetched(follower: fetch.follower, after: after, entries: [], cutTo: base)
    }
    let entries = Array(disk.entries[Int(fetch.after.value)...].prefix(countMax))
    return LogFetched(follower: fetch.follower, after: after, entries: entries)
  }

  // MARK: Damage, while the node is down

  /// The log is readable only up to `index`.
  func damage(after index: LogIndex, isEndKnown: Bool) {
    claim(isEndKnown: isEndKnown)
    disk.lose(after: index)
    stored = min(stored, index)
  }

  /// The log is readable only up to its last removal of entries, and so ends in what was removed.
  func damageRemoval(isEndKnown: Bool) {
    guard let replaced = disk.replaced else { return }
    claim(isEndKnown: isEndKnown)
    disk.forgetRemoval()
    stored = min(stored, replaced.after)
  }

  private func claim(isEndKnown: Bool) {
    let last = disk.entries.last?.id ?? .zero
    if case .upTo(let claim)? = suspect {
      suspect = .upTo(max(claim, last))
    } else if suspect == nil {
      suspect = .upTo(last)
    }
    if !isEndKnown { suspect = .unknown }
  }

  /// Term and vote are unreadable.
  func loseHardState() {
    voteUnreadable = true
    disk.loseHardState()
  }

  /// Takes another node's state: entries up to its end are covered by it. What the own log holds after
  /// that stays; a log that does not hold its end goes.
  func install(_ state: [Entry]) {
    let end = state.last?.id ?? .zero
    let isHeld = disk.term(at: end.index) == end.term
    disk.replace(state + (isHeld ? Array(disk.entries[Int(end.index.value)...]) : []))
    stored = LogIndex(UInt64(state.count))
    cut = stored
  }

  func crash() {
    core = nil
    disk.crash()
    reports.removeAll()
    fetches.removeAll()
    output.removeAll()
  }
}
