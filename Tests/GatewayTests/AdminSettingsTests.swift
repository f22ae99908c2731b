// AdminSettingsTests: what the operator sets of the exchange, of symbols and of accounts, and how
// money moves by hand: each request as its command, each mistake as its sentence.

import Engine
import Testing

@testable import Gateway

@Suite struct AdminSettingsTests {
  private let api = AdminAPITests()

  /// A request and the command that it must become.
  private func expect(
    _ path: String, _ body: String, _ command: Command, _ answer: String,
    reply: Reply = .done
  ) throws {
    let (request, render) = try api.write(api.action("POST", "/admin/v1/\(path)", body))
    #expect(request.command == command)
    #expect(request.header.key == .admin)
    let response = render(.reply(reply, index: 7, stamp: 0))
    #expect(String(decoding: response.body, as: UTF8.self) == answer)
    #expect(response.header("X-Castle-Index") == "7")
  }

  @Test func `level, features, limits and discount become commands`() throws {
    try expect(
      "level", #"{"level":2}"#, .setLevel(SetLevel(level: 2)), #"{"level":2}"#)
    try expect(
      "features", #"{"refused":["trailingStops","withdrawals"]}"#,
      .setFeatures([.trailingStops, .withdrawals]),
      #"{"refused":["trailingStops","withdrawals"],"served":["limitOrders","marketOrders","#
        + #""stopOrders","icebergs","peggedOrders","orderLists","cancelReplace","amendments","#
        + #""deposits","transfers"]}"#)
    try expect(
      "limits", #"{"maxOrders":5,"maxOrderLists":4294967295}"#,
      .setExchangeLimits(ExchangeLimits(maxOrders: 5, maxOrderLists: .max)),
      #"{"maxOrders":5,"maxAlgoOrders":0,"maxIcebergOrders":0,"maxOrderLists":4294967295}"#)
    try expect(
      "discount", #"{"asset":"BTC","factor":"0.75"}"#,
      .setDiscount(DiscountSettings(asset: AssetID(1), factor: 75_000_000)),
      #"{"asset":"BTC","factor":"0.75000000"}"#)
    try expect(
      "discount", #"{"asset":null}"#, .setDiscount(.none),
      #"{"asset":null,"factor":"0.00000000"}"#)
    try expect(
      "assets/USDT/limit", #"{"orderMax":"12.5"}"#,
      .setAssetLimit(SetAssetLimit(asset: AssetID(2), orderMax: 12_500_000)),
      #"{"name":"USDT","orderMax":"12.50000000"}"#)
    #expect(Features.named.reduce(into: Features()) { $0.insert($1.feature) } == .all)
  }

  @Test func `a symbol's filters change one by one`() throws {
    var filters = SymbolFilters(
      minPrice: 1, maxPrice: 10, tickSize: 1, minQuantity: 1, maxQuantity: 10, stepSize: 1)
    filters.minNotional = 5_000_000
    filters.applyMaxToMarket = true
    filters.rules.percentPriceBid = PriceBand(up: 12_000, down: 8_000)
    filters.rules.maxAlgoOrders = 3
    filters.rules.maxPosition = 100_000_000
    filters.rules.trailing = TrailingBounds(
      minAbove: 1, maxAbove: 2, minBelow: 3, maxBelow: 4)
    let body = """
      {"minNotional":"5","applyMaxToMarket":true,"percentPriceBid":{"up":"1.2","down":0.8},\
      "maxAlgoOrders":3,"maxPosition":"1",\
      "trailingDelta":{"minAbove":1,"maxAbove":2,"minBelow":3,"maxBelow":4}}
      """
    let (request, render) = try api.write(
      api.action("POST", "/admin/v1/symbols/BTCUSDT/filters", body))
    #expect(
      request.command == .setSymbolFilters(SetSymbolFilters(symbol: SymbolID(1), filters: filters)))
    let shown = render(.reply(.done, index: 1, stamp: 0))
    #expect(field(shown, "percentPriceBid", "up") == "1.20000000")
    #expect(field(shown, "executionAsk", "down") == "0.00000000")
    #expect(field(shown, "trailingDelta", "maxBelow") == "4")
    #expect(field(shown, "maxQuantity") == "0.00000010")
    // What is left out stays as it is: so this node first makes sure that it knows how that is.
    let action = try api.action(
      "POST", "/admin/v1/symbols/BTCUSDT/filters", body, isRetry: false)
    guard case .barrier = action else {
      Issue.record("filters were read from an old catalog")
      return
    }
  }

  @Test func `self-trade prevention, commission and discount of a symbol become commands`() throws {
    try expect(
      "symbols/BTCUSDT/self-trade", #"{"allowed":["EXPIRE_TAKER","NONE"],"standard":"NONE"}"#,
      .setSelfTradeRules(
        SetSelfTradeRules(
          symbol: SymbolID(1),
          rules: SelfTradeRules(allowing: [.none, .expireTaker], standard: .none))),
      #"{"name":"BTCUSDT","allowed":["NONE","EXPIRE_TAKER"],"standard":"NONE"}"#)
    func rates(_ maker: String, _ buyer: String = "0.00000000") -> String {
      #"{"maker":"\#(maker)","taker":"0.00000000","buyer":"\#(buyer)","seller":"0.00000000"}"#
    }
    try expect(
      "symbols/BTCUSDT/commission",
      #"{"account":"alice","standard":{"maker":"0.001"},"special":{"buyer":"0.02"}}"#,
      .setCommission(
        AccountCommission(
          account: AccountID(1001), symbol: SymbolID(1),
          commission: Commission(
            standard: CommissionRates(maker: 100_000),
            special: CommissionRates(buyer: 2_000_000)))),
      #"{"symbol":"BTCUSDT","account":"alice","standard":"# + rates("0.00100000") + #","tax":"#
        + rates("0.00000000") + #","special":"# + rates("0.00000000", "0.02000000") + "}")
    try expect(
      "symbols/BTCUSDT/commission", #"{"standard":{}}"#,
      .setCommission(
        AccountCommission(
          account: .operator, symbol: SymbolID(1), commission: Commission(standard: .none))),
      #"{"symbol":"BTCUSDT","account":null,"standard":"# + rates("0.00000000") + #","tax":"#
        + rates("0.00000000") + #","special":"# + rates("0.00000000") + "}")
    try expect(
      "symbols/BTCUSDT/discount", #"{"offered":true}"#,
      .setSymbolDiscount(SetSymbolDiscount(symbol: SymbolID(1), isOffered: true)),
      #"{"name":"BTCUSDT","offered":true}"#)
    try expect(
      "symbols/BTCUSDT/status", #"{"status":"END_OF_DAY"}"#,
      .setSymbolStatus(SetSymbolStatus(symbol: SymbolID(1), status: .endOfDay)),
      #"{"name":"BTCUSDT","status":"END_OF_DAY"}"#)
  }

  @Test func `switches of an account and its place become commands`() throws {
    try expect(
      "accounts/alice/discount", #"{"used":false}"#,
      .setAccountDiscount(SetAccountDiscount(account: AccountID(1001), isUsed: false)),
      #"{"accountId":1001,"used":false}"#)
    try expect(
      "accounts/alice/trade-group", #"{"group":7}"#,
      .setTradeGroup(SetTradeGroup(account: AccountID(1001), group: TradeGroupID(7))),
      #"{"accountId":1001,"group":7}"#)
    try expect(
      "accounts/alice/trade-group", "{}",
      .setTradeGroup(SetTradeGroup(account: AccountID(1001), group: .none)),
      #"{"accountId":1001,"group":null}"#)
    let (request, _) = try api.write(
      api.action(
        "POST", "/admin/v1/accounts",
        #"{"name":"below","parent":"alice","permissions":["transfer"]}"#))
    guard case .createAccount(let create) = request.command else {
      Issue.record("\(request.command)")
      return
    }
    #expect(create.parent == AccountID(1001) && create.permissions == .transfer)
  }

  @Test func `money moves by hand`() throws {
    let funds = Reply.funds(free: 500_000, repeated: false)
    try expect(
      "withdrawals/request",
      #"{"account":"alice","asset":"USDT","amount":"2","fee":"0.5","address":"there","id":"a/b"}"#,
      .requestWithdrawal(
        RequestWithdrawal(
          account: AccountID(1001), asset: AssetID(2), amount: 2_000_000, fee: 500_000,
          network: "", address: "there", id: "a/b")),
      #"{"account":"alice","fee":"0.50000000","asset":"USDT","amount":"2.00000000","id":"a/b","#
        + #""free":"0.50000000","repeated":false}"#, reply: funds)
    let steps: [(String, WithdrawalState)] = [
      ("approve", .approved), ("reject", .rejected), ("sent", .sent), ("confirm", .confirmed),
      ("fail", .failed), ("cancel", .cancelled),
    ]
    for (verb, state) in steps {
      try expect(
        "withdrawals/\(verb)", #"{"id":"a/b","note":"0x1"}"#,
        .moveWithdrawal(
          MoveWithdrawal(account: .operator, id: "a/b", state: state, note: "0x1")),
        #"{"id":"a/b","state":"\#(state)"}"#)
    }
    #expect(AdminContext.steps.count == steps.count)
  }

  @Test(arguments: [
    ("level", "{}", "level is missing"),
    ("level", #"{"level":0}"#, "level must be an integer from 1"),
    ("features", "{}", "refused is missing"),
    ("features", #"{"refused":["stops"]}"#, "refused may hold limitOrders, marketOrders"),
    ("features", #"{"refused":[1]}"#, "refused may hold"),
    ("limits", #"{"maxOrders":-1}"#, "maxOrders must be an integer from 0"),
    ("discount", #"{"asset":"BTC"}"#, "factor is missing"),
    ("discount", #"{"asset":"BTC","factor":"1.01"}"#, "factor must be 0 to 1"),
    ("discount", #"{"asset":"DOGE","factor":"1"}"#, "no such asset: DOGE"),
    ("assets/BTC/limit", #"{"orderMax":"-1"}"#, "orderMax is no decimal number: -1"),
    ("assets/DOGE/limit", #"{"orderMax":"1"}"#, "no such asset: DOGE"),
    ("symbols/NONE/filters", "{}", "no such symbol: NONE"),
    ("symbols/BTCUSDT/filters", #"{"tickSize":"2"}"#, "tickSize cannot change"),
    ("symbols/BTCUSDT/filters", #"{"stepSize":"2"}"#, "stepSize cannot change"),
    ("symbols/BTCUSDT/filters", #"{"minPrice":"9"}"#, "the filters contradict each other"),
    ("symbols/BTCUSDT/filters", #"{"percentPrice":{"up":"1.2"}}"#, "percentPrice.down is missing"),
    (
      "symbols/BTCUSDT/filters", #"{"percentPrice":{"up":"1.00001","down":"0"}}"#,
      "percentPrice.up has more than 4 decimals"
    ),
    ("symbols/BTCUSDT/filters", #"{"executionBid":1}"#, "executionBid must be a JSON object"),
    ("symbols/BTCUSDT/filters", #"{"maxNotionl":"1"}"#, "unknown field maxNotionl"),
    (
      "symbols/BTCUSDT/self-trade", #"{"allowed":["SOMETIMES"],"standard":"NONE"}"#,
      "allowed may be NONE"
    ),
    (
      "symbols/BTCUSDT/self-trade", #"{"allowed":["EXPIRE_MAKER"],"standard":"NONE"}"#,
      "standard must be one of the allowed modes"
    ),
    ("symbols/BTCUSDT/commission", "{}", "standard is missing"),
    (
      "symbols/BTCUSDT/commission", #"{"standard":{"maker":"0.06","buyer":"0.06"}}"#,
      "no order may pay more than 0.1 in all"
    ),
    (
      "symbols/BTCUSDT/commission", #"{"standard":{"maker":"-0.01"}}"#,
      "standard.maker is no decimal number"
    ),
    (
      "symbols/BTCUSDT/commission", #"{"account":"nobody","standard":{}}"#,
      "no such account: nobody"
    ),
    ("symbols/BTCUSDT/discount", "{}", "offered is missing"),
    ("symbols/BTCUSDT/discount", #"{"offered":"yes"}"#, "offered must be true or false"),
    ("symbols/BTCUSDT/status", #"{"status":"OPEN"}"#, "status must be one of TRADING"),
    ("accounts/alice/discount", "{}", "used is missing"),
    ("accounts/alice/trade-group", #"{"group":0}"#, "group must be an integer from 1"),
    ("accounts", #"{"name":"b","parent":"nobody"}"#, "no such account: nobody"),
    (
      "transfers", #"{"from":"alice","to":"alice","asset":"BTC","amount":"1","id":"x"}"#,
      "from and to must be two accounts"
    ),
    ("transfers", #"{"from":"alice","asset":"BTC","amount":"1","id":"x"}"#, "to is missing"),
    (
      "withdrawals/request", #"{"account":"alice","asset":"BTC","amount":"1","id":"x"}"#,
      "address is missing"
    ),
    (
      "withdrawals/request",
      #"{"account":"alice","asset":"BTC","amount":"1","fee":"-1","address":"a","id":"x"}"#,
      "fee is no decimal number: -1"
    ),
    ("withdrawals/approve", "{}", "id is missing"),
    ("withdrawals/approve", #"{"id":"a b"}"#, "id must be 1 to 64 printable"),
    ("withdrawals/approve", #"{"id":"a","note":"a b"}"#, "note must be up to 128 printable"),
    ("withdrawals/forget", #"{"id":"a"}"#, "no such path"),
    ("symbols/BTCUSDT/colour", "{}", "no such path"),
  ])
  func `a mistake is one sentence, and no command`(
    path: String, body: String, sentence: String
  ) throws {
    let answer = try api.response(api.action("POST", "/admin/v1/\(path)", body))
    #expect((400...404).contains(answer.status))
    #expect(try api.error(answer).contains(sentence))
  }

  @Test(arguments: [
    (Rejection.withdrawalUnknown, 404, "no such withdrawal"),
    (.withdrawalStateRefused, 409, "from its present state the withdrawal cannot go there"),
    (.levelRefused, 409, "the level can only be raised, and up to what this program knows"),
    (.featureRefused, 409, "this is switched off"),
  ])
  func `a refusal is one sentence`(reason: Rejection, status: Int, sentence: String) throws {
    let (_, render) = try api.write(
      api.action("POST", "/admin/v1/withdrawals/approve", #"{"id":"a"}"#))
    let answer = render(.reply(.rejected(reason), index: 1, stamp: 0))
    #expect(answer.status == status)
    #expect(try api.error(answer) == sentence)
  }

  @Test func `withdrawals are listed by state and account, page by page`() throws {
    let venue = try Venue()
    let alice = try #require(venue.model.catalog.account(named: "alice")?.id)
    let usdt = try #require(venue.model.catalog.asset(named: "USDT")?.id)
    for id in ["w1", "w2", "w3", "x/1"] {
      try venue.administer(
        .requestWithdrawal(
          RequestWithdrawal(
            account: alice, asset: usdt, amount: 100, fee: 1, network: "net", address: "to",
            id: id)))
    }
    for state in [WithdrawalState.approved, .sent, .confirmed] {
      try venue.administer(
        .moveWithdrawal(MoveWithdrawal(account: .operator, id: "w2", state: state)))
    }
    func list(_ query: String) throws -> [String?] {
      guard
        case .read(true, let answer) = try api.action(
          "GET", "/admin/v1/withdrawals", query: query)
      else {
        Issue.record("not a read")
        return []
      }
      let response = answer(venue.model)
      let json = try JSONValue.parse(response.body)
      let ids = json["withdrawals"]?.elements?.map { $0["id"]?.text } ?? []
      return ids + [json["next"]?.text]
    }
    #expect(try list("") == ["w1", "w2", "w3", "x/1", nil])
    #expect(try list("limit=2") == ["w1", "w2", "w2"])
    #expect(try list("limit=2&after=w2") == ["w3", "x/1", "x/1"])
    #expect(try list("after=x%2F1") == [nil])
    #expect(try list("state=requested") == ["w1", "w3", "x/1", nil])
    #expect(try list("state=confirmed&account=alice") == ["w2", nil])
    #expect(try list("id=x%2F1") == ["x/1", nil])
    #expect(try list("id=none") == [nil])
    let wrong = try api.response(api.action("GET", "/admin/v1/withdrawals", query: "state=gone"))
    #expect(try api.error(wrong).hasPrefix("state may be requested, approved"))
  }

  @Test func `settings and a symbol are read as they are`() throws {
    let venue = try DiscountTests.venue()
    try venue.administer(.setFeatures([.icebergs]))
    func read(_ path: String) throws -> HTTPResponse {
      guard case .read(true, let answer) = try api.action("GET", "/admin/v1/\(path)") else {
        Issue.record("not a read")
        throw CancellationError()
      }
      return answer(venue.model)
    }
    let settings = try read("settings")
    #expect(field(settings, "level") == "1" && field(settings, "newestLevel") == "3")
    #expect(field(settings, "refused", "0") == "icebergs")
    #expect(field(settings, "limits", "maxOrders") == "0")
    #expect(field(settings, "discount", "asset") == "BNB")
    #expect(field(settings, "discount", "factor") == "0.75000000")
    let bob = try #require(venue.model.catalog.account(named: "bob")?.id)
    try venue.administer(
      .setCommission(
        AccountCommission(
          account: bob, symbol: SymbolID(1),
          commission: Commission(standard: CommissionRates(taker: 1)))))
    let symbol = try read("symbols/BTCUSDT")
    #expect(field(symbol, "name") == "BTCUSDT")
    #expect(field(symbol, "selfTrade", "standard") == "NONE")
    #expect(field(symbol, "commissions", "0", "account") == "bob")
    #expect(field(symbol, "commissions", "0", "standard", "taker") == "0.00000001")
    #expect(symbol.text.contains("\"offersDiscount\":true"))
  }
}
