// AdminAPI: what the admin port understands: JSON in, JSON out, under `/admin/v1/`.
//
// Invariants: nothing is done or told without the bearer token; every error is `{"error": "one sentence"}`.
// Not here: the port itself, `/metrics` and `/health` (Node); what the commands do (Engine).

import Engine
import Market

/// The operator's interface of one node. Any node takes any request.
public struct AdminAPI: Sendable {
  /// The shortest token that is taken, in bytes.
  public static let tokenBytesMin = 16
  /// How long an administrative command may wait for its execution, microseconds.
  public static let patience: Int64 = 10_000_000

  private let tokenHash: [UInt8]

  /// `nil` if the token, without surrounding white space, has fewer than 16 bytes or holds other than printable ASCII.
  public init?(token: [UInt8]) {
    let space: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
    let start = token.firstIndex { !space.contains($0) } ?? token.count
    let end = (token.lastIndex { !space.contains($0) } ?? token.count - 1) + 1
    let trimmed = token[start..<max(start, end)]
    guard trimmed.count >= Self.tokenBytesMin, trimmed.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      return nil
    }
    tokenHash = SHA256.of(trimmed)
  }

  /// True if the request carries the token, in whatever case `Bearer` is spelt. Compared in constant time.
  public func authorizes(_ request: HTTPRequest) -> Bool {
    guard let header = request.authorization else { return false }
    let parts = header.split(separator: " ", omittingEmptySubsequences: true)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return false }
    return ConstantTime.equal(SHA256.of(parts[1].utf8), tokenHash)
  }

  /// What to do with a request. `time` is cluster time in microseconds. `isRetry`: after a `.barrier`, so the catalog
  /// is as new as the request.
  public func handle(
    _ request: HTTPRequest, catalog: Catalog, secrets: SecretBox, status: NodeStatus, time: Int64,
    isRetry: Bool = false
  ) -> Action {
    guard authorizes(request) else {
      var response = AdminAnswer.error(AdminFailure(401, "the admin token is missing or wrong"))
      response.headers.append(("WWW-Authenticate", "Bearer"))
      return .respond(response)
    }
    let context = AdminContext(
      request: request, catalog: catalog, secrets: secrets, status: status, time: time,
      isFresh: isRetry)
    do throws(AdminRefusal) {
      return try context.route()
    } catch {
      switch error {
      case .failure(let failure): return .respond(AdminAnswer.error(failure))
      case .unknownName(let failure):
        return isRetry ? .respond(AdminAnswer.error(failure)) : .barrier
      }
    }
  }
}

/// Why a request was not turned into an action.
enum AdminRefusal: Error {
  case failure(AdminFailure)
  /// A name that this node does not know, though another node may have just added it.
  case unknownName(AdminFailure)
}

/// One request with everything that answering it needs.
struct AdminContext {
  let request: HTTPRequest
  let catalog: Catalog
  let secrets: SecretBox
  let status: NodeStatus
  let time: Int64
  /// The catalog is as new as the request.
  let isFresh: Bool

  private static let prefix = "/admin/v1/"

  /// The action of the route that path and method name.
  func route() throws(AdminRefusal) -> Action {
    let noPath = AdminFailure(404, "no such path: \(request.path.prefix(100))")
    guard request.path.hasPrefix(Self.prefix) else { throw .failure(noPath) }
    let parts = request.path.dropFirst(Self.prefix.count)
      .split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let second = parts.count > 1 ? parts[1] : ""
    let third = parts.count > 2 ? parts[2] : ""
    if let action = try route(symbol: parts) { return action }
    if let action = try route(settings: parts) { return action }
    switch (parts[0], parts.count, second, third) {
    case ("status", 1, _, _): return try method(get: { .respond(.json(status.json())) })
    case ("accounts", 1, _, _): return try method(get: listAccounts, post: createAccount)
    case ("accounts", 2, _, _):
      return try method(get: { () throws(AdminRefusal) in try showAccount(second) })
    case ("accounts", 3, _, "limits"):
      return try method(post: { () throws(AdminRefusal) in try setLimits(second) })
    case ("accounts", 3, _, "discount"):
      return try method(post: { () throws(AdminRefusal) in try setAccountDiscount(second) })
    case ("accounts", 3, _, "trade-group"):
      return try method(post: { () throws(AdminRefusal) in try setTradeGroup(second) })
    case ("accounts", 3, _, "transfers"):
      return try method(get: { () throws(AdminRefusal) in try listTransfers(second) })
    case ("keys", 1, _, _): return try method(post: createKey)
    case ("keys", 2, "revoke", _): return try method(post: revokeKey)
    case ("deposits", 1, _, _):
      return try method(post: { () throws(AdminRefusal) in try moveFunds(deposit: true) })
    case ("withdrawals", 1, _, _):
      return try method(
        get: listWithdrawals,
        post: { () throws(AdminRefusal) in try moveFunds(deposit: false) })
    case ("withdrawals", 2, "request", _): return try method(post: requestWithdrawal)
    case ("withdrawals", 2, _, _):
      guard let state = Self.steps[second] else { throw .failure(noPath) }
      return try method(post: { () throws(AdminRefusal) in try moveWithdrawal(to: state) })
    case ("transfers", 1, _, _): return try method(post: transfer)
    case ("assets", 1, _, _): return try method(get: listAssets, post: addAsset)
    case ("leader", 2, "transfer", _): return try method(post: transferLeadership)
    case ("members", 1, _, _):
      return try method(get: { .respond(.json(status.membersJSON())) })
    case ("members", 2, "add", _), ("members", 2, "promote", _), ("members", 2, "remove", _),
      ("members", 2, "replace", _):
      return try method(post: { () throws(AdminRefusal) in try changeMembers(second) })
    case ("snapshots", 1, _, _): return try method(post: { control(.saveSnapshot) })
    case ("verify", 1, _, _): return try method(post: { control(.verify) })
    default: throw .failure(noPath)
    }
  }

  private func route(symbol parts: [String]) throws(AdminRefusal) -> Action? {
    guard parts[0] == "symbols" else { return nil }
    if parts.count == 1 { return try method(get: listSymbols, post: addSymbol) }
    let name = parts[1]
    if parts.count == 2 {
      return try method(get: { () throws(AdminRefusal) in try showSymbol(name) })
    }
    guard parts.count == 3 else { return nil }
    switch parts[2] {
    case "status":
      return try method(post: { () throws(AdminRefusal) in try setSymbolStatus(name) })
    case "filters": return try method(post: { () throws(AdminRefusal) in try setFilters(name) })
    case "self-trade":
      return try method(post: { () throws(AdminRefusal) in try setSelfTrade(name) })
    case "commission":
      return try method(post: { () throws(AdminRefusal) in try setCommission(name) })
    case "discount":
      return try method(post: { () throws(AdminRefusal) in try setSymbolDiscount(name) })
    default: return nil
    }
  }

  private func route(settings parts: [String]) throws(AdminRefusal) -> Action? {
    switch (parts[0], parts.count) {
    case ("settings", 1): return try method(get: showSettings)
    case ("level", 1): return try method(post: raiseLevel)
    case ("features", 1): return try method(post: setFeatures)
    case ("limits", 1): return try method(post: setExchangeLimits)
    case ("discount", 1): return try method(post: setDiscount)
    case ("assets", 3) where parts[2] == "limit":
      return try method(post: { () throws(AdminRefusal) in try setAssetLimit(parts[1]) })
    default: return nil
    }
  }

  private func method(
    get: (() throws(AdminRefusal) -> Action)? = nil,
    post: (() throws(AdminRefusal) -> Action)? = nil
  ) throws(AdminRefusal) -> Action {
    if request.method == "GET", let get { return try get() }
    if request.method == "POST", let post { return try post() }
    let allowed = [get == nil ? nil : "GET", post == nil ? nil : "POST"].compactMap { $0 }
    let names = allowed.joined(separator: ", ")
    var response = AdminAnswer.error(AdminFailure(405, "this path takes \(names) only"))
    response.headers.append(("Allow", names))
    return .respond(response)
  }

  // MARK: Names

  /// The account that a name, or an id in digits, stands for.
  func account(_ text: String) throws(AdminRefusal) -> AccountInfo {
    let byID = text.allSatisfy(\.isNumber) ? UInt64(text).map { AccountID($0) } : nil
    if let account = byID.map({ catalog.account($0) }) ?? catalog.account(named: text) {
      return account
    }
    throw .unknownName(AdminFailure(404, "no such account: \(text.prefix(64))"))
  }

  func asset(_ name: String) throws(AdminRefusal) -> AssetInfo {
    if let asset = catalog.asset(named: name) { return asset }
    throw .unknownName(AdminFailure(404, "no such asset: \(name.prefix(64))"))
  }

  func symbol(_ name: String) throws(AdminRefusal) -> SymbolInfo {
    if let symbol = catalog.symbol(named: name) { return symbol }
    throw .unknownName(AdminFailure(404, "no such symbol: \(name.prefix(64))"))
  }

  /// Ends the request, which is then handled once more, unless the catalog is as new as the request.
  func beFresh() throws(AdminRefusal) {
    guard isFresh else { throw .unknownName(AdminFailure(503, "not known yet")) }
  }

  // MARK: Bodies and commands

  /// Reads the body with `body`, and refuses members that it did not take.
  func reading<T>(
    _ body: (inout AdminFields) throws(AdminFailure) -> T
  ) throws(AdminRefusal) -> T {
    do throws(AdminFailure) {
      var fields = try AdminFields(parsing: request.body)
      let result = try body(&fields)
      try fields.finish()
      return result
    } catch {
      throw .failure(error)
    }
  }

  /// Submits a command as the operator. The request id is random: what must not run twice is idempotent by itself.
  func write(
    _ command: Command, answer: @escaping @Sendable (Reply, inout JSONWriter) -> Void
  ) -> Action {
    let header = CommandHeader(
      requestID: RequestID(bytes: Random.bytes(32)), key: .admin, timestamp: 0,
      deadline: time + AdminAPI.patience)
    let request = Request(header: header, command: command)
    // The handlers bound their fields; this is the last look, because a command in the log that cannot be read back
    // would end `apply` on every node for good.
    guard CommandCodec.reads(request) else {
      return .respond(AdminAnswer.error(AdminFailure(400, "a field of the command is too long")))
    }
    return .write(request) { outcome in
      AdminAnswer.of(outcome, answer)
    }
  }
}
