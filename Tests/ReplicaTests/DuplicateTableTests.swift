// DuplicateTableTests: what is kept, when it is forgotten, and that rows alone rebuild it.

import Engine
import Storage
import TestSupport
import Testing
import Wire

@testable import Replica

@Suite struct DuplicateTableTests {
  static let second: Int64 = 1_000_000
  static let start: Int64 = 1_800_000_000 * second

  static func record(
    _ stamp: Int64, deadline: Int64, reply: [UInt8] = [1, 2, 3], account: UInt64 = 1001
  ) -> DuplicateTable.Record {
    DuplicateTable.Record(
      index: 5, stamp: stamp, deadline: deadline, account: AccountID(account), reply: reply)
  }

  @Test func `an outcome is kept until a minute past its deadline`() {
    var table = DuplicateTable()
    let id = RequestID(0, 0, 0, 1)
    let deadline = Self.start + 5 * Self.second + 123
    table.advance(to: Self.start)
    table.put(id, Self.record(Self.start, deadline: deadline))
    #expect(table.hash != 0)
    table.advance(to: deadline + DuplicateTable.keep)
    #expect(table.record(id) != nil)
    table.advance(to: deadline + DuplicateTable.keep + Self.second)
    #expect(table.record(id) == nil)
    #expect(table.hash == 0)
    #expect(table.replyBytes == 0)
    #expect(table.count == 0)
  }

  @Test func `a full table knows what each account uses, also after a restart, and empties`() throws
  {
    let settings = ReplicaSettings()
    let store = MemoryStore()
    var table = DuplicateTable()
    table.advance(to: Self.start)
    for number in 0..<UInt64(settings.duplicatesMax) {
      let record = Self.record(
        Self.start, deadline: Self.start + 5 * Self.second, reply: [1, 2, 3, 4],
        account: 1001 + number % 4)
      table.put(RequestID(7, 7, number, number), record)
    }
    var rows = RowBatch()
    table.collectRows(into: &rows)
    store.write(rows)
    let quarter = settings.duplicatesMax / 4
    let usage = DuplicateTable.Usage(count: quarter, replyBytes: 4 * quarter)
    var loaded = try DuplicateTable(loading: store, stamp: Self.start)
    for account in 1001...1004 as ClosedRange<UInt64> {
      #expect(table.usage(of: AccountID(account)) == usage)
      #expect(loaded.usage(of: AccountID(account)) == usage)
    }
    #expect(loaded.hash == table.hash)
    loaded.advance(to: Self.start + 70 * Self.second)
    #expect(loaded.count == 0)
    #expect(loaded.replyBytes == 0)
    #expect(loaded.hash == 0)
    #expect(loaded.usage(of: AccountID(1001)) == DuplicateTable.Usage())
  }

  @Test func `an outcome that is past keeping is not recorded`() {
    var table = DuplicateTable()
    table.advance(to: Self.start)
    table.put(
      RequestID(0, 0, 0, 1), Self.record(Self.start, deadline: Self.start - 3600 * Self.second))
    #expect(table.count == 0)
  }

  @Test func `an outcome is kept until its deadline, however late the log's time is`() {
    var table = DuplicateTable()
    let id = RequestID(0, 0, 0, 1)
    let deadline = Self.start + 7300 * Self.second
    table.advance(to: Self.start)
    table.put(id, Self.record(Self.start, deadline: deadline))
    for hour in 0...2 {
      table.advance(to: Self.start + Int64(hour) * 3600 * Self.second)
      #expect(table.record(id) != nil)
    }
    table.advance(to: deadline + DuplicateTable.keep + Self.second)
    #expect(table.count == 0)
  }

  @Test func `a deadline without end is kept for a bounded time`() {
    var table = DuplicateTable()
    table.advance(to: Self.start)
    table.put(RequestID(0, 0, 0, 1), Self.record(Self.start, deadline: Int64.max))
    table.advance(to: Self.start + DuplicateTable.horizon)
    #expect(table.count == 1)
    table.advance(to: Self.start + DuplicateTable.horizon + 62 * Self.second)
    #expect(table.count == 0)
  }

  @Test func `a table loaded from rows is the same, and forgets the same`() throws {
    var random = SeededRandom(8)
    let store = MemoryStore()
    var table = DuplicateTable()
    var stamp = Self.start
    for step in 0..<500 as Range<UInt64> {
      stamp += random.below(2 * Self.second)
      if step == 250 { stamp += 5_000 * Self.second }
      table.advance(to: stamp)
      let deadline = stamp + random.below(60 * Self.second)
      let reply = [UInt8](repeating: 7, count: Int(random.below(50)))
      table.put(RequestID(1, 2, 3, step), Self.record(stamp, deadline: deadline, reply: reply))
      guard step % 100 == 99 else { continue }
      var rows = RowBatch()
      table.collectRows(into: &rows)
      store.write(rows)
      var loaded = try DuplicateTable(loading: store, stamp: stamp)
      #expect(loaded.hash == table.hash)
      #expect(loaded.count == table.count)
      #expect(loaded.replyBytes == table.replyBytes)
      loaded.advance(to: stamp + 90 * Self.second)
      var other = try DuplicateTable(loading: store, stamp: stamp)
      other.advance(to: stamp + 45 * Self.second)
      other.advance(to: stamp + 90 * Self.second)
      #expect(loaded.hash == other.hash)
    }
  }

  @Test func `forgotten outcomes leave no rows`() throws {
    let store = MemoryStore()
    var table = DuplicateTable()
    table.advance(to: Self.start)
    table.put(RequestID(9, 9, 9, 9), Self.record(Self.start, deadline: Self.start))
    var rows = RowBatch()
    table.collectRows(into: &rows)
    store.write(rows)
    #expect(store.count == 1)
    table.advance(to: Self.start + 100 * Self.second)
    var later = RowBatch()
    table.collectRows(into: &later)
    store.write(later)
    #expect(store.count == 0)
  }

  /// An entry's outcomes, each by itself a second later past keeping than the one before.
  static func entry(_ table: inout DuplicateTable, index: UInt64, _ count: Int, reply: Int) {
    for number in 0..<UInt64(count) {
      let reply = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: reply)
      reply.withUnsafeBytes { bytes in
        table.put(
          new: RequestID(index, 0, 0, number), index: index, stamp: start,
          deadline: start + Int64(number) * second, account: AccountID(1001 + number % 3),
          reply: bytes)
      }
    }
    table.seal()
  }

  @Test func `the outcomes of an entry share a row, which goes with the last of them`() throws {
    let store = MemoryStore()
    var table = DuplicateTable()
    table.advance(to: Self.start)
    Self.entry(&table, index: 5, 10, reply: 20)
    let first = table.hash
    Self.entry(&table, index: 6, 1, reply: 0)
    var rows = RowBatch()
    table.collectRows(into: &rows)
    store.write(rows)
    #expect(store.count == 2)
    for seconds in 0..<10 as Range<Int64> {
      let stamp = Self.start + DuplicateTable.keep + seconds * Self.second + Self.second
      table.advance(to: stamp)
      var later = RowBatch()
      table.collectRows(into: &later)
      store.write(later)
      #expect(store.count == (seconds < 9 ? 1 : 0))
      let loaded = try DuplicateTable(loading: store, stamp: stamp)
      for one in [table.count, loaded.count] { #expect(one == 9 - Int(seconds)) }
      for one in [table.hash, loaded.hash] where seconds < 9 { #expect(one == first) }
      for number in 0..<10 as Range<UInt64> {
        let id = RequestID(5, 0, 0, number)
        #expect(table.record(id) == loaded.record(id))
        #expect((table.record(id)?.reply.count == 20) == (Int64(number) > seconds))
      }
      for account in 1001...1003 as ClosedRange<UInt64> {
        #expect(table.usage(of: AccountID(account)) == loaded.usage(of: AccountID(account)))
      }
    }
    #expect(table.hash == 0)
  }

  @Test func `an outcome is found within its own entry, and long rows are divided`() throws {
    let store = MemoryStore()
    var table = DuplicateTable()
    table.advance(to: Self.start)
    for (index, reply) in [1000, OutcomeRows.rowBytesMax, 3 * OutcomeRows.rowBytesMax].enumerated()
    {
      let bytes = [UInt8](repeating: 1, count: reply)
      for number in 0..<9 as Range<UInt64> {
        let id = RequestID(1, 2, UInt64(index), number)
        bytes.withUnsafeBytes {
          table.put(
            new: id, index: UInt64(index), stamp: Self.start, deadline: Self.start + 7,
            account: .operator, reply: $0)
        }
        #expect(table.record(id)?.reply == bytes)
        #expect(table.record(id)?.deadline == Self.start + 7)
        #expect(table.record(RequestID(1, 2, UInt64(index), number + 1)) == nil)
      }
      table.seal()
    }
    var rows = RowBatch()
    table.collectRows(into: &rows)
    store.write(rows)
    #expect(store.count == 3 + 9 + 9)
    let loaded = try DuplicateTable(loading: store, stamp: Self.start)
    #expect(loaded.hash == table.hash && loaded.count == 27)
    #expect(loaded.record(RequestID(1, 2, 2, 8)) == table.record(RequestID(1, 2, 2, 8)))
  }

  @Test func `a row of outcomes that is cut short or damaged is refused or read, and never traps`()
    throws
  {
    var table = DuplicateTable()
    table.advance(to: Self.start)
    Self.entry(&table, index: 5, 3, reply: 4)
    var rows = RowBatch()
    table.collectRows(into: &rows)
    let row = try #require(rows.changes.first)
    let value = try #require(row.value)
    func load(_ value: [UInt8]) throws {
      let store = MemoryStore()
      var batch = RowBatch()
      batch.put(row.key, value)
      store.write(batch)
      _ = try DuplicateTable(loading: store, stamp: Self.start)
    }
    var whole = 0
    for count in 0..<value.count {
      do { try load(Array(value.prefix(count))) } catch { continue }
      whole += 1
    }
    // Behind the first and behind the second: the state hash knows.
    #expect(whole == 2)
    var random = SeededRandom(11)
    for _ in 0..<2_000 {
      var damaged = value
      damaged[Int(random.below(Int64(damaged.count)))] = UInt8(random.below(256))
      try? load(damaged)
    }
    // All of them are past keeping.
    let store = MemoryStore()
    store.write(rows)
    #expect(throws: ReplicaError.self) {
      _ = try DuplicateTable(loading: store, stamp: Self.start + 600 * Self.second)
    }
  }

  @Test func `the applied marker comes back as it was`() throws {
    var marker = AppliedMarker.initial
    marker.applied = .init(term: .init(3), index: .init(7))
    marker.stamp = 99
    marker.stateHash = 1 << 100
    marker.genesisHash = [1, 2, 3]
    marker.clusterID = "castle"
    marker.configuration = .init(voters: [.init(id: .init(1), incarnation: 2)])
    marker.windowEnd = 100_000
    #expect(try ReplicaRows.marker(ReplicaRows.markerValue(marker)) == marker)
    let value = ReplicaRows.markerValue(marker)
    for count in 0..<value.count {
      #expect(throws: WireError.self) { try ReplicaRows.marker(Array(value.prefix(count))) }
    }
  }
}
