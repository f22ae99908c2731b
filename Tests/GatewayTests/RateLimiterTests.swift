// RateLimiterTests: windows, bans and bounds of the per-address limits, and what each answer costs.

import Engine
import Market
import Testing

@testable import Gateway

@Suite struct RateLimiterTests {
  static let minute: Int64 = 60_000_000
  /// The start of a minute and of a window of five.
  static let start: Int64 = 1_499_827_200_000_000

  func failure(_ body: () throws(APIError) -> Void) -> APIError? {
    do {
      try body()
      return nil
    } catch {
      return error
    }
  }

  @Test(
    arguments: [
      ("1.2.3.4", "1.2.3.4"), ("", ""), ("::ffff:1.2.3.4", "1.2.3.4"),
      ("::ffff:102:304", "1.2.3.4"), ("::1", "0:0:0:0::/64"),
      ("2001:db8:0:7::1", "2001:db8:0:7::/64"), ("2001:DB8::7:1:2:3:4", "2001:db8:0:7::/64"),
      ("2001:db8:0:7:ffff:ffff:ffff:ffff", "2001:db8:0:7::/64"),
      ("fe80::1%eth0", "fe80:0:0:0::/64"), ("1:2:3:4:5:6:7:8", "1:2:3:4::/64"),
      ("::", "0:0:0:0::/64"),
      ("1:2:3", "1:2:3"), ("1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8:9"), ("x::", "x::"),
    ])
  func `an address counts alone, an IPv6 one with all that the same client has`(
    _ address: String, _ group: String
  ) {
    #expect(AddressGroup.of(address) == group)
  }

  @Test func `weight is counted per calendar minute and address`() {
    var limiter = RateLimiter(settings: EdgeSettings(weightPerMinute: 100))
    let now = Self.start + 59_000_000
    #expect(failure { () throws(APIError) in try limiter.use(60, "a", at: now) } == nil)
    #expect(failure { () throws(APIError) in try limiter.use(40, "a", at: now) } == nil)
    let refused = failure { () throws(APIError) in try limiter.use(1, "a", at: now) }
    #expect(
      refused
        == APIError(
          429, -1003,
          "Too much request weight used; current limit is 100 request weight per 1 MINUTE. "
            + "Please use WebSocket Streams for live updates to avoid polling the API.",
          retryAfter: 1))
    #expect(failure { () throws(APIError) in try limiter.use(100, "b", at: now) } == nil)
    #expect(limiter.charge(0, "a", at: now) == 100)
    #expect(limiter.charge(0, "a", at: now + 1_000_000) == 0)
    #expect(
      failure { () throws(APIError) in try limiter.use(100, "a", at: now + 1_000_000) } == nil)
  }

  @Test func `retry tells the seconds to the next minute`() {
    var limiter = RateLimiter(settings: EdgeSettings(weightPerMinute: 1))
    for (offset, seconds) in [(0, 60), (1, 60), (30_000_000, 30), (59_999_999, 1)]
      as [(Int64, Int64)]
    {
      let refused = failure { () throws(APIError) in
        try limiter.use(2, "a", at: Self.start + offset)
      }
      #expect(refused?.retryAfter == seconds)
    }
  }

  @Test func `raw requests are counted per five minutes`() {
    var limiter = RateLimiter(settings: EdgeSettings(rawRequestsPer5Minutes: 3))
    for _ in 0..<3 {
      #expect(failure { () throws(APIError) in try limiter.admit("a", at: Self.start) } == nil)
    }
    let later = Self.start + 4 * Self.minute
    let refused = failure { () throws(APIError) in try limiter.admit("a", at: later) }
    #expect(refused == APIError(429, -1003, "Too many requests queued.", retryAfter: 60))
    #expect(
      failure { () throws(APIError) in try limiter.admit("a", at: later + Self.minute) } == nil)
  }

  @Test func `who goes on after 429 is banned, longer each time`() {
    let settings = EdgeSettings(weightPerMinute: 1, strikesUntilBan: 3)
    var limiter = RateLimiter(settings: settings)
    var now = Self.start
    for minutes in [2, 4, 8, 16] as [Int64] {
      for _ in 0..<2 {
        #expect(failure { () throws(APIError) in try limiter.use(2, "a", at: now) }?.status == 429)
      }
      let banned = failure { () throws(APIError) in try limiter.use(2, "a", at: now) }
      #expect(banned?.status == 418)
      #expect(banned?.retryAfter == minutes * 60)
      #expect(
        banned?.message
          == "Way too much request weight used; IP banned until \((now + minutes * Self.minute) / 1000). "
          + "Please use WebSocket Streams for live updates to avoid bans.")
      let during = now + minutes * Self.minute - 1
      #expect(failure { () throws(APIError) in try limiter.admit("a", at: during) }?.status == 418)
      #expect(failure { () throws(APIError) in try limiter.admit("b", at: during) } == nil)
      now += minutes * Self.minute
      #expect(failure { () throws(APIError) in try limiter.admit("a", at: now) } == nil)
    }
  }

  @Test func `a ban is never longer than the longest`() {
    let settings = EdgeSettings(weightPerMinute: 1, strikesUntilBan: 1)
    var limiter = RateLimiter(settings: settings)
    var now = Self.start
    for _ in 0..<40 {
      let banned = failure { () throws(APIError) in try limiter.use(2, "a", at: now) }
      let seconds = banned?.retryAfter ?? 0
      #expect(banned?.status == 418 && seconds <= 259_200)
      now += seconds * 1_000_000
    }
  }

  @Test func `the number of tracked addresses is bounded, and busy ones are kept`() {
    var limiter = RateLimiter(settings: EdgeSettings(addressesMax: 100))
    for number in 0..<5000 {
      _ = limiter.charge(1, "busy", at: Self.start)
      _ = limiter.charge(1, "\(number)", at: Self.start)
      #expect(limiter.trackedCount <= 101)
    }
    #expect(limiter.charge(0, "busy", at: Self.start) == 5000)
    #expect(limiter.charge(0, "0", at: Self.start) == 0)
  }

  @Test func `successful trade calls weigh nothing, failed ones their weight`() throws {
    var edge = Edge()
    func used() -> String? {
      var response = HTTPResponse.json(Array("{}".utf8))
      edge.api.finish(&response, address: "1.2.3.4", time: edge.time, limiter: &edge.limiter)
      return response.header("X-MBX-USED-WEIGHT-1M")
    }
    let order = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1"
    let action = edge.signed("POST", "/api/v3/order", order)
    var done = try #require(action.rendered(OrderAnswerTests.reply()))
    edge.api.finish(&done, address: "1.2.3.4", time: edge.time, limiter: &edge.limiter)
    #expect(done.header("X-MBX-USED-WEIGHT-1M") == "0")
    var refused = try #require(
      action.rendered(.reply(.rejected(.insufficientBalance), index: 1, stamp: 1)))
    edge.api.finish(&refused, address: "1.2.3.4", time: edge.time, limiter: &edge.limiter)
    #expect(refused.header("X-MBX-USED-WEIGHT-1M") == "1")
    var bad = try #require(edge.signed("POST", "/api/v3/order", "symbol=BTCUSDT").response)
    edge.api.finish(&bad, address: "1.2.3.4", time: edge.time, limiter: &edge.limiter)
    #expect(bad.header("X-MBX-USED-WEIGHT-1M") == "2")
    #expect(used() == "2")
  }

  @Test func `weights are Binance's`() {
    for (method, path, query, weight) in [
      ("GET", "/api/v3/ping", "", 1), ("GET", "/api/v3/exchangeInfo", "", 20),
      ("GET", "/api/v3/depth", "symbol=LTCBTC", 5), ("GET", "/api/v3/depth", "limit=100", 5),
      ("GET", "/api/v3/depth", "limit=101", 25), ("GET", "/api/v3/depth", "limit=1000", 50),
      ("GET", "/api/v3/depth", "limit=5000", 250), ("GET", "/api/v3/depth", "limit=x", 5),
      ("GET", "/api/v3/ticker/24hr", "", 80), ("GET", "/api/v3/ticker/24hr", "symbol=LTCBTC", 2),
      ("GET", "/api/v3/ticker/24hr", "symbols=[\"A\",\"B\"]", 2),
      ("GET", "/api/v3/ticker/price", "", 4), ("GET", "/api/v3/ticker/price", "symbol=A", 2),
      ("GET", "/api/v3/trades", "", 25), ("GET", "/api/v3/aggTrades", "", 4),
      ("GET", "/api/v3/klines", "", 2),
      ("GET", "/api/v3/klines", "interval=1M&limit=1000&timeZone=0", 2),
      ("GET", "/api/v3/klines", "interval=1h&limit=1000&timeZone=0:30", 2),
      ("GET", "/api/v3/klines", "interval=1d&timeZone=8", 2),
      ("GET", "/api/v3/uiKlines", "interval=1d&limit=1000&timeZone=5:45", 6),
      ("GET", "/api/v3/klines", "interval=1h&limit=1000&timeZone=0:07", 8),
      ("GET", "/api/v3/klines", "interval=1h&limit=1000&timeZone=x", 2),
      ("GET", "/api/v3/order", "", 4),
      ("GET", "/api/v3/openOrders", "", 80), ("GET", "/api/v3/openOrders", "symbol=A", 6),
      ("GET", "/api/v3/allOrders", "", 20), ("GET", "/api/v3/myTrades", "", 20),
      ("GET", "/api/v3/myTrades", "orderId=1", 5), ("GET", "/api/v3/account", "", 20),
      ("GET", "/api/v3/rateLimit/order", "", 40),
      ("POST", "/api/v3/order/test", "computeCommissionRates=true", 20),
      ("POST", "/api/v3/order", "", 0), ("DELETE", "/api/v3/order", "", 0),
      ("DELETE", "/api/v3/openOrders", "", 0), ("GET", "/api/v3/unknown", "", 1),
    ] {
      var edge = Edge()
      _ = edge.handle(Edge.request(method, path, query, key: nil))
      #expect(edge.limiter.charge(0, "1.2.3.4", at: edge.time) == weight, "\(path)?\(query)")
    }
  }

  @Test func `an exhausted address gets 429 whatever it asks`() {
    var edge = Edge(settings: EdgeSettings(weightPerMinute: 21))
    #expect(edge.get("/api/v3/exchangeInfo").response == nil)
    #expect(edge.get("/api/v3/ping").response?.status == 200)
    let refused = edge.get("/api/v3/ping").response
    #expect(refused?.status == 429)
    #expect(refused?.header("Retry-After") == "1")
    #expect(edge.get("/api/v3/unknown").response?.status == 429)
    edge.time += Self.minute
    #expect(edge.get("/api/v3/ping").response?.status == 200)
  }
}
