// OrderParser: parameters of POST /order to a command.
//
// Syntax, precision and which parameters belong together are checked here, without looking at any state but the
// catalog; filters, balances and the book are the engine's business.
// Not here: the answer (OrderJSON).

import Engine
import Market

/// How much of a placed order the answer tells.
enum ResponseType: Sendable {
  case ack, result, full
}

/// A parsed new order.
struct NewOrder: Sendable {
  var command: PlaceOrder
  var symbol: SymbolInfo
  var response: ResponseType
}

/// Reads the parameters of a new order.
struct OrderParser {
  let parameters: Parameters
  let catalog: Catalog
  let account: AccountID

  /// The order that the parameters spell.
  ///
  /// - Throws: -11xx for parameters, -1013 for what Binance has and this exchange does not serve.
  func parse() throws(APIError) -> NewOrder {
    let symbol = try parameters.symbol(catalog)
    guard let side = Side(text: try mandatory("side")) else { throw .invalidSide }
    guard let type = OrderType(text: try mandatory("type")) else { throw .invalidOrderType }
    let response = try responseType(type)
    let timeInForce = try timeInForce(type)
    let amounts = try amounts(type, symbol)
    var order = PlaceOrder(
      account: account, symbol: symbol.id, side: side, type: type, timeInForce: timeInForce,
      quantity: amounts.quantity, quoteOrderQuantity: amounts.quote, price: amounts.price,
      clientOrderID: try clientOrderID("newClientOrderId") ?? Self.drawClientOrderID())
    if let id = try parameters.integer("strategyId") { order.strategyID = id }
    if let strategy = try parameters.integer("strategyType") {
      guard strategy >= 1_000_000 else { throw .strategyType }
      order.strategyType = strategy
    }
    try refuseUnserved(type, symbol)
    return NewOrder(command: order, symbol: symbol, response: response)
  }

  /// A client order id as Binance takes it, `nil` if not sent.
  func clientOrderID(_ name: StaticString) throws(APIError) -> ShortText? {
    guard let bytes = try parameters.bytes(name) else { return nil }
    guard bytes.allSatisfy(Self.isClientOrderIDByte), let id = ShortText(bytes) else {
      throw .illegal(name, range: "^[a-zA-Z0-9-_]{1,36}$")
    }
    return id
  }

  /// 22 random alphanumerics, for a client that gave no id.
  static func drawClientOrderID() -> ShortText {
    guard let id = ShortText(Random.letters(22)) else {
      preconditionFailure("22 alphanumerics fit a client order id")
    }
    return id
  }

  // MARK: Single parameters

  private func mandatory(_ name: StaticString) throws(APIError) -> String {
    guard let text = try parameters.text(name) else { throw .missing(name) }
    return text
  }

  private func responseType(_ type: OrderType) throws(APIError) -> ResponseType {
    switch try parameters.text("newOrderRespType") {
    case nil: type == .limit || type == .market ? .full : .ack
    case "ACK": .ack
    case "RESULT": .result
    case "FULL": .full
    default: throw .invalid("newOrderRespType")
    }
  }

  /// LIMIT forms need one, all others refuse one.
  private func timeInForce(_ type: OrderType) throws(APIError) -> TimeInForce {
    let text = try parameters.text("timeInForce")
    switch type {
    case .limit, .stopLossLimit, .takeProfitLimit:
      guard let text else { throw .missing("timeInForce") }
      guard let value = TimeInForce(text: text) else { throw .invalidTimeInForce }
      return value
    case .market, .limitMaker, .stopLoss, .takeProfit:
      guard text == nil else { throw .timeInForceNotRequired }
      return .gtc
    }
  }

  private struct Amounts {
    var quantity: Int64 = 0
    var quote: Int64 = 0
    var price: Int64 = 0
  }

  private func amounts(_ type: OrderType, _ symbol: SymbolInfo) throws(APIError) -> Amounts {
    let base = UInt8(catalog.baseScale(symbol))
    let quote = UInt8(catalog.quoteScale(symbol))
    let quantity = try parameters.decimal("quantity", scale: base)
    let spend = try parameters.decimal("quoteOrderQty", scale: quote)
    let price = try parameters.decimal("price", scale: quote)
    let result: Amounts
    switch type {
    case .market:
      guard price == nil else { throw .notRequired("price") }
      switch (quantity, spend) {
      case (nil, nil): throw .missing("quantity", or: "quoteOrderQty")
      case (.some, .some): throw .combination
      case (let quantity, let spend): result = Amounts(quantity: quantity ?? 0, quote: spend ?? 0)
      }
    case .stopLoss, .takeProfit:
      guard price == nil else { throw .notRequired("price") }
      guard spend == nil else { throw .notRequired("quoteOrderQty") }
      guard let quantity else { throw .missing("quantity") }
      result = Amounts(quantity: quantity)
    case .limit, .limitMaker, .stopLossLimit, .takeProfitLimit:
      guard spend == nil else { throw .notRequired("quoteOrderQty") }
      guard let quantity else { throw .missing("quantity") }
      guard price != nil || parameters.has("pegPriceType") else { throw .missing("price") }
      result = Amounts(quantity: quantity, price: price ?? 0)
    }
    guard result.quantity > 0 || result.quote > 0 else {
      throw ErrorCode.error(.priceTimesQuantityZero)
    }
    return result
  }

  // MARK: What Binance has and this exchange has not

  private func refuseUnserved(_ type: OrderType, _ symbol: SymbolInfo) throws(APIError) {
    let scale = UInt8(catalog.quoteScale(symbol))
    let stop = try parameters.decimal("stopPrice", scale: scale)
    let trailing = try parameters.integer("trailingDelta")
    let iceberg = try parameters.decimal("icebergQty", scale: UInt8(catalog.baseScale(symbol)))
    switch type {
    case .limit, .market, .limitMaker:
      guard stop == nil else { throw .notRequired("stopPrice") }
      guard trailing == nil else { throw .notRequired("trailingDelta") }
    case .stopLoss, .stopLossLimit, .takeProfit, .takeProfitLimit:
      guard stop != nil || trailing != nil else { throw .missing("stopPrice", or: "trailingDelta") }
      guard trailing == nil else {
        throw ErrorCode.unsupported("Trailing stop orders are not supported for this symbol.")
      }
      throw ErrorCode.unsupported(type)
    }
    // ccxt and others send 0 for "none".
    guard iceberg ?? 0 == 0 else {
      throw ErrorCode.unsupported("Iceberg orders are not supported for this symbol.")
    }
    if parameters.has("pegPriceType") || parameters.has("pegOffsetType")
      || parameters.has("pegOffsetValue")
    {
      throw ErrorCode.unsupported("Pegged orders are not supported for this symbol.")
    }
    guard let mode = try parameters.text("selfTradePreventionMode") else { return }
    switch SelfTradePrevention(text: mode) {
    case nil: throw .invalid("selfTradePreventionMode")
    case .some(.none): return
    default: throw ErrorCode.error(.selfTradePreventionNotAllowed)
    }
  }

  private static func isClientOrderIDByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
