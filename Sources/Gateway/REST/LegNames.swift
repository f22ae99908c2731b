// LegNames: how the parameters of one order are called, alone or as a leg of a list.
//
// Names that no route lists can stand for "has none": they are refused before anything is read.
// Not here: what they mean (OrderParser), which of them a route takes (RouteTable).

/// The parameter names of one order.
struct LegNames: Sendable {
  let type: StaticString
  let clientOrderID: StaticString
  let iceberg: StaticString
  let price: StaticString
  let stopPrice: StaticString
  let trailingDelta: StaticString
  let timeInForce: StaticString
  let strategyID: StaticString
  let strategyType: StaticString
  let pegPrice: StaticString
  let pegOffsetType: StaticString
  let pegOffsetValue: StaticString

  /// All that an order without a stop can have, for a route's list.
  var plain: [StaticString] {
    [
      type, clientOrderID, iceberg, price, timeInForce, strategyID, strategyType, pegPrice,
      pegOffsetType, pegOffsetValue,
    ]
  }

  /// All of them, for a route's list.
  var all: [StaticString] {
    plain + [stopPrice, trailingDelta]
  }

  /// A single order.
  static let order = LegNames(
    type: "type", clientOrderID: "newClientOrderId", iceberg: "icebergQty", price: "price",
    stopPrice: "stopPrice", trailingDelta: "trailingDelta", timeInForce: "timeInForce",
    strategyID: "strategyId", strategyType: "strategyType", pegPrice: "pegPriceType",
    pegOffsetType: "pegOffsetType", pegOffsetValue: "pegOffsetValue")

  /// The upper order of an OCO.
  static let above = LegNames(
    type: "aboveType", clientOrderID: "aboveClientOrderId", iceberg: "aboveIcebergQty",
    price: "abovePrice", stopPrice: "aboveStopPrice", trailingDelta: "aboveTrailingDelta",
    timeInForce: "aboveTimeInForce", strategyID: "aboveStrategyId",
    strategyType: "aboveStrategyType", pegPrice: "abovePegPriceType",
    pegOffsetType: "abovePegOffsetType", pegOffsetValue: "abovePegOffsetValue")

  /// The lower order of an OCO.
  static let below = LegNames(
    type: "belowType", clientOrderID: "belowClientOrderId", iceberg: "belowIcebergQty",
    price: "belowPrice", stopPrice: "belowStopPrice", trailingDelta: "belowTrailingDelta",
    timeInForce: "belowTimeInForce", strategyID: "belowStrategyId",
    strategyType: "belowStrategyType", pegPrice: "belowPegPriceType",
    pegOffsetType: "belowPegOffsetType", pegOffsetValue: "belowPegOffsetValue")

  /// The first order of an OTO and its kin. It takes no stop price.
  static let working = LegNames(
    type: "workingType", clientOrderID: "workingClientOrderId", iceberg: "workingIcebergQty",
    price: "workingPrice", stopPrice: "workingStopPrice", trailingDelta: "workingTrailingDelta",
    timeInForce: "workingTimeInForce", strategyID: "workingStrategyId",
    strategyType: "workingStrategyType", pegPrice: "workingPegPriceType",
    pegOffsetType: "workingPegOffsetType", pegOffsetValue: "workingPegOffsetValue")

  /// The second order of an OTO or OPO.
  static let pending = LegNames(
    type: "pendingType", clientOrderID: "pendingClientOrderId", iceberg: "pendingIcebergQty",
    price: "pendingPrice", stopPrice: "pendingStopPrice", trailingDelta: "pendingTrailingDelta",
    timeInForce: "pendingTimeInForce", strategyID: "pendingStrategyId",
    strategyType: "pendingStrategyType", pegPrice: "pendingPegPriceType",
    pegOffsetType: "pendingPegOffsetType", pegOffsetValue: "pendingPegOffsetValue")

  /// The upper of the pending orders of an OTOCO or OPOCO.
  static let pendingAbove = LegNames(
    type: "pendingAboveType", clientOrderID: "pendingAboveClientOrderId",
    iceberg: "pendingAboveIcebergQty", price: "pendingAbovePrice",
    stopPrice: "pendingAboveStopPrice", trailingDelta: "pendingAboveTrailingDelta",
    timeInForce: "pendingAboveTimeInForce", strategyID: "pendingAboveStrategyId",
    strategyType: "pendingAboveStrategyType", pegPrice: "pendingAbovePegPriceType",
    pegOffsetType: "pendingAbovePegOffsetType", pegOffsetValue: "pendingAbovePegOffsetValue")

  /// The lower of the pending orders of an OTOCO or OPOCO.
  static let pendingBelow = LegNames(
    type: "pendingBelowType", clientOrderID: "pendingBelowClientOrderId",
    iceberg: "pendingBelowIcebergQty", price: "pendingBelowPrice",
    stopPrice: "pendingBelowStopPrice", trailingDelta: "pendingBelowTrailingDelta",
    timeInForce: "pendingBelowTimeInForce", strategyID: "pendingBelowStrategyId",
    strategyType: "pendingBelowStrategyType", pegPrice: "pendingBelowPegPriceType",
    pegOffsetType: "pendingBelowPegOffsetType", pegOffsetValue: "pendingBelowPegOffsetValue")

  /// The limit order of the old OCO form (`POST /api/v3/order/oco`).
  static let oldLimit = LegNames(
    type: "limitType", clientOrderID: "limitClientOrderId", iceberg: "limitIcebergQty",
    price: "price", stopPrice: "limitStopPrice", trailingDelta: "limitTrailingDelta",
    timeInForce: "limitTimeInForce", strategyID: "limitStrategyId",
    strategyType: "limitStrategyType", pegPrice: "limitPegPriceType",
    pegOffsetType: "limitPegOffsetType", pegOffsetValue: "limitPegOffsetValue")

  /// The stop order of the old OCO form.
  static let oldStop = LegNames(
    type: "stopType", clientOrderID: "stopClientOrderId", iceberg: "stopIcebergQty",
    price: "stopLimitPrice", stopPrice: "stopPrice", trailingDelta: "trailingDelta",
    timeInForce: "stopLimitTimeInForce", strategyID: "stopStrategyId",
    strategyType: "stopStrategyType", pegPrice: "stopPegPriceType",
    pegOffsetType: "stopPegOffsetType", pegOffsetValue: "stopPegOffsetValue")
}
