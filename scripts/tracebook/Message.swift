// Message: just enough JSON to read one line of the conformance protocol. Numbers stay texts, so
// that a decimal is read exactly.

enum Message {
  case object([String: Message])
  case array([Message])
  case text(String)
  case number(String)
  case other

  /// Reads one line, or nil if it is not JSON.
  static func read(_ line: String) -> Message? {
    var rest = Array(line.utf8)[...]
    return value(&rest)
  }

  subscript(key: String) -> Message? {
    if case .object(let fields) = self { fields[key] } else { nil }
  }

  var string: String? {
    switch self {
    case .text(let text), .number(let text): text
    default: nil
    }
  }

  var integer: Int64? { string.flatMap { Int64($0) } }

  private static func value(_ rest: inout ArraySlice<UInt8>) -> Message? {
    skip(&rest)
    switch rest.first {
    case UInt8(ascii: "{"): return object(&rest)
    case UInt8(ascii: "["):
      var items: [Message] = []
      rest.removeFirst()
      skip(&rest)
      while rest.first != UInt8(ascii: "]") {
        guard let item = value(&rest) else { return nil }
        items.append(item)
        guard separates(&rest, until: "]") else { return nil }
      }
      rest.removeFirst()
      return .array(items)
    case UInt8(ascii: "\""): return string(&rest).map { .text($0) }
    default:
      let word = rest.prefix { !",]} ".utf8.contains($0) }
      rest = rest.dropFirst(word.count)
      guard let text = String(validating: word, as: UTF8.self), !text.isEmpty else { return nil }
      return ["true", "false", "null"].contains(text) ? .other : .number(text)
    }
  }

  private static func object(_ rest: inout ArraySlice<UInt8>) -> Message? {
    var fields: [String: Message] = [:]
    rest.removeFirst()
    skip(&rest)
    while rest.first != UInt8(ascii: "}") {
      skip(&rest)
      guard let key = string(&rest), rest.first == UInt8(ascii: ":") else { return nil }
      rest.removeFirst()
      guard let field = value(&rest) else { return nil }
      fields[key] = field
      guard separates(&rest, until: "}") else { return nil }
    }
    rest.removeFirst()
    return .object(fields)
  }

  // Names in the protocol hold no escapes; whatever does is refused.
  private static func string(_ rest: inout ArraySlice<UInt8>) -> String? {
    guard rest.first == UInt8(ascii: "\"") else { return nil }
    let text = rest.dropFirst().prefix { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    rest = rest.dropFirst(text.count + 1)
    guard rest.first == UInt8(ascii: "\"") else { return nil }
    rest.removeFirst()
    return String(validating: text, as: UTF8.self)
  }

  private static func separates(
    _ rest: inout ArraySlice<UInt8>, until end: Unicode.Scalar
  ) -> Bool {
    skip(&rest)
    if rest.first == UInt8(ascii: ",") {
      rest.removeFirst()
      skip(&rest)
      return rest.first != UInt8(ascii: end)
    }
    return rest.first == UInt8(ascii: end)
  }

  private static func skip(_ rest: inout ArraySlice<UInt8>) {
    rest = rest.drop { $0 == UInt8(ascii: " ") }
  }
}

/// Decimals as whole numbers of 10^-places.
enum Decimals {
  /// Reads `12.5`, `1e-05` and the like, rounded half away from zero beyond `places`; nil: not a
  /// number, or too large.
  static func read(_ text: String, places: Int) -> Int64? {
    let parts = text.lowercased().split(separator: "e", omittingEmptySubsequences: false)
    guard let mantissa = parts.first, parts.count <= 2,
      let exponent = parts.count == 2 ? Int(parts[1]) : 0
    else { return nil }
    let isNegative = mantissa.hasPrefix("-")
    let halves = mantissa.drop { $0 == "-" || $0 == "+" }.split(
      separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let fraction = halves.count == 2 ? halves[1] : ""
    guard let digits = Int128(halves[0] + fraction) else { return nil }
    var number = digits
    var shift = places + exponent - fraction.count
    guard abs(shift) < 30 else { return shift < 0 ? 0 : nil }
    while shift > 0 {
      number *= 10
      shift -= 1
    }
    var unit: Int128 = 1
    while shift < 0 {
      unit *= 10
      shift += 1
    }
    return Int64(exactly: (number + unit / 2) / unit * (isNegative ? -1 : 1))
  }

  /// Writes without zeros at the end.
  static func write(_ number: Int128, places: Int) -> String {
    var digits = String(number)
    while digits.count <= places { digits = "0" + digits }
    let whole = digits.dropLast(places)
    var fraction = digits.suffix(places)
    while fraction.last == "0" { fraction.removeLast() }
    return fraction.isEmpty ? String(whole) : "\(whole).\(fraction)"
  }
}
