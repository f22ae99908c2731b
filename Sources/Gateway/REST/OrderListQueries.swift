// OrderListQueries: the account's order lists, prevented matches and amendments, read after a read index.
// Not here: the shapes of lists (OrderListJSON), the windows (Market's ReadModel).

import Engine
import Market

/// GET of order lists and of what happened to orders beside trading.
enum OrderListQueries {
  static func list(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let account = caller.account.id
    let parser = OrderParser(parameters: parameters, catalog: catalog, account: account)
    let name = try OrderListName(parser, text: "origClientOrderId")
    let unit = parameters.timeUnit
    return .read(linearizable: true) { model in
      var found: OrderListView?
      if let id = name.id {
        found = try model.orderList(account, id: id)
        if let clientID = name.clientID, found?.clientListID != clientID { found = nil }
      } else if let clientID = name.clientID {
        found = try model.orderList(account, clientListID: clientID)
      }
      guard let found, let symbol = model.catalog.symbol(found.symbol) else {
        return .error(.noSuchList)
      }
      return .json { OrderListJSON(symbol, model.catalog, unit).queried(found, into: &$0) }
    }
  }

  static func open(_ parameters: Parameters, _ caller: Caller) -> Draft {
    let account = caller.account.id
    let unit = parameters.timeUnit
    return .read(linearizable: true) { model in
      let lists = try model.openOrderLists(account, limit: OrderQueries.openOrdersMax + 1)
      guard lists.count <= OrderQueries.openOrdersMax else { return .error(.tooManyOpenOrders) }
      var response = answer(lists, model, unit)
      response.weight = Weight.owed(items: lists.count)
      return response
    }
  }

  static func all(_ parameters: Parameters, _ caller: Caller) throws(APIError) -> Draft {
    let account = caller.account.id
    let fromID = try parameters.integer("fromId").map { OrderListID($0) }
    let window = try OrderQueries.window(parameters)
    if fromID != nil, window.start != nil || window.end != nil { throw .combination }
    let limit = try parameters.limit()
    let unit = parameters.timeUnit
    return .read(linearizable: true) { model in
      let lists = try model.allOrderLists(
        account, fromID: fromID, start: window.start, end: window.end, limit: limit)
      return answer(lists, model, unit)
    }
  }

  private static func answer(
    _ lists: [OrderListView], _ model: ReadModel, _ unit: TimeUnit
  ) -> HTTPResponse {
    .json(capacity: 16 + 512 * lists.count) {
      $0.array {
        for list in lists {
          guard let symbol = model.catalog.symbol(list.symbol) else { continue }
          OrderListJSON(symbol, model.catalog, unit).queried(list, into: &$0)
        }
      }
    }
  }

  // MARK: Prevented matches and amendments

  static func preventedMatches(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let symbol = try parameters.symbol(catalog)
    let account = caller.account.id
    let id = try parameters.integer("preventedMatchId").map { PreventedMatchID($0) }
    let order = try parameters.integer("orderId").map { OrderID($0) }
    let from = try parameters.integer("fromPreventedMatchId").map { PreventedMatchID($0) }
    let hasLimit = parameters.has("limit")
    let limit = try parameters.limit()
    switch (id, order) {
    case (nil, nil): throw .missing("preventedMatchId", or: "orderId")
    case (.some, .some): throw .combination
    case (.some, nil): if from != nil || hasLimit { throw .combination }
    case (nil, .some): if hasLimit, from == nil { throw .combination }
    }
    let json = OrderJSON(symbol, catalog, parameters.timeUnit)
    return .read(linearizable: true) { model in
      var matches: [AccountPreventedMatch] = []
      if let id {
        if let match = try model.preventedMatch(account, symbol.id, id: id) { matches = [match] }
      } else if let order {
        matches = try model.preventedMatches(
          account, symbol.id, of: order, fromID: from ?? PreventedMatchID(0), limit: limit)
      }
      return .json(capacity: 16 + 320 * matches.count) {
        $0.array { for match in matches { write(match, json, into: &$0) } }
      }
    }
  }

  private static func write(
    _ match: AccountPreventedMatch, _ orders: OrderJSON, into json: inout JSONWriter
  ) {
    json.object {
      $0.field("symbol", orders.name)
      $0.field("preventedMatchId", match.id.value)
      $0.field("takerOrderId", match.taker.value)
      $0.field("makerSymbol", orders.name)
      $0.field("makerOrderId", match.maker.value)
      $0.field("tradeGroupId", match.group.value)
      $0.field("selfTradePreventionMode", match.mode.text)
      $0.field("price", decimal: match.price, scale: orders.quoteScale)
      orders.preventedQuantities(
        taker: match.takerQuantity, maker: match.makerQuantity, into: &$0)
      $0.time("transactTime", match.time, orders.unit)
    }
  }

  static func amendments(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let symbol = try parameters.symbol(catalog)
    let account = caller.account.id
    guard let id = try parameters.integer("orderId") else { throw .missing("orderId") }
    let from = try parameters.integer("fromExecutionId") ?? 0
    let limit = try parameters.limit()
    let orders = OrderJSON(symbol, catalog, parameters.timeUnit)
    return .read(linearizable: true) { model in
      let amendments = try model.amendments(
        account, symbol.id, of: OrderID(id), fromID: ExecutionID(from), limit: limit)
      return .json(capacity: 16 + 320 * amendments.count) {
        $0.array { for amendment in amendments { write(amendment, orders, into: &$0) } }
      }
    }
  }

  private static func write(
    _ amendment: AccountAmendment, _ orders: OrderJSON, into json: inout JSONWriter
  ) {
    json.object {
      $0.field("symbol", orders.name)
      $0.field("orderId", amendment.order.value)
      $0.field("executionId", amendment.execution.value)
      $0.field("origClientOrderId", amendment.originalClientOrderID)
      $0.field("newClientOrderId", amendment.newClientOrderID)
      $0.field("origQty", decimal: amendment.originalQuantity, scale: orders.baseScale)
      $0.field("newQty", decimal: amendment.newQuantity, scale: orders.baseScale)
      $0.time("time", amendment.time, orders.unit)
    }
  }
}
