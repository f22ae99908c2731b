// Withdrawal: money on its way out, in two phases: held when it is asked for, then posted once, or
// given back once.
//
//   requested -> approved -> sent -> confirmed (posted)
//   requested -> cancelled (by its owner) | rejected;  approved, sent -> failed  (all: given back)
//
// Raw values are stored: never renumber, only add.
// Not here: the moves (Exchange+Withdrawals).

/// Where a withdrawal is.
public enum WithdrawalState: UInt8, Sendable, CaseIterable {
  case requested = 1
  case approved = 2
  case sent = 3
  case confirmed = 4
  case cancelled = 5
  case rejected = 6
  case failed = 7

  /// True while its amount is held.
  public var isOpen: Bool { self == .requested || self == .approved || self == .sent }

  /// True if a withdrawal may go from here to `next`.
  public func leads(to next: WithdrawalState) -> Bool {
    switch (self, next) {
    case (.requested, .approved), (.requested, .cancelled), (.requested, .rejected),
      (.approved, .sent), (.approved, .failed), (.sent, .confirmed), (.sent, .failed):
      true
    default: false
    }
  }
}

/// A withdrawal. Its amounts never change.
public struct Withdrawal: Hashable, Sendable {
  /// Chosen by who asked; unique for ever.
  public var id: String
  public var account: AccountID
  public var asset: AssetID
  /// What leaves, and what the venue keeps of it; both are held.
  public var amount: Int64
  public var fee: Int64
  public var network: String
  public var address: String
  public var state: WithdrawalState
  /// What the last move said, for example a transaction hash.
  public var note: String
  public var requestedAt: Int64
  public var updatedAt: Int64

  public init(
    id: String, account: AccountID, asset: AssetID, amount: Int64, fee: Int64, network: String,
    address: String, state: WithdrawalState, note: String, requestedAt: Int64, updatedAt: Int64
  ) {
    self.id = id
    self.account = account
    self.asset = asset
    self.amount = amount
    self.fee = fee
    self.network = network
    self.address = address
    self.state = state
    self.note = note
    self.requestedAt = requestedAt
    self.updatedAt = updatedAt
  }
}
