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
    let assets = CommissionAssets(catalog)
    let group = caller.account.tradeGroup
    let asked = Asked.order(order.command.type, order.command.special)
    return .write(.placeOrder(order.command), asked: asked) { reply in
      guard case .placed(let placed) = reply else { return nil }
      var writer = JSONWriter(capacity: 512 + 160 * placed.fills.count)
      json.placed(
        placed, order.response, group: group, commissionAsset: assets.find, into: &writer)
      var response = HTTPResponse.json(writer.bytes)
      response.addCounts(placed.counts)
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
      throw ErrorCode.error(error, asked: .order(order.command.type, order.command.special))
    }
    guard try parameters.flag("computeCommissionRates") == true else { return .constant("{}") }
    let terms = catalog.commission(caller.account.id, order.symbol)
    let discount = DiscountJSON(caller.account, order.symbol, catalog)
    let side = order.command.side
    return .respond(
      .json {
        $0.object {
          Rates(terms.standard, side).write("standardCommissionForOrder", into: &$0)
          Rates(terms.special, side).write("specialCommissionForOrder", into: &$0)
          Rates(terms.tax, side).write("taxCommissionForOrder", into: &$0)
          discount.write(into: &$0)
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
      cancelClientOrderID: try parser.newClientOrderID("newClientOrderId"),
      restriction: try restriction(parameters))
    let json = OrderJSON(symbol, catalog, parameters.timeUnit)
    return .write(.cancelOrder(cancel), asked: .cancel) { reply in
      switch reply {
      case .cancelled(let cancelled): return .json { json.cancelled(cancelled, into: &$0) }
      case .cancelledList(let cancelled):
        return .json(capacity: 2048) {
          OrderListJSON(json).cancelled(cancelled.list, cancelled.orders, into: &$0)
        }
      default: return nil
      }
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
    return .write(.cancelAllOrders(cancel), asked: .cancel) { reply in
      guard case .cancelledAll(let all, let lists) = reply else { return nil }
      return .json(capacity: 16 + 512 * all.count) {
        $0.array { write(all, lists, json, into: &$0) }
      }
    }
  }

  /// Orders one by one; the orders of a list together, in the place of the first of them.
  private static func write(
    _ all: [Cancelled], _ lists: [OrderListView], _ json: OrderJSON, into writer: inout JSONWriter
  ) {
    let ended = Dictionary(lists.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    let reports = Dictionary(
      grouping: all.filter { ended[$0.order.extras.list] != nil }, by: \.order.extras.list)
    var written: Set<OrderListID> = []
    for cancelled in all {
      let id = cancelled.order.extras.list
      guard let list = ended[id] else {
        json.cancelled(cancelled, into: &writer)
        continue
      }
      guard written.insert(id).inserted else { continue }
      OrderListJSON(json).cancelled(list, reports[id] ?? [], into: &writer)
    }
  }

  static func restriction(_ parameters: Parameters) throws(APIError) -> CancelRestriction {
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

  init(
    _ parser: OrderParser, id idName: StaticString = "orderId",
    text: StaticString = "origClientOrderId"
  ) throws(APIError) {
    id = try parser.parameters.integer(idName).map { OrderID($0) }
    clientID = try parser.clientOrderID(text)
    if id == nil, clientID == nil { throw .missing(text, or: idName) }
  }
}

/// The assets that commission may be charged in: all, because the discount asset can be another one when the order is
/// applied than when it came.
struct CommissionAssets: Sendable {
  private let assets: [AssetInfo]

  init(_ catalog: Catalog) { assets = catalog.assets }

  /// O(1) while assets are listed by id, as the catalog does.
  func find(_ id: AssetID) -> AssetInfo? {
    let place = Int(id.value) - 1
    if assets.indices.contains(place), assets[place].id == id { return assets[place] }
    return assets.first { $0.id == id }
  }
}

extension HTTPResponse {
  /// Adds the account's order counts, as answers to new orders carry them.
  mutating func addCounts(_ counts: OrderCounts) {
    headers.append(("X-MBX-ORDER-COUNT-10S", String(counts.in10Seconds)))
    headers.append(("X-MBX-ORDER-COUNT-1D", String(counts.inDay)))
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
}

/// Binance's `discount`, which it always prints: whether commission may be paid in the discount asset,
/// and what the standard commission is multiplied by then.
struct DiscountJSON: Sendable {
  private let isUsed: Bool
  private let isOffered: Bool
  private let asset: String?
  private let factor: Int64

  init(_ account: AccountInfo, _ symbol: SymbolInfo, _ catalog: Catalog) {
    asset = catalog.asset(catalog.discount.asset)?.name
    isUsed = account.usesDiscount
    isOffered = symbol.offersDiscount && asset != nil
    factor = catalog.discount.factor
  }

  func write(into json: inout JSONWriter) {
    json.key("discount")
    json.object {
      $0.field("enabledForAccount", isUsed)
      $0.field("enabledForSymbol", isOffered)
      $0.key("discountAsset")
      if let asset { $0.string(asset) } else { $0.null() }
      $0.field("discount", decimal: factor, scale: 8)
    }
  }
}
