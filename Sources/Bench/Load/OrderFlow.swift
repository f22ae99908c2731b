// OrderFlow: the seeded stream of orders and cancels that the load sends.
//
// 32 accounts, 2 symbols, prices within 50 ticks of the middle; 20 % cancels. On each symbol half of the accounts only
// buy and the other half only sell, so that nobody trades with himself.
// Not here: when requests are due and where they go (LoadRun).

import Gateway

/// What a request was meant to do.
enum Intent: Sendable {
  case place(account: Int, symbol: Int, clientID: String)
  case cancel(account: Int, symbol: Int, orderID: Int64)
}

/// An order that the account may still cancel.
struct RestingOrder: Sendable {
  var account: Int
  var symbol: Int
  var id: Int64
}

/// Draws requests. Remembers resting orders as replies tell of them (bounded).
struct OrderFlow {
  static let accounts = 32
  static let symbols = 2
  private static let restingMax = 20_000
  private static let middleTicks = 6_000_000
  private var random: Generator
  private var resting: [RestingOrder] = []
  private var placed = 0
  private let tag: String

  init(seed: UInt64, tag: String) {
    random = Generator(seed: seed)
    self.tag = tag
  }

  /// The next request. A cancel becomes a place while nothing rests.
  mutating func next() -> (intent: Intent, method: String, parameters: String) {
    if random.below(100) < 20, !resting.isEmpty { return cancel() }
    let account = random.below(Self.accounts)
    let symbol = random.below(Self.symbols)
    let buy = (account + symbol) % 2 == 0
    let offset = random.below(101) - 50
    let ticks = Self.middleTicks + (buy ? offset : -offset)
    let quantity = 1 + random.below(100)
    placed += 1
    let clientID = "\(tag)-\(placed)"
    let price = Decimal.text(Int64(ticks), scale: 2, decimals: 2)
    let amount = Decimal.text(Int64(quantity), scale: 5, decimals: 5)
    return (
      .place(account: account, symbol: symbol, clientID: clientID), "POST",
      "side=\(buy ? "BUY" : "SELL")&type=LIMIT&timeInForce=GTC&quantity=\(amount)&price=\(price)"
        + "&newClientOrderId=\(clientID)"
    )
  }

  private mutating func cancel() -> (intent: Intent, method: String, parameters: String) {
    let at = random.below(resting.count)
    resting.swapAt(at, resting.count - 1)
    let order = resting.removeLast()
    return (
      .cancel(account: order.account, symbol: order.symbol, orderID: order.id), "DELETE",
      "orderId=\(order.id)"
    )
  }

  /// A placed order stayed on the book.
  mutating func rests(_ order: RestingOrder) {
    if resting.count == Self.restingMax {
      resting[random.below(resting.count)] = order
    } else {
      resting.append(order)
    }
  }
}
