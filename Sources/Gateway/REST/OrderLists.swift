// OrderLists: the endpoints that place and cancel lists of orders.
// Not here: parsing (OrderListParser), the shapes of answers (OrderListJSON), queries (OrderListQueries).

import Engine
import Market

/// POST and DELETE of order lists.
enum OrderLists {
  /// `POST /api/v3/orderList/...`, or the old OCO form if `kind` is `nil`.
  static func place(
    _ kind: OrderListKind?, _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let parser = OrderListParser(
      order: OrderParser(parameters: parameters, catalog: catalog, account: caller.account.id))
    let list: NewOrderList
    if let kind { list = try parser.parse(kind) } else { list = try parser.parseOld() }
    let json = OrderListJSON(list.symbol, catalog, parameters.timeUnit)
    let assets = CommissionAssets(catalog)
    return .write(.placeOrderList(list.command), asked: .list(list.command.kind)) { reply in
      guard case .listPlaced(let placed) = reply else { return nil }
      var response = HTTPResponse.json(capacity: 2048 + 160 * placed.fills.count) {
        json.placed(placed, list.response, commissionAsset: assets.find, into: &$0)
      }
      response.addCounts(placed.counts)
      return response
    }
  }

  static func cancel(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let symbol = try parameters.symbol(catalog)
    let parser = OrderParser(parameters: parameters, catalog: catalog, account: caller.account.id)
    let name = try OrderListName(parser, text: "listClientOrderId")
    let cancel = CancelOrderList(
      account: caller.account.id, symbol: symbol.id, list: name.id,
      clientListID: name.clientID ?? .empty,
      cancelClientOrderID: try parser.newClientOrderID("newClientOrderId"))
    let json = OrderListJSON(symbol, catalog, parameters.timeUnit)
    return .write(.cancelOrderList(cancel), asked: .cancel) { reply in
      guard case .cancelledList(let cancelled) = reply else { return nil }
      return .json(capacity: 2048) {
        json.cancelled(cancelled.list, cancelled.orders, into: &$0)
      }
    }
  }
}

/// The list that a cancel or a query names: by id, by client id, or by both.
struct OrderListName: Sendable {
  var id: OrderListID?
  var clientID: ShortText?

  /// `text`: how the client id is called; Binance has two names for it.
  init(_ parser: OrderParser, text: StaticString) throws(APIError) {
    id = try parser.parameters.integer("orderListId").map { OrderListID($0) }
    clientID = try parser.clientOrderID(text)
    if id == nil, clientID == nil { throw .missing("orderListId", or: text) }
  }
}
