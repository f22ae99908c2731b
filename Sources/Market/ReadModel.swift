// ReadModel: what queries read on the publisher thread.
//
// Invariant: memory and rows stand at the same log index when a query runs (the publisher stores a
// run before it answers).
// Not here: JSON (Gateway), waiting for a read index (Replica); the queries are in the files
// ReadModel+... .

import Engine
import Wire

/// Market data in memory and history in rows, at one log index. Owned by one thread.
public final class ReadModel {
  /// Names and ids.
  public private(set) var catalog: Catalog
  /// Depth, tickers and running candles.
  public private(set) var market: MarketState
  /// The stored rows.
  public let rows: any RowReader
  /// The log index that this state reflects.
  public private(set) var appliedIndex: UInt64
  /// The stamp of that entry, microseconds since 1970.
  public private(set) var stamp: Int64

  /// Rebuilds everything from rows that stand at `appliedIndex`. Throws if a row cannot be read.
  public init(rows: any RowReader, appliedIndex: UInt64, stamp: Int64) throws {
    self.rows = rows
    self.appliedIndex = appliedIndex
    self.stamp = stamp
    catalog = try Catalog(rows: rows)
    market = try MarketState(rows: rows, catalog: catalog)
  }

  /// Takes a run in: `batch` gets the rows to store with it, `updates` what streams are told.
  /// Returns true if the catalog changed. Queries wait until `batch` is stored.
  public func fold(
    _ events: EventBatch, into batch: inout RowBatch, updates: inout [MarketUpdate]
  ) -> Bool {
    var changed = false
    for event in events.events where catalog.fold(event) { changed = true }
    market.fold(events, into: &batch, updates: &updates)
    if let last = events.entries.last {
      appliedIndex = last.index
      stamp = last.stamp
    }
    return changed
  }
}
