// Command: everything that can change the replicated state, as a value.
//
// Time is microseconds since 1970. Amounts are integers in units of the asset. A command names
// symbols and assets by id: the edge resolves names, and `apply` checks the ids again.
// Not here: bytes (CommandCodec), what a command does (Exchange), Binance's parameter names
// (Gateway).

/// Who asks, and until when it may run. Checked in `apply` on every replica with the entry's stamp
/// as the clock.
public struct CommandHeader: Hashable, Sendable {
  /// Executed once; a repetition is answered with the first result.
  public var requestID: RequestID
  /// The key that signed the request; `.admin` for the admin port. Its account and permissions are
  /// checked in `apply`.
  public var key: KeyID
  /// The client's own time. Refused if it is a second or more ahead of the stamp. 0 for the admin
  /// port: not checked.
  public var timestamp: Int64
  /// Never executed at a stamp above this.
  public var deadline: Int64

  public init(requestID: RequestID, key: KeyID, timestamp: Int64, deadline: Int64) {
    self.requestID = requestID
    self.key = key
    self.timestamp = timestamp
    self.deadline = deadline
  }
}

/// A command with its header: what travels in a log entry.
public struct Request: Hashable, Sendable {
  public var header: CommandHeader
  public var command: Command

  public init(header: CommandHeader, command: Command) {
    self.header = header
    self.command = command
  }
}

/// What can be asked of the replicated state. What is rare and large is indirect: the size of the
/// largest is copied with every order.
public enum Command: Hashable, Sendable {
  case placeOrder(PlaceOrder)
  case cancelOrder(CancelOrder)
  case cancelAllOrders(CancelAllOrders)
  indirect case cancelReplace(CancelReplace)
  case amendOrder(AmendOrder)
  case placeOrderList(PlaceOrderList)
  case cancelOrderList(CancelOrderList)

  indirect case createAccount(CreateAccount)
  case createKey(CreateKey)
  case revokeKey(RevokeKey)
  case setOrderLimits(SetOrderLimits)
  case deposit(Funds)
  case withdraw(Funds)
  case transfer(InternalTransfer)
  indirect case requestWithdrawal(RequestWithdrawal)
  case moveWithdrawal(MoveWithdrawal)

  case addAsset(AddAsset)
  indirect case addSymbol(AddSymbol)
  case setSymbolStatus(SetSymbolStatus)
  case setTradeGroup(SetTradeGroup)
  case setSelfTradeRules(SetSelfTradeRules)
  indirect case setSymbolFilters(SetSymbolFilters)
  case setAssetLimit(SetAssetLimit)
  case setExchangeLimits(ExchangeLimits)
  /// Orders that rest keep the terms under which they were accepted.
  indirect case setCommission(AccountCommission)
  /// Names the discount asset and its factor; `.none`: no more. Orders that rest keep their rates.
  case setDiscount(DiscountSettings)
  case setSymbolDiscount(SetSymbolDiscount)
  case setAccountDiscount(SetAccountDiscount)
  case setLevel(SetLevel)
  /// The features that are refused from now on; all others are served.
  case setFeatures(Features)
  /// Entry 1 of every log.
  case genesis(GenesisMark)
}

/// A new order of the key's account.
public struct PlaceOrder: Hashable, Sendable {
  public var account: AccountID
  public var symbol: SymbolID
  public var side: Side
  public var type: OrderType
  /// Ignored (and reported as GTC) for MARKET and LIMIT_MAKER.
  public var timeInForce: TimeInForce
  /// 0 if `quoteOrderQuantity` is given (MARKET only).
  public var quantity: Int64
  public var quoteOrderQuantity: Int64
  /// 0 for MARKET.
  public var price: Int64
  /// Never empty: the edge draws one if the client gave none.
  public var clientOrderID: ShortText
  /// `nil`: the symbol's standard mode.
  public var selfTradePrevention: SelfTradePrevention?
  /// 0 if not given.
  public var strategyID: Int64
  public var strategyType: Int64
  /// Stop price, trailing, iceberg and peg.
  public var special: SpecialTerms

  public init(
    account: AccountID, symbol: SymbolID, side: Side, type: OrderType, timeInForce: TimeInForce,
    quantity: Int64, quoteOrderQuantity: Int64, price: Int64, clientOrderID: ShortText,
    selfTradePrevention: SelfTradePrevention? = nil, strategyID: Int64 = 0,
    strategyType: Int64 = 0, special: SpecialTerms = .none
  ) {
    self.account = account
    self.symbol = symbol
    self.side = side
    self.type = type
    self.timeInForce = timeInForce
    self.quantity = quantity
    self.quoteOrderQuantity = quoteOrderQuantity
    self.price = price
    self.clientOrderID = clientOrderID
    self.selfTradePrevention = selfTradePrevention
    self.strategyID = strategyID
    self.strategyType = strategyType
    self.special = special
  }
}

/// Cancels one open order, named by id, by client order id, or by both (then they must belong
/// together).
public struct CancelOrder: Hashable, Sendable {
  public var account: AccountID
  public var symbol: SymbolID
  public var orderID: OrderID?
  /// Empty if not given.
  public var originalClientOrderID: ShortText
  /// The client id of the cancel itself; never empty.
  public var cancelClientOrderID: ShortText
  public var restriction: CancelRestriction

  public init(
    account: AccountID, symbol: SymbolID, orderID: OrderID?, originalClientOrderID: ShortText,
    cancelClientOrderID: ShortText, restriction: CancelRestriction
  ) {
    self.account = account
    self.symbol = symbol
    self.orderID = orderID
    self.originalClientOrderID = originalClientOrderID
    self.cancelClientOrderID = cancelClientOrderID
    self.restriction = restriction
  }
}

/// Cancels every open order of an account on a symbol, oldest first.
public struct CancelAllOrders: Hashable, Sendable {
  public var account: AccountID
  public var symbol: SymbolID
  public var cancelClientOrderID: ShortText

  public init(account: AccountID, symbol: SymbolID, cancelClientOrderID: ShortText) {
    self.account = account
    self.symbol = symbol
    self.cancelClientOrderID = cancelClientOrderID
  }
}

/// Opens an account with its first key. Refused if the name or the API key exists.
public struct CreateAccount: Hashable, Sendable {
  /// 1 to 64 characters of `[A-Za-z0-9._-]`.
  public var name: String
  public var permissions: Permissions
  public var limits: OrderLimits
  public var apiKey: String
  public var sealedSecret: [UInt8]
  /// The account that it stands under; `.operator`: none.
  public var parent: AccountID

  public init(
    name: String, permissions: Permissions, limits: OrderLimits, apiKey: String,
    sealedSecret: [UInt8], parent: AccountID = .operator
  ) {
    self.parent = parent
    self.name = name
    self.permissions = permissions
    self.limits = limits
    self.apiKey = apiKey
    self.sealedSecret = sealedSecret
  }
}

/// Adds a key to an account. Its permissions must be a subset of the account's.
public struct CreateKey: Hashable, Sendable {
  public var account: AccountID
  public var permissions: Permissions
  public var apiKey: String
  public var sealedSecret: [UInt8]

  public init(account: AccountID, permissions: Permissions, apiKey: String, sealedSecret: [UInt8]) {
    self.account = account
    self.permissions = permissions
    self.apiKey = apiKey
    self.sealedSecret = sealedSecret
  }
}

/// Ends a key for ever. Revoking it again is accepted and changes nothing.
public struct RevokeKey: Hashable, Sendable {
  public var apiKey: String
  public init(apiKey: String) { self.apiKey = apiKey }
}

/// Changes the ORDERS limits of an account.
public struct SetOrderLimits: Hashable, Sendable {
  public var account: AccountID
  public var limits: OrderLimits
  public init(account: AccountID, limits: OrderLimits) {
    self.account = account
    self.limits = limits
  }
}

/// A deposit or a withdrawal by the operator. Idempotent by `id`: the same contents again answer
/// `done` and change nothing, other contents under the same id are refused. Deposits and
/// withdrawals have separate id spaces.
public struct Funds: Hashable, Sendable {
  public var account: AccountID
  public var asset: AssetID
  /// Above 0.
  public var amount: Int64
  /// The evidence: 1 to 64 printable ASCII characters, for example a transaction hash.
  public var id: String

  public init(account: AccountID, asset: AssetID, amount: Int64, id: String) {
    self.account = account
    self.asset = asset
    self.amount = amount
    self.id = id
  }
}

/// Adds an asset. `[A-Z0-9]{1,20}`; refused if it exists with another scale, `done` if it exists as
/// asked.
public struct AddAsset: Hashable, Sendable {
  public var name: String
  public var scale: UInt8
  public init(name: String, scale: UInt8) {
    self.name = name
    self.scale = scale
  }
}

/// Adds a symbol in state TRADING. Refused if the name exists.
public struct AddSymbol: Hashable, Sendable {
  /// `[A-Z0-9]{1,20}`, usually base and quote joined.
  public var name: String
  /// Names of assets that exist.
  public var base: String
  public var quote: String
  public var filters: SymbolFilters
  public var makerRate: Int64
  public var takerRate: Int64

  public init(
    name: String, base: String, quote: String, filters: SymbolFilters, makerRate: Int64,
    takerRate: Int64
  ) {
    self.name = name
    self.base = base
    self.quote = quote
    self.filters = filters
    self.makerRate = makerRate
    self.takerRate = takerRate
  }
}

/// Moves a symbol to another market state. The same state again is `done`.
public struct SetSymbolStatus: Hashable, Sendable {
  public var symbol: SymbolID
  public var status: SymbolStatus
  public init(symbol: SymbolID, status: SymbolStatus) {
    self.symbol = symbol
    self.status = status
  }
}

/// Fixes the identity of the cluster. Refused except as the very first command.
public struct GenesisMark: Hashable, Sendable {
  /// 1 to 64 characters.
  public var clusterID: String
  /// SHA-256 of the genesis file.
  public var hash: [UInt8]
  public init(clusterID: String, hash: [UInt8]) {
    self.clusterID = clusterID
    self.hash = hash
  }
}
