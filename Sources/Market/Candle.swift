// Candle: open, high, low, close and volumes of one period, and how they add up.
//
// Invariants: low <= open, close <= high; count is the number of trades in the period; volumes
// saturate instead of overflowing, so that folding a trade cannot stop a node.
// Not here: when a period begins (Interval), and where candles are kept (SymbolMarket, MarketRows).

import Engine

/// The trading of one period.
public struct Candle: Hashable, Sendable {
  /// When the period began.
  public var openTime: Int64
  public var open: Int64
  public var high: Int64
  public var low: Int64
  public var close: Int64
  public var volume: Int64
  public var quoteVolume: Int64
  /// Base and quote volume of the trades whose taker bought.
  public var takerBuyVolume: Int64
  public var takerBuyQuoteVolume: Int64
  /// Ids of the first and last trade, -1 if there was none.
  public var firstTrade: Int64
  public var lastTrade: Int64

  /// A period without trades at the price of the last trade before it.
  public init(flatAt price: Int64, openTime: Int64) {
    self.openTime = openTime
    open = price
    high = price
    low = price
    close = price
    volume = 0
    quoteVolume = 0
    takerBuyVolume = 0
    takerBuyQuoteVolume = 0
    firstTrade = -1
    lastTrade = -1
  }

  /// A period that begins with this trade.
  public init(first trade: Trade, openTime: Int64) {
    self.init(flatAt: trade.price, openTime: openTime)
    add(trade)
  }

  /// The number of trades; trade ids have no gaps.
  public var count: Int64 { firstTrade < 0 ? 0 : lastTrade - firstTrade + 1 }

  /// Adds the next trade of the period.
  mutating func add(_ trade: Trade) {
    if firstTrade < 0 {
      open = trade.price
      high = trade.price
      low = trade.price
      firstTrade = trade.id.value
    }
    high = max(high, trade.price)
    low = min(low, trade.price)
    close = trade.price
    lastTrade = trade.id.value
    volume = saturating(volume, trade.quantity)
    quoteVolume = saturating(quoteVolume, trade.quoteQuantity)
    guard !trade.buyerIsMaker else { return }
    takerBuyVolume = saturating(takerBuyVolume, trade.quantity)
    takerBuyQuoteVolume = saturating(takerBuyQuoteVolume, trade.quoteQuantity)
  }

  /// Adds the trading of a later part of the same period. A part without trades changes nothing.
  mutating func add(_ part: Candle) {
    guard part.firstTrade >= 0 else { return }
    if firstTrade < 0 {
      open = part.open
      high = part.high
      low = part.low
      firstTrade = part.firstTrade
    }
    high = max(high, part.high)
    low = min(low, part.low)
    close = part.close
    lastTrade = part.lastTrade
    volume = saturating(volume, part.volume)
    quoteVolume = saturating(quoteVolume, part.quoteVolume)
    takerBuyVolume = saturating(takerBuyVolume, part.takerBuyVolume)
    takerBuyQuoteVolume = saturating(takerBuyQuoteVolume, part.takerBuyQuoteVolume)
  }
}

/// a + b for amounts of at least 0, at most what 63 bits hold.
func saturating(_ a: Int64, _ b: Int64) -> Int64 {
  let (sum, overflow) = a.addingReportingOverflow(b)
  return overflow ? Int64.max : sum
}

/// quote / volume as a price in quote units for one whole base (floor); 0 if the volume is 0.
func averagePrice(quote: Int64, volume: Int64, baseScale: Int) -> Int64 {
  guard volume > 0 else { return 0 }
  var whole: Int128 = 1
  for _ in 0..<baseScale { whole *= 10 }
  return Int64(clamping: Int128(quote) * whole / Int128(volume))
}
