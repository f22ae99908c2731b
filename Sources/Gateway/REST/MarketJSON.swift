// MarketJSON: pieces of market data that REST answers and streams share.
// Not here: whole answers (MarketRoutes) and payloads (StreamPayload).

import Engine
import Market

extension JSONWriter {
  /// `[["price","quantity"],...]`; a removed level has quantity 0.00000000.
  mutating func levels(_ levels: [PriceLevel], base: Int, quote: Int) {
    array {
      for level in levels {
        $0.array {
          $0.decimal(level.price, scale: quote)
          $0.decimal(level.quantity, scale: base)
        }
      }
    }
  }

  /// The fields of a book: `lastUpdateId`, `bids`, `asks`.
  mutating func depth(_ depth: DepthSnapshot, base: Int, quote: Int) {
    field("lastUpdateId", depth.lastUpdateID)
    key("bids")
    levels(depth.bids, base: base, quote: quote)
    key("asks")
    levels(depth.asks, base: base, quote: quote)
  }

  /// Binance's candle: twelve elements, the last one without meaning.
  mutating func candle(
    _ candle: Candle, closeTime: Int64, base: Int, quote: Int, _ unit: TimeUnit
  ) {
    array {
      $0.int(unit.print(candle.openTime))
      $0.decimal(candle.open, scale: quote)
      $0.decimal(candle.high, scale: quote)
      $0.decimal(candle.low, scale: quote)
      $0.decimal(candle.close, scale: quote)
      $0.decimal(candle.volume, scale: base)
      $0.int(unit.print(closeTime))
      $0.decimal(candle.quoteVolume, scale: quote)
      $0.int(candle.count)
      $0.decimal(candle.takerBuyVolume, scale: base)
      $0.decimal(candle.takerBuyQuoteVolume, scale: quote)
      $0.string("0")
    }
  }
}
