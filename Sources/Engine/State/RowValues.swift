// RowValues: the values of the engine's rows. Each starts with a version byte.
//
// Invariants: what is encoded here decodes to the same fields; every field of the replicated state
// is in one row.
// Not here: keys (RowKeys), the public decoders (EngineRows).

import Wire

/// An open order as stored: with its place in the queue.
struct StoredOrder {
  var view: OrderView
  /// Orders of one level trade in this order.
  var priority: UInt64
  /// `nil` for a plain order. Its list is not part of it.
  var special: SpecialState?
}

/// The numbers of a symbol that only grow, and its last price.
struct SymbolCounters: Equatable {
  var nextOrder: Int64 = 1
  var nextTrade: Int64 = 1
  /// The update id given to the last level change.
  var depthUpdate: Int64 = 0
  var nextPriority: UInt64 = 1
  /// 0 before the first trade.
  var lastPrice: Int64 = 0
  var nextPrevented: Int64 = 1
  var nextExecution: Int64 = 1

  /// No counter reaches this: a million steps a second take 146,000 years.
  static let countMax: UInt64 = 1 << 62

  var isValid: Bool {
    nextOrder > 0 && nextTrade > 0 && depthUpdate >= 0 && lastPrice >= 0 && nextPrevented > 0
      && nextExecution > 0
      && UInt64(max(nextPrevented, nextExecution)) <= Self.countMax
      && UInt64(max(nextOrder, nextTrade, depthUpdate)) <= Self.countMax
      && nextPriority <= Self.countMax
  }
}

/// What was traded within one minute of log time.
struct PriceBucket {
  var minute: Int64 = 0
  var quote: UInt128 = 0
  var base: UInt128 = 0
  var hash = RowTag()
}

/// The id of an order that was closed, as kept against its reuse.
struct StoredClosedID {
  var account: AccountID
  var fingerprint: UInt64
  var closedAt: Int64
}

/// A movement of money that was booked: what must be the same if its id comes again.
struct FundsRecord: Equatable {
  var account: AccountID
  var asset: AssetID
  var amount: Int64
  /// Who received a transfer; else 0.
  var to = AccountID.operator
  var fee: Int64 = 0
  /// Where a withdrawal goes; not in rows of funds.
  var detail = ""

  /// What the row or the request of a withdrawal in two phases says.
  init(_ withdrawal: Withdrawal) {
    self.init(
      account: withdrawal.account, asset: withdrawal.asset, amount: withdrawal.amount,
      fee: withdrawal.fee, detail: withdrawal.network + "\n" + withdrawal.address)
  }

  init(
    account: AccountID, asset: AssetID, amount: Int64, to: AccountID = .operator, fee: Int64 = 0,
    detail: String = ""
  ) {
    self.account = account
    self.asset = asset
    self.amount = amount
    self.to = to
    self.fee = fee
    self.detail = detail
  }
}

/// The hash of a record's stored row, and whether the row is out of date.
struct RowTag {
  private var high: UInt64 = 0
  private var low: UInt64 = 0
  /// True while the record waits in a list of changed records.
  var dirty = false

  /// 0: no row is stored.
  var hash: UInt128 {
    get { UInt128(high) << 64 | UInt128(low) }
    set {
      high = UInt64(truncatingIfNeeded: newValue >> 64)
      low = UInt64(truncatingIfNeeded: newValue)
    }
  }
}

enum RowValues {
  static let version: UInt8 = 1
  /// No value of a row that commands change all the time is longer.
  static let hotBytesMax = 9 + 34 + OrderViewCodec.bytesMax

  @inline(__always)
  static func balance(free: Int64, locked: Int64, into packer: inout Packer) {
    packer.u8(version)
    packer.i64(free)
    packer.i64(locked)
  }

  /// Version 2 has a special half.
  @inline(__always)
  static func openOrder(
    _ view: inout OrderView, isPlain: Bool, priority: UInt64, special: SpecialState?,
    into packer: inout Packer
  ) {
    packer.u8(special == nil ? 1 : 2)
    packer.u64(priority)
    if let special {
      packer.u8(special.phase.rawValue)
      packer.i64(special.hidden)
      packer.i64(special.holdPrice)
      packer.i64(special.extreme)
      packer.u64(special.turn)
      packer.u8(special.leg)
    }
    OrderViewCodec.pack(&view, isPlain: isPlain, at: 0, into: &packer)
  }

  static func openOrder(key: [UInt8], value: [UInt8]) throws(WireError) -> StoredOrder {
    var k = ByteReader(key)
    try k.keyStart(RowKind.openOrder)
    let account = AccountID(try k.u64())
    let symbol = SymbolID(try k.u32())
    let id = OrderID(try k.i64())
    try k.finish()
    var v = ByteReader(value)
    let version = try v.rowVersion(upTo: 2)
    let priority = try v.u64()
    var special: SpecialState?
    if version == 2 {
      guard let phase = OrderPhase(rawValue: try v.u8()) else { throw .invalid("order phase") }
      special = SpecialState(
        phase: phase, hidden: try v.i64(), holdPrice: try v.i64(), extreme: try v.i64(),
        turn: try v.u64(), leg: try v.u8())
    }
    let view = try OrderViewCodec.decode(&v)
    try v.finish()
    guard view.account == account, view.symbol == symbol, view.id == id else {
      throw .invalid("open order under another order's key")
    }
    return StoredOrder(view: view, priority: priority, special: special)
  }

  static func counters(_ c: SymbolCounters, into packer: inout Packer) {
    packer.u8(2)
    packer.i64(c.nextOrder)
    packer.i64(c.nextTrade)
    packer.i64(c.depthUpdate)
    packer.u64(c.nextPriority)
    packer.i64(c.lastPrice)
    packer.i64(c.nextPrevented)
    packer.i64(c.nextExecution)
  }

  static func counters(_ value: [UInt8]) throws(WireError) -> SymbolCounters {
    var v = ByteReader(value)
    let version = try v.rowVersion(upTo: 2)
    var counters = SymbolCounters(
      nextOrder: try v.i64(), nextTrade: try v.i64(), depthUpdate: try v.i64(),
      nextPriority: try v.u64(), lastPrice: try v.i64())
    if version > 1 {
      counters.nextPrevented = try v.i64()
      counters.nextExecution = try v.i64()
    }
    try v.finish()
    return counters
  }

  static func bucket(_ bucket: PriceBucket, into packer: inout Packer) {
    packer.u8(version)
    packer.i64(bucket.minute)
    packer.u128(bucket.quote)
    packer.u128(bucket.base)
  }

  static func bucket(_ value: [UInt8]) throws(WireError) -> PriceBucket {
    var v = ByteReader(value)
    try v.rowVersion()
    let bucket = PriceBucket(minute: try v.i64(), quote: try v.u128(), base: try v.u128())
    try v.finish()
    return bucket
  }

  static func orderCounts(_ windows: OrderWindows, into packer: inout Packer) {
    packer.u8(version)
    packer.i64(windows.window10Seconds)
    packer.u32(windows.count10Seconds)
    packer.i64(windows.windowDay)
    packer.u32(windows.countDay)
  }

  @inline(__always)
  static func closedID(_ closed: StoredClosedID, into packer: inout Packer) {
    packer.u8(version)
    packer.u64(closed.account.value)
    packer.u64(closed.fingerprint)
    packer.i64(closed.closedAt)
  }

  static func closedID(_ value: [UInt8]) throws(WireError) -> StoredClosedID {
    var v = ByteReader(value)
    try v.rowVersion()
    let closed = StoredClosedID(
      account: AccountID(try v.u64()), fingerprint: try v.u64(), closedAt: try v.i64())
    try v.finish()
    return closed
  }

  static let fundsVersion: UInt8 = 2

  static func funds(_ record: FundsRecord) -> [UInt8] {
    written(version: fundsVersion) {
      $0.u64(record.account.value)
      $0.u32(record.asset.value)
      $0.i64(record.amount)
      $0.u64(record.to.value)
      $0.i64(record.fee)
      $0.text(record.detail)
    }
  }

  static func funds(_ value: [UInt8]) throws(WireError) -> FundsRecord {
    var v = ByteReader(value)
    let version = try v.rowVersion(upTo: fundsVersion)
    var record = FundsRecord(
      account: AccountID(try v.u64()), asset: AssetID(try v.u32()), amount: try v.i64())
    if version >= 2 {
      record.to = AccountID(try v.u64())
      record.fee = try v.i64()
      record.detail = try v.text(limit: CommandCodec.frameBytesMax)
    }
    try v.finish()
    return record
  }

  static func engineCounters(
    nextClosedID: UInt64, nextList: Int64, into packer: inout Packer
  ) {
    packer.u8(2)
    packer.u64(nextClosedID)
    packer.i64(nextList)
  }

  static func engineCounters(
    _ value: [UInt8]
  ) throws(WireError) -> (nextClosedID: UInt64, nextList: Int64) {
    var v = ByteReader(value)
    let version = try v.rowVersion(upTo: 2)
    let next = try v.u64()
    let list = version > 1 ? try v.i64() : 1
    try v.finish()
    return (next, list)
  }

  static func id32(_ key: [UInt8], _ kind: UInt8) throws(WireError) -> UInt32 {
    var k = ByteReader(key)
    try k.keyStart(kind)
    let id = try k.u32()
    try k.finish()
    return id
  }

  static func id64(_ key: [UInt8], _ kind: UInt8) throws(WireError) -> UInt64 {
    var k = ByteReader(key)
    try k.keyStart(kind)
    let id = try k.u64()
    try k.finish()
    return id
  }
}

// Definitions: written when a command changes them.
extension RowValues {
  static func asset(_ info: AssetInfo) -> [UInt8] {
    written(version: 2) {
      $0.text(info.name)
      $0.u8(info.scale)
      $0.i64(info.orderMax)
    }
  }

  // Versions that say more are written only where there is more to say.
  static func symbol(_ info: SymbolInfo) -> [UInt8] {
    written(version: info.offersDiscount ? 4 : 3) {
      $0.text(info.name)
      $0.u32(info.base.value)
      $0.u32(info.quote.value)
      $0.u8(info.status.rawValue)
      $0.filters(info.filters)
      $0.i64(info.makerRate)
      $0.i64(info.takerRate)
      $0.selfTradeRules(info.selfTrade)
      $0.rules(info.filters.rules)
      if info.offersDiscount { $0.bool(true) }
    }
  }

  static func account(_ info: AccountInfo) -> [UInt8] {
    written(version: info.usesDiscount ? 4 : 3) {
      $0.text(info.name)
      $0.u16(info.permissions.rawValue)
      $0.orderLimits(info.limits)
      $0.i64(info.createdAt)
      $0.i64(info.tradeGroup.value)
      $0.u64(info.parent.value)
      if info.usesDiscount { $0.bool(true) }
    }
  }

  static func key(_ info: KeyInfo) -> [UInt8] {
    written {
      $0.u64(info.account.value)
      $0.text(info.apiKey)
      $0.blob16(info.sealedSecret)
      $0.u16(info.permissions.rawValue)
      $0.bool(info.revoked)
      $0.i64(info.createdAt)
    }
  }

  static func genesis(_ mark: GenesisMark) -> [UInt8] {
    written {
      $0.text(mark.clusterID)
      $0.blob16(mark.hash)
    }
  }

  static func commission(_ commission: Commission) -> [UInt8] {
    written { $0.commission(commission) }
  }

  static func withdrawal(_ withdrawal: Withdrawal) -> [UInt8] {
    written { $0.withdrawal(withdrawal) }
  }

  static func settings(_ settings: ExchangeSettings) -> [UInt8] {
    written(version: settings.discount == .none ? 1 : 2) {
      $0.u32(settings.level)
      $0.u32(settings.refused.rawValue)
      $0.exchangeLimits(settings.limits)
      if settings.discount != .none { $0.discount(settings.discount) }
    }
  }

  private static func written(
    version: UInt8 = RowValues.version, _ body: (inout ByteWriter) -> Void
  ) -> [UInt8] {
    var writer = ByteWriter(capacity: 256)
    writer.u8(version)
    body(&writer)
    return writer.bytes
  }
}
