// OrderListParser: parameters of new order lists to commands.
//
// Which types may stand on which side of an OCO is checked here, as Binance has a code for each; prices and the
// market are the engine's business.
// Not here: one leg's own parameters (OrderParser), the answer (OrderListJSON).

import Engine
import Market

/// A parsed new list.
struct NewOrderList: Sendable {
  var command: PlaceOrderList
  var symbol: SymbolInfo
  var response: ResponseType
}

/// Reads the parameters of a new list.
struct OrderListParser {
  let order: OrderParser
  private var parameters: Parameters { order.parameters }

  /// The list that the parameters of `POST /api/v3/orderList/...` spell.
  func parse(_ kind: OrderListKind) throws(APIError) -> NewOrderList {
    let symbol = try parameters.symbol(order.catalog)
    switch kind {
    case .oco:
      let side = try order.side("side")
      let quantity = try order.quantity("quantity", symbol)
      return try list(
        kind, symbol, try pair(.above, .below, side, quantity: quantity, symbol))
    case .oto, .opo:
      let working = try working(kind, symbol)
      let side = try order.side("pendingSide")
      let type = try order.type(.pending)
      let quantity = try pendingQuantity(kind, side, symbol)
      let pending = try order.leg(
        .pending, side: side, type: type, quantity: quantity, symbol)
      return try list(kind, symbol, [working, pending])
    case .otoco, .opoco:
      let working = try working(kind, symbol)
      let side = try order.side("pendingSide")
      let quantity = try pendingQuantity(kind, side, symbol)
      let pair = try pair(.pendingAbove, .pendingBelow, side, quantity: quantity, symbol)
      return try list(kind, symbol, [working] + pair)
    }
  }

  /// The OCO that the parameters of the old `POST /api/v3/order/oco` spell: a LIMIT_MAKER, and a
  /// STOP_LOSS, or a STOP_LOSS_LIMIT if it has a limit.
  func parseOld() throws(APIError) -> NewOrderList {
    let symbol = try parameters.symbol(order.catalog)
    let side = try order.side("side")
    let quantity = try order.quantity("quantity", symbol)
    guard parameters.has("stopPrice") else { throw .missing("stopPrice") }
    let hasLimit = parameters.has("stopLimitPrice")
    let limit = try order.leg(
      .oldLimit, side: side, type: .limitMaker, quantity: quantity, symbol)
    let stop = try order.leg(
      .oldStop, side: side, type: hasLimit ? .stopLossLimit : .stopLoss, quantity: quantity,
      symbol)
    return try list(.oco, symbol, side == .sell ? [limit, stop] : [stop, limit])
  }

  // MARK: Parts

  private func list(
    _ kind: OrderListKind, _ symbol: SymbolInfo, _ legs: [PlaceOrder]
  ) throws(APIError) -> NewOrderList {
    NewOrderList(
      command: PlaceOrderList(
        account: order.account, symbol: symbol.id, kind: kind,
        clientListID: try order.newClientOrderID("listClientOrderId"), legs: legs),
      symbol: symbol, response: try order.responseType() ?? .full)
  }

  private func working(
    _ kind: OrderListKind, _ symbol: SymbolInfo
  ) throws(APIError) -> PlaceOrder {
    let type = try order.type(.working)
    guard type == .limit || type == .limitMaker else { throw .invalid("workingType") }
    let side = try order.side("workingSide")
    if kind.passesProceeds, side != .buy { throw .workingMustBeBuy }
    let quantity = try order.quantity("workingQuantity", symbol)
    return try order.leg(.working, side: side, type: type, quantity: quantity, symbol)
  }

  private func pendingQuantity(
    _ kind: OrderListKind, _ side: Side, _ symbol: SymbolInfo
  ) throws(APIError) -> Int64 {
    guard kind.passesProceeds else { return try order.quantity("pendingQuantity", symbol) }
    guard side == .sell else { throw .pendingMustBeSell }
    guard !parameters.has("pendingQuantity") else { throw .pendingNotRequired("pendingQuantity") }
    return 0
  }

  private func pair(
    _ above: LegNames, _ below: LegNames, _ side: Side, quantity: Int64, _ symbol: SymbolInfo
  ) throws(APIError) -> [PlaceOrder] {
    let types = (above: try order.type(above), below: try order.type(below))
    try Self.check(side, above: types.above, below: types.below)
    return [
      try order.leg(above, side: side, type: types.above, quantity: quantity, symbol),
      try order.leg(below, side: side, type: types.below, quantity: quantity, symbol),
    ]
  }

  /// One leg takes a profit, the other stops a loss, each on its side of the market.
  private static func check(
    _ side: Side, above: OrderType, below: OrderType
  ) throws(APIError) {
    for type in [above, below] where type == .limit || type == .market {
      throw .listTypeNotSupported
    }
    if above == .limitMaker, below == .limitMaker { throw .noContingentOrder }
    let profit = side == .sell ? above : below
    let stop = side == .sell ? below : above
    if stop == .limitMaker { throw .limitOnWrongSide(side) }
    if stop.isTakeProfit { throw .takeProfitOnWrongSide(side) }
    if profit.isStopLoss { throw .stopLossOnWrongSide(side) }
  }
}

extension APIError {
  static let noContingentOrder = APIError(
    400, -1168, "At least one OCO order must be contingent.")

  static func limitOnWrongSide(_ side: Side) -> APIError {
    side == .buy
      ? APIError(400, -1165, "A limit order in a buy OCO must be below.")
      : APIError(400, -1166, "A limit order in a sell OCO must be above.")
  }

  static func stopLossOnWrongSide(_ side: Side) -> APIError {
    side == .buy
      ? APIError(400, -1196, "A stop loss order in a buy OCO must be above.")
      : APIError(400, -1197, "A stop loss order in a sell OCO must be below.")
  }

  static func takeProfitOnWrongSide(_ side: Side) -> APIError {
    side == .buy
      ? APIError(400, -1198, "A take profit order in a buy OCO must be below.")
      : APIError(400, -1199, "A take profit order in a sell OCO must be above.")
  }
}
