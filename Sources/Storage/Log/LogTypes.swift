// LogTypes: the values around the log: identity, options, what was recovered, what verification found.
//
// Not here: the format (LogFormat) and the work (LogStore, LogScanner).

import Raft

/// Whose log it is. Every block carries a checksum of it, every segment the whole.
public struct LogIdentity: Hashable, Sendable {
  public static let genesisHashBytes = 32
  public var genesisHash: [UInt8]
  public var node: NodeID
  public var incarnation: UInt64

  public init(genesisHash: [UInt8], node: NodeID, incarnation: UInt64) {
    self.genesisHash = genesisHash
    self.node = node
    self.incarnation = incarnation
  }
}

/// How a log is written. None of it is part of the format: segments of different sizes can follow each other.
public struct LogOptions: Sendable {
  /// The size of new segments, in bytes: a multiple of 4096, at least 16 KiB.
  public var segmentBytes: Int
  /// Sleeps this long after each sync, to imitate a slower disk in benchmarks.
  public var addedSyncMicroseconds: Int

  /// What stays of the log behind `cut`, for followers that lag: at least this many entries, and this many bytes.
  public var trailingEntries = 0
  public var trailingBytes = 0
  /// Given back when the disk is too full for the next segment.
  public var reserve: SpaceReserve?
  /// A planted bug, for tests of the tests.
  package var mutant = StorageMutant.none

  public init(segmentBytes: Int = 16 << 20, addedSyncMicroseconds: Int = 0) {
    self.segmentBytes = segmentBytes
    self.addedSyncMicroseconds = addedSyncMicroseconds
  }
}

/// What the end of a log looks like when it is opened.
public enum Tail: Equatable, Sendable {
  /// Nothing was ever written.
  case empty
  /// The last group is whole and nothing follows it.
  case clean
  /// The last group was never completely written, so nobody was told of it; it was dropped.
  case torn
  /// Something is damaged. The log is kept as it is and refuses writes until `LogStore.repair`; what it may have held
  /// is in `RecoveredLog.claim`. The text is one line with file and offset.
  case suspect(String)
}

/// A place in the log's files where something is wrong.
public struct LogDamage: Equatable, Sendable, CustomStringConvertible {
  public var file: String
  /// In bytes from the start of the file; the start of the damaged 4 KiB block.
  public var offset: Int
  public var reason: String

  public var description: String { "\(file): offset \(offset): \(reason)" }
}

/// What `LogStore.verify` found.
public struct LogReport: Sendable {
  /// One segment file.
  public struct Segment: Equatable, Sendable {
    public var file: String
    public var number: UInt64
    /// Whole groups in it, without its head.
    public var groups: Int
    public var bytesUsed: Int
    /// Entries written in it, truncated ones included.
    public var entries: Int
  }

  /// `nil` if no segment has a readable head.
  public var identity: LogIdentity?
  public var segments: [Segment]
  /// The first entry; above `last` if there is none.
  public var first: LogIndex
  public var last: EntryID
  public var hardState: HardState
  public var tail: Tail
  /// Every damaged block, in log order. Empty unless the tail is suspect.
  public var damages: [LogDamage]
}
