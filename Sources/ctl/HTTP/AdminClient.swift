// AdminClient: calls of the admin API on whichever node answers.
//
// Invariants: a call that may have been executed is only sent again if executing it twice is harmless.
// Not here: sockets (HTTPExchange), what an answer means (Commands).

import Gateway
import Glibc

/// A cluster's admin ports and the token for them.
struct AdminClient {
  let urls: [AdminURL]
  let token: String
  /// For each attempt.
  let seconds: Double

  /// A call of the API.
  struct Call {
    var method: String
    var path: String
    var body: [UInt8] = []
    /// May be sent to a second node after an outcome that is unknown.
    var isIdempotent = true

    static func get(_ path: String) -> Call { Call(method: "GET", path: "/admin/v1/" + path) }

    static func post(
      _ path: String, isIdempotent: Bool = true, _ write: (inout JSONWriter) -> Void
    ) -> Call {
      var writer = JSONWriter()
      writer.object(write)
      return Call(
        method: "POST", path: "/admin/v1/" + path, body: writer.bytes, isIdempotent: isIdempotent)
    }
  }

  /// The answer of the first node that can give one.
  func send(_ call: Call) throws(CtlFailure) -> JSONValue {
    var unreachable: [String] = []
    var refused: String?
    for url in urls {
      switch attempt(call, at: url) {
      case .success(let answer) where (200..<300).contains(answer.status):
        return try json(answer, url)
      case .success(let answer):
        let reason = message(answer, url)
        guard answer.status == 503 || (answer.status == 504 && call.isIdempotent) else {
          throw CtlFailure(reason)
        }
        refused = reason
      case .failure(let trouble):
        guard !trouble.wasSent || call.isIdempotent else {
          throw CtlFailure("\(trouble): the outcome is unknown; look before you try again")
        }
        unreachable.append(trouble.description)
      }
    }
    if let refused { throw CtlFailure(refused) }
    throw CtlFailure(
      "no node could be reached (\(unreachable.joined(separator: "; ")))",
      code: ExitStatus.unreachable)
  }

  /// The answer of one node, or why there is none.
  func ask(_ call: Call, at url: AdminURL) -> Result<JSONValue, CtlFailure> {
    switch attempt(call, at: url) {
    case .failure(let trouble):
      return .failure(CtlFailure(trouble.description, code: ExitStatus.unreachable))
    case .success(let answer):
      guard (200..<300).contains(answer.status) else {
        return .failure(CtlFailure(message(answer, url)))
      }
      do throws(CtlFailure) {
        return .success(try json(answer, url))
      } catch {
        return .failure(error)
      }
    }
  }

  private func attempt(_ call: Call, at url: AdminURL) -> Result<HTTPAnswer, HTTPTrouble> {
    var head = "\(call.method) \(call.path) HTTP/1.1\r\nHost: \(url.host):\(url.port)\r\n"
    head += "Authorization: Bearer \(token)\r\nConnection: close\r\n"
    if call.method == "POST" {
      head += "Content-Type: application/json\r\nContent-Length: \(call.body.count)\r\n"
    }
    return HTTPExchange.run(
      url, request: Array(head.utf8) + "\r\n".utf8 + call.body, seconds: seconds)
  }

  private func json(_ answer: HTTPAnswer, _ url: AdminURL) throws(CtlFailure) -> JSONValue {
    do throws(JSONValue.Failure) {
      return try JSONValue.parse(answer.body, bytesMax: answer.body.count)
    } catch {
      throw CtlFailure("\(url): the answer is no JSON: \(error.reason)")
    }
  }

  private func message(_ answer: HTTPAnswer, _ url: AdminURL) -> String {
    let json = try? JSONValue.parse(answer.body)
    return json?["error"]?.text ?? json?["msg"]?.text ?? "\(url): HTTP status \(answer.status)"
  }
}
