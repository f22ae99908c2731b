// MarketState: market data of all symbols, folded from the engine's events.
//
// Not here: queries (ReadModel).

import Engine
import Wire

/// Everything that market data needs in memory.
public struct MarketState {
  /// Rebuilds the state from stored rows.
  public init(rows: any RowReader, catalog: Catalog) throws {}

  /// Takes the events of a run in: adds the rows that changed, and what streams are told.
  public mutating func fold(
    _ events: EventBatch, into rows: inout RowBatch, updates: inout [MarketUpdate]
  ) {}
}
