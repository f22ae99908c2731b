// ChecksumTests: CRC32C against the published vectors (RFC 3720, appendix B.4), and the row hash.

import Testing

@testable import Wire

@Suite struct ChecksumTests {
  @Test func `CRC32C gives the published values`() {
    #expect(CRC32C.of(Array("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.of([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.of([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.of((0..<32).map { UInt8($0) }) == 0x46DD_794E)
    #expect(CRC32C.of((0..<32).reversed().map { UInt8($0) }) == 0x113F_DB5C)
    #expect(CRC32C.of([UInt8]()) == 0)
  }

  @Test func `the instruction and the tables agree, at every length and alignment`() {
    let bytes = (0..<600).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 3)) }
    bytes.withUnsafeBytes { all in
      for start in 0..<9 {
        for end in stride(from: start, through: all.count, by: 7) {
          let part = UnsafeRawBufferPointer(rebasing: all[start..<end])
          let seed = UInt32(truncatingIfNeeded: start &* 0x9E37_79B9)
          #expect(CRC32C.of(part, seed: seed) == CRC32C.sliced(part, seed: seed))
        }
      }
    }
  }

  @Test func `a checksum can be continued at any byte`() {
    let bytes = (0..<100).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let whole = CRC32C.of(bytes)
    for cut in 0...bytes.count {
      let first = CRC32C.of(bytes, in: 0..<cut)
      #expect(CRC32C.of(Array(bytes[cut...]), seed: first) == whole)
    }
  }

  @Test func `every flipped bit changes the checksum`() {
    let bytes = (0..<64).map { UInt8($0) }
    let whole = CRC32C.of(bytes)
    for bit in 0..<bytes.count * 8 {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(CRC32C.of(damaged) != whole)
    }
  }

  @Test func `the sum of row hashes does not depend on the order of changes`() {
    let rows = (0..<50).map { (key: [UInt8($0)], value: [UInt8($0), 1, 2]) }
    var forward: UInt128 = 0
    for row in rows { forward &+= RowHash.of(key: row.key, value: row.value) }
    var backward: UInt128 = 0
    for row in rows.reversed() { backward &+= RowHash.of(key: row.key, value: row.value) }
    #expect(forward == backward)
    let changed =
      forward &- RowHash.of(key: rows[3].key, value: rows[3].value)
      &+ RowHash.of(key: rows[3].key, value: [9])
    #expect(changed != forward)
    #expect(
      changed &- RowHash.of(key: rows[3].key, value: [9])
        &+ RowHash.of(key: rows[3].key, value: rows[3].value) == forward)
  }

  @Test func `the border between key and value counts`() {
    #expect(RowHash.of(key: [1, 2], value: [3]) != RowHash.of(key: [1], value: [2, 3]))
    #expect(RowHash.of(key: [], value: []) != RowHash.of(key: [0], value: []))
    #expect(RowHash.of(key: [0], value: []) != RowHash.of(key: [0, 0], value: []))
  }

  @Test func `every bit of a row counts`() {
    let key = (0..<11).map { UInt8($0) }
    let value = (0..<23).map { UInt8($0 * 3) }
    let hash = RowHash.of(key: key, value: value)
    var seen: Set<UInt128> = [hash]
    for bit in 0..<value.count * 8 {
      var other = value
      other[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(seen.insert(RowHash.of(key: key, value: other)).inserted)
    }
  }
}
