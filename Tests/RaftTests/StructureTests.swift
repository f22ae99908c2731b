// StructureTests: the parts under the algorithm: log window, in-flight ring, quorums, jitter.

import Testing

@testable import Raft

private func entry(_ term: UInt64, _ index: UInt64, bytes: Int = 10) -> Entry {
  Entry(
    id: EntryID(term: Term(term), index: LogIndex(index)), kind: .command,
    payload: [UInt8](repeating: 1, count: bytes))
}

private func configuration(_ voters: [UInt64], _ outgoing: [UInt64] = []) -> Configuration {
  func members(_ ids: [UInt64]) -> [Member] { ids.map { Member(id: NodeID($0), incarnation: 1) } }
  guard let made = Configuration(voters: members(voters), outgoing: members(outgoing)) else {
    preconditionFailure("the test's own configuration")
  }
  return made
}

@Suite struct StructureTests {
  @Test func `the window finds terms and entries inside and nothing outside`() {
    var window = LogWindow(
      base: EntryID(term: Term(2), index: LogIndex(10)),
      entries: [entry(2, 11), entry(4, 12), entry(4, 13)])
    #expect(window.term(at: LogIndex(9)) == nil)
    #expect(window.term(at: LogIndex(10)) == Term(2))
    #expect(window.term(at: LogIndex(12)) == Term(4))
    #expect(window.term(at: LogIndex(14)) == nil)
    window.truncate(after: LogIndex(11))
    #expect(window.last == EntryID(term: Term(2), index: LogIndex(11)))
    #expect(window.bytes == LogWindow.weight(entry(2, 11)))
  }

  @Test func `the window drops at the front by weight and never beyond the limit`() {
    var window = LogWindow(base: .zero, entries: (1...5000).map { entry(1, $0) })
    window.trim(to: 100 * LogWindow.weight(entry(1, 1)), upTo: LogIndex(3000))
    #expect(window.base.index == LogIndex(3000))
    window.trim(to: 100 * LogWindow.weight(entry(1, 1)), upTo: LogIndex(5000))
    #expect(window.count == 100)
    #expect(window[LogIndex(4901)].index == LogIndex(4901))
    window.trim(to: 0, upTo: LogIndex(5000))
    #expect(window.count == 0 && window.bytes == 0)
    window.append(entry(1, 5001))
    #expect(window.last.index == LogIndex(5001))
  }

  @Test func `the last entry up to an index and a term is found by halving`() {
    let terms: [UInt64] = [1, 1, 2, 2, 2, 5, 5, 9]
    let window = LogWindow(
      base: .zero, entries: terms.enumerated().map { entry($1, UInt64($0) + 1) })
    for index in UInt64(0)...9 {
      for term in UInt64(0)...10 {
        var naive = EntryID.zero
        for (i, t) in terms.enumerated() where UInt64(i) < index && t <= term {
          naive = EntryID(term: Term(t), index: LogIndex(UInt64(i) + 1))
        }
        #expect(window.lastEntry(atMost: LogIndex(index), termAtMost: Term(term)) == naive)
      }
    }
  }

  @Test func `a copy of entries stays within its limits but has one at least`() {
    let window = LogWindow(base: .zero, entries: (1...20).map { entry(1, $0, bytes: 50) })
    func count(_ countMax: Int, _ bytesMax: Int) -> Int {
      window.entries(
        after: LogIndex(5), upTo: LogIndex(20), countMax: countMax, bytesMax: bytesMax
      ).count
    }
    #expect(count(100, 1_000_000) == 15)
    #expect(count(4, 1_000_000) == 4)
    #expect(count(100, 120) == 2)
    #expect(count(100, 1) == 1)
  }

  @Test func `the in-flight ring frees what is acknowledged and wraps around`() {
    var inflights = Inflights(capacity: 3)
    for round in UInt64(0)..<10 {
      let start = round * 3
      for i in UInt64(1)...3 { inflights.add(LogIndex(start + i)) }
      #expect(inflights.isFull)
      inflights.free(upTo: LogIndex(start + 2))
      #expect(inflights.count == 1)
      inflights.free(upTo: LogIndex(start + 3))
      #expect(inflights.count == 0)
    }
  }

  @Test func `the value that a quorum reached equals the naive count`() {
    var jitter = Jitter(seed: 42)
    for _ in 0..<2000 {
      let voters = (1...UInt64(1 + jitter.below(7))).map { $0 }
      let outgoing = jitter.below(3) == 0 ? (2...UInt64(2 + jitter.below(6))).map { $0 } : []
      let configuration = configuration(voters, outgoing)
      let values = (0..<16).map { _ in UInt64(jitter.below(12)) }
      let reached = Quorum.reached(configuration) { values[Int($0.value)] }
      var naive: UInt64 = 0
      for candidate in UInt64(0)..<12
      where Quorum.holds(configuration, { values[Int($0.value)] >= candidate }) {
        naive = candidate
      }
      #expect(reached == naive, "voters \(voters), outgoing \(outgoing), values \(values)")
    }
  }

  @Test func `a joint election needs a majority of both halves`() {
    let joint = configuration([1, 2, 3], [3, 4, 5])
    var votes = Votes()
    for id in UInt64(1)...3 { votes.record(NodeID(id), granted: true) }
    #expect(Quorum.result(joint, votes) == .pending)
    votes.record(NodeID(4), granted: true)
    #expect(Quorum.result(joint, votes) == .won)
    var lost = Votes()
    for id in UInt64(4)...5 { lost.record(NodeID(id), granted: false) }
    #expect(Quorum.result(joint, lost) == .lost)
  }

  @Test func `only the first answer of a voter counts`() {
    var votes = Votes()
    votes.record(NodeID(2), granted: false)
    votes.record(NodeID(2), granted: true)
    #expect(votes.of(NodeID(2)) == false)
  }

  @Test func `what was truncated under a configuration brings back the one before`() {
    let first = configuration([1, 2, 3])
    let second = configuration([1, 2, 4])
    var stack = ConfigurationStack(nil, at: .zero)
    stack.start(with: first)
    #expect(!stack.isLogged)
    stack.appended(
      Entry(
        id: EntryID(term: Term(1), index: LogIndex(5)), kind: .configuration,
        payload: second.encoded))
    #expect(stack.effective == second && stack.isLogged)
    stack.truncated(after: LogIndex(5))
    #expect(stack.effective == second)
    stack.truncated(after: LogIndex(4))
    #expect(stack.effective == first && !stack.isLogged)
  }
}
