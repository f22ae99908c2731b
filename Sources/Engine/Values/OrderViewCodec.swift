// OrderViewCodec: an order as bytes, in replies, in the rows of open orders and in Market's history
// rows.
//
// Layout: version u8, head u64 (the enumerations, whether rarities follow, and the lengths of the
// numbers that most orders have), the client order id, those numbers (see ShortNumbers), then the
// lengths u64 and the numbers that few orders have, if there are any. So a field costs the bytes that
// its value needs, and one that is zero costs none.
// `createdAt` is kept as what it is below a stamp that reader and writer know, `updatedAt` and
// `workingAt` as what they are above `createdAt`.
// Invariants: decode(encode(x)) == x; decoding never traps; one order has one encoding.
// Not here: queue position (State/Rows).

import Wire

/// Encodes and decodes `OrderView`.
public enum OrderViewCodec {
  /// The longest encoding, in bytes.
  public static let bytesMax = plainBytesMax + raritiesBytesMax
  private static let plainBytesMax = 9 + ShortText.bytesMax + 11 * 8
  private static let raritiesBytesMax = 8 + 16 * 8

  private static let version: UInt8 = 4
  /// In the head, above the enumerations and below the lengths.
  private static let raritiesBit: UInt64 = 1 << 17
  private static let lengthsShift: UInt64 = 20

  /// Encodes an order. `stamp` is at or after its creation, and known where it is decoded.
  public static func encode(
    _ view: OrderView, at stamp: Int64 = 0, into writer: inout ByteWriter
  ) {
    var view = view
    let isPlain = OrderRarities.areNone(in: view)
    writer.raw(Packer.bytes(bytesMax) { pack(&view, isPlain: isPlain, at: stamp, into: &$0) })
  }

  /// Decodes an order. Throws on another version, unknown enumeration values and invalid text.
  public static func decode(
    _ reader: inout ByteReader, at stamp: Int64 = 0
  ) throws(WireError) -> OrderView {
    try reader.borrowing { raw throws(WireError) in try decode(&raw, at: stamp) }
  }

  private static func decode(
    _ reader: inout RawReader, at stamp: Int64
  ) throws(WireError) -> OrderView {
    guard try reader.u8() == version else { throw .invalid("order version") }
    let head = try reader.u64()
    guard head & (1 << lengthsShift - raritiesBit << 1) == 0 else { throw .invalid("order head") }
    guard let side = Side(rawValue: UInt8(head & 1) + 1),
      let type = OrderType(rawValue: UInt8(head >> 1 & 7)),
      let timeInForce = TimeInForce(rawValue: UInt8(head >> 4 & 3)),
      let prevention = SelfTradePrevention(rawValue: UInt8(head >> 6 & 7)),
      let status = OrderStatus(rawValue: UInt8(head >> 9 & 15)),
      let reason = ExpiryReason(rawValue: UInt8(head >> 13 & 15))
    else { throw .invalid("order head") }
    let clientOrderID = try ShortText.decode(&reader)
    var numbers = NumberLengths(head >> lengthsShift)
    var view = OrderView(
      symbol: SymbolID(try numbers.short(&reader)), id: OrderID(try numbers.signed(&reader)),
      account: AccountID(try numbers.next(&reader)), clientOrderID: clientOrderID, side: side,
      type: type, timeInForce: timeInForce, selfTradePrevention: prevention, status: status,
      expiryReason: reason, price: try numbers.signed(&reader),
      quantity: try numbers.signed(&reader), executed: try numbers.signed(&reader),
      executedQuote: try numbers.signed(&reader),
      createdAt: stamp &- (try numbers.signed(&reader)), updatedAt: 0, workingAt: 0)
    view.updatedAt = view.createdAt &+ (try numbers.signed(&reader))
    view.workingAt = view.createdAt
    view.makerRate = try numbers.signed(&reader)
    view.takerRate = try numbers.signed(&reader)
    if head & raritiesBit != 0 { try rarities(&reader, &view) }
    return view
  }

  /// Packs an order, which comes by address: a value would be copied. `isPlain` if it has no rarities.
  @inline(__always)
  static func pack(
    _ view: inout OrderView, isPlain: Bool, at stamp: Int64, into packer: inout Packer
  ) {
    packer.block(atMost: plainBytesMax) { pack(plain: &view, isPlain, stamp, into: $0) }
    if !isPlain { pack(rarities: view, into: &packer) }
  }

  // All but the rarities. Answers how many bytes that are.
  private static func pack(
    plain view: inout OrderView, _ isPlain: Bool, _ stamp: Int64,
    into memory: UnsafeMutableRawPointer
  ) -> Int {
    memory.storeBytes(of: version, as: UInt8.self)
    var numbers = NumberPacker(memory, at: 9 + view.clientOrderID.store(to: memory + 9))
    numbers.put(UInt64(view.symbol.value))
    numbers.put(view.id.value)
    numbers.put(view.account.value)
    numbers.put(view.price)
    numbers.put(view.quantity)
    if view.executed | view.executedQuote == 0 {
      numbers.skip(2)
    } else {
      numbers.put(view.executed)
      numbers.put(view.executedQuote)
    }
    let age = stamp &- view.createdAt
    let updated = view.updatedAt &- view.createdAt
    if age | updated == 0 {
      numbers.skip(2)
    } else {
      numbers.put(age)
      numbers.put(updated)
    }
    numbers.put(view.makerRate)
    numbers.put(view.takerRate)
    let marks =
      UInt64(view.side.rawValue &- 1) | UInt64(view.type.rawValue) << 1
      | UInt64(view.timeInForce.rawValue) << 4 | UInt64(view.selfTradePrevention.rawValue) << 6
      | UInt64(view.status.rawValue) << 9 | UInt64(view.expiryReason.rawValue) << 13
    let head = numbers.lengths << lengthsShift | marks | (isPlain ? 0 : raritiesBit)
    memory.storeBytes(of: head.bigEndian, toByteOffset: 1, as: UInt64.self)
    return numbers.end
  }

  @inline(never)
  private static func pack(rarities view: OrderView, into packer: inout Packer) {
    packer.block(atMost: raritiesBytesMax) { memory in
      let extras = view.extras
      let peg = UInt64(extras.terms.peg.rawValue)
      let levels = extras.terms.pegLevels.map { UInt64($0) << 8 | 1 << 2 } ?? 0
      var numbers = NumberPacker(memory, at: 8)
      numbers.put(view.quoteOrderQuantity)
      numbers.put(view.workingAt &- view.createdAt)
      numbers.put(view.strategyID)
      numbers.put(view.strategyType)
      numbers.put(extras.terms.stopPrice)
      numbers.put(UInt64(extras.terms.trailingDelta))
      numbers.put(extras.terms.icebergQuantity)
      numbers.put(peg | levels)
      numbers.put(extras.sentPrice)
      numbers.put(extras.trailingSince &+ 1)
      numbers.put(extras.prevented)
      numbers.put(extras.preventedMatch.value)
      numbers.put(extras.list.value)
      numbers.put(UInt64(extras.amendments))
      numbers.put(UInt64(extras.discount.maker &+ 1))
      numbers.put(UInt64(extras.discount.taker &+ 1))
      memory.storeBytes(of: numbers.lengths.bigEndian, as: UInt64.self)
      return numbers.end
    }
  }

  private static func rarities(
    _ r: inout RawReader, _ view: inout OrderView
  ) throws(WireError) {
    let lengths = try r.u64()
    guard lengths != 0 else { throw .invalid("order rarities") }
    var numbers = NumberLengths(lengths)
    view.quoteOrderQuantity = try numbers.signed(&r)
    view.workingAt = view.createdAt &+ (try numbers.signed(&r))
    view.strategyID = try numbers.signed(&r)
    view.strategyType = try numbers.signed(&r)
    view.extras.terms = SpecialTerms(
      stopPrice: try numbers.signed(&r), trailingDelta: try numbers.short(&r),
      icebergQuantity: try numbers.signed(&r))
    let peg = try numbers.next(&r)
    guard peg < 1 << 16, let kind = PegPrice(rawValue: UInt8(peg & 3)) else {
      throw .invalid("peg")
    }
    view.extras.terms.peg = kind
    switch peg >> 2 & 63 {
    case 0 where peg < 1 << 8: break
    case 1: view.extras.terms.pegLevels = UInt8(peg >> 8)
    default: throw .invalid("peg levels that are not given")
    }
    view.extras.sentPrice = try numbers.signed(&r)
    view.extras.trailingSince = try numbers.signed(&r) &- 1
    view.extras.prevented = try numbers.signed(&r)
    view.extras.preventedMatch = PreventedMatchID(try numbers.signed(&r))
    view.extras.list = OrderListID(try numbers.signed(&r))
    guard let amendments = UInt16(exactly: try numbers.next(&r)) else {
      throw .invalid("amendments")
    }
    view.extras.amendments = amendments
    view.extras.discount = DiscountTerms(
      maker: try numbers.short(&r) &- 1, taker: try numbers.short(&r) &- 1)
  }
}

extension Packer {
  /// The count of the text, then its bytes in whole words of eight.
  @inline(__always)
  mutating func text(_ text: ShortText) {
    block(atMost: ShortText.bytesMax) { text.store(to: $0) }
  }
}

extension ByteReader {
  mutating func selfTradePrevention() throws(WireError) -> SelfTradePrevention {
    guard let value = SelfTradePrevention(rawValue: try u8()) else {
      throw .invalid("self-trade prevention")
    }
    return value
  }

  mutating func orderListKind() throws(WireError) -> OrderListKind {
    guard let value = OrderListKind(rawValue: try u8()) else { throw .invalid("order list") }
    return value
  }

  mutating func symbolStatus() throws(WireError) -> SymbolStatus {
    guard let value = SymbolStatus(rawValue: try u8()) else { throw .invalid("symbol status") }
    return value
  }

  mutating func permissions() throws(WireError) -> Permissions {
    Permissions(rawValue: try u16())
  }

  mutating func orderLimits() throws(WireError) -> OrderLimits {
    OrderLimits(per10Seconds: try u32(), perDay: try u32())
  }

  mutating func filters() throws(WireError) -> SymbolFilters {
    SymbolFilters(
      minPrice: try i64(), maxPrice: try i64(), tickSize: try i64(), minQuantity: try i64(),
      maxQuantity: try i64(), stepSize: try i64(), marketMinQuantity: try i64(),
      marketMaxQuantity: try i64(), marketStepSize: try i64(), minNotional: try i64(),
      applyMinToMarket: try bool(), maxNotional: try i64(), applyMaxToMarket: try bool(),
      averagePriceMinutes: try u32(), maxOpenOrders: try u32())
  }
}

extension ByteWriter {
  mutating func orderLimits(_ limits: OrderLimits) {
    u32(limits.per10Seconds)
    u32(limits.perDay)
  }

  mutating func filters(_ filters: SymbolFilters) {
    i64(filters.minPrice)
    i64(filters.maxPrice)
    i64(filters.tickSize)
    i64(filters.minQuantity)
    i64(filters.maxQuantity)
    i64(filters.stepSize)
    i64(filters.marketMinQuantity)
    i64(filters.marketMaxQuantity)
    i64(filters.marketStepSize)
    i64(filters.minNotional)
    bool(filters.applyMinToMarket)
    i64(filters.maxNotional)
    bool(filters.applyMaxToMarket)
    u32(filters.averagePriceMinutes)
    u32(filters.maxOpenOrders)
  }
}
