// SigningTests: signatures over the raw bytes, keys, and the names of requests.

import Engine
import Market
import Testing

@testable import Gateway

@Suite struct SigningTests {
  static let order = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
  static let rest = "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
  static let whole = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"

  func code(_ payload: String) -> String {
    Hex.encode(HMACKey(secret: Array(Edge.secret.utf8)).sign(Array(payload.utf8)[...]))
  }

  @Test func `the documented signatures come out`() {
    #expect(code(Self.order + "&" + Self.rest) == Self.whole)
    #expect(
      code(Self.order + Self.rest)
        == "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77")
    let unicode = "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"
    #expect(
      code(unicode + "&side=BUY&type=LIMIT&timeInForce=GTC&" + Self.rest)
        == "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3")
    #expect(
      code(
        "apiKey=\(Edge.apiKey)&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL"
          + "&symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT")
        == "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24")
  }

  @Test func `HMAC follows RFC 4231, long keys too`() {
    func code(_ key: [UInt8], _ text: String) -> String {
      Hex.encode(HMACKey(secret: key).sign(Array(text.utf8)[...]))
    }
    #expect(
      code([UInt8](repeating: 0x0B, count: 20), "Hi There")
        == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
    #expect(
      code(
        [UInt8](repeating: 0xAA, count: 131),
        "Test Using Larger Than Block-Size Key - Hash Key First")
        == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
  }

  @Test func `query, body and a mix of both are accepted as signed`() {
    let mixed = "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"
    let all = Self.order + "&" + Self.rest
    for (query, body) in [
      (all + "&signature=" + Self.whole, ""), ("", all + "&signature=" + Self.whole),
      ("signature=" + Self.whole + "&" + all, ""), (all, "signature=" + Self.whole),
      (Self.order + "&signature=" + Self.whole + "&" + Self.rest, ""),
      (all + "&signature=" + Self.whole.uppercased(), ""),
      (Self.order, Self.rest + "&signature=" + mixed),
    ] {
      var edge = Edge()
      let action = edge.handle(
        HTTPRequest(
          method: "POST", path: "/api/v3/order", query: Array(query.utf8), body: Array(body.utf8),
          apiKey: Edge.apiKey))
      #expect(action.request != nil, "\(query) | \(body): \(action.response?.failure ?? "")")
    }
  }

  @Test func `a signature over other bytes is refused, whatever they decode to`() {
    let all = Self.order + "&" + Self.rest
    for (parameters, signature) in [
      (all, String(Self.whole.dropLast()) + "2"), (all, String(Self.whole.dropLast())),
      (all, Self.whole + "00"), (all, "no hexadecimal digits"),
      (all, "%63" + Self.whole.dropFirst()),
      (all.replacing("LTCBTC", with: "LTC%42TC"), Self.whole),
      (all.replacing("price=0.1", with: "price=0.2"), Self.whole),
    ] {
      var edge = Edge()
      let action = edge.handle(
        Edge.request("POST", "/api/v3/order", parameters + "&signature=" + signature))
      #expect(
        action.response?.failure == "400 -1022 Signature for this request is not valid.",
        "\(parameters) \(signature)")
    }
  }

  @Test func `signatures that are missing or empty are told apart from wrong ones`() {
    var edge = Edge()
    let all = Self.order + "&" + Self.rest
    #expect(
      edge.handle(Edge.request("POST", "/api/v3/order", all)).response?.failure
        == "400 -1102 Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")
    #expect(
      edge.handle(Edge.request("POST", "/api/v3/order", all + "&signature=")).response?.failure
        == "400 -1105 Parameter 'signature' was empty.")
  }

  @Test func `keys are checked for form, existence, revocation and permission`() {
    let format = "401 -2014 API-key format invalid."
    let refused = "401 -2015 Invalid API-key, IP, or permissions for action."
    for (key, path, method, expected) in [
      (nil, "/api/v3/account", "GET", format), ("", "/api/v3/account", "GET", format),
      ("short", "/api/v3/account", "GET", format),
      (String(repeating: "-", count: 64), "/api/v3/account", "GET", format),
      (Edge.revokedKey, "/api/v3/account", "GET", refused),
      (Edge.readOnlyKey, "/api/v3/order", "POST", refused),
    ] {
      var edge = Edge()
      let request = Edge.request(
        method, path, Edge.sign("timestamp=\(Edge.timestamp)"), key: key)
      #expect(edge.handle(request).response?.failure == expected, "\(key ?? "no key")")
    }
  }

  @Test func `a key revoked meanwhile reads nothing through a node that lags`() throws {
    var edge = Edge()
    let action = edge.signed("GET", "/api/v3/account")
    guard
      case .keyChanged(var key)? = edge.definitions.first(where: { event in
        if case .keyChanged(let key) = event { key.apiKey == Edge.apiKey } else { false }
      })
    else {
      Issue.record("the fixture has no such key")
      return
    }
    #expect(action.answered(try edge.model())?.status == 200)
    key.revoked = true
    #expect(
      action.answered(try edge.model([[.keyChanged(key)]]))?.failure
        == "401 -2015 Invalid API-key, IP, or permissions for action.")
  }

  @Test func `an unknown key costs one barrier and is refused after it`() {
    var edge = Edge()
    let request = Edge.request(
      "GET", "/api/v3/account", Edge.sign("timestamp=\(Edge.timestamp)"), key: Edge.strangerKey)
    #expect(edge.handle(request).isBarrier)
    #expect(
      edge.handle(request, isRetry: true).response?.failure
        == "401 -2015 Invalid API-key, IP, or permissions for action.")
    #expect(edge.limiter.charge(0, "1.2.3.4", at: edge.time) == 21)
  }

  @Test func `a request is named by key, method, path and signed bytes, and not by its signature`()
  {
    var edge = Edge()
    func id(_ edge: inout Edge, _ method: String, _ path: String, _ text: String) -> RequestID? {
      edge.handle(Edge.request(method, path, text)).request?.header.requestID
    }
    let cancel = "symbol=LTCBTC&orderId=1&timestamp=\(Edge.timestamp)"
    let first = id(&edge, "DELETE", "/api/v3/order", Edge.sign(cancel))
    #expect(first != nil)
    #expect(id(&edge, "DELETE", "/api/v3/order", Edge.sign(cancel)) == first)
    let upper = Edge.sign(cancel).replacing(#/signature=(.*)/#) {
      "signature=" + $0.output.1.uppercased()
    }
    #expect(id(&edge, "DELETE", "/api/v3/order", upper) == first)
    let other = id(&edge, "DELETE", "/api/v3/order", Edge.sign(cancel + "&recvWindow=5000"))
    #expect(other != nil && other != first)
    let elsewhere = "symbol=LTCBTC&timestamp=\(Edge.timestamp)"
    #expect(id(&edge, "DELETE", "/api/v3/openOrders", Edge.sign(elsewhere)) != nil)
  }

  @Test
  func `the same bytes in the query and in the body are the same request only as signed bytes`() {
    let text = Array("a=1&signature=00".utf8)
    let query = SignedBytes(query: text, body: [])
    let body = SignedBytes(query: [], body: text)
    #expect(
      query.requestID(key: 1, method: "POST", path: "/x")
        == body.requestID(key: 1, method: "POST", path: "/x"))
    #expect(
      query.requestID(key: 1, method: "POST", path: "/x")
        != query.requestID(key: 2, method: "POST", path: "/x"))
    #expect(
      query.requestID(key: 1, method: "POST", path: "/x")
        != query.requestID(key: 1, method: "POS", path: "T/x"))
  }
}
