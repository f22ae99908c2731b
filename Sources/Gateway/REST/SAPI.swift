// SAPI: the wallet endpoints that ccxt, freqtrade and python-binance ask for at start or on demand.
//
// Times are milliseconds here whatever X-MBX-TIME-UNIT says, as at Binance.
// Not here: moving funds (only the admin port does), interest (there is none).

import Engine
import Market

/// The /sapi/v1 paths.
enum SAPI {
  static func coins(_ caller: Caller) -> Draft {
    let account = caller.account
    return .read(linearizable: true) { model in
      let balances = try model.balances(account.id)
      let held = Dictionary(balances.map { ($0.asset, $0) }, uniquingKeysWith: { $1 })
      return .json(capacity: 16 + 320 * model.catalog.assets.count) {
        $0.array { for asset in model.catalog.assets { coin(asset, held[asset.id], into: &$0) } }
      }
    }
  }

  private static func coin(
    _ asset: AssetInfo, _ balance: BalanceChange?, into json: inout JSONWriter
  ) {
    let scale = Int(asset.scale)
    json.object {
      $0.field("coin", asset.name)
      $0.field("name", asset.name)
      $0.field("depositAllEnable", false)
      $0.field("withdrawAllEnable", false)
      $0.field("free", decimal: balance?.free ?? 0, scale: scale)
      $0.field("locked", decimal: balance?.locked ?? 0, scale: scale)
      for name: StaticString in ["freeze", "withdrawing", "ipoing", "ipoable", "storage"] {
        $0.field(name, decimal: 0, scale: scale)
      }
      $0.field("isLegalMoney", false)
      $0.field("trading", true)
      $0.key("networkList")
      $0.array { _ in }
    }
  }

  /// What the account's orders pay in all, on the dearer side, without a discount: the endpoint knows no layers and no
  /// sides, and nobody is to reckon too little.
  static func tradeFees(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller
  ) throws(APIError) -> Draft {
    let wanted = try parameters.symbolIfSent(catalog)
    let account = caller.account.id
    return .read(linearizable: true) { model in
      let symbols = wanted.map { [$0] } ?? model.catalog.symbols
      return .json(capacity: 16 + 96 * symbols.count) {
        $0.array {
          for symbol in symbols {
            let terms = model.catalog.commission(account, symbol)
            let buy = terms.rates(.buy)
            let sell = terms.rates(.sell)
            $0.object {
              $0.field("symbol", symbol.name)
              $0.field("makerCommission", decimal: max(buy.maker, sell.maker), scale: 8)
              $0.field("takerCommission", decimal: max(buy.taker, sell.taker), scale: 8)
            }
          }
        }
      }
    }
  }

  static func restrictions(_ caller: Caller) -> Draft {
    let key = caller.key
    return .respond(
      .json {
        $0.object {
          $0.field("ipRestrict", false)
          $0.field("createTime", key.createdAt / 1000)
          $0.field("enableReading", true)
          $0.field("enableSpotAndMarginTrading", key.permissions.contains(.trade))
          $0.field("enableWithdrawals", key.permissions.contains(.withdraw))
          $0.field("enableInternalTransfer", false)
          $0.field("enableMargin", false)
          $0.field("enableFutures", false)
          $0.field("permitsUniversalTransfer", false)
          $0.field("enableVanillaOptions", false)
          $0.field("enablePortfolioMarginTrading", false)
        }
      })
  }

  // MARK: The discount asset

  /// Whether the account pays in the discount asset where it can.
  static func discount(_ caller: Caller) -> Draft {
    let account = caller.account
    return .read(linearizable: true) { model in
      switches(model.catalog.account(account.id)?.usesDiscount ?? account.usesDiscount)
    }
  }

  /// Binance's BNB burn. Interest is never charged here, so only `false` is taken for it.
  static func setDiscount(_ parameters: Parameters, _ caller: Caller) throws(APIError) -> Draft {
    let isUsed = try parameters.flag("spotBNBBurn")
    let interest = try parameters.flag("interestBNBBurn")
    if interest == true { throw .notSupported }
    guard let isUsed else {
      guard interest != nil else { throw .missing("spotBNBBurn", or: "interestBNBBurn") }
      return discount(caller)
    }
    let command = SetAccountDiscount(account: caller.account.id, isUsed: isUsed)
    return .write(.setAccountDiscount(command), asked: .setting) { reply in
      guard case .done = reply else { return nil }
      return switches(isUsed)
    }
  }

  private static func switches(_ isUsed: Bool) -> HTTPResponse {
    .json {
      $0.object {
        $0.field("spotBNBBurn", isUsed)
        $0.field("interestBNBBurn", false)
      }
    }
  }

  static func accountStatus(_ caller: Caller) -> Draft { .constant("{\"data\":\"Normal\"}") }

  static func tradingStatus(_ parameters: Parameters) -> Draft {
    .respond(
      .json {
        $0.object {
          $0.key("data")
          $0.object {
            $0.field("isLocked", false)
            $0.field("plannedRecoverTime", 0)
            $0.key("triggerCondition")
            $0.object { _ in }
            $0.field("updateTime", parameters.now / 1000)
          }
        }
      })
  }

  // MARK: Transfers

  /// Deposits (`deposits`) or withdrawals, newest first.
  static func transfers(
    _ parameters: Parameters, _ catalog: Catalog, _ caller: Caller, deposits: Bool
  ) throws(APIError) -> Draft {
    let coin = try parameters.text("coin")
    let start = try parameters.time("startTime")
    let end = MarketRoutes.inclusive(try parameters.time("endTime"))
    let limit = try parameters.limit(standard: 1000)
    let account = caller.account.id
    return .read(linearizable: true) { model in
      let wanted = try model.transfers(account, limit: 10_000).reversed().filter { transfer in
        deposits == (transfer.amount > 0)
          && (coin == nil || model.catalog.asset(transfer.asset)?.name == coin)
          && transfer.time >= start ?? .min && transfer.time <= end ?? .max
      }
      return .json {
        $0.array {
          for transfer in wanted.prefix(limit) {
            guard let asset = model.catalog.asset(transfer.asset) else { continue }
            if deposits {
              deposit(transfer, asset, into: &$0)
            } else {
              withdrawal(transfer, asset, into: &$0)
            }
          }
        }
      }
    }
  }

  private static func deposit(
    _ transfer: Transfer, _ asset: AssetInfo, into json: inout JSONWriter
  ) {
    json.object {
      $0.field("id", transfer.id)
      $0.field("amount", decimal: transfer.amount, scale: Int(asset.scale))
      $0.field("coin", asset.name)
      $0.field("network", "")
      $0.field("status", 1)
      $0.field("address", "")
      $0.field("addressTag", "")
      $0.field("txId", transfer.id)
      $0.field("insertTime", transfer.time / 1000)
      $0.field("transferType", 0)
      $0.field("confirmTimes", "1/1")
    }
  }

  private static func withdrawal(
    _ transfer: Transfer, _ asset: AssetInfo, into json: inout JSONWriter
  ) {
    json.object {
      $0.field("id", transfer.id)
      $0.field("amount", decimal: 0 &- transfer.amount, scale: Int(asset.scale))
      $0.field("transactionFee", "0")
      $0.field("coin", asset.name)
      $0.field("status", 6)
      $0.field("address", "")
      $0.field("addressTag", "")
      $0.field("txId", transfer.id)
      $0.field("applyTime", CivilTime.text(transfer.time))
      $0.field("network", "")
      $0.field("transferType", 0)
    }
  }
}

/// Calendar time in UTC.
enum CivilTime {
  /// `YYYY-MM-DD hh:mm:ss` of a time in microseconds, for the years 1970 to 9999.
  static func text(_ microseconds: Int64) -> String {
    let seconds = max(0, microseconds / 1_000_000)
    // Days to year, month and day of the Gregorian calendar, counted in eras of 400 years from 0000-03-01.
    let day = seconds / 86_400 + 719_468
    let inEra = day % 146_097
    let year = (inEra - inEra / 1_460 + inEra / 36_524 - inEra / 146_096) / 365
    let inYear = inEra - (365 * year + year / 4 - year / 100)
    let shifted = (5 * inYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    let date = inYear - (153 * shifted + 2) / 5 + 1
    let full = day / 146_097 * 400 + year + (month <= 2 ? 1 : 0)
    let clock = seconds % 86_400
    return "\(full)-\(two(month))-\(two(date)) "
      + "\(two(clock / 3600)):\(two(clock / 60 % 60)):\(two(clock % 60))"
  }

  private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
