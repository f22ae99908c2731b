// OrderJSON: orders, fills and trades in Binance's field order (the O-* shapes of its documentation).
//
// Not here: when which shape is sent (Orders, OrderQueries).

import Engine
import Market

/// Writes the orders of one symbol.
struct OrderJSON: Sendable {
  let name: String
  let baseScale: Int
  let quoteScale: Int
  let unit: TimeUnit

  init(_ symbol: SymbolInfo, _ catalog: Catalog, _ unit: TimeUnit) {
    name = symbol.name
    baseScale = catalog.baseScale(symbol)
    quoteScale = catalog.quoteScale(symbol)
    self.unit = unit
  }

  // MARK: Answers to writes

  /// A placed order: ACK, RESULT or FULL.
  func placed(
    _ placed: Placed, _ response: ResponseType, commissionAsset: (AssetID) -> AssetInfo?,
    into json: inout JSONWriter
  ) {
    let order = placed.order
    json.object {
      head(order, into: &$0)
      $0.field("clientOrderId", order.clientOrderID)
      $0.time("transactTime", order.createdAt, unit)
      guard response != .ack else { return }
      outcome(order, into: &$0)
      $0.time("workingTime", order.workingAt, unit)
      $0.field("selfTradePreventionMode", order.selfTradePrevention.text)
      expiry(order, into: &$0)
      guard response == .full else { return }
      $0.key("fills")
      $0.array {
        for fill in placed.fills {
          self.fill(fill, commissionAsset(fill.commissionAsset), into: &$0)
        }
      }
    }
  }

  /// A cancelled order.
  func cancelled(_ cancelled: Cancelled, into json: inout JSONWriter) {
    let order = cancelled.order
    json.object {
      $0.field("symbol", name)
      $0.field("origClientOrderId", order.clientOrderID)
      $0.field("orderId", order.id.value)
      $0.field("orderListId", -1)
      $0.field("clientOrderId", cancelled.cancelClientOrderID)
      $0.time("transactTime", order.updatedAt, unit)
      outcome(order, into: &$0)
      $0.field("selfTradePreventionMode", order.selfTradePrevention.text)
    }
  }

  // MARK: Answers to queries

  /// An order as queries show it.
  func queried(_ order: OrderView, into json: inout JSONWriter) {
    json.object {
      head(order, into: &$0)
      $0.field("clientOrderId", order.clientOrderID)
      $0.field("price", decimal: order.price, scale: quoteScale)
      $0.field("origQty", decimal: order.quantity, scale: baseScale)
      $0.field("executedQty", decimal: order.executed, scale: baseScale)
      $0.field("cummulativeQuoteQty", decimal: order.executedQuote, scale: quoteScale)
      terms(order, into: &$0)
      $0.field("stopPrice", decimal: 0, scale: quoteScale)
      $0.field("icebergQty", decimal: 0, scale: baseScale)
      $0.time("time", order.createdAt, unit)
      $0.time("updateTime", order.updatedAt, unit)
      $0.field("isWorking", order.workingAt >= 0)
      $0.time("workingTime", order.workingAt, unit)
      $0.field("origQuoteOrderQty", decimal: order.quoteOrderQuantity, scale: quoteScale)
      strategy(order, into: &$0)
      $0.field("selfTradePreventionMode", order.selfTradePrevention.text)
      expiry(order, into: &$0)
    }
  }

  /// One of the account's trades.
  func trade(_ trade: AccountTrade, commissionAsset: AssetInfo?, into json: inout JSONWriter) {
    json.object {
      $0.field("symbol", name)
      $0.field("id", trade.id.value)
      $0.field("orderId", trade.order.value)
      $0.field("orderListId", -1)
      $0.field("price", decimal: trade.price, scale: quoteScale)
      $0.field("qty", decimal: trade.quantity, scale: baseScale)
      $0.field("quoteQty", decimal: trade.quoteQuantity, scale: quoteScale)
      $0.field(
        "commission", decimal: trade.commission, scale: commissionAsset.map { Int($0.scale) } ?? 8)
      $0.field("commissionAsset", commissionAsset?.name ?? "")
      $0.time("time", trade.time, unit)
      $0.field("isBuyer", trade.isBuyer)
      $0.field("isMaker", trade.isMaker)
      $0.field("isBestMatch", true)
    }
  }

  // MARK: Parts

  private func head(_ order: OrderView, into json: inout JSONWriter) {
    json.field("symbol", name)
    json.field("orderId", order.id.value)
    json.field("orderListId", -1)
  }

  private func outcome(_ order: OrderView, into json: inout JSONWriter) {
    json.field("price", decimal: order.price, scale: quoteScale)
    json.field("origQty", decimal: order.quantity, scale: baseScale)
    json.field("executedQty", decimal: order.executed, scale: baseScale)
    json.field("origQuoteOrderQty", decimal: order.quoteOrderQuantity, scale: quoteScale)
    json.field("cummulativeQuoteQty", decimal: order.executedQuote, scale: quoteScale)
    terms(order, into: &json)
    strategy(order, into: &json)
  }

  private func terms(_ order: OrderView, into json: inout JSONWriter) {
    json.field("status", order.status.text)
    json.field("timeInForce", order.timeInForce.text)
    json.field("type", order.type.text)
    json.field("side", order.side.text)
  }

  private func strategy(_ order: OrderView, into json: inout JSONWriter) {
    if order.strategyID != 0 { json.field("strategyId", order.strategyID) }
    if order.strategyType != 0 { json.field("strategyType", order.strategyType) }
  }

  private func expiry(_ order: OrderView, into json: inout JSONWriter) {
    if order.expiryReason != .none { json.field("expiryReason", order.expiryReason.text) }
  }

  private func fill(_ fill: Fill, _ asset: AssetInfo?, into json: inout JSONWriter) {
    json.object {
      $0.field("price", decimal: fill.price, scale: quoteScale)
      $0.field("qty", decimal: fill.quantity, scale: baseScale)
      $0.field("commission", decimal: fill.commission, scale: asset.map { Int($0.scale) } ?? 8)
      $0.field("commissionAsset", asset?.name ?? "")
      $0.field("tradeId", fill.trade.value)
    }
  }
}
