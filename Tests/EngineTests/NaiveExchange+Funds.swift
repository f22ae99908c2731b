// The naive engine's money: deposits, withdrawals, transfers.

import Engine

extension NaiveExchange {
  private func free(_ account: AccountID, _ asset: AssetID) -> Int128 {
    balances[NaiveName(account: account, asset: asset), default: NaiveBalance()].free
  }

  private mutating func add(
    _ account: AccountID, _ asset: AssetID, free: Int128, locked: Int128 = 0
  ) {
    let name = NaiveName(account: account, asset: asset)
    balances[name, default: NaiveBalance()].free += free
    balances[name, default: NaiveBalance()].locked += locked
  }

  private func earlier(
    _ id: String, _ contents: AnyHashable, _ account: AccountID, _ asset: AssetID
  ) throws(Rejection) -> Reply? {
    guard let known = funds[id] else { return nil }
    guard known == contents else { throw .fundsIDReused }
    return .funds(free: Int64(free(account, asset)), repeated: true)
  }

  mutating func move(_ funds: Funds, isDeposit: Bool) throws(Rejection) -> Reply {
    let id = (isDeposit ? "d " : "w ") + funds.id
    if let reply = try earlier(id, funds, funds.account, funds.asset) { return reply }
    if settings.refused.contains(isDeposit ? .deposits : .withdrawals) { throw .featureRefused }
    let amount = isDeposit ? Int128(funds.amount) : -Int128(funds.amount)
    guard free(funds.account, funds.asset) + amount >= 0 else { throw .insufficientBalance }
    self.funds[id] = funds
    add(funds.account, funds.asset, free: amount)
    add(.custody, funds.asset, free: -amount)
    return .funds(free: Int64(free(funds.account, funds.asset)), repeated: false)
  }

  /// By the operator.
  mutating func transfer(_ transfer: InternalTransfer) throws(Rejection) -> Reply {
    guard transfer.from != transfer.to else { throw .accountUnknown }
    let id = "t " + transfer.id
    if let reply = try earlier(id, transfer, transfer.from, transfer.asset) { return reply }
    if settings.refused.contains(.transfers) { throw .featureRefused }
    guard free(transfer.from, transfer.asset) >= Int128(transfer.amount) else {
      throw .insufficientBalance
    }
    funds[id] = transfer
    add(transfer.from, transfer.asset, free: -Int128(transfer.amount))
    add(transfer.to, transfer.asset, free: Int128(transfer.amount))
    return .funds(free: Int64(free(transfer.from, transfer.asset)), repeated: false)
  }

  mutating func request(_ request: RequestWithdrawal, _ stamp: Int64) throws(Rejection) -> Reply {
    let id = "r " + request.id
    if let reply = try earlier(id, request, request.account, request.asset) { return reply }
    if settings.refused.contains(.withdrawals) { throw .featureRefused }
    let all = Int128(request.amount) + Int128(request.fee)
    guard free(request.account, request.asset) >= all else { throw .insufficientBalance }
    funds[id] = request
    add(request.account, request.asset, free: -all, locked: all)
    withdrawals[request.id] = Withdrawal(
      id: request.id, account: request.account, asset: request.asset, amount: request.amount,
      fee: request.fee, network: request.network, address: request.address, state: .requested,
      note: "", requestedAt: stamp, updatedAt: stamp)
    return .funds(free: Int64(free(request.account, request.asset)), repeated: false)
  }

  /// By the operator.
  mutating func moveOn(_ move: MoveWithdrawal, _ stamp: Int64) throws(Rejection) -> Reply {
    let moves: [WithdrawalState: [WithdrawalState]] = [
      .requested: [.approved, .cancelled, .rejected], .approved: [.sent, .failed],
      .sent: [.confirmed, .failed],
    ]
    guard var withdrawal = withdrawals[move.id] else { throw .withdrawalUnknown }
    let isClosed = moves[withdrawal.state] == nil
    if withdrawal.account != move.account, !isClosed { throw .withdrawalUnknown }
    if withdrawal.state == move.state { return .done }
    if isClosed { throw .withdrawalUnknown }
    guard moves[withdrawal.state, default: []].contains(move.state) else {
      throw .withdrawalStateRefused
    }
    withdrawal.state = move.state
    withdrawals[move.id] = withdrawal
    let all = Int128(withdrawal.amount) + Int128(withdrawal.fee)
    switch move.state {
    case .rejected, .cancelled, .failed:
      add(withdrawal.account, withdrawal.asset, free: all, locked: -all)
    case .confirmed:
      add(withdrawal.account, withdrawal.asset, free: 0, locked: -all)
      add(.custody, withdrawal.asset, free: Int128(withdrawal.amount))
      add(.fees, withdrawal.asset, free: Int128(withdrawal.fee))
    default: break
    }
    return .done
  }
}
