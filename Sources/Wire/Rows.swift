// Rows: the key-value shape in which all state is kept, and the two doors to it: a batch to write, a reader to read.
//
// Key layout (big-endian): prefix byte, shard u16 (now 0), then the fields of the row. Prefixes are handed out in
// RowPrefix, the only place that knows them all.
// Not here: where rows are stored (Storage), and what they hold (Engine, Replica, Market).

/// Who owns which first byte of a row key. A prefix is never used again for something else.
public enum RowPrefix {
  /// Replica: 0x01 to 0x0F (0x01 applied state, 0x02 request outcomes, 0x03 hash agreement, 0x04 own hashes).
  public static let replica: ClosedRange<UInt8> = 0x01...0x0F
  /// Engine: 0x10 to 0x3F.
  public static let engine: ClosedRange<UInt8> = 0x10...0x3F
  /// Market: 0x40 to 0x7F.
  public static let market: ClosedRange<UInt8> = 0x40...0x7F
}

/// One change of a row: a new value, or `nil` to delete it.
public struct RowChange: Equatable, Sendable {
  public var key: [UInt8]
  public var value: [UInt8]?

  public init(key: [UInt8], value: [UInt8]?) {
    self.key = key
    self.value = value
  }
}

/// Reads stored rows. Blocking; used by the thread that owns the store, and at start.
public protocol RowReader: AnyObject {
  /// The value of `key`, or `nil`.
  func row(_ key: [UInt8]) throws -> [UInt8]?

  /// Calls `body` for the rows with `from <= key < upTo` in key order (or in reverse order, from the highest key below
  /// `upTo`), until it returns `false`.
  func scan(
    from: [UInt8], upTo: [UInt8], reverse: Bool, _ body: (_ key: [UInt8], _ value: [UInt8]) -> Bool
  ) throws
}

extension RowReader {
  /// Calls `body` for each row whose key starts with `prefix`, in key order, until it returns `false`.
  public func scan(prefix: [UInt8], _ body: (_ key: [UInt8], _ value: [UInt8]) -> Bool) throws {
    try scan(from: prefix, upTo: RowKey.after(prefix), reverse: false, body)
  }
}

/// Builds row keys.
public enum RowKey {
  /// The first bytes of every key: the prefix and the shard (now always 0).
  public static func start(_ prefix: UInt8) -> ByteWriter {
    var writer = ByteWriter(capacity: 32)
    writer.u8(prefix)
    writer.u16(0)
    return writer
  }

  /// The smallest key above all keys that start with `prefix`.
  public static func after(_ prefix: [UInt8]) -> [UInt8] {
    var key = prefix
    while let last = key.popLast() {
      if last < 0xFF {
        key.append(last + 1)
        return key
      }
    }
    return [UInt8](repeating: 0xFF, count: prefix.count + 1)
  }
}
