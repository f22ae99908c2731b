// JSONWriter: writes JSON into a byte array, without reflection and without intermediate values.
//
// Invariant: the caller opens and closes in pairs; commas are placed by the writer.
// Not here: reading JSON (JSONValue), and which fields an answer has.

import Engine

/// A small JSON writer. Field order is the order of the calls.
public struct JSONWriter: Sendable {
  /// The JSON so far.
  public private(set) var bytes: [UInt8]
  private var needsComma = false

  public init(capacity: Int = 512) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  // MARK: Structure

  /// Writes `{`, what `body` writes, and `}`.
  @inline(__always)
  public mutating func object(_ body: (inout JSONWriter) -> Void) {
    open(UInt8(ascii: "{"))
    body(&self)
    close(UInt8(ascii: "}"))
  }

  /// Writes `[`, what `body` writes, and `]`.
  @inline(__always)
  public mutating func array(_ body: (inout JSONWriter) -> Void) {
    open(UInt8(ascii: "["))
    body(&self)
    close(UInt8(ascii: "]"))
  }

  /// The key of the next value.
  public mutating func key(_ name: StaticString) {
    comma()
    bytes.append(UInt8(ascii: "\""))
    name.withUTF8Buffer { bytes.append(contentsOf: $0) }
    bytes.append(UInt8(ascii: "\""))
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  /// The key of the next value, when it is not known at compile time.
  public mutating func key(dynamic name: String) {
    comma()
    quoted(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  // MARK: Values

  public mutating func null() { token("null") }
  public mutating func bool(_ value: Bool) { token(value ? "true" : "false") }

  public mutating func int(_ value: some FixedWidthInteger) {
    comma()
    bytes.append(contentsOf: String(value).utf8)
    needsComma = true
  }

  public mutating func string(_ value: String) {
    comma()
    quoted(value)
    needsComma = true
  }

  public mutating func string(_ value: ShortText) {
    comma()
    bytes.append(UInt8(ascii: "\""))
    for byte in value.bytes { escape(byte) }
    bytes.append(UInt8(ascii: "\""))
    needsComma = true
  }

  /// A decimal string: `units` of 10^-scale, with `decimals` digits after the point (Binance prints 8).
  public mutating func decimal(_ units: Int64, scale: Int, decimals: Int = 8) {
    comma()
    bytes.append(UInt8(ascii: "\""))
    Decimal.append(units, scale: scale, decimals: decimals, to: &bytes)
    bytes.append(UInt8(ascii: "\""))
    needsComma = true
  }

  /// JSON that was written before.
  public mutating func raw(_ json: [UInt8]) {
    comma()
    bytes.append(contentsOf: json)
    needsComma = true
  }

  // MARK: Key and value in one call

  public mutating func field(_ name: StaticString, _ value: String) {
    key(name)
    string(value)
  }
  public mutating func field(_ name: StaticString, _ value: ShortText) {
    key(name)
    string(value)
  }
  public mutating func field(_ name: StaticString, _ value: Bool) {
    key(name)
    bool(value)
  }
  public mutating func field(_ name: StaticString, _ value: some FixedWidthInteger) {
    key(name)
    int(value)
  }
  public mutating func field(_ name: StaticString, decimal units: Int64, scale: Int) {
    key(name)
    decimal(units, scale: scale)
  }

  // MARK: Bytes

  private mutating func open(_ bracket: UInt8) {
    comma()
    bytes.append(bracket)
    needsComma = false
  }

  private mutating func close(_ bracket: UInt8) {
    bytes.append(bracket)
    needsComma = true
  }

  private mutating func comma() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
  }

  private mutating func token(_ text: StaticString) {
    comma()
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    needsComma = true
  }

  private mutating func quoted(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    let plain: Void? = text.utf8.withContiguousStorageIfAvailable { utf8 in
      if utf8.contains(where: Self.needsEscape) {
        for byte in utf8 { escape(byte) }
      } else {
        bytes.append(contentsOf: utf8)
      }
    }
    if plain == nil { for byte in text.utf8 { escape(byte) } }
    bytes.append(UInt8(ascii: "\""))
  }

  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  private mutating func escape(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"):
      bytes.append(UInt8(ascii: "\\"))
      bytes.append(byte)
    case 0..<0x20:
      let digits = Array("0123456789abcdef".utf8)
      bytes.append(contentsOf: "\\u00".utf8)
      bytes.append(digits[Int(byte >> 4)])
      bytes.append(digits[Int(byte & 15)])
    default: bytes.append(byte)
    }
  }
}
