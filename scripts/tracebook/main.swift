// An adapter of the engine for tracebook-conformance: its protocol on standard input and output, a
// line a message. Built and run by scripts/tracebook.sh; not part of the package.

import Engine
import Glibc

struct Adapter: ~Copyable {
  private var venue: Venue
  /// A tick is this many 10^-pricePlaces.
  private let tick: Int64
  private static let pricePlaces = 9
  private var last: Int64 = 0

  init?(_ hello: Message) {
    guard hello["type"]?.string == "hello", hello["protocol_version"]?.integer == 1,
      let config = hello["config"], config["matching_algorithm"]?.string == "fifo",
      let tick = Decimals.read(config["tick_size"]?.string ?? "", places: Self.pricePlaces),
      tick > 0
    else { return nil }
    self.tick = tick
    switch config["self_trade_policy"]?.string {
    case "CANCEL_RESTING": venue = Venue(.expireMaker)
    case "CANCEL_INCOMING": venue = Venue(.expireTaker)
    default: venue = Venue(.none)
    }
    // A planted bug, to see that the referee sees it.
    if CommandLine.arguments.count > 1 { venue.plant(CommandLine.arguments[1]) }
  }

  /// The answer to one line, or nil if there is none.
  mutating func answer(_ message: Message) -> String? {
    switch message["type"]?.string {
    case "event":
      guard let index = message["index"]?.integer, index == last + 1,
        let event = message["event"], let outcome = apply(event)
      else { return nil }
      last = index
      return observation(outcome, index)
    case "snapshot":
      return #"{"type":"snapshot","index":\#(last),"state":\#(state().text)}"#
    case "finish":
      guard venue.broken().isEmpty else { return nil }
      return #"{"type":"complete","event_count":\#(last)}"#
    default: return nil
    }
  }

  private mutating func apply(_ event: Message) -> Outcome? {
    guard let name = event["symbol"]?.string else { return nil }
    let id = event["order_id"]?.integer ?? 0
    let quantity = event["quantity"]?.string.map {
      Decimals.read($0, places: Venue.places) ?? -1
    }
    let price = event["price"]?.string.map { text in
      // To the nearest tick.
      (Decimals.read(text, places: Self.pricePlaces) ?? -1).advanced(by: Int(tick / 2)) / tick
    }
    switch event["op"]?.string {
    case "new":
      let side: Side = event["side"]?.string == "BUY" ? .buy : .sell
      return venue.place(
        name, id, event["owner"]?.integer ?? -1, side, event["order_type"]?.string ?? "LIMIT",
        quantity ?? 0, price ?? 0)
    case "cancel": return venue.cancel(name, id)
    case "reduce": return venue.reduce(name, id, by: quantity ?? 0)
    case "replace": return venue.replace(name, id, price: price, quantity: quantity)
    case "clear": return venue.clear(name)
    default: return nil
    }
  }

  private func decimal(price: Int64) -> String {
    Decimals.write(Int128(price) * Int128(tick), places: Self.pricePlaces)
  }

  private func decimal(quantity: Int64) -> String {
    Decimals.write(Int128(quantity), places: Venue.places)
  }

  private func observation(_ outcome: Outcome, _ index: Int64) -> String {
    let state = state()
    let traded = outcome.trades.first?.symbol
    let name = venue.symbols.first { $0.value == traded }?.key ?? ""
    var trades: [String] = []
    for trade in outcome.trades {
      let isBuy = trade.taker.side == .buy
      let (buy, sell) = isBuy ? (trade.taker, trade.maker) : (trade.maker, trade.taker)
      trades.append(
        #"{"symbol":"\#(name)","buy_order_id":\#(buy.clientOrderID.string),"#
          + #""sell_order_id":\#(sell.clientOrderID.string),"#
          + #""price":"\#(decimal(price: trade.price))","#
          + #""quantity":"\#(decimal(quantity: trade.quantity))"}"#)
    }
    let result =
      outcome.reason.map { #"{"status":"rejected","reason":"\#($0)","message":null}"# }
      ?? #"{"status":"applied","reason":null,"message":null}"#
    return
      #"{"type":"observation","index":\#(index),"outcome":\#(result),"trades":[\#(trades.joined(separator: ","))],"#
      + #""state_hash":"\#(Digest.sha256(state.text))","resting_order_count":\#(state.count)}"#
  }

  /// All books in the form that digests are taken of: keys in order, no spaces.
  private func state() -> (text: String, count: Int) {
    var count = 0
    var books: [String] = []
    for (name, symbol) in venue.symbols.sorted(by: { $0.key < $1.key }) {
      var sides: [String] = []
      for side in [Side.sell, .buy] {
        var orders: [String] = []
        for view in venue.queue(side, symbol) {
          orders.append(
            #"{"order_id":\#(view.clientOrderID.string),"order_type":"LIMIT","#
              + #""owner":\#(venue.owners[view.account] ?? 0),"#
              + #""price":"\#(decimal(price: view.price))","#
              + #""remaining_quantity":"\#(decimal(quantity: view.quantity - view.executed))"}"#)
        }
        count += orders.count
        sides.append(orders.joined(separator: ","))
      }
      books.append(#"{"asks":[\#(sides[0])],"bids":[\#(sides[1])],"symbol":"\#(name)"}"#)
    }
    return (#"{"books":[\#(books.joined(separator: ","))]}"#, count)
  }
}

private func say(_ line: String) {
  let bytes = Array((line + "\n").utf8)
  var sent = 0
  while sent < bytes.count {
    let count = bytes[sent...].withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
    guard count > 0 else { exit(2) }
    sent += count
  }
}

guard let first = readLine(), let hello = Message.read(first), var adapter = Adapter(hello) else {
  say(#"{"type":"error","code":"UNSUPPORTED","message":"no such configuration"}"#)
  exit(2)
}
say(
  #"{"type":"ready","protocol":"tracebook.conformance","protocol_version":1,"#
    + #""engine":{"name":"castle","version":"1","language":"Swift"}}"#)
while let line = readLine() {
  guard let message = Message.read(line), let answer = adapter.answer(message) else {
    say(#"{"type":"error","code":"PROTOCOL_ERROR","message":"no answer to this line"}"#)
    exit(2)
  }
  say(answer)
  if message["type"]?.string == "finish" { exit(0) }
}
exit(2)
