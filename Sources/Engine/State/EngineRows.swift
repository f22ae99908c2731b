// EngineRows: reading the engine's stored rows from outside (queries on the publisher thread,
// exctl).
//
// Invariants: decoding never traps; bytes after a value are refused.
// Not here: rows that only the engine itself reads (RowValues), writing (Collect).

import Wire

/// Keys and decoders of the rows that others may read.
public enum EngineRows {
  /// All assets, in id order.
  public static let assetPrefix = RowKeys.of(RowKind.asset)
  /// All symbols, in id order.
  public static let symbolPrefix = RowKeys.of(RowKind.symbol)
  /// All customer accounts, in id order.
  public static let accountPrefix = RowKeys.of(RowKind.account)
  /// All API keys, in id order.
  public static let keyPrefix = RowKeys.of(RowKind.key)
  /// The row that holds the identity of the cluster.
  public static let genesisKey = RowKeys.of(RowKind.genesis)
  /// The row of the exchange's settings. There is none while they are as they were at first.
  public static let settingsKey = RowKeys.of(RowKind.settings)

  /// The row of one asset.
  public static func assetKey(_ asset: AssetID) -> [UInt8] {
    RowKeys.of(RowKind.asset, asset.value)
  }
  /// The row of one symbol.
  public static func symbolKey(_ symbol: SymbolID) -> [UInt8] {
    RowKeys.of(RowKind.symbol, symbol.value)
  }
  /// The row of one customer account.
  public static func accountKey(_ account: AccountID) -> [UInt8] {
    RowKeys.of(RowKind.account, account.value)
  }
  /// The row of one API key.
  public static func keyKey(_ key: KeyID) -> [UInt8] { RowKeys.of(RowKind.key, key.value) }

  /// The row of one balance. There is none while both amounts are zero.
  public static func balanceKey(account: AccountID, asset: AssetID) -> [UInt8] {
    RowKeys.of(RowKind.balance, account.value, asset.value)
  }

  /// All balances of an account, in asset order.
  public static func balancePrefix(account: AccountID) -> [UInt8] {
    RowKeys.of(RowKind.balance, account.value)
  }

  /// The row of one open order. There is none once the order is closed.
  public static func openOrderKey(account: AccountID, symbol: SymbolID, id: OrderID) -> [UInt8] {
    RowKeys.openOrder(account, symbol, id)
  }

  /// All open orders of an account, by symbol and order id.
  public static func openOrderPrefix(account: AccountID) -> [UInt8] {
    RowKeys.of(RowKind.openOrder, account.value)
  }

  /// All open orders of an account on a symbol, by order id.
  public static func openOrderPrefix(account: AccountID, symbol: SymbolID) -> [UInt8] {
    RowKeys.of(RowKind.openOrder, account.value, symbol.value)
  }

  /// The row of an account's order counts. There is none before its first order.
  public static func orderCounts(account: AccountID) -> [UInt8] {
    RowKeys.of(RowKind.orderCounts, account.value)
  }

  /// Reads a balance.
  public static func decodeBalance(key: [UInt8], value: [UInt8]) throws(WireError) -> BalanceChange
  {
    var k = ByteReader(key)
    try k.keyStart(RowKind.balance)
    let account = AccountID(try k.u64())
    let asset = AssetID(try k.u32())
    try k.finish()
    var v = ByteReader(value)
    try v.rowVersion()
    let change = BalanceChange(
      account: account, asset: asset, free: try v.i64(), locked: try v.i64())
    try v.finish()
    return change
  }

  /// Reads an open order; refuses one that stands under the key of another.
  public static func decodeOpenOrder(key: [UInt8], value: [UInt8]) throws(WireError) -> OrderView {
    try RowValues.openOrder(key: key, value: value).view
  }

  /// Reads an asset.
  public static func decodeAsset(key: [UInt8], value: [UInt8]) throws(WireError) -> AssetInfo {
    let id = AssetID(try RowValues.id32(key, RowKind.asset))
    var v = ByteReader(value)
    let version = try v.rowVersion(upTo: 2)
    var info = AssetInfo(
      id: id, name: try v.text(limit: CommandCodec.Limit.asset), scale: try v.u8())
    if version >= 2 { info.orderMax = try v.i64() }
    try v.finish()
    return info
  }

  /// Reads a symbol.
  public static func decodeSymbol(key: [UInt8], value: [UInt8]) throws(WireError) -> SymbolInfo {
    let id = SymbolID(try RowValues.id32(key, RowKind.symbol))
    var v = ByteReader(value)
    let version = try v.rowVersion(upTo: 4)
    var info = SymbolInfo(
      id: id, name: try v.text(limit: CommandCodec.Limit.symbol), base: AssetID(try v.u32()),
      quote: AssetID(try v.u32()), status: try v.symbolStatus(), filters: try v.filters(),
      makerRate: try v.i64(), takerRate: try v.i64())
    if version >= 2 { info.selfTrade = try v.selfTradeRules() }
    if version >= 3 { info.filters.rules = try v.rules() }
    if version >= 4 { info.offersDiscount = try v.isTrue() }
    try v.finish()
    return info
  }

  /// Reads an account.
  public static func decodeAccount(key: [UInt8], value: [UInt8]) throws(WireError) -> AccountInfo {
    let id = AccountID(try RowValues.id64(key, RowKind.account))
    var v = ByteReader(value)
    let version = try v.rowVersion(upTo: 4)
    var info = AccountInfo(
      id: id, name: try v.text(limit: CommandCodec.Limit.name), permissions: try v.permissions(),
      limits: try v.orderLimits(), createdAt: try v.i64())
    if version >= 2 { info.tradeGroup = TradeGroupID(try v.i64()) }
    if version >= 3 { info.parent = AccountID(try v.u64()) }
    if version >= 4 { info.usesDiscount = try v.isTrue() }
    try v.finish()
    return info
  }

  /// Reads an API key.
  public static func decodeKey(key: [UInt8], value: [UInt8]) throws(WireError) -> KeyInfo {
    let id = KeyID(try RowValues.id64(key, RowKind.key))
    var v = ByteReader(value)
    try v.rowVersion()
    let info = KeyInfo(
      id: id, account: AccountID(try v.u64()),
      apiKey: try v.text(limit: CommandCodec.Limit.apiKey),
      sealedSecret: try v.blob16(limit: CommandCodec.Limit.sealedSecret),
      permissions: try v.permissions(), revoked: try v.bool(), createdAt: try v.i64())
    try v.finish()
    return info
  }

  /// The identity of the cluster, from the row under `genesisKey`.
  public static func decodeGenesis(value: [UInt8]) throws(WireError) -> GenesisMark {
    var v = ByteReader(value)
    try v.rowVersion()
    let mark = GenesisMark(
      clusterID: try v.text(limit: CommandCodec.Limit.name),
      hash: try v.blob16(limit: CommandCodec.Limit.hash))
    try v.finish()
    return mark
  }

  /// The row of what an account pays on a symbol; `.operator`: every account without its own.
  public static func commissionKey(_ account: AccountID, _ symbol: SymbolID) -> [UInt8] {
    RowKeys.of(RowKind.commission, account.value, symbol.value)
  }

  /// All terms that differ from a symbol's plain rates.
  public static let commissionPrefix = RowKeys.of(RowKind.commission)

  /// Reads what an account pays on a symbol.
  public static func decodeCommission(
    key: [UInt8], value: [UInt8]
  ) throws(WireError) -> AccountCommission {
    var k = ByteReader(key)
    try k.keyStart(RowKind.commission)
    let account = AccountID(try k.u64())
    let symbol = SymbolID(try k.u32())
    try k.finish()
    var v = ByteReader(value)
    try v.rowVersion()
    let commission = try v.commission()
    try v.finish()
    return AccountCommission(account: account, symbol: symbol, commission: commission)
  }

  /// The row of one withdrawal in two phases, open or not.
  public static func withdrawalKey(_ id: String) -> [UInt8] {
    var writer = RowKey.start(RowKind.withdrawal)
    writer.raw(id.utf8)
    return writer.bytes
  }

  /// All withdrawals in two phases, by id.
  public static let withdrawalPrefix = RowKeys.of(RowKind.withdrawal)

  /// Reads a withdrawal.
  public static func decodeWithdrawal(key: [UInt8], value: [UInt8]) throws(WireError) -> Withdrawal
  {
    var k = ByteReader(key)
    try k.keyStart(RowKind.withdrawal)
    guard let id = String(validating: try k.raw(k.left), as: UTF8.self) else {
      throw .invalid("withdrawal id")
    }
    var v = ByteReader(value)
    try v.rowVersion()
    let withdrawal = try v.withdrawal(id: id)
    try v.finish()
    return withdrawal
  }

  /// The exchange's settings, from the row under `settingsKey`.
  public static func decodeSettings(value: [UInt8]) throws(WireError) -> ExchangeSettings {
    var v = ByteReader(value)
    let version = try v.rowVersion(upTo: 2)
    var settings = ExchangeSettings()
    settings.level = try v.u32()
    settings.refused = Features(rawValue: try v.u32())
    settings.limits = try v.exchangeLimits()
    if version >= 2 {
      settings.discount = try v.discount()
      guard settings.discount != .none else { throw .invalid("discount") }
    }
    try v.finish()
    return settings
  }

  /// Reads the order counts of an account.
  public static func decodeOrderCounts(_ value: [UInt8]) throws(WireError) -> OrderWindows {
    var v = ByteReader(value)
    try v.rowVersion()
    let windows = OrderWindows(
      window10Seconds: try v.i64(), count10Seconds: try v.u32(), windowDay: try v.i64(),
      countDay: try v.u32())
    try v.finish()
    return windows
  }
}

/// How many orders an account placed, and in which calendar windows of log time.
public struct OrderWindows: Hashable, Sendable {
  /// The window's number: stamp divided by its length.
  public var window10Seconds: Int64
  /// The day's number.
  public var windowDay: Int64
  /// Orders placed in the window of ten seconds.
  public var count10Seconds: UInt32
  /// Orders placed on that day.
  public var countDay: UInt32

  public init(window10Seconds: Int64, count10Seconds: UInt32, windowDay: Int64, countDay: UInt32) {
    self.window10Seconds = window10Seconds
    self.count10Seconds = count10Seconds
    self.windowDay = windowDay
    self.countDay = countDay
  }

  /// No orders yet.
  public static let none = OrderWindows(
    window10Seconds: 0, count10Seconds: 0, windowDay: 0, countDay: 0)

  /// Ten seconds, in microseconds.
  public static let tenSeconds: Int64 = 10_000_000
  /// A day, in microseconds.
  public static let day: Int64 = 86_400_000_000

  /// The counts in the windows of `stamp`: those of earlier windows have run out.
  public func counts(at stamp: Int64) -> OrderCounts {
    OrderCounts(
      in10Seconds: window10Seconds == stamp / Self.tenSeconds ? count10Seconds : 0,
      inDay: windowDay == stamp / Self.day ? countDay : 0)
  }

  /// The counts in the windows of the order that was counted last.
  @inline(__always)
  var latest: OrderCounts { OrderCounts(in10Seconds: count10Seconds, inDay: countDay) }

  /// How much an order's first fill takes off the counts.
  public static let takerCredit: UInt32 = 1
  public static let makerCredit: UInt32 = 5

  /// The windows of `stamp` after an order's first fill.
  func filling(isMaker: Bool, at stamp: Int64) -> OrderWindows {
    let now = counts(at: stamp)
    let credit = isMaker ? Self.makerCredit : Self.takerCredit
    return OrderWindows(
      window10Seconds: stamp / Self.tenSeconds,
      count10Seconds: now.in10Seconds - min(credit, now.in10Seconds),
      windowDay: stamp / Self.day, countDay: now.inDay - min(credit, now.inDay))
  }

  /// The windows with one more order at `stamp`. Counts stop at their highest value.
  func counting(at stamp: Int64) -> OrderWindows {
    let now = counts(at: stamp)
    return OrderWindows(
      window10Seconds: stamp / Self.tenSeconds,
      count10Seconds: now.in10Seconds == .max ? .max : now.in10Seconds + 1,
      windowDay: stamp / Self.day, countDay: now.inDay == .max ? .max : now.inDay + 1)
  }
}
