// HTTPResponse: a finished answer. Content-Length and Connection are the socket side's business.
// Not here: which error has which code (REST/APIError).

/// An HTTP answer.
public struct HTTPResponse: Sendable {
  /// The status code, for example 200.
  public var status: Int
  /// Headers besides Content-Length and Connection. `json` and `error` set Content-Type.
  public var headers: [(String, String)]
  public var body: [UInt8]
  /// Request weight that this answer still costs its address; `RESTAPI.finish` charges it.
  public var weight: Int = 0

  public init(status: Int, headers: [(String, String)], body: [UInt8]) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// An answer with a JSON body that was written before.
  public static func json(_ body: [UInt8], status: Int = 200) -> HTTPResponse {
    HTTPResponse(status: status, headers: [("Content-Type", jsonType)], body: body)
  }

  /// An answer whose JSON body `write` produces.
  public static func json(
    status: Int = 200, capacity: Int = 512, _ write: (inout JSONWriter) -> Void
  ) -> HTTPResponse {
    var writer = JSONWriter(capacity: capacity)
    write(&writer)
    return json(writer.bytes, status: status)
  }

  /// Binance's error body, `{"code":...,"msg":"..."}`. Always typed as JSON: binance-sdk reads it only then.
  public static func error(_ error: APIError) -> HTTPResponse {
    var writer = JSONWriter(capacity: 160)
    writer.object {
      $0.field("code", error.code)
      $0.field("msg", error.message)
    }
    var response = json(writer.bytes, status: error.status)
    if let seconds = error.retryAfter { response.headers.append(("Retry-After", String(seconds))) }
    return response
  }

  /// The value of the header called `name` (compared as written), or `nil`.
  public func header(_ name: String) -> String? { headers.first { $0.0 == name }?.1 }

  private static let jsonType = "application/json;charset=UTF-8"
}
