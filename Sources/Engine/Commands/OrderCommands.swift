// OrderCommands: commands on orders beyond placing and cancelling one: cancel-replace, amend, lists;
// and the operator's commands for self-trade prevention.
//
// Not here: bytes (OrderCommandCodec), what they do (Exchange+Replace, +Amend, +Lists, +Admin).

/// Whether a new order is placed although the cancel before it failed (Binance's
/// `cancelReplaceMode`).
public enum ReplaceMode: UInt8, Sendable, CaseIterable {
  case stopOnFailure = 1
  case allowFailure = 2
}

/// What becomes of a cancel-replace whose new order would exceed the order limits (Binance's
/// `orderRateLimitExceededMode`).
public enum ReplaceOverLimit: UInt8, Sendable, CaseIterable {
  case doNothing = 1
  case cancelOnly = 2
}

/// Cancels one order and places another on the same symbol, in one step.
public struct CancelReplace: Hashable, Sendable {
  public var cancel: CancelOrder
  /// Of the same account and symbol.
  public var order: PlaceOrder
  public var mode: ReplaceMode
  public var overLimit: ReplaceOverLimit

  public init(
    cancel: CancelOrder, order: PlaceOrder, mode: ReplaceMode,
    overLimit: ReplaceOverLimit = .doNothing
  ) {
    self.cancel = cancel
    self.order = order
    self.mode = mode
    self.overLimit = overLimit
  }
}

/// Lowers the quantity of an open order, which keeps its place in the queue.
public struct AmendOrder: Hashable, Sendable {
  public var account: AccountID
  public var symbol: SymbolID
  public var orderID: OrderID?
  /// Empty if not given.
  public var originalClientOrderID: ShortText
  /// The order's whole quantity from now on, executed part included. Lower than before; not above
  /// what was executed: the order ends.
  public var quantity: Int64
  /// The order's client id from now on; may be the one that it has. Never empty.
  public var clientOrderID: ShortText

  public init(
    account: AccountID, symbol: SymbolID, orderID: OrderID?, originalClientOrderID: ShortText,
    quantity: Int64, clientOrderID: ShortText
  ) {
    self.account = account
    self.symbol = symbol
    self.orderID = orderID
    self.originalClientOrderID = originalClientOrderID
    self.quantity = quantity
    self.clientOrderID = clientOrderID
  }
}

/// Places a list of orders of one account on one symbol.
public struct PlaceOrderList: Hashable, Sendable {
  public var account: AccountID
  public var symbol: SymbolID
  public var kind: OrderListKind
  /// Never empty: the edge draws one if the client gave none.
  public var clientListID: ShortText
  /// `kind.legCount` of them. OCO: above, below. The others: the working leg, then the pending one,
  /// or the pending ones as above, below. Legs that sell proceeds have quantity 0.
  public var legs: [PlaceOrder]

  public init(
    account: AccountID, symbol: SymbolID, kind: OrderListKind, clientListID: ShortText,
    legs: [PlaceOrder]
  ) {
    self.account = account
    self.symbol = symbol
    self.kind = kind
    self.clientListID = clientListID
    self.legs = legs
  }
}

/// Cancels all legs of an open list, named by id, by client id, or by both.
public struct CancelOrderList: Hashable, Sendable {
  public var account: AccountID
  public var symbol: SymbolID
  public var list: OrderListID?
  /// Empty if not given.
  public var clientListID: ShortText
  /// The client id of the cancel itself; never empty.
  public var cancelClientOrderID: ShortText

  public init(
    account: AccountID, symbol: SymbolID, list: OrderListID?, clientListID: ShortText,
    cancelClientOrderID: ShortText
  ) {
    self.account = account
    self.symbol = symbol
    self.list = list
    self.clientListID = clientListID
    self.cancelClientOrderID = cancelClientOrderID
  }
}

/// Puts an account into a trade group, or out of any (`.none`). Holds for orders that come after.
public struct SetTradeGroup: Hashable, Sendable {
  public var account: AccountID
  public var group: TradeGroupID
  public init(account: AccountID, group: TradeGroupID) {
    self.account = account
    self.group = group
  }
}

/// Says which modes of self-trade prevention new orders of a symbol may have, and which one they
/// have if they name none.
public struct SetSelfTradeRules: Hashable, Sendable {
  public var symbol: SymbolID
  public var rules: SelfTradeRules
  public init(symbol: SymbolID, rules: SelfTradeRules) {
    self.symbol = symbol
    self.rules = rules
  }
}
