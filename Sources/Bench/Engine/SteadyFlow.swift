// SteadyFlow: orders and cancels without end that leave the number of open orders as it is: each order that rests is
// cancelled once so many more were placed, unless it was traded away by then.
//
// Not here: running it (EngineRun).

/// Where an engine run takes its operations from.
protocol OrderStream {
  /// One of the orders that fill the book beforehand.
  mutating func passiveOrder() -> FlowF1.Operation
  mutating func next() -> FlowF1.Operation
}

extension FlowF1: OrderStream {}

struct SteadyFlow: OrderStream {
  private var random = Generator(seed: 7)
  /// The ids of the last orders that rest, as a ring; 0: cancelled already.
  private var ring: [Int64]
  private var oldest = 0
  private var lastID: Int64 = 0
  private var placesNext = false

  /// `open`: the most orders that are open at a time.
  init(open: Int) { ring = [Int64](repeating: 0, count: open) }

  mutating func passiveOrder() -> FlowF1.Operation {
    let isBuy = random.below(2) == 1
    let offset = Int64(1 + random.below(500))
    lastID += 1
    ring[oldest] = lastID
    oldest = (oldest + 1) % ring.count
    return .place(
      id: lastID, isBuy: isBuy, price: isBuy ? 100_000 - offset : 100_000 + offset,
      quantity: Int64(1 + random.below(100)))
  }

  mutating func next() -> FlowF1.Operation {
    placesNext.toggle()
    if placesNext, ring[oldest] > 0 { return .cancel(id: ring[oldest]) }
    if random.below(100) < 85 { return passiveOrder() }
    let isBuy = random.below(2) == 1
    lastID += 1
    return .place(
      id: lastID, isBuy: isBuy, price: isBuy ? 100_010 : 99_990,
      quantity: Int64(1 + random.below(100)))
  }
}
