// TradesCodec: what an order's answer says beside the order: counts, trades and prevented matches, as bytes.
//
// Layout: four lengths (u16), the counts and how many trades and prevented matches there are, then each of those: five
// lengths (u32) and five numbers.
// Invariant: decoding never traps, and reserves no memory that the bytes do not justify.
// Not here: tags and whole answers (ReplyCodec).

import Wire

extension ReplyCodec {
  /// What stands beside an order.
  struct Trades {
    var counts: OrderCounts
    var fills: [Fill]
    var preventions: [Prevention]

    init(_ counts: OrderCounts, _ fills: [Fill], _ preventions: [Prevention]) {
      self.counts = counts
      self.fills = fills
      self.preventions = preventions
    }
  }

  static let headBytesMax = 2 + 4 * 8
  static let tradeBytesMax = 4 + 5 * 8

  static func encode(_ trades: Trades, into writer: inout ByteWriter) {
    let most = headBytesMax + (trades.fills.count + trades.preventions.count) * tradeBytesMax
    writer.raw(
      Packer.bytes(most) { packer in
        pack(trades.counts, trades.fills.count, trades.preventions.count, into: &packer)
        for fill in trades.fills { pack(fill, into: &packer) }
        for prevention in trades.preventions { pack(prevention, into: &packer) }
      })
  }

  @inline(__always)
  static func pack(
    _ counts: OrderCounts, _ fills: Int, _ preventions: Int, into packer: inout Packer
  ) {
    packer.block(atMost: headBytesMax) { memory in
      var numbers = NumberPacker(memory, at: 2)
      numbers.put(UInt64(counts.in10Seconds))
      numbers.put(UInt64(counts.inDay))
      if fills | preventions == 0 {
        numbers.skip(2)
      } else {
        numbers.put(Int64(fills))
        numbers.put(Int64(preventions))
      }
      memory.storeBytes(of: UInt16(truncatingIfNeeded: numbers.lengths).bigEndian, as: UInt16.self)
      return numbers.end
    }
  }

  @inline(__always)
  static func pack(_ fill: Fill, into packer: inout Packer) {
    pack(
      fill.price, fill.quantity, fill.commission, Int64(fill.commissionAsset.value),
      fill.trade.value, into: &packer)
  }

  static func pack(_ prevention: Prevention, into packer: inout Packer) {
    pack(
      prevention.id.value, prevention.maker.value, prevention.price, prevention.makerQuantity,
      prevention.takerQuantity, into: &packer)
  }

  @inline(__always)
  private static func pack(
    _ a: Int64, _ b: Int64, _ c: Int64, _ d: Int64, _ e: Int64, into packer: inout Packer
  ) {
    packer.block(atMost: tradeBytesMax) { memory in
      var numbers = NumberPacker(memory, at: 4)
      numbers.put(a)
      numbers.put(b)
      numbers.put(c)
      numbers.put(d)
      numbers.put(e)
      memory.storeBytes(of: UInt32(truncatingIfNeeded: numbers.lengths).bigEndian, as: UInt32.self)
      return numbers.end
    }
  }

  static func trades(_ r: inout ByteReader) throws(WireError) -> Trades {
    try r.borrowing { raw throws(WireError) in try trades(&raw) }
  }

  private static func trades(_ r: inout RawReader) throws(WireError) -> Trades {
    var numbers = NumberLengths(UInt64(try r.u16()))
    var trades = Trades(
      OrderCounts(in10Seconds: try numbers.short(&r), inDay: try numbers.short(&r)), [], [])
    let fills = try numbers.short(&r)
    let preventions = try numbers.short(&r)
    for _ in 0..<fills { trades.fills.append(try fill(&r)) }
    for _ in 0..<preventions { trades.preventions.append(try prevention(&r)) }
    return trades
  }

  private static func fill(_ r: inout RawReader) throws(WireError) -> Fill {
    var numbers = NumberLengths(UInt64(try r.u32()))
    let fill = Fill(
      price: try numbers.signed(&r), quantity: try numbers.signed(&r),
      commission: try numbers.signed(&r), commissionAsset: AssetID(try numbers.short(&r)),
      trade: TradeID(try numbers.signed(&r)))
    try numbers.finish()
    return fill
  }

  private static func prevention(_ r: inout RawReader) throws(WireError) -> Prevention {
    var numbers = NumberLengths(UInt64(try r.u32()))
    let prevention = Prevention(
      id: PreventedMatchID(try numbers.signed(&r)), maker: OrderID(try numbers.signed(&r)),
      price: try numbers.signed(&r), makerQuantity: try numbers.signed(&r),
      takerQuantity: try numbers.signed(&r))
    try numbers.finish()
    return prevention
  }
}
