// ErrorCode: what a client reads when a command was refused, or when its outcome is not known.
//
// Invariant: 4xx says that the command will never take effect; an unknown outcome is 503 with -1007 and nothing else.
// Not here: errors of the request itself (APIError, Parameters).

import Engine

/// Engine refusals and failed submissions as Binance's errors.
public enum ErrorCode {
  /// The answer to a refused new order. `limits` are those of the account, `stamp` the entry's time.
  ///
  /// - Parameter type: the type of the order, for the refusals that name it.
  public static func error(
    _ rejection: Rejection, type: OrderType = .limit, limits: OrderLimits = .standard,
    stamp: Int64 = 0
  ) -> APIError {
    error(rejection, asked: .order(type, .none), limits: limits, stamp: stamp)
  }

  /// The answer to a refused command, in the words that fit what was asked.
  static func error(
    _ rejection: Rejection, asked: Asked, limits: OrderLimits = .standard, stamp: Int64 = 0
  ) -> APIError {
    switch rejection {
    case .tooManyOrders10Seconds:
      return tooManyOrders(limits.per10Seconds, "10 SECOND", window: 10_000_000, stamp)
    case .tooManyOrdersDay:
      return tooManyOrders(limits.perDay, "1 DAY", window: 86_400_000_000, stamp)
    case .orderTypeNotSupported: return unsupported(asked)
    case .featureRefused:
      var error = unsupported(asked)
      if error.code == -1013 { error.code = -2010 }
      return error
    case .timestampAhead: return .timestampAhead
    case .deadlinePassed: return .outsideWindow
    case .keyUnknown, .keyRevoked, .permissionMissing, .accountUnknown: return .keyRefused
    case .symbolUnknown: return .invalidSymbol
    case .amountInvalid, .invalidDefinition, .assetUnknown, .permissionsExceedAccount:
      return APIError(400, -1130, "Invalid data sent for a parameter.")
    case .accountExists, .apiKeyExists, .assetExists, .symbolExists, .fundsIDReused,
      .genesisRepeated, .levelRefused:
      return .notSupported
    default:
      var error = order(rejection)
      if case .amendment = asked, error.code == -2010 || error.code == -2011 { error.code = -2038 }
      return error
    }
  }

  /// What this exchange does not serve, or the operator switched off.
  private static func unsupported(_ asked: Asked) -> APIError {
    switch asked {
    case .order(let type, let terms):
      if terms.trailingDelta != 0 { return unsupported("Trailing stop orders", ".") }
      if terms.icebergQuantity != 0 { return unsupported("Iceberg orders", ".") }
      if terms.peg != .none { return unsupported("Pegged orders", ".") }
      return unsupported("\(type.plural) orders", ".")
    case .cancel, .setting: return .notSupported
    case .cancelReplace: return unsupported("Order cancel-replace is", ".", verb: "")
    case .amendment: return APIError(400, -2038, "Order amend is not supported for this symbol.")
    case .list(let kind): return unsupported("\(kind.text) orders", kind == .oco ? "" : ".")
    }
  }

  private static func unsupported(
    _ what: String, _ end: String, verb: String = " are"
  ) -> APIError {
    APIError(400, -1013, "\(what)\(verb) not supported for this symbol\(end)")
  }

  // MARK: Outcomes without a reply

  /// Never executed: its deadline passed first.
  public static let expired = APIError.outsideWindow

  /// It may or may not have been executed. The second sentence makes hummingbot keep tracking the order instead of
  /// counting it as failed; ccxt reads a timeout from the code.
  public static let unknown = APIError(
    503, -1007,
    "Timeout waiting for response from backend server. Send status unknown; execution status "
      + "unknown. Unknown error, please check your request or try again later.")

  /// Refused before it was taken.
  public static let overloaded = APIError(
    503, -1008,
    "Server is currently overloaded with other requests. Please try again in a few minutes.")

  /// Refused before it was taken: no leader.
  public static let noLeader = APIError(
    503, -1001, "Internal error; unable to process your request. Please try again.")

  // MARK: Tables

  private static func order(_ rejection: Rejection) -> APIError {
    switch rejection {
    case .marketClosed, .engineFault: refused("Market is closed.")
    case .filterPrice: refused("Filter failure: PRICE_FILTER")
    case .filterLotSize, .quantityTooLarge: refused("Filter failure: LOT_SIZE")
    case .filterMarketLotSize: refused("Filter failure: MARKET_LOT_SIZE")
    case .filterNotional: refused("Filter failure: NOTIONAL")
    case .priceTimesQuantityZero: refused("Price * QTY is zero or less.")
    case .selfTradePreventionNotAllowed:
      refused("This symbol does not allow the specified self-trade prevention mode.")
    case .filterPercentPrice: refused("Filter failure: PERCENT_PRICE")
    case .filterPercentPriceBySide: refused("Filter failure: PERCENT_PRICE_BY_SIDE")
    case .filterIcebergParts: refused("Filter failure: ICEBERG_PARTS")
    case .filterTrailingDelta: refused("Filter failure: TRAILING_DELTA")
    case .filterMaxOpenOrders: rejected("Filter failure: MAX_NUM_ORDERS")
    case .filterMaxAlgoOrders: rejected("Filter failure: MAX_NUM_ALGO_ORDERS")
    case .filterMaxIcebergOrders: rejected("Filter failure: MAX_NUM_ICEBERG_ORDERS")
    case .filterMaxOrderLists: rejected("Filter failure: MAX_NUM_ORDER_LISTS")
    case .filterMaxPosition: rejected("Filter failure: MAX_POSITION")
    case .filterMaxAsset: rejected("Filter failure: MAX_ASSET")
    case .limitReached, .filterExchangeMaxOrders:
      rejected("Filter failure: EXCHANGE_MAX_NUM_ORDERS")
    case .filterExchangeMaxAlgoOrders: rejected("Filter failure: EXCHANGE_MAX_NUM_ALGO_ORDERS")
    case .filterExchangeMaxIcebergOrders:
      rejected("Filter failure: EXCHANGE_MAX_NUM_ICEBERG_ORDERS")
    case .filterExchangeMaxOrderLists: rejected("Filter failure: EXCHANGE_MAX_NUM_ORDER_LISTS")
    default: matching(rejection)
    }
  }

  /// What the matching engine says.
  private static func matching(_ rejection: Rejection) -> APIError {
    switch rejection {
    case .insufficientBalance:
      rejected("Account has insufficient balance for requested action.")
    case .duplicateClientOrderID: rejected("Duplicate order sent.")
    case .wouldTakeImmediately: rejected("Order would immediately match and take.")
    case .wouldTriggerImmediately: rejected("Order would trigger immediately.")
    case .icebergExceedsQuantity: rejected("IcebergQty exceeds QTY.")
    case .combinationNotSupported: rejected("Unsupported order combination")
    case .pegNotAllowed: rejected("This order type may not use pegged price.")
    case .pegPriceNotAllowed:
      rejected("This price peg cannot be used with this order type.")
    case .liquidityTooLowForPeg:
      rejected("Order book liquidity is too low for this pegged order.")
    case .pricesNotRelated:
      rejected("The relationship of the prices for the orders is not correct.")
    case .duplicateListID: rejected("Duplicate order sent.")
    case .listUnknown: APIError(400, -2011, "Unknown order list sent.")
    case .amendIncreases: APIError(400, -2038, "Order amend (quantity increase) is not supported.")
    case .amendChangesNothing:
      APIError(400, -2038, "The requested action would change no state; rejecting")
    case .amendPendingProceeds:
      APIError(400, -2038, "Order amend (pending OPO order) is not supported.")
    case .filterMaxAmendments: APIError(400, -2038, "Filter failure: MAX_NUM_ORDER_AMENDS")
    case .liquidityBelowLotSize:
      rejected("Order book liquidity is less than LOT_SIZE filter minimum quantity.")
    case .liquidityBelowMarketLotSize:
      rejected("Order book liquidity is less than MARKET_LOT_SIZE filter minimum quantity.")
    case .orderUnknown, .noOpenOrders: .unknownOrder
    case .cancelIDsDisagree:
      APIError(400, -2011, "Cancel order is invalid. Check origClOrdId and orderId.")
    case .cancelRestricted:
      APIError(400, -2011, "Order was not canceled due to cancel restrictions.")
    default: rejected("This action is disabled on this account.")
    }
  }

  private static func refused(_ message: String) -> APIError { APIError(400, -1013, message) }
  private static func rejected(_ message: String) -> APIError { APIError(400, -2010, message) }

  private static func tooManyOrders(
    _ limit: UInt32, _ interval: String, window: Int64, _ stamp: Int64
  ) -> APIError {
    let left = window - stamp % window
    return APIError(
      429, -1015, "Too many new orders; current limit is \(limit) orders per \(interval).",
      retryAfter: (left + 999_999) / 1_000_000)
  }
}

/// What a refused command had asked for.
enum Asked: Sendable {
  case order(OrderType, SpecialTerms)
  case cancel
  case cancelReplace
  case amendment
  case list(OrderListKind)
  /// A switch of the account.
  case setting
}

extension APIError {
  static let unsupportedCombination = APIError(400, -1014, "Unsupported order combination.")
  static let noSuchList = APIError(400, -2013, "Order list does not exist.")
  static let invalidPegPrice = APIError(400, -1210, "Invalid pegPriceType.")
  static let invalidPegOffset = APIError(400, -1211, "Invalid pegOffsetType.")
  static let listTypeNotSupported = APIError(400, -1158, "Order type not supported in OCO.")
  static let workingMustBeBuy = APIError(
    400, -1222, "Working order in an OPO list must be a bid.")
  static let pendingMustBeSell = APIError(
    400, -1223, "Pending orders in an OPO list must be asks.")

  static func icebergNeedsGTC(_ name: StaticString) -> APIError {
    APIError(
      400, -1160,
      "Parameter '\(name)' is not supported if aboveTimeInForce/belowTimeInForce is not GTC.")
  }

  static func pendingNotRequired(_ name: StaticString) -> APIError {
    APIError(400, -1225, "Pending orders should not include the '\(name)' tag.")
  }

  static let keyFormat = APIError(401, -2014, "API-key format invalid.")
  static let keyRefused = APIError(
    401, -2015, "Invalid API-key, IP, or permissions for action.")
  static let signature = APIError(400, -1022, "Signature for this request is not valid.")
  static let unknownOrder = APIError(400, -2011, "Unknown order sent.")
  static let noSuchOrder = APIError(400, -2013, "Order does not exist.")
  static let orderIDsDisagree = APIError(
    400, -2039, "Client order ID is not correct for this order ID.")
  static let invalidSide = APIError(400, -1117, "Invalid side.")
  static let invalidOrderType = APIError(400, -1116, "Invalid orderType.")
  static let invalidTimeInForce = APIError(400, -1115, "Invalid timeInForce.")
  static let timeInForceNotRequired = APIError(
    400, -1114, "TimeInForce parameter sent when not required.")
  static let strategyType = APIError(400, -1134, "strategyType was less than 1000000.")
  static let cancelRestrictions = APIError(400, -1145, "Invalid cancelRestrictions")
}
