// MakeMarketCommand: `exbench make-market` quotes both sides of some symbols so that a demo book moves.
//
// Every turn it moves its reference price a few ticks at random, replaces its ladder of orders, and
// now and then trades a little with itself through a second account's order, as a customer would.
// It survives failovers: an order of unknown outcome is forgotten and the next turn starts with a
// cancel of everything.
// Not here: profit.

import ArgumentParser
import Gateway
import Glibc
import NIOCore
import NIOPosix

struct MakeMarketCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "make-market",
    abstract: "Quote both sides of symbols until stopped (demo liquidity).")

  @Option(help: "Client URLs of the nodes, comma separated. Default: $CASTLE_URLS.")
  var urls: String?

  @Option(help: "API key of the maker. Default: $CASTLE_API_KEY.")
  var apiKey: String?

  @Option(help: "Its secret. Default: $CASTLE_SECRET_KEY.")
  var secretKey: String?

  @Option(help: "Symbols, comma separated.")
  var symbols = "BTCUSDT,ETHUSDT"

  @Option(help: "Milliseconds between two turns.")
  var turnMs = 1000

  @Option(help: "Orders on each side.")
  var depth = 5

  @Option(help: "Stop after this many turns (0: never).")
  var turns = 0

  func validate() throws {
    guard (10...60_000).contains(turnMs), (1...50).contains(depth), turns >= 0 else {
      throw ValidationError("--turn-ms is 10 to 60000, --depth 1 to 50, --turns 0 or more")
    }
  }

  func run() throws {
    func setting(_ value: String?, _ name: String) throws -> String {
      if let value { return value }
      if let value = getenv(name) { return String(cString: value) }
      throw ValidationError("missing: set \(name) or give the flag")
    }
    guard let addresses = Address.list(try setting(urls, "CASTLE_URLS")) else {
      throw ValidationError("--urls is a list such as http://127.0.0.1:8081,http://127.0.0.1:8082")
    }
    let signer = Signer(
      apiKey: try setting(apiKey, "CASTLE_API_KEY"),
      secret: try setting(secretKey, "CASTLE_SECRET_KEY"))
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let clients = addresses.map { Client($0, on: group.any(), width: 4) }
    var makers = symbols.split(separator: ",").map { MarketMaker(symbol: String($0), depth: depth) }
    var turn = 0
    while turns == 0 || turn < turns {
      for i in makers.indices { makers[i].turn(signer, clients) }
      turn += 1
      usleep(UInt32(turnMs) * 1000)
    }
  }
}

/// The quotes of one symbol.
struct MarketMaker {
  private let symbol: String
  private let depth: Int
  private var random: Generator
  /// Reference price in ticks of 0.01.
  private var middle: Int64
  private var preferred = 0
  private let quantityStep: Int64

  init(symbol: String, depth: Int) {
    self.symbol = symbol
    self.depth = depth
    random = Generator(seed: UInt64(wallMilliseconds()) &+ UInt64(symbol.utf8.count))
    middle = symbol.hasPrefix("ETH") ? 2_600_00 : 60_000_00
    quantityStep = symbol.hasPrefix("ETH") ? 10 : 100
  }

  /// Replaces the ladder around a reference price that moved a little, and sends one small market order.
  mutating func turn(_ signer: Signer, _ clients: [Client]) {
    middle = max(1000, middle + Int64(random.below(41) - 20) * 5)
    var orders: [[UInt8]] = []
    for level in 1...depth {
      let distance = Int64(level * 50 + random.below(25))
      orders.append(order(signer, "BUY", middle - distance))
      orders.append(order(signer, "SELL", middle + distance))
    }
    guard send(clients, [signer.request("DELETE", "/api/v3/openOrders", "symbol=\(symbol)")]),
      send(clients, orders)
    else { return }
    let side = random.below(2) == 0 ? "BUY" : "SELL"
    _ = send(
      clients,
      [
        signer.request(
          "POST", "/api/v3/order",
          "symbol=\(symbol)&side=\(side)&type=MARKET&quantity=\(amount(1 + random.below(5)))")
      ])
  }

  private mutating func order(_ signer: Signer, _ side: String, _ ticks: Int64) -> [UInt8] {
    signer.request(
      "POST", "/api/v3/order",
      "symbol=\(symbol)&side=\(side)&type=LIMIT&timeInForce=GTC"
        + "&quantity=\(amount(5 + random.below(40)))&price=\(Decimal.text(ticks, scale: 2, decimals: 2))"
    )
  }

  private func amount(_ count: Int) -> String {
    Decimal.text(
      Int64(count) * quantityStep, scale: 4 + (quantityStep == 100 ? 1 : 0),
      decimals: quantityStep == 100 ? 5 : 4)
  }

  /// False if the node did not answer: the next call goes to the next node.
  private mutating func send(_ clients: [Client], _ requests: [[UInt8]]) -> Bool {
    let answers = clients[preferred].exchange(requests)
    let answered = answers.allSatisfy {
      if case .success(let reply) = $0 { return reply.status < 500 }
      return false
    }
    if !answered { preferred = (preferred + 1) % clients.count }
    return answered
  }
}
