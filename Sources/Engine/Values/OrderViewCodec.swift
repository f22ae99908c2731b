// OrderViewCodec: an order as bytes, in replies, in the rows of open orders and in Market's history
// rows.
//
// Layout: version u8, symbol, id, account, client order id, the enumerations, then a u32 with one
// bit for each number that is not zero, in the order of `numbers`, then those numbers, then what
// only some orders have, then the rates in the discount asset, if it may pay in it. So a field that
// few orders use costs nothing in the others. `updatedAt` and `workingAt` are kept as what they are
// above `createdAt`.
// Invariants: decode(encode(x)) == x; decoding never traps; one order has one encoding.
// Not here: queue position (State/Rows).

import Wire

/// Encodes and decodes `OrderView`.
public enum OrderViewCodec {
  /// The longest encoding, in bytes.
  public static let bytesMax = plainBytesMax + extrasBytes + 8
  private static let plainBytesMax = 1 + 4 + 8 + 8 + 41 + 6 + 4 + numbersCount * 8

  private static let version: UInt8 = 3
  static let numbersCount = 12
  static let extrasBytes = 6 * 8 + 4 + 3 + 2 + 8
  /// The bit behind those of the numbers: extras follow.
  private static let extrasBit: UInt32 = 1 << 12
  /// The rates in the discount asset follow.
  private static let discountBit: UInt32 = 1 << 13

  /// Encodes an order.
  public static func encode(_ view: OrderView, into writer: inout ByteWriter) {
    writer.raw(Packer.bytes(bytesMax) { pack(view, into: &$0) })
  }

  /// Decodes an order. Throws on another version, unknown enumeration values and invalid text.
  public static func decode(_ reader: inout ByteReader) throws(WireError) -> OrderView {
    guard try reader.u8() == version else { throw .invalid("order version") }
    let symbol = SymbolID(try reader.u32())
    let id = OrderID(try reader.i64())
    let account = AccountID(try reader.u64())
    let clientOrderID = try ShortText.decode(&reader)
    let side = try reader.side()
    let type = try reader.orderType()
    let timeInForce = try reader.timeInForce()
    let selfTradePrevention = try reader.selfTradePrevention()
    guard let status = OrderStatus(rawValue: try reader.u8()) else { throw .invalid("status") }
    guard let reason = ExpiryReason(rawValue: try reader.u8()) else { throw .invalid("expiry") }
    let present = try reader.u32()
    guard present < discountBit << 1 else { throw .invalid("order fields") }
    var n: InlineArray<12, Int64> = .init(repeating: 0)
    for i in 0..<numbersCount where present & (1 << UInt32(i)) != 0 {
      n[i] = try reader.i64()
      guard n[i] != 0 else { throw .invalid("order field") }
    }
    var view = OrderView(
      symbol: symbol, id: id, account: account, clientOrderID: clientOrderID, side: side,
      type: type, timeInForce: timeInForce, selfTradePrevention: selfTradePrevention,
      status: status, expiryReason: reason, price: n[0], quantity: n[1],
      quoteOrderQuantity: n[2], executed: n[3], executedQuote: n[4], createdAt: n[5],
      updatedAt: n[5] &+ n[6], workingAt: n[5] &+ n[7], makerRate: n[8], takerRate: n[9],
      strategyID: n[10], strategyType: n[11])
    if present & extrasBit != 0 {
      view.extras = try extras(&reader)
      guard view.extras != .none else { throw .invalid("order extras") }
    }
    if present & discountBit != 0 {
      view.extras.discount = DiscountTerms(maker: try reader.u32(), taker: try reader.u32())
      guard view.extras.discount.isOn else { throw .invalid("order discount") }
    }
    return view
  }

  static func pack(_ view: OrderView, into packer: inout Packer) {
    let isPlain = view.extras.isPlain
    packer.block(atMost: plainBytesMax) { pack(plain: view, isPlain, into: $0) }
    if !isPlain { pack(view.extras, into: &packer) }
    if view.extras.discount.isOn {
      packer.u32(view.extras.discount.maker)
      packer.u32(view.extras.discount.taker)
    }
  }

  // All but the extras. Answers how many bytes that are.
  @inline(__always)
  private static func pack(
    plain view: OrderView, _ isPlain: Bool, into memory: UnsafeMutableRawPointer
  ) -> Int {
    memory.storeBytes(of: version, as: UInt8.self)
    memory.storeBytes(of: view.symbol.value.bigEndian, toByteOffset: 1, as: UInt32.self)
    memory.storeBytes(of: view.id.value.bigEndian, toByteOffset: 5, as: Int64.self)
    memory.storeBytes(of: view.account.value.bigEndian, toByteOffset: 13, as: UInt64.self)
    var at = 21 + view.clientOrderID.store(to: memory + 21)
    memory.storeBytes(of: view.side.rawValue, toByteOffset: at, as: UInt8.self)
    memory.storeBytes(of: view.type.rawValue, toByteOffset: at + 1, as: UInt8.self)
    memory.storeBytes(of: view.timeInForce.rawValue, toByteOffset: at + 2, as: UInt8.self)
    memory.storeBytes(of: view.selfTradePrevention.rawValue, toByteOffset: at + 3, as: UInt8.self)
    memory.storeBytes(of: view.status.rawValue, toByteOffset: at + 4, as: UInt8.self)
    memory.storeBytes(of: view.expiryReason.rawValue, toByteOffset: at + 5, as: UInt8.self)
    let bits = at + 6
    at += 10
    var present: UInt32 = isPlain ? 0 : extrasBit
    if view.extras.discount.isOn { present |= discountBit }
    put(view.price, 0, memory, &at, &present)
    put(view.quantity, 1, memory, &at, &present)
    if view.quoteOrderQuantity | view.executed | view.executedQuote != 0 {
      put(view.quoteOrderQuantity, 2, memory, &at, &present)
      put(view.executed, 3, memory, &at, &present)
      put(view.executedQuote, 4, memory, &at, &present)
    }
    put(view.createdAt, 5, memory, &at, &present)
    let updated = view.updatedAt &- view.createdAt
    let working = view.workingAt &- view.createdAt
    if updated | working != 0 {
      put(updated, 6, memory, &at, &present)
      put(working, 7, memory, &at, &present)
    }
    put(view.makerRate, 8, memory, &at, &present)
    put(view.takerRate, 9, memory, &at, &present)
    if view.strategyID | view.strategyType != 0 {
      put(view.strategyID, 10, memory, &at, &present)
      put(view.strategyType, 11, memory, &at, &present)
    }
    memory.storeBytes(of: present.bigEndian, toByteOffset: bits, as: UInt32.self)
    return at
  }

  // Stores a number and moves on, unless it is zero: then the next one takes its place.
  @inline(__always)
  private static func put(
    _ value: Int64, _ bit: UInt32, _ memory: UnsafeMutableRawPointer, _ at: inout Int,
    _ present: inout UInt32
  ) {
    memory.storeBytes(of: value.bigEndian, toByteOffset: at, as: Int64.self)
    let counts: UInt32 = value == 0 ? 0 : 1
    present |= counts << bit
    at += Int(counts) * 8
  }

  private static func pack(_ extras: OrderExtras, into packer: inout Packer) {
    packer.i64(extras.terms.stopPrice)
    packer.u32(extras.terms.trailingDelta)
    packer.i64(extras.terms.icebergQuantity)
    packer.u8(extras.terms.peg.rawValue)
    packer.u8(extras.terms.pegLevels == nil ? 0 : 1)
    packer.u8(extras.terms.pegLevels ?? 0)
    packer.i64(extras.sentPrice)
    packer.i64(extras.trailingSince)
    packer.i64(extras.prevented)
    packer.i64(extras.preventedMatch.value)
    packer.i64(extras.list.value)
    packer.u16(extras.amendments)
  }

  private static func extras(_ r: inout ByteReader) throws(WireError) -> OrderExtras {
    let stopPrice = try r.i64()
    let delta = try r.u32()
    let iceberg = try r.i64()
    let peg = try r.pegPrice()
    return OrderExtras(
      terms: SpecialTerms(
        stopPrice: stopPrice, trailingDelta: delta, icebergQuantity: iceberg, peg: peg,
        pegLevels: try r.pegLevels()), sentPrice: try r.i64(), trailingSince: try r.i64(),
      prevented: try r.i64(), preventedMatch: PreventedMatchID(try r.i64()),
      list: OrderListID(try r.i64()), amendments: try r.u16())
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
  mutating func side() throws(WireError) -> Side {
    guard let value = Side(rawValue: try u8()) else { throw .invalid("side") }
    return value
  }

  mutating func orderType() throws(WireError) -> OrderType {
    guard let value = OrderType(rawValue: try u8()) else { throw .invalid("order type") }
    return value
  }

  mutating func timeInForce() throws(WireError) -> TimeInForce {
    guard let value = TimeInForce(rawValue: try u8()) else { throw .invalid("time in force") }
    return value
  }

  mutating func selfTradePrevention() throws(WireError) -> SelfTradePrevention {
    guard let value = SelfTradePrevention(rawValue: try u8()) else {
      throw .invalid("self-trade prevention")
    }
    return value
  }

  mutating func pegPrice() throws(WireError) -> PegPrice {
    guard let value = PegPrice(rawValue: try u8()) else { throw .invalid("peg") }
    return value
  }

  mutating func pegLevels() throws(WireError) -> UInt8? {
    let given = try bool()
    let levels = try u8()
    guard given || levels == 0 else { throw .invalid("peg levels that are not given") }
    return given ? levels : nil
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
