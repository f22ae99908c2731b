// ServiceReply: the answers that the node itself gives, before or instead of the Gateway's.
//
// Not here: Binance's answers to well-formed requests (Gateway).

import Gateway

/// Fixed answers.
enum ServiceReply {
  /// For a request that was refused while it was still being read.
  static func refusal(_ status: Int) -> HTTPResponse {
    let text =
      switch status {
      case 404: "Not found."
      case 413: "Request body too large."
      case 417: "Expectation failed."
      case 431: "Request header fields too large."
      case 501: "Not implemented."
      case 505: "HTTP version not supported."
      default: "Malformed request."
      }
    return .error(APIError(status, -1000, text))
  }

  /// Nothing was done, and the same request may succeed at once elsewhere or soon here.
  static let overloaded = HTTPResponse.error(
    APIError(
      503, -1008,
      "Server is currently overloaded with other requests. Please try again in a few minutes."))

  /// Nothing was done: the log has no room for more.
  static let lowSpace = HTTPResponse.error(
    APIError(
      503, -1008,
      "Server is low on disk space: new requests that change something are refused until there is more. Queries go on."
    ))

  /// A read that found no leader, or waited too long.
  static let readFailed = HTTPResponse.error(
    APIError(
      503, -1001,
      "Internal error; unable to process your request. Please try again."))
}
