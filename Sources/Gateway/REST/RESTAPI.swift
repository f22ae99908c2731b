// RESTAPI: one HTTP request to an action, in Binance's order of checks.
//
// Order: route, address limits, key, parameters, time, signature; then the action. What a handler refuses with -11xx is
// told before the signature is looked at, everything else after.
// Invariants: no clock, no sockets; nothing that a stranger can send traps; a request is charged once.
// Not here: the endpoints (General, Orders, OrderQueries, AccountQueries, SAPI, MarketRoutes).

import Engine
import Market

/// The REST surface. A value without state of its own: share it freely.
public struct RESTAPI: Sendable {
  private let routes = RouteTable.standard
  let general: General

  public init(settings: EdgeSettings = EdgeSettings()) {
    general = General(settings: settings)
  }

  /// What a request asks for. Every answer, also those that `render` and `answer` produce later, must
  /// go through `finish` before it is sent.
  ///
  /// - Parameters:
  ///   - time: cluster time in microseconds.
  ///   - isRetry: true when it is handled again after a `barrier`; it is not charged twice.
  public func handle(
    _ request: HTTPRequest, catalog: Catalog, secrets: SecretBox, time: Int64,
    limiter: inout RateLimiter, isRetry: Bool = false
  ) -> Action {
    do throws(APIError) {
      return try action(
        request, catalog: catalog, secrets: secrets, time: time, limiter: &limiter,
        isRetry: isRetry)
    } catch {
      return .respond(.error(error))
    }
  }

  /// Charges what the answer still costs and adds the used-weight header. Call it once for each
  /// answer, when it is sent.
  public func finish(
    _ response: inout HTTPResponse, address: String, time: Int64, limiter: inout RateLimiter
  ) {
    let used = limiter.charge(response.weight, address, at: time)
    response.weight = 0
    response.headers.append(("X-MBX-USED-WEIGHT-1M", String(used)))
  }

  // MARK: Checks

  private func action(
    _ request: HTTPRequest, catalog: Catalog, secrets: SecretBox, time: Int64,
    limiter: inout RateLimiter, isRetry: Bool
  ) throws(APIError) -> Action {
    if !isRetry { try limiter.admit(request.address, at: time) }
    let route: Route
    let parameters: Parameters
    do throws(APIError) {
      route = try routes.route(method: request.method, path: request.path)
      parameters = try Parameters(
        query: request.query, body: request.method == "GET" ? [] : request.body,
        timeUnit: try TimeUnit(header: request.timeUnit), now: time)
    } catch {
      if !isRetry { try limiter.use(1, request.address, at: time) }
      throw error
    }
    let weight = Weight.of(route, parameters)
    let owed = Weight.isFreeOnSuccess(route) ? weight : 0
    if !isRetry { try limiter.use(weight - owed, request.address, at: time) }
    do throws(APIError) {
      if route.security == .none { return try unsigned(route, parameters, catalog) }
      guard let caller = try caller(request, route, catalog) else {
        // Looking for a key that may be newer than this node costs the cluster a round: it is not free.
        if isRetry { throw APIError.keyRefused }
        try limiter.use(1, request.address, at: time)
        return .barrier
      }
      return try signed(request, route, parameters, catalog, caller, secrets, owed: owed)
    } catch {
      var response = HTTPResponse.error(error)
      response.weight = owed
      return .respond(response)
    }
  }

  /// The caller that the key names, or `nil` if the key is unknown here.
  private func caller(
    _ request: HTTPRequest, _ route: Route, _ catalog: Catalog
  ) throws(APIError) -> Caller? {
    guard let name = request.apiKey, Self.isKeyFormat(name) else { throw .keyFormat }
    guard let key = catalog.key(named: name) else { return nil }
    guard !key.revoked, let account = catalog.account(key.account) else { throw .keyRefused }
    if route.security == .trade {
      guard key.permissions.contains(.trade), account.permissions.contains(.trade) else {
        throw .keyRefused
      }
    }
    return Caller(account: account, key: key)
  }

  private static func isKeyFormat(_ key: String) -> Bool {
    key.utf8.count == 64
      && key.utf8.allSatisfy {
        ($0 | 0x20 >= UInt8(ascii: "a") && $0 | 0x20 <= UInt8(ascii: "z"))
          || ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9"))
      }
  }

  private func signed(
    _ request: HTTPRequest, _ route: Route, _ parameters: Parameters, _ catalog: Catalog,
    _ caller: Caller, _ secrets: SecretBox, owed: Int
  ) throws(APIError) -> Action {
    if route.isStrict { try parameters.checkNames(route.parameters, signed: true) }
    let window = try RequestWindow(parameters)
    let bytes = SignedBytes(query: request.query, body: request.body)
    guard let signature = bytes.signature else { throw .missing("signature") }
    if signature.isEmpty { throw .empty("signature") }
    var late: APIError?
    var draft: Draft?
    do throws(APIError) {
      draft = try self.draft(route, parameters, catalog, caller)
    } catch {
      if error.isAboutParameters { throw error }
      late = error
    }
    if case .write? = draft {
      try window.checkWrite(at: parameters.now)
    } else {
      try window.check(at: parameters.now)
    }
    guard let key = secrets.signer(caller.key.sealedSecret),
      key.verifies(hex: signature, bytes.parts)
    else { throw .signature }
    guard let draft else { throw late ?? .unexpected }
    return action(draft, route, request, bytes, window, caller, owed: owed)
  }

  private func unsigned(
    _ route: Route, _ parameters: Parameters, _ catalog: Catalog
  ) throws(APIError) -> Action {
    switch route.endpoint {
    case .unsupported: throw .notSupported
    case .retired: throw .retired
    default: break
    }
    if route.isStrict { try parameters.checkNames(route.parameters, signed: false) }
    if route.isMarketData {
      return indexed(try MarketRoutes.handle(route, parameters, catalog: catalog))
    }
    switch try draft(route, parameters, catalog, nil) {
    case .respond(let response): return .respond(response)
    case .read(let linearizable, let answer):
      return indexed(.read(linearizable: linearizable, answer: Self.shielded(answer)))
    case .write: throw .unexpected
    }
  }

  // MARK: Actions

  private func action(
    _ draft: Draft, _ route: Route, _ request: HTTPRequest, _ bytes: SignedBytes,
    _ window: RequestWindow, _ caller: Caller, owed: Int
  ) -> Action {
    switch draft {
    case .respond(let response): return .respond(response)
    case .read(let linearizable, let answer):
      let key = caller.key.id
      return indexed(
        .read(
          linearizable: linearizable,
          answer: Self.shielded { model in
            // The model stands behind the read index, the catalog of the check before perhaps not: a revoked key must
            // not read through a node that lags.
            guard let now = model.catalog.key(key), !now.revoked else { return .error(.keyRefused) }
            return try answer(model)
          }))
    case .write(let command, let asked, let success):
      let id = bytes.requestID(
        key: caller.key.id.value, method: route.method, path: route.path)
      let header = CommandHeader(
        requestID: RequestID(bytes: id), key: caller.key.id, timestamp: window.timestamp,
        deadline: window.deadline)
      let limits = caller.account.limits
      return .write(Request(header: header, command: command)) { outcome in
        Self.render(outcome, asked: asked, limits: limits, owed: owed, success)
      }
    }
  }

  private static func render(
    _ outcome: WriteOutcome, asked: Asked, limits: OrderLimits, owed: Int,
    _ success: (Reply) -> HTTPResponse?
  ) -> HTTPResponse {
    var response: HTTPResponse
    switch outcome {
    case .reply(.rejected(let rejection), let index, let stamp):
      let error = ErrorCode.error(rejection, asked: asked, limits: limits, stamp: stamp)
      response = .error(error)
      response.headers.append(indexHeader(index))
    case .reply(let reply, let index, _):
      if var done = success(reply) {
        // Of a cancel-replace a half may have failed.
        if done.status != 200 { done.weight = owed }
        done.headers.append(indexHeader(index))
        return done
      }
      response = .error(ErrorCode.unknown)
    case .expired: response = .error(ErrorCode.expired)
    case .unknown: response = .error(ErrorCode.unknown)
    case .overloaded: response = .error(ErrorCode.overloaded)
    // Of what the operator asks only.
    case .refused: response = .error(.notSupported)
    case .noLeader: response = .error(ErrorCode.noLeader)
    }
    response.weight = owed
    return response
  }

  /// Every read says which log index it reflects.
  private func indexed(_ action: Action) -> Action {
    guard case .read(let linearizable, let answer) = action else { return action }
    return .read(linearizable: linearizable) { model in
      var response = answer(model)
      response.headers.append(Self.indexHeader(model.appliedIndex))
      return response
    }
  }

  /// A store that cannot be read is an error answer, not the end of the process.
  private static func shielded(
    _ answer: @escaping @Sendable (ReadModel) throws -> HTTPResponse
  ) -> @Sendable (ReadModel) -> HTTPResponse {
    { model in
      do { return try answer(model) } catch { return .error(.unexpected) }
    }
  }

  private static func indexHeader(_ index: UInt64) -> (String, String) {
    ("X-Castle-Index", String(index))
  }
}

extension APIError {
  /// -1100 to -1199: wrong with the parameters alone.
  var isAboutParameters: Bool { code <= -1100 && code >= -1199 }
}
