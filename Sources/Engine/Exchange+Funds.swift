// Funds: deposits and withdrawals by the operator, and transfers between accounts, booked once per
// id.
//
// Invariants: the other side of a deposit or withdrawal is always custody, whose free amount is
// minus what was issued; no asset is issued beyond `Amounts.amountMax`, which is what proves that no
// balance can overflow; an id is never forgotten (see FundsIDs).
// Not here: what a deposit's evidence is worth (the operator checks), withdrawals in two phases
// (Withdrawals).

import Wire

extension Exchange {
  mutating func deposit(
    _ deposit: Funds, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    let account = try checkFunds(deposit.account, deposit.asset, deposit.amount, deposit.id)
    let record = FundsRecord(
      account: deposit.account, asset: deposit.asset, amount: deposit.amount)
    if let reply = try repeated(.deposit, deposit.id, record, account) { return reply }
    try checkFeature(.deposits)
    let issued = -ledger.free(AccountTable.custody, deposit.asset)
    guard deposit.amount <= Amounts.amountMax - issued || planted == .issueUnbounded else {
      throw .amountInvalid
    }
    try checkRoom()
    ledger.transfer(
      deposit.asset, from: AccountTable.custody, to: account, amount: deposit.amount)
    book(.deposit, deposit.id, record)
    note(deposit.account, deposit.asset, deposit.amount, deposit.id, stamp, &events)
    report(&events)
    return .funds(free: ledger.free(account, deposit.asset), repeated: false)
  }

  mutating func withdraw(
    _ withdrawal: Funds, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    let account = try checkFunds(
      withdrawal.account, withdrawal.asset, withdrawal.amount, withdrawal.id)
    let record = FundsRecord(
      account: withdrawal.account, asset: withdrawal.asset, amount: withdrawal.amount)
    if let reply = try repeated(.withdraw, withdrawal.id, record, account) { return reply }
    try checkFeature(.withdrawals)
    guard
      withdrawal.amount <= ledger.free(account, withdrawal.asset) || planted == .overdraft
    else {
      throw .insufficientBalance
    }
    try checkRoom()
    ledger.transfer(
      withdrawal.asset, from: account, to: AccountTable.custody, amount: withdrawal.amount)
    book(.withdraw, withdrawal.id, record)
    note(withdrawal.account, withdrawal.asset, -withdrawal.amount, withdrawal.id, stamp, &events)
    report(&events)
    return .funds(free: ledger.free(account, withdrawal.asset), repeated: false)
  }

  mutating func transfer(
    _ transfer: InternalTransfer, _ key: KeyID, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    try authorize(key, transfer)
    let from = try checkFunds(transfer.from, transfer.asset, transfer.amount, transfer.id)
    let to = try checkFunds(transfer.to, transfer.asset, transfer.amount, transfer.id)
    guard from != to else { throw .accountUnknown }
    let record = FundsRecord(
      account: transfer.from, asset: transfer.asset, amount: transfer.amount, to: transfer.to)
    if let reply = try repeated(.transfer, transfer.id, record, from) { return reply }
    try checkFeature(.transfers)
    guard transfer.amount <= ledger.free(from, transfer.asset) else { throw .insufficientBalance }
    try checkRoom()
    let payee = planted == .transferAstray ? AccountTable.fees : to
    ledger.transfer(transfer.asset, from: from, to: payee, amount: transfer.amount)
    book(.transfer, transfer.id, record)
    note(transfer.from, transfer.asset, -transfer.amount, transfer.id, stamp, &events)
    note(transfer.to, transfer.asset, transfer.amount, transfer.id, stamp, &events)
    report(&events)
    return .funds(free: ledger.free(from, transfer.asset), repeated: false)
  }

  // Who may move money between these two: the operator; a key of the parent of both, or of one that
  // is the other's parent; a key of `from` towards its own parent.
  private func authorize(_ key: KeyID, _ transfer: InternalTransfer) throws(Rejection) {
    if key == .admin { return }
    guard let state = accounts.keyState(key) else { throw .keyUnknown }
    guard !state.revoked else { throw .keyRevoked }
    let own = accounts.id(state.account)
    let parents = (from: parent(transfer.from), to: parent(transfer.to))
    let isFromOwn = transfer.from == own || parents.from == own
    let isToOwn = transfer.to == own || parents.to == own
    let isToParent = transfer.from == own && parents.from == transfer.to
    guard state.permissions.contains(.transfer), isFromOwn, isToOwn || isToParent else {
      throw .permissionMissing
    }
  }

  // The account that another one stands under, or `nil`.
  private func parent(_ account: AccountID) -> AccountID? {
    guard account >= AccountID.firstCustomer, let place = accounts.place(account) else {
      return nil
    }
    let parent = accounts.info(place).parent
    return parent == .operator ? nil : parent
  }

  /// Funds move for customers, and to and from the fee account.
  func checkFunds(
    _ account: AccountID, _ asset: AssetID, _ amount: Int64, _ id: String
  ) throws(Rejection) -> Int32 {
    guard let place = accounts.place(account), place >= AccountTable.fees else {
      throw .accountUnknown
    }
    guard symbols.asset(asset) != nil else { throw .assetUnknown }
    guard amount > 0, amount <= Amounts.amountMax else { throw .amountInvalid }
    guard Self.isPrintable(id, 1...CommandCodec.Limit.evidence) else { throw .invalidDefinition }
    return place
  }

  /// The answer to a movement that was booked before; `nil` if it is new.
  func repeated(
    _ kind: FundsKind, _ id: String, _ record: FundsRecord, _ account: Int32
  ) throws(Rejection) -> Reply? {
    switch funds.find(kind, id, record) {
    case .new: return nil
    case .same: return .funds(free: ledger.free(account, record.asset), repeated: true)
    case .other: throw .fundsIDReused
    }
  }

  private func checkRoom() throws(Rejection) {
    guard funds.count < FundsIDs.countMax else { throw .limitReached }
  }

  private mutating func book(_ kind: FundsKind, _ id: String, _ record: FundsRecord) {
    if planted != .depositForgotten { funds.add(kind, id, record) }
    write(RowKeys.funds(kind, id: id), RowValues.funds(record), replacing: 0)
  }

  private func note(
    _ account: AccountID, _ asset: AssetID, _ amount: Int64, _ id: String, _ stamp: Int64,
    _ events: inout EventBatch
  ) {
    events.append(
      .fundsMoved(
        FundsMoved(account: account, asset: asset, amount: amount, id: id, stamp: stamp)))
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
