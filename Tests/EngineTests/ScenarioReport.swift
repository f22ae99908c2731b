// ScenarioReport: what came of a command, in a trader's words: a refusal with Binance's code, or
// orders, trades with both fees, and the balances that changed (custody's not).
//
// Not here: that the codes are the Gateway's (its tests compare them).

import Engine

struct ScenarioLevel: Hashable {
  var symbol: SymbolID
  var side: Side
  var price: Int64
}

extension ScenarioVenue {
  /// Applies a command with the key that it needs and tells what happened.
  mutating func apply(_ command: Command, key: KeyID? = nil) throws -> [String] {
    let reply = world.run(command, key: key)
    var lines: [String] = []
    for event in world.lastEvents { tell(event, &lines) }
    if let reason = reply.rejection {
      return lines + ["refused \(ScenarioCodes.code(of: reason)) \(reason)"]
    }
    if case .funds(_, true) = reply { lines.append("already booked") }
    return lines
  }

  private mutating func tell(_ event: Event, _ lines: inout [String]) {
    switch event {
    case .orderAccepted(let view): lines.append("#\(view.id.value) \(word(view.status))")
    case .trade(let trade): lines.append(text(trade))
    case .orderClosed(let view, _):
      var line = "#\(view.id.value) \(word(view.status))"
      if view.expiryReason != .none { line += " \(view.expiryReason)" }
      lines.append(line + ", filled \(base(view.executed, view.symbol))")
    case .levelChanged(let change):
      let level = ScenarioLevel(symbol: change.symbol, side: change.side, price: change.price)
      levels[level] = change.quantity == 0 ? nil : change.quantity
    case .balanceChanged(let change):
      guard change.account != .custody else { return }
      lines.append(text(change))
    case .matchPrevented(let match): lines.append(text(match))
    case .orderTriggered(let view):
      let waits = view.extras.trailingSince < 0 ? "waits for its price" : "follows the price"
      let verb = view.workingAt < 0 ? waits : "triggered"
      lines.append("#\(view.id.value) \(verb)")
    case .orderAmended(let amendment):
      let view = amendment.order
      lines.append("#\(view.id.value) amended to \(base(view.quantity, view.symbol))")
    case .listChanged(let list):
      let legs = list.legs.map { " #\($0.order.value)" }.joined()
      lines.append("list \(list.id.value) \(list.kind) \(list.status):\(legs)")
    case .withdrawalChanged(let withdrawal):
      lines.append("withdrawal \(withdrawal.id) \(withdrawal.state)")
    case .fundsMoved, .commissionChanged, .discountChanged, .assetAdded, .symbolChanged,
      .accountChanged, .keyChanged:
      break
    }
  }

  private func text(_ match: PreventedMatch) -> String {
    let maker = base(match.makerQuantity, match.symbol)
    let taker = base(match.takerQuantity, match.symbol)
    return """
      prevented \(match.id.value) at \(quote(match.price, match.symbol)): \
      maker #\(match.maker.id.value) \(word(match.maker.status)) loses \(maker), \
      taker #\(match.taker.id.value) \(word(match.taker.status)) loses \(taker)
      """
  }

  private func text(_ trade: Trade) -> String {
    return """
      trade \(trade.id.value): \(base(trade.quantity, trade.symbol)) at \
      \(quote(trade.price, trade.symbol)) is \(quote(trade.quoteQuantity, trade.symbol)); \
      maker \(party(trade.maker, trade.makerFee, trade.makerFeeAsset)); \
      taker \(party(trade.taker, trade.takerFee, trade.takerFeeAsset))
      """
  }

  private func party(_ view: OrderView, _ fee: Int64, _ id: AssetID) -> String {
    let asset = assets[Int(id.value) - 1]
    let paid = "\(Decimals.text(fee, asset.scale)) \(asset.name)"
    return "\(name(view.account)) #\(view.id.value) \(word(view.status)) fee \(paid)"
  }

  private func text(_ change: BalanceChange) -> String {
    let asset = assets[Int(change.asset.value) - 1]
    let free = Decimals.text(change.free, asset.scale)
    let locked = change.locked == 0 ? "" : ", locked \(Decimals.text(change.locked, asset.scale))"
    return "\(name(change.account)) \(asset.name) free \(free)\(locked)"
  }

  /// The account's balances that are not zero.
  mutating func balances(of name: String, _ words: Words) throws -> [String] {
    let account = try accountNamed(name, words)
    world.collect()
    var lines: [String] = []
    for asset in assets {
      let key = EngineRows.balanceKey(account: account, asset: asset.id)
      guard let value = world.rows.row(key) else { continue }
      lines.append(text(try EngineRows.decodeBalance(key: key, value: value)))
    }
    return lines.isEmpty ? ["nothing"] : lines
  }

  /// The account's open orders, by symbol and id.
  mutating func orders(of name: String, _ words: Words) throws -> [String] {
    let account = try accountNamed(name, words)
    world.collect()
    var lines: [String] = []
    world.rows.scan(prefix: EngineRows.openOrderPrefix(account: account)) { key, value in
      if let view = try? EngineRows.decodeOpenOrder(key: key, value: value) {
        lines.append(text(open: view))
      }
      return true
    }
    return lines.isEmpty ? ["nothing"] : lines
  }

  private func text(open view: OrderView) -> String {
    let symbol = symbols[Int(view.symbol.value) - 1].name
    var line = "#\(view.id.value) \(symbol) \(view.side) \(view.type)"
    line += " \(base(view.quantity, view.symbol)) at \(quote(view.price, view.symbol))"
    return line + " \(word(view.status)), filled \(base(view.executed, view.symbol))"
  }

  /// The visible levels: asks, highest first, then bids.
  func book(of symbol: SymbolInfo) -> [String] {
    var lines: [String] = []
    for side in [Side.sell, .buy] {
      let own = levels.keys.filter { $0.symbol == symbol.id && $0.side == side }
      for level in own.sorted(by: { $0.price > $1.price }) {
        let quantity = base(levels[level] ?? 0, symbol.id)
        lines.append(
          "\(side == .sell ? "ask" : "bid") \(quote(level.price, symbol.id)): \(quantity)")
      }
    }
    return lines.isEmpty ? ["empty"] : lines
  }

  private func name(_ account: AccountID) -> String {
    if account == .fees { return "fees" }
    return accounts[Int(account.value - AccountID.firstCustomer.value)]
  }

  func base(_ amount: Int64, _ symbol: SymbolID) -> String {
    let asset = symbols[Int(symbol.value) - 1].base
    return Decimals.text(amount, assets[Int(asset.value) - 1].scale)
  }

  func quote(_ amount: Int64, _ symbol: SymbolID) -> String {
    let asset = symbols[Int(symbol.value) - 1].quote
    return Decimals.text(amount, assets[Int(asset.value) - 1].scale)
  }

  private func word(_ status: OrderStatus) -> String {
    switch status {
    case .new: "NEW"
    case .partiallyFilled: "PARTIALLY_FILLED"
    case .filled: "FILLED"
    case .canceled: "CANCELED"
    case .rejected: "REJECTED"
    case .expired: "EXPIRED"
    case .expiredInMatch: "EXPIRED_IN_MATCH"
    case .pendingNew: "PENDING_NEW"
    }
  }
}

/// Binance's code for each refusal, as the Gateway gives it.
enum ScenarioCodes {
  static func code(of reason: Rejection) -> Int {
    switch reason {
    case .tooManyOrders10Seconds, .tooManyOrdersDay: -1015
    case .symbolUnknown: -1121
    case .timestampAhead, .deadlinePassed: -1021
    case .keyUnknown, .keyRevoked, .permissionMissing, .accountUnknown: -2015
    case .filterPrice, .filterLotSize, .filterMarketLotSize, .filterNotional, .quantityTooLarge,
      .priceTimesQuantityZero, .selfTradePreventionNotAllowed, .marketClosed, .engineFault,
      .orderTypeNotSupported, .filterPercentPrice, .filterPercentPriceBySide, .filterIcebergParts,
      .filterTrailingDelta:
      -1013
    case .orderUnknown, .noOpenOrders, .cancelIDsDisagree, .cancelRestricted, .listUnknown: -2011
    case .amendIncreases, .amendChangesNothing, .amendPendingProceeds, .filterMaxAmendments: -2038
    case .amountInvalid, .invalidDefinition, .assetUnknown, .permissionsExceedAccount: -1130
    case .accountExists, .apiKeyExists, .assetExists, .symbolExists, .fundsIDReused,
      .genesisRepeated, .levelRefused:
      -1020
    default: -2010
    }
  }
}
