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
    _ placed: Placed, _ response: ResponseType, group: TradeGroupID = .none,
    commissionAsset: (AssetID) -> AssetInfo?, into json: inout JSONWriter
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
      if response == .full, !placed.preventions.isEmpty, group != .none {
        $0.field("tradeGroupId", group.value)
      }
      ending(order, into: &$0)
      guard response == .full else { return }
      $0.key("fills")
      $0.array {
        for fill in placed.fills {
          self.fill(fill, commissionAsset(fill.commissionAsset), into: &$0)
        }
      }
      guard !placed.preventions.isEmpty else { return }
      $0.key("preventedMatches")
      $0.array { for prevention in placed.preventions { self.prevention(prevention, into: &$0) } }
    }
  }

  /// A cancelled order.
  func cancelled(_ cancelled: Cancelled, into json: inout JSONWriter) {
    let order = cancelled.order
    json.object {
      $0.field("symbol", name)
      $0.field("origClientOrderId", order.clientOrderID)
      $0.field("orderId", order.id.value)
      $0.field("orderListId", order.extras.list.value)
      $0.field("clientOrderId", cancelled.cancelClientOrderID)
      $0.time("transactTime", order.updatedAt, unit)
      outcome(order, into: &$0)
      $0.field("selfTradePreventionMode", order.selfTradePrevention.text)
      prevented(order, into: &$0)
    }
  }

  /// An order whose quantity was lowered.
  func amended(_ amendment: Amendment, into json: inout JSONWriter) {
    let order = amendment.order
    json.object {
      head(order, into: &$0)
      $0.field("origClientOrderId", amendment.originalClientOrderID)
      $0.field("clientOrderId", order.clientOrderID)
      price(order, into: &$0)
      $0.field("qty", decimal: order.quantity, scale: baseScale)
      $0.field("executedQty", decimal: order.executed, scale: baseScale)
      $0.field("preventedQty", decimal: order.extras.prevented, scale: baseScale)
      $0.field("quoteOrderQty", decimal: order.quoteOrderQuantity, scale: quoteScale)
      $0.field("cumulativeQuoteQty", decimal: order.executedQuote, scale: quoteScale)
      terms(order, into: &$0)
      conditional(order, into: &$0)
      if order.workingAt >= 0 { $0.time("workingTime", order.workingAt, unit) }
      $0.field("selfTradePreventionMode", order.selfTradePrevention.text)
      if order.expiryReason != .none { $0.field("expiryReason", order.expiryReason.text) }
    }
  }

  // MARK: Answers to queries

  /// An order as queries show it.
  func queried(_ order: OrderView, into json: inout JSONWriter) {
    json.object {
      head(order, into: &$0)
      $0.field("clientOrderId", order.clientOrderID)
      price(order, into: &$0)
      quantity(order, into: &$0)
      $0.field("executedQty", decimal: order.executed, scale: baseScale)
      $0.field("cummulativeQuoteQty", decimal: order.executedQuote, scale: quoteScale)
      terms(order, into: &$0)
      $0.field("stopPrice", decimal: order.extras.terms.stopPrice, scale: quoteScale)
      trailing(order, into: &$0)
      $0.field("icebergQty", decimal: order.extras.terms.icebergQuantity, scale: baseScale)
      $0.time("time", order.createdAt, unit)
      $0.time("updateTime", order.updatedAt, unit)
      $0.field("isWorking", order.workingAt >= 0)
      $0.time("workingTime", order.workingAt, unit)
      $0.field("origQuoteOrderQty", decimal: order.quoteOrderQuantity, scale: quoteScale)
      strategy(order, into: &$0)
      $0.field("selfTradePreventionMode", order.selfTradePrevention.text)
      ending(order, into: &$0)
    }
  }

  /// One of the account's trades.
  func trade(_ trade: AccountTrade, commissionAsset: AssetInfo?, into json: inout JSONWriter) {
    json.object {
      $0.field("symbol", name)
      $0.field("id", trade.id.value)
      $0.field("orderId", trade.order.value)
      $0.field("orderListId", trade.list.value)
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
    json.field("orderListId", order.extras.list.value)
  }

  private func outcome(_ order: OrderView, into json: inout JSONWriter) {
    price(order, into: &json)
    quantity(order, into: &json)
    json.field("executedQty", decimal: order.executed, scale: baseScale)
    json.field("origQuoteOrderQty", decimal: order.quoteOrderQuantity, scale: quoteScale)
    json.field("cummulativeQuoteQty", decimal: order.executedQuote, scale: quoteScale)
    terms(order, into: &json)
    conditional(order, into: &json)
  }

  /// A pegged order shows the price that its client sent, and the one that it was given.
  private func price(_ order: OrderView, into json: inout JSONWriter) {
    guard let peg = order.extras.terms.peg.text else {
      json.field("price", decimal: order.price, scale: quoteScale)
      return
    }
    json.field("price", decimal: order.extras.sentPrice, scale: quoteScale)
    json.field("pegPriceType", peg)
    if let levels = order.extras.terms.pegLevels {
      json.field("pegOffsetType", "PRICE_LEVEL")
      json.field("pegOffsetValue", levels)
    }
    if order.price > 0 { json.field("peggedPrice", decimal: order.price, scale: quoteScale) }
  }

  /// Nothing for an order that sells what another one has yet to buy.
  private func quantity(_ order: OrderView, into json: inout JSONWriter) {
    if order.quantity == 0, order.quoteOrderQuantity == 0, order.extras.list != .none { return }
    json.field("origQty", decimal: order.quantity, scale: baseScale)
  }

  private func terms(_ order: OrderView, into json: inout JSONWriter) {
    json.field("status", order.status.text)
    json.field("timeInForce", order.timeInForce.text)
    json.field("type", order.type.text)
    json.field("side", order.side.text)
  }

  /// What answers to writes show only of orders that have it.
  private func conditional(_ order: OrderView, into json: inout JSONWriter) {
    let terms = order.extras.terms
    if terms.stopPrice != 0 {
      json.field("stopPrice", decimal: terms.stopPrice, scale: quoteScale)
    }
    trailing(order, into: &json)
    if terms.icebergQuantity != 0 {
      json.field("icebergQty", decimal: terms.icebergQuantity, scale: baseScale)
    }
    strategy(order, into: &json)
  }

  private func trailing(_ order: OrderView, into json: inout JSONWriter) {
    guard order.extras.terms.trailingDelta != 0 else { return }
    json.field("trailingDelta", order.extras.terms.trailingDelta)
    json.time("trailingTime", order.extras.trailingSince, unit)
  }

  private func strategy(_ order: OrderView, into json: inout JSONWriter) {
    if order.strategyID != 0 { json.field("strategyId", order.strategyID) }
    if order.strategyType != 0 { json.field("strategyType", order.strategyType) }
  }

  private func ending(_ order: OrderView, into json: inout JSONWriter) {
    prevented(order, into: &json)
    if order.expiryReason != .none { json.field("expiryReason", order.expiryReason.text) }
  }

  private func prevented(_ order: OrderView, into json: inout JSONWriter) {
    guard order.extras.prevented != 0 else { return }
    json.field("preventedMatchId", order.extras.preventedMatch.value)
    json.field("preventedQuantity", decimal: order.extras.prevented, scale: baseScale)
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

  private func prevention(_ prevention: Prevention, into json: inout JSONWriter) {
    json.object {
      $0.field("preventedMatchId", prevention.id.value)
      $0.field("makerOrderId", prevention.maker.value)
      $0.field("price", decimal: prevention.price, scale: quoteScale)
      preventedQuantities(
        taker: prevention.takerQuantity, maker: prevention.makerQuantity, into: &$0)
    }
  }

  /// What each side lost, if it lost anything.
  func preventedQuantities(taker: Int64, maker: Int64, into json: inout JSONWriter) {
    if taker != 0 { json.field("takerPreventedQuantity", decimal: taker, scale: baseScale) }
    if maker != 0 { json.field("makerPreventedQuantity", decimal: maker, scale: baseScale) }
  }
}
