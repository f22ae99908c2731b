// OrderReplyCodec: the answers of OrderReplies as bytes.
//
// Invariant: decode(encode(x)) == x; decoding never traps.
// Not here: tags and the other answers (ReplyCodec).

import Wire

/// Encodes and decodes lists, in replies and in Market's history rows.
public enum OrderListCodec {
  private static let version: UInt8 = 1

  /// Encodes a list.
  public static func encode(_ list: OrderListView, into writer: inout ByteWriter) {
    writer.u8(version)
    writer.i64(list.id.value)
    writer.u64(list.account.value)
    writer.u32(list.symbol.value)
    writer.u8(list.kind.rawValue)
    writer.u8(list.statusType.rawValue)
    writer.u8(list.status.rawValue)
    list.clientListID.encode(into: &writer)
    writer.i64(list.createdAt)
    writer.i64(list.updatedAt)
    writer.u8(UInt8(list.legs.count))
    for leg in list.legs {
      writer.i64(leg.order.value)
      leg.clientOrderID.encode(into: &writer)
    }
  }

  /// Decodes a list.
  public static func decode(_ r: inout ByteReader) throws(WireError) -> OrderListView {
    guard try r.u8() == version else { throw .invalid("order list version") }
    let id = OrderListID(try r.i64())
    let account = AccountID(try r.u64())
    let symbol = SymbolID(try r.u32())
    let kind = try r.orderListKind()
    guard let type = ListStatusType(rawValue: try r.u8()),
      let status = ListOrderStatus(rawValue: try r.u8())
    else { throw .invalid("order list status") }
    var list = OrderListView(
      id: id, account: account, symbol: symbol, kind: kind, statusType: type, status: status,
      clientListID: try ShortText.decode(&r), createdAt: try r.i64(), updatedAt: try r.i64(),
      legs: [])
    for _ in 0..<(try r.u8()) {
      list.legs.append(
        ListLeg(order: OrderID(try r.i64()), clientOrderID: try ShortText.decode(&r)))
    }
    return list
  }
}

extension ReplyCodec {
  static func encode(_ placed: ListPlaced, _ stamp: Int64, into writer: inout ByteWriter) {
    OrderListCodec.encode(placed.list, into: &writer)
    writer.u8(UInt8(placed.orders.count))
    for order in placed.orders { OrderViewCodec.encode(order, at: stamp, into: &writer) }
    encode(Trades(placed.counts, placed.fills, placed.preventions), into: &writer)
  }

  static func listPlaced(_ r: inout ByteReader, _ stamp: Int64) throws(WireError) -> ListPlaced {
    let list = try OrderListCodec.decode(&r)
    var orders: [OrderView] = []
    for _ in 0..<(try r.u8()) { orders.append(try OrderViewCodec.decode(&r, at: stamp)) }
    let trades = try trades(&r)
    return ListPlaced(
      list: list, orders: orders, fills: trades.fills, counts: trades.counts,
      preventions: trades.preventions)
  }

  static func encode(_ cancelled: ListCancelled, _ stamp: Int64, into writer: inout ByteWriter) {
    OrderListCodec.encode(cancelled.list, into: &writer)
    writer.u8(UInt8(cancelled.orders.count))
    for order in cancelled.orders { encode(order, stamp, into: &writer) }
  }

  static func listCancelled(_ r: inout ByteReader, _ stamp: Int64) throws(WireError)
    -> ListCancelled
  {
    let list = try OrderListCodec.decode(&r)
    var orders: [Cancelled] = []
    for _ in 0..<(try r.u8()) { orders.append(try cancelled(&r, stamp)) }
    return ListCancelled(list: list, orders: orders)
  }

  static func encode(_ amended: Amended, _ stamp: Int64, into writer: inout ByteWriter) {
    OrderViewCodec.encode(amended.amendment.order, at: stamp, into: &writer)
    amended.amendment.originalClientOrderID.encode(into: &writer)
    writer.i64(amended.amendment.originalQuantity)
    writer.i64(amended.amendment.execution.value)
    writer.i64(amended.amendment.stamp)
    writer.bool(amended.list != nil)
    if let list = amended.list { OrderListCodec.encode(list, into: &writer) }
  }

  static func amended(_ r: inout ByteReader, _ stamp: Int64) throws(WireError) -> Amended {
    let amendment = Amendment(
      order: try OrderViewCodec.decode(&r, at: stamp),
      originalClientOrderID: try ShortText.decode(&r),
      originalQuantity: try r.i64(), execution: ExecutionID(try r.i64()), stamp: try r.i64())
    return Amended(
      amendment: amendment, list: try r.bool() ? try OrderListCodec.decode(&r) : nil)
  }

  static func encode(_ replaced: Replaced, _ stamp: Int64, into writer: inout ByteWriter) {
    switch replaced.cancel {
    case .cancelled(let cancelled):
      writer.u8(1)
      encode(cancelled, stamp, into: &writer)
    case .cancelledList(let cancelled):
      writer.u8(2)
      encode(cancelled, stamp, into: &writer)
    case .failed(let reason):
      writer.u8(3)
      writer.u16(reason.rawValue)
    }
    switch replaced.order {
    case .placed(let placed):
      writer.u8(1)
      encode(placed, stamp, into: &writer)
    case .failed(let reason):
      writer.u8(2)
      writer.u16(reason.rawValue)
    case .notAttempted: writer.u8(3)
    }
  }

  static func replaced(_ r: inout ByteReader, _ stamp: Int64) throws(WireError) -> Replaced {
    let cancel: ReplaceCancel
    switch try r.u8() {
    case 1: cancel = .cancelled(try cancelled(&r, stamp))
    case 2: cancel = .cancelledList(try listCancelled(&r, stamp))
    case 3: cancel = .failed(try rejection(&r))
    default: throw .invalid("cancel half")
    }
    switch try r.u8() {
    case 1: return Replaced(cancel: cancel, order: .placed(try placed(&r, stamp)))
    case 2: return Replaced(cancel: cancel, order: .failed(try rejection(&r)))
    case 3: return Replaced(cancel: cancel, order: .notAttempted)
    default: throw .invalid("order half")
    }
  }
}
