// ReplyCodec: a reply as bytes, as it is recorded with its request id and forwarded between nodes.
//
// Tags are stored: never renumber, only add.
// Invariant: decode(encode(x)) == x; decoding never traps, and reserves no memory that the bytes do
// not justify.
// Not here: JSON (Gateway).

import Wire

/// Encodes and decodes replies.
public enum ReplyCodec {
  /// No reply is longer than this: cancel-all and fills are bounded (`Exchange`). Whoever stores
  /// replies may refuse longer ones.
  public static let bytesMax = 16 << 20

  private enum Tag: UInt8 {
    case rejected = 1
    case placed = 2
    case cancelled = 3
    case cancelledAll = 4
    case account = 5
    case key = 6
    case asset = 7
    case symbol = 8
    case funds = 9
    case done = 10
    case listPlaced = 11
    case cancelledList = 12
    case amended = 13
    case replaced = 14
    /// Orders and lists; `cancelledAll` if there are no lists.
    case cancelledAllLists = 15
  }

  /// Encodes a reply.
  public static func encode(_ reply: Reply) -> [UInt8] {
    var writer = ByteWriter(capacity: 256)
    switch reply {
    case .rejected(let rejection):
      writer.u8(Tag.rejected.rawValue)
      writer.u16(rejection.rawValue)
    case .placed(let placed):
      writer.u8(Tag.placed.rawValue)
      encode(placed, into: &writer)
    case .cancelled(let cancelled):
      writer.u8(Tag.cancelled.rawValue)
      encode(cancelled, into: &writer)
    case .cancelledAll(let all, let lists):
      writer.u8(lists.isEmpty ? Tag.cancelledAll.rawValue : Tag.cancelledAllLists.rawValue)
      writer.u32(UInt32(all.count))
      for cancelled in all { encode(cancelled, into: &writer) }
      guard !lists.isEmpty else { break }
      writer.u32(UInt32(lists.count))
      for list in lists { OrderListCodec.encode(list, into: &writer) }
    case .account(let account, let key):
      writer.u8(Tag.account.rawValue)
      writer.u64(account.value)
      writer.u64(key.value)
    case .key(let key):
      writer.u8(Tag.key.rawValue)
      writer.u64(key.value)
    case .asset(let asset):
      writer.u8(Tag.asset.rawValue)
      writer.u32(asset.value)
    case .symbol(let symbol):
      writer.u8(Tag.symbol.rawValue)
      writer.u32(symbol.value)
    case .funds(let free, let repeated):
      writer.u8(Tag.funds.rawValue)
      writer.i64(free)
      writer.bool(repeated)
    case .done: writer.u8(Tag.done.rawValue)
    case .listPlaced(let placed):
      writer.u8(Tag.listPlaced.rawValue)
      encode(placed, into: &writer)
    case .cancelledList(let cancelled):
      writer.u8(Tag.cancelledList.rawValue)
      encode(cancelled, into: &writer)
    case .amended(let amended):
      writer.u8(Tag.amended.rawValue)
      encode(amended, into: &writer)
    case .replaced(let replaced):
      writer.u8(Tag.replaced.rawValue)
      encode(replaced, into: &writer)
    }
    return writer.bytes
  }

  /// Appends an encoded reply.
  public static func pack(_ reply: Reply, into bytes: inout PackedBytes) {
    let encoded = encode(reply)
    bytes.pack(atMost: encoded.count) { packer in encoded.withUnsafeBytes { packer.raw($0) } }
  }

  /// Decodes a reply; bytes after its end are refused.
  public static func decode(_ bytes: [UInt8]) throws(WireError) -> Reply {
    var reader = ByteReader(bytes)
    let reply = try decode(&reader)
    try reader.finish()
    return reply
  }

  private static func decode(_ r: inout ByteReader) throws(WireError) -> Reply {
    guard let tag = Tag(rawValue: try r.u8()) else { throw .invalid("reply") }
    switch tag {
    case .rejected:
      return .rejected(try rejection(&r))
    case .placed: return .placed(try placed(&r))
    case .cancelled: return .cancelled(try cancelled(&r))
    case .cancelledAll, .cancelledAllLists:
      var all: [Cancelled] = []
      for _ in 0..<(try r.u32()) { all.append(try cancelled(&r)) }
      var lists: [OrderListView] = []
      if tag == .cancelledAllLists {
        for _ in 0..<(try r.u32()) { lists.append(try OrderListCodec.decode(&r)) }
        guard !lists.isEmpty else { throw .invalid("cancelled lists") }
      }
      return .cancelledAll(all, lists: lists)
    case .account: return .account(AccountID(try r.u64()), KeyID(try r.u64()))
    case .key: return .key(KeyID(try r.u64()))
    case .asset: return .asset(AssetID(try r.u32()))
    case .symbol: return .symbol(SymbolID(try r.u32()))
    case .funds: return .funds(free: try r.i64(), repeated: try r.bool())
    case .done: return .done
    case .listPlaced: return .listPlaced(try listPlaced(&r))
    case .cancelledList: return .cancelledList(try listCancelled(&r))
    case .amended: return .amended(try amended(&r))
    case .replaced: return .replaced(try replaced(&r))
    }
  }

  static func rejection(_ r: inout ByteReader) throws(WireError) -> Rejection {
    guard let rejection = Rejection(rawValue: try r.u16()) else { throw .invalid("rejection") }
    return rejection
  }

  static func encode(_ counts: OrderCounts, into writer: inout ByteWriter) {
    writer.u32(counts.in10Seconds)
    writer.u32(counts.inDay)
  }

  static func counts(_ r: inout ByteReader) throws(WireError) -> OrderCounts {
    OrderCounts(in10Seconds: try r.u32(), inDay: try r.u32())
  }

  static func encode(_ placed: Placed, into writer: inout ByteWriter) {
    OrderViewCodec.encode(placed.order, into: &writer)
    encode(placed.counts, into: &writer)
    encode(placed.fills, into: &writer)
    encode(placed.preventions, into: &writer)
  }

  static func encode(_ preventions: [Prevention], into writer: inout ByteWriter) {
    writer.u32(UInt32(preventions.count))
    for prevention in preventions { encode(prevention, into: &writer) }
  }

  static func encode(_ fills: [Fill], into writer: inout ByteWriter) {
    writer.u32(UInt32(fills.count))
    for fill in fills {
      writer.i64(fill.price)
      writer.i64(fill.quantity)
      writer.i64(fill.commission)
      writer.u32(fill.commissionAsset.value)
      writer.i64(fill.trade.value)
    }
  }

  static func placed(_ r: inout ByteReader) throws(WireError) -> Placed {
    let order = try OrderViewCodec.decode(&r)
    let counts = try counts(&r)
    var placed = Placed(order: order, fills: try fills(&r), counts: counts)
    placed.preventions = try preventions(&r)
    return placed
  }

  static func preventions(_ r: inout ByteReader) throws(WireError) -> [Prevention] {
    var preventions: [Prevention] = []
    for _ in 0..<(try r.u32()) { preventions.append(try prevention(&r)) }
    return preventions
  }

  static func fills(_ r: inout ByteReader) throws(WireError) -> [Fill] {
    var fills: [Fill] = []
    for _ in 0..<(try r.u32()) {
      fills.append(
        Fill(
          price: try r.i64(), quantity: try r.i64(), commission: try r.i64(),
          commissionAsset: AssetID(try r.u32()), trade: TradeID(try r.i64())))
    }
    return fills
  }

  private static func encode(_ prevention: Prevention, into writer: inout ByteWriter) {
    writer.i64(prevention.id.value)
    writer.i64(prevention.maker.value)
    writer.i64(prevention.price)
    writer.i64(prevention.makerQuantity)
    writer.i64(prevention.takerQuantity)
  }

  private static func prevention(_ r: inout ByteReader) throws(WireError) -> Prevention {
    Prevention(
      id: PreventedMatchID(try r.i64()), maker: OrderID(try r.i64()), price: try r.i64(),
      makerQuantity: try r.i64(), takerQuantity: try r.i64())
  }

  static func encode(_ cancelled: Cancelled, into writer: inout ByteWriter) {
    OrderViewCodec.encode(cancelled.order, into: &writer)
    cancelled.cancelClientOrderID.encode(into: &writer)
  }

  static func cancelled(_ r: inout ByteReader) throws(WireError) -> Cancelled {
    Cancelled(
      order: try OrderViewCodec.decode(&r), cancelClientOrderID: try ShortText.decode(&r))
  }
}

// What orders and cancels are answered all the time, packed in place: the same bytes as `encode`
// makes.
extension ReplyCodec {
  private static let placedBytes = 1 + OrderViewCodec.bytesMax + 12 + 4
  private static let fillBytes = 36
  private static let preventionBytes = 40
  private static let cancelledBytes = 1 + OrderViewCodec.bytesMax + 41

  /// Appends a refusal.
  @inline(__always)
  static func pack(rejected: Rejection, into bytes: inout PackedBytes) {
    bytes.pack(atMost: 3) {
      $0.u8(Tag.rejected.rawValue)
      $0.u16(rejected.rawValue)
    }
  }

  /// Appends a placed order, without making a `Placed` first.
  static func pack(
    placed order: OrderView, _ counts: OrderCounts, _ fills: borrowing List<Fill>,
    _ preventions: borrowing List<Prevention>, into bytes: inout PackedBytes
  ) {
    let count = fills.count
    let prevented = preventions.count
    let most = placedBytes + count * fillBytes + prevented * preventionBytes
    bytes.pack(atMost: most) { packer in
      packer.u8(Tag.placed.rawValue)
      OrderViewCodec.pack(order, into: &packer)
      packer.block(atMost: 12) {
        $0.storeBytes(of: counts.in10Seconds.bigEndian, as: UInt32.self)
        $0.storeBytes(of: counts.inDay.bigEndian, toByteOffset: 4, as: UInt32.self)
        $0.storeBytes(of: UInt32(count).bigEndian, toByteOffset: 8, as: UInt32.self)
        return 12
      }
      for i in 0..<count {
        packer.i64(fills[i].price)
        packer.i64(fills[i].quantity)
        packer.i64(fills[i].commission)
        packer.u32(fills[i].commissionAsset.value)
        packer.i64(fills[i].trade.value)
      }
      packer.u32(UInt32(prevented))
      for i in 0..<prevented {
        packer.i64(preventions[i].id.value)
        packer.i64(preventions[i].maker.value)
        packer.i64(preventions[i].price)
        packer.i64(preventions[i].makerQuantity)
        packer.i64(preventions[i].takerQuantity)
      }
    }
  }

  /// Appends a cancelled order.
  static func pack(cancelled: Cancelled, into bytes: inout PackedBytes) {
    bytes.pack(atMost: cancelledBytes) { packer in
      packer.u8(Tag.cancelled.rawValue)
      OrderViewCodec.pack(cancelled.order, into: &packer)
      packer.text(cancelled.cancelClientOrderID)
    }
  }
}
