// RouteTests: every path has an answer, and those without a service say so in JSON.

import Market
import Testing

@testable import Gateway

@Suite struct RouteTests {
  func answer(_ method: String, _ path: String) -> HTTPResponse? {
    var edge = Edge()
    return edge.handle(HTTPRequest(method: method, path: path)).response
  }

  @Test func `unknown paths, wrong methods and retired services are told apart`() {
    for (method, path, status) in [
      ("GET", "/api/v3/nothing", 404), ("GET", "/", 404), ("GET", "", 404),
      ("GET", "/api/v3/order/", 404), ("POST", "/api/v3/time", 405), ("PUT", "/api/v3/order", 405),
      ("get", "/api/v3/time", 405), ("POST", "/api/v3/userDataStream", 410),
      ("PUT", "/api/v3/userDataStream", 410), ("DELETE", "/api/v3/userDataStream", 410),
      ("GET", "/api/v1/time", 404),
    ] {
      let response = answer(method, path)
      #expect(response?.status == status, "\(method) \(path)")
      #expect(response?.failure.contains("no error") == false, "\(method) \(path)")
      #expect(response?.header("Content-Type") == "application/json;charset=UTF-8")
    }
  }

  @Test func `what Binance has and this exchange has not is refused in Binance's words`() {
    for (method, path, said) in [
      ("POST", "/api/v3/sor/order", "400 -1020 This operation is not supported."),
      ("GET", "/api/v3/myAllocations", "400 -1020 This operation is not supported."),
      ("POST", "/sapi/v1/capital/withdraw/apply", "400 -1020 This operation is not supported."),
    ] {
      #expect(answer(method, path)?.failure == said, "\(method) \(path)")
    }
  }

  @Test func `every route names its parameters once, and every endpoint has a route`() {
    let routes = RouteTable.standard.all
    for route in routes {
      let names = route.parameters.map { "\($0)" }
      #expect(Set(names).count == names.count, "\(route.path)")
      #expect(route.weight >= 1)
    }
    #expect(Set(routes.map(\.endpoint)) == Set(Route.Endpoint.allCases))
    #expect(Set(routes.map { $0.method + $0.path }).count == routes.count)
  }

  @Test
  func `every signed route refuses a request without a key, and every open one works without`() {
    for route in RouteTable.standard.all where route.method != "*" {
      var edge = Edge()
      let action = edge.handle(HTTPRequest(method: route.method, path: route.path))
      switch route.security {
      case .none: #expect(action.response?.status != 401, "\(route.path)")
      case .userData, .trade: #expect(action.response?.status == 401, "\(route.path)")
      }
    }
  }

  @Test func `ping and time need nothing`() {
    #expect(answer("GET", "/api/v3/ping")?.text == "{}")
    #expect(answer("GET", "/api/v3/time")?.text == "{\"serverTime\":1499827319600}")
    var edge = Edge()
    var request = HTTPRequest(method: "GET", path: "/api/v3/time", body: Array("{}".utf8))
    request.timeUnit = "microsecond"
    #expect(edge.handle(request).response?.text == "{\"serverTime\":1499827319600000}")
  }

  @Test func `clients that look for other markets find none`() {
    #expect(answer("GET", "/fapi/v1/exchangeInfo")?.text == "{\"symbols\":[]}")
    #expect(answer("GET", "/dapi/v1/exchangeInfo")?.text == "{\"symbols\":[]}")
    #expect(answer("GET", "/sapi/v1/margin/allPairs")?.text == "[]")
    #expect(answer("GET", "/sapi/v1/spot/delist-schedule")?.text == "[]")
    #expect(answer("GET", "/sapi/v1/system/status")?.text == "{\"status\":0,\"msg\":\"normal\"}")
    var edge = Edge()
    #expect(edge.signed("GET", "/sapi/v1/margin/isolated/allPairs").response?.text == "[]")
    #expect(edge.signed("GET", "/sapi/v1/margin/allPairs").response?.text == "[]")
  }
}
