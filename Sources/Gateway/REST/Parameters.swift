// Parameters: the named values of a request, from its query and its body, decoded once and checked on reading.
//
// Invariants: a name occurs once; the query wins over the body; sizes and counts are bounded.
// Not here: the signature over the raw bytes (Auth), which values make sense together (the handlers).

import Engine
import Market

/// The parameters of one request. Reading one that is there but empty throws -1105.
public struct Parameters: Sendable {
  /// Bytes of query and body together that are accepted.
  public static let bytesMax = 16_384
  /// Pairs that are accepted.
  public static let pairsMax = 64

  private struct Pair {
    var name: Range<Int>
    var value: Range<Int>
  }

  /// Decoded names and values, one after another.
  private var text: [UInt8] = []
  private var pairs: [Pair] = []
  /// The unit in which the answer prints times.
  public let timeUnit: TimeUnit
  /// Cluster time at which the request was read, microseconds.
  public let now: Int64

  /// Decodes query and body. The body of a GET carries no parameters.
  ///
  /// - Throws: -1100 for broken percent-encoding or UTF-8, -1101 for too many or repeated ones.
  public init(
    query: [UInt8], body: [UInt8] = [], timeUnit: TimeUnit = .millisecond, now: Int64 = 0
  ) throws(APIError) {
    self.timeUnit = timeUnit
    self.now = now
    guard query.count + body.count <= Self.bytesMax else { throw .tooLarge }
    text.reserveCapacity(query.count + body.count)
    pairs.reserveCapacity(16)
    try add(query, known: 0)
    try add(body, known: pairs.count)
  }

  /// How many parameters were sent.
  public var count: Int { pairs.count }

  // MARK: Reading

  /// True if `name` was sent, even if empty.
  public func has(_ name: StaticString) -> Bool { find(name) != nil }

  /// The decoded bytes of `name`, or `nil` if it was not sent.
  public func bytes(_ name: StaticString) throws(APIError) -> ArraySlice<UInt8>? {
    guard let pair = find(name) else { return nil }
    if pair.value.isEmpty { throw .empty(name) }
    return text[pair.value]
  }

  /// The decoded text of `name`, or `nil` if it was not sent.
  public func text(_ name: StaticString) throws(APIError) -> String? {
    guard let bytes = try bytes(name) else { return nil }
    guard let valid = String(validating: bytes, as: UTF8.self) else { throw .illegalCharacters }
    return valid
  }

  /// A whole number of up to 20 digits, `nil` if not sent.
  ///
  /// - Throws: -1100 for anything but digits, -1130 outside of `range`.
  public func integer(
    _ name: StaticString, in range: ClosedRange<Int64> = 0...Int64.max
  ) throws(APIError) -> Int64? {
    guard let bytes = try bytes(name) else { return nil }
    guard bytes.count <= 20, let value = Self.digits(bytes) else {
      throw .illegal(name, range: "^[0-9]{1,20}$")
    }
    guard let value, range.contains(value) else { throw .invalid(name) }
    return value
  }

  /// `limit` as most endpoints take it: 1 to `most`, `standard` if not sent. `clamped`: a larger one means `most`.
  public func limit(
    standard: Int = 500, most: Int = 1000, clamped: Bool = false
  ) throws(APIError) -> Int {
    guard let value = try integer("limit", in: 1...Int64.max) else { return standard }
    guard value <= Int64(most) || clamped else { throw .invalid("limit") }
    return Int(min(value, Int64(most)))
  }

  /// A `startTime` or `endTime` in microseconds; the client sends milliseconds or microseconds.
  /// Clamped to 2017-01-01 and ten seconds from now, as Binance does.
  public func time(_ name: StaticString) throws(APIError) -> Int64? {
    guard let value = try integer(name) else { return nil }
    return min(max(RequestWindow.microseconds(value), RequestWindow.earliest), now + 10_000_000)
  }

  /// A switch: `true` or `false` in any case.
  public func flag(_ name: StaticString) throws(APIError) -> Bool? {
    switch try text(name)?.lowercased() {
    case nil: return nil
    case "true": return true
    case "false": return false
    default: throw .illegal(name, range: "^(true|false)$")
    }
  }

  /// An amount in units of 10^-scale, `nil` if not sent.
  ///
  /// - Throws: -1100 if it is no decimal, -1111 beyond the scale, -1108 beyond 63 bits.
  public func decimal(_ name: StaticString, scale: UInt8) throws(APIError) -> Int64? {
    guard let bytes = try bytes(name) else { return nil }
    do {
      return try Decimal.parse(bytes, scale: Int(scale))
    } catch {
      switch error {
      case .malformed: throw .illegal(name, range: "^([0-9]{1,20})(\\.[0-9]{1,20})?$")
      case .tooPrecise: throw .tooPrecise(name)
      case .overflow: throw .overflowed(name)
      }
    }
  }

  // MARK: Symbols

  /// The symbol that `symbol` names, `nil` if not sent.
  ///
  /// - Throws: -1100 for letters that no symbol has (lower case too), -1121 if there is none.
  public func symbolIfSent(_ catalog: Catalog) throws(APIError) -> SymbolInfo? {
    guard let name = try text("symbol") else { return nil }
    guard Self.isSymbolName(name) else { throw .illegal("symbol", range: Self.symbolRange) }
    guard let symbol = catalog.symbol(named: name) else { throw .invalidSymbol }
    return symbol
  }

  /// The symbol that `symbol` names. Not sent: -1102.
  public func symbol(_ catalog: Catalog) throws(APIError) -> SymbolInfo {
    guard let symbol = try symbolIfSent(catalog) else { throw .missing("symbol") }
    return symbol
  }

  /// The symbols that `symbols` lists as a JSON array, `nil` if not sent. Repetitions: -1151.
  public func symbolList(_ catalog: Catalog) throws(APIError) -> [SymbolInfo]? {
    guard let names = try nameList("symbols") else { return nil }
    var symbols: [SymbolInfo] = []
    for name in names {
      guard Self.isSymbolName(name) else { throw .illegal("symbols", range: Self.symbolListRange) }
      guard let symbol = catalog.symbol(named: name) else { throw .invalidSymbol }
      guard !symbols.contains(where: { $0.id == symbol.id }) else { throw .repeatedSymbol }
      symbols.append(symbol)
    }
    return symbols
  }

  /// The strings of a JSON array, `nil` if not sent. Empty or something else: -1100.
  public func nameList(_ name: StaticString) throws(APIError) -> [String]? {
    guard let bytes = try bytes(name) else { return nil }
    let refused = APIError.illegal(name, range: Self.symbolListRange)
    guard let parsed = try? JSONValue.parse(Array(bytes), depthMax: 2),
      let values = parsed.elements,
      !values.isEmpty, values.count <= 1000
    else { throw refused }
    var names: [String] = []
    for value in values {
      guard let text = value.text else { throw refused }
      names.append(text)
    }
    return names
  }

  /// The market state that `symbolStatus` names, `nil` if not sent. Unknown: -1122.
  public func symbolStatus() throws(APIError) -> SymbolStatus? {
    guard let text = try text("symbolStatus") else { return nil }
    guard let status = SymbolStatus(text: text) else { throw .invalidSymbolStatus }
    return status
  }

  static let symbolRange = "^[\\w\\-._&&[^a-z]]{1,50}$"
  static let symbolListRange =
    "^\\[(\"[\\w\\-._&&[^a-z]]{1,50}\"(,\"[\\w\\-._&&[^a-z]]{1,50}\"){0,}){0,1}\\]$"

  static func isSymbolName(_ name: String) -> Bool {
    var count = 0
    for scalar in name.unicodeScalars {
      count += 1
      switch scalar {
      case "A"..."Z", "0"..."9", "_", "-", ".": continue
      default:
        guard scalar.value >= 0x80, !scalar.properties.isLowercase,
          scalar.properties.isAlphabetic || scalar.properties.numericType != nil
        else { return false }
      }
    }
    return count >= 1 && count <= 50
  }

  // MARK: Unknown names

  /// Refuses names that Binance does not list for the endpoint: -1101 if more came than it has, -1104 otherwise.
  func checkNames(_ known: [StaticString], signed: Bool) throws(APIError) {
    var read = 0
    for pair in pairs {
      let name = text[pair.name]
      if known.contains(where: { Self.equal($0, name) }) || (signed && Self.isSigning(name)) {
        read += 1
      }
    }
    guard read < pairs.count else { return }
    let most = known.count + (signed ? 3 : 0)
    if pairs.count > most { throw .tooMany(expected: most, received: pairs.count) }
    throw .notRead(read: read, sent: pairs.count)
  }

  // MARK: Decoding

  private mutating func add(_ raw: [UInt8], known: Int) throws(APIError) {
    var start = 0
    while start < raw.count {
      let end = raw[start...].firstIndex(of: UInt8(ascii: "&")) ?? raw.count
      defer { start = end + 1 }
      if start == end { continue }
      let equals = raw[start..<end].firstIndex(of: UInt8(ascii: "=")) ?? end
      let name = try decode(raw[start..<equals])
      let value = try decode(raw[min(equals + 1, end)..<end])
      let twin = pairs.firstIndex { text[$0.name].elementsEqual(text[name]) }
      if let twin {
        if twin >= known { throw .duplicateParameter }
        continue
      }
      guard pairs.count < Self.pairsMax else { throw .tooLarge }
      pairs.append(Pair(name: name, value: value))
    }
  }

  private mutating func decode(_ raw: ArraySlice<UInt8>) throws(APIError) -> Range<Int> {
    let start = text.count
    var i = raw.startIndex
    while i < raw.endIndex {
      switch raw[i] {
      case UInt8(ascii: "%"):
        guard i + 2 < raw.endIndex, let high = Hex.value(raw[i + 1]),
          let low = Hex.value(raw[i + 2])
        else { throw .illegalCharacters }
        text.append(high << 4 | low)
        i += 3
      case UInt8(ascii: "+"):
        text.append(UInt8(ascii: " "))
        i += 1
      default:
        text.append(raw[i])
        i += 1
      }
    }
    return start..<text.count
  }

  private func find(_ name: StaticString) -> Pair? {
    pairs.first { Self.equal(name, text[$0.name]) }
  }

  private static func equal(_ name: StaticString, _ bytes: ArraySlice<UInt8>) -> Bool {
    guard name.utf8CodeUnitCount == bytes.count else { return false }
    return name.withUTF8Buffer { $0.elementsEqual(bytes) }
  }

  private static func isSigning(_ name: ArraySlice<UInt8>) -> Bool {
    equal("timestamp", name) || equal("recvWindow", name) || equal("signature", name)
  }

  /// `nil`: not digits; `.some(nil)`: beyond 63 bits.
  private static func digits(_ bytes: ArraySlice<UInt8>) -> Int64?? {
    var value: Int64 = 0
    var overflow = false
    for byte in bytes {
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
      let (product, high) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
      if high || carry { overflow = true } else { value = sum }
    }
    return .some(overflow ? nil : value)
  }
}
