// CommandCodec: a request as bytes in a log entry.
//
// Frame: kind u16, version u16, length u32 (of what follows), header, body. Kinds and layouts are
// replicated: never renumber, and change a layout only under a new version.
// Invariants: decode(encode(x)) == x for every request whose texts are within `Limit`; decoding
// never traps and never reads past its frame.
// Not here: what the fields may hold (Exchange checks), entries (Replica).

import Wire

/// Encodes and decodes requests.
public enum CommandCodec {
  /// The longest texts that decode, in UTF-8 bytes. The edge must not send longer ones: encoding
  /// does not check, and the command could not be read back.
  public enum Limit {
    /// Account names and cluster ids.
    public static let name = 64
    /// API keys.
    public static let apiKey = 64
    /// Encrypted secrets.
    public static let sealedSecret = 256
    /// Ids of deposits and withdrawals.
    public static let evidence = 64
    /// Symbol names.
    public static let symbol = 20
    /// Asset names.
    public static let asset = 20
    /// The hash of the genesis file.
    public static let hash = 32
  }

  /// No header and body are longer than this.
  public static let frameBytesMax = 1024

  // placeOrder 2: see OrderCommandCodec. addSymbol 2: with the rules of the symbol. createAccount 2:
  // with the account above it.
  private static func version(of kind: Kind) -> UInt16 {
    kind == .addSymbol || kind == .placeOrder || kind == .createAccount ? 2 : 1
  }

  enum Kind: UInt16 {
    case placeOrder = 1
    case cancelOrder = 2
    case cancelAllOrders = 3
    case cancelReplace = 4
    case amendOrder = 5
    case placeOrderList = 6
    case cancelOrderList = 7
    case createAccount = 10
    case createKey = 11
    case revokeKey = 12
    case setOrderLimits = 13
    case deposit = 14
    case withdraw = 15
    case transfer = 16
    case requestWithdrawal = 17
    case moveWithdrawal = 18
    case addAsset = 20
    case addSymbol = 21
    case setSymbolStatus = 22
    case setSymbolFilters = 23
    case setAssetLimit = 24
    case setExchangeLimits = 25
    case setCommission = 26
    case setDiscount = 27
    case setSymbolDiscount = 28
    case setAccountDiscount = 29
    case genesis = 30
    case setTradeGroup = 40
    case setSelfTradeRules = 41
    case setLevel = 31
    case setFeatures = 32
  }

  /// Appends one framed request.
  public static func encode(_ request: Request, into writer: inout ByteWriter) {
    let kind = kind(of: request.command)
    writer.u16(kind.rawValue)
    writer.u16(version(of: kind))
    let lengthOffset = writer.count
    writer.u32(0)
    let id = request.header.requestID.words
    writer.u64(id.0)
    writer.u64(id.1)
    writer.u64(id.2)
    writer.u64(id.3)
    writer.u64(request.header.key.value)
    writer.i64(request.header.timestamp)
    writer.i64(request.header.deadline)
    encodeBody(request.command, into: &writer)
    writer.patch32(at: lengthOffset, UInt32(writer.count - lengthOffset - 4))
  }

  /// Reads one framed request and moves behind it.
  public static func decode(_ reader: inout ByteReader) throws(WireError) -> Request {
    guard let kind = Kind(rawValue: try reader.u16()) else { throw .invalid("command kind") }
    let layout = try reader.u16()
    guard layout >= 1, layout <= version(of: kind) else {
      throw .invalid("command version")
    }
    let length = Int(try reader.u32())
    guard length <= frameBytesMax else { throw .tooLong(length: length, limit: frameBytesMax) }
    guard length <= reader.left else { throw .truncated(needed: length, left: reader.left) }
    let end = reader.offset + length
    let header = CommandHeader(
      requestID: RequestID(try reader.u64(), try reader.u64(), try reader.u64(), try reader.u64()),
      key: KeyID(try reader.u64()), timestamp: try reader.i64(), deadline: try reader.i64())
    let command = try decodeBody(kind, layout, &reader)
    guard reader.offset == end else { throw .invalid("command length") }
    return Request(header: header, command: command)
  }

  /// Reads one framed request into `batch` and moves behind it.
  static func decode(
    _ reader: inout RawReader, into batch: inout RequestBatch
  ) throws(WireError) {
    let frame = try reader.take(8)
    guard let kind = Kind(rawValue: frame.big(UInt16.self, 0)) else {
      throw .invalid("command kind")
    }
    let layout = frame.big(UInt16.self, 2)
    guard layout >= 1, layout <= version(of: kind) else { throw .invalid("command version") }
    let length = Int(frame.big(UInt32.self, 4))
    guard length <= frameBytesMax else { throw .tooLong(length: length, limit: frameBytesMax) }
    // A reader of its own, which the compiler keeps in registers.
    var body = RawReader(
      UnsafeRawBufferPointer(start: try reader.take(length), count: length))
    let start = try body.take(56)
    let header = CommandHeader(
      requestID: RequestID(
        start.big(UInt64.self, 0), start.big(UInt64.self, 8), start.big(UInt64.self, 16),
        start.big(UInt64.self, 24)),
      key: KeyID(start.big(UInt64.self, 32)), timestamp: start.big(Int64.self, 40),
      deadline: start.big(Int64.self, 48))
    switch kind {
    case .placeOrder:
      batch.begin(header, .place)
      batch.append(try placeOrder(&body, version: layout))
    case .cancelOrder:
      batch.begin(header, .cancel)
      batch.append(try cancelOrder(&body))
    default:
      batch.begin(header, .other)
      var rest = ByteReader(try body.raw(body.left))
      batch.append(try decodeBody(kind, layout, &rest))
      guard rest.left == 0 else { throw .invalid("command length") }
    }
    guard body.left == 0 else { throw .invalid("command length") }
  }

  /// True if the request comes back from its bytes as it is. What does not must never reach a log: no replica could
  /// apply the entry.
  public static func reads(_ request: Request) -> Bool {
    var writer = ByteWriter(capacity: 256)
    encode(request, into: &writer)
    var reader = ByteReader(writer.bytes)
    guard let decoded = try? decode(&reader) else { return false }
    return decoded == request && reader.left == 0
  }

  private static func kind(of command: Command) -> Kind {
    switch command {
    case .placeOrder: .placeOrder
    case .cancelOrder: .cancelOrder
    case .cancelAllOrders: .cancelAllOrders
    case .cancelReplace: .cancelReplace
    case .amendOrder: .amendOrder
    case .placeOrderList: .placeOrderList
    case .cancelOrderList: .cancelOrderList
    case .createAccount: .createAccount
    case .createKey: .createKey
    case .revokeKey: .revokeKey
    case .setOrderLimits: .setOrderLimits
    case .deposit: .deposit
    case .withdraw: .withdraw
    case .transfer: .transfer
    case .requestWithdrawal: .requestWithdrawal
    case .moveWithdrawal: .moveWithdrawal
    case .addAsset: .addAsset
    case .addSymbol: .addSymbol
    case .setSymbolStatus: .setSymbolStatus
    case .setSymbolFilters: .setSymbolFilters
    case .setAssetLimit: .setAssetLimit
    case .setExchangeLimits: .setExchangeLimits
    case .setCommission: .setCommission
    case .setDiscount: .setDiscount
    case .setSymbolDiscount: .setSymbolDiscount
    case .setAccountDiscount: .setAccountDiscount
    case .setLevel: .setLevel
    case .setFeatures: .setFeatures
    case .genesis: .genesis
    case .setTradeGroup: .setTradeGroup
    case .setSelfTradeRules: .setSelfTradeRules
    }
  }

  private static func encodeBody(_ command: Command, into writer: inout ByteWriter) {
    switch command {
    case .placeOrder(let order): encode(order, into: &writer)
    case .cancelOrder(let cancel): encode(cancel, into: &writer)
    case .cancelAllOrders(let cancel):
      writer.u64(cancel.account.value)
      writer.u32(cancel.symbol.value)
      cancel.cancelClientOrderID.encode(into: &writer)
    case .cancelReplace(let replace): encode(replace, into: &writer)
    case .amendOrder(let amend): encode(amend, into: &writer)
    case .placeOrderList(let list): encode(list, into: &writer)
    case .cancelOrderList(let cancel): encode(cancel, into: &writer)
    case .createAccount(let create):
      writer.text(create.name)
      writer.u16(create.permissions.rawValue)
      writer.orderLimits(create.limits)
      writer.text(create.apiKey)
      writer.blob16(create.sealedSecret)
      writer.u64(create.parent.value)
    case .createKey(let create):
      writer.u64(create.account.value)
      writer.u16(create.permissions.rawValue)
      writer.text(create.apiKey)
      writer.blob16(create.sealedSecret)
    case .revokeKey(let revoke): writer.text(revoke.apiKey)
    case .setOrderLimits(let set):
      writer.u64(set.account.value)
      writer.orderLimits(set.limits)
    case .deposit(let funds), .withdraw(let funds): encode(funds, into: &writer)
    case .transfer(let transfer): encode(transfer, into: &writer)
    case .requestWithdrawal(let request): encode(request, into: &writer)
    case .moveWithdrawal(let move): encode(move, into: &writer)
    case .addAsset(let asset):
      writer.text(asset.name)
      writer.u8(asset.scale)
    case .addSymbol(let symbol): encode(symbol, into: &writer)
    case .setSymbolStatus(let set):
      writer.u32(set.symbol.value)
      writer.u8(set.status.rawValue)
    case .setSymbolFilters(let set): encode(set, into: &writer)
    case .setAssetLimit(let set): encode(set, into: &writer)
    case .setExchangeLimits(let limits): writer.exchangeLimits(limits)
    case .setCommission(let set):
      writer.u64(set.account.value)
      writer.u32(set.symbol.value)
      writer.commission(set.commission)
    case .setDiscount(let discount): writer.discount(discount)
    case .setSymbolDiscount(let set):
      writer.u32(set.symbol.value)
      writer.bool(set.isOffered)
    case .setAccountDiscount(let set):
      writer.u64(set.account.value)
      writer.bool(set.isUsed)
    case .setLevel(let set): writer.u32(set.level)
    case .setFeatures(let features): writer.u32(features.rawValue)
    case .genesis(let mark):
      writer.text(mark.clusterID)
      writer.blob16(mark.hash)
    case .setTradeGroup(let set):
      writer.u64(set.account.value)
      writer.i64(set.group.value)
    case .setSelfTradeRules(let set):
      writer.u32(set.symbol.value)
      writer.selfTradeRules(set.rules)
    }
  }

  private static func decodeBody(
    _ kind: Kind, _ layout: UInt16, _ r: inout ByteReader
  ) throws(WireError) -> Command {
    switch kind {
    case .placeOrder: return .placeOrder(try placeOrder(&r, version: layout))
    case .cancelOrder: return .cancelOrder(try cancelOrder(&r))
    case .cancelAllOrders:
      return .cancelAllOrders(
        CancelAllOrders(
          account: AccountID(try r.u64()), symbol: SymbolID(try r.u32()),
          cancelClientOrderID: try ShortText.decode(&r)))
    case .cancelReplace: return .cancelReplace(try cancelReplace(&r))
    case .amendOrder: return .amendOrder(try amendOrder(&r))
    case .placeOrderList: return .placeOrderList(try placeOrderList(&r))
    case .cancelOrderList: return .cancelOrderList(try cancelOrderList(&r))
    case .createAccount:
      return .createAccount(
        CreateAccount(
          name: try r.text(limit: Limit.name), permissions: try r.permissions(),
          limits: try r.orderLimits(), apiKey: try r.text(limit: Limit.apiKey),
          sealedSecret: try r.blob16(limit: Limit.sealedSecret),
          parent: layout >= 2 ? AccountID(try r.u64()) : .operator))
    case .createKey:
      return .createKey(
        CreateKey(
          account: AccountID(try r.u64()), permissions: try r.permissions(),
          apiKey: try r.text(limit: Limit.apiKey),
          sealedSecret: try r.blob16(limit: Limit.sealedSecret)))
    case .revokeKey: return .revokeKey(RevokeKey(apiKey: try r.text(limit: Limit.apiKey)))
    case .setOrderLimits:
      return .setOrderLimits(
        SetOrderLimits(account: AccountID(try r.u64()), limits: try r.orderLimits()))
    case .deposit: return .deposit(try funds(&r))
    case .withdraw: return .withdraw(try funds(&r))
    case .transfer: return .transfer(try transfer(&r))
    case .requestWithdrawal: return .requestWithdrawal(try requestWithdrawal(&r))
    case .moveWithdrawal: return .moveWithdrawal(try moveWithdrawal(&r))
    case .addAsset:
      return .addAsset(AddAsset(name: try r.text(limit: Limit.asset), scale: try r.u8()))
    case .addSymbol: return .addSymbol(try addSymbol(layout, &r))
    case .setSymbolStatus:
      return .setSymbolStatus(
        SetSymbolStatus(symbol: SymbolID(try r.u32()), status: try r.symbolStatus()))
    case .setSymbolFilters: return .setSymbolFilters(try setSymbolFilters(&r))
    case .setAssetLimit: return .setAssetLimit(try setAssetLimit(&r))
    case .setExchangeLimits: return .setExchangeLimits(try r.exchangeLimits())
    case .setCommission:
      return .setCommission(
        AccountCommission(
          account: AccountID(try r.u64()), symbol: SymbolID(try r.u32()),
          commission: try r.commission()))
    case .setDiscount: return .setDiscount(try r.discount())
    case .setSymbolDiscount: return .setSymbolDiscount(try setSymbolDiscount(&r))
    case .setAccountDiscount: return .setAccountDiscount(try setAccountDiscount(&r))
    case .setLevel: return .setLevel(SetLevel(level: try r.u32()))
    case .setFeatures: return .setFeatures(Features(rawValue: try r.u32()))
    case .genesis:
      return .genesis(
        GenesisMark(
          clusterID: try r.text(limit: Limit.name), hash: try r.blob16(limit: Limit.hash)))
    case .setTradeGroup:
      return .setTradeGroup(
        SetTradeGroup(account: AccountID(try r.u64()), group: TradeGroupID(try r.i64())))
    case .setSelfTradeRules:
      return .setSelfTradeRules(
        SetSelfTradeRules(symbol: SymbolID(try r.u32()), rules: try r.selfTradeRules()))
    }
  }
}

// The bodies that are longer than a line or two.
extension CommandCodec {
  private static func encode(_ funds: Funds, into writer: inout ByteWriter) {
    writer.u64(funds.account.value)
    writer.u32(funds.asset.value)
    writer.i64(funds.amount)
    writer.text(funds.id)
  }

  private static func funds(_ r: inout ByteReader) throws(WireError) -> Funds {
    Funds(
      account: AccountID(try r.u64()), asset: AssetID(try r.u32()), amount: try r.i64(),
      id: try r.text(limit: Limit.evidence))
  }

  private static func encode(_ symbol: AddSymbol, into writer: inout ByteWriter) {
    writer.text(symbol.name)
    writer.text(symbol.base)
    writer.text(symbol.quote)
    writer.filters(symbol.filters)
    writer.i64(symbol.makerRate)
    writer.i64(symbol.takerRate)
    writer.rules(symbol.filters.rules)
  }

  private static func addSymbol(
    _ version: UInt16, _ r: inout ByteReader
  ) throws(WireError) -> AddSymbol {
    var add = AddSymbol(
      name: try r.text(limit: Limit.symbol), base: try r.text(limit: Limit.asset),
      quote: try r.text(limit: Limit.asset), filters: try r.filters(), makerRate: try r.i64(),
      takerRate: try r.i64())
    if version >= 2 { add.filters.rules = try r.rules() }
    return add
  }
}
