// AdminSymbols: what the operator sets for one symbol: filters, self-trade prevention, commissions, the
// discount.
//
// Filters are changed one by one, so they are read from a catalog that is as new as the request.
// Not here: adding symbols and their market states (AdminMarkets).

import Engine
import Market

extension AdminContext {
  // MARK: Reads

  /// Everything about one symbol: filters, rules, self-trade prevention, commissions that differ.
  func showSymbol(_ name: String) throws(AdminRefusal) -> Action {
    let id = try symbol(name).id
    return .read(linearizable: true) { model in
      guard let symbol = model.catalog.symbol(id), let base = model.catalog.asset(symbol.base),
        let quote = model.catalog.asset(symbol.quote)
      else { return Self.unreadable }
      return AdminAnswer.at(
        model.appliedIndex,
        .json(capacity: 2048) { w in
          w.object { w in
            Self.write(symbol, base: base, quote: quote, to: &w)
            w.key("commissions")
            w.array { w in
              for entry in model.catalog.commissions(of: id) {
                let account = model.catalog.account(entry.account)?.name
                w.object { Self.write(account, entry.commission, to: &$0) }
              }
            }
          }
        })
    }
  }

  // MARK: Writes

  /// The filters that change; all others stay -> the symbol.
  func setFilters(_ name: String) throws(AdminRefusal) -> Action {
    try beFresh()
    let old = try symbol(name)
    guard let base = catalog.asset(old.base), let quote = catalog.asset(old.quote) else {
      throw .failure(AdminFailure(500, "the symbol's assets are unknown"))
    }
    let filters = try reading { fields throws(AdminFailure) in
      try SymbolDefinition.change(
        old.filters, &fields, baseScale: Int(base.scale), quoteScale: Int(quote.scale))
    }
    return write(.setSymbolFilters(SetSymbolFilters(symbol: old.id, filters: filters))) { _, w in
      var new = old
      new.filters = filters
      Self.write(new, base: base, quote: quote, to: &w)
    }
  }

  /// `{allowed: [modes], standard}` -> the same with the name.
  func setSelfTrade(_ name: String) throws(AdminRefusal) -> Action {
    let rules = try reading { fields throws(AdminFailure) in
      func mode(_ text: String?, _ name: String) throws(AdminFailure) -> SelfTradePrevention {
        guard let mode = text.flatMap({ SelfTradePrevention(text: $0) }) else {
          let names = SelfTradePrevention.allCases.map(\.text).joined(separator: ", ")
          throw fields.wrong(name, "may be \(names) only")
        }
        return mode
      }
      guard let elements = try fields.optionalElements("allowed") else {
        throw fields.missing("allowed")
      }
      var modes: [SelfTradePrevention] = []
      for element in elements { modes.append(try mode(element.text, "allowed")) }
      let standard = try mode(try fields.text("standard"), "standard")
      guard modes.contains(standard) else {
        throw fields.wrong("standard", "must be one of the allowed modes")
      }
      return SelfTradeRules(allowing: modes, standard: standard)
    }
    let symbol = try symbol(name)
    let command = SetSelfTradeRules(symbol: symbol.id, rules: rules)
    return write(.setSelfTradeRules(command)) { _, w in
      w.field("name", symbol.name)
      Self.write(rules, to: &w)
    }
  }

  /// `{account?, standard, tax?, special?}`, each layer `{maker?, taker?, buyer?, seller?}` as fractions; without an
  /// account: of all that have no terms of their own -> the same.
  func setCommission(_ name: String) throws(AdminRefusal) -> Action {
    let (accountName, commission) = try reading { fields throws(AdminFailure) in
      let account = try Self.optionalAccountName("account", &fields)
      guard let standard = try Self.layer("standard", &fields) else {
        throw fields.missing("standard")
      }
      return (
        account,
        Commission(
          standard: standard, tax: try Self.layer("tax", &fields) ?? .none,
          special: try Self.layer("special", &fields) ?? .none)
      )
    }
    guard commission.isValid else {
      throw .failure(
        AdminFailure(400, "no order may pay more than 0.1 in all"))
    }
    let account: AccountInfo? =
      if let accountName { try account(accountName) } else { nil }
    let symbol = try symbol(name)
    let entry = AccountCommission(
      account: account?.id ?? .operator, symbol: symbol.id, commission: commission)
    return write(.setCommission(entry)) { _, w in
      w.field("symbol", symbol.name)
      Self.write(account?.name, commission, to: &w)
    }
  }

  /// `{offered}` -> the same with the name.
  func setSymbolDiscount(_ name: String) throws(AdminRefusal) -> Action {
    let isOffered = try reading { fields throws(AdminFailure) in try fields.flag("offered") }
    let symbol = try symbol(name)
    let command = SetSymbolDiscount(symbol: symbol.id, isOffered: isOffered)
    return write(.setSymbolDiscount(command)) { _, w in
      w.field("name", symbol.name)
      w.field("offered", isOffered)
    }
  }

  // MARK: Parts

  private static func layer(
    _ name: String, _ fields: inout AdminFields
  ) throws(AdminFailure) -> CommissionRates? {
    guard let value = fields.value(name) else { return nil }
    var inner = try AdminFields(value, place: name + ".")
    let rates = CommissionRates(
      maker: try inner.optionalAmount("maker", scale: 8) ?? 0,
      taker: try inner.optionalAmount("taker", scale: 8) ?? 0,
      buyer: try inner.optionalAmount("buyer", scale: 8) ?? 0,
      seller: try inner.optionalAmount("seller", scale: 8) ?? 0)
    try inner.finish()
    return rates
  }

  static func write(_ rules: SelfTradeRules, to w: inout JSONWriter) {
    w.key("allowed")
    w.array { w in
      for mode in SelfTradePrevention.allCases where rules.allows(mode) { w.string(mode.text) }
    }
    w.field("standard", rules.standard.text)
  }

  private static func write(_ account: String?, _ terms: Commission, to w: inout JSONWriter) {
    w.key("account")
    if let account { w.string(account) } else { w.null() }
    for (name, rates) in [
      ("standard" as StaticString, terms.standard), ("tax", terms.tax), ("special", terms.special),
    ] {
      Rates(rates).write(name, sides: true, into: &w)
    }
  }
}
