// CRC32C (Castagnoli, reflected polynomial 0x82F63B78; RFC 3720 appendix B.4): the processor's instruction where there
// is one, else slicing by eight.
// Not here: where checksums are stored, and keyed hashes (RowHash).

import CWire

/// The checksum of everything that reaches a disk or a peer. Detects damage, not malice.
public enum CRC32C {
  /// The checksum of `bytes`, continuing from `seed` (the checksum of what precedes them; 0 at the start).
  ///
  /// - Complexity: O(n), about a tenth of a nanosecond a byte, or one without the instruction.
  public static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
    guard isAccelerated else { return sliced(bytes, seed: seed) }
    return ~cw_crc32c(~seed, bytes.baseAddress, bytes.count)
  }

  private static let isAccelerated = cw_has_crc32c() != 0

  /// The same by tables, for processors without the instruction.
  static func sliced(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
    var crc = ~seed
    var i = 0
    let n = bytes.count
    table.withUnsafeBufferPointer { t in
      while i + 8 <= n {
        let word =
          bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self).littleEndian ^ UInt64(crc)
        crc = t[7 * 256 + Int(word & 0xff)] ^ t[6 * 256 + Int((word >> 8) & 0xff)]
        crc ^= t[5 * 256 + Int((word >> 16) & 0xff)] ^ t[4 * 256 + Int((word >> 24) & 0xff)]
        crc ^= t[3 * 256 + Int((word >> 32) & 0xff)] ^ t[2 * 256 + Int((word >> 40) & 0xff)]
        crc ^= t[256 + Int((word >> 48) & 0xff)] ^ t[Int(word >> 56)]
        i += 8
      }
      while i < n {
        crc = t[Int((crc ^ UInt32(bytes[i])) & 0xff)] ^ (crc >> 8)
        i += 1
      }
    }
    return ~crc
  }

  /// The checksum of an array.
  public static func of(_ bytes: [UInt8], seed: UInt32 = 0) -> UInt32 {
    bytes.withUnsafeBytes { of($0, seed: seed) }
  }

  /// The checksum of a part of an array.
  public static func of(_ bytes: [UInt8], in range: Range<Int>) -> UInt32 {
    bytes.withUnsafeBytes { of(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  private static let table: [UInt32] = {
    var t = [UInt32](repeating: 0, count: 8 * 256)
    for i in 0..<256 {
      var crc = UInt32(i)
      for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
      t[i] = crc
    }
    for i in 0..<256 {
      for k in 1..<8 {
        t[k * 256 + i] = t[Int(t[(k - 1) * 256 + i] & 0xff)] ^ (t[(k - 1) * 256 + i] >> 8)
      }
    }
    return t
  }()
}
