// ReadModel: what queries read on the publisher thread.
//
// Invariant: memory and rows stand at the same log index when a query runs (the publisher stores a run before it answers).
// Not here: JSON (Gateway), and waiting for a read index (Replica).

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

  /// Takes a run in: `batch` gets the rows to store with it, `updates` what streams are told. Returns true if the
  /// catalog changed. Queries wait until `batch` is stored.
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

// MARK: Market data. `now` is cluster time, microseconds; a period that ends now includes the running minute.

extension ReadModel {
  /// The best `limit` levels of both sides. `nil`: no such symbol.
  public func depth(_ symbol: SymbolID, limit: Int) -> DepthSnapshot? { nil }
  /// The best prices. `nil`: no such symbol.
  public func bookTicker(_ symbol: SymbolID) -> BookTicker? { nil }
  /// The price of the last trade, `nil` if there was none.
  public func lastPrice(_ symbol: SymbolID) -> Int64? { nil }
  /// Trades from `fromID` up, or the newest; ascending. At most `limit`.
  public func trades(_ symbol: SymbolID, fromID: TradeID?, limit: Int) throws -> [TradeRecord] { [] }
  /// Binance's window rules; `fromID` first, then times (both inclusive); ascending.
  public func aggregateTrades(
    _ symbol: SymbolID, fromID: Int64?, start: Int64?, end: Int64?, limit: Int
  ) throws -> [AggregateTrade] { [] }
  /// Candles by open time, ascending, the running one included; periods without trades are flat. `offset` moves the
  /// grid (a time zone, microseconds east).
  public func klines(
    _ symbol: SymbolID, _ interval: Interval, start: Int64?, end: Int64?, offset: Int64 = 0,
    limit: Int, now: Int64
  ) throws -> [Candle] { [] }
  /// The rolling 24 hours. `nil`: no such symbol.
  public func ticker24(_ symbol: SymbolID, now: Int64) -> TickerStatistics? { nil }
  /// The average price over 5 minutes. `nil`: no such symbol.
  public func averagePrice(_ symbol: SymbolID, now: Int64) -> AveragePrice? { nil }
}

// MARK: Accounts

extension ReadModel {
  /// The latest view of an order.
  public func order(_ account: AccountID, _ symbol: SymbolID, id: OrderID) throws -> OrderView? {
    nil
  }
  /// The newest order under a client order id.
  public func order(
    _ account: AccountID, _ symbol: SymbolID, clientOrderID: ShortText
  ) throws -> OrderView? { nil }
  /// Open orders of a symbol, or of all, in symbol and id order. At most `limit`.
  public func openOrders(_ account: AccountID, _ symbol: SymbolID?, limit: Int = 10_000) throws
    -> [OrderView]
  { [] }
  /// Orders of all states by creation time, ascending: from `fromID` up, or Binance's window rules.
  public func allOrders(
    _ account: AccountID, _ symbol: SymbolID, fromID: OrderID?, start: Int64?, end: Int64?,
    limit: Int
  ) throws -> [OrderView] { [] }
  /// The account's trades, ascending: of one order, from `fromID` up, or Binance's window rules.
  public func accountTrades(
    _ account: AccountID, _ symbol: SymbolID, orderID: OrderID?, fromID: TradeID?, start: Int64?,
    end: Int64?, limit: Int
  ) throws -> [AccountTrade] { [] }
  /// Balances that have a row, in asset order.
  public func balances(_ account: AccountID) throws -> [BalanceChange] { [] }
  /// Orders placed in the windows that hold `time`.
  public func orderCounts(_ account: AccountID, at time: Int64) throws -> OrderCounts {
    OrderCounts(in10Seconds: 0, inDay: 0)
  }
  /// Deposits and withdrawals, newest `limit`, ascending.
  public func transfers(_ account: AccountID, limit: Int) throws -> [Transfer] { [] }
}
