// FundsCodec: the bodies of the commands in FundsCommands, and withdrawals in rows.

import Wire

extension CommandCodec.Limit {
  /// Addresses and notes of withdrawals.
  public static let address = 128
  /// Names of networks.
  public static let network = 20
}

extension CommandCodec {
  static func encode(_ transfer: InternalTransfer, into writer: inout ByteWriter) {
    writer.u64(transfer.from.value)
    writer.u64(transfer.to.value)
    writer.u32(transfer.asset.value)
    writer.i64(transfer.amount)
    writer.text(transfer.id)
  }

  static func transfer(_ r: inout ByteReader) throws(WireError) -> InternalTransfer {
    InternalTransfer(
      from: AccountID(try r.u64()), to: AccountID(try r.u64()), asset: AssetID(try r.u32()),
      amount: try r.i64(), id: try r.text(limit: Limit.evidence))
  }

  static func encode(_ request: RequestWithdrawal, into writer: inout ByteWriter) {
    writer.u64(request.account.value)
    writer.u32(request.asset.value)
    writer.i64(request.amount)
    writer.i64(request.fee)
    writer.text(request.network)
    writer.text(request.address)
    writer.text(request.id)
  }

  static func requestWithdrawal(_ r: inout ByteReader) throws(WireError) -> RequestWithdrawal {
    RequestWithdrawal(
      account: AccountID(try r.u64()), asset: AssetID(try r.u32()), amount: try r.i64(),
      fee: try r.i64(), network: try r.text(limit: Limit.network),
      address: try r.text(limit: Limit.address), id: try r.text(limit: Limit.evidence))
  }

  static func encode(_ move: MoveWithdrawal, into writer: inout ByteWriter) {
    writer.u64(move.account.value)
    writer.text(move.id)
    writer.u8(move.state.rawValue)
    writer.text(move.note)
  }

  static func moveWithdrawal(_ r: inout ByteReader) throws(WireError) -> MoveWithdrawal {
    MoveWithdrawal(
      account: AccountID(try r.u64()), id: try r.text(limit: Limit.evidence),
      state: try r.withdrawalState(), note: try r.text(limit: Limit.address))
  }
}

extension ByteWriter {
  /// All but the id, which is the row's key.
  mutating func withdrawal(_ withdrawal: Withdrawal) {
    u64(withdrawal.account.value)
    u32(withdrawal.asset.value)
    i64(withdrawal.amount)
    i64(withdrawal.fee)
    text(withdrawal.network)
    text(withdrawal.address)
    u8(withdrawal.state.rawValue)
    text(withdrawal.note)
    i64(withdrawal.requestedAt)
    i64(withdrawal.updatedAt)
  }
}

extension ByteReader {
  mutating func withdrawalState() throws(WireError) -> WithdrawalState {
    guard let state = WithdrawalState(rawValue: try u8()) else {
      throw .invalid("withdrawal state")
    }
    return state
  }

  mutating func withdrawal(id: String) throws(WireError) -> Withdrawal {
    Withdrawal(
      id: id, account: AccountID(try u64()), asset: AssetID(try u32()), amount: try i64(),
      fee: try i64(), network: try text(limit: CommandCodec.Limit.network),
      address: try text(limit: CommandCodec.Limit.address), state: try withdrawalState(),
      note: try text(limit: CommandCodec.Limit.address), requestedAt: try i64(),
      updatedAt: try i64())
  }
}
