// OrderListJSON: order lists in Binance's field order (the L-* shapes of its documentation).
//
// OTOCO, OPO and OPOCO are all called "OTO", as at Binance.
// Not here: one leg's report (OrderJSON).

import Engine
import Market

/// Writes the lists of one symbol.
struct OrderListJSON: Sendable {
  let orders: OrderJSON

  init(_ orders: OrderJSON) { self.orders = orders }

  init(_ symbol: SymbolInfo, _ catalog: Catalog, _ unit: TimeUnit) {
    orders = OrderJSON(symbol, catalog, unit)
  }

  /// A placed list with its orders.
  func placed(
    _ placed: ListPlaced, _ response: ResponseType, commissionAsset: (AssetID) -> AssetInfo?,
    into json: inout JSONWriter
  ) {
    json.object {
      fields(placed.list, into: &$0)
      $0.key("orderReports")
      $0.array {
        for (leg, order) in placed.orders.enumerated() {
          // Only the first leg can trade before the answer.
          let report = Placed(
            order: order, fills: leg == 0 ? placed.fills : [], counts: placed.counts,
            preventions: leg == 0 ? placed.preventions : [])
          orders.placed(report, response, commissionAsset: commissionAsset, into: &$0)
        }
      }
    }
  }

  /// A list that a cancel ended, with the orders that it closed.
  func cancelled(
    _ list: OrderListView, _ reports: [Cancelled], into json: inout JSONWriter
  ) {
    json.object {
      fields(list, into: &$0)
      $0.key("orderReports")
      $0.array { for report in reports { orders.cancelled(report, into: &$0) } }
    }
  }

  /// A list as queries show it.
  func queried(_ list: OrderListView, into json: inout JSONWriter) {
    json.object { fields(list, into: &$0) }
  }

  /// A list as the answer to an amendment shows it.
  func status(_ list: OrderListView, into json: inout JSONWriter) {
    json.object {
      $0.field("orderListId", list.id.value)
      $0.field("contingencyType", list.kind.contingency)
      $0.field("listOrderStatus", list.status.text)
      $0.field("listClientOrderId", list.clientListID)
      legs(list, into: &$0)
    }
  }

  private func fields(_ list: OrderListView, into json: inout JSONWriter) {
    json.field("orderListId", list.id.value)
    json.field("contingencyType", list.kind.contingency)
    json.field("listStatusType", list.statusType.text)
    json.field("listOrderStatus", list.status.text)
    json.field("listClientOrderId", list.clientListID)
    json.time("transactionTime", list.updatedAt, orders.unit)
    legs(list, into: &json)
  }

  private func legs(_ list: OrderListView, into json: inout JSONWriter) {
    json.field("symbol", orders.name)
    json.key("orders")
    json.array {
      for leg in list.legs {
        $0.object {
          $0.field("symbol", orders.name)
          $0.field("orderId", leg.order.value)
          $0.field("clientOrderId", leg.clientOrderID)
        }
      }
    }
  }
}
