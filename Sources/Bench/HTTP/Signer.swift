// Signer: builds raw HTTP requests as a Binance client would: parameters in the query, signed with HMAC-SHA256.
//
// Invariant: a request is bytes, so that sending it again sends exactly the same request (the node answers the
// repetition of a signed request with its first result).
// Not here: sending (Connection, Client).

import Gateway

/// An API key and the requests that it signs.
struct Signer: Sendable {
  let apiKey: String
  private let key: HMACKey

  init(apiKey: String, secret: String) {
    self.apiKey = apiKey
    key = HMACKey(secret: Array(secret.utf8))
  }

  /// A signed request. `parameters` is a query string without timestamp and signature, perhaps empty.
  func request(
    _ method: String, _ path: String, _ parameters: String, recvWindow: Int = 10_000
  ) -> [UInt8] {
    var query = parameters
    if !query.isEmpty { query += "&" }
    query += "recvWindow=\(recvWindow)&timestamp=\(wallMilliseconds())"
    let signature = hex(key.sign(Array(query.utf8)[...]))
    return Array(
      """
      \(method) \(path)?\(query)&signature=\(signature) HTTP/1.1\r
      Host: castle\r
      X-MBX-APIKEY: \(apiKey)\r
      Content-Length: 0\r
      \r\n
      """.utf8)
  }
}

/// An unsigned GET.
func publicRequest(_ path: String) -> [UInt8] {
  Array("GET \(path) HTTP/1.1\r\nHost: castle\r\n\r\n".utf8)
}

/// A request to the admin port with the bearer token.
func adminRequest(_ method: String, _ path: String, token: String, body: String = "") -> [UInt8] {
  Array(
    """
    \(method) \(path) HTTP/1.1\r
    Host: castle\r
    Authorization: Bearer \(token)\r
    Content-Type: application/json\r
    Content-Length: \(body.utf8.count)\r
    \r\n\(body)
    """.utf8)
}

/// Lower-case hexadecimal digits of bytes.
func hex(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(
    decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
