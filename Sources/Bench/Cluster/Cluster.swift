// Cluster: the nodes under test, given by addresses or spawned, and the admin calls that set a run up.
//
// Not here: processes (SpawnedCluster), the load (Load), checks afterwards (Verification).

import Gateway
import Glibc
import NIOCore
import NIOPosix

/// What `GET /admin/v1/status` says of a node.
struct NodeState {
  var id: Int
  var role: String
  var leader: Int?
  var appliedIndex: UInt64
  var stateHash: String
  var ready: Bool
}

/// The nodes under test.
final class Cluster {
  let clients: [Address]
  let admins: [Address]
  let token: String
  let spawned: SpawnedCluster?
  let group: MultiThreadedEventLoopGroup
  private var adminClients: [Client]

  init(
    clients: [Address], admins: [Address], token: String, spawned: SpawnedCluster?,
    group: MultiThreadedEventLoopGroup
  ) {
    self.clients = clients
    self.admins = admins
    self.token = token
    self.spawned = spawned
    self.group = group
    adminClients = admins.map { Client($0, on: group.any()) }
  }

  // MARK: State

  /// The status of node `i` (counted from 0), or `nil` if it does not answer.
  func state(_ i: Int) -> NodeState? {
    let request = adminRequest("GET", "/admin/v1/status", token: token)
    guard case .success(let reply) = adminClients[i].call(request, timeout: .seconds(2)),
      reply.status == 200, let json = try? JSONValue.parse(reply.body)
    else { return nil }
    return NodeState(
      id: Int(json["id"]?.integer ?? 0), role: json["role"]?.text ?? "",
      leader: json["leader"]?.integer.map { Int($0) },
      appliedIndex: UInt64(json["appliedIndex"]?.integer ?? 0),
      stateHash: json["stateHash"]?.text ?? "", ready: json["ready"] == .bool(true))
  }

  /// The position of the leader among the nodes, if one of them says that it leads and is ready.
  func leader() -> Int? {
    clients.indices.first { i in state(i).map { $0.role == "leader" && $0.ready } ?? false }
  }

  /// Waits until all nodes are ready and agree on the applied index; throws after `seconds`.
  func waitUntilLevel(seconds: Double) throws(BenchError) {
    let end = monotonicSeconds() + seconds
    while monotonicSeconds() < end {
      let states = clients.indices.compactMap { state($0) }
      if states.count == clients.count, states.allSatisfy(\.ready),
        Set(states.map(\.appliedIndex)).count == 1
      {
        return
      }
      usleep(20_000)
    }
    throw BenchError("the nodes were not level after \(Int(seconds)) s")
  }

  /// State hashes of all nodes at one applied index; throws if they differ.
  func checkStateHashes() throws(BenchError) {
    try waitUntilLevel(seconds: 30)
    for _ in 0..<50 {
      let states = clients.indices.compactMap { state($0) }
      guard states.count == clients.count, Set(states.map(\.appliedIndex)).count == 1 else {
        usleep(50_000)
        continue
      }
      guard Set(states.map(\.stateHash)).count == 1 else {
        throw BenchError("state hashes differ at index \(states[0].appliedIndex)")
      }
      return
    }
    throw BenchError("the nodes never showed one applied index at the same time")
  }

  /// One admin call to node `i` alone. Throws what it said on a refusal.
  @discardableResult
  func admin(
    at i: Int, _ method: String, _ path: String, _ body: String = "",
    timeout: TimeAmount = .seconds(12)
  ) throws(BenchError) -> JSONValue {
    let request = adminRequest(method, path, token: token, body: body)
    switch adminClients[i].call(request, timeout: timeout) {
    case .failure(let failure): throw BenchError("\(admins[i]): \(failure)")
    case .success(let reply):
      let json = try? JSONValue.parse(reply.body)
      guard (200..<300).contains(reply.status), let json else {
        throw BenchError(json?["error"]?.text ?? "\(path): status \(reply.status)")
      }
      return json
    }
  }

  /// A value of node `i`'s `/metrics`, by its whole name with labels.
  func metric(_ name: String, of i: Int) -> Double? {
    let request = adminRequest("GET", "/metrics", token: token)
    guard case .success(let reply) = adminClients[i].call(request, timeout: .seconds(2)) else {
      return nil
    }
    return String(decoding: reply.body, as: UTF8.self).split(separator: "\n")
      .first { $0.hasPrefix(name + " ") }?.split(separator: " ").last.flatMap { Double($0) }
  }

  // MARK: Set-up

  /// One admin call, on whichever node answers. Returns the parsed body; throws what the node said on a refusal.
  @discardableResult
  func admin(_ method: String, _ path: String, _ body: String = "") throws(BenchError) -> JSONValue
  {
    var last = "no node answered"
    for client in adminClients {
      let request = adminRequest(method, path, token: token, body: body)
      switch client.call(request) {
      case .failure(let failure): last = "\(client.address): \(failure)"
      case .success(let reply):
        guard let json = try? JSONValue.parse(reply.body) else {
          throw BenchError("\(method) \(path): status \(reply.status), no JSON")
        }
        if (200..<300).contains(reply.status) { return json }
        last =
          "\(method) \(path): \(json["error"]?.text ?? String(decoding: reply.body, as: UTF8.self))"
        if reply.status < 500 { throw BenchError(last) }
      }
    }
    throw BenchError(last)
  }

  /// Opens an account with raised order limits and funds it.
  func openAccount(_ name: String, funds: [(asset: String, amount: String)]) throws(BenchError)
    -> Signer
  {
    let body = """
      {"name":"\(name)","permissions":["trade"],"limits":{"per10Seconds":1000000,"perDay":1000000000}}
      """
    let account = try admin("POST", "/admin/v1/accounts", body)
    guard let key = account["apiKey"]?.text, let secret = account["secretKey"]?.text else {
      throw BenchError("the node opened account \(name) without a key")
    }
    for (asset, amount) in funds {
      try admin(
        "POST", "/admin/v1/deposits",
        """
        {"account":"\(name)","asset":"\(asset)","amount":"\(amount)","id":"\(name)-\(asset)"}
        """)
    }
    return Signer(apiKey: key, secret: secret)
  }

  /// Adds a symbol without minimum notional and order cap.
  func addSymbol(_ name: String, base: String, quote: String, tick: String, step: String)
    throws(BenchError)
  {
    try admin(
      "POST", "/admin/v1/symbols",
      """
      {"name":"\(name)","base":"\(base)","quote":"\(quote)","tickSize":"\(tick)","stepSize":"\(step)",\
      "minQuantity":"\(step)","minNotional":"0","maxOpenOrders":0}
      """)
  }

  /// The sum of one counter of `/metrics` over all nodes that answer; `nil` if none knows it.
  func metric(_ name: String) -> Double? {
    var sum: Double?
    for client in adminClients {
      let request = adminRequest("GET", "/metrics", token: token)
      guard case .success(let reply) = client.call(request, timeout: .seconds(2)) else { continue }
      for line in String(decoding: reply.body, as: UTF8.self).split(separator: "\n")
      where line.hasPrefix(name + " ") || line.hasPrefix(name + "{") {
        if let value = line.split(separator: " ").last.flatMap({ Double($0) }) {
          sum = (sum ?? 0) + value
        }
      }
    }
    return sum
  }
}
