// AdminAnswer: outcomes and errors of the admin port as HTTP answers.
//
// Invariant: "not executed" is only said when the command can never take effect; otherwise the
// outcome is unknown (504).
// Not here: the fields of each answer (AdminAccounts, AdminMarkets).

import Engine

/// Answers of the admin port.
enum AdminAnswer {
  /// `{"error": message}` with the failure's status.
  static func error(_ failure: AdminFailure) -> HTTPResponse {
    .json(status: failure.status) { w in w.object { $0.field("error", failure.message) } }
  }

  /// What became of a command. `answer` writes the members of the object for a reply that is no refusal.
  static func of(
    _ outcome: WriteOutcome, _ answer: (Reply, inout JSONWriter) -> Void
  ) -> HTTPResponse {
    switch outcome {
    case .reply(.rejected(let rejection), let index, _):
      return at(index, error(failure(of: rejection)))
    case .reply(let reply, let index, _):
      return at(index, .json { w in w.object { answer(reply, &$0) } })
    case .expired:
      return error(AdminFailure(503, "not executed: its time ran out before it was committed"))
    case .overloaded:
      return error(AdminFailure(503, "not executed: too many requests are under way"))
    case .refused(let reason):
      return error(AdminFailure(409, reason))
    case .noLeader:
      return error(AdminFailure(503, "not executed: the cluster has no leader"))
    case .unknown:
      return error(AdminFailure(504, "outcome unknown: it may or may not have been executed"))
    }
  }

  /// `response` with the log index that it reflects.
  static func at(_ index: UInt64, _ response: HTTPResponse) -> HTTPResponse {
    var response = response
    response.headers.append(("X-Castle-Index", String(index)))
    return response
  }

  /// Status and sentence of a refusal.
  static func failure(of rejection: Rejection) -> AdminFailure {
    switch rejection {
    case .accountUnknown: AdminFailure(404, "no such account")
    case .assetUnknown: AdminFailure(404, "no such asset")
    case .symbolUnknown: AdminFailure(404, "no such symbol")
    case .keyUnknown: AdminFailure(404, "no such key")
    case .accountExists: AdminFailure(409, "an account with this name exists")
    case .apiKeyExists: AdminFailure(409, "this API key exists")
    case .assetExists: AdminFailure(409, "the asset exists with another scale")
    case .symbolExists: AdminFailure(409, "the symbol exists")
    case .fundsIDReused: AdminFailure(409, "the id was used with other contents")
    case .insufficientBalance: AdminFailure(409, "the account's free balance is too small")
    case .limitReached: AdminFailure(409, "a limit of the engine is reached")
    case .invalidDefinition: AdminFailure(400, "the definition is outside of what the engine takes")
    case .amountInvalid:
      AdminFailure(400, "the amount is above what the venue can hold of one asset (2^61 units)")
    case .permissionsExceedAccount:
      AdminFailure(400, "a key cannot have permissions that its account lacks")
    case .withdrawalUnknown: AdminFailure(404, "no such withdrawal")
    case .withdrawalStateRefused:
      AdminFailure(409, "from its present state the withdrawal cannot go there")
    case .levelRefused:
      AdminFailure(409, "the level can only be raised, and up to what this program knows")
    case .featureRefused: AdminFailure(409, "this is switched off")
    case .deadlinePassed: AdminFailure(503, "not executed: its time ran out")
    case .engineFault: AdminFailure(500, "the engine met a fault and undid the command")
    default: AdminFailure(400, "refused: \(rejection)")
    }
  }
}
