// StoreBufferTests: a buffered store shows at every read what an unbuffered one would.

import TestSupport
import Testing
import Wire

@testable import Storage

@Suite struct StoreBufferTests {
  @Test(arguments: [1, 2, 3] as [UInt64])
  func `reads see every change, whatever was written out before`(seed: UInt64) throws {
    let folder = TemporaryDirectory()
    let store = try StateStore.open(path: folder.path + "/rows", options: StateStoreOptions())
    defer { store.close() }
    let buffer = StoreBuffer(store, writtenUpTo: 0)
    let model = MemoryStore()
    var random = SeededRandom(seed)
    for index in 1...400 as ClosedRange<UInt64> {
      var batch = RowBatch()
      for _ in 0..<(1 + Int(random.next() % 40)) {
        // Keys of 1 to 20 bytes from few letters: equal heads, prefixes of each other, repetitions.
        let key = (0..<(1 + Int(random.next() % 20))).map { _ in UInt8(random.next() % 2) }
        if random.next() % 4 == 0 {
          batch.delete(key)
        } else {
          batch.put(key, [UInt8(random.next() % 256)])
        }
      }
      model.write(batch)
      try buffer.write(batch, upTo: index)
      guard random.next() % 5 == 0 else { continue }
      #expect(try rows(buffer) == rows(model), "seed \(seed), index \(index)")
      #expect(buffer.writtenIndex == index)
    }
    try buffer.writeOut()
    #expect(try rows(store) == rows(model))
  }

  @Test func `changes beyond the bound are written out by themselves`() throws {
    let folder = TemporaryDirectory()
    let store = try StateStore.open(path: folder.path + "/rows", options: StateStoreOptions())
    defer { store.close() }
    let buffer = StoreBuffer(store, writtenUpTo: 7)
    var batch = RowBatch()
    for number in 0..<(StoreBuffer.changesMax - 1) { batch.put([UInt8(number % 251)], [1]) }
    try buffer.write(batch, upTo: 8)
    #expect(buffer.writtenIndex == 7)
    #expect(try store.row([0]) == nil)
    try buffer.write(batch, upTo: 9)
    #expect(buffer.writtenIndex == 9)
    #expect(try store.row([0]) == [1])
  }

  private func rows(_ reader: any RowReader) throws -> [[[UInt8]]] {
    var found: [[[UInt8]]] = []
    try reader.scan(from: [], upTo: [0xFF], reverse: false) { key, value in
      found.append([key, value])
      return true
    }
    return found
  }
}
