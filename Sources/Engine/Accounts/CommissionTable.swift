// CommissionTable: the terms of accounts and symbols that differ from the symbol's own rates.
//
// Invariant: dictionaries are only looked up, never iterated. Terms never go away: those of an
// account, once set, are changed only.
// Not here: rows (State), the symbol's own rates (SymbolTable).

struct CommissionTable {
  static let countMax = 1_000_000

  private struct Name: Hashable {
    var account: AccountID
    var symbol: SymbolID
  }

  private var terms: [Name: (commission: Commission, hash: UInt128)] = [:]

  var isEmpty: Bool { terms.isEmpty }
  var count: Int { terms.count }

  func find(_ account: AccountID, _ symbol: SymbolID) -> (commission: Commission, hash: UInt128)? {
    terms[Name(account: account, symbol: symbol)]
  }

  mutating func set(_ entry: AccountCommission, hash: UInt128) {
    terms[Name(account: entry.account, symbol: entry.symbol)] = (entry.commission, hash)
  }
}

extension Exchange {
  /// What the account pays on the symbol: its own terms, or those of every account, or the symbol's
  /// plain rates.
  func commission(_ account: AccountID, _ symbol: Int32) -> Commission {
    let state = symbols.states[symbol]
    if !commissions.isEmpty {
      if let own = commissions.find(account, state.id) { return own.commission }
      if let all = commissions.find(.operator, state.id) { return all.commission }
    }
    return Commission(
      standard: CommissionRates(maker: state.makerRate, taker: state.takerRate))
  }

  /// The rates that an order accepted now freezes.
  @inline(__always)
  func frozenRates(
    _ account: AccountID, _ side: Side, _ symbol: Int32
  ) -> (maker: Int64, taker: Int64) {
    if commissions.isEmpty {
      return (symbols.states[symbol].makerRate, symbols.states[symbol].takerRate)
    }
    return commission(account, symbol).rates(side)
  }

  mutating func setCommission(
    _ set: AccountCommission, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    guard symbols.place(set.symbol) != nil else { throw .symbolUnknown }
    if set.account != .operator {
      guard set.account >= AccountID.firstCustomer, accounts.place(set.account) != nil else {
        throw .accountUnknown
      }
    }
    guard set.commission.isValid else { throw .invalidDefinition }
    let old = commissions.find(set.account, set.symbol)
    if old?.commission == set.commission { return .done }
    guard old != nil || commissions.count < CommissionTable.countMax else { throw .limitReached }
    let hash = write(
      EngineRows.commissionKey(set.account, set.symbol), RowValues.commission(set.commission),
      replacing: old?.hash ?? 0)
    commissions.set(set, hash: hash)
    events.append(.commissionChanged(set))
    return .done
  }
}
