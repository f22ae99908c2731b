// Arithmetic: the one place where amounts are multiplied, divided and rounded.
//
// Invariants: products are taken in 128 bits; nothing here traps on any non-negative input;
// rounding is down, except for holds, which are rounded up so that what is held always covers what
// can be taken.
// Not here: who pays what (Ledger, Matcher).

/// Exact integer arithmetic on amounts.
public enum Amounts {
  /// No supply of an asset, no quantity and no notional of an order is ever above this. Sums of two
  /// such amounts fit in an Int64, and so does every balance, since all balances of an asset add up
  /// to its supply.
  public static let amountMax: Int64 = 1 << 61

  /// The unit of commission rates: a rate of 10^8 would be the whole amount.
  public static let rateUnit: Int64 = 100_000_000

  /// The highest commission rate: 10 %.
  public static let rateMax: Int64 = 10_000_000

  /// The highest number of decimals of an asset.
  public static let scaleMax: UInt8 = 8

  /// 10^scale, for scales up to `scaleMax`.
  static func unit(scale: UInt8) -> Int64 {
    precondition(scale <= scaleMax, "scale above the maximum")
    var unit: Int64 = 1
    for _ in 0..<scale { unit *= 10 }
    return unit
  }

  /// `a * b / divisor`, rounded down, or up if `up`. `nil` if the result is above Int64.max, or if
  /// `a` or `b` is negative or `divisor` is not positive.
  @inline(__always)
  public static func scaled(_ a: Int64, times b: Int64, over divisor: Int64, up: Bool = false)
    -> Int64?
  {
    guard let (quotient, isExact) = scaledExactly(a, times: b, over: divisor) else { return nil }
    return quotient + (up && !isExact ? 1 : 0)
  }

  /// `a * b / divisor`, rounded down, and whether nothing was rounded off; `nil` as `scaled`.
  @inline(__always)
  static func scaledExactly(
    _ a: Int64, times b: Int64, over divisor: Int64
  ) -> (quotient: Int64, isExact: Bool)? {
    guard a >= 0, b >= 0, divisor > 0 else { return nil }
    let product = UInt64(a).multipliedFullWidth(by: UInt64(b))
    let d = UInt64(divisor)
    let (quotient, remainder): (UInt64, UInt64)
    if product.high == 0 {
      (quotient, remainder) = product.low.quotientAndRemainder(dividingBy: d)
    } else {
      guard product.high < d else { return nil }
      (quotient, remainder) = d.dividingFullWidth(product)
    }
    guard quotient < UInt64(Int64.max) else { return nil }
    return (Int64(quotient), remainder == 0)
  }

  /// The commission at `rate` on what is worth `amount`, in an asset of which one whole, `unit`
  /// units, costs `price`: `amount * rate * unit / (rateUnit * price)`, rounded down. `nil` if that is
  /// above Int64.max. Amounts, rates and units within their bounds never overflow it.
  static func commission(
    on amount: Int64, rate: Int64, unit: Int64, price: Int64
  ) -> Int64? {
    guard amount >= 0, amount <= amountMax, rate >= 0, rate <= rateMax, unit > 0,
      unit <= rateUnit, price > 0
    else { return nil }
    let dividend = UInt128(UInt64(amount)) * UInt128(UInt64(rate)) * UInt128(UInt64(unit))
    return Int64(exactly: dividend / (UInt128(UInt64(rateUnit)) * UInt128(UInt64(price))))
  }

  /// The commission on `received` at `rate`. Never above `received`.
  @inline(__always)
  static func commission(on received: Int64, rate: Int64) -> Int64 {
    guard let fee = scaled(received, times: rate, over: rateUnit) else {
      preconditionFailure("a commission rate above the maximum")
    }
    return fee
  }
}
