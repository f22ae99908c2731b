// Withdrawals: asking for one, and moving it on until it is posted or given back.
//
// Invariants: amount and fee are held while it is open, and posted (to custody and to the fee
// account) or released exactly once; they never change; a move that its state does not allow is
// refused and changes nothing.
// Not here: withdrawals that the operator books at once (Funds).

extension Exchange {
  mutating func requestWithdrawal(
    _ request: RequestWithdrawal, _ key: KeyID, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    try authorize(key, request.account, .withdraw)
    let account = try checkFunds(request.account, request.asset, request.amount, request.id)
    guard request.fee >= 0, request.fee <= Amounts.amountMax else { throw .amountInvalid }
    guard Self.isPrintable(request.address, 1...CommandCodec.Limit.address),
      Self.isPrintable(request.network, 0...CommandCodec.Limit.network)
    else { throw .invalidDefinition }
    let record = FundsRecord(
      account: request.account, asset: request.asset, amount: request.amount, fee: request.fee,
      detail: request.network + "\n" + request.address)
    if let reply = try repeated(.request, request.id, record, account) { return reply }
    try checkFeature(.withdrawals)
    guard request.amount + request.fee <= ledger.free(account, request.asset) else {
      throw .insufficientBalance
    }
    guard withdrawals.all.count < OpenWithdrawals.countMax, funds.count < FundsIDs.countMax else {
      throw .limitReached
    }
    ledger.hold(account, request.asset, amount: request.amount + request.fee)
    let withdrawal = Withdrawal(
      id: request.id, account: request.account, asset: request.asset, amount: request.amount,
      fee: request.fee, network: request.network, address: request.address, state: .requested,
      note: "", requestedAt: stamp, updatedAt: stamp)
    funds.add(.request, request.id, record)
    withdrawals.add(withdrawal, hash: write(withdrawal, replacing: 0))
    events.append(.withdrawalChanged(withdrawal))
    report(&events)
    return .funds(free: ledger.free(account, request.asset), repeated: false)
  }

  mutating func moveWithdrawal(
    _ move: MoveWithdrawal, _ key: KeyID, _ stamp: Int64, _ events: inout EventBatch
  ) throws(Rejection) -> Reply {
    if move.state == .cancelled {
      try authorize(key, move.account, .withdraw)
    } else if key != .admin {
      throw .permissionMissing
    }
    guard Self.isPrintable(move.note, 0...CommandCodec.Limit.address) else {
      throw .invalidDefinition
    }
    guard let place = withdrawals.place(move.id) else {
      // Its owner is not known any more; only the operator asks for a second end.
      guard key == .admin, funds.ending(move.id) == move.state else { throw .withdrawalUnknown }
      return .done
    }
    var withdrawal = withdrawals.all[place]
    guard withdrawal.account == move.account || (key == .admin && move.account == .operator)
    else { throw .withdrawalUnknown }
    if withdrawal.state == move.state { return .done }
    guard withdrawal.state.leads(to: move.state) else { throw .withdrawalStateRefused }
    withdrawal.state = move.state
    withdrawal.note = move.note
    withdrawal.updatedAt = stamp
    let hash = write(withdrawal, replacing: withdrawals.hashes[place])
    if move.state.isOpen {
      withdrawals.replace(place, withdrawal, hash: hash)
    } else {
      withdrawals.remove(place)
      funds.close(withdrawal.id, move.state)
      settle(withdrawal, stamp, &events)
    }
    events.append(.withdrawalChanged(withdrawal))
    report(&events)
    return .done
  }

  // Posts or gives back what a withdrawal held.
  private mutating func settle(
    _ withdrawal: Withdrawal, _ stamp: Int64, _ events: inout EventBatch
  ) {
    guard let account = accounts.place(withdrawal.account) else {
      preconditionFailure("a withdrawal of no account")
    }
    let asset = withdrawal.asset
    ledger.release(account, asset, amount: withdrawal.amount + withdrawal.fee)
    guard
      withdrawal.state == .confirmed
        || (planted == .failedIsPosted && withdrawal.state == .failed)
    else { return }
    ledger.transfer(asset, from: account, to: AccountTable.custody, amount: withdrawal.amount)
    if withdrawal.fee > 0 {
      ledger.transfer(asset, from: account, to: AccountTable.fees, amount: withdrawal.fee)
    }
    events.append(
      .fundsMoved(
        FundsMoved(
          account: withdrawal.account, asset: asset, amount: -withdrawal.amount - withdrawal.fee,
          id: withdrawal.id, stamp: stamp)))
  }

  private mutating func write(_ withdrawal: Withdrawal, replacing old: UInt128) -> UInt128 {
    write(
      EngineRows.withdrawalKey(withdrawal.id), RowValues.withdrawal(withdrawal), replacing: old)
  }

  /// The operator, or a key of this account that has the permission.
  func authorize(
    _ key: KeyID, _ account: AccountID, _ permission: Permissions
  ) throws(Rejection) {
    if key == .admin { return }
    guard let state = accounts.keyState(key) else { throw .keyUnknown }
    guard !state.revoked else { throw .keyRevoked }
    guard accounts.id(state.account) == account, state.permissions.contains(permission) else {
      throw .permissionMissing
    }
  }

  static func isPrintable(_ text: String, _ count: ClosedRange<Int>) -> Bool {
    count.contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
  }
}
