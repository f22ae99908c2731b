// Terms: the engine's words in Binance's spelling, and back.
// Not here: what they mean (Engine/Values/Terms).

import Engine

extension Side {
  /// Binance's spelling.
  var text: String { self == .buy ? "BUY" : "SELL" }

  init?(text: String) {
    switch text {
    case "BUY": self = .buy
    case "SELL": self = .sell
    default: return nil
    }
  }
}

extension OrderType {
  /// Binance's spelling.
  var text: String {
    switch self {
    case .limit: "LIMIT"
    case .market: "MARKET"
    case .limitMaker: "LIMIT_MAKER"
    case .stopLoss: "STOP_LOSS"
    case .stopLossLimit: "STOP_LOSS_LIMIT"
    case .takeProfit: "TAKE_PROFIT"
    case .takeProfitLimit: "TAKE_PROFIT_LIMIT"
    }
  }

  init?(text: String) {
    guard let type = Self.allCases.first(where: { $0.text == text }) else { return nil }
    self = type
  }

  /// True if it enters the book with a limit.
  var hasLimitPrice: Bool {
    switch self {
    case .limit, .limitMaker, .stopLossLimit, .takeProfitLimit: true
    case .market, .stopLoss, .takeProfit: false
    }
  }

  /// True for STOP_LOSS forms.
  var isStopLoss: Bool { self == .stopLoss || self == .stopLossLimit }

  /// True for TAKE_PROFIT forms.
  var isTakeProfit: Bool { self == .takeProfit || self == .takeProfitLimit }

  /// How Binance's messages name orders of this type, in the plural.
  var plural: String {
    switch self {
    case .limit, .limitMaker: "Limit"
    case .market: "Market"
    case .stopLoss: "Stop loss"
    case .stopLossLimit: "Stop loss limit"
    case .takeProfit: "Take profit"
    case .takeProfitLimit: "Take profit limit"
    }
  }
}

extension TimeInForce {
  /// Binance's spelling.
  var text: String {
    switch self {
    case .gtc: "GTC"
    case .ioc: "IOC"
    case .fok: "FOK"
    }
  }

  init?(text: String) {
    switch text {
    case "GTC": self = .gtc
    case "IOC": self = .ioc
    case "FOK": self = .fok
    default: return nil
    }
  }
}

extension OrderStatus {
  /// Binance's spelling.
  var text: String {
    switch self {
    case .new: "NEW"
    case .partiallyFilled: "PARTIALLY_FILLED"
    case .filled: "FILLED"
    case .canceled: "CANCELED"
    case .rejected: "REJECTED"
    case .expired: "EXPIRED"
    case .expiredInMatch: "EXPIRED_IN_MATCH"
    case .pendingNew: "PENDING_NEW"
    }
  }
}

extension ExpiryReason {
  /// Binance's spelling.
  var text: String {
    switch self {
    case .none: "NONE"
    case .rejected: "REJECTED"
    case .exchangeCanceled: "EXCHANGE_CANCELED"
    case .ocoTrigger: "OCO_TRIGGER"
    case .otoPhaseOneExpired: "OTO_PHASE_ONE_EXPIRED"
    case .unfilledIOC: "UNFILLED_IOC_QUANTITY_EXPIRED"
    case .unfilledFOK: "UNFILLED_FOK_ORDER_EXPIRED"
    case .insufficientLiquidity: "INSUFFICIENT_LIQUIDITY"
    case .executionRulePriceRangeExceeded: "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"
    }
  }
}

extension SelfTradePrevention {
  /// Binance's spelling.
  var text: String {
    switch self {
    case .none: "NONE"
    case .expireTaker: "EXPIRE_TAKER"
    case .expireMaker: "EXPIRE_MAKER"
    case .expireBoth: "EXPIRE_BOTH"
    case .decrement: "DECREMENT"
    case .transfer: "TRANSFER"
    }
  }

  init?(text: String) {
    guard let mode = Self.allCases.first(where: { $0.text == text }) else { return nil }
    self = mode
  }
}

extension SymbolStatus {
  /// Binance's spelling.
  var text: String {
    switch self {
    case .trading: "TRADING"
    case .halt: "HALT"
    case .break: "BREAK"
    case .cancelOnly: "CANCEL_ONLY"
    case .endOfDay: "END_OF_DAY"
    }
  }

  init?(text: String) {
    guard let status = Self.allCases.first(where: { $0.text == text }) else { return nil }
    self = status
  }
}

extension OrderListKind {
  /// Binance's `contingencyType`, which knows only two.
  var contingency: String { self == .oco ? "OCO" : "OTO" }

  /// What its legs are called in messages.
  var text: String {
    switch self {
    case .oco: "OCO"
    case .oto: "OTO"
    case .otoco: "OTOCO"
    case .opo: "OPO"
    case .opoco: "OPOCO"
    }
  }
}

extension ListStatusType {
  /// Binance's spelling.
  var text: String {
    switch self {
    case .response: "RESPONSE"
    case .execStarted: "EXEC_STARTED"
    case .updated: "UPDATED"
    case .allDone: "ALL_DONE"
    }
  }
}

extension ListOrderStatus {
  /// Binance's spelling.
  var text: String {
    switch self {
    case .executing: "EXECUTING"
    case .allDone: "ALL_DONE"
    case .reject: "REJECT"
    }
  }
}

extension PegPrice {
  /// Binance's spelling; `nil` for an order that is not pegged.
  var text: String? {
    switch self {
    case .none: nil
    case .primary: "PRIMARY_PEG"
    case .market: "MARKET_PEG"
    }
  }
}
