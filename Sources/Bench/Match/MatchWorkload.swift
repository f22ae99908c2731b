// MatchWorkload: the messages of a workload file of the public referee, ready to be handed to a library.
//
// The file: a magic of 8 bytes, version (u32) 1, count (u32), then records of 40 bytes, little endian: type (0 new,
// 1 cancel, 2 modify), side, immediate-or-cancel, a spare byte, quantity (u32), sequence number, order id, price in
// ticks, 8 spare bytes.
// Not here: how the referee makes them.

import ArgumentParser
import CMatch
import Glibc

/// All messages, laid out as the library takes them.
final class MatchWorkload {
  private static let recordBytes = 40
  private static let headerBytes = 16

  let messages: UnsafeMutableBufferPointer<cm_message>

  var count: Int { messages.count }

  deinit { messages.deallocate() }

  /// - Throws: `ValidationError` if the file cannot be read, or is no such workload.
  init(path: String) throws {
    let bytes = try Self.read(path)
    let count = try bytes.withUnsafeBytes { raw in
      guard raw.count >= Self.headerBytes, raw.starts(with: "100_WBEM".utf8),
        raw.loadUnaligned(fromByteOffset: 8, as: UInt32.self) == 1
      else { throw ValidationError("\(path) is no workload of version 1") }
      return Int(raw.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
    }
    guard bytes.count == Self.headerBytes + count * Self.recordBytes else {
      throw ValidationError("\(path) should hold \(count) records, and has \(bytes.count) bytes")
    }
    messages = .allocate(capacity: count)
    try bytes.withUnsafeBytes { raw in
      for place in 0..<count {
        let start = Self.headerBytes + place * Self.recordBytes
        let record = UnsafeRawBufferPointer(rebasing: raw[start...].prefix(Self.recordBytes))
        messages.initializeElement(at: place, to: try Self.message(record))
      }
    }
  }

  private static func message(_ raw: UnsafeRawBufferPointer) throws -> cm_message {
    let quantity = raw.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
    let sequence = raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    let id = raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
    let price = raw.loadUnaligned(fromByteOffset: 24, as: Int64.self)
    var message = cm_message()
    message.kind = cm_kind(UInt32(raw[0]))
    switch message.kind {
    case CM_NEW:
      (message.order.order_id, message.order.sequence_number) = (id, sequence)
      (message.order.price_ticks, message.order.quantity) = (price, quantity)
      (message.order.side, message.order.ioc) = (raw[1], raw[2])
    case CM_CANCEL:
      (message.cancel.order_id, message.cancel.sequence_number) = (id, sequence)
    case CM_MODIFY:
      (message.change.order_id, message.change.sequence_number) = (id, sequence)
      (message.change.new_price_ticks, message.change.new_quantity) = (price, quantity)
      message.change.side = raw[1]
    default: throw ValidationError("a record of the workload has the unknown type \(raw[0])")
    }
    return message
  }

  private static func read(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else {
      throw ValidationError("cannot open \(path): \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    fseek(file, 0, SEEK_END)
    let size = ftell(file)
    rewind(file)
    return [UInt8](unsafeUninitializedCapacity: max(0, size)) { buffer, count in
      count = fread(buffer.baseAddress, 1, buffer.count, file)
    }
  }
}
