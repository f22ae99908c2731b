// RecoveredLog: what a log held when it was opened.
//
// Invariant: a view of that moment's bounds; entries are read from the files when asked for, so memory stays bounded.
// Not here: how it was found (LogScanner).

import Raft

/// The contents of a log at the moment it was opened.
public struct RecoveredLog: Sendable {
  public let hardState: HardState
  /// The entry before the first one: `EntryID.zero` on a log that was never cut.
  public let base: EntryID
  /// The last entry; equals `base` if there is none.
  public let last: EntryID
  public let tail: Tail
  /// What damage took from this log and is not given back yet, found now or remembered.
  public let claim: LogClaim
  let store: LogStore

  /// The log once held entries that it does not hold now: found damaged now, or remembered from a repair.
  public var suspect: Suspect? { claim.suspect }
  /// The newest term and vote may be missing from `hardState`.
  public var voteUnreadable: Bool { claim.voteUnreadable }

  /// The index of the first entry; above `last.index` if there is none.
  public var first: LogIndex { base.index.next }

  /// The entries after `index`, up to the last one, all at once. Valid until the log is cut or truncated.
  ///
  /// - Throws: `StorageError` if a file cannot be read, or if entries after `index` were cut away.
  /// - Complexity: O(n); holds all of them in memory (`LogStore.read` reads in pieces).
  public func entries(after index: LogIndex) throws(StorageError) -> [Entry] {
    var entries: [Entry] = []
    var position = index
    while position < last.index {
      let piece = try store.read(after: position, bytesMax: 1 << 20).entries
      guard let end = piece.last else { break }
      entries.append(contentsOf: piece)
      position = end.index
    }
    return entries
  }

  /// The term of an entry from `base` to `last`; `nil` outside.
  public func term(at index: LogIndex) -> Term? { store.term(at: index) }
}
