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
    ]
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
      #expect(try ReplyCodec.decode(ReplyCodec.encode(reply)) == reply)
    }
    for reason in Rejection.allCases {
      #expect(try ReplyCodec.decode(ReplyCodec.encode(.rejected(reason))) == .rejected(reason))
    }
  }

  /// What is recorded and cannot be read back would keep every node from starting again.
  @Test func `the longest replies stay within the bound that readers of stored replies have`() {
    var random = Seeded(6)
    var view = Self.view(&random)
    view.clientOrderID = World.text(String(repeating: "i", count: ShortText.countMax))
    let cancelled = Cancelled(order: view, cancelClientOrderID: view.clientOrderID)
    let one = ReplyCodec.encode(.cancelledAll([cancelled])).count
    #expect(one * Int(Exchange.openOrdersPerSheetMax) <= ReplyCodec.bytesMax)
    let fill = Fill(
      price: 1, quantity: 2, commission: 3, commissionAsset: World.base, trade: TradeID(4))
    let counts = OrderCounts(in10Seconds: 1, inDay: 2)
    let placed = ReplyCodec.encode(.placed(Placed(order: view, fills: [fill], counts: counts)))
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
    let replies = Self.everyReply(&random).map(ReplyCodec.encode)
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
      _ = try? ReplyCodec.decode(reply)
      _ = try? ReplyCodec.decode(bytes)
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
    ]
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
      strategyType: any())
  }
}
