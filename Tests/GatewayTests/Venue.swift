// Venue: an edge in front of the real engine and the real read model, without a log: what is written
// is applied at once.

import Engine
import Market
import Testing
import Wire

@testable import Gateway

final class Venue {
  static let bobKey = String(repeating: "B", count: 64)

  private var exchange = Exchange()
  private let rows = MemoryRows()
  private let secrets = SecretBox(clusterKey: Array("a cluster key of the tests".utf8))
  private let api = RESTAPI()
  private var limiter = RateLimiter(
    settings: EdgeSettings(weightPerMinute: 1 << 40, rawRequestsPer5Minutes: 1 << 40))
  private var index: UInt64 = 0
  let model: ReadModel
  /// The clock of the edge and of the entries.
  var time = Edge.start

  /// Two assets, BTCUSDT, and two accounts with 10 BTC and 1,000,000 USDT each.
  init() throws {
    model = try ReadModel(rows: rows, appliedIndex: 0, stamp: 0)
    for asset in [Edge.btc, Edge.usdt] {
      try administer(.addAsset(AddAsset(name: asset.name, scale: asset.scale)))
    }
    let symbol = Edge.btcusdt
    try administer(
      .addSymbol(
        AddSymbol(
          name: symbol.name, base: "BTC", quote: "USDT", filters: symbol.filters,
          makerRate: symbol.makerRate, takerRate: symbol.takerRate)))
    for (name, key) in [("alice", Edge.apiKey), ("bob", Self.bobKey)] {
      let reply = apply(
        .createAccount(
          CreateAccount(
            name: name, permissions: [.trade], limits: .standard, apiKey: key,
            sealedSecret: secrets.seal(Array(Edge.secret.utf8)))))
      guard case .account(let account, _) = reply else { throw Unexpected(reply: reply) }
      let gifts: [(AssetInfo, Int64)] = [
        (Edge.btc, 1_000_000_000), (Edge.usdt, 1_000_000_000_000),
      ]
      for (asset, amount) in gifts {
        let id = try #require(model.catalog.asset(named: asset.name)?.id)
        let funds = Funds(account: account, asset: id, amount: amount, id: "\(name)-\(asset.name)")
        guard case .funds = apply(.deposit(funds)) else { throw Unexpected(reply: reply) }
      }
    }
  }

  /// What the commands make, every one of which has to be taken.
  init(_ commands: [Command]) throws {
    model = try ReadModel(rows: rows, appliedIndex: 0, stamp: 0)
    for command in commands { try administer(command) }
  }

  struct Unexpected: Error {
    var reply: Reply
  }

  func administer(_ command: Command) throws {
    let reply = apply(command)
    if case .rejected = reply { throw Unexpected(reply: reply) }
  }

  private func apply(_ command: Command) -> Reply {
    let header = CommandHeader(
      requestID: RequestID(0, 0, 0, index), key: .admin, timestamp: 0, deadline: .max)
    return apply(Request(header: header, command: command))
  }

  /// One log entry.
  private func apply(_ request: Request) -> Reply {
    index += 1
    var events = EventBatch()
    events.begin(index: index, stamp: time)
    let reply = exchange.apply(request, stamp: time, &events)
    var changes = RowBatch()
    var updates: [MarketUpdate] = []
    exchange.collectRows(into: &changes)
    _ = model.fold(events, into: &changes, updates: &updates)
    rows.apply(changes)
    return reply
  }

  /// Sends an unsigned GET and answers it.
  func get(_ path: String, _ query: String = "") -> HTTPResponse {
    let request = HTTPRequest(
      method: "GET", path: path, query: Array(query.utf8), address: "1.2.3.4")
    let action = api.handle(
      request, catalog: model.catalog, secrets: secrets, time: time, limiter: &limiter)
    return action.answered(model) ?? action.response
      ?? HTTPResponse(status: 0, headers: [], body: [])
  }

  /// Sends a signed request and answers it.
  func send(
    _ method: String, _ path: String, _ parameters: String = "", key: String = Edge.apiKey
  ) -> HTTPResponse {
    finish(action(method, path, parameters, key: key))
  }

  /// Does what the edge made of a request, and answers it.
  func finish(_ action: Action) -> HTTPResponse {
    switch action {
    case .respond(let response): return response
    case .read(_, let answer): return answer(model)
    case .write(let request, let render):
      return render(.reply(apply(request), index: index, stamp: time))
    case .barrier, .control: return HTTPResponse(status: 0, headers: [], body: [])
    }
  }

  /// What the edge makes of a signed request.
  func action(
    _ method: String, _ path: String, _ parameters: String = "", key: String = Edge.apiKey
  ) -> Action {
    let stamped = parameters + (parameters.isEmpty ? "" : "&") + "timestamp=\(time / 1000)"
    return api.handle(
      Edge.request(method, path, Edge.sign(stamped), key: key), catalog: model.catalog,
      secrets: secrets, time: time, limiter: &limiter)
  }
}

/// A text or number deep in an answer, by names and places.
func field(_ response: HTTPResponse, _ path: String...) -> String? {
  var value = try? JSONValue.parse(response.body)
  for name in path { value = Int(name).flatMap { value?.elements?[$0] } ?? value?[name] }
  switch value {
  case .string(let text), .number(let text): return text
  default: return nil
  }
}
