// Player: sends a recording through the cluster as signed orders, and keeps the maker's book at the recorded target.
//
// Invariants: the maker has at most one order per side and price; after a diff the orders equal the target book.
// A request whose answer is lost is sent again, byte for byte, to the next node: it gets its first result.
// Not here: comparing with what the nodes show (ReplayChecks).

import Gateway
import NIOCore

/// How the tool is broken on purpose, to prove that the checks see it.
enum PlantedFault: String, CaseIterable {
  case none
  case droppedCancel = "dropped-cancel"
  case ignoredTrade = "ignored-trade"
  case wrongQuantity = "wrong-quantity"
}

/// One of the maker's orders.
private struct MakerOrder {
  var id: Int64
  var remaining: Int64
}

/// What the trades of a recording did.
struct FillCounts {
  var fills = 0
  /// Units of 10^-8.
  var volume: Int64 = 0
  var exact = 0
  var better = 0
  var partial = 0
  var none = 0
}

/// Plays steps against the nodes.
final class Player {
  let symbol: String
  let maker: Signer
  let taker: Signer
  /// What the book must be: the recorded levels.
  private(set) var target = NaiveBook()
  /// The second book, which executes the same orders naively.
  private var naive = NaiveBook()
  private(set) var counts = FillCounts()
  /// Log index of the last acknowledgement.
  private(set) var lastIndex: UInt64 = 0
  private(set) var requestsSent = 0
  private var orders: [Bool: [Int64: MakerOrder]] = [true: [:], false: [:]]
  private var touched: [Bool: Set<Int64>] = [true: [], false: []]
  private let clients: [Client]
  private var preferred = 0
  private let fault: PlantedFault
  private var faultLeft = 1
  /// Names every order: two orders with identical signed bytes in one millisecond would count as one.
  private var ordersMade = 0

  init(symbol: String, maker: Signer, taker: Signer, clients: [Client], fault: PlantedFault) {
    self.symbol = symbol
    self.maker = maker
    self.taker = taker
    self.clients = clients
    self.fault = fault
  }

  /// The number of the maker's open orders.
  var openOrders: Int { orders[true, default: [:]].count + orders[false, default: [:]].count }

  // MARK: Trades

  /// Sends a recorded trade as the taker's IOC order and checks its fills against the naive book.
  func trade(price: Int64, quantity: Int64, buyerIsMaker: Bool) throws(BenchError) {
    let buy = !buyerIsMaker
    let expected = naive.take(buy: buy, price: price, quantity: quantity)
    count(expected, price: price, quantity: quantity)
    if fault == .ignoredTrade, faultLeft > 0, !expected.isEmpty {
      faultLeft -= 1
      return
    }
    let name = nextName()
    let reply = try one(taker) { [symbol] in
      $0.request(
        "POST", "/api/v3/order",
        "symbol=\(symbol)&side=\(buy ? "BUY" : "SELL")&type=LIMIT&timeInForce=IOC"
          + "&quantity=\(Decimal.text(quantity, scale: 8))&price=\(Decimal.text(price, scale: 8))"
          + "&newOrderRespType=FULL&newClientOrderId=\(name)")
    }
    guard let fills = reply["fills"]?.elements else {
      throw BenchError("the IOC at \(Decimal.text(price, scale: 8)) was refused: \(message(reply))")
    }
    var got: [Level] = []
    for fill in fills {
      guard let price = units(fill["price"]), let quantity = units(fill["qty"]) else {
        throw BenchError("a fill without price or quantity")
      }
      got.append(Level(price: price, quantity: quantity))
    }
    guard got == expected else {
      throw BenchError("fills differ: the node \(got), the naive book \(expected)")
    }
    for fill in got { taken(buy: !buy, fill) }
  }

  private func nextName() -> String {
    ordersMade += 1
    return "replay-\(ordersMade)"
  }

  private func taken(buy: Bool, _ fill: Level) {
    touched[buy, default: []].insert(fill.price)
    guard var order = orders[buy, default: [:]][fill.price] else { return }
    order.remaining -= fill.quantity
    orders[buy, default: [:]][fill.price] = order.remaining > 0 ? order : nil
  }

  private func count(_ fills: [Level], price: Int64, quantity: Int64) {
    let filled = fills.reduce(0) { $0 + $1.quantity }
    counts.fills += fills.count
    counts.volume += filled
    if filled == 0 {
      counts.none += 1
    } else if filled < quantity {
      counts.partial += 1
    } else if fills.allSatisfy({ $0.price == price }) {
      counts.exact += 1
    } else {
      counts.better += 1
    }
  }

  // MARK: Diffs

  /// Brings every level that the diff names, or that fills changed, to its target: cancels first, then places.
  func diff(bids: [Level], asks: [Level]) throws(BenchError) {
    for (buy, levels) in [(true, bids), (false, asks)] {
      for level in levels {
        target.set(buy: buy, level)
        touched[buy, default: []].insert(level.price)
      }
    }
    var changes: [(buy: Bool, price: Int64, target: Int64)] = []
    for buy in [true, false] {
      let side = buy ? target.bids : target.asks
      let wanted = Dictionary(uniqueKeysWithValues: side.map { ($0.price, $0.quantity) })
      for price in touched[buy, default: []].sorted() {
        let quantity = wanted[price] ?? 0
        if (orders[buy, default: [:]][price]?.remaining ?? 0) != quantity {
          changes.append((buy, price, quantity))
        }
        naive.set(buy: buy, Level(price: price, quantity: quantity))
      }
    }
    touched = [true: [], false: []]
    try cancel(changes.filter { orders[$0.buy, default: [:]][$0.price] != nil })
    try place(changes.filter { $0.target > 0 })
  }

  private func cancel(_ changes: [(buy: Bool, price: Int64, target: Int64)]) throws(BenchError) {
    var changes = changes
    if fault == .droppedCancel, faultLeft > 0,
      let at = changes.firstIndex(where: { $0.target == 0 })
    {
      let dropped = changes.remove(at: at)
      orders[dropped.buy, default: [:]][dropped.price] = nil
      faultLeft -= 1
    }
    let ids = changes.map { orders[$0.buy, default: [:]][$0.price]?.id ?? 0 }
    let replies = try all(
      maker,
      ids.map { [symbol] id in
        { $0.request("DELETE", "/api/v3/order", "symbol=\(symbol)&orderId=\(id)") }
      })
    for (change, reply) in zip(changes, replies) {
      guard reply["status"]?.text == "CANCELED" else {
        throw BenchError("cancel at \(Decimal.text(change.price, scale: 8)): \(message(reply))")
      }
      // Between two book checks a wrong quantity would leave no other trace.
      let left = (units(reply["origQty"]) ?? -1) - (units(reply["executedQty"]) ?? 0)
      guard left == orders[change.buy, default: [:]][change.price]?.remaining else {
        throw BenchError(
          "the order at \(Decimal.text(change.price, scale: 8)) had \(left) units left")
      }
      orders[change.buy, default: [:]][change.price] = nil
    }
  }

  private func place(_ changes: [(buy: Bool, price: Int64, target: Int64)]) throws(BenchError) {
    let replies = try all(
      maker,
      changes.map { [symbol] change in
        var quantity = change.target
        if fault == .wrongQuantity, faultLeft > 0 {
          quantity += 1
          faultLeft -= 1
        }
        let text = Decimal.text(quantity, scale: 8)
        let name = nextName()
        return {
          $0.request(
            "POST", "/api/v3/order",
            "symbol=\(symbol)&side=\(change.buy ? "BUY" : "SELL")&type=LIMIT_MAKER&quantity=\(text)"
              + "&price=\(Decimal.text(change.price, scale: 8))&newClientOrderId=\(name)")
        }
      })
    for (change, reply) in zip(changes, replies) {
      guard let id = reply["orderId"]?.integer else {
        throw BenchError("place at \(Decimal.text(change.price, scale: 8)): \(message(reply))")
      }
      orders[change.buy, default: [:]][change.price] = MakerOrder(id: id, remaining: change.target)
    }
  }

  private func message(_ reply: JSONValue) -> String {
    "\(reply["code"]?.integer ?? 0) \(reply["msg"]?.text ?? "no message")"
  }

  // MARK: Requests with a definite end

  private func one(_ signer: Signer, _ make: @escaping (Signer) -> [UInt8]) throws(BenchError)
    -> JSONValue
  {
    try all(signer, [make])[0]
  }

  /// Sends all requests at once and waits for all answers; each ends definitely, whatever node dies meanwhile.
  private func all(_ signer: Signer, _ make: [(Signer) -> [UInt8]]) throws(BenchError)
    -> [JSONValue]
  {
    var requests = make.map { $0(signer) }
    var answers = [JSONValue?](repeating: nil, count: make.count)
    var uncertain = Set<Int>()
    let end = monotonicSeconds() + 60
    while monotonicSeconds() < end {
      let open = answers.indices.filter { answers[$0] == nil }
      if open.isEmpty { return answers.compactMap { $0 } }
      requestsSent += open.count
      var moveOn = false
      for (at, result) in zip(open, clients[preferred].exchange(open.map { requests[$0] })) {
        guard case .success(let reply) = result, let json = try? JSONValue.parse(reply.body),
          let settled = settle(reply, json)
        else {
          moveOn = true
          uncertain.insert(at)
          continue
        }
        if settled {
          answers[at] = json
        } else if uncertain.contains(at) {
          throw BenchError("a request of unknown outcome was repeated after its window had closed")
        } else {
          requests[at] = make[at](signer)
        }
      }
      if moveOn { preferred = (preferred + 1) % clients.count }
    }
    throw BenchError("no definite answer within 60 s")
  }

  /// True: a final answer. False: it certainly never ran, sign it anew. `nil`: unknown, repeat the same bytes.
  private func settle(_ reply: HTTPReply, _ json: JSONValue) -> Bool? {
    if let index = reply.index { lastIndex = max(lastIndex, index) }
    if reply.status >= 500 { return nil }
    if json["code"]?.integer == -1021 { return false }
    return true
  }
}
