// WireError: why bytes could not be read. The only error that decoding throws.
// Not here: what the bytes mean (the room that owns the message says so).

/// Why bytes could not be decoded.
public enum WireError: Error, Equatable, Sendable {
  /// The value needs `needed` bytes and `left` are there.
  case truncated(needed: Int, left: Int)
  /// A length prefix of `length` is above the `limit` of that field.
  case tooLong(length: Int, limit: Int)
  /// `count` bytes follow the end of the value.
  case trailingBytes(count: Int)
  /// A field holds a value that its type does not have (`what` names the field).
  case invalid(_ what: StaticString)
  /// A checksum over the bytes differs from the stored one.
  case checksum

  public static func == (a: WireError, b: WireError) -> Bool { "\(a)" == "\(b)" }
}
