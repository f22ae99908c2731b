// OrderChanges: cancel-replace, and lowering a quantity in place.
//
// A cancel-replace has two halves, and its HTTP status tells how many of them succeeded; a failed half is the error
// that it would have been alone.
// Not here: what the halves do (Engine), parsing a new order (OrderParser).

import Engine
import Market

/// `POST order/cancelReplace` and `PUT order/amend/keepPriority`.
enum OrderChanges {
  static func replace(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let parser = OrderParser(parameters: parameters, catalog: catalog, account: caller.account.id)
    let order = try parser.parse()
    let name = try OrderName(parser, id: "cancelOrderId", text: "cancelOrigClientOrderId")
    let cancel = CancelOrder(
      account: caller.account.id, symbol: order.symbol.id, orderID: name.id,
      originalClientOrderID: name.clientID ?? .empty,
      cancelClientOrderID: try parser.newClientOrderID("cancelNewClientOrderId"),
      restriction: try Orders.restriction(parameters))
    let command = CancelReplace(
      cancel: cancel, order: order.command, mode: try mode(parameters),
      overLimit: try overLimit(parameters))
    let answer = ReplaceAnswer(
      orders: OrderJSON(order.symbol, catalog, parameters.timeUnit), response: order.response,
      group: caller.account.tradeGroup, assets: CommissionAssets(catalog),
      placing: .order(order.command.type, order.command.special), mode: command.mode,
      limits: caller.account.limits, now: parameters.now)
    return .write(.cancelReplace(command), asked: .cancelReplace) { reply in
      guard case .replaced(let replaced) = reply else { return nil }
      return answer.render(replaced)
    }
  }

  static func amend(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let symbol = try parameters.symbol(catalog)
    let parser = OrderParser(parameters: parameters, catalog: catalog, account: caller.account.id)
    let name = try OrderName(parser)
    let amend = AmendOrder(
      account: caller.account.id, symbol: symbol.id, orderID: name.id,
      originalClientOrderID: name.clientID ?? .empty,
      quantity: try parser.quantity("newQty", symbol),
      clientOrderID: try parser.newClientOrderID("newClientOrderId"))
    let orders = OrderJSON(symbol, catalog, parameters.timeUnit)
    let unit = parameters.timeUnit
    return .write(.amendOrder(amend), asked: .amendment) { reply in
      guard case .amended(let amended) = reply else { return nil }
      let amendment = amended.amendment
      var response = HTTPResponse.json(capacity: 1024) {
        $0.object {
          $0.time("transactTime", amendment.stamp, unit)
          $0.field("executionId", amendment.execution.value)
          $0.key("amendedOrder")
          orders.amended(amendment, into: &$0)
          guard let list = amended.list else { return }
          $0.key("listStatus")
          OrderListJSON(orders).status(list, into: &$0)
        }
      }
      // Free only if it ended the order.
      if amendment.order.status != .expired { response.weight = Weight.amendment }
      return response
    }
  }

  // MARK: Parameters

  private static func mode(_ parameters: Parameters) throws(APIError) -> ReplaceMode {
    switch try parameters.text("cancelReplaceMode") {
    case nil: throw .missing("cancelReplaceMode")
    case "STOP_ON_FAILURE": .stopOnFailure
    case "ALLOW_FAILURE": .allowFailure
    default: throw .invalid("cancelReplaceMode")
    }
  }

  private static func overLimit(_ parameters: Parameters) throws(APIError) -> ReplaceOverLimit {
    switch try parameters.text("orderRateLimitExceededMode") {
    case nil, "DO_NOTHING": .doNothing
    case "CANCEL_ONLY": .cancelOnly
    default: throw .invalid("orderRateLimitExceededMode")
    }
  }
}

/// The answer to a cancel-replace.
private struct ReplaceAnswer: Sendable {
  let orders: OrderJSON
  let response: ResponseType
  let group: TradeGroupID
  let assets: CommissionAssets
  let placing: Asked
  let mode: ReplaceMode
  let limits: OrderLimits
  let now: Int64

  func render(_ replaced: Replaced) -> HTTPResponse {
    var json = JSONWriter(capacity: 2048)
    let cancelError = cancelError(replaced.cancel)
    let orderError = orderError(replaced.order)
    if cancelError == nil, orderError == nil, case .placed(let placed) = replaced.order {
      halves(replaced, cancelError, orderError, into: &json)
      var response = HTTPResponse.json(json.bytes)
      response.addCounts(placed.counts)
      return response
    }
    let status = status(replaced, orderError)
    let isPartial = status.partial
    json.object {
      $0.field("code", isPartial ? -2021 : -2022)
      $0.field(
        "msg",
        isPartial
          ? "Order cancel-replace partially failed." : "Order cancel-replace failed.")
      $0.key("data")
      halves(replaced, cancelError, orderError, into: &$0)
    }
    var response = HTTPResponse.json(json.bytes, status: status.http)
    if case .placed(let placed) = replaced.order { response.addCounts(placed.counts) }
    if status.http == 429, let seconds = orderError?.retryAfter {
      response.headers.append(("Retry-After", String(seconds)))
    }
    return response
  }

  /// Binance's table of outcomes.
  private func status(
    _ replaced: Replaced, _ orderError: APIError?
  ) -> (http: Int, partial: Bool) {
    let cancelFailed = if case .failed = replaced.cancel { true } else { false }
    let isOverLimit = orderError?.code == -1015
    let placed = if case .placed = replaced.order { true } else { false }
    if cancelFailed, !placed { return (400, false) }
    return (isOverLimit && mode == .stopOnFailure ? 429 : 409, true)
  }

  private func halves(
    _ replaced: Replaced, _ cancelError: APIError?, _ orderError: APIError?,
    into json: inout JSONWriter
  ) {
    let isAttempted = if case .notAttempted = replaced.order { false } else { true }
    json.object {
      $0.field("cancelResult", cancelError == nil ? "SUCCESS" : "FAILURE")
      $0.field(
        "newOrderResult",
        !isAttempted ? "NOT_ATTEMPTED" : orderError == nil ? "SUCCESS" : "FAILURE")
      $0.key("cancelResponse")
      switch replaced.cancel {
      case .cancelled(let cancelled): orders.cancelled(cancelled, into: &$0)
      case .cancelledList(let cancelled):
        OrderListJSON(orders).cancelled(cancelled.list, cancelled.orders, into: &$0)
      case .failed: Self.error(cancelError, into: &$0)
      }
      $0.key("newOrderResponse")
      switch replaced.order {
      case .placed(let placed):
        orders.placed(
          placed, response, group: group, commissionAsset: assets.find, into: &$0)
      case .failed: Self.error(orderError, into: &$0)
      case .notAttempted: $0.null()
      }
    }
  }

  private static func error(_ error: APIError?, into json: inout JSONWriter) {
    guard let error else { return json.null() }
    json.object {
      $0.field("code", error.code)
      $0.field("msg", error.message)
    }
  }

  private func cancelError(_ cancel: ReplaceCancel) -> APIError? {
    guard case .failed(let reason) = cancel else { return nil }
    return ErrorCode.error(reason, asked: .cancel, limits: limits, stamp: now)
  }

  private func orderError(_ order: ReplaceOrder) -> APIError? {
    guard case .failed(let reason) = order else { return nil }
    return ErrorCode.error(reason, asked: placing, limits: limits, stamp: now)
  }
}
