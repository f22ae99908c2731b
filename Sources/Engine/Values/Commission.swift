// Commission: what an account pays on a symbol, in three layers.
//
// Rates are in 10^-8 of what is received. An order pays, in each layer, its rate as maker or taker
// and its rate as buyer or seller; the sum is frozen in the order when it is accepted.
// Not here: rounding (Arithmetic), who gets it (Ledger).

/// The rates of one layer.
public struct CommissionRates: Hashable, Sendable {
  public var maker: Int64
  public var taker: Int64
  public var buyer: Int64
  public var seller: Int64

  public init(maker: Int64 = 0, taker: Int64 = 0, buyer: Int64 = 0, seller: Int64 = 0) {
    self.maker = maker
    self.taker = taker
    self.buyer = buyer
    self.seller = seller
  }

  /// Nothing.
  public static let none = CommissionRates()

  var isValid: Bool {
    [maker, taker, buyer, seller].allSatisfy { $0 >= 0 && $0 <= Amounts.rateMax }
  }
}

/// All layers.
public struct Commission: Hashable, Sendable {
  public var standard: CommissionRates
  public var tax: CommissionRates
  public var special: CommissionRates

  public init(
    standard: CommissionRates, tax: CommissionRates = .none, special: CommissionRates = .none
  ) {
    self.standard = standard
    self.tax = tax
    self.special = special
  }

  /// What an order of `side` pays as maker and as taker.
  public func rates(_ side: Side) -> (maker: Int64, taker: Int64) {
    var sum: (maker: Int64, taker: Int64) = (0, 0)
    for layer in [standard, tax, special] {
      let own = side == .buy ? layer.buyer : layer.seller
      sum.maker += layer.maker + own
      sum.taker += layer.taker + own
    }
    return sum
  }

  /// True if no order pays more than the highest rate, nor anything negative.
  public var isValid: Bool {
    guard standard.isValid, tax.isValid, special.isValid else { return false }
    return [Side.buy, .sell].allSatisfy {
      let rates = rates($0)
      return max(rates.maker, rates.taker) <= Amounts.rateMax
    }
  }
}

/// What one account pays on one symbol.
public struct AccountCommission: Hashable, Sendable {
  /// `.operator`: every account that has no terms of its own.
  public var account: AccountID
  public var symbol: SymbolID
  public var commission: Commission

  public init(account: AccountID, symbol: SymbolID, commission: Commission) {
    self.account = account
    self.symbol = symbol
    self.commission = commission
  }
}
