// SimNode: one machine: what survives a crash, the process if it runs, and what the checker knows
// of its disk.
//
// Invariant: `shadow` names exactly what the disk holds durably.
// Not here: when things happen (World), what must hold (Checker).

import Engine
import Raft
import Replica
import Storage
import Wire

/// One life of a node's process.
final class Life {
  var coordinator: Coordinator
  var effects = Effects()
  let log: LogStore
  /// Writes that wait for the disk, and those that it is busy with.
  var queued: [LogWrite] = []
  var writing: [LogWrite] = []
  /// The members as of its last step.
  var configuration: Configuration?
  /// Runs on their way to the store.
  var storing: [Run] = []
  var isStoring = false
  var runsSinceFlush = 0
  /// The last index that was handed to the publisher: what readers see.
  var published: UInt64
  /// Where virtual time and the monotonic clock stood when the clock's pace changed last.
  var start: Int64
  var monotonicStart: Int64
  var turnAt: Int64 = .max
  /// It started without rows that can be used.
  var lacksStore = false
  // What was seen last, to notice changes.
  var role = Role.follower
  var term: UInt64 = 0
  var commit: UInt64 = 0
  var applied: UInt64 = 0
  var level = Behaviour.first

  init(
    _ coordinator: consuming Coordinator, log: LogStore, published: UInt64, start: Int64,
    monotonicStart: Int64
  ) {
    self.coordinator = coordinator
    self.log = log
    self.published = published
    self.start = start
    self.monotonicStart = monotonicStart
  }
}

/// What a log holds, as term and checksum of each entry from index 1 on, whether cut or not.
struct ShadowLog: Equatable {
  struct Item: Equatable {
    var term: UInt64
    var sum: UInt32
  }

  var items: [Item] = []
  var hardState = HardState()

  var last: EntryID {
    EntryID(term: Term(items.last?.term ?? 0), index: LogIndex(UInt64(items.count)))
  }

  func item(_ index: UInt64) -> Item? {
    index >= 1 && index <= items.count ? items[Int(index) - 1] : nil
  }

  func holds(_ id: EntryID) -> Bool { item(id.index.value)?.term == id.term.value }
}

/// A machine.
final class SimNode {
  /// Where it stands in its operators' plans.
  enum Standing {
    /// It has not been started yet.
    case spare
    case running
    /// It is switched off for good.
    case retired
  }

  let place: Int
  let id: NodeID
  var incarnation: UInt64
  // What survives.
  var disk = SimDisk()
  var store = SimStore()
  /// Its newest finished snapshot, what it has of one that it fetches, and the one that its store
  /// came from.
  var snapshot: BlobSnapshot?
  var install: BlobInstall?
  var installed = EntryID.zero
  /// Why its store cannot be read.
  var storeDamage: String?
  /// Complete, and about to be swapped in.
  var fetched: (store: MemoryStore, id: EntryID)?
  /// The ids in its own settings.
  var peers: [NodeID] = []
  var standing = Standing.running
  /// Some committed configuration named it.
  var wasMember = false
  /// As its last life knew it.
  var configuration: Configuration?
  /// The highest level that its program applies, and that its first program did.
  var newestLevel = Behaviour.newest
  var firstNewestLevel = Behaviour.newest
  // The process.
  var life: Life?
  var lives = 0
  /// Why the node does not run although nobody stopped it; it stays down.
  var refusal: String?
  /// Its storage was damaged on purpose: what it lost it may say so.
  var isDamaged = false
  /// Damages that no start has found yet.
  var latentDamages = 0
  /// It was damaged at some time: its log may be suspect.
  var wasDamaged = false
  /// Its state was changed on purpose, and nobody has noticed yet.
  var isWrong = false
  /// The change does not pass by itself.
  var isWrongForGood = false
  /// When it was changed.
  var wrongSince: Int64 = 0
  /// The index that was applied when that happened: states up to there are right.
  var wrongAfter: UInt64 = 0
  /// Its state hashes in this life since then.
  var wrongHashes: [UInt64: UInt128] = [:]
  /// Its disk was lost: it has to stay outside until it is replaced.
  var isLost = false
  /// What its operator told it: whether it may found the cluster.
  var mayFound = true
  /// What it held before each loss that is not made good yet: acknowledgements of that may still
  /// count.
  var lost: [(shadow: ShadowLog, incarnation: UInt64)] = []
  // Known to the checker.
  /// The writes that the disk was busy with at the last death.
  var inFlight: [LogWrite] = []
  var shadow = ShadowLog()
  /// Every vote that the disk ever held, by term.
  var votes: [UInt64: NodeID] = [:]
  var highestTerm: UInt64 = 0
  // The machine.
  var wallOffset: Int64 = 0
  /// How much faster than true time its monotonic clock runs, in parts per million.
  var drift: Int64 = 0
  var pausedUntil: Int64 = 0
  /// After a pause: how long until what came from each peer, and from clients (the last), is looked
  /// at.
  var wakeLag: [Int64] = Array(repeating: 0, count: 17)
  var diskSlowness: Int64 = 1
  var diskHangsUntil: Int64 = 0
  /// Deaths that wait for their start.
  var restartAt: Int64 = .max

  init(place: Int) {
    self.place = place
    id = NodeID(UInt64(place + 1))
    incarnation = UInt64(place + 1) * 1000
  }

  /// Whether it counts as harmed for the atlas.
  var isUnsound: Bool { isDamaged || isLost || isWrong || storeDamage != nil || refusal != nil }

  /// Whether an entry is on its disk, or was there when the disk was lost.
  func held(_ entry: EntryID, as incarnation: UInt64) -> Bool {
    if self.incarnation == incarnation, shadow.holds(entry) { return true }
    return lost.contains { $0.incarnation == incarnation && $0.shadow.holds(entry) }
  }

  /// Changes the pace of the monotonic clock, which goes on from where it is.
  func setDrift(_ partsPerMillion: Int64, _ time: Int64) {
    if let life {
      life.monotonicStart = now(time).monotonic
      life.start = time
    }
    drift = partsPerMillion
  }

  static let wallStart: Int64 = 1_800_000_000_000_000

  func now(_ time: Int64) -> Moment {
    guard let life else { return Moment(monotonic: 0, wall: Self.wallStart + time + wallOffset) }
    let lived = time - life.start
    return Moment(
      monotonic: life.monotonicStart + lived + lived / 1_000 * drift / 1_000,
      wall: Self.wallStart + time + wallOffset)
  }
}
