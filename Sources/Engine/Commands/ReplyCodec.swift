// ReplyCodec: a reply as bytes, as it is recorded with its request id and forwarded between nodes.
//
// Tags are stored: never renumber, only add. Numbers take the bytes that they need (ShortNumbers), and
// times of orders are kept as what they are below the stamp of the outcome, which is recorded with it.
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

  /// Encodes a reply of the entry at `stamp`.
  public static func encode(_ reply: Reply, at stamp: Int64) -> [UInt8] {
    var writer = ByteWriter(capacity: 256)
    switch reply {
    case .rejected(let rejection):
      writer.u8(Tag.rejected.rawValue)
      writer.u16(rejection.rawValue)
    case .placed(let placed):
      writer.u8(Tag.placed.rawValue)
      encode(placed, stamp, into: &writer)
    case .cancelled(let cancelled):
      writer.u8(Tag.cancelled.rawValue)
      encode(cancelled, stamp, into: &writer)
    case .cancelledAll(let all, let lists):
      writer.u8(lists.isEmpty ? Tag.cancelledAll.rawValue : Tag.cancelledAllLists.rawValue)
      writer.u32(UInt32(all.count))
      for cancelled in all { encode(cancelled, stamp, into: &writer) }
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
      encode(placed, stamp, into: &writer)
    case .cancelledList(let cancelled):
      writer.u8(Tag.cancelledList.rawValue)
      encode(cancelled, stamp, into: &writer)
    case .amended(let amended):
      writer.u8(Tag.amended.rawValue)
      encode(amended, stamp, into: &writer)
    case .replaced(let replaced):
      writer.u8(Tag.replaced.rawValue)
      encode(replaced, stamp, into: &writer)
    }
    return writer.bytes
  }

  /// Appends an encoded reply.
  public static func pack(_ reply: Reply, at stamp: Int64, into bytes: inout PackedBytes) {
    let encoded = encode(reply, at: stamp)
    bytes.pack(atMost: encoded.count) { packer in encoded.withUnsafeBytes { packer.raw($0) } }
  }

  /// Decodes a reply of the entry at `stamp`; bytes after its end are refused.
  public static func decode(_ bytes: [UInt8], at stamp: Int64) throws(WireError) -> Reply {
    var reader = ByteReader(bytes)
    let reply = try decode(&reader, stamp)
    try reader.finish()
    return reply
  }

  private static func decode(
    _ r: inout ByteReader, _ stamp: Int64
  ) throws(WireError) -> Reply {
    guard let tag = Tag(rawValue: try r.u8()) else { throw .invalid("reply") }
    switch tag {
    case .rejected:
      return .rejected(try rejection(&r))
    case .placed: return .placed(try placed(&r, stamp))
    case .cancelled: return .cancelled(try cancelled(&r, stamp))
    case .cancelledAll, .cancelledAllLists:
      var all: [Cancelled] = []
      for _ in 0..<(try r.u32()) { all.append(try cancelled(&r, stamp)) }
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
    case .listPlaced: return .listPlaced(try listPlaced(&r, stamp))
    case .cancelledList: return .cancelledList(try listCancelled(&r, stamp))
    case .amended: return .amended(try amended(&r, stamp))
    case .replaced: return .replaced(try replaced(&r, stamp))
    }
  }

  static func rejection(_ r: inout ByteReader) throws(WireError) -> Rejection {
    guard let rejection = Rejection(rawValue: try r.u16()) else { throw .invalid("rejection") }
    return rejection
  }

  static func encode(_ placed: Placed, _ stamp: Int64, into writer: inout ByteWriter) {
    OrderViewCodec.encode(placed.order, at: stamp, into: &writer)
    encode(Trades(placed.counts, placed.fills, placed.preventions), into: &writer)
  }

  static func placed(_ r: inout ByteReader, _ stamp: Int64) throws(WireError) -> Placed {
    let order = try OrderViewCodec.decode(&r, at: stamp)
    let trades = try trades(&r)
    return Placed(
      order: order, fills: trades.fills, counts: trades.counts, preventions: trades.preventions)
  }

  static func encode(_ cancelled: Cancelled, _ stamp: Int64, into writer: inout ByteWriter) {
    OrderViewCodec.encode(cancelled.order, at: stamp, into: &writer)
    cancelled.cancelClientOrderID.encode(into: &writer)
  }

  static func cancelled(_ r: inout ByteReader, _ stamp: Int64) throws(WireError) -> Cancelled {
    Cancelled(
      order: try OrderViewCodec.decode(&r, at: stamp),
      cancelClientOrderID: try ShortText.decode(&r))
  }
}

// What orders and cancels are answered all the time, packed in place: the same bytes as `encode`
// makes.
extension ReplyCodec {
  private static let cancelledBytes = 1 + OrderViewCodec.bytesMax + ShortText.bytesMax

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
    placed order: inout OrderView, isPlain: Bool, _ counts: OrderCounts,
    _ fills: borrowing List<Fill>, _ preventions: borrowing List<Prevention>, at stamp: Int64,
    into bytes: inout PackedBytes
  ) {
    let most =
      1 + OrderViewCodec.bytesMax + headBytesMax
      + (fills.count + preventions.count) * tradeBytesMax
    bytes.pack(atMost: most) { packer in
      packer.u8(Tag.placed.rawValue)
      OrderViewCodec.pack(&order, isPlain: isPlain, at: stamp, into: &packer)
      pack(counts, fills.count, preventions.count, into: &packer)
      for i in 0..<fills.count { pack(fills[i], into: &packer) }
      for i in 0..<preventions.count { pack(preventions[i], into: &packer) }
    }
  }

  /// Appends a cancelled order.
  static func pack(
    cancelled order: inout OrderView, isPlain: Bool, _ cancelClientOrderID: ShortText,
    at stamp: Int64, into bytes: inout PackedBytes
  ) {
    bytes.pack(atMost: cancelledBytes) { packer in
      packer.u8(Tag.cancelled.rawValue)
      OrderViewCodec.pack(&order, isPlain: isPlain, at: stamp, into: &packer)
      packer.text(cancelClientOrderID)
    }
  }
}
