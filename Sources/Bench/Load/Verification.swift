// Verification: what every node shows afterwards must equal what was acknowledged, counted from the outside.
//
// Not here: why something is missing.

import Gateway
import Glibc
import NIOCore

/// Order and trade counts of one node for the accounts and symbols of a run.
struct NodeCounts {
  var orders = 0
  /// Orders with executed quantity.
  var executed = 0
  var takerTrades = 0
  var makerTrades = 0
  var ids: [Int: [Int: Set<Int64>]] = [:]
}

/// Reads all orders and trades of the accounts from one node, page by page.
struct Verification {
  let signers: [Signer]
  let symbols: [String]

  func counts(of client: Client) throws(BenchError) -> NodeCounts {
    var counts = NodeCounts()
    for (account, signer) in signers.enumerated() {
      for (at, symbol) in symbols.enumerated() {
        for order in try pages(client, signer, "/api/v3/allOrders", symbol, key: "orderId") {
          counts.orders += 1
          if (units(order["executedQty"]) ?? 0) > 0 { counts.executed += 1 }
          counts.ids[account, default: [:]][at, default: []].insert(order["orderId"]?.integer ?? 0)
        }
        for trade in try pages(client, signer, "/api/v3/myTrades", symbol, key: "fromId") {
          if trade["isMaker"] == .bool(true) {
            counts.makerTrades += 1
          } else {
            counts.takerTrades += 1
          }
        }
      }
    }
    return counts
  }

  /// All elements of a paged list, ascending from id 0.
  private func pages(
    _ client: Client, _ signer: Signer, _ path: String, _ symbol: String, key: String
  ) throws(BenchError) -> [JSONValue] {
    var all: [JSONValue] = []
    var from: Int64 = 0
    let field = key == "orderId" ? "orderId" : "id"
    while true {
      let page = try get(client, signer, path, "symbol=\(symbol)&limit=1000&\(key)=\(from)")
      all += page
      // A page of trades is one longer rather than ending between the two sides of a trade.
      guard page.count >= 1000, let last = page.last?[field]?.integer else { return all }
      from = last + 1
    }
  }

  /// One signed GET that answers an array; waits as told when the weight is used up.
  func get(
    _ client: Client, _ signer: Signer, _ path: String, _ parameters: String
  ) throws(BenchError) -> [JSONValue] {
    for _ in 0..<20 {
      guard case .success(let reply) = client.call(signer.request("GET", path, parameters)) else {
        usleep(200_000)
        continue
      }
      if reply.status == 429 {
        sleep(UInt32(reply.retryAfterSeconds ?? 1))
        continue
      }
      guard reply.status == 200, let json = try? JSONValue.parse(reply.body, bytesMax: 1 << 26),
        let elements = json.elements
      else {
        throw BenchError("\(path): \(String(decoding: reply.body.prefix(200), as: UTF8.self))")
      }
      return elements
    }
    throw BenchError("\(path): no answer from \(client.address)")
  }

  /// Throws unless the node holds exactly the acknowledged orders and fills.
  func check(
    _ client: Client, acknowledged: [AcknowledgedOrder], fills: Int
  ) throws(BenchError) -> NodeCounts {
    let counts = try counts(of: client)
    guard counts.orders == acknowledged.count else {
      throw BenchError(
        "\(client.address) shows \(counts.orders) orders, \(acknowledged.count) were acknowledged")
    }
    for order in acknowledged
    where counts.ids[order.account]?[order.symbol]?.contains(order.id) != true {
      throw BenchError("\(client.address) does not show acknowledged order \(order.clientID)")
    }
    guard counts.takerTrades == fills, counts.makerTrades == fills else {
      throw BenchError(
        "\(client.address) shows \(counts.takerTrades) taker and \(counts.makerTrades) maker trades,"
          + " \(fills) fills were acknowledged")
    }
    return counts
  }
}
