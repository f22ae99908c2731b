// StreamName: what a market stream's name asks for, for example `btcusdt@depth@100ms`.
//
// Invariant: a name that parses prints as it was written; a well-formed name that nothing serves is
// no error (Binance accepts it and never sends anything).
// Not here: who subscribed (StreamSession, StreamInterest), payloads (StreamRenderer).

import Engine
import Market

/// A parsed stream name.
public struct StreamName: Hashable, Sendable {
  /// What is streamed.
  public enum Kind: Hashable, Sendable {
    case trade
    case aggregateTrade
    case bookTicker
    /// Level changes with `U` and `u`. All speeds are served every 100 ms.
    case depth
    /// The best levels.
    case partialDepth(levels: Int)
    case candle(Interval)
    case miniTicker
    case ticker
    case averagePrice
    /// `!miniTicker@arr`: the mini tickers of all symbols that traded.
    case allMiniTickers
  }

  /// The symbol part as written, in lower case; empty for streams of all symbols.
  public let symbol: String
  public let kind: Kind

  /// `nil` if nothing is served under this name.
  public init?(_ text: String) {
    if text == "!miniTicker@arr" {
      symbol = ""
      kind = .allMiniTickers
      return
    }
    guard let at = text.firstIndex(of: "@"), at != text.startIndex else { return nil }
    symbol = String(text[..<at])
    guard symbol.utf8.count <= CommandCodec.Limit.symbol else { return nil }
    guard !symbol.utf8.contains(where: { $0 >= 0x41 && $0 <= 0x5A }) else { return nil }
    guard let kind = Self.kind(String(text[text.index(after: at)...])) else { return nil }
    self.kind = kind
  }

  private static func kind(_ text: String) -> Kind? {
    switch text {
    case "trade": return .trade
    case "aggTrade": return .aggregateTrade
    case "bookTicker": return .bookTicker
    case "depth", "depth@100ms", "depth@1000ms": return .depth
    case "depth5", "depth5@100ms", "depth5@1000ms": return .partialDepth(levels: 5)
    case "depth10", "depth10@100ms", "depth10@1000ms": return .partialDepth(levels: 10)
    case "depth20", "depth20@100ms", "depth20@1000ms": return .partialDepth(levels: 20)
    case "miniTicker": return .miniTicker
    case "ticker": return .ticker
    case "avgPrice": return .averagePrice
    default:
      guard text.hasPrefix("kline_") else { return nil }
      return Interval(name: String(text.dropFirst("kline_".count))).map { .candle($0) }
    }
  }

  /// True if `text` can stand in a SUBSCRIBE at all: 1 to 128 printable characters without spaces,
  /// quotes and backslashes.
  static func isWellFormed(_ text: String) -> Bool {
    let bytes = text.utf8
    guard !bytes.isEmpty, bytes.count <= 128 else { return false }
    return bytes.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != 0x22 && $0 != 0x5C }
  }
}

/// One rendering of a stream: the name as subscribed, and the unit of its times.
public struct StreamKey: Hashable, Sendable {
  public var name: String
  public var unit: TimeUnit

  public init(name: String, unit: TimeUnit) {
    self.name = name
    self.unit = unit
  }
}
