// TriggerWatch: which waiting orders the trades of a command must fire, and in what order, from
// nothing but events. The extreme of a trailing order is kept here a second time.
//
// Trades are looked at once their taker is through; what one look met fires in the order of ids,
// and what the trades of a turn meet comes behind that. A look's end is therefore where the next
// turn begins.
// Not here: holds and places in the queue (SpecialRun).

import Engine

struct TriggerWatch {
  typealias Key = PropertyRun.NaiveKey

  struct Waiting {
    var view: OrderView
    /// The prices of this command that it has to do with begin here.
    var since: Int
    var follows: Bool
    /// The best price since it follows; 0: none yet.
    var extreme: Int64
    /// Which of this command's prices met it.
    var met: Int?
  }

  /// What is wrong, if anything is.
  private(set) var wrong: String?
  private(set) var trails = 0
  private(set) var together = 0
  private var waiting: [Key: Waiting] = [:]
  private var last: [SymbolID: Int64] = [:]
  /// What the running command trades at, and where: on one symbol only.
  private var prices: [Int64] = []
  private var symbol = SymbolID(0)
  private var looks: Set<Int> = []
  private var turn: (look: Int, id: OrderID)?

  mutating func begin() {
    prices = []
    looks = []
    turn = nil
    for key in waiting.keys { waiting[key]?.since = 0 }
  }

  mutating func note(_ trade: Trade) {
    prices.append(trade.price)
    symbol = trade.symbol
    last[trade.symbol] = trade.price
  }

  /// An order that waits for a price from now on.
  mutating func add(_ view: OrderView) {
    let follows = view.extras.terms.stopPrice == 0
    waiting[Key(symbol: view.symbol, id: view.id)] = Waiting(
      view: view, since: view.symbol == symbol ? prices.count : 0, follows: follows,
      extreme: follows ? last[view.symbol] ?? 0 : 0)
  }

  mutating func remove(_ key: Key) { waiting[key] = nil }

  /// Something takes its turn: all trades so far were looked at.
  mutating func endLook() { looks.insert(prices.count) }

  /// An order that waited enters the market.
  mutating func fired(_ key: Key) {
    advance(key)
    guard let order = waiting[key] else { return }
    waiting[key] = nil
    guard let met = order.met else {
      wrong = wrong ?? "order \(key.id.value) fired, and no trade met it"
      return
    }
    if order.follows { trails += 1 }
    let look = looks.count { $0 <= met }
    if let turn, (look, key.id) < turn {
      wrong = wrong ?? "order \(key.id.value) fired after order \(turn.id.value)"
    }
    if turn?.look == look { together += 1 }
    turn = (look, key.id)
  }

  /// After the command: nothing that was met waits.
  mutating func end() {
    for key in waiting.keys {
      advance(key)
      if waiting[key]?.met != nil { wrong = wrong ?? "order \(key.id.value) was met and waits" }
    }
  }

  private mutating func advance(_ key: Key) {
    guard key.symbol == symbol, var order = waiting[key], order.met == nil else { return }
    for i in order.since..<max(order.since, prices.count) {
      let price = prices[i]
      order.since = i + 1
      if !order.follows {
        guard Self.meets(order.view, price) else { continue }
        if order.view.extras.terms.trailingDelta == 0 {
          order.met = i
          break
        }
        order.follows = true
        order.extreme = price
      } else if order.extreme == 0
        || (order.view.side == .sell ? price > order.extreme : price < order.extreme)
      {
        order.extreme = price
      } else if Self.turned(order, price) {
        order.met = i
        break
      }
    }
    waiting[key] = order
  }

  // Hundredths of a per cent between the extreme and the price.
  private static func turned(_ order: Waiting, _ price: Int64) -> Bool {
    let distance = (Int128(price) - Int128(order.extreme)).magnitude * 10_000
    return distance
      >= UInt128(order.extreme.magnitude) * UInt128(order.view.extras.terms.trailingDelta)
  }

  /// The table: which side of its price a stop waits for.
  static func meets(_ view: OrderView, _ price: Int64) -> Bool {
    let stop = view.extras.terms.stopPrice
    return switch (view.type, view.side) {
    case (.stopLoss, .buy), (.stopLossLimit, .buy), (.takeProfit, .sell),
      (.takeProfitLimit, .sell):
      price >= stop
    default: price <= stop
    }
  }
}
