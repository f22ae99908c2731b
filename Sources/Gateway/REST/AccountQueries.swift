// AccountQueries: balances, commissions and order counts of the caller's account.
// Not here: orders and trades (OrderQueries), the wallet endpoints (SAPI).

import Engine
import Market

/// GET of the account itself.
enum AccountQueries {
  static func account(_ parameters: Parameters, _ caller: Caller) throws(APIError) -> Draft {
    let omitZero = try parameters.flag("omitZeroBalances") ?? false
    let account = caller.account
    let unit = parameters.timeUnit
    return .read(linearizable: true) { model in
      let balances = try model.balances(account.id)
      let rates = highestRates(account.id, model.catalog)
      return .json(capacity: 640 + 96 * model.catalog.assets.count) {
        $0.object {
          writeRates(rates, into: &$0)
          $0.field("canTrade", account.permissions.contains(.trade))
          $0.field("canWithdraw", account.permissions.contains(.withdraw))
          $0.field("canDeposit", true)
          $0.field("brokered", false)
          $0.field("requireSelfTradePrevention", false)
          $0.field("preventSor", false)
          $0.time("updateTime", model.stamp, unit)
          $0.field("accountType", "SPOT")
          $0.key("balances")
          $0.array { write(balances, model.catalog, omitZero: omitZero, into: &$0) }
          $0.key("permissions")
          $0.array { $0.string("SPOT") }
          $0.field("uid", account.id.value)
          if account.tradeGroup != .none { $0.field("tradeGroupId", account.tradeGroup.value) }
        }
      }
    }
  }

  static func commission(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let known = try parameters.symbol(catalog)
    let account = caller.account
    return .read(linearizable: true) { model in
      let symbol = model.catalog.symbol(known.id) ?? known
      let terms = model.catalog.commission(account.id, symbol)
      let discount = DiscountJSON(
        model.catalog.account(account.id) ?? account, symbol, model.catalog)
      return .json {
        $0.object {
          $0.field("symbol", symbol.name)
          Rates(terms.standard).write("standardCommission", sides: true, into: &$0)
          Rates(terms.special).write("specialCommission", sides: true, into: &$0)
          Rates(terms.tax).write("taxCommission", sides: true, into: &$0)
          discount.write(into: &$0)
        }
      }
    }
  }

  static func orderCounts(_ parameters: Parameters, _ caller: Caller) -> Draft {
    let account = caller.account
    let now = parameters.now
    return .read(linearizable: true) { model in
      let counts = try model.orderCounts(account.id, at: now)
      let limits = model.catalog.account(account.id)?.limits ?? account.limits
      return .json {
        $0.array {
          count("SECOND", 10, limits.per10Seconds, counts.in10Seconds, into: &$0)
          count("DAY", 1, limits.perDay, counts.inDay, into: &$0)
        }
      }
    }
  }

  private static func count(
    _ interval: String, _ number: Int, _ limit: UInt32, _ count: UInt32,
    into json: inout JSONWriter
  ) {
    json.object {
      $0.field("rateLimitType", "ORDERS")
      $0.field("interval", interval)
      $0.field("intervalNum", number)
      $0.field("limit", limit)
      $0.field("count", count)
    }
  }

  /// Terms belong to symbols here; the account shows the highest of its own standard rates, each by itself, so that
  /// nobody reckons too little.
  private static func highestRates(_ account: AccountID, _ catalog: Catalog) -> Rates {
    var highest = Rates(.none)
    for symbol in catalog.symbols {
      let own = catalog.commission(account, symbol).standard
      highest.maker = max(highest.maker, own.maker)
      highest.taker = max(highest.taker, own.taker)
      highest.buyer = max(highest.buyer, own.buyer)
      highest.seller = max(highest.seller, own.seller)
    }
    return highest
  }

  /// The old whole-number fields (10 is 0.10 %) and the decimals.
  private static func writeRates(_ rates: Rates, into json: inout JSONWriter) {
    json.field("makerCommission", rates.maker / 10_000)
    json.field("takerCommission", rates.taker / 10_000)
    json.field("buyerCommission", rates.buyer / 10_000)
    json.field("sellerCommission", rates.seller / 10_000)
    rates.write("commissionRates", sides: true, into: &json)
  }

  /// Every asset, those without a balance row as zero.
  private static func write(
    _ balances: [BalanceChange], _ catalog: Catalog, omitZero: Bool, into json: inout JSONWriter
  ) {
    let held = Dictionary(balances.map { ($0.asset, $0) }, uniquingKeysWith: { $1 })
    for asset in catalog.assets {
      let balance = held[asset.id]
      let free = balance?.free ?? 0
      let locked = balance?.locked ?? 0
      if omitZero, free == 0, locked == 0 { continue }
      json.object {
        $0.field("asset", asset.name)
        $0.field("free", decimal: free, scale: Int(asset.scale))
        $0.field("locked", decimal: locked, scale: Int(asset.scale))
      }
    }
  }
}
