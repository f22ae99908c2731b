// Fixture: an edge with two symbols and three keys, and short ways to send requests to it.

import Engine
import Market
import Testing
import Wire

@testable import Gateway

/// Rows in memory, sorted.
final class MemoryRows: RowReader {
  private var rows: [(key: [UInt8], value: [UInt8])] = []

  func apply(_ batch: RowBatch) {
    for change in batch.changes {
      rows.removeAll { $0.key == change.key }
      if let value = change.value { rows.append((change.key, value)) }
    }
    rows.sort { $0.key.lexicographicallyPrecedes($1.key) }
  }

  func row(_ key: [UInt8]) -> [UInt8]? { rows.first { $0.key == key }?.value }

  func scan(
    from: [UInt8], upTo: [UInt8], reverse: Bool, _ body: (_ key: [UInt8], _ value: [UInt8]) -> Bool
  ) {
    let range = rows.filter {
      !$0.key.lexicographicallyPrecedes(from) && $0.key.lexicographicallyPrecedes(upTo)
    }
    for row in reverse ? range.reversed() : range where !body(row.key, row.value) { return }
  }
}

struct Edge {
  /// Key and secret of Binance's documentation.
  static let apiKey = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
  static let secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
  static let readOnlyKey = String(repeating: "R", count: 64)
  static let revokedKey = String(repeating: "V", count: 64)
  static let strangerKey = String(repeating: "S", count: 64)
  static let account = AccountID(1001)

  static let btc = AssetInfo(id: AssetID(1), name: "BTC", scale: 8)
  static let usdt = AssetInfo(id: AssetID(2), name: "USDT", scale: 6)
  static let ltc = AssetInfo(id: AssetID(3), name: "LTC", scale: 8)

  static let btcusdt = SymbolInfo(
    id: SymbolID(1), name: "BTCUSDT", base: btc.id, quote: usdt.id, status: .trading,
    filters: SymbolFilters(
      minPrice: 10_000, maxPrice: 1_000_000_000_000, tickSize: 10_000, minQuantity: 1000,
      maxQuantity: 900_000_000_000, stepSize: 1000, minNotional: 5_000_000),
    makerRate: 100_000, takerRate: 150_000)
  static let ltcbtc = SymbolInfo(
    id: SymbolID(2), name: "LTCBTC", base: ltc.id, quote: btc.id, status: .trading,
    filters: SymbolFilters(
      minPrice: 1, maxPrice: 0, tickSize: 1, minQuantity: 1, maxQuantity: 0, stepSize: 1,
      marketMinQuantity: 1, marketMaxQuantity: 100_000_000, marketStepSize: 1, maxOpenOrders: 0),
    makerRate: 100_000, takerRate: 100_000)

  /// 2017-07-12, a few milliseconds after the timestamp of Binance's examples.
  static let start: Int64 = 1_499_827_319_600_000
  static let timestamp = "1499827319559"

  let api: RESTAPI
  let secrets = SecretBox(clusterKey: Array("a cluster key of the tests".utf8))
  var catalog = Catalog()
  var limiter: RateLimiter
  var time = Edge.start

  init(settings: EdgeSettings = EdgeSettings()) {
    api = RESTAPI(settings: settings)
    limiter = RateLimiter(settings: settings)
    for event in definitions { _ = catalog.fold(event) }
  }

  /// The events that make the catalog.
  var definitions: [Event] {
    [.assetAdded(Self.btc), .assetAdded(Self.usdt), .assetAdded(Self.ltc)]
      + [.symbolChanged(Self.btcusdt), .symbolChanged(Self.ltcbtc)]
      + [
        .accountChanged(
          AccountInfo(
            id: Self.account, name: "alice", permissions: [.trade], limits: .standard,
            createdAt: 1_483_300_000_000_000)),
        .keyChanged(key(1, Self.apiKey, [.trade])),
        .keyChanged(key(2, Self.readOnlyKey, [])),
        .keyChanged(key(3, Self.revokedKey, [.trade], revoked: true)),
      ]
  }

  private func key(
    _ id: UInt64, _ name: String, _ permissions: Permissions, revoked: Bool = false
  ) -> KeyInfo {
    KeyInfo(
      id: KeyID(id), account: Self.account, apiKey: name,
      sealedSecret: secrets.seal(Array(Self.secret.utf8)), permissions: permissions,
      revoked: revoked, createdAt: 1_483_300_000_123_000)
  }

  // MARK: Sending

  mutating func handle(_ request: HTTPRequest, isRetry: Bool = false) -> Action {
    api.handle(
      request, catalog: catalog, secrets: secrets, time: time, limiter: &limiter, isRetry: isRetry)
  }

  /// An unsigned GET.
  mutating func get(_ path: String, _ query: String = "") -> Action {
    handle(HTTPRequest(method: "GET", path: path, query: Array(query.utf8), address: "1.2.3.4"))
  }

  /// A request with a timestamp and a signature at the end of its query (or body).
  mutating func signed(
    _ method: String, _ path: String, _ parameters: String = "", key: String = Edge.apiKey,
    timeUnit: String? = nil, inBody: Bool = false
  ) -> Action {
    let stamped =
      parameters + (parameters.isEmpty ? "" : "&")
      + (parameters.contains("timestamp=") ? "" : "timestamp=\(time / 1000)")
    return handle(
      Self.request(method, path, Self.sign(stamped), key: key, timeUnit: timeUnit, inBody: inBody))
  }

  static func request(
    _ method: String, _ path: String, _ parameters: String, key: String? = Edge.apiKey,
    timeUnit: String? = nil, inBody: Bool = false
  ) -> HTTPRequest {
    HTTPRequest(
      method: method, path: path, query: inBody ? [] : Array(parameters.utf8),
      body: inBody ? Array(parameters.utf8) : [], apiKey: key, timeUnit: timeUnit,
      address: "1.2.3.4")
  }

  static func sign(_ parameters: String) -> String {
    let parameters = parameters.hasSuffix("&") ? String(parameters.dropLast()) : parameters
    let code = HMACKey(secret: Array(secret.utf8)).sign(Array(parameters.utf8)[...])
    return parameters + "&signature=" + Hex.encode(code)
  }

  // MARK: Reading models

  /// A model that holds the definitions and what `events` did, one entry for each list.
  func model(_ events: [[Event]] = []) throws -> ReadModel {
    let rows = MemoryRows()
    let model = try ReadModel(rows: rows, appliedIndex: 0, stamp: 0)
    for (at, list) in ([definitions] + events).enumerated() {
      var batch = EventBatch()
      batch.begin(index: UInt64(at + 1), stamp: Edge.start + Int64(at) * 1_000_000)
      for event in list { batch.append(event) }
      var changes = RowBatch()
      var updates: [MarketUpdate] = []
      _ = model.fold(batch, into: &changes, updates: &updates)
      rows.apply(changes)
    }
    return model
  }
}

extension Action {
  /// The immediate answer, or `nil`.
  var response: HTTPResponse? {
    guard case .respond(let response) = self else { return nil }
    return response
  }

  /// The submitted command, or `nil`.
  var request: Request? {
    guard case .write(let request, _) = self else { return nil }
    return request
  }

  /// What a submitted command answers for `outcome`.
  func rendered(_ outcome: WriteOutcome) -> HTTPResponse? {
    guard case .write(_, let render) = self else { return nil }
    return render(outcome)
  }

  /// What a read answers over `model`.
  func answered(_ model: ReadModel) -> HTTPResponse? {
    guard case .read(_, let answer) = self else { return nil }
    return answer(model)
  }

  var isBarrier: Bool {
    if case .barrier = self { true } else { false }
  }
}

extension HTTPResponse {
  var text: String { String(decoding: body, as: UTF8.self) }

  /// "status code message" of an error answer.
  var failure: String {
    guard let json = try? JSONValue.parse(body), let code = json["code"]?.integer,
      let message = json["msg"]?.text
    else { return "\(status) no error: \(text)" }
    return "\(status) \(code) \(message)"
  }
}
