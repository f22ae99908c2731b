// NumberTests: numbers take exactly the bytes that they need, and come back.
// Not here: what is made of them (the tests of the rooms that own layouts).

import Testing

@testable import Wire

@Suite struct NumberTests {
  // Around each power of two, where the count of bytes changes or nearly does.
  private static let edges: [UInt64] =
    [0, .max]
    + (0..<64).flatMap { shift -> [UInt64] in
      let power: UInt64 = 1 << UInt64(shift)
      return [power &- 1, power, power &+ 1]
    }

  private static func bytesNeeded(_ value: UInt64) -> Int {
    var left = value
    var count = 0
    while left > 0 {
      left >>= 8
      count += 1
    }
    return count
  }

  @Test func `a number takes the bytes that it needs, and comes back`() throws {
    for value in Self.edges {
      try withUnsafeTemporaryAllocation(byteCount: 8, alignment: 8) { memory in
        let start = try #require(memory.baseAddress)
        var packer = NumberPacker(start, at: 0)
        packer.put(value)
        let count = Self.bytesNeeded(value)
        #expect(packer.end == count, "of \(value)")
        #expect(packer.lengths == UInt64(count), "of \(value)")
        var reader = RawReader(UnsafeRawBufferPointer(start: start, count: count))
        var lengths = NumberLengths(packer.lengths)
        #expect(try lengths.next(&reader) == value)
        try lengths.finish()
      }
    }
  }

  @Test func `a row is hashed with keys that grow by steps`() {
    // The keys of the first pairs come from a table: it must hold what the steps come to.
    let row = (0..<560).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
    for count in stride(from: 16, through: 560, by: 16) {
      var sum: UInt128 = 0
      row.withUnsafeBytes { bytes in
        for pair in 0..<count / 16 {
          let first = bytes.loadUnaligned(fromByteOffset: 16 * pair, as: UInt64.self)
          let second = bytes.loadUnaligned(fromByteOffset: 16 * pair + 8, as: UInt64.self)
          sum &+= RowHash.product(
            first.littleEndian ^ (RowHash.evenKey &+ UInt64(pair) &* RowHash.evenStep),
            second.littleEndian ^ (RowHash.oddKey &+ UInt64(pair) &* RowHash.oddStep))
        }
      }
      let hash = RowHash.of(key: Array(row[..<9]), value: Array(row[9..<count]))
      #expect(hash == RowHash.finish(sum, 9, count - 9), "\(count) bytes")
    }
  }
}
