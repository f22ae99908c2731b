// TransferTests: handing leadership over (thesis, section 3.10).

import Raft
import Testing

@Suite struct TransferTests {
  private func timeouts(_ lab: Lab) -> [UInt64] {
    lab.pool.filter { $0.body == .timeoutNow }.map(\.to.value)
  }

  @Test func `leadership passes to a follower that has everything`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    let term = lab[1].term
    lab.transfer(1)
    #expect(timeouts(lab).count == 1)
    lab.exchange()
    #expect(lab.role(1) == .follower)
    #expect(lab.role(2) == .leader || lab.role(3) == .leader)
    #expect(lab[2].term == term + 1)
  }

  @Test func `the target is told only once it has caught up, and nothing is proposed meanwhile`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.propose(1)
    lab.transfer(1)
    #expect(timeouts(lab).isEmpty)
    #expect(lab[1].core?.canPropose == false)
    #expect(lab.propose(1) == nil)
    lab.exchange()
    #expect(lab.role(1) == .follower)
    #expect(lab.checker.violation == nil)
  }

  @Test func `a transfer that fails ends after an election timeout`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.transfer(1)
    for _ in 0..<12 {
      lab.pool.removeAll { $0.body == .timeoutNow }
      lab.tick(1)
      lab.pool.removeAll { $0.body == .timeoutNow }
      for id in [UInt64(2), 3] {
        lab.deliver(1, to: id)
        lab.deliver(id, to: 1)
      }
    }
    #expect(lab.role(1) == .leader)
    #expect(lab[1].core?.isTransferring == false)
    #expect(lab.propose(1) != nil)
  }

  @Test func `a leader without followers keeps its office`() {
    let lab = Lab(1...1)
    lab.tick(1, 25)
    lab.transfer(1)
    #expect(lab.role(1) == .leader)
    #expect(lab.propose(1) != nil)
  }

  @Test func `a request to campaign counts only from the leader of the term`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    let term = lab[2].term
    lab.inject(
      Message(from: NodeID(3), to: NodeID(2), term: Term(term), body: .timeoutNow))
    #expect(lab.role(2) == .follower)
    #expect(lab[2].term == term)
  }
}
