// AdminAPITests: the admin port's requests as actions, and outcomes as answers.

import Engine
import Market
import Testing
import Wire

@testable import Gateway

private final class NoRows: RowReader {
  func row(_ key: [UInt8]) -> [UInt8]? { nil }
  func scan(
    from: [UInt8], upTo: [UInt8], reverse: Bool, _ body: (_ key: [UInt8], _ value: [UInt8]) -> Bool
  ) {}
}

@Suite struct AdminAPITests {
  static let token = "0123456789abcdef-token"
  static let secrets = SecretBox(clusterKey: [UInt8](repeating: 7, count: 32))
  static let events: [Event] = [
    .assetAdded(AssetInfo(id: AssetID(1), name: "BTC", scale: 8)),
    .assetAdded(AssetInfo(id: AssetID(2), name: "USDT", scale: 6)),
    .symbolChanged(
      SymbolInfo(
        id: SymbolID(1), name: "BTCUSDT", base: AssetID(1), quote: AssetID(2), status: .trading,
        filters: SymbolFilters(
          minPrice: 1, maxPrice: 10, tickSize: 1, minQuantity: 1, maxQuantity: 10, stepSize: 1),
        makerRate: 100_000, takerRate: 100_000)),
    .accountChanged(
      AccountInfo(
        id: AccountID(1001), name: "alice", permissions: [.trade, .withdraw], limits: .standard,
        createdAt: 5)),
    .keyChanged(
      KeyInfo(
        id: KeyID(1), account: AccountID(1001), apiKey: "KEY", sealedSecret: [1, 2, 3],
        permissions: .trade, revoked: false, createdAt: 5)),
  ]

  let catalog: Catalog = {
    var catalog = Catalog()
    for event in events { _ = catalog.fold(event) }
    return catalog
  }()

  func action(
    _ method: String, _ path: String, _ body: String = "", query: String = "",
    authorization: String? = "Bearer \(token)", isRetry: Bool = true
  ) throws -> Action {
    let api = try #require(AdminAPI(token: Array(Self.token.utf8)))
    let request = HTTPRequest(
      method: method, path: path, query: Array(query.utf8), body: Array(body.utf8),
      authorization: authorization)
    let status = NodeStatus(
      id: 2, clusterID: "c", genesisHash: [0xAB], role: "leader", term: 3, leader: 2,
      stateHash: 0xFF, ready: true)
    return api.handle(
      request, catalog: catalog, secrets: Self.secrets, status: status, time: 1000,
      isRetry: isRetry)
  }

  func response(_ action: Action) throws -> HTTPResponse {
    guard case .respond(let response) = action else {
      Issue.record("not answered at once: \(action)")
      throw CancellationError()
    }
    return response
  }

  func write(_ action: Action) throws -> (Request, (WriteOutcome) -> HTTPResponse) {
    guard case .write(let request, let render) = action else {
      Issue.record("not a write: \(action)")
      throw CancellationError()
    }
    return (request, render)
  }

  func error(_ response: HTTPResponse) throws -> String {
    try #require(try JSONValue.parse(response.body)["error"]?.text)
  }

  @Test(arguments: [
    nil, "", "Bearer", "Bearer wrong", "Basic \(token)", "\(token)", "Bearer \(token)x",
    "Bearer \(token.dropLast())", "Bearer  ",
  ])
  func `without the token nothing is told`(authorization: String?) throws {
    let answer = try response(action("GET", "/admin/v1/status", authorization: authorization))
    #expect(answer.status == 401)
    #expect(try error(answer).contains("token"))
  }

  @Test func `short tokens are refused and white space around a token does not count`() throws {
    #expect(AdminAPI(token: Array("short".utf8)) == nil)
    #expect(AdminAPI(token: []) == nil)
    #expect(AdminAPI(token: Array("                        ".utf8)) == nil)
    let api = try #require(AdminAPI(token: Array(" \(Self.token)\r\n".utf8)))
    var request = HTTPRequest(method: "GET", path: "/admin/v1/status")
    request.authorization = "bearer \(Self.token)"
    #expect(api.authorizes(request))
  }

  @Test func `the status has fixed names and full-length hashes`() throws {
    let json = try JSONValue.parse(response(action("GET", "/admin/v1/status")).body)
    #expect(json["id"] == .number("2"))
    #expect(json["leader"] == .number("2"))
    #expect(json["ready"] == .bool(true))
    #expect(json["stateHash"]?.text == "000000000000000000000000000000ff")
    #expect(json["genesisHash"]?.text == "ab")
    #expect(try JSONValue.parse(NodeStatus(id: 1).json())["leader"] == .null)
  }

  @Test func `a new account gets a random key, and its secret is sealed`() throws {
    let (request, render) = try write(action("POST", "/admin/v1/accounts", #"{"name":"bob"}"#))
    guard case .createAccount(let command) = request.command else {
      Issue.record("\(request.command)")
      return
    }
    #expect(command.permissions == .trade)
    #expect(command.limits == .standard)
    #expect(request.header.key == .admin && request.header.timestamp == 0)
    #expect(request.header.deadline == 1000 + AdminAPI.patience)
    let answer = render(.reply(.account(AccountID(1002), KeyID(2)), index: 9, stamp: 0))
    #expect(answer.status == 200 && answer.header("X-Castle-Index") == "9")
    let json = try JSONValue.parse(answer.body)
    #expect(json["accountId"] == .number("1002"))
    #expect(json["apiKey"]?.text == command.apiKey && command.apiKey.count == 64)
    let secret = try #require(json["secretKey"]?.text)
    #expect(secret.count == 64 && secret != command.apiKey)
    #expect(Self.secrets.open(command.sealedSecret) == Array(secret.utf8))
    #expect(json["permissions"] == .array([.string("trade")]))
  }

  @Test func `an account may be given permissions and limits`() throws {
    let body = """
      {"name":"b","permissions":["withdraw"],"limits":{"per10Seconds":1,"perDay":4294967295}}
      """
    let (request, _) = try write(action("POST", "/admin/v1/accounts", body))
    guard case .createAccount(let command) = request.command else {
      Issue.record("\(request.command)")
      return
    }
    #expect(command.permissions == .withdraw)
    #expect(command.limits == OrderLimits(per10Seconds: 1, perDay: .max))
  }

  @Test(arguments: [
    ("accounts", "", "JSON"), ("accounts", "[]", "object"), ("accounts", "{}", "name is missing"),
    ("accounts", #"{"name":"b","nmae":"c"}"#, "unknown field nmae"),
    ("accounts", #"{"name":"a b"}"#, "name must be"),
    ("accounts", #"{"name":"12"}"#, "digits only"),
    ("accounts", #"{"name":1}"#, "must be a string"),
    ("accounts", #"{"name":"b","permissions":["fly"]}"#, "permissions"),
    ("accounts", #"{"name":"b","limits":{"perDay":1}}"#, "limits.per10Seconds is missing"),
    ("accounts", #"{"name":"b","limits":{"per10Seconds":-1,"perDay":1}}"#, "must be an integer"),
    ("deposits", #"{"asset":"BTC","amount":"1","id":"x"}"#, "account is missing"),
    ("deposits", #"{"account":"alice","asset":"BTC","amount":"0","id":"x"}"#, "above 0"),
    ("deposits", #"{"account":"alice","asset":"BTC","amount":"-1","id":"x"}"#, "no decimal"),
    ("deposits", #"{"account":"alice","asset":"BTC","amount":1e3,"id":"x"}"#, "no decimal"),
    (
      "deposits", #"{"account":"alice","asset":"USDT","amount":"0.0000001","id":"x"}"#, "6 decimals"
    ),
    ("deposits", #"{"account":"alice","asset":"BTC","amount":"99999999999999","id":"x"}"#, "large"),
    ("deposits", #"{"account":"alice","asset":"BTC","amount":"1","id":""}"#, "id must be"),
    ("deposits", #"{"account":"alice","asset":"BTC","amount":"1","id":"x","memo":1}"#, "memo"),
    ("symbols", #"{"base":"BTC","quote":"USDT","stepSize":"1"}"#, "tickSize is missing"),
    ("symbols", #"{"base":"BTC","quote":"BTC","tickSize":"1","stepSize":"1"}"#, "differ"),
    ("symbols", #"{"base":"BTC","quote":"USDT","tickSize":"0","stepSize":"1"}"#, "above 0"),
    (
      "symbols", #"{"base":"BTC","quote":"USDT","tickSize":"1","stepSize":"1","makerFee":"1"}"#,
      "at most 0.1"
    ),
    ("symbols/BTCUSDT/status", #"{"status":"CLOSED"}"#, "must be one of TRADING"),
    ("assets", #"{"name":"btc"}"#, "A-Z"), ("assets", #"{"name":"A","scale":9}"#, "from 0 to 8"),
    ("keys/revoke", #"{"apiKey":""}"#, "apiKey"),
  ])
  func `bad bodies get one sentence that names the offence`(
    path: String, body: String, sentence: String
  ) throws {
    let answer = try response(action("POST", "/admin/v1/\(path)", body))
    #expect(answer.status == 400)
    let text = try error(answer)
    #expect(text.contains(sentence), "\(text)")
  }

  @Test(arguments: [
    ("deposits", #"{"account":"nobody","asset":"BTC","amount":"1","id":"x"}"#, "account: nobody"),
    ("deposits", #"{"account":"1002","asset":"BTC","amount":"1","id":"x"}"#, "account: 1002"),
    ("deposits", #"{"account":"alice","asset":"XRP","amount":"1","id":"x"}"#, "asset: XRP"),
    ("symbols/XRPUSDT/status", #"{"status":"HALT"}"#, "symbol: XRPUSDT"),
    ("accounts/bob/limits", #"{"per10Seconds":1,"perDay":1}"#, "account: bob"),
    ("keys", #"{"account":7}"#, "account: 7"),
  ])
  func `an unknown name costs one barrier before it is refused`(
    path: String, body: String, sentence: String
  ) throws {
    let first = try action("POST", "/admin/v1/\(path)", body, isRetry: false)
    guard case .barrier = first else {
      Issue.record("\(first)")
      return
    }
    let answer = try response(action("POST", "/admin/v1/\(path)", body))
    #expect(answer.status == 404)
    #expect(try error(answer).contains(sentence))
  }

  @Test(arguments: [#""alice""#, #""1001""#, "1001"])
  func `a deposit reads the amount in the asset's scale`(account: String) throws {
    let body = #"{"account":\#(account),"asset":"USDT","amount":"12.5","id":"tx-1"}"#
    let (request, render) = try write(action("POST", "/admin/v1/deposits", body))
    let funds = Funds(
      account: AccountID(1001), asset: AssetID(2), amount: 12_500_000, id: "tx-1")
    #expect(request.command == .deposit(funds))
    let answer = render(.reply(.funds(free: 20_000_000, repeated: true), index: 1, stamp: 0))
    let json = try JSONValue.parse(answer.body)
    #expect(json["amount"]?.text == "12.50000000" && json["free"]?.text == "20.00000000")
    #expect(json["repeated"] == .bool(true))
    let (withdrawal, _) = try write(action("POST", "/admin/v1/withdrawals", body))
    #expect(withdrawal.command == .withdraw(funds))
  }

  @Test func `two requests have different ids`() throws {
    let body = #"{"account":"alice","asset":"BTC","amount":"1","id":"x"}"#
    let first = try write(action("POST", "/admin/v1/deposits", body)).0
    let second = try write(action("POST", "/admin/v1/deposits", body)).0
    #expect(first.header.requestID != second.header.requestID)
  }

  @Test func `keys take the account's permissions by default and can be revoked`() throws {
    let (request, _) = try write(action("POST", "/admin/v1/keys", #"{"account":"alice"}"#))
    guard case .createKey(let command) = request.command else {
      Issue.record("\(request.command)")
      return
    }
    #expect(command.account == AccountID(1001) && command.permissions == [.trade, .withdraw])
    let revoke = try write(action("POST", "/admin/v1/keys/revoke", #"{"apiKey":"KEY"}"#)).0
    #expect(revoke.command == .revokeKey(RevokeKey(apiKey: "KEY")))
  }

  /// A longer key could be encoded, but no replica could read the log entry back: `apply` would halt everywhere.
  @Test(arguments: [("K", 65), ("K", 128), ("\u{e9}", 33), ("K", 0)])
  func `a key that no log entry can hold is refused before it is submitted`(
    _ letter: String, _ count: Int
  ) throws {
    let key = String(repeating: letter, count: count)
    let action = try action("POST", "/admin/v1/keys/revoke", #"{"apiKey":"\#(key)"}"#)
    let response = try #require(action.response)
    #expect(response.status == 400)
    #expect(try error(response) == "apiKey must have 1 to 64 bytes")
  }

  @Test func `the longest key that is taken comes back from its bytes`() throws {
    let key = String(repeating: "K", count: 64)
    let body = #"{"apiKey":"\#(key)"}"#
    let request = try write(action("POST", "/admin/v1/keys/revoke", body)).0
    #expect(request.command == .revokeKey(RevokeKey(apiKey: key)))
    #expect(CommandCodec.reads(request))
  }

  @Test func `a symbol has sensible defaults and can be changed`() throws {
    let body = #"{"base":"BTC","quote":"USDT","name":"X","tickSize":"0.01","stepSize":"0.001"}"#
    let (request, render) = try write(action("POST", "/admin/v1/symbols", body))
    guard case .addSymbol(let symbol) = request.command else {
      Issue.record("\(request.command)")
      return
    }
    let filters = symbol.filters
    #expect(symbol.name == "X" && symbol.makerRate == 100_000 && symbol.takerRate == 100_000)
    #expect(filters.minPrice == 10_000 && filters.tickSize == 10_000)
    #expect(filters.maxPrice == 1_000_000_000_000)
    #expect(filters.minQuantity == 100_000 && filters.stepSize == 100_000)
    #expect(filters.maxQuantity == 100_000_000_000_000)
    #expect(filters.minNotional == 0 && filters.maxOpenOrders == 200)
    let json = try JSONValue.parse(render(.reply(.symbol(SymbolID(4)), index: 1, stamp: 0)).body)
    #expect(json["symbolId"] == .number("4") && json["tickSize"]?.text == "0.01000000")
    let halt = try write(
      action("POST", "/admin/v1/symbols/BTCUSDT/status", #"{"status":"CANCEL_ONLY"}"#))
    #expect(
      halt.0.command == .setSymbolStatus(SetSymbolStatus(symbol: SymbolID(1), status: .cancelOnly)))
  }

  @Test(arguments: [
    (WriteOutcome.expired, 503), (.overloaded, 503), (.noLeader, 503), (.unknown, 504),
    (.refused("a member is too old"), 409),
    (.reply(.rejected(.fundsIDReused), index: 1, stamp: 0), 409),
    (.reply(.rejected(.insufficientBalance), index: 1, stamp: 0), 409),
    (.reply(.rejected(.accountUnknown), index: 1, stamp: 0), 404),
    (.reply(.rejected(.amountInvalid), index: 1, stamp: 0), 400),
  ])
  func `outcomes that are no success have a status and a sentence`(
    outcome: WriteOutcome, status: Int
  ) throws {
    let body = #"{"account":"alice","asset":"BTC","amount":"1","id":"x"}"#
    let answer = try write(action("POST", "/admin/v1/deposits", body)).1(outcome)
    #expect(answer.status == status)
    #expect(try error(answer).contains("not executed") == (status == 503))
  }

  @Test(arguments: [
    ("GET", "/admin/v1/nothing", 404), ("GET", "/admin/v1/", 404), ("GET", "/api/v3/time", 404),
    ("GET", "/admin/v1/accounts/a/b", 404), ("GET", "/admin/v1/status/", 404),
    ("POST", "/admin/v1/status", 405), ("GET", "/admin/v1/deposits", 405),
    ("DELETE", "/admin/v1/accounts", 405),
  ])
  func `other paths and methods are refused`(method: String, path: String, status: Int) throws {
    let answer = try response(action(method, path))
    #expect(answer.status == status)
    #expect(!(try error(answer)).isEmpty)
    #expect((answer.header("Allow") != nil) == (status == 405))
  }

  @Test func `lists and accounts are linearizable reads that never show a secret`() throws {
    let model = try ReadModel(rows: NoRows(), appliedIndex: 0, stamp: 0)
    var batch = EventBatch()
    batch.begin(index: 7, stamp: 9)
    for event in Self.events { batch.append(event) }
    var rows = RowBatch()
    var updates: [MarketUpdate] = []
    _ = model.fold(batch, into: &rows, updates: &updates)
    func read(_ path: String, query: String = "") throws -> JSONValue {
      guard case .read(true, let answer) = try action("GET", path, query: query) else {
        throw CancellationError()
      }
      let response = answer(model)
      #expect(response.status == 200 && response.header("X-Castle-Index") == "7")
      return try JSONValue.parse(response.body)
    }
    let accounts = try read("/admin/v1/accounts")["accounts"]?.elements
    #expect(accounts?.count == 1 && accounts?.first?["name"]?.text == "alice")
    #expect(try read("/admin/v1/accounts", query: "after=1001")["accounts"]?.elements?.count == 0)
    let alice = try read("/admin/v1/accounts/alice")
    #expect(alice["keys"]?.elements?.first?["apiKey"]?.text == "KEY")
    #expect(alice["keys"]?.elements?.first?["sealedSecret"] == nil)
    #expect(alice["limits"]?["per10Seconds"] == .number("100"))
    #expect(try read("/admin/v1/symbols")["symbols"]?.elements?.first?["name"]?.text == "BTCUSDT")
    #expect(try read("/admin/v1/assets")["assets"]?.elements?.count == 2)
    #expect(try read("/admin/v1/accounts/1001/transfers")["transfers"]?.elements?.isEmpty == true)
    let bad = try response(action("GET", "/admin/v1/accounts", query: "limit=0"))
    #expect(bad.status == 400)
  }
}
