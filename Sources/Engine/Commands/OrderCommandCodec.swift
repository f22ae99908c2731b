// OrderCommandCodec: the bodies of commands on orders as bytes.
//
// A new order has two layouts. Version 1: all fields, the mode of self-trade prevention always
// given. Version 2: a byte of flags tells whether a mode and special terms follow.
// Not here: frames and the other commands (CommandCodec).

import Wire

extension CommandCodec {
  private static let givesMode: UInt8 = 1
  private static let isSpecial: UInt8 = 2

  static func encode(_ order: PlaceOrder, into writer: inout ByteWriter) {
    let special = order.special != .none
    writer.u64(order.account.value)
    writer.u32(order.symbol.value)
    writer.u8(order.side.rawValue)
    writer.u8(order.type.rawValue)
    writer.u8(order.timeInForce.rawValue)
    writer.i64(order.quantity)
    writer.i64(order.quoteOrderQuantity)
    writer.i64(order.price)
    order.clientOrderID.encode(into: &writer)
    writer.u8((order.selfTradePrevention == nil ? 0 : givesMode) | (special ? isSpecial : 0))
    if let mode = order.selfTradePrevention { writer.u8(mode.rawValue) }
    writer.i64(order.strategyID)
    writer.i64(order.strategyType)
    if special { encode(order.special, into: &writer) }
  }

  static func placeOrder(_ r: inout ByteReader, version: UInt16) throws(WireError) -> PlaceOrder {
    try r.borrowing { raw throws(WireError) in try placeOrder(&raw, version: version) }
  }

  @inline(__always)
  static func placeOrder(_ r: inout RawReader, version: UInt16) throws(WireError) -> PlaceOrder {
    let start = try r.take(39)
    guard let side = Side(rawValue: start.big(UInt8.self, 12)) else { throw .invalid("side") }
    guard let type = OrderType(rawValue: start.big(UInt8.self, 13)) else {
      throw .invalid("order type")
    }
    guard let time = TimeInForce(rawValue: start.big(UInt8.self, 14)) else {
      throw .invalid("time in force")
    }
    let clientOrderID = try ShortText.decode(&r)
    let flags = version == 1 ? givesMode : try r.u8()
    guard flags & ~(givesMode | isSpecial) == 0 else { throw .invalid("order flags") }
    var mode: SelfTradePrevention?
    if flags & givesMode != 0 {
      mode = SelfTradePrevention(rawValue: try r.u8())
      guard mode != nil else { throw .invalid("self-trade prevention") }
    }
    let strategy = try r.take(16)
    let terms = flags & isSpecial == 0 ? .none : try special(&r)
    return PlaceOrder(
      account: AccountID(start.big(UInt64.self, 0)), symbol: SymbolID(start.big(UInt32.self, 8)),
      side: side, type: type, timeInForce: time, quantity: start.big(Int64.self, 15),
      quoteOrderQuantity: start.big(Int64.self, 23), price: start.big(Int64.self, 31),
      clientOrderID: clientOrderID, selfTradePrevention: mode,
      strategyID: strategy.big(Int64.self, 0), strategyType: strategy.big(Int64.self, 8),
      special: terms)
  }

  private static func encode(_ terms: SpecialTerms, into writer: inout ByteWriter) {
    writer.i64(terms.stopPrice)
    writer.u32(terms.trailingDelta)
    writer.i64(terms.icebergQuantity)
    writer.u8(terms.peg.rawValue)
    writer.bool(terms.pegLevels != nil)
    writer.u8(terms.pegLevels ?? 0)
  }

  @inline(never)
  private static func special(_ r: inout RawReader) throws(WireError) -> SpecialTerms {
    let stopPrice = try r.i64()
    let delta = try r.u32()
    let iceberg = try r.i64()
    guard let peg = PegPrice(rawValue: try r.u8()) else { throw .invalid("peg") }
    let isGiven = try r.bool()
    let levels = try r.u8()
    guard isGiven || levels == 0 else { throw .invalid("peg levels that are not given") }
    let terms = SpecialTerms(
      stopPrice: stopPrice, trailingDelta: delta, icebergQuantity: iceberg, peg: peg,
      pegLevels: isGiven ? levels : nil)
    guard terms != .none else { throw .invalid("special terms") }
    return terms
  }

  static func encode(_ cancel: CancelOrder, into writer: inout ByteWriter) {
    writer.u64(cancel.account.value)
    writer.u32(cancel.symbol.value)
    writer.optional(cancel.orderID?.value)
    cancel.originalClientOrderID.encode(into: &writer)
    cancel.cancelClientOrderID.encode(into: &writer)
    writer.u8(cancel.restriction.rawValue)
  }

  static func cancelOrder(_ r: inout ByteReader) throws(WireError) -> CancelOrder {
    try r.borrowing { raw throws(WireError) in try cancelOrder(&raw) }
  }

  @inline(__always)
  static func cancelOrder(_ r: inout RawReader) throws(WireError) -> CancelOrder {
    let start = try r.take(12)
    let isNamed = try r.bool()
    let id = try r.i64()
    guard isNamed || id == 0 else { throw .invalid("id that is not given") }
    let original = try ShortText.decode(&r)
    let own = try ShortText.decode(&r)
    guard let restriction = CancelRestriction(rawValue: try r.u8()) else {
      throw .invalid("cancel restriction")
    }
    return CancelOrder(
      account: AccountID(start.big(UInt64.self, 0)), symbol: SymbolID(start.big(UInt32.self, 8)),
      orderID: isNamed ? OrderID(id) : nil, originalClientOrderID: original,
      cancelClientOrderID: own,
      restriction: restriction)
  }

  static func encode(_ replace: CancelReplace, into writer: inout ByteWriter) {
    encode(replace.cancel, into: &writer)
    encode(replace.order, into: &writer)
    writer.u8(replace.mode.rawValue)
    writer.u8(replace.overLimit.rawValue)
  }

  static func cancelReplace(_ r: inout ByteReader) throws(WireError) -> CancelReplace {
    let cancel = try cancelOrder(&r)
    let order = try placeOrder(&r, version: 2)
    guard let mode = ReplaceMode(rawValue: try r.u8()),
      let overLimit = ReplaceOverLimit(rawValue: try r.u8())
    else { throw .invalid("cancel-replace mode") }
    return CancelReplace(cancel: cancel, order: order, mode: mode, overLimit: overLimit)
  }

  static func encode(_ amend: AmendOrder, into writer: inout ByteWriter) {
    writer.u64(amend.account.value)
    writer.u32(amend.symbol.value)
    writer.optional(amend.orderID?.value)
    amend.originalClientOrderID.encode(into: &writer)
    writer.i64(amend.quantity)
    amend.clientOrderID.encode(into: &writer)
  }

  static func amendOrder(_ r: inout ByteReader) throws(WireError) -> AmendOrder {
    AmendOrder(
      account: AccountID(try r.u64()), symbol: SymbolID(try r.u32()),
      orderID: (try r.optionalID()).map { OrderID($0) },
      originalClientOrderID: try ShortText.decode(&r), quantity: try r.i64(),
      clientOrderID: try ShortText.decode(&r))
  }

  static func encode(_ list: PlaceOrderList, into writer: inout ByteWriter) {
    precondition(list.legs.count <= 3, "a list of more than three orders")
    writer.u64(list.account.value)
    writer.u32(list.symbol.value)
    writer.u8(list.kind.rawValue)
    list.clientListID.encode(into: &writer)
    writer.u8(UInt8(list.legs.count))
    for leg in list.legs { encode(leg, into: &writer) }
  }

  static func placeOrderList(_ r: inout ByteReader) throws(WireError) -> PlaceOrderList {
    var list = PlaceOrderList(
      account: AccountID(try r.u64()), symbol: SymbolID(try r.u32()),
      kind: try r.orderListKind(), clientListID: try ShortText.decode(&r), legs: [])
    let count = try r.u8()
    guard count <= 3 else { throw .invalid("order list legs") }
    for _ in 0..<count { list.legs.append(try placeOrder(&r, version: 2)) }
    return list
  }

  static func encode(_ cancel: CancelOrderList, into writer: inout ByteWriter) {
    writer.u64(cancel.account.value)
    writer.u32(cancel.symbol.value)
    writer.optional(cancel.list?.value)
    cancel.clientListID.encode(into: &writer)
    cancel.cancelClientOrderID.encode(into: &writer)
  }

  static func cancelOrderList(_ r: inout ByteReader) throws(WireError) -> CancelOrderList {
    CancelOrderList(
      account: AccountID(try r.u64()), symbol: SymbolID(try r.u32()),
      list: (try r.optionalID()).map { OrderListID($0) }, clientListID: try ShortText.decode(&r),
      cancelClientOrderID: try ShortText.decode(&r))
  }
}

extension ByteWriter {
  /// An id that may be missing: whether it is given, then the id or 0.
  mutating func optional(_ id: Int64?) {
    bool(id != nil)
    i64(id ?? 0)
  }

  mutating func selfTradeRules(_ rules: SelfTradeRules) {
    u8(rules.allowed)
    u8(rules.standard.rawValue)
  }
}

extension ByteReader {
  mutating func optionalID() throws(WireError) -> Int64? {
    let given = try bool()
    let id = try i64()
    guard given || id == 0 else { throw .invalid("id that is not given") }
    return given ? id : nil
  }

  mutating func selfTradeRules() throws(WireError) -> SelfTradeRules {
    SelfTradeRules(allowed: try u8(), standard: try selfTradePrevention())
  }
}
