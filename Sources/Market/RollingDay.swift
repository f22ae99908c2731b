// RollingDay: one symbol's trading of the last 24 hours, in minutes.
//
// Invariants: candles of minutes with trades only, ascending, at most 1,441; `previousClose` is the
// close of the minute with trades before the first of them.
// Not here: candles of other intervals (SymbolMarket).

import Engine

/// Minute candles of the last day.
struct RollingDay: Equatable, Sendable {
  static let length: Int64 = 86_400_000_000

  private(set) var minutes: [Candle] = []
  /// Price before the first minute kept, 0 if nobody ever traded before it.
  private(set) var previousClose: Int64 = 0

  init() {}

  init(minutes: [Candle], previousClose: Int64) {
    self.minutes = minutes
    self.previousClose = previousClose
  }

  /// The first minute that a day ending at `time` counts; up to 59.999999 s are added so that
  /// minutes count whole.
  static func start(endingAt time: Int64) -> Int64 { Interval.minute1.start(of: time - length) }

  mutating func add(_ trade: Trade) {
    let minute = Interval.minute1.start(of: trade.stamp)
    if let last = minutes.indices.last, minutes[last].openTime == minute {
      minutes[last].add(trade)
      return
    }
    let start = Self.start(endingAt: trade.stamp)
    let old = minutes.prefix { $0.openTime < start }.count
    if old > 0 {
      previousClose = minutes[old - 1].close
      minutes.removeFirst(old)
    }
    minutes.append(Candle(first: trade, openTime: minute))
  }

  /// All trading since `start` as one candle, and the price before it. O(minutes).
  func total(since start: Int64) -> (total: Candle, previousClose: Int64) {
    var total = Candle(flatAt: 0, openTime: start)
    var before = previousClose
    for minute in minutes {
      if minute.openTime < start {
        before = minute.close
      } else {
        total.add(minute)
      }
    }
    return (total, before)
  }
}
