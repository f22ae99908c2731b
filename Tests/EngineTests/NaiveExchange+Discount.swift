// The naive engine's commissions, in what is received or in the discount asset.

import Engine

/// What one side of a trade paid.
struct NaiveFee {
  var amount: Int128
  var asset: AssetID
}

extension NaiveExchange {
  mutating func applyDiscount(_ command: Command) throws(Rejection) -> Reply {
    switch command {
    case .setDiscount(let set): settings.discount = set
    case .setSymbolDiscount(let set):
      symbols[Int(set.symbol.value) - 1].info.offersDiscount = set.isOffered
    case .setAccountDiscount(let set):
      if set.isUsed { discounted.insert(set.account) } else { discounted.remove(set.account) }
    default: preconditionFailure("not a command about discounts")
    }
    return .done
  }

  /// What an order accepted now would pay in the discount asset.
  func discountTerms(_ account: AccountID, _ side: Side, _ info: SymbolInfo) -> DiscountTerms {
    guard settings.discount.asset.value != 0, info.offersDiscount, discounted.contains(account)
    else { return .none }
    let mine = commissions.last { $0.account == account && $0.symbol == info.id }
    let all = commissions.last { $0.account == .operator && $0.symbol == info.id }
    let plain = Commission(standard: CommissionRates(maker: info.makerRate, taker: info.takerRate))
    let terms = (mine ?? all)?.commission ?? plain
    func sum(_ role: KeyPath<CommissionRates, Int64>) -> UInt32 {
      func of(_ layer: CommissionRates) -> Int128 {
        Int128(layer[keyPath: role]) + Int128(side == .buy ? layer.buyer : layer.seller)
      }
      let standard = Self.floorDivide(
        of(terms.standard) * Int128(settings.discount.factor), 100_000_000)
      return UInt32(standard + of(terms.tax) + of(terms.special))
    }
    return DiscountTerms(maker: sum(\.maker), taker: sum(\.taker))
  }

  /// What is free of the asset that a taker gives, beyond what its order can need, if that asset is
  /// the discount asset.
  func budget(_ view: OrderView, _ plan: NaivePlan) -> Int128? {
    let name = held(view)
    guard name.asset == settings.discount.asset else { return nil }
    return max(0, (balances[name]?.free ?? 0) - plan.need)
  }

  /// Moves both amounts, then takes the buyer's commission and the seller's.
  mutating func pay(
    _ taker: OrderView, _ maker: OrderView, _ released: Int128, _ quantity: Int128,
    _ quote: Int128, _ s: Int, _ stamp: Int64
  ) -> (maker: NaiveFee, taker: NaiveFee) {
    let info = symbols[s].info
    for (view, isMaker) in [(taker, false), (maker, true)] {
      let from = held(view)
      balances[from, default: NaiveBalance()].locked -= isMaker ? released : 0
      balances[from, default: NaiveBalance()].free +=
        (isMaker ? released : 0) - (view.side == .buy ? quote : quantity)
      let to = NaiveName(
        account: view.account, asset: view.side == .buy ? info.base : info.quote)
      balances[to, default: NaiveBalance()].free += view.side == .buy ? quantity : quote
    }
    let buyer = taker.side == .buy ? taker : maker
    let seller = taker.side == .buy ? maker : taker
    let bought = charge(buyer, isMaker: buyer.id == maker.id, quantity, quote, s, stamp)
    keepProceeds(buyer, s) { quantity - (bought.asset == info.base ? bought.amount : 0) }
    let sold = charge(seller, isMaker: seller.id == maker.id, quantity, quote, s, stamp)
    return taker.side == .buy ? (sold, bought) : (bought, sold)
  }

  private mutating func charge(
    _ view: OrderView, isMaker: Bool, _ quantity: Int128, _ quote: Int128, _ s: Int,
    _ stamp: Int64
  ) -> NaiveFee {
    let info = symbols[s].info
    let received = view.side == .buy ? quantity : quote
    let rate = Int128(isMaker ? view.makerRate : view.takerRate)
    var fee = NaiveFee(
      amount: Self.floorDivide(received * rate, 100_000_000),
      asset: view.side == .buy ? info.base : info.quote)
    let asset = settings.discount.asset
    let name = NaiveName(account: view.account, asset: asset)
    let terms = view.extras.discount
    let free = balances[name]?.free ?? 0
    if asset.value != 0, terms.isOn,
      let lower = worth(Int128(isMaker ? terms.maker : terms.taker), quantity, quote, s, stamp),
      lower <= free, isMaker || lower <= feeBudget ?? lower
    {
      fee = NaiveFee(amount: lower, asset: asset)
      if !isMaker, let budget = feeBudget { feeBudget = budget - lower }
    }
    let payer = NaiveName(account: view.account, asset: fee.asset)
    balances[payer, default: NaiveBalance()].free -= fee.amount
    let fees = NaiveName(account: .fees, asset: fee.asset)
    balances[fees, default: NaiveBalance()].free += fee.amount
    return fee
  }

  /// A share of a trade in the discount asset.
  private func worth(
    _ rate: Int128, _ quantity: Int128, _ quote: Int128, _ s: Int, _ stamp: Int64
  ) -> Int128? {
    let info = symbols[s].info
    let asset = settings.discount.asset
    if info.base == asset { return Self.floorDivide(quantity * rate, 100_000_000) }
    if info.quote == asset { return Self.floorDivide(quote * rate, 100_000_000) }
    let amounts = [(info.quote, quote), (info.base, quantity)]
    for (other, amount) in amounts {
      if let fee = direct(rate, other, amount, stamp) { return fee }
    }
    guard settings.level >= 3 else { return nil }
    for (other, amount) in amounts {
      for (place, symbol) in symbols.enumerated() where symbol.info.base == other {
        guard let price = usablePrice(place, stamp) else { continue }
        let worth = Self.floorDivide(amount * price, symbol.unit)
        if let fee = direct(rate, symbol.info.quote, worth, stamp) { return fee }
      }
    }
    return nil
  }

  /// A share of an amount, over the market of the discount asset and the amount's.
  private func direct(
    _ rate: Int128, _ other: AssetID, _ amount: Int128, _ stamp: Int64
  ) -> Int128? {
    if other == settings.discount.asset { return Self.floorDivide(amount * rate, 100_000_000) }
    let market = symbols.firstIndex {
      $0.info.base == settings.discount.asset && $0.info.quote == other
    }
    guard let market, let price = usablePrice(market, stamp) else { return nil }
    return Self.floorDivide(amount * rate * symbols[market].unit, 100_000_000 * price)
  }

  /// The average price, unless its last trade was more than a day ago and the market keeps minutes.
  private func usablePrice(_ market: Int, _ stamp: Int64) -> Int128? {
    guard let price = averagePrice(market, stamp), price > 0, let last = symbols[market].trades.last
    else { return nil }
    let minutes = stamp / 60_000_000 - last.stamp / 60_000_000
    let isTold = symbols[market].info.filters.averagePriceMinutes > 0
    return settings.level >= 3 && isTold && minutes > 24 * 60 ? nil : price
  }
}
