// Orders: the endpoints that change orders, and order/test.
// Not here: parsing a new order (OrderParser), the shapes of answers (OrderJSON), failures (RESTAPI).

import Engine
import Market

/// POST and DELETE of orders.
enum Orders {
  static func place(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let parser = OrderParser(parameters: parameters, catalog: catalog, account: caller.account.id)
    let order = try parser.parse()
    let json = OrderJSON(order.symbol, catalog, parameters.timeUnit)
    // Commission is charged in what is received; only those two assets can occur.
    let assets = [catalog.asset(order.symbol.base), catalog.asset(order.symbol.quote)]
    return .write(.placeOrder(order.command), type: order.command.type) { reply in
      guard case .placed(let placed) = reply else { return nil }
      var writer = JSONWriter(capacity: 512 + 160 * placed.fills.count)
      json.placed(
        placed, order.response, commissionAsset: { id in assets.first { $0?.id == id } ?? nil },
        into: &writer)
      var response = HTTPResponse.json(writer.bytes)
      response.headers.append(
        ("X-MBX-ORDER-COUNT-10S", String(placed.counts.in10Seconds)))
      response.headers.append(("X-MBX-ORDER-COUNT-1D", String(placed.counts.inDay)))
      return response
    }
  }

  static func test(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let parser = OrderParser(parameters: parameters, catalog: catalog, account: caller.account.id)
    let order = try parser.parse()
    do throws(Rejection) {
      try OrderFilters.check(
        order.command, order.symbol, baseScale: catalog.baseScale(order.symbol))
    } catch {
      throw ErrorCode.error(error, type: order.command.type)
    }
    guard try parameters.flag("computeCommissionRates") == true else { return .constant("{}") }
    let terms = catalog.commission(caller.account.id, order.symbol)
    let side = order.command.side
    return .respond(
      .json {
        $0.object {
          Rates(terms.standard, side).write("standardCommissionForOrder", into: &$0)
          Rates(terms.special, side).write("specialCommissionForOrder", into: &$0)
          Rates(terms.tax, side).write("taxCommissionForOrder", into: &$0)
          Rates.writeNoDiscount(into: &$0)
        }
      })
  }

  static func cancel(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let symbol = try parameters.symbol(catalog)
    let parser = OrderParser(parameters: parameters, catalog: catalog, account: caller.account.id)
    let order = try OrderName(parser)
    let cancel = CancelOrder(
      account: caller.account.id, symbol: symbol.id, orderID: order.id,
      originalClientOrderID: order.clientID ?? .empty,
      cancelClientOrderID: try parser.clientOrderID("newClientOrderId")
        ?? OrderParser.drawClientOrderID(),
      restriction: try restriction(parameters))
    let json = OrderJSON(symbol, catalog, parameters.timeUnit)
    return .write(.cancelOrder(cancel), type: .limit) { reply in
      guard case .cancelled(let cancelled) = reply else { return nil }
      return .json { json.cancelled(cancelled, into: &$0) }
    }
  }

  static func cancelAll(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let symbol = try parameters.symbol(catalog)
    let cancel = CancelAllOrders(
      account: caller.account.id, symbol: symbol.id,
      cancelClientOrderID: OrderParser.drawClientOrderID())
    let json = OrderJSON(symbol, catalog, parameters.timeUnit)
    return .write(.cancelAllOrders(cancel), type: .limit) { reply in
      guard case .cancelledAll(let all, _) = reply else { return nil }
      return .json(capacity: 16 + 512 * all.count) {
        $0.array { for cancelled in all { json.cancelled(cancelled, into: &$0) } }
      }
    }
  }

  private static func restriction(_ parameters: Parameters) throws(APIError) -> CancelRestriction {
    switch try parameters.text("cancelRestrictions") {
    case nil: .none
    case "ONLY_NEW": .onlyNew
    case "ONLY_PARTIALLY_FILLED": .onlyPartiallyFilled
    default: throw .cancelRestrictions
    }
  }
}

/// The order that a cancel or a query names: by id, by client order id, or by both.
struct OrderName: Sendable {
  var id: OrderID?
  var clientID: ShortText?

  init(_ parser: OrderParser) throws(APIError) {
    id = try parser.parameters.integer("orderId").map { OrderID($0) }
    clientID = try parser.clientOrderID("origClientOrderId")
    if id == nil, clientID == nil { throw .missing("origClientOrderId", or: "orderId") }
  }
}

/// Commission rates in 10^-8.
struct Rates: Sendable {
  var maker: Int64
  var taker: Int64

  init(maker: Int64, taker: Int64) {
    self.maker = maker
    self.taker = taker
  }

  var buyer: Int64 = 0
  var seller: Int64 = 0

  init(_ layer: CommissionRates) {
    self.init(maker: layer.maker, taker: layer.taker)
    buyer = layer.buyer
    seller = layer.seller
  }

  /// What an order of `side` pays in this layer.
  init(_ layer: CommissionRates, _ side: Side) {
    let own = side == .buy ? layer.buyer : layer.seller
    self.init(maker: layer.maker + own, taker: layer.taker + own)
  }

  /// `{"maker","taker"}`, with those of buyer and seller if `sides`.
  func write(_ name: StaticString, sides: Bool = false, into json: inout JSONWriter) {
    json.key(name)
    json.object {
      $0.field("maker", decimal: maker, scale: 8)
      $0.field("taker", decimal: taker, scale: 8)
      guard sides else { return }
      $0.field("buyer", decimal: buyer, scale: 8)
      $0.field("seller", decimal: seller, scale: 8)
    }
  }

  /// There is no discount asset here; Binance always prints the object.
  static func writeNoDiscount(into json: inout JSONWriter) {
    json.key("discount")
    json.object {
      $0.field("enabledForAccount", false)
      $0.field("enabledForSymbol", false)
      $0.key("discountAsset")
      $0.null()
      $0.field("discount", decimal: 0, scale: 8)
    }
  }
}
