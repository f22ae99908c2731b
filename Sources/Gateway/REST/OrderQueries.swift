// OrderQueries: the account's orders and trades, read after a read index, so that a client sees its own writes.
// Not here: the shapes (OrderJSON), the windows of the lists (Market's ReadModel).

import Engine
import Market

/// GET of orders and trades.
enum OrderQueries {
  private static let day: Int64 = 86_400_000_000
  /// Open orders in one answer. An account cannot have more on one symbol.
  static let openOrdersMax = Int(Exchange.openOrdersPerSheetMax)

  static func order(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let symbol = try parameters.symbol(catalog)
    let account = caller.account.id
    let parser = OrderParser(parameters: parameters, catalog: catalog, account: account)
    let name = try OrderName(parser)
    let json = OrderJSON(symbol, catalog, parameters.timeUnit)
    return .read(linearizable: true) { model in
      var found: OrderView?
      if let id = name.id {
        found = try model.order(account, symbol.id, id: id)
        if let found, let clientID = name.clientID, found.clientOrderID != clientID {
          return .error(.orderIDsDisagree)
        }
      } else if let clientID = name.clientID {
        found = try model.order(account, symbol.id, clientOrderID: clientID)
      }
      guard let found else { return .error(.noSuchOrder) }
      return .json { json.queried(found, into: &$0) }
    }
  }

  static func openOrders(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let symbol = try parameters.symbolIfSent(catalog)
    let account = caller.account.id
    let unit = parameters.timeUnit
    return .read(linearizable: true) { model in
      let orders = try model.openOrders(account, symbol?.id, limit: openOrdersMax + 1)
      // A list that is cut in silence would look like orders that are gone.
      guard orders.count <= openOrdersMax else { return .error(.tooManyOpenOrders) }
      var response = HTTPResponse.json(capacity: 16 + 640 * orders.count) {
        $0.array {
          for order in orders {
            guard let symbol = model.catalog.symbol(order.symbol) else { continue }
            OrderJSON(symbol, model.catalog, unit).queried(order, into: &$0)
          }
        }
      }
      response.weight = Weight.owed(items: orders.count)
      return response
    }
  }

  static func allOrders(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let symbol = try parameters.symbol(catalog)
    let account = caller.account.id
    let fromID = try parameters.integer("orderId").map { OrderID($0) }
    let window = try window(parameters)
    let limit = try parameters.limit()
    let json = OrderJSON(symbol, catalog, parameters.timeUnit)
    return .read(linearizable: true) { model in
      let orders = try model.allOrders(
        account, symbol.id, fromID: fromID, start: window.start, end: window.end, limit: limit)
      return .json(capacity: 16 + 640 * orders.count) {
        $0.array { for order in orders { json.queried(order, into: &$0) } }
      }
    }
  }

  static func trades(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let symbol = try parameters.symbol(catalog)
    let account = caller.account.id
    let orderID = try parameters.integer("orderId").map { OrderID($0) }
    let fromID = try parameters.integer("fromId").map { TradeID($0) }
    let window = try window(parameters)
    if orderID != nil || fromID != nil, window.start != nil || window.end != nil {
      throw .combination
    }
    let limit = try parameters.limit()
    let json = OrderJSON(symbol, catalog, parameters.timeUnit)
    return .read(linearizable: true) { model in
      let trades = try model.accountTrades(
        account, symbol.id, orderID: orderID, fromID: fromID, start: window.start, end: window.end,
        limit: limit)
      return .json(capacity: 16 + 320 * trades.count) {
        $0.array {
          for trade in trades {
            let asset = model.catalog.asset(trade.commissionAsset)
            json.trade(trade, commissionAsset: asset, into: &$0)
          }
        }
      }
    }
  }

  /// `startTime` and `endTime`, at most a day apart.
  static func window(
    _ parameters: Parameters
  ) throws(APIError) -> (start: Int64?, end: Int64?) {
    let start = try parameters.time("startTime")
    let end = try parameters.time("endTime")
    if let start, let end {
      guard end >= start else { throw .invalid("endTime") }
      guard end - start <= day else { throw .lookupTooWide(hours: 24) }
    }
    return (start, MarketRoutes.inclusive(end))
  }
}
