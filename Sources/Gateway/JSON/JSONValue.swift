// JSONValue: a strict, bounded JSON reader (RFC 8259) that keeps the literal text of numbers.
//
// Invariants: depth and size are bounded; duplicate keys, lone surrogates and trailing bytes are refused.
// Not here: writing (JSONWriter), and which fields a message has.

/// A parsed JSON value. Numbers stay text, because signatures cover the literal characters.
public indirect enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  case number(String)
  case string(String)
  case array([JSONValue])
  case object([Field])

  /// One member of an object, in the order of the text.
  public struct Field: Hashable, Sendable {
    public var name: String
    public var value: JSONValue

    public init(name: String, value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  /// Where and why a text is not JSON.
  public struct Failure: Error, Equatable, Sendable {
    /// Byte offset of the offence.
    public var offset: Int
    public var reason: String
  }

  /// The member called `name` of an object, or `nil`.
  public subscript(name: String) -> JSONValue? {
    guard case .object(let fields) = self else { return nil }
    return fields.first { $0.name == name }?.value
  }

  /// The text of a string, or `nil`.
  public var text: String? {
    guard case .string(let value) = self else { return nil }
    return value
  }

  /// The integer that a number (or a string of digits) spells, or `nil`.
  public var integer: Int64? {
    switch self {
    case .number(let text), .string(let text): return Int64(text)
    default: return nil
    }
  }

  /// The elements of an array, or `nil`.
  public var elements: [JSONValue]? {
    guard case .array(let values) = self else { return nil }
    return values
  }

  /// Parses exactly one JSON value.
  ///
  /// - Complexity: O(n) (O(k^2) in the number of keys of one object, at most 256).
  public static func parse(
    _ bytes: [UInt8], depthMax: Int = 16, bytesMax: Int = 1 << 20
  ) throws(Failure) -> JSONValue {
    guard bytes.count <= bytesMax else { throw Failure(offset: bytesMax, reason: "too long") }
    var parser = JSONParser(bytes: bytes)
    parser.skipSpace()
    let value = try parser.value(depth: depthMax)
    parser.skipSpace()
    guard parser.offset == bytes.count else { throw parser.failure("trailing characters") }
    return value
  }
}

private struct JSONParser {
  let bytes: [UInt8]
  var offset = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  func failure(_ reason: String) -> JSONValue.Failure { .init(offset: offset, reason: reason) }

  mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
      offset += 1
    }
  }

  mutating func value(depth: Int) throws(JSONValue.Failure) -> JSONValue {
    guard depth > 0 else { throw failure("nested too deeply") }
    guard let byte = next else { throw failure("expected value") }
    switch byte {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"):
      try literal("true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try literal("false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try literal("null")
      return .null
    default: return .number(try number())
    }
  }

  mutating func literal(_ text: StaticString) throws(JSONValue.Failure) {
    let matches = text.withUTF8Buffer { bytes[offset...].starts(with: $0) }
    guard matches else { throw failure("expected value") }
    offset += text.utf8CodeUnitCount
  }

  mutating func object(depth: Int) throws(JSONValue.Failure) -> JSONValue {
    var fields: [JSONValue.Field] = []
    offset += 1
    skipSpace()
    if next == UInt8(ascii: "}") {
      offset += 1
      return .object([])
    }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw failure("key must be a string") }
      let name = try string()
      guard !fields.contains(where: { $0.name == name }) else { throw failure("duplicate key") }
      guard fields.count < 256 else { throw failure("too many keys") }
      skipSpace()
      guard next == UInt8(ascii: ":") else { throw failure("expected `:`") }
      offset += 1
      skipSpace()
      fields.append(.init(name: name, value: try value(depth: depth - 1)))
      skipSpace()
      if next == UInt8(ascii: ",") {
        offset += 1
      } else if next == UInt8(ascii: "}") {
        offset += 1
        return .object(fields)
      } else {
        throw failure("expected `,` or `}`")
      }
    }
  }

  mutating func array(depth: Int) throws(JSONValue.Failure) -> JSONValue {
    var values: [JSONValue] = []
    offset += 1
    skipSpace()
    if next == UInt8(ascii: "]") {
      offset += 1
      return .array([])
    }
    while true {
      skipSpace()
      values.append(try value(depth: depth - 1))
      skipSpace()
      if next == UInt8(ascii: ",") {
        offset += 1
      } else if next == UInt8(ascii: "]") {
        offset += 1
        return .array(values)
      } else {
        throw failure("expected `,` or `]`")
      }
    }
  }

  mutating func number() throws(JSONValue.Failure) -> String {
    let start = offset
    func digit(_ byte: UInt8?) -> Bool { byte.map { $0 >= 0x30 && $0 <= 0x39 } ?? false }
    if next == UInt8(ascii: "-") { offset += 1 }
    guard digit(next) else { throw failure("expected value") }
    if next == UInt8(ascii: "0") {
      offset += 1
    } else {
      while digit(next) { offset += 1 }
    }
    if next == UInt8(ascii: ".") {
      offset += 1
      guard digit(next) else { throw failure("invalid number") }
      while digit(next) { offset += 1 }
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      offset += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { offset += 1 }
      guard digit(next) else { throw failure("invalid number") }
      while digit(next) { offset += 1 }
    }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  mutating func string() throws(JSONValue.Failure) -> String {
    offset += 1
    var text: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        offset += 1
        guard let valid = String(validating: text, as: UTF8.self) else {
          throw failure("invalid UTF-8")
        }
        return valid
      case UInt8(ascii: "\\"): try escape(into: &text)
      case 0..<0x20: throw failure("control character in string")
      default:
        text.append(byte)
        offset += 1
      }
    }
    throw failure("unterminated string")
  }

  mutating func escape(into text: inout [UInt8]) throws(JSONValue.Failure) {
    offset += 1
    guard let byte = next else { throw failure("unterminated string") }
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = UInt32(try hex4())
      if (0xD800..<0xDC00).contains(code) {
        guard next == UInt8(ascii: "\\") else { throw failure("lone surrogate") }
        offset += 1
        guard next == UInt8(ascii: "u") else { throw failure("lone surrogate") }
        offset += 1
        let low = UInt32(try hex4())
        guard (0xDC00..<0xE000).contains(low) else { throw failure("lone surrogate") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw failure("lone surrogate") }
      text.append(contentsOf: String(Character(scalar)).utf8)
    default: throw failure("invalid escape")
    }
  }

  mutating func hex4() throws(JSONValue.Failure) -> UInt16 {
    guard offset + 4 <= bytes.count,
      bytes[offset..<offset + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let value = UInt16(String(decoding: bytes[offset..<offset + 4], as: UTF8.self), radix: 16)
    else { throw failure("invalid escape") }
    offset += 4
    return value
  }
}
