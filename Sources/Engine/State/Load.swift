// Load: rebuilding the exchange from its rows alone.
//
// Invariants: the rebuilt exchange has the state hash of the one whose rows they are, and answers
// every further command the same; rows that cannot belong together throw, and never trap.
// Not here: writing (Collect), checks across rows (Invariants).

import Wire

extension Exchange {
  /// The exchange whose rows these are, with the standard horizon for closed client order ids.
  /// Throws `WireError` if a row cannot be read or refers to something that does not exist, and
  /// what the reader throws.
  /// - Complexity: O(n log n) in the number of rows.
  public init(loading rows: any RowReader) throws {
    try self.init(loading: rows, horizon: .standard)
  }

  /// The exchange whose rows these are.
  public init(loading rows: any RowReader, horizon: ClientIDHorizon) throws {
    self.init(horizon: horizon)
    try loadDefinitions(rows)
    try loadBalances(rows)
    try loadCounters(rows)
    try loadOrders(rows)
    try loadLists(rows)
    try loadIDs(rows)
  }

  // Calls `body` for each row of a kind, adding the row's hash to the state hash.
  mutating func each(
    _ rows: any RowReader, _ kind: UInt8,
    _ body: (inout Exchange, [UInt8], [UInt8], UInt128) throws(WireError) -> Void
  ) throws {
    var fault: WireError?
    try rows.scan(prefix: RowKeys.of(kind)) { key, value in
      let hash = RowHash.of(key: key, value: value)
      stateHash &+= hash
      do throws(WireError) {
        try body(&self, key, value, hash)
        return true
      } catch {
        fault = error
        return false
      }
    }
    if let fault { throw fault }
  }

  private mutating func loadDefinitions(_ rows: any RowReader) throws {
    try each(rows, RowKind.genesis) { exchange, _, value, hash throws(WireError) in
      exchange.genesis = try EngineRows.decodeGenesis(value: value)
      exchange.genesisHash = hash
    }
    try each(rows, RowKind.settings) { exchange, _, value, hash throws(WireError) in
      let settings = try EngineRows.decodeSettings(value: value)
      guard settings.level >= Behaviour.first, settings.level <= Behaviour.newest,
        Features.all.isSuperset(of: settings.refused), settings.discount.isValid
      else { throw .invalid("settings row") }
      exchange.settings = settings
      exchange.settingsHash = hash
    }
    try each(rows, RowKind.asset) { exchange, key, value, hash throws(WireError) in
      let info = try EngineRows.decodeAsset(key: key, value: value)
      guard info.id == exchange.symbols.nextAsset, info.scale <= Amounts.scaleMax,
        info.orderMax >= 0,
        exchange.symbols.assets.count < SymbolTable.assetsMax
      else { throw .invalid("asset row") }
      exchange.symbols.add(info)
      exchange.assetHashes.append(hash)
    }
    try each(rows, RowKind.symbol) { exchange, key, value, hash throws(WireError) in
      let info = try EngineRows.decodeSymbol(key: key, value: value)
      guard info.id == exchange.symbols.nextSymbol, info.filters.isValid,
        (0...Amounts.rateMax).contains(info.makerRate),
        (0...Amounts.rateMax).contains(info.takerRate),
        exchange.symbols.asset(info.base) != nil, exchange.symbols.asset(info.quote) != nil
      else { throw .invalid("symbol row") }
      exchange.symbols.add(info)
      exchange.symbolHashes.append(hash)
    }
    try each(rows, RowKind.account) { exchange, key, value, _ throws(WireError) in
      let info = try EngineRows.decodeAccount(key: key, value: value)
      guard info.id == exchange.accounts.nextAccount, info.parent < info.id else {
        throw .invalid("account row")
      }
      exchange.accounts.add(info, row: value)
      exchange.ledger.addAccount()
    }
    try each(rows, RowKind.key) { exchange, key, value, _ throws(WireError) in
      let info = try EngineRows.decodeKey(key: key, value: value)
      guard info.id == exchange.accounts.nextKey,
        let place = exchange.accounts.place(info.account)
      else { throw .invalid("key row") }
      exchange.accounts.add(info, account: place, row: value)
    }
    guard openDiscount() else { throw WireError.invalid("settings row") }
  }

  private mutating func loadBalances(_ rows: any RowReader) throws {
    try each(rows, RowKind.balance) { exchange, key, value, hash throws(WireError) in
      let balance = try EngineRows.decodeBalance(key: key, value: value)
      guard let place = exchange.accounts.place(balance.account),
        exchange.symbols.asset(balance.asset) != nil, balance.locked >= 0,
        balance.free >= 0 || place == AccountTable.custody,
        balance.free >= -Amounts.amountMax, balance.free <= Amounts.amountMax,
        balance.locked <= Amounts.amountMax
      else { throw .invalid("balance row") }
      exchange.ledger.load(
        BalanceName(account: place, asset: balance.asset), free: balance.free,
        locked: balance.locked, hash: hash)
    }
  }

  private mutating func loadCounters(_ rows: any RowReader) throws {
    try each(rows, RowKind.orderCounts) { exchange, key, value, hash throws(WireError) in
      let account = AccountID(try RowValues.id64(key, RowKind.orderCounts))
      guard let place = exchange.accounts.place(account) else { throw .invalid("counts row") }
      exchange.accounts.states[place].windows = try EngineRows.decodeOrderCounts(value)
      exchange.accounts.states[place].windowsTag.hash = hash
    }
    try each(rows, RowKind.symbolCounters) { exchange, key, value, hash throws(WireError) in
      let id = SymbolID(try RowValues.id32(key, RowKind.symbolCounters))
      guard let place = exchange.symbols.place(id) else { throw .invalid("counters row") }
      let counters = try RowValues.counters(value)
      guard counters.isValid else { throw .invalid("counters row") }
      exchange.symbols.load(place, counters, hash: hash)
    }
    try each(rows, RowKind.averagePrice) { exchange, key, value, hash throws(WireError) in
      var reader = ByteReader(key)
      try reader.keyStart(RowKind.averagePrice)
      let id = SymbolID(try reader.u32())
      let number = try reader.u32()
      try reader.finish()
      guard let place = exchange.symbols.place(id),
        number < exchange.symbols.states[place].filters.averagePriceMinutes
      else { throw .invalid("average price row") }
      let bucket = try RowValues.bucket(value)
      guard bucket.quote >> 120 == 0, bucket.base >> 120 == 0 else {
        throw .invalid("average price row")
      }
      exchange.symbols.load(place, number: number, bucket, hash: hash)
    }
  }

  private mutating func loadIDs(_ rows: any RowReader) throws {
    try each(rows, RowKind.engineCounters) { exchange, _, value, hash throws(WireError) in
      let next = try RowValues.engineCounters(value)
      guard next.nextClosedID <= SymbolCounters.countMax, next.nextList > 0,
        UInt64(next.nextList) <= SymbolCounters.countMax
      else { throw .invalid("engine counters row") }
      exchange.clientIDs.load(nextSequence: next.nextClosedID)
      exchange.countersWritten = next.nextClosedID
      exchange.lists.next = next.nextList
      exchange.listsWritten = next.nextList
      exchange.countersHash = hash
    }
    try each(rows, RowKind.closedID) { exchange, key, value, _ throws(WireError) in
      let sequence = try RowValues.id64(key, RowKind.closedID)
      let stored = try RowValues.closedID(value)
      guard let place = exchange.accounts.place(stored.account) else {
        throw .invalid("closed id row")
      }
      exchange.clientIDs.load(
        ClosedID(
          fingerprint: stored.fingerprint, closedAt: stored.closedAt, sequence: sequence,
          account: place, stored: true), accounts: &exchange.accounts.states)
    }
    try each(rows, RowKind.funds) { exchange, key, value, _ throws(WireError) in
      var reader = ByteReader(key)
      try reader.keyStart(RowKind.funds)
      guard let kind = FundsKind(rawValue: try reader.u8()), kind != .request,
        let id = String(validating: try reader.raw(reader.left), as: UTF8.self)
      else { throw .invalid("funds row") }
      exchange.funds.load(kind, id, try RowValues.funds(value), row: value)
    }
    try each(rows, RowKind.commission) { exchange, key, value, hash throws(WireError) in
      let entry = try EngineRows.decodeCommission(key: key, value: value)
      guard exchange.accounts.place(entry.account) != nil,
        exchange.symbols.place(entry.symbol) != nil, entry.commission.isValid
      else { throw .invalid("commission row") }
      exchange.commissions.set(entry, hash: hash)
    }
    try each(rows, RowKind.withdrawal) { exchange, key, value, hash throws(WireError) in
      let withdrawal = try EngineRows.decodeWithdrawal(key: key, value: value)
      guard exchange.accounts.place(withdrawal.account) != nil,
        exchange.symbols.asset(withdrawal.asset) != nil,
        (1...Amounts.amountMax).contains(withdrawal.amount),
        (0...Amounts.amountMax).contains(withdrawal.fee)
      else { throw .invalid("withdrawal row") }
      exchange.funds.add(.request, withdrawal.id, FundsRecord(withdrawal))
      if withdrawal.state.isOpen {
        exchange.withdrawals.add(withdrawal, hash: hash)
      } else {
        exchange.funds.close(withdrawal.id, withdrawal.state)
      }
    }
  }
}
