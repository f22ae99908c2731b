// Funds: deposits and withdrawals by the operator, booked once per id.
//
// Invariants: the other side is always custody, whose free amount is minus what was issued; no
// asset is issued beyond `Amounts.amountMax`, which is what proves that no balance can overflow;
// ids are remembered for ever.
// Not here: what a deposit's evidence is worth (the operator checks), approval of withdrawals.

import Wire

/// Names a booked deposit or withdrawal by 128 bits of its kind and id.
struct FundsKey: Hashable {
  private var high: UInt64
  private var low: UInt64

  init(deposit: Bool, id: String) {
    let hash = RowHash.chained(key: [deposit ? 1 : 2], value: Array(id.utf8))
    high = UInt64(truncatingIfNeeded: hash >> 64)
    low = UInt64(truncatingIfNeeded: hash)
  }
}

extension Exchange {
  mutating func deposit(
    _ deposit: Funds, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    let account = try check(deposit)
    if let reply = try repeated(deposit, account, isDeposit: true) { return reply }
    let issued = -ledger.free(AccountTable.custody, deposit.asset)
    guard deposit.amount <= Amounts.amountMax - issued else { throw .amountInvalid }
    ledger.transfer(
      deposit.asset, from: AccountTable.custody, to: account, amount: deposit.amount)
    book(deposit, amount: deposit.amount, isDeposit: true, stamp, &events)
    return .funds(free: ledger.free(account, deposit.asset), repeated: false)
  }

  mutating func withdraw(
    _ withdrawal: Funds, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    let account = try check(withdrawal)
    if let reply = try repeated(withdrawal, account, isDeposit: false) { return reply }
    guard withdrawal.amount <= ledger.free(account, withdrawal.asset) else {
      throw .insufficientBalance
    }
    ledger.transfer(
      withdrawal.asset, from: account, to: AccountTable.custody, amount: withdrawal.amount)
    book(withdrawal, amount: -withdrawal.amount, isDeposit: false, stamp, &events)
    return .funds(free: ledger.free(account, withdrawal.asset), repeated: false)
  }

  // Funds move for customers, and to and from the fee account.
  private func check(_ funds: Funds) throws(Rejection) -> Int32 {
    guard let account = accounts.place(funds.account), account >= AccountTable.fees else {
      throw .accountUnknown
    }
    guard symbols.asset(funds.asset) != nil else { throw .assetUnknown }
    guard funds.amount > 0, funds.amount <= Amounts.amountMax else { throw .amountInvalid }
    let id = funds.id.utf8
    guard id.count >= 1, id.count <= CommandCodec.Limit.evidence,
      id.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { throw .invalidDefinition }
    return account
  }

  private func repeated(
    _ funds: Funds, _ account: Int32, isDeposit: Bool
  ) throws(Rejection) -> Reply? {
    guard let earlier = self.funds[FundsKey(deposit: isDeposit, id: funds.id)] else { return nil }
    let now = FundsRecord(account: funds.account, asset: funds.asset, amount: funds.amount)
    guard earlier == now else { throw .fundsIDReused }
    return .funds(free: ledger.free(account, funds.asset), repeated: true)
  }

  private mutating func book(
    _ funds: Funds, amount: Int64, isDeposit: Bool, _ stamp: Int64, _ events: inout EventBatch
  ) {
    let record = FundsRecord(account: funds.account, asset: funds.asset, amount: funds.amount)
    self.funds[FundsKey(deposit: isDeposit, id: funds.id)] = record
    write(RowKeys.funds(deposit: isDeposit, id: funds.id), RowValues.funds(record), replacing: 0)
    events.append(
      .fundsMoved(
        FundsMoved(
          account: funds.account, asset: funds.asset, amount: amount, id: funds.id, stamp: stamp)))
    report(&events)
  }

  /// Writes the row of something that changes rarely, at once. Answers the row's hash.
  @discardableResult
  mutating func write(_ key: [UInt8], _ value: [UInt8], replacing old: UInt128) -> UInt128 {
    let hash = RowHash.of(key: key, value: value)
    stateHash = stateHash &- old &+ hash
    written.put(key, value)
    return hash
  }
}
