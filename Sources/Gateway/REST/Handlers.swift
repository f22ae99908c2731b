// Handlers: what an endpoint's handler is given, and what it gives back before the signature was checked.
//
// A handler has no side effects: what it returns is thrown away if the signature is wrong.
// Not here: the handlers (Orders, OrderQueries, AccountQueries, General, SAPI), the order of checks (RESTAPI).

import Engine
import Market

/// Who signed a request.
struct Caller: Sendable {
  var account: AccountInfo
  var key: KeyInfo
}

/// What a handler makes of a request. The frame around it (signature, headers, failures) is RESTAPI's.
enum Draft: Sendable {
  case respond(HTTPResponse)
  case read(linearizable: Bool, @Sendable (ReadModel) throws -> HTTPResponse)
  /// `success` renders what is not a refusal; `nil` if the reply does not fit the command.
  case write(Command, asked: Asked, success: @Sendable (Reply) -> HTTPResponse?)
}

extension Draft {
  /// A JSON answer that is the same for everybody.
  static func constant(_ json: StaticString) -> Draft {
    .respond(.json(json.withUTF8Buffer { Array($0) }))
  }
}
