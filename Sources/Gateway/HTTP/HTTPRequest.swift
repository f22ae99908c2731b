// HTTPRequest: what the edge needs of one HTTP request, as plain values.
//
// Invariant: query and body are the raw bytes as sent; signatures cover them, so nobody decodes them on the way here.
// Not here: sockets and HTTP syntax (Node), the meaning of parameters (REST/Parameters).

/// One HTTP request, as the socket side hands it over.
public struct HTTPRequest: Sendable {
  /// Upper case, for example "POST".
  public var method: String
  /// The path as sent, without the query, not percent-decoded.
  public var path: String
  /// The raw bytes after `?`, empty if there is none.
  public var query: [UInt8]
  /// The raw body. Its Content-Type is ignored on purpose: hummingbot sends forms as JSON type.
  public var body: [UInt8]
  /// Header `X-MBX-APIKEY`.
  public var apiKey: String?
  /// Header `X-MBX-TIME-UNIT`.
  public var timeUnit: String?
  /// Header `Authorization` (the admin port).
  public var authorization: String?
  /// The client's address without its port: what address limits count by.
  public var address: String

  public init(
    method: String, path: String, query: [UInt8] = [], body: [UInt8] = [], apiKey: String? = nil,
    timeUnit: String? = nil, authorization: String? = nil, address: String = ""
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.body = body
    self.apiKey = apiKey
    self.timeUnit = timeUnit
    self.authorization = authorization
    self.address = address
  }
}
