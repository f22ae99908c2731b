// OutcomeRows: the rows of recorded outcomes: those of an entry together, in one row or in a few.
//
// Key: prefix 0x02, the entry's index, the row's number among those of the entry. Value: version, the entry's stamp,
// then one outcome behind the other: the request's id, three lengths (u16), how far the deadline is from the stamp, the
// account, the count of the reply's bytes (see ShortNumbers), and the reply.
// Invariants: decoding is bounded and never traps; an outcome is read where it was written, without a copy.
// Not here: which outcomes share a row and when it goes (DuplicateTable).

import Engine
import Wire

enum OutcomeRows {
  static let prefix = RowKey.start(0x02).bytes
  static let keyBytes = 15
  /// A row takes no further outcome that would make it longer than this.
  static let rowBytesMax = OutcomeCells.cellMax
  static let headBytes = 9
  /// What an outcome takes at most beside its reply.
  static let outcomeBytes = 32 + 2 + 3 * 8
  private static let version: UInt8 = 3
  private static let replyBytesMax = ReplyCodec.bytesMax

  /// An outcome within a row.
  struct Outcome {
    var id: RequestID
    var deadline: Int64
    var account: AccountID
    var reply: UnsafeRawBufferPointer
  }

  static func key(_ index: UInt64, _ part: UInt32, into packer: inout Packer) {
    packer.block(atMost: keyBytes) {
      $0.storeBytes(of: 0x02, as: UInt8.self)
      $0.storeBytes(of: 0, toByteOffset: 1, as: UInt16.self)
      $0.storeBytes(of: index.bigEndian, toByteOffset: 3, as: UInt64.self)
      $0.storeBytes(of: part.bigEndian, toByteOffset: 11, as: UInt32.self)
      return keyBytes
    }
  }

  static func name(key: [UInt8]) throws(WireError) -> (index: UInt64, part: UInt32) {
    var reader = ByteReader(key)
    guard try reader.raw(prefix.count) == prefix else { throw .invalid("row of outcomes") }
    let name = (index: try reader.u64(), part: try reader.u32())
    try reader.finish()
    return name
  }

  /// Writes what a value begins with.
  static func store(_ stamp: Int64, _ memory: UnsafeMutableRawPointer) -> Int {
    memory.storeBytes(of: version, as: UInt8.self)
    memory.storeBytes(of: stamp.bigEndian, toByteOffset: 1, as: Int64.self)
    return headBytes
  }

  /// Reads it.
  static func stamp(_ reader: inout RawReader) throws(WireError) -> Int64 {
    guard try reader.u8() == version else { throw .invalid("version of outcomes") }
    return try reader.i64()
  }

  /// Writes an outcome of the entry at `stamp`.
  @inline(__always)
  static func store(
    _ id: RequestID, _ stamp: Int64, _ deadline: Int64, _ account: AccountID,
    _ reply: UnsafeRawBufferPointer, _ memory: UnsafeMutableRawPointer
  ) -> Int {
    memory.storeBytes(of: id.words.0.bigEndian, as: UInt64.self)
    memory.storeBytes(of: id.words.1.bigEndian, toByteOffset: 8, as: UInt64.self)
    memory.storeBytes(of: id.words.2.bigEndian, toByteOffset: 16, as: UInt64.self)
    memory.storeBytes(of: id.words.3.bigEndian, toByteOffset: 24, as: UInt64.self)
    var numbers = NumberPacker(memory, at: 34)
    numbers.put(deadline &- stamp)
    numbers.put(account.value)
    numbers.put(Int64(reply.count))
    let lengths = UInt16(truncatingIfNeeded: numbers.lengths)
    memory.storeBytes(of: lengths.bigEndian, toByteOffset: 32, as: UInt16.self)
    if let start = reply.baseAddress {
      (memory + numbers.end).copyMemory(from: start, byteCount: reply.count)
    }
    return numbers.end + reply.count
  }

  /// The id of the outcome that begins there.
  @inline(__always)
  static func id(_ bytes: UnsafeRawBufferPointer) -> RequestID {
    guard let start = bytes.baseAddress, bytes.count >= 32 else {
      preconditionFailure("an outcome without an id")
    }
    return id(UnsafeRawPointer(start))
  }

  @inline(__always)
  private static func id(_ start: UnsafeRawPointer) -> RequestID {
    RequestID(
      start.big(UInt64.self, 0), start.big(UInt64.self, 8), start.big(UInt64.self, 16),
      start.big(UInt64.self, 24))
  }

  /// Reads an outcome of the entry at `stamp`.
  static func outcome(
    _ reader: inout RawReader, _ stamp: Int64
  ) throws(WireError) -> Outcome {
    let id = id(try reader.take(32))
    var numbers = NumberLengths(UInt64(try reader.u16()))
    let deadline = stamp &+ (try numbers.signed(&reader))
    let account = AccountID(try numbers.next(&reader))
    let count = Int(try numbers.short(&reader))
    try numbers.finish()
    guard count <= replyBytesMax else { throw .tooLong(length: count, limit: replyBytesMax) }
    return Outcome(
      id: id, deadline: deadline, account: account,
      reply: UnsafeRawBufferPointer(start: try reader.take(count), count: count))
  }
}
