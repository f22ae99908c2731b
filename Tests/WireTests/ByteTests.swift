// ByteTests: what the writer writes the reader reads, and nothing is read past the end.

import Testing
import Wire

@Suite struct ByteTests {
  @Test func `every kind of value survives writing and reading`() throws {
    var writer = ByteWriter()
    writer.u8(0xAB)
    writer.bool(true)
    writer.u16(0xBEEF)
    writer.u32(0xDEAD_BEEF)
    writer.u64(UInt64.max - 1)
    writer.i64(Int64.min)
    writer.u128(UInt128.max - 5)
    writer.blob16([1, 2, 3])
    writer.blob32([])
    writer.text("Größe")
    var reader = ByteReader(writer.bytes)
    #expect(try reader.u8() == 0xAB)
    #expect(try reader.bool())
    #expect(try reader.u16() == 0xBEEF)
    #expect(try reader.u32() == 0xDEAD_BEEF)
    #expect(try reader.u64() == UInt64.max - 1)
    #expect(try reader.i64() == Int64.min)
    #expect(try reader.u128() == UInt128.max - 5)
    #expect(try reader.blob16() == [1, 2, 3])
    #expect(try reader.blob32(limit: 0) == [])
    #expect(try reader.text() == "Größe")
    try reader.finish()
  }

  @Test func `numbers are big-endian, so that keys sort as their values`() {
    var previous: [UInt8] = []
    for value: UInt64 in [0, 1, 255, 256, 65_535, 1 << 32, UInt64.max] {
      var writer = ByteWriter()
      writer.u64(value)
      #expect(previous.lexicographicallyPrecedes(writer.bytes))
      previous = writer.bytes
    }
  }

  @Test func `a read past the end throws and moves nothing`() {
    var reader = ByteReader([1, 2, 3])
    #expect(throws: WireError.truncated(needed: 4, left: 3)) { try reader.u32() }
    #expect(throws: WireError.truncated(needed: 8, left: 3)) { try reader.u64() }
    #expect(throws: WireError.truncated(needed: 4, left: 3)) { try reader.raw(4) }
    #expect(reader.offset == 0)
    #expect(reader.left == 3)
  }

  @Test func `a reader of a part does not see beyond it`() throws {
    var reader = ByteReader([1, 2, 3, 4], in: 1..<3)
    #expect(try reader.u16() == 0x0203)
    #expect(throws: WireError.truncated(needed: 1, left: 0)) { try reader.u8() }
  }

  @Test func `a length above the limit is refused before its bytes are looked at`() {
    var reader = ByteReader([0xFF, 0xFF, 0xFF, 0xFF])
    #expect(throws: WireError.tooLong(length: 0xFFFF_FFFF, limit: 100)) {
      try reader.blob32(limit: 100)
    }
    var short = ByteReader([0, 5, 1])
    #expect(throws: WireError.truncated(needed: 5, left: 1)) { try short.blob16() }
  }

  @Test func `values that their type does not have are refused`() {
    var flag = ByteReader([2])
    #expect(throws: WireError.invalid("bool")) { try flag.bool() }
    var text = ByteReader([0, 2, 0xC3, 0x28])
    #expect(throws: WireError.invalid("text")) { try text.text() }
    #expect(throws: WireError.trailingBytes(count: 1)) { try ByteReader([1]).finish() }
  }

  @Test func `the key after a prefix is above all keys with it and below all others`() {
    #expect(RowKey.after([1, 2]) == [1, 3])
    #expect(RowKey.after([1, 0xFF]) == [2])
    let prefixes: [[UInt8]] = [[7], [7, 0xFF], [7, 0xFF, 0xFF], [0], [0x10, 0, 0]]
    for prefix in prefixes {
      let after = RowKey.after(prefix)
      #expect((prefix + [UInt8](repeating: 0xFF, count: 40)).lexicographicallyPrecedes(after))
      #expect(!after.starts(with: prefix))
    }
    let last = RowKey.after([0xFF])
    #expect([0xFF].lexicographicallyPrecedes(last))
  }

  @Test func `a patched length stands where it was reserved`() throws {
    var writer = ByteWriter()
    writer.u8(9)
    let place = writer.count
    writer.u32(0)
    writer.raw([1, 2, 3])
    writer.patch32(at: place, 3)
    var reader = ByteReader(writer.bytes)
    #expect(try reader.u8() == 9)
    #expect(try reader.blob32(limit: 3) == [1, 2, 3])
  }
}
