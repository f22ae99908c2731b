// Admin: accounts, keys, assets, symbols and the genesis mark. Only the operator's key reaches
// these.
//
// Invariants: names and API keys are unique; a key may do no more than its account; definitions are
// checked wholly before anything is added; an unchanged definition writes no row.
// Not here: who the operator is (Gateway checks the token), money (Funds).

import Wire

extension Exchange {
  private static let permissionsKnown: Permissions = [.trade, .withdraw, .transfer]

  mutating func createAccount(
    _ create: CreateAccount, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    guard Self.isName(create.name, Self.isAccountByte, CommandCodec.Limit.name),
      Self.permissionsKnown.isSuperset(of: create.permissions)
    else { throw .invalidDefinition }
    try checkKey(create.apiKey, create.sealedSecret)
    if create.parent != .operator {
      // One level: what stands under an account has nothing under it.
      guard let parent = customer(create.parent), accounts.info(parent).parent == .operator else {
        throw .accountUnknown
      }
    }
    guard !accounts.isNameTaken(create.name) else { throw .accountExists }
    guard accounts.key(apiKey: create.apiKey) == nil else { throw .apiKeyExists }
    guard accounts.count < AccountTable.countMax, accounts.keyCount < AccountTable.keysMax
    else { throw .limitReached }
    let info = AccountInfo(
      id: accounts.nextAccount, name: create.name, permissions: create.permissions,
      limits: create.limits, createdAt: stamp,
      parent: create.parent)
    let row = RowValues.account(info)
    accounts.add(info, row: row)
    ledger.addAccount()
    _ = write(EngineRows.accountKey(info.id), row, replacing: 0)
    events.append(.accountChanged(info))
    let key = addKey(
      info.id, create.permissions, create.apiKey, create.sealedSecret, stamp, &events)
    return .account(info.id, key)
  }

  mutating func createKey(
    _ create: CreateKey, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    guard let account = customer(create.account) else { throw .accountUnknown }
    try checkKey(create.apiKey, create.sealedSecret)
    guard accounts.info(account).permissions.isSuperset(of: create.permissions) else {
      throw .permissionsExceedAccount
    }
    guard accounts.key(apiKey: create.apiKey) == nil else { throw .apiKeyExists }
    guard accounts.keyCount < AccountTable.keysMax else { throw .limitReached }
    return .key(
      addKey(
        create.account, create.permissions, create.apiKey, create.sealedSecret, stamp, &events))
  }

  private mutating func addKey(
    _ account: AccountID, _ permissions: Permissions, _ apiKey: String, _ sealedSecret: [UInt8],
    _ stamp: Int64, _ events: inout EventBatch
  ) -> KeyID {
    guard let place = accounts.place(account) else { preconditionFailure("a key of no account") }
    let key = KeyInfo(
      id: accounts.nextKey, account: account, apiKey: apiKey, sealedSecret: sealedSecret,
      permissions: permissions, revoked: false, createdAt: stamp)
    let row = RowValues.key(key)
    accounts.add(key, account: place, row: row)
    _ = write(EngineRows.keyKey(key.id), row, replacing: 0)
    events.append(.keyChanged(key))
    return key.id
  }

  mutating func revokeKey(
    _ revoke: RevokeKey, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    guard let id = accounts.key(apiKey: revoke.apiKey), var key = accounts.key(id) else {
      throw .keyUnknown
    }
    if key.revoked { return .done }
    let rowKey = EngineRows.keyKey(id)
    let old = RowHash.of(key: rowKey, value: accounts.keyRow(id))
    key.revoked = true
    accounts.change(key)
    _ = write(rowKey, accounts.keyRow(id), replacing: old)
    events.append(.keyChanged(key))
    return .done
  }

  mutating func setOrderLimits(
    _ set: SetOrderLimits, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    guard let account = customer(set.account) else { throw .accountUnknown }
    var info = accounts.info(account)
    if info.limits == set.limits { return .done }
    info.limits = set.limits
    rewrite(account, info, &events)
    return .done
  }

  mutating func setTradeGroup(
    _ set: SetTradeGroup, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    guard let account = customer(set.account) else { throw .accountUnknown }
    guard set.group == .none || set.group.value > 0 else { throw .invalidDefinition }
    var info = accounts.info(account)
    if info.tradeGroup == set.group { return .done }
    info.tradeGroup = set.group
    rewrite(account, info, &events)
    return .done
  }

  // An account's definition changed: its row, its hash, its event.
  mutating func rewrite(
    _ account: Int32, _ info: AccountInfo, _ events: inout EventBatch
  ) {
    let key = EngineRows.accountKey(info.id)
    let old = RowHash.of(key: key, value: accounts.row(account))
    accounts.change(account, info)
    _ = write(key, accounts.row(account), replacing: old)
    events.append(.accountChanged(info))
  }

  mutating func addAsset(
    _ add: AddAsset, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    guard Self.isName(add.name, Self.isMarketByte, CommandCodec.Limit.asset),
      add.scale <= Amounts.scaleMax
    else { throw .invalidDefinition }
    if let known = symbols.asset(named: add.name) {
      guard known.scale == add.scale else { throw .assetExists }
      return .asset(known.id)
    }
    guard symbols.assets.count < SymbolTable.assetsMax else { throw .limitReached }
    let info = AssetInfo(id: symbols.nextAsset, name: add.name, scale: add.scale)
    symbols.add(info)
    assetHashes.append(write(EngineRows.assetKey(info.id), RowValues.asset(info), replacing: 0))
    events.append(.assetAdded(info))
    return .asset(info.id)
  }

  mutating func addSymbol(
    _ add: AddSymbol, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    guard Self.isName(add.name, Self.isMarketByte, CommandCodec.Limit.symbol),
      add.filters.isValid, add.makerRate >= 0, add.makerRate <= Amounts.rateMax,
      add.takerRate >= 0, add.takerRate <= Amounts.rateMax, add.base != add.quote
    else { throw .invalidDefinition }
    guard let base = symbols.asset(named: add.base), let quote = symbols.asset(named: add.quote)
    else { throw .assetUnknown }
    guard symbols.symbol(named: add.name) == nil else { throw .symbolExists }
    guard symbols.infos.count < SymbolTable.symbolsMax else { throw .limitReached }
    let info = SymbolInfo(
      id: symbols.nextSymbol, name: add.name, base: base.id, quote: quote.id, status: .trading,
      filters: add.filters, makerRate: add.makerRate, takerRate: add.takerRate)
    symbols.add(info)
    openDiscount()
    symbolHashes.append(write(EngineRows.symbolKey(info.id), RowValues.symbol(info), replacing: 0))
    events.append(.symbolChanged(info))
    return .symbol(info.id)
  }

  mutating func setSymbolStatus(
    _ set: SetSymbolStatus, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    guard let symbol = symbols.place(set.symbol) else { throw .symbolUnknown }
    if symbols.states[symbol].status == set.status { return .done }
    symbols.setStatus(symbol, set.status)
    noteChanged(symbol, &events)
    runTurns(symbol, stamp, &events)
    report(&events)
    return .done
  }

  mutating func setSelfTradeRules(
    _ set: SetSelfTradeRules, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    guard let symbol = symbols.place(set.symbol) else { throw .symbolUnknown }
    guard set.rules.isValid else { throw .invalidDefinition }
    if symbols.infos[Int(symbol)].selfTrade == set.rules { return .done }
    symbols.setSelfTrade(symbol, set.rules)
    noteChanged(symbol, &events)
    return .done
  }

  mutating func markGenesis(_ mark: GenesisMark) throws(Rejection) -> Reply {
    guard genesis == nil, symbols.assets.isEmpty, accounts.count == 0 else {
      throw .genesisRepeated
    }
    let id = mark.clusterID.utf8
    guard id.count >= 1, id.count <= CommandCodec.Limit.name,
      mark.hash.count == CommandCodec.Limit.hash
    else { throw .invalidDefinition }
    genesis = mark
    genesisHash = write(EngineRows.genesisKey, RowValues.genesis(mark), replacing: 0)
    return .done
  }

  func customer(_ id: AccountID) -> Int32? {
    guard id >= AccountID.firstCustomer else { return nil }
    return accounts.place(id)
  }

  private func checkKey(_ apiKey: String, _ sealedSecret: [UInt8]) throws(Rejection) {
    guard Self.isName(apiKey, Self.isAccountByte, CommandCodec.Limit.apiKey),
      sealedSecret.count <= CommandCodec.Limit.sealedSecret
    else { throw .invalidDefinition }
  }

  private static func isName(_ name: String, _ allowed: (UInt8) -> Bool, _ limit: Int) -> Bool {
    name.utf8.count >= 1 && name.utf8.count <= limit && name.utf8.allSatisfy(allowed)
  }

  private static func isMarketByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
    default: false
    }
  }

  private static func isAccountByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "-"):
      true
    default: isMarketByte(byte)
    }
  }
}
