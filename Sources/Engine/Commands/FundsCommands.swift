// FundsCommands: movements of money other than plain deposits, as values.
//
// Not here: their bytes (FundsCodec), what they do (Exchange+Funds, Exchange+Withdrawals).

/// Moves free money between two accounts. The operator may move any customer's; a key with the
/// permission `transfer` its own account's to its parent or to an account under it, and that of an
/// account under it to its own or to another under it. Idempotent by `id`, like `Funds`.
public struct InternalTransfer: Hashable, Sendable {
  public var from: AccountID
  public var to: AccountID
  public var asset: AssetID
  /// Above 0.
  public var amount: Int64
  /// 1 to 64 printable ASCII characters.
  public var id: String

  public init(from: AccountID, to: AccountID, asset: AssetID, amount: Int64, id: String) {
    self.from = from
    self.to = to
    self.asset = asset
    self.amount = amount
    self.id = id
  }
}

/// Asks for a withdrawal and holds its amount and fee. By the operator, or by a key of the account
/// with the permission `withdraw`. Idempotent by `id`.
public struct RequestWithdrawal: Hashable, Sendable {
  public var account: AccountID
  public var asset: AssetID
  /// Above 0.
  public var amount: Int64
  /// 0 or more; goes to the fee account when the withdrawal is confirmed.
  public var fee: Int64
  /// 0 to 20, and 1 to 128, printable ASCII characters.
  public var network: String
  public var address: String
  /// 1 to 64 printable ASCII characters.
  public var id: String

  public init(
    account: AccountID, asset: AssetID, amount: Int64, fee: Int64, network: String,
    address: String, id: String
  ) {
    self.account = account
    self.asset = asset
    self.amount = amount
    self.fee = fee
    self.network = network
    self.address = address
    self.id = id
  }
}

/// Moves a withdrawal on. Only the operator, but for `cancelled`, which its owner may ask for too.
/// The state that it is in already is `done`.
public struct MoveWithdrawal: Hashable, Sendable {
  /// Whose it is; `.operator` from the operator: whoever's.
  public var account: AccountID
  public var id: String
  public var state: WithdrawalState
  /// 0 to 128 printable ASCII characters.
  public var note: String

  public init(account: AccountID, id: String, state: WithdrawalState, note: String = "") {
    self.account = account
    self.id = id
    self.state = state
    self.note = note
  }
}
