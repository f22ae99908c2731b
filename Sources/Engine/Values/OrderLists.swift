// OrderLists: lists of orders that depend on each other, as they are known outside of the engine.
//
// Raw values are stored and replicated: never renumber, only add.
// Not here: what the legs do to each other (Exchange+Lists).

/// How the legs of a list depend on each other.
public enum OrderListKind: UInt8, Sendable, CaseIterable {
  /// Two legs; one that begins to work ends the other.
  case oco = 1
  /// The second leg is placed once the first is filled.
  case oto = 2
  /// Two legs that are an OCO are placed once the first is filled.
  case otoco = 3
  /// OTO whose second leg sells what the first bought.
  case opo = 4
  /// OTOCO whose second and third leg sell what the first bought.
  case opoco = 5

  /// How many legs it has.
  public var legCount: Int { self == .otoco || self == .opoco ? 3 : 2 }
  /// True if legs wait for the first to be filled.
  public var hasPendingLegs: Bool { self != .oco }
  /// True if its last two legs are a pair, of which one trades at most.
  public var hasPair: Bool { self != .oto && self != .opo }
  /// True if the pending legs sell what the first leg bought.
  public var passesProceeds: Bool { self == .opo || self == .opoco }
}

/// What became of a list (Binance's `listStatusType`).
public enum ListStatusType: UInt8, Sendable, CaseIterable {
  /// The list was refused.
  case response = 1
  /// It was placed, or changed its state.
  case execStarted = 2
  /// The client order id of a leg changed.
  case updated = 3
  /// It ended.
  case allDone = 4
}

/// Where a list is in its life (Binance's `listOrderStatus`).
public enum ListOrderStatus: UInt8, Sendable, CaseIterable {
  case executing = 1
  case allDone = 2
  case reject = 3
}

/// One leg of a list.
public struct ListLeg: Hashable, Sendable {
  public var order: OrderID
  public var clientOrderID: ShortText
  public init(order: OrderID, clientOrderID: ShortText) {
    self.order = order
    self.clientOrderID = clientOrderID
  }
}

/// A snapshot of a list.
public struct OrderListView: Hashable, Sendable {
  public var id: OrderListID
  public var account: AccountID
  public var symbol: SymbolID
  public var kind: OrderListKind
  public var statusType: ListStatusType
  public var status: ListOrderStatus
  public var clientListID: ShortText
  /// Stamps of its placement and of its last change.
  public var createdAt: Int64
  public var updatedAt: Int64
  /// In the order of the command: the working leg first, or above before below.
  public var legs: [ListLeg]

  public init(
    id: OrderListID, account: AccountID, symbol: SymbolID, kind: OrderListKind,
    statusType: ListStatusType, status: ListOrderStatus, clientListID: ShortText,
    createdAt: Int64, updatedAt: Int64, legs: [ListLeg]
  ) {
    self.id = id
    self.account = account
    self.symbol = symbol
    self.kind = kind
    self.statusType = statusType
    self.status = status
    self.clientListID = clientListID
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.legs = legs
  }
}
