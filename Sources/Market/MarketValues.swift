// MarketValues: what market data is made of, as plain values.
//
// Prices are quote units for one whole base, quantities base units, quote quantities quote units
// (10^-scale each); times are microseconds since 1970.
// Not here: how they come about (SymbolMarket) and their text forms (Gateway).

import Engine

/// One price level of a book.
public struct PriceLevel: Hashable, Sendable {
  public var price: Int64
  /// Visible quantity; in a `DepthDiff`, 0 means that the level is gone.
  public var quantity: Int64
  public init(price: Int64, quantity: Int64) {
    self.price = price
    self.quantity = quantity
  }
}

/// A book at one update id, best price first on both sides.
public struct DepthSnapshot: Hashable, Sendable {
  public var symbol: SymbolID
  public var lastUpdateID: Int64
  public var bids: [PriceLevel]
  public var asks: [PriceLevel]
}

/// The levels that changed in one window of time, with their quantities at its end. Best price
/// first on both sides. `firstUpdateID` is one more than the `lastUpdateID` of the symbol's diff
/// before it.
public struct DepthDiff: Hashable, Sendable {
  public var symbol: SymbolID
  public var firstUpdateID: Int64
  public var lastUpdateID: Int64
  public var bids: [PriceLevel]
  public var asks: [PriceLevel]
  /// End of the window.
  public var time: Int64
}

/// The best prices of a book. Price and quantity are 0 on an empty side.
public struct BookTicker: Hashable, Sendable {
  public var symbol: SymbolID
  public var updateID: Int64
  public var bid: PriceLevel
  public var ask: PriceLevel
}

/// A public trade as history keeps it.
public struct TradeRecord: Hashable, Sendable {
  public var id: TradeID
  public var price: Int64
  public var quantity: Int64
  public var quoteQuantity: Int64
  public var time: Int64
  public var buyerIsMaker: Bool
}

/// The trades of one taker order at one price, merged. Ids count per symbol from 1 without gaps.
public struct AggregateTrade: Hashable, Sendable {
  public var symbol: SymbolID
  public var id: Int64
  public var price: Int64
  public var quantity: Int64
  public var firstTrade: TradeID
  public var lastTrade: TradeID
  public var time: Int64
  public var buyerIsMaker: Bool
}

/// One side of a trade, as its account sees it.
public struct AccountTrade: Hashable, Sendable {
  public var symbol: SymbolID
  public var id: TradeID
  public var order: OrderID
  public var price: Int64
  public var quantity: Int64
  public var quoteQuantity: Int64
  public var commission: Int64
  public var commissionAsset: AssetID
  public var time: Int64
  public var isBuyer: Bool
  public var isMaker: Bool
  /// The list that the order belongs to, or `.none`.
  public var list: OrderListID = .none
}

/// A trade that self-trade prevention kept from happening, as an account that took part sees it.
public struct AccountPreventedMatch: Hashable, Sendable {
  public var symbol: SymbolID
  public var id: PreventedMatchID
  public var taker: OrderID
  public var maker: OrderID
  /// The group that both accounts belong to, or `.none` if they are the same account.
  public var group: TradeGroupID
  public var mode: SelfTradePrevention
  public var price: Int64
  /// What each side lost; 0 if it lost nothing.
  public var takerQuantity: Int64
  public var makerQuantity: Int64
  public var time: Int64
}

/// One lowering of an order's quantity.
public struct AccountAmendment: Hashable, Sendable {
  public var symbol: SymbolID
  public var order: OrderID
  public var execution: ExecutionID
  public var originalClientOrderID: ShortText
  public var newClientOrderID: ShortText
  public var originalQuantity: Int64
  public var newQuantity: Int64
  public var time: Int64
}

/// A deposit (amount above 0) or a withdrawal (below 0) of an account, named by its event: log
/// index and ordinal.
public struct Transfer: Hashable, Sendable {
  public var index: UInt64
  public var ordinal: UInt32
  public var asset: AssetID
  public var amount: Int64
  public var id: String
  public var time: Int64
}

/// Trading over a period that ends now (Binance's 24 h ticker). Ids are -1 and prices 0 if there
/// was no trade.
public struct TickerStatistics: Hashable, Sendable {
  public var symbol: SymbolID
  public var openTime: Int64
  public var closeTime: Int64
  public var open: Int64
  public var high: Int64
  public var low: Int64
  public var last: Int64
  public var lastQuantity: Int64
  /// Price of the trade before the first one of the period, 0 if there is none.
  public var previousClose: Int64
  public var volume: Int64
  public var quoteVolume: Int64
  /// quoteVolume / volume as a price, 0 without trades.
  public var weightedAverage: Int64
  public var firstTrade: Int64
  public var lastTrade: Int64
  public var count: Int64
  public var bid: PriceLevel
  public var ask: PriceLevel

  /// last - open, 0 without trades.
  public var change: Int64 { firstTrade < 0 ? 0 : last - open }

  /// The change in thousandths of a percent of the open price, rounded half away from zero.
  public var changePercent: Int64 {
    guard open > 0 else { return 0 }
    let thousandths = Int128(change.magnitude) * 100_000
    let rounded = Int64(clamping: (thousandths + Int128(open) / 2) / Int128(open))
    return change < 0 ? -rounded : rounded
  }
}

/// The volume-weighted price of the last minutes; the last price if nobody traded in them.
public struct AveragePrice: Hashable, Sendable {
  public var symbol: SymbolID
  public var minutes: Int
  public var price: Int64
  /// Time of the last trade, 0 if there was none ever.
  public var closeTime: Int64
}

/// What market streams are told. The order is the order of the events that caused it.
public enum MarketUpdate: Hashable, Sendable {
  case trade(Trade)
  case aggregateTrade(AggregateTrade)
  /// After each command that changed a best price or its quantity.
  case bookTicker(BookTicker)
  /// One per symbol and window of 100 ms in which a level changed.
  case depth(DepthDiff)
  /// A candle with trades in it that will not change any more.
  case candleClosed(symbol: SymbolID, interval: Interval, candle: Candle, time: Int64)
  /// The symbol traded in the window of 100 ms that ended at `time`: tickers and running candles
  /// changed.
  case statistics(symbol: SymbolID, time: Int64)

  /// The symbol it is about.
  public var symbol: SymbolID {
    switch self {
    case .trade(let trade): trade.symbol
    case .aggregateTrade(let trade): trade.symbol
    case .bookTicker(let top): top.symbol
    case .depth(let diff): diff.symbol
    case .candleClosed(let symbol, _, _, _): symbol
    case .statistics(let symbol, _): symbol
    }
  }
}
