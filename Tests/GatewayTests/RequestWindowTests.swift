// RequestWindowTests: when a signed request may run, to the microsecond.

import Engine
import Testing

@testable import Gateway

@Suite struct RequestWindowTests {
  static let ahead = "-1021 Timestamp for this request was 1000ms ahead of the server's time."
  static let outside = "-1021 Timestamp for this request is outside of the recvWindow."

  func window(_ query: String) throws(APIError) -> RequestWindow {
    try RequestWindow(Parameters(query: Array(query.utf8)))
  }

  /// "ok", or the error of reading and checking.
  func verdict(_ query: String, at now: Int64) -> String {
    do {
      try window(query).check(at: now)
      return "ok"
    } catch {
      return "\(error.code) \(error.message)"
    }
  }

  @Test func `the default window is five seconds, both ends included`() {
    let sent: Int64 = 1_499_827_319_559_000
    let query = "timestamp=1499827319559"
    #expect(verdict(query, at: sent) == "ok")
    #expect(verdict(query, at: sent + 5_000_000) == "ok")
    #expect(verdict(query, at: sent + 5_000_001) == Self.outside)
    #expect(verdict(query, at: sent - 999_999) == "ok")
    #expect(verdict(query, at: sent - 1_000_000) == Self.ahead)
  }

  @Test func `recvWindow has up to three decimals and at most a minute`() throws {
    let at = "timestamp=1499827319559&recvWindow="
    let sent: Int64 = 1_499_827_319_559_000
    #expect(try window(at + "0.001").deadline == sent + 1)
    #expect(try window(at + "1500.5").deadline == sent + 1_500_500)
    #expect(try window(at + "60000").deadline == sent + 60_000_000)
    #expect(try window(at + "0").deadline == sent)
    #expect(verdict(at + "60000.001", at: sent) == "-1131 recvWindow must be less than 60000.")
    #expect(verdict(at + "99999999999", at: sent) == "-1131 recvWindow must be less than 60000.")
    #expect(
      verdict(at + "1.0001", at: sent) == "-1111 Parameter 'recvWindow' has too much precision.")
    #expect(verdict(at + "1.0000", at: sent) == "ok")
    #expect(verdict(at, at: sent) == "-1105 Parameter 'recvWindow' was empty.")
    #expect(verdict(at + "-1", at: sent).hasPrefix("-1100 "))
  }

  @Test func `timestamps come in milliseconds or microseconds`() throws {
    #expect(try window("timestamp=1499827319559").timestamp == 1_499_827_319_559_000)
    #expect(try window("timestamp=1499827319559123").timestamp == 1_499_827_319_559_123)
  }

  @Test func `a bad timestamp has its own error`() {
    let missing =
      "-1102 Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed."
    #expect(verdict("", at: Edge.start) == missing)
    #expect(verdict("timestamp=", at: Edge.start) == "-1105 Parameter 'timestamp' was empty.")
    #expect(verdict("timestamp=now", at: Edge.start).hasPrefix("-1100 "))
    #expect(verdict("timestamp=0", at: Edge.start) == Self.outside)
    #expect(
      verdict("timestamp=9223372036854775807", at: Edge.start)
        == "-1130 Data sent for parameter 'timestamp' is not valid.")
    #expect(verdict("timestamp=99999999999999", at: Edge.start) == Self.ahead)
  }

  @Test func `the deadline travels with the command`() {
    var edge = Edge()
    let action = edge.signed(
      "DELETE", "/api/v3/order",
      "symbol=LTCBTC&orderId=1&recvWindow=250.5&timestamp=\(Edge.timestamp)")
    #expect(action.request?.header.timestamp == 1_499_827_319_559_000)
    #expect(action.request?.header.deadline == 1_499_827_319_809_500)
    #expect(action.request?.header.key == KeyID(1))
  }

  @Test func `time is checked before the signature and after the parameters`() {
    var edge = Edge()
    let late = "symbol=LTCBTC&orderId=1&timestamp=1"
    #expect(
      edge.handle(Edge.request("DELETE", "/api/v3/order", late + "&signature=00")).response?.failure
        == "400 " + Self.outside)
    #expect(
      edge.handle(Edge.request("DELETE", "/api/v3/order", "symbol=NOPE&timestamp=1&signature=00"))
        .response?.failure == "400 -1121 Invalid symbol.")
  }
}
