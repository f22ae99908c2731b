// ParameterTests: names and values from raw bytes, and the exact error for everything that is wrong with them.

import Market
import Testing

@testable import Gateway

@Suite struct ParameterTests {
  func parameters(_ query: String, _ body: String = "") throws(APIError) -> Parameters {
    try Parameters(query: Array(query.utf8), body: Array(body.utf8), now: Edge.start)
  }

  func failure<T>(_ body: () throws -> T) -> String {
    do {
      _ = try body()
      return "none"
    } catch let error as APIError {
      return "\(error.status) \(error.code) \(error.message)"
    } catch {
      return "\(error)"
    }
  }

  @Test func `the query wins over the body`() throws {
    let both = try parameters("a=1&b=2", "b=3&c=4")
    #expect(try both.text("a") == "1")
    #expect(try both.text("b") == "2")
    #expect(try both.text("c") == "4")
    #expect(both.count == 3)
  }

  @Test func `a name twice in one place is refused`() {
    let expected = "400 -1101 Duplicate values for a parameter detected."
    #expect(failure { try parameters("a=1&a=1") } == expected)
    #expect(failure { try parameters("", "a=1&b=2&a=3") } == expected)
    #expect(failure { try parameters("a=1&%61=1") } == expected)
    #expect(failure { try parameters("a=1", "a=2") } == "none")
  }

  @Test func `values are percent-decoded strictly`() throws {
    #expect(try parameters("a=%41b+c%2B").text("a") == "Ab c+")
    #expect(try parameters("%61=%31").text("a") == "1")
    let illegal = "400 -1100 Illegal characters found in a parameter."
    for broken in ["a=%", "a=%4", "a=%G1", "a=%1G", "%=1", "a=1&b=%%41"] {
      #expect(failure { try parameters(broken) } == illegal, "\(broken)")
    }
    for text in ["a=%FF", "a=%C3", "a=%ED%A0%80"] {
      #expect(failure { try parameters(text).text("a") } == illegal, "\(text)")
    }
  }

  @Test func `empty pairs are skipped, empty values are told`() throws {
    #expect(try parameters("&&a=1&&").count == 1)
    #expect(failure { try parameters("a=").text("a") } == "400 -1105 Parameter 'a' was empty.")
    #expect(failure { try parameters("a").text("a") } == "400 -1105 Parameter 'a' was empty.")
    #expect(try parameters("a=b=c").text("a") == "b=c")
  }

  @Test func `sizes and counts are bounded`() throws {
    let tooMany = "400 -1101 Too many parameters sent for this endpoint."
    let pairs = (0..<65).map { "p\($0)=1" }
    #expect(failure { try parameters(pairs.joined(separator: "&")) } == tooMany)
    #expect(try parameters(pairs.dropLast().joined(separator: "&")).count == 64)
    let long = String(repeating: "x", count: Parameters.bytesMax)
    #expect(failure { try parameters("a=" + long) } == tooMany)
  }

  @Test func `numbers are digits within their range`() throws {
    #expect(try parameters("n=007").integer("n") == 7)
    #expect(try parameters("n=9223372036854775807").integer("n") == .max)
    #expect(try parameters("m=1").integer("n") == nil)
    let illegal =
      "400 -1100 Illegal characters found in parameter 'n'; legal range is '^[0-9]{1,20}$'."
    for text in ["-1", "1.0", "x", "+1", "1e3", "0x1", "999999999999999999999", "%20"] {
      #expect(failure { try parameters("n=\(text)").integer("n") } == illegal, "\(text)")
    }
    let invalid = "400 -1130 Data sent for parameter 'n' is not valid."
    #expect(failure { try parameters("n=9223372036854775808").integer("n") } == invalid)
    #expect(failure { try parameters("n=11").integer("n", in: 1...10) } == invalid)
  }

  @Test func `limits default, refuse and clamp`() throws {
    #expect(try parameters("").limit() == 500)
    #expect(try parameters("limit=1000").limit() == 1000)
    #expect(try parameters("limit=99999").limit(standard: 100, most: 5000, clamped: true) == 5000)
    let invalid = "400 -1130 Data sent for parameter 'limit' is not valid."
    #expect(failure { try parameters("limit=1001").limit() } == invalid)
    #expect(failure { try parameters("limit=0").limit() } == invalid)
  }

  @Test func `decimals are exact`() throws {
    #expect(try parameters("p=60000").decimal("p", scale: 6) == 60_000_000_000)
    #expect(try parameters("p=60000.0").decimal("p", scale: 6) == 60_000_000_000)
    #expect(try parameters("p=0.00000100").decimal("p", scale: 6) == 1)
    #expect(try parameters("p=0.10000000000000000000").decimal("p", scale: 2) == 10)
    let precise = "400 -1111 Parameter 'p' has too much precision."
    #expect(failure { try parameters("p=0.0000001").decimal("p", scale: 6) } == precise)
    let overflow = "400 -1108 Parameter 'p' overflowed."
    #expect(failure { try parameters("p=9223372036855").decimal("p", scale: 6) } == overflow)
    let illegal =
      "400 -1100 Illegal characters found in parameter 'p'; "
      + "legal range is '^([0-9]{1,20})(\\.[0-9]{1,20})?$'."
    for text in [
      "-1", "1.", ".1", "1e-5", "1.1.1", "1,0", "NaN", "%201", "1%00",
      "123456789012345678901", "0.123456789012345678901",
    ] {
      #expect(failure { try parameters("p=\(text)").decimal("p", scale: 6) } == illegal, "\(text)")
    }
  }

  @Test func `times come in milliseconds or microseconds and are clamped`() throws {
    let ms = try parameters("startTime=1499827319559").time("startTime")
    #expect(ms == 1_499_827_319_559_000)
    let us = try parameters("startTime=1499827319559123").time("startTime")
    #expect(us == 1_499_827_319_559_123)
    #expect(try parameters("startTime=0").time("startTime") == RequestWindow.earliest)
    let future = try parameters("endTime=9999999999999").time("endTime")
    #expect(future == Edge.start + 10_000_000)
    #expect(try parameters("endTime=9223372036854775807").time("endTime") == future)
  }

  @Test func `symbols are upper case, known and not repeated`() throws {
    let catalog = Edge().catalog
    #expect(try parameters("symbol=BTCUSDT").symbol(catalog).id == Edge.btcusdt.id)
    let lower = "400 -1100 Illegal characters found in parameter 'symbol'; legal range is "
    let range = "'^[\\w\\-._&&[^a-z]]{1,50}$'."
    for text in [
      "btcusdt", "BTC/USDT", "%00", String(repeating: "A", count: 51), "BTC%20", "%C3%A9",
    ] {
      #expect(
        failure { try parameters("symbol=\(text)").symbol(catalog) } == lower + range, "\(text)")
    }
    let unknown = "400 -1121 Invalid symbol."
    #expect(failure { try parameters("symbol=NOPE").symbol(catalog) } == unknown)
    #expect(failure { try parameters("symbol=%EF%BC%91%EF%BC%92").symbol(catalog) } == unknown)
    let missing =
      "400 -1102 Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
    #expect(failure { try parameters("").symbol(catalog) } == missing)
    let list = try parameters("symbols=%5B%22LTCBTC%22,%22BTCUSDT%22%5D").symbolList(catalog)
    #expect(list?.map(\.name) == ["LTCBTC", "BTCUSDT"])
    #expect(
      failure { try parameters("symbols=[\"LTCBTC\",\"LTCBTC\"]").symbolList(catalog) }
        == "400 -1151 Symbol is present multiple times in the list.")
    for text in ["[]", "LTCBTC", "[1]", "[\"ltcbtc\"]", "[[\"LTCBTC\"]]", "{}"] {
      let said = failure { try parameters("symbols=\(text)").symbolList(catalog) }
      #expect(
        said.hasPrefix("400 -1100 Illegal characters found in parameter 'symbols'"), "\(text)")
    }
  }

  @Test func `switches are true or false`() throws {
    #expect(try parameters("f=true").flag("f") == true)
    #expect(try parameters("f=FALSE").flag("f") == false)
    #expect(try parameters("").flag("f") == nil)
    #expect(
      failure { try parameters("f=1").flag("f") }
        == "400 -1100 Illegal characters found in parameter 'f'; legal range is '^(true|false)$'.")
  }

  @Test func `unknown names are refused, and what Binance lists is not`() {
    var edge = Edge()
    #expect(
      edge.get("/api/v3/time", "x=1").response?.failure
        == "400 -1101 Too many parameters; expected '0' and received '1'.")
    #expect(
      edge.get("/api/v3/exchangeInfo", "x=1").response?.failure
        == "400 -1104 Not all sent parameters were read; read '0' parameter(s) but was sent '1'.")
    #expect(
      edge.signed("GET", "/api/v3/order", "symbol=LTCBTC&orderId=1&x=1").response?.failure
        == "400 -1104 Not all sent parameters were read; read '4' parameter(s) but was sent '5'.")
    #expect(
      edge.signed("DELETE", "/api/v3/openOrders", "symbol=LTCBTC&recvWindow=1&x=1").response?
        .failure
        == "400 -1101 Too many parameters; expected '4' and received '5'.")
    guard case .read = edge.signed("GET", "/sapi/v1/asset/tradeFee", "x=1") else {
      Issue.record("a name that Binance does not read was refused")
      return
    }
  }

  @Test func `symbol names may be in other scripts, but not in lower case`() {
    #expect(Parameters.isSymbolName("\u{FF11}\u{FF12}"))
    #expect(Parameters.isSymbolName("\u{5E01}\u{5B89}"))
    #expect(!Parameters.isSymbolName("\u{E9}"))
    #expect(!Parameters.isSymbolName(""))
    #expect(!Parameters.isSymbolName("A B"))
    #expect(!Parameters.isSymbolName("\u{1F600}"))
  }
}
