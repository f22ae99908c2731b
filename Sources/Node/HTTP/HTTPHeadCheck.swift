// HTTPHeadCheck: refuses request heads that two readers could read differently, before anything acts on them.
//
// The decoder (llhttp) is strict already; this repeats the rules that protect against request smuggling, so that a
// change of its defaults cannot open them (RFC 9112, sections 3.2, 6.1 and 6.3).
// Not here: which paths exist (Gateway).

import NIOCore
import NIOHTTP1

/// Limits of the HTTP side.
enum HTTPLimits {
  static let headerFieldBytes = 8 << 10
  static let headerBlockBytes = 32 << 10
  static let headerFields = 100
  static let bodyBytes = 64 << 10
  /// Unanswered requests of one connection; beyond it nothing more is read.
  static let pipelined = 64
  static let connections = 20_000
  /// What the admin port takes beyond these.
  static let operatorConnections = 128
  /// From the first byte of a request to its last.
  static let requestMicroseconds: Int64 = 15_000_000
  /// Without a request.
  static let idleMicroseconds: Int64 = 75_000_000
  /// While the client takes nothing of its answers.
  static let writeMicroseconds: Int64 = 15_000_000

  static var decoder: NIOHTTPDecoderLimitConfiguration {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldSize = headerFieldBytes
    limits.maxHeaderListSize = headerBlockBytes
    limits.maxHeaderFieldCount = headerFields
    return limits
  }
}

/// The checks.
enum HTTPHeadCheck {
  /// The status with which to refuse this head and close, or `nil` if it is sound.
  static func refusal(of head: HTTPRequestHead) -> HTTPResponseStatus? {
    guard head.version == .http1_1 || head.version == .http1_0 else {
      return .httpVersionNotSupported
    }
    switch head.method {
    case .GET, .POST, .PUT, .DELETE, .HEAD, .OPTIONS: break
    default: return .notImplemented
    }
    for (name, value) in head.headers {
      guard !name.isEmpty, !value.utf8.contains(where: { ($0 < 0x20 && $0 != 0x09) || $0 == 0x7F })
      else { return .badRequest }
    }
    let hosts = head.headers["host"].count
    guard hosts == 1 || (hosts == 0 && head.version == .http1_0) else { return .badRequest }
    guard head.uri.hasPrefix("/"), head.uri.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      return .badRequest
    }
    return bodyRefusal(of: head)
  }

  private static func bodyRefusal(of head: HTTPRequestHead) -> HTTPResponseStatus? {
    let lengths = head.headers["content-length"]
    let encodings = head.headers["transfer-encoding"]
    if !encodings.isEmpty {
      guard lengths.isEmpty, encodings.count == 1, head.version == .http1_1 else {
        return .badRequest
      }
      guard encodings[0].lowercased() == "chunked" else { return .notImplemented }
      return nil
    }
    guard let length = lengths.first else { return nil }
    guard lengths.count == 1, !length.isEmpty, length.utf8.count <= 18,
      length.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let bytes = Int(length)
    else { return .badRequest }
    return bytes > HTTPLimits.bodyBytes ? .payloadTooLarge : nil
  }
}
