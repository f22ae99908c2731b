// Codecs: round trips, damaged bytes, random bytes.

import Engine
import Testing
import Wire

@Suite struct CodecTests {
  static func request(_ command: Command, _ random: inout Seeded) -> Request {
    Request(
      header: CommandHeader(
        requestID: RequestID(random.next(), random.next(), random.next(), random.next()),
        key: KeyID(random.next()), timestamp: Int64(bitPattern: random.next()),
        deadline: Int64(bitPattern: random.next())), command: command)
  }

  static func everyCommand() -> [Command] {
    World.setUp(accounts: 1) + [
      World.limit(0, .buy, 1, at: 2, id: "x", .fok), World.market(1, .sell, 3, id: "y"),
      World.market(1, .buy, 0, quote: 9, id: String(repeating: "z", count: 36)),
      World.cancel(0, order: 7), World.cancel(0, id: "abcdefgh", .onlyNew),
      .cancelAllOrders(
        CancelAllOrders(
          account: World.account(3), symbol: World.second, cancelClientOrderID: .empty)),
      .createKey(
        CreateKey(
          account: World.account(0), permissions: [.trade, .withdraw], apiKey: "k",
          sealedSecret: [UInt8](repeating: 255, count: 256))),
      .revokeKey(RevokeKey(apiKey: "k")),
      .setOrderLimits(SetOrderLimits(account: World.account(0), limits: .standard)),
      .withdraw(Funds(account: World.account(0), asset: World.base, amount: .max, id: "w")),
      .setSymbolStatus(SetSymbolStatus(symbol: World.first, status: .endOfDay)),
      .setDiscount(DiscountSettings(asset: World.other, factor: 75_000_000)),
      .setDiscount(.none),
      .setSymbolDiscount(SetSymbolDiscount(symbol: World.second, isOffered: true)),
      .setAccountDiscount(SetAccountDiscount(account: World.account(2), isUsed: true)),
    ] + orderCommands()
  }

  static func orderCommands() -> [Command] {
    let cancel = CancelOrder(
      account: World.account(0), symbol: World.first, orderID: OrderID(7),
      originalClientOrderID: World.text("a"), cancelClientOrderID: World.text("b"),
      restriction: .onlyNew)
    let longest = World.text(String(repeating: "i", count: ShortText.countMax))
    let order = PlaceOrder(
      account: World.account(0), symbol: World.first, side: .buy, type: .stopLossLimit,
      timeInForce: .gtc, quantity: 5, quoteOrderQuantity: 0, price: 6, clientOrderID: longest,
      selfTradePrevention: .transfer, strategyID: 1, strategyType: 2,
      special: SpecialTerms(
        stopPrice: 7, trailingDelta: 100, icebergQuantity: 2, peg: .market, pegLevels: 3))
    return [
      .placeOrder(order),
      .cancelReplace(
        CancelReplace(cancel: cancel, order: order, mode: .allowFailure, overLimit: .cancelOnly)),
      .amendOrder(
        AmendOrder(
          account: World.account(1), symbol: World.second, orderID: nil,
          originalClientOrderID: World.text("x"), quantity: 8, clientOrderID: World.text("y"))),
      .placeOrderList(
        PlaceOrderList(
          account: World.account(1), symbol: World.second, kind: .opoco, clientListID: longest,
          legs: [order, order, order])),
      .cancelOrderList(
        CancelOrderList(
          account: World.account(1), symbol: World.second, list: OrderListID(4),
          clientListID: .empty, cancelClientOrderID: World.text("c"))),
      .setTradeGroup(SetTradeGroup(account: World.account(1), group: TradeGroupID(5))),
      .setSelfTradeRules(
        SetSelfTradeRules(
          symbol: World.second,
          rules: SelfTradeRules(allowing: [.expireMaker, .none], standard: .expireMaker))),
    ]
  }

  @Test func `a new order in the first layout is read as it was meant`() throws {
    var writer = ByteWriter()
    writer.u64(1001)
    writer.u32(1)
    for byte: UInt8 in [1, 1, 1] { writer.u8(byte) }
    for value: Int64 in [10, 0, 20] { writer.i64(value) }
    writer.u8(0)
    writer.u8(2)
    writer.i64(3)
    writer.i64(4)
    let body = writer.bytes
    var frame = ByteWriter()
    frame.u16(1)
    frame.u16(1)
    frame.u32(UInt32(body.count + 56))
    frame.raw([UInt8](repeating: 0, count: 56))
    frame.raw(body)
    var reader = ByteReader(frame.bytes)
    guard case .placeOrder(let order) = try CommandCodec.decode(&reader).command else {
      Issue.record("not an order")
      return
    }
    #expect(order.selfTradePrevention == .expireMaker)
    #expect(order.price == 20 && order.strategyID == 3 && order.strategyType == 4)
    #expect(order.special == .none)
  }

  @Test func `every command comes back as it was encoded`() throws {
    var random = Seeded(1)
    var writer = ByteWriter()
    var requests: [Request] = []
    for command in Self.everyCommand() {
      let request = Self.request(command, &random)
      requests.append(request)
      CommandCodec.encode(request, into: &writer)
    }
    var reader = ByteReader(writer.bytes)
    for request in requests {
      let decoded = try CommandCodec.decode(&reader)
      #expect(decoded == request)
    }
    #expect(reader.left == 0)
  }

  @Test func `a request with a text beyond its limit is known before it is encoded for a log`() {
    var random = Seeded(3)
    for command in Self.everyCommand() {
      #expect(CommandCodec.reads(Self.request(command, &random)))
    }
    let long = String(repeating: "k", count: CommandCodec.Limit.apiKey + 1)
    #expect(!CommandCodec.reads(Self.request(.revokeKey(RevokeKey(apiKey: long)), &random)))
    let asset = AddAsset(name: String(repeating: "A", count: 21), scale: 8)
    #expect(!CommandCodec.reads(Self.request(.addAsset(asset), &random)))
  }

  @Test func `random orders come back as they were encoded`() throws {
    var random = Seeded(2)
    for _ in 0..<2_000 {
      let view = Self.view(&random)
      var writer = ByteWriter()
      OrderViewCodec.encode(view, into: &writer)
      #expect(writer.count <= OrderViewCodec.bytesMax)
      var reader = ByteReader(writer.bytes)
      #expect(try OrderViewCodec.decode(&reader) == view)
      #expect(reader.left == 0)
    }
  }

  @Test func `every reply comes back as it was encoded`() throws {
    var random = Seeded(3)
    for reply in Self.everyReply(&random) {
      #expect(try ReplyCodec.decode(ReplyCodec.encode(reply, at: 9), at: 9) == reply)
    }
    for reason in Rejection.allCases {
      #expect(
        try ReplyCodec.decode(ReplyCodec.encode(.rejected(reason), at: 9), at: 9)
          == .rejected(reason))
    }
  }

  /// What is recorded and cannot be read back would keep every node from starting again.
  @Test func `the longest replies stay within the bound that readers of stored replies have`() {
    var random = Seeded(6)
    var view = Self.view(&random)
    view.clientOrderID = World.text(String(repeating: "i", count: ShortText.countMax))
    let cancelled = Cancelled(order: view, cancelClientOrderID: view.clientOrderID)
    let leg = ListLeg(order: view.id, clientOrderID: view.clientOrderID)
    let list = OrderListView(
      id: OrderListID(1), account: view.account, symbol: view.symbol, kind: .oco,
      statusType: .allDone, status: .allDone, clientListID: view.clientOrderID, createdAt: 0,
      updatedAt: 0, legs: [leg, leg])
    let two = ReplyCodec.encode(.cancelledAll([cancelled, cancelled], lists: [list]), at: 0).count
    #expect(two * Int(Exchange.openOrdersPerSheetMax) / 2 <= ReplyCodec.bytesMax)
    let fill = Fill(
      price: 1, quantity: 2, commission: 3, commissionAsset: World.base, trade: TradeID(4))
    let counts = OrderCounts(in10Seconds: 1, inDay: 2)
    let placed = ReplyCodec.encode(
      .placed(Placed(order: view, fills: [fill], counts: counts)), at: 0)
    #expect(placed.count * Exchange.fillsPerReplyMax <= ReplyCodec.bytesMax)
  }

  @Test func `a command cut short or with a wrong length is refused`() {
    var random = Seeded(4)
    for command in Self.everyCommand() {
      var writer = ByteWriter()
      CommandCodec.encode(Self.request(command, &random), into: &writer)
      for count in 0..<writer.count {
        #expect(throws: WireError.self) {
          var reader = ByteReader(Array(writer.bytes.prefix(count)))
          _ = try CommandCodec.decode(&reader)
        }
      }
      writer.patch32(at: 4, UInt32(writer.count - 8 + 1))
      writer.u8(0)
      #expect(throws: WireError.self) {
        var reader = ByteReader(writer.bytes)
        _ = try CommandCodec.decode(&reader)
      }
    }
  }

  @Test func `random and damaged bytes never trap`() {
    var random = Seeded(5)
    let replies = Self.everyReply(&random).map { ReplyCodec.encode($0, at: 5) }
    for round in 0..<30_000 {
      var bytes = (0..<random.pick(0...300)).map { _ in UInt8(random.pick(0...255)) }
      if round % 2 == 0 {
        var writer = ByteWriter()
        let all = Self.everyCommand()
        let command = all[round / 2 % all.count]
        CommandCodec.encode(Self.request(command, &random), into: &writer)
        bytes = writer.bytes
        for _ in 0..<random.pick(1...4) {
          bytes[Int(random.pick(0...Int64(bytes.count - 1)))] = UInt8(random.pick(0...255))
        }
      }
      var reader = ByteReader(bytes)
      _ = try? CommandCodec.decode(&reader)
      reader = ByteReader(bytes)
      _ = try? OrderViewCodec.decode(&reader)
      var reply = replies[round % replies.count]
      reply[Int(random.pick(0...Int64(reply.count - 1)))] = UInt8(random.pick(0...255))
      _ = try? ReplyCodec.decode(reply, at: 5)
      _ = try? ReplyCodec.decode(bytes, at: 5)
      _ = try? EngineRows.decodeBalance(key: bytes, value: bytes)
      _ = try? EngineRows.decodeOpenOrder(key: bytes, value: bytes)
      _ = try? EngineRows.decodeSymbol(key: bytes, value: bytes)
      _ = try? EngineRows.decodeKey(key: bytes, value: bytes)
    }
  }

  static func everyReply(_ random: inout Seeded) -> [Reply] {
    let fill = Fill(
      price: 1, quantity: 2, commission: 3, commissionAsset: World.base, trade: TradeID(4))
    let cancelled = Cancelled(order: view(&random), cancelClientOrderID: World.text("c"))
    return [
      .placed(
        Placed(
          order: view(&random), fills: [fill, fill],
          counts: OrderCounts(in10Seconds: 1, inDay: 2))),
      .cancelled(cancelled), .cancelledAll([cancelled, cancelled]), .cancelledAll([]),
      .account(World.account(1), KeyID(9)), .key(KeyID(3)), .asset(World.base),
      .symbol(World.first), .funds(free: -1, repeated: true), .done,
    ] + orderReplies(&random)
  }

  private static func orderReplies(_ random: inout Seeded) -> [Reply] {
    let cancelled = Cancelled(order: view(&random), cancelClientOrderID: World.text("c"))
    let counts = OrderCounts(in10Seconds: 1, inDay: 2)
    let list = OrderListView(
      id: OrderListID(3), account: World.account(2), symbol: World.first, kind: .otoco,
      statusType: .execStarted, status: .executing, clientListID: World.text("list"),
      createdAt: 5, updatedAt: 6,
      legs: [ListLeg(order: OrderID(1), clientOrderID: World.text("leg"))])
    let ended = ListCancelled(list: list, orders: [cancelled, cancelled])
    let placed = Placed(
      order: view(&random), fills: [], counts: counts,
      preventions: [
        Prevention(
          id: PreventedMatchID(1), maker: OrderID(2), price: 3, makerQuantity: 4, takerQuantity: 5)
      ])
    let amendment = Amendment(
      order: view(&random), originalClientOrderID: World.text("o"), originalQuantity: 9,
      execution: ExecutionID(8), stamp: 7)
    return [
      .placed(placed), .cancelledAll([cancelled], lists: [list]), .cancelledList(ended),
      .listPlaced(
        ListPlaced(
          list: list, orders: [view(&random), view(&random)], fills: [], counts: counts)),
      .amended(Amended(amendment: amendment, list: nil)),
      .amended(Amended(amendment: amendment, list: list)),
      .replaced(Replaced(cancel: .cancelled(cancelled), order: .placed(placed))),
      .replaced(Replaced(cancel: .cancelledList(ended), order: .failed(.filterPrice))),
      .replaced(Replaced(cancel: .failed(.orderUnknown), order: .notAttempted)),
    ]
  }

  private static func extras(_ random: inout Seeded) -> OrderExtras {
    func any() -> Int64 { Int64(bitPattern: random.next()) }
    var discount = DiscountTerms.none
    if random.chance(50) {
      discount = DiscountTerms(
        maker: UInt32(random.pick(0...10_000_000)), taker: UInt32(truncatingIfNeeded: any()))
    }
    guard random.chance(50) else { return OrderExtras(discount: discount) }
    return OrderExtras(
      terms: SpecialTerms(
        stopPrice: any(), trailingDelta: UInt32(truncatingIfNeeded: any()),
        icebergQuantity: any(), peg: PegPrice.allCases[Int(random.pick(0...2))],
        pegLevels: random.chance(50) ? UInt8(random.pick(0...255)) : nil), sentPrice: any(),
      trailingSince: any(), prevented: any(), preventedMatch: PreventedMatchID(any()),
      list: OrderListID(any()), amendments: UInt16(truncatingIfNeeded: any()), discount: discount)
  }

  static func view(_ random: inout Seeded) -> OrderView {
    func any() -> Int64 { Int64(bitPattern: random.next()) }
    let text = (0..<random.pick(0...36)).map { _ in UInt8(random.pick(0x21...0x7E)) }
    return OrderView(
      symbol: SymbolID(UInt32(truncatingIfNeeded: any())), id: OrderID(any()),
      account: AccountID(UInt64(bitPattern: any())), clientOrderID: ShortText(text) ?? .empty,
      side: random.chance(50) ? .buy : .sell, type: OrderType.allCases[Int(random.pick(0...6))],
      timeInForce: TimeInForce.allCases[Int(random.pick(0...2))],
      selfTradePrevention: SelfTradePrevention.allCases[Int(random.pick(0...5))],
      status: OrderStatus.allCases[Int(random.pick(0...7))],
      expiryReason: ExpiryReason.allCases[Int(random.pick(0...8))], price: any(), quantity: any(),
      quoteOrderQuantity: any(), executed: any(), executedQuote: any(), createdAt: any(),
      updatedAt: any(), workingAt: any(), makerRate: any(), takerRate: any(), strategyID: any(),
      strategyType: any(), extras: extras(&random))
  }
}
