// FuzzTests: nothing that a stranger can send traps, and what is refused is refused with an error of ours.
//
// Seeded: a failure prints the seed and the request.

import Engine
import Market
import Testing

@testable import Gateway

/// A small generator (SplitMix64) that gives the same numbers everywhere.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

@Suite struct FuzzTests {
  static let names: [String] = [
    "symbol", "symbols", "side", "type", "timeInForce", "quantity", "quoteOrderQty", "price",
    "newClientOrderId", "limit", "startTime", "endTime", "fromId", "orderId", "origClientOrderId",
    "recvWindow", "timestamp", "signature", "interval", "permissions", "timeZone", "x", "",
  ]
  static let values: [String] = [
    "BTCUSDT", "LTCBTC", "[\"BTCUSDT\"]", "[", "BUY", "SELL", "LIMIT", "MARKET", "LIMIT_MAKER",
    "GTC",
    "0", "1", "0.001", "-1", "9223372036854775807", "9223372036854775808", "1499827319559", "1m",
    "99999999999999999999.99999999999999999999", "%", "%00", "%FF", "+", "", "=", "true",
    "\u{1F600}",
  ]

  static func text(_ generator: inout SeededGenerator) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<Int.random(in: 0...8, using: &generator) {
      bytes += Array((names.randomElement(using: &generator) ?? "").utf8)
      if Bool.random(using: &generator) { bytes.append(UInt8(ascii: "=")) }
      bytes += Array((values.randomElement(using: &generator) ?? "").utf8)
      bytes.append(UInt8(ascii: "&"))
    }
    for _ in 0..<Int.random(in: 0...3, using: &generator) where !bytes.isEmpty {
      let at = Int.random(in: 0..<bytes.count, using: &generator)
      switch Int.random(in: 0...2, using: &generator) {
      case 0: bytes[at] = UInt8.random(in: 0...255, using: &generator)
      case 1: bytes.remove(at: at)
      default: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: at)
      }
    }
    return bytes
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `malformed requests are answered, never trapped on`(_ seed: UInt64) throws {
    var generator = SeededGenerator(state: seed)
    var edge = Edge(
      settings: EdgeSettings(weightPerMinute: 1 << 40, rawRequestsPer5Minutes: 1 << 40))
    let model = try edge.model(QueryTests.history)
    let routes = RouteTable.standard.all.sorted { $0.method + $0.path < $1.method + $1.path }
    for _ in 0..<3000 {
      guard let route = routes.randomElement(using: &generator) else { return }
      let request = HTTPRequest(
        method: route.method, path: route.path, query: Self.text(&generator),
        body: Self.text(&generator), apiKey: Edge.apiKey)
      let action = edge.handle(request)
      let response = action.response ?? action.answered(model)
      let sent = "seed \(seed): \(route.method) \(route.path)?\(request.query) \(request.body)"
      if let response, response.status != 200 {
        #expect((400..<500).contains(response.status), "\(sent): \(response.failure)")
        #expect(!response.failure.contains("no error"), "\(sent): \(response.failure)")
      }
      #expect(action.request == nil, "\(sent) passed without a signature")
    }
  }

  @Test(arguments: [5, 6] as [UInt64])
  func `signed nonsense is answered, never trapped on`(_ seed: UInt64) throws {
    var generator = SeededGenerator(state: seed)
    var edge = Edge(
      settings: EdgeSettings(weightPerMinute: 1 << 40, rawRequestsPer5Minutes: 1 << 40))
    let model = try edge.model(QueryTests.history)
    let routes = RouteTable.standard.all.sorted { $0.method + $0.path < $1.method + $1.path }
    let signer = HMACKey(secret: Array(Edge.secret.utf8))
    var accepted = 0
    for _ in 0..<3000 {
      guard let route = routes.randomElement(using: &generator) else { return }
      var query = Array("timestamp=\(Edge.timestamp)&".utf8) + Self.text(&generator)
      query += Array("&signature=".utf8)
      let bytes = SignedBytes(query: query, body: [])
      query += Array(Hex.encode(signer.sign(bytes.parts)).utf8)
      let action = edge.handle(
        HTTPRequest(method: route.method, path: route.path, query: query, apiKey: Edge.apiKey))
      let response = action.response ?? action.answered(model)
      if let response, response.status != 200 {
        #expect(
          (400..<500).contains(response.status), "seed \(seed): \(query): \(response.failure)")
      } else {
        accepted += 1
      }
    }
    #expect(accepted > 100, "seed \(seed): the generator makes only nonsense")
  }

  @Test func `a request is the same request however its bytes are chopped`() {
    var generator = SeededGenerator(state: 7)
    for round in 0..<500 {
      let query = Self.text(&generator)
      let parts = SignedBytes(query: query, body: []).parts
      let joined = parts.flatMap { Array($0) }
      #expect(joined.count <= query.count, "seed 7, round \(round)")
      let text = String(decoding: query, as: UTF8.self)
      if !text.contains("signature=") { #expect(joined == query, "seed 7, round \(round)") }
    }
  }
}
