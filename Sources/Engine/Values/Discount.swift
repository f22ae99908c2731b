// Discount: commission that is paid in the exchange's discount asset, at a lower rate.
//
// Binance calls it paying fees with BNB. What an order would pay so is frozen in it when it is
// accepted, like the rest of its terms; each trade decides whether it does.
// Not here: the plain rates (Commission), who pays (DiscountedTrade).

/// What the exchange offers.
public struct DiscountSettings: Hashable, Sendable {
  /// The asset that commission may be paid in; 0: none.
  public var asset: AssetID
  /// What the standard commission is multiplied by then, in 10^-8: 75,000,000 takes off a quarter.
  /// Tax and special commission stay whole. 0...10^8.
  public var factor: Int64

  public init(asset: AssetID, factor: Int64) {
    self.asset = asset
    self.factor = factor
  }

  /// Nothing is offered.
  public static let none = DiscountSettings(asset: AssetID(0), factor: 0)

  var isValid: Bool {
    factor >= 0 && factor <= Amounts.rateUnit && (asset.value != 0 || factor == 0)
  }
}

/// The rates of one order in 10^-8, if its commission is paid in the discount asset.
public struct DiscountTerms: Hashable, Sendable {
  public var maker: UInt32
  public var taker: UInt32

  public init(maker: UInt32, taker: UInt32) {
    self.maker = maker
    self.taker = taker
  }

  /// The order never pays so.
  public static let none = DiscountTerms(maker: .max, taker: .max)

  /// True if the order may pay so.
  @inline(__always)
  public var isOn: Bool { maker != .max }

  var isValid: Bool { !isOn || Int64(max(maker, taker)) <= Amounts.rateMax }
}

extension Commission {
  /// What an order of `side` pays if it pays in the discount asset: the standard layer times
  /// `factor`, rounded down to 10^-8, and the others whole.
  func discounted(_ side: Side, factor: Int64) -> DiscountTerms {
    let isBuyer = side == .buy
    let own = isBuyer ? standard.buyer : standard.seller
    let rest = isBuyer ? tax.buyer + special.buyer : tax.seller + special.seller
    let maker = Amounts.commission(on: standard.maker + own, rate: factor)
    let taker = Amounts.commission(on: standard.taker + own, rate: factor)
    return DiscountTerms(
      maker: UInt32(maker + rest + tax.maker + special.maker),
      taker: UInt32(taker + rest + tax.taker + special.taker))
  }
}

/// Offers the discount on a symbol, or no more. Orders that rest keep what they were accepted with.
public struct SetSymbolDiscount: Hashable, Sendable {
  public var symbol: SymbolID
  /// Whether new orders on the symbol may pay in the discount asset.
  public var isOffered: Bool
  public init(symbol: SymbolID, isOffered: Bool) {
    self.symbol = symbol
    self.isOffered = isOffered
  }
}

/// Binance's `spotBNBBurn`. The account's own key may set it, or the operator.
public struct SetAccountDiscount: Hashable, Sendable {
  public var account: AccountID
  /// Whether new orders of the account pay in the discount asset where they can.
  public var isUsed: Bool
  public init(account: AccountID, isUsed: Bool) {
    self.account = account
    self.isUsed = isUsed
  }
}
