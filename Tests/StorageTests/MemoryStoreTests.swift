// MemoryStoreTests: the model store by itself.

import Storage
import Testing
import Wire

@Suite struct MemoryStoreTests {
  @Test func `a scan has a lower bound that counts and an upper bound that does not`() {
    let store = MemoryStore()
    var batch = RowBatch()
    for key in 1...5 { batch.put([UInt8(key)], [UInt8(key * 10)]) }
    store.write(batch)
    func keys(_ from: [UInt8], _ upTo: [UInt8], _ reverse: Bool) -> [UInt8] {
      var found: [UInt8] = []
      store.scan(from: from, upTo: upTo, reverse: reverse) { key, _ in
        found.append(key[0])
        return true
      }
      return found
    }
    #expect(keys([2], [4], false) == [2, 3])
    #expect(keys([2], [4], true) == [3, 2])
    #expect(keys([4], [2], false) == [])
    #expect(keys([6], [9], true) == [])
    #expect(keys([], [255], true) == [5, 4, 3, 2, 1])
  }
}
