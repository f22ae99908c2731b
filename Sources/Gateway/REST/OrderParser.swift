// OrderParser: parameters of new orders to commands.
//
// Syntax, precision and which parameters belong together are checked here, without looking at any state but the
// catalog; filters, balances and the book are the engine's business.
// Not here: lists (OrderListParser), the answer (OrderJSON).

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

/// Reads the parameters of new orders.
struct OrderParser {
  /// The deepest level that a pegged order may name.
  static let pegOffsetMax: Int64 = 100

  let parameters: Parameters
  let catalog: Catalog
  let account: AccountID

  /// The single order that the parameters spell.
  ///
  /// - Throws: -11xx for parameters, -1013 and -1014 for terms that no order can have.
  func parse() throws(APIError) -> NewOrder {
    let symbol = try parameters.symbol(catalog)
    let side = try side("side")
    let type = try type(.order)
    let response = try responseType() ?? (type == .limit || type == .market ? .full : .ack)
    let timeInForce = try timeInForce(.order, type)
    let amounts = try amounts(type, symbol)
    var order = PlaceOrder(
      account: account, symbol: symbol.id, side: side, type: type, timeInForce: timeInForce,
      quantity: amounts.quantity, quoteOrderQuantity: amounts.quote, price: amounts.price,
      clientOrderID: try newClientOrderID("newClientOrderId"))
    try addStrategy(.order, to: &order)
    order.special = try special(.order, order, symbol, inList: false)
    order.selfTradePrevention = try selfTradePrevention()
    return NewOrder(command: order, symbol: symbol, response: response)
  }

  /// One leg of a list. `quantity` 0: it sells what another leg buys.
  func leg(
    _ names: LegNames, side: Side, type: OrderType, quantity: Int64, _ symbol: SymbolInfo
  ) throws(APIError) -> PlaceOrder {
    let timeInForce = try timeInForce(names, type)
    let price = try parameters.decimal(names.price, scale: UInt8(catalog.quoteScale(symbol)))
    if !type.hasLimitPrice {
      guard price == nil else { throw .notRequired(names.price) }
    } else {
      guard price != nil || parameters.has(names.pegPrice) else { throw .missing(names.price) }
    }
    var order = PlaceOrder(
      account: account, symbol: symbol.id, side: side, type: type, timeInForce: timeInForce,
      quantity: quantity, quoteOrderQuantity: 0, price: price ?? 0,
      clientOrderID: try newClientOrderID(names.clientOrderID))
    try addStrategy(names, to: &order)
    order.special = try special(names, order, symbol, inList: true)
    order.selfTradePrevention = try selfTradePrevention()
    return order
  }

  // MARK: Single parameters

  /// A client order id as Binance takes it, `nil` if not sent.
  func clientOrderID(_ name: StaticString) throws(APIError) -> ShortText? {
    guard let bytes = try parameters.bytes(name) else { return nil }
    guard bytes.allSatisfy(Self.isClientOrderIDByte), let id = ShortText(bytes) else {
      throw .illegal(name, range: "^[a-zA-Z0-9-_]{1,36}$")
    }
    return id
  }

  /// The id that the client gave, or a drawn one.
  func newClientOrderID(_ name: StaticString) throws(APIError) -> ShortText {
    try clientOrderID(name) ?? Self.drawClientOrderID()
  }

  /// 22 random alphanumerics, for a client that gave no id.
  static func drawClientOrderID() -> ShortText {
    guard let id = ShortText(Random.letters(22)) else {
      preconditionFailure("22 alphanumerics fit a client order id")
    }
    return id
  }

  func side(_ name: StaticString) throws(APIError) -> Side {
    guard let side = Side(text: try mandatory(name)) else { throw .invalidSide }
    return side
  }

  func type(_ names: LegNames) throws(APIError) -> OrderType {
    guard let type = OrderType(text: try mandatory(names.type)) else { throw .invalidOrderType }
    return type
  }

  /// A quantity in base units that must be sent, and be above 0.
  func quantity(_ name: StaticString, _ symbol: SymbolInfo) throws(APIError) -> Int64 {
    let scale = UInt8(catalog.baseScale(symbol))
    guard let quantity = try parameters.decimal(name, scale: scale) else { throw .missing(name) }
    guard quantity > 0 else { throw ErrorCode.error(.priceTimesQuantityZero) }
    return quantity
  }

  /// What `newOrderRespType` asks for, `nil` if not sent.
  func responseType() throws(APIError) -> ResponseType? {
    switch try parameters.text("newOrderRespType") {
    case nil: nil
    case "ACK": .ack
    case "RESULT": .result
    case "FULL": .full
    default: throw .invalid("newOrderRespType")
    }
  }

  private func mandatory(_ name: StaticString) throws(APIError) -> String {
    guard let text = try parameters.text(name) else { throw .missing(name) }
    return text
  }

  private func selfTradePrevention() throws(APIError) -> SelfTradePrevention? {
    guard let text = try parameters.text("selfTradePreventionMode") else { return nil }
    guard let mode = SelfTradePrevention(text: text) else {
      throw .invalid("selfTradePreventionMode")
    }
    return mode
  }

  private func addStrategy(_ names: LegNames, to order: inout PlaceOrder) throws(APIError) {
    if let id = try parameters.integer(names.strategyID) { order.strategyID = id }
    if let strategy = try parameters.integer(names.strategyType) {
      guard strategy >= 1_000_000 else { throw .strategyType }
      order.strategyType = strategy
    }
  }

  /// LIMIT forms need one, all others refuse one.
  private func timeInForce(
    _ names: LegNames, _ type: OrderType
  ) throws(APIError) -> TimeInForce {
    let text = try parameters.text(names.timeInForce)
    switch type {
    case .limit, .stopLossLimit, .takeProfitLimit:
      guard let text else { throw .missing(names.timeInForce) }
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
    var result: Amounts
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

  // MARK: Stop, trailing, iceberg, peg

  private func special(
    _ names: LegNames, _ order: PlaceOrder, _ symbol: SymbolInfo, inList: Bool
  ) throws(APIError) -> SpecialTerms {
    var terms = SpecialTerms()
    let quoteScale = UInt8(catalog.quoteScale(symbol))
    let stop = try parameters.decimal(names.stopPrice, scale: quoteScale)
    let trailing = try parameters.integer(names.trailingDelta)
    switch order.type {
    case .limit, .market, .limitMaker:
      guard stop == nil else { throw .notRequired(names.stopPrice) }
      guard trailing == nil else { throw .notRequired(names.trailingDelta) }
    case .stopLoss, .stopLossLimit, .takeProfit, .takeProfitLimit:
      guard stop != nil || trailing != nil else {
        throw .missing(names.stopPrice, or: names.trailingDelta)
      }
      // To the engine 0 means "none", to Binance it is out of range.
      guard stop != 0 else { throw ErrorCode.error(.filterPrice) }
      guard trailing != 0, let delta = UInt32(exactly: trailing ?? 0) else {
        throw ErrorCode.error(.filterTrailingDelta)
      }
      terms.stopPrice = stop ?? 0
      terms.trailingDelta = delta
    }
    let iceberg = try parameters.decimal(names.iceberg, scale: UInt8(catalog.baseScale(symbol)))
    // ccxt and others send 0 for "none".
    if let iceberg, iceberg != 0 {
      guard order.type.hasLimitPrice else { throw .notRequired(names.iceberg) }
      guard order.timeInForce == .gtc else {
        throw inList ? .icebergNeedsGTC(names.iceberg) : .unsupportedCombination
      }
      terms.icebergQuantity = iceberg
    }
    try addPeg(names, to: &terms)
    return terms
  }

  private func addPeg(_ names: LegNames, to terms: inout SpecialTerms) throws(APIError) {
    let price = try parameters.text(names.pegPrice)
    let offsetType = try parameters.text(names.pegOffsetType)
    let offset = try parameters.integer(names.pegOffsetValue)
    switch price {
    case nil: break
    case "PRIMARY_PEG": terms.peg = .primary
    case "MARKET_PEG": terms.peg = .market
    default: throw .invalidPegPrice
    }
    guard offsetType == nil || offsetType == "PRICE_LEVEL" else { throw .invalidPegOffset }
    guard (offsetType == nil) == (offset == nil) else {
      throw .together(names.pegOffsetType, names.pegOffsetValue)
    }
    guard let offset else { return }
    guard price != nil else { throw .missing(names.pegPrice) }
    guard offset <= Self.pegOffsetMax else {
      throw .tooGreat(names.pegOffsetValue, most: Self.pegOffsetMax)
    }
    terms.pegLevels = UInt8(offset)
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
