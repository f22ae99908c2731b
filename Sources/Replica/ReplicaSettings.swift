// ReplicaSettings: the bounds and times of a replica, and what it starts from.
// Not here: consensus' own settings (Raft.Settings), which are passed through.

import Engine
import Raft

/// Bounds and times. Times are microseconds.
public struct ReplicaSettings: Sendable {
  public var consensus: Settings
  /// Writes that may wait for their answer at this node; more are refused as overloaded.
  public var pendingMax = 8192
  /// Commands and payload bytes of one entry.
  public var commandsPerEntryMax = 512
  public var bytesPerEntryMax = 512 << 10
  /// Commands, and their bytes, that a leader holds while consensus takes no more entries.
  public var queueMax = 32_768
  public var queueBytesMax = 32 << 20
  /// How long a client waits at most. Then its write is unknown and its read has failed.
  public var patience: Int64 = 10_000_000
  /// What waits longer than this without an answer is handed to the leader again.
  public var resendAfter: Int64 = 300_000
  /// Entries in one run, and runs that the publisher may owe before `apply` waits for it.
  public var entriesPerRunMax = 64
  public var runsOutstandingMax = 1024
  /// Row changes and events in those runs: what bounds their memory, to about 100 MB.
  public var runChangesOutstandingMax = 500_000
  /// The duplicate table: outcomes, and bytes of their replies, at which the node refuses new writes.
  public var duplicatesMax = 400_000
  public var duplicateBytesMax = 128 << 20
  /// One account may use one part in this many of what waits at a node and of the duplicate table, so that none can
  /// shut out the others. The operator may use all.
  public var accountShare = 4
  /// A leader whose oldest log write is older than this steps down: an election timeout.
  public var diskHangLimit: Int64 = 400_000
  /// A leader whose `apply` waits this long for a store that takes nothing hands over.
  public var storeStallLimit: Int64 = 400_000
  /// Every how many log indexes the voters compare their state hashes. The same on every node, or they never agree.
  public var hashInterval = StateMachine.standardHashInterval
  /// A snapshot is made after this many bytes of applied entries; 0: only when somebody needs one.
  public var snapshotEveryBytes: UInt64 = 1 << 30
  /// Members that this node sends a snapshot to at a time, and how fast in all.
  public var snapshotTransfersMax = 1
  public var snapshotBytesPerSecond: Int64 = 64 << 20
  /// So much of the log is kept although no living member needs it: for one whose disk is damaged or restored.
  public var trailingBytes: UInt64 = 32 << 20
  /// A living follower that is further behind than this is sent a snapshot, rather than that the log grows for it.
  public var retainedBytesMax: UInt64 = 1 << 30
  /// Whether this node may found a cluster together with others that are as new as it is. False: it only joins one.
  public var mayFound = true
  /// The highest level of behaviour that this node applies; lower than the program's where it plays an older one.
  public var newestLevel = Behaviour.newest
  /// Reads waiting at this node; more fail at once.
  public var readsMax = 8192

  public init(consensus: Settings = ReplicaSettings.standardConsensus) {
    self.consensus = consensus
  }

  /// Consensus' settings for 10 ms ticks.
  public static var standardConsensus: Settings {
    Settings(
      entriesPerAppendMax: 64, bytesPerAppendMax: 1 << 20, inflightAppendsMax: 64,
      windowBytesMax: 64 << 20)
  }
}

/// What the log holds at start.
public struct RestoredReplica: Sendable {
  public var hardState: HardState
  /// The last entry of the log; `.zero` if it is empty.
  public var last: EntryID
  /// The entries after the applied marker (`AppliedMarker.load`), up to `last`.
  public var entries: [Entry]
  /// The log's files begin after this entry.
  public var logBase: EntryID
  /// What the log once held after its intact part (`LogStore`'s claim), if it is damaged.
  public var suspect: Suspect?
  /// A copy of term and vote could not be read.
  public var voteUnreadable: Bool
  /// Why the stored rows cannot be used: an error of `StateStore.open`, or of an earlier
  /// `Coordinator.init`. Then `rows` is not read, `entries` are all of the log after `logBase`, and
  /// the node waits for a peer's snapshot. A configuration that none of them names it learns from a
  /// peer's hello.
  public var storeDamage: String?

  public init(
    hardState: HardState = HardState(), last: EntryID = .zero, entries: [Entry] = [],
    logBase: EntryID = .zero, suspect: Suspect? = nil, voteUnreadable: Bool = false,
    storeDamage: String? = nil
  ) {
    self.hardState = hardState
    self.last = last
    self.entries = entries
    self.logBase = logBase
    self.suspect = suspect
    self.voteUnreadable = voteUnreadable
    self.storeDamage = storeDamage
  }
}

/// The stored rows cannot be read, or do not add up: a peer's must take their place. One clear line.
public struct StateDamage: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}

/// The state needs a newer program. One clear line.
public struct ProgramTooOld: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String

  /// A state at this level, and a program that applies levels up to `newest`.
  public init(level: UInt32, newest: UInt32) {
    description =
      "the state of this node is at level \(level), and this program applies levels up to \(newest):"
      + " it is too old; start the newer program"
  }
}

/// Why a replica cannot start. One clear line.
public struct ReplicaError: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}
