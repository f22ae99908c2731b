// MarketState: market data of all symbols, folded from the engine's events.
//
// Invariants: the same events give the same rows and updates, however they are cut into runs and
// wherever the node restarted in between; nothing here is decided by a clock or by the order of a
// hash table.
// Not here: queries (ReadModel), and one symbol's data (SymbolMarket).

import Engine
import Wire

/// Everything that market data needs in memory.
public struct MarketState {
  private(set) var symbols: [SymbolMarket] = []
  private var positions: [SymbolID: Int] = [:]
  private var history = HistoryRows()
  /// The earliest deadline of all symbols.
  private var deadline = Int64.max
  private var aggregate: PendingAggregate?
  /// Position of the symbol whose levels the running command changed.
  private var touched: Int?

  private struct PendingAggregate {
    var position: Int
    var taker: OrderID
    var value: AggregateTrade
  }

  /// Rebuilds the state of the catalog's symbols from stored rows. Throws if a row cannot be read
  /// or decoded.
  public init(rows: any RowReader, catalog: Catalog) throws {
    for info in catalog.symbols { add(try SymbolMarket(info, rows: rows)) }
    findDeadline()
  }

  /// An exchange without symbols.
  public init() {}

  func symbol(_ id: SymbolID) -> SymbolMarket? { positions[id].map { symbols[$0] } }

  /// The running candle of an interval on the UTC grid, `nil` if nobody has traded in it yet.
  public func runningCandle(_ symbol: SymbolID, _ interval: Interval) -> Candle? {
    positions[symbol].flatMap { symbols[$0].runningCandle(interval) }
  }

  /// Takes the events of a run in: adds the rows that changed, and what streams are told.
  ///
  /// - Complexity: O(events), and O(log levels) for each changed level.
  public mutating func fold(
    _ events: EventBatch, into rows: inout RowBatch, updates: inout [MarketUpdate]
  ) {
    for position in events.entries.indices {
      let entry = events.entries[position]
      advance(to: entry.stamp, into: &rows, updates: &updates)
      var ordinal: UInt32 = 0
      for event in events.events(of: position) {
        fold(event, entry, ordinal, into: &rows, updates: &updates)
        ordinal += 1
      }
      endAggregate(into: &rows, updates: &updates)
      endLevels(updates: &updates)
    }
    history.store(into: &rows)
    for position in symbols.indices { symbols[position].store(into: &rows) }
  }

  private mutating func advance(
    to stamp: Int64, into rows: inout RowBatch, updates: inout [MarketUpdate]
  ) {
    guard stamp >= deadline else { return }
    for position in symbols.indices {
      symbols[position].advance(to: stamp, into: &rows, updates: &updates)
    }
    findDeadline()
  }

  private mutating func fold(
    _ event: Event, _ entry: EventBatch.Entry, _ ordinal: UInt32, into rows: inout RowBatch,
    updates: inout [MarketUpdate]
  ) {
    if case .trade(let trade) = event {
      endLevels(updates: &updates)
      fold(trade, into: &rows, updates: &updates)
      return
    }
    endAggregate(into: &rows, updates: &updates)
    if case .levelChanged(let change) = event {
      fold(change, stamp: entry.stamp, updates: &updates)
      return
    }
    endLevels(updates: &updates)
    switch event {
    case .orderAccepted(let order): history.accepted(order, into: &rows)
    case .orderClosed(let order, _): history.note(order)
    case .fundsMoved(let funds):
      history.moved(funds, index: entry.index, ordinal: ordinal, into: &rows)
    case .symbolChanged(let info): if positions[info.id] == nil { add(SymbolMarket(info)) }
    case .orderTriggered(let order): history.note(order)
    case .matchPrevented(let match): history.prevented(match, into: &rows)
    case .orderAmended(let amendment): history.amended(amendment, into: &rows)
    case .listChanged(let list): history.changed(list, into: &rows)
    case .trade, .levelChanged, .balanceChanged, .withdrawalChanged,
      .commissionChanged, .discountChanged,
      .assetAdded, .accountChanged,
      .keyChanged:
      break
    }
  }

  private mutating func fold(
    _ trade: Trade, into rows: inout RowBatch, updates: inout [MarketUpdate]
  ) {
    guard let position = positions[trade.symbol] else { return }
    symbols[position].apply(trade, into: &rows)
    history.traded(trade, into: &rows)
    if var pending = aggregate, pending.position == position, pending.taker == trade.taker.id,
      pending.value.price == trade.price
    {
      pending.value.quantity = saturating(pending.value.quantity, trade.quantity)
      pending.value.lastTrade = trade.id
      aggregate = pending
    } else {
      endAggregate(into: &rows, updates: &updates)
      aggregate = PendingAggregate(
        position: position, taker: trade.taker.id,
        value: AggregateTrade(
          symbol: trade.symbol, id: symbols[position].nextAggregate, price: trade.price,
          quantity: trade.quantity, firstTrade: trade.id, lastTrade: trade.id, time: trade.stamp,
          buyerIsMaker: trade.buyerIsMaker))
      symbols[position].nextAggregate += 1
    }
    updates.append(.trade(trade))
    deadline = min(deadline, symbols[position].deadline)
  }

  private mutating func fold(
    _ change: LevelChange, stamp: Int64, updates: inout [MarketUpdate]
  ) {
    guard let position = positions[change.symbol] else { return }
    if touched != position { endLevels(updates: &updates) }
    touched = position
    symbols[position].apply(change, stamp: stamp)
    deadline = min(deadline, symbols[position].deadline)
  }

  /// The taker order or the price changed, or its command is over: the aggregate is complete.
  private mutating func endAggregate(into rows: inout RowBatch, updates: inout [MarketUpdate]) {
    guard let done = aggregate else { return }
    aggregate = nil
    rows.put(
      MarketRows.key(MarketRows.aggregatePrefix, done.value.symbol, done.value.id),
      done.value.encoded())
    updates.append(.aggregateTrade(done.value))
  }

  /// The level changes of a command are over: only now the top of the book is worth telling.
  private mutating func endLevels(updates: inout [MarketUpdate]) {
    guard let position = touched else { return }
    touched = nil
    if let top = symbols[position].newTop() { updates.append(.bookTicker(top)) }
  }

  private mutating func add(_ symbol: SymbolMarket) {
    positions[symbol.id] = symbols.count
    symbols.append(symbol)
  }

  private mutating func findDeadline() {
    deadline = Int64.max
    for symbol in symbols { deadline = min(deadline, symbol.deadline) }
  }
}
