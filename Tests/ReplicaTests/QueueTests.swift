// QueueTests: the bounded tables between clients, log and publisher.

import Engine
import Raft
import TestSupport
import Testing
import Wire

@testable import Replica

@Suite struct QueueTests {
  static func request(_ number: UInt64, deadline: Int64 = 100) -> Request {
    Request(
      header: CommandHeader(
        requestID: RequestID(0, 0, 0, number), key: KeyID(1), timestamp: 0, deadline: deadline),
      command: .revokeKey(RevokeKey(apiKey: "k")))
  }

  static func handedOver(_ table: inout PendingTable, _ limit: Int = .max) -> [UInt64] {
    var seen: [UInt64] = []
    table.handOver(7) { item in
      guard seen.count < limit else { return false }
      seen.append(item.id.words.3)
      return true
    }
    return seen
  }

  @Test func `pending writes are handed over once, in order, and again in order after a rewind`() {
    var table = PendingTable(limit: 100, accountLimit: 100)
    for number in 1...6 as ClosedRange<UInt64> {
      #expect(
        table.add(number, Self.request(number), of: .operator, since: 0, encode: { _ in [1] })
          == .new)
    }
    #expect(Self.handedOver(&table, 4) == [1, 2, 3, 4])
    #expect(Self.handedOver(&table) == [5, 6])
    #expect(Self.handedOver(&table) == [])
    #expect(table.remove(RequestID(0, 0, 0, 1)) == [1])
    #expect(table.remove(RequestID(0, 0, 0, 3)) == [3])
    #expect(table.oldestHandedOver == 7)
    table.rewind()
    #expect(Self.handedOver(&table) == [2, 4, 5, 6])
  }

  @Test func `a repeated request shares one item, and all its tickets are answered`() {
    var table = PendingTable(limit: 3, accountLimit: 3)
    #expect(table.add(1, Self.request(9), of: .operator, since: 0, encode: { _ in [1] }) == .new)
    #expect(
      table.add(2, Self.request(9), of: .operator, since: 0, encode: { _ in [1] }) == .attached)
    #expect(table.add(3, Self.request(8), of: .operator, since: 0, encode: { _ in [1] }) == .new)
    #expect(table.add(4, Self.request(7), of: .operator, since: 0, encode: { _ in [1] }) == .full)
    #expect(table.count == 2)
    #expect(table.remove(RequestID(0, 0, 0, 9)) == [1, 2])
    #expect(table.remove(RequestID(0, 0, 0, 9)) == [])
    #expect(table.tickets == 1)
  }

  @Test func `pending writes expire strictly after their deadline, and age by their first ticket`()
  {
    var table = PendingTable(limit: 10, accountLimit: 10)
    _ = table.add(1, Self.request(1, deadline: 50), of: .operator, since: 5, encode: { _ in [] })
    _ = table.add(2, Self.request(2, deadline: 60), of: .operator, since: 6, encode: { _ in [] })
    #expect(table.expired(at: 50) == [])
    #expect(table.expired(at: 51) == [RequestID(0, 0, 0, 1)])
    #expect(table.older(than: 6) == [RequestID(0, 0, 0, 1)])
    #expect(table.older(than: 7).count == 2)
  }

  @Test func `a random pending table behaves like a list`() {
    var random = SeededRandom(3)
    var table = PendingTable(limit: 1 << 20, accountLimit: 1 << 20)
    var list: [(id: UInt64, sent: Bool)] = []
    var next: UInt64 = 0
    for _ in 0..<5000 {
      switch random.below(10) {
      case 0..<5:
        next += 1
        _ = table.add(next, Self.request(next), of: .operator, since: 0, encode: { _ in [] })
        list.append((next, false))
      case 5..<8:
        guard !list.isEmpty else { continue }
        let victim = list.remove(at: Int(random.below(Int64(list.count)))).id
        #expect(table.remove(RequestID(0, 0, 0, victim)) == [victim])
      case 8:
        table.rewind()
        for i in list.indices { list[i].sent = false }
      default:
        let wanted = list.filter { !$0.sent }.map(\.id)
        #expect(Self.handedOver(&table) == wanted)
        for i in list.indices { list[i].sent = true }
      }
      #expect(table.count == list.count)
    }
  }

  @Test func `the proposal queue takes a request once and keeps both bounds`() {
    var queue = ProposalQueue(countMax: 3, bytesMax: 10)
    #expect(queue.add(RequestID(0, 0, 0, 1), [1, 1, 1, 1]) == true)
    #expect(queue.add(RequestID(0, 0, 0, 1), [1, 1, 1, 1]) == true)
    #expect(queue.count == 1)
    #expect(queue.add(RequestID(0, 0, 0, 2), [2, 2, 2, 2]) == true)
    #expect(queue.add(RequestID(0, 0, 0, 3), [3, 3, 3, 3]) == false)
    #expect(queue.batch(countMax: 10, bytesMax: 4) == [[1, 1, 1, 1]])
    #expect(queue.batch(countMax: 10, bytesMax: 1).count == 1)
    queue.drop(1)
    #expect(queue.add(RequestID(0, 0, 0, 1), [1, 1, 1, 1]) == true, "still in flight")
    #expect(queue.count == 1)
    queue.applied(RequestID(0, 0, 0, 1))
    #expect(queue.add(RequestID(0, 0, 0, 1), [1, 1, 1, 1]) == true)
    #expect(queue.count == 2)
  }

  @Test func `runs wait for the own log and are bounded by the store`() {
    func run(_ index: UInt64) -> Run {
      Run(events: EventBatch(), rows: RowBatch(), lastIndex: index, lastStamp: 0, stateHash: 0)
    }
    var queue = RunQueue(limit: 3, stored: 10)
    var out: [Run] = []
    for index in [11, 12, 15] as [UInt64] { queue.hold(run(index)) }
    #expect(!queue.hasRoom)
    queue.release(durable: 12, into: &out)
    #expect(out.map(\.lastIndex) == [11, 12])
    #expect(queue.handedOut == 12)
    #expect(!queue.hasRoom)
    queue.stored(upTo: 11)
    #expect(queue.hasRoom)
    #expect(queue.stored == 11)
    queue.release(durable: 20, into: &out)
    #expect(out.last?.lastIndex == 15)
  }

  @Test func `runs are bounded by what they weigh, but one always fits`() {
    func run(_ index: UInt64, _ changes: Int) -> Run {
      var rows = RowBatch()
      for key in 0..<changes { rows.put([UInt8(key)], []) }
      return Run(
        events: EventBatch(), rows: rows, lastIndex: index, lastStamp: 0, stateHash: 0)
    }
    var queue = RunQueue(limit: 100, weightMax: 5, stored: 0)
    var out: [Run] = []
    queue.hold(run(1, 9))
    #expect(!queue.hasRoom)
    queue.release(durable: 1, into: &out)
    #expect(!queue.hasRoom)
    queue.stored(upTo: 1)
    #expect(queue.hasRoom)
    queue.hold(run(2, 2))
    queue.hold(run(3, 2))
    #expect(queue.hasRoom)
    queue.hold(run(4, 1))
    queue.release(durable: 3, into: &out)
    #expect(!queue.hasRoom)
    queue.stored(upTo: 2)
    #expect(queue.hasRoom)
    #expect(out.map(\.lastIndex) == [1, 2, 3])
  }

  @Test func `reads share a round, survive its failure, and end once`() {
    var table = ReadTable(limit: 3, seed: 0)
    var ready: [UInt64] = []
    #expect(table.add(1, 0) == true)
    #expect(table.add(2, 0) == true)
    let first = table.begin(0)
    #expect(first != nil)
    #expect(table.begin(0) == nil)
    #expect(table.add(3, 5) == true)
    #expect(table.add(4, 5) == false)
    table.fail(first ?? 0, 10, pause: 20)
    #expect(table.begin(15) == nil)
    let second = table.begin(30)
    table.confirm(first ?? 0, index: 1)
    table.take(upTo: 100) { ticket, _ in ready.append(ticket) }
    #expect(ready == [])
    table.confirm(second ?? 0, index: 50)
    table.take(upTo: 49) { ticket, _ in ready.append(ticket) }
    #expect(ready == [])
    table.take(upTo: 50) { ticket, _ in ready.append(ticket) }
    #expect(ready == [1, 2, 3])
    #expect(table.count == 0)
    #expect(table.add(5, 100) == true)
    #expect(table.takeOlder(than: 101) == [5])
    #expect(table.count == 0)
  }
}
