// Catalog: the symbols, assets, accounts and keys that the edge needs to understand a request.
//
// A value: readers hold a snapshot while the publisher folds the next one.
// Invariants: each list is in id order; every index points at the entry that it names.
// Not here: balances and orders (ReadModel), and who may change any of it (Engine).

import Engine
import Wire

/// Names and ids of everything that rarely changes. Copying is O(1); a change after a copy is O(n).
public struct Catalog: Sendable {
  /// All symbols, in id order.
  public private(set) var symbols: [SymbolInfo] = []
  /// All assets, in id order.
  public private(set) var assets: [AssetInfo] = []
  /// All accounts of customers and of the venue that were announced, in id order.
  public private(set) var accounts: [AccountInfo] = []
  /// All keys, revoked ones too, in id order.
  public private(set) var keys: [KeyInfo] = []

  private var symbolAt: [SymbolID: Int] = [:]
  private var symbolNamed: [String: Int] = [:]
  private var assetAt: [AssetID: Int] = [:]
  private var assetNamed: [String: Int] = [:]
  private var accountAt: [AccountID: Int] = [:]
  private var accountNamed: [String: Int] = [:]
  private struct Terms: Hashable {
    var account: AccountID
    var symbol: SymbolID
  }

  private var commissions: [Terms: Commission] = [:]
  /// Who has terms on each symbol.
  private var termed: [SymbolID: [AccountID]] = [:]
  /// What commission may be paid in.
  public private(set) var discount = DiscountSettings.none
  private var keyAt: [KeyID: Int] = [:]
  private var keyNamed: [String: Int] = [:]

  /// An empty catalog.
  public init() {}

  /// Reads the engine's stored definitions. Throws if a row cannot be read or decoded.
  public init(rows: any RowReader) throws {
    for asset in try rows.collect(prefix: EngineRows.assetPrefix, EngineRows.decodeAsset) {
      put(asset: asset)
    }
    for symbol in try rows.collect(prefix: EngineRows.symbolPrefix, EngineRows.decodeSymbol) {
      put(symbol: symbol)
    }
    for account in try rows.collect(prefix: EngineRows.accountPrefix, EngineRows.decodeAccount) {
      put(account: account)
    }
    for entry in try rows.collect(
      prefix: EngineRows.commissionPrefix, EngineRows.decodeCommission)
    {
      put(entry)
    }
    if let settings = try rows.row(EngineRows.settingsKey) {
      discount = try EngineRows.decodeSettings(value: settings).discount
    }
    for key in try rows.collect(prefix: EngineRows.keyPrefix, EngineRows.decodeKey) {
      put(key: key)
    }
  }

  /// Takes an event in. Returns true if it changed the catalog.
  public mutating func fold(_ event: Event) -> Bool {
    switch event {
    case .assetAdded(let asset): put(asset: asset)
    case .symbolChanged(let symbol): put(symbol: symbol)
    case .accountChanged(let account): put(account: account)
    case .keyChanged(let key): put(key: key)
    case .commissionChanged(let entry): put(entry)
    case .discountChanged(let discount): self.discount = discount
    default: return false
    }
    return true
  }

  // MARK: Lookups, all O(1)

  /// The symbol with this id.
  public func symbol(_ id: SymbolID) -> SymbolInfo? { symbolAt[id].map { symbols[$0] } }
  /// The symbol with this name, in upper case as stored.
  public func symbol(named name: String) -> SymbolInfo? { symbolNamed[name].map { symbols[$0] } }
  /// The asset with this id.
  public func asset(_ id: AssetID) -> AssetInfo? { assetAt[id].map { assets[$0] } }
  /// The asset with this name.
  public func asset(named name: String) -> AssetInfo? { assetNamed[name].map { assets[$0] } }
  /// The account with this id.
  public func account(_ id: AccountID) -> AccountInfo? { accountAt[id].map { accounts[$0] } }
  /// The account with this name.
  public func account(named name: String) -> AccountInfo? {
    accountNamed[name].map { accounts[$0] }
  }
  /// The key with this number.
  public func key(_ id: KeyID) -> KeyInfo? { keyAt[id].map { keys[$0] } }
  /// The key that a request names in `X-MBX-APIKEY`; revoked ones are returned too.
  public func key(named apiKey: String) -> KeyInfo? { keyNamed[apiKey].map { keys[$0] } }

  /// Decimals of the base asset of `symbol`: its quantities are units of 10^-scale. 8 for an
  /// unknown asset.
  public func baseScale(_ symbol: SymbolInfo) -> Int {
    asset(symbol.base).map { Int($0.scale) } ?? 8
  }
  /// Decimals of the quote asset of `symbol`: its prices are units of 10^-scale. 8 for an unknown
  /// asset.
  public func quoteScale(_ symbol: SymbolInfo) -> Int {
    asset(symbol.quote).map { Int($0.scale) } ?? 8
  }

  /// What the account pays on the symbol.
  public func commission(_ account: AccountID, _ symbol: SymbolInfo) -> Commission {
    commissions[Terms(account: account, symbol: symbol.id)]
      ?? commissions[Terms(account: .operator, symbol: symbol.id)]
      ?? Commission(
        standard: CommissionRates(maker: symbol.makerRate, taker: symbol.takerRate))
  }

  /// Terms on the symbol that differ from its plain rates, by account; `.operator` is everybody else.
  public func commissions(of symbol: SymbolID) -> [AccountCommission] {
    (termed[symbol] ?? []).sorted().compactMap { account in
      commissions[Terms(account: account, symbol: symbol)].map {
        AccountCommission(account: account, symbol: symbol, commission: $0)
      }
    }
  }

  // MARK: Changes

  private mutating func put(_ entry: AccountCommission) {
    let terms = Terms(account: entry.account, symbol: entry.symbol)
    if commissions[terms] == nil { termed[entry.symbol, default: []].append(entry.account) }
    commissions[terms] = entry.commission
  }

  private mutating func put(asset: AssetInfo) {
    let at = Self.place(asset, at: assetAt[asset.id], in: &assets)
    assetAt[asset.id] = at
    assetNamed[asset.name] = at
  }

  private mutating func put(symbol: SymbolInfo) {
    let at = Self.place(symbol, at: symbolAt[symbol.id], in: &symbols)
    symbolAt[symbol.id] = at
    symbolNamed[symbol.name] = at
  }

  private mutating func put(account: AccountInfo) {
    let at = Self.place(account, at: accountAt[account.id], in: &accounts)
    accountAt[account.id] = at
    accountNamed[account.name] = at
  }

  private mutating func put(key: KeyInfo) {
    let at = Self.place(key, at: keyAt[key.id], in: &keys)
    keyAt[key.id] = at
    keyNamed[key.apiKey] = at
  }

  /// Ids come from counters, so a new entry belongs at the end; rows are read in id order too.
  private static func place<T>(_ value: T, at position: Int?, in list: inout [T]) -> Int {
    if let position {
      list[position] = value
      return position
    }
    list.append(value)
    return list.count - 1
  }
}
