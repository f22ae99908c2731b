// Decimal: integers to decimal text and back, exactly.
//
// Invariants: no floating point; text is `[0-9]{1,20}(\.[0-9]{1,20})?` as Binance takes it.
// Not here: which precision a parameter may have (REST/Parameters).

/// Decimal text of integers in units of 10^-scale.
public enum Decimal {
  /// Why a text is no amount.
  public enum Failure: Error, Equatable, Sendable {
    /// Not `[0-9]{1,20}(\.[0-9]{1,20})?`.
    case malformed
    /// Digits other than zero beyond the scale.
    case tooPrecise
    /// Above what 63 bits hold.
    case overflow
  }

  /// The units of 10^-scale that `text` names. Trailing zeros beyond the scale are accepted.
  public static func parse(_ text: some Sequence<UInt8>, scale: Int) throws(Failure) -> Int64 {
    var units: Int64 = 0
    var whole = 0
    var fraction = 0
    var point = false
    var tooPrecise = false
    var overflow = false
    for byte in text {
      if byte == UInt8(ascii: ".") {
        if point || whole == 0 { throw .malformed }
        point = true
        continue
      }
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { throw .malformed }
      if point { fraction += 1 } else { whole += 1 }
      if point, fraction > scale {
        if byte != UInt8(ascii: "0") { tooPrecise = true }
        continue
      }
      let (product, high) = units.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
      if high || carry { overflow = true } else { units = sum }
    }
    guard whole >= 1, whole <= 20, fraction <= 20, !point || fraction >= 1 else { throw .malformed }
    if tooPrecise { throw .tooPrecise }
    while fraction < scale, !overflow {
      let (product, high) = units.multipliedReportingOverflow(by: 10)
      if high { overflow = true } else { units = product }
      fraction += 1
    }
    if overflow { throw .overflow }
    return units
  }

  /// Appends `units` of 10^-scale with exactly `decimals` digits after the point (no point for 0), cutting or padding.
  public static func append(
    _ units: Int64, scale: Int, decimals: Int = 8, to bytes: inout [UInt8]
  ) {
    if units < 0 { bytes.append(UInt8(ascii: "-")) }
    let shown = min(scale, decimals)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(20, scale + 1)) { digits in
      var rest = units.magnitude
      var start = digits.count
      // From the right, with zeros up to the digit before the point.
      while rest > 0 || digits.count - start <= scale {
        let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
        start -= 1
        digits.initializeElement(at: start, to: UInt8(ascii: "0") + UInt8(digit))
        rest = quotient
      }
      let point = digits.count - scale
      bytes.append(contentsOf: UnsafeBufferPointer(rebasing: digits[start..<point]))
      guard decimals > 0 else { return }
      bytes.append(UInt8(ascii: "."))
      bytes.append(contentsOf: UnsafeBufferPointer(rebasing: digits[point..<point + shown]))
    }
    for _ in 0..<max(0, decimals - shown) { bytes.append(UInt8(ascii: "0")) }
  }

  /// `append` as a String.
  public static func text(_ units: Int64, scale: Int, decimals: Int = 8) -> String {
    var bytes: [UInt8] = []
    append(units, scale: scale, decimals: decimals, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}
