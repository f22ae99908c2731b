// CommitTests: what counts, and the scenarios that broke others (paper, figure 8; logcabin, jgroups).

import Raft
import Testing

private func settings(perAppend: Int = 1) -> Settings {
  Settings(heartbeatTicks: 2, electionTicks: 10, entriesPerAppendMax: perAppend)
}

@Suite struct CommitTests {
  /// Figure 8 of the paper up to (c): an entry of an old term reaches a majority. Returns its index.
  private func figure8(_ lab: Lab) -> UInt64 {
    lab.elect(1, [2, 3, 4, 5])
    lab.exchange()
    // (a) The leader's entry reaches node 2 only.
    let entry = lab.propose(1)
    lab.deliver(1, to: 2)
    lab.crash(1)
    // (b) Node 5 leads with 3 and 4, and has another entry there.
    lab.elect(5, [3, 4])
    lab.propose(5)
    lab.crash(5)
    // (c) Node 1 leads again and goes on copying the old entry, to node 3.
    lab.start(1)
    lab.elect(1, [2, 3])
    let index = entry?.index.value ?? 0
    for _ in 0..<6 where lab.terms(3).count < index || lab.terms(3).last != entry?.term.value {
      lab.deliver(1, to: 3)
      lab.deliver(3, to: 1)
    }
    lab.deliver(1, to: 2)
    lab.deliver(2, to: 1)
    return index
  }

  @Test func `an entry of an earlier term on a majority is not committed by counting`() {
    let lab = Lab(1...5, settings: settings())
    let index = figure8(lab)
    #expect(lab.terms(1)[Int(index) - 1] < lab[1].term)
    #expect((1...3).allSatisfy { lab.terms(UInt64($0)).count >= index })
    #expect(lab.commit(1) < index)
    #expect(lab.checker.violation == nil)
    // (e) Its own first entry on the same majority commits both.
    lab.exchange([1, 2, 3])
    #expect(lab.commit(1) > index)
    #expect(lab.checker.violation == nil)
  }

  @Test func `the planted count of old terms loses a committed entry in figure 8`() {
    let lab = Lab(1...5, settings: settings(), bug: .commitOldTermByCounting)
    let index = figure8(lab)
    #expect(lab.commit(1) >= index, "the planted bug must commit by counting")
    // (d) Node 5 comes back with its later term and overwrites.
    lab.crash(1)
    lab.start(5)
    lab.elect(5, [2, 3, 4])
    lab.exchange([2, 3, 4, 5])
    #expect(lab.checker.violation != nil)
  }

  /// A leader alone with a long tail of an old term, against a shorter log of a newer term.
  private func longOldTail(_ lab: Lab) {
    lab.elect(1, [2, 3])
    lab.exchange()
    for _ in 0..<5 { lab.propose(1) }
    lab.crash(1)
    lab.elect(2, [3])
    lab.exchange([2, 3])
    lab.crash(2)
    lab.start(1)
    lab.elect(1, [3])
  }

  @Test func `a longer log of an older term does not win`() {
    let lab = Lab()
    longOldTail(lab)
    #expect(lab.role(1) != .leader)
    #expect(lab.checker.violation == nil)
  }

  @Test func `the planted comparison by length lets a leader win that lacks committed entries`() {
    let lab = Lab(bug: .ignoreLastTermInVote)
    longOldTail(lab)
    #expect(lab.checker.violation != nil)
  }

  @Test func `a leader counts itself only once its own disk has the entry`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.heldDisks = [NodeID(1)]
    let entry = lab.propose(1)
    let index = entry?.index.value ?? 0
    lab.heldDisks = [NodeID(1), NodeID(3)]
    lab.deliver(1, to: 2)
    lab.deliver(2, to: 1)
    #expect(lab.commit(1) == index - 1, "one durable copy of three")
    lab.persist(1)
    #expect(lab.commit(1) == index)
    #expect(lab.checker.violation == nil)
  }

  @Test func `two followers commit while the leader's disk is still busy`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.heldDisks = [NodeID(1)]
    let entry = lab.propose(1)
    lab.exchange()
    #expect(lab.commit(1) == entry?.index.value)
    #expect(lab[1].core?.durableIndex.value == (entry?.index.value ?? 0) - 1)
  }

  @Test func `an acknowledgement waits for the disk`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.heldDisks = [NodeID(2)]
    lab.propose(1)
    lab.deliver(1, to: 2)
    #expect(!lab.pool.contains { $0.from == NodeID(2) })
    lab.persist(2)
    #expect(lab.pool.contains { $0.from == NodeID(2) })
  }

  @Test func `a repeated append is acknowledged after the first one is durable`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.heldDisks = [NodeID(2)]
    let entry = lab.propose(1)
    let append = lab.pool.filter { $0.to == NodeID(2) }
    lab.deliver(1, to: 2)
    for message in append { lab.inject(message) }
    #expect(!lab.pool.contains { $0.from == NodeID(2) })
    lab.persist(2)
    let accepted = Message.Body.appendResponse(.accepted(match: entry?.index ?? .zero))
    #expect(lab.pool.filter { $0.from == NodeID(2) }.map(\.body) == [accepted, accepted])
  }

  @Test func `a log may be cut only where every voter has it`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.tick(1, 2)
    lab.exchange()
    let before = lab[1].core?.cuttable
    #expect(before == lab[1].core?.commit)
    lab.propose(1)
    lab.exchange([1, 2])
    #expect(lab[1].core?.cuttable == before)
    lab.tick(1, 2)
    lab.exchange()
    lab.propose(1)
    lab.exchange()
    lab.tick(1, 2)
    lab.exchange()
    #expect((lab[1].core?.cuttable ?? .zero) > (before ?? .zero))
    #expect(lab[2].core?.cuttable == lab[1].core?.cuttable)
  }
}
