// CommitTests: what counts towards a commit. Figure 8 and others' bugs are told in Scenarios/.

import Raft
import Testing

@Suite struct CommitTests {
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
