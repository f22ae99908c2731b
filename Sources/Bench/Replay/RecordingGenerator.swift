// RecordingGenerator: makes a recording of the recorded shape from a seed, for tests that bring no data of their own.
//
// It keeps a naive book, trades against it, moves levels at random (never crossed), and writes
// trades, diffs and tickers in the order in which Binance's streams deliver them, with tickers that
// are sometimes late.
// Not here: reading recordings (Recording).

import Gateway

/// Writes a recording as text.
struct RecordingGenerator {
  private var random: Generator
  private var book = NaiveBook()
  private var update: Int64 = 1_000_000
  private var time: Int64 = 1_700_000_000_000_000_000
  private var trade: Int64 = 1
  private var lines: [String] = []
  private let middle: Int64 = 60_000_00000000
  private let tick: Int64 = 1_000_000
  private let symbol: String

  init(seed: UInt64, symbol: String = "BTCUSDT") {
    random = Generator(seed: seed)
    self.symbol = symbol
  }

  /// A recording of `diffs` depth messages.
  mutating func text(diffs: Int) -> String {
    for number in 0..<diffs {
      var changed: [Bool: Set<Int64>] = [true: [], false: []]
      if number > 0 {
        for _ in 0..<random.below(4) { makeTrade(&changed) }
      }
      let moves = number == 0 ? 40 : 1 + random.below(12)
      for _ in 0..<moves { moveLevel(&changed) }
      writeTicker(late: false)
      writeDiff(changed, first: update - Int64(moves))
      if random.below(5) == 0 { writeTicker(late: true) }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private mutating func makeTrade(_ changed: inout [Bool: Set<Int64>]) {
    let buy = random.below(2) == 1
    guard let best = buy ? book.asks.first : book.bids.first else { return }
    // At the best price, a little through it, or out of reach.
    let reach = Int64(random.below(6) - 1) * tick
    let price = buy ? best.price + reach : best.price - reach
    let quantity = 1 + Int64(random.below(Int(min(best.quantity, 1 << 30)) * 2))
    let fills = book.take(buy: buy, price: price, quantity: quantity)
    // Some fills are named by the next diff, the others must be put back by the player.
    for fill in fills {
      let named = random.below(2) == 0
      if named {
        changed[!buy, default: []].insert(fill.price)
      } else {
        let left = level(buy: !buy, fill.price)
        book.set(buy: !buy, Level(price: fill.price, quantity: left + fill.quantity))
      }
    }
    update += 1
    write(
      "trade",
      #"{"e":"trade","E":\#(time / 1_000_000),"s":"\#(symbol)","t":\#(trade),"p":"\#(text(price))","#
        + #""q":"\#(text(quantity))","T":\#(time / 1_000_000),"m":\#(!buy),"M":true}"#)
    trade += 1
  }

  private func level(buy: Bool, _ price: Int64) -> Int64 {
    (buy ? book.bids : book.asks).first { $0.price == price }?.quantity ?? 0
  }

  private mutating func moveLevel(_ changed: inout [Bool: Set<Int64>]) {
    let buy = random.below(2) == 1
    let offset = Int64(1 + random.below(60)) * tick
    let drift = Int64(random.below(11) - 5) * tick
    var price = middle + drift + (buy ? -offset : offset)
    // Never crossed: a level stays on its side of the other side's best.
    if buy, let ask = book.asks.first { price = min(price, ask.price - tick) }
    if !buy, let bid = book.bids.first { price = max(price, bid.price + tick) }
    let side = buy ? book.bids : book.asks
    let remove = random.below(4) == 0 && side.count > 5
    book.set(
      buy: buy, Level(price: price, quantity: remove ? 0 : 1_000 + Int64(random.below(500_000_000)))
    )
    changed[buy, default: []].insert(price)
    update += 1
  }

  private mutating func writeDiff(_ changed: [Bool: Set<Int64>], first: Int64) {
    func side(_ buy: Bool) -> String {
      let prices = changed[buy, default: []].sorted()
      return prices.map { #"["\#(text($0))","\#(text(level(buy: buy, $0)))"]"# }
        .joined(separator: ",")
    }
    time += 100_000_000
    write(
      "depth@100ms",
      #"{"e":"depthUpdate","E":\#(time / 1_000_000),"s":"\#(symbol)","U":\#(first),"u":\#(update),"#
        + #""b":[\#(side(true))],"a":[\#(side(false))]}"#)
  }

  private mutating func writeTicker(late: Bool) {
    guard let bid = book.bids.first, let ask = book.asks.first else { return }
    if late { update += 1 }
    write(
      "bookTicker",
      #"{"u":\#(update),"s":"\#(symbol)","b":"\#(text(bid.price))","B":"\#(text(bid.quantity))","#
        + #""a":"\#(text(ask.price))","A":"\#(text(ask.quantity))"}"#)
  }

  private mutating func write(_ stream: String, _ data: String) {
    lines.append(#"\#(time) {"stream":"\#(symbol.lowercased())@\#(stream)","data":\#(data)}"#)
  }

  private func text(_ value: Int64) -> String { Decimal.text(value, scale: 8) }
}
