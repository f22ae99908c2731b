// ElectionTests: votes, pre-votes, stickiness, check-quorum (paper, section 5.2 and 5.4.1; thesis, 9.6).

import Raft
import Testing

private func isVote(_ message: Message) -> Bool { message.body == .voteResponse(granted: true) }

private func voteRequest(
  from: UInt64, to: UInt64, term: UInt64, last: EntryID, transfer: Bool = false
) -> Message {
  Message(
    from: NodeID(from), to: NodeID(to), term: Term(term),
    body: .voteRequest(last: last, transfer: transfer))
}

private func entryID(_ term: UInt64, _ index: UInt64) -> EntryID {
  EntryID(term: Term(term), index: LogIndex(index))
}

@Suite struct ElectionTests {
  @Test func `a node without a configuration neither votes nor acknowledges nor campaigns`() {
    var core = Consensus(
      id: NodeID(1), settings: Settings(),
      restored: Restored(
        hardState: HardState(), configuration: nil, base: .zero, entries: []), seed: 1)
    var out = Output()
    for _ in 0..<1000 { core.tick(&out) }
    core.step(voteRequest(from: 2, to: 1, term: 5, last: entryID(4, 4)), &out)
    let append = Message.Append(previous: .zero, entries: [], commit: .zero, cuttable: .zero)
    core.step(Message(from: NodeID(2), to: NodeID(1), term: Term(5), body: .append(append)), &out)
    #expect(out.messages.isEmpty)
    #expect(out.writes.isEmpty)
    #expect(core.term == .zero)
    #expect(core.role == .follower)
  }

  @Test func `a vote leaves only after it is durable`() {
    let lab = Lab()
    lab.heldDisks = [NodeID(1)]
    lab.inject(voteRequest(from: 2, to: 1, term: 3, last: .zero))
    #expect(!lab.pool.contains(where: isVote))
    lab.persist(1)
    #expect(lab.pool.contains(where: isVote))
    #expect(lab[1].disk.hardState.vote == NodeID(2))
  }

  @Test func `a vote is given once in a term, also after a crash`() {
    let lab = Lab()
    lab.inject(voteRequest(from: 2, to: 1, term: 3, last: .zero))
    lab.drop()
    lab.crash(1)
    lab.start(1)
    lab.inject(voteRequest(from: 3, to: 1, term: 3, last: entryID(2, 9)))
    #expect(lab.pool.map(\.body) == [.voteResponse(granted: false)])
    lab.drop()
    lab.inject(voteRequest(from: 2, to: 1, term: 3, last: .zero))
    #expect(lab.pool.map(\.body) == [.voteResponse(granted: true)])
  }

  @Test func `a vote that never became durable may go to another candidate`() {
    let lab = Lab()
    lab.heldDisks = [NodeID(1)]
    lab.inject(voteRequest(from: 2, to: 1, term: 3, last: .zero))
    lab.crash(1)
    lab.heldDisks = []
    lab.start(1)
    lab.inject(voteRequest(from: 3, to: 1, term: 3, last: .zero))
    #expect(lab.pool.contains(where: isVote))
    #expect(lab.checker.violation == nil)
  }

  @Test func `a candidate whose log is behind gets no vote`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.propose(1)
    lab.exchange()
    let last = lab[2].shadow.last ?? .zero
    lab.crash(1)
    lab.tick(2, 10)
    lab.drop()
    // Longer, but its last term is older.
    lab.inject(voteRequest(from: 3, to: 2, term: 9, last: entryID(0, last.index.value + 5)))
    // The same term, but shorter.
    lab.inject(
      voteRequest(from: 3, to: 2, term: 10, last: entryID(last.term.value, last.index.value - 1)))
    #expect(!lab.pool.contains(where: isVote))
    lab.inject(voteRequest(from: 3, to: 2, term: 11, last: last))
    #expect(lab.pool.contains(where: isVote))
  }

  @Test func `a node that hears its leader answers no campaign but a transfer's`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    let last = lab[2].shadow.last ?? .zero
    let term = lab[2].term
    lab.inject(voteRequest(from: 3, to: 2, term: term + 5, last: last))
    #expect(lab[2].term == term)
    #expect(lab.pool.isEmpty)
    lab.inject(voteRequest(from: 3, to: 2, term: term + 5, last: last, transfer: true))
    #expect(lab[2].term == term + 5)
    #expect(lab.pool.contains(where: isVote))
  }

  @Test func `a node that comes back from a partition does not disturb the leader`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    let term = lab[1].term
    lab.tick(3, 500)
    lab.drop()
    #expect(lab[3].term == term, "a pre-vote must not raise the term")
    for _ in 0..<60 {
      for id in UInt64(1)...3 { lab.tick(id) }
      lab.exchange()
    }
    #expect(lab.role(1) == .leader)
    #expect(lab[1].term == term)
    #expect(lab.role(3) == .follower)
  }

  @Test func `a refused pre-vote teaches the later term`() {
    let lab = Lab()
    lab.inject(voteRequest(from: 3, to: 2, term: 7, last: .zero))
    lab.drop()
    lab.tick(1, 25)
    lab.deliver(1, to: 2)
    lab.deliver(2, to: 1)
    #expect(lab[1].term == 7)
  }

  @Test func `election timeouts are drawn anew for each attempt`() {
    let lab = Lab()
    var gaps: [Int] = []
    var since = 0
    for _ in 0..<600 {
      lab.tick(1)
      since += 1
      if !lab.pool.isEmpty {
        gaps.append(since)
        since = 0
        lab.drop()
      }
    }
    #expect(gaps.allSatisfy { (10..<20).contains($0) })
    #expect(Set(gaps).count > 3)
  }

  @Test func `a single voter leads and commits only with its own disk`() {
    let lab = Lab(1...1)
    lab.heldDisks = [NodeID(1)]
    lab.tick(1, 20)
    #expect(lab.role(1) == .candidate)
    lab.persist(1)
    #expect(lab.role(1) == .leader)
    lab.heldDisks = [NodeID(1)]
    let before = lab.commit(1)
    let entry = lab.propose(1)
    #expect(entry != nil)
    #expect(lab.commit(1) == before)
    lab.persist(1)
    #expect(lab.commit(1) == entry?.index.value)
  }

  @Test func `a leader that lost its quorum stops leading and falls silent`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.tick(1, 11)
    #expect(lab.role(1) == .follower)
    lab.drop()
    lab.tick(1, 5)
    #expect(lab.pool.isEmpty)
  }

  @Test func `a leader whose disk hangs stops leading and does not campaign`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.heldDisks = [NodeID(1)]
    lab.propose(1)
    for _ in 0..<12 {
      lab.tick(1)
      lab.exchange()
    }
    #expect(lab.role(1) == .follower)
    lab.tick(1, 100)
    #expect(lab.role(1) == .follower)
    lab.persist(1)
    lab.tick(1, 25)
    #expect(lab.role(1) == .preCandidate)
  }

  @Test func `a closed connection to the leader hurries the election, once a term`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    let term = lab[2].term
    lab.crash(1)
    lab.peerLost(2, 3)
    #expect(lab[2].core?.leader == NodeID(1), "only the leader's connection counts")
    lab.peerLost(2, 1)
    lab.peerLost(3, 1)
    for _ in 0..<5 {
      lab.tick(2)
      lab.tick(3)
      lab.exchange()
    }
    #expect(lab.role(2) == .leader || lab.role(3) == .leader)
    #expect(lab[2].term == term + 1)
  }

  @Test func `the first leader of all writes the configuration before anything else`() {
    let lab = Lab()
    lab.elect(2, [1, 3])
    lab.exchange()
    #expect(lab[1].disk.entries.map(\.kind) == [.configuration, .noop])
    #expect(lab[1].disk.entries.first?.payload == lab.configuration.encoded)
    lab.elect(1, [2, 3])
    lab.exchange()
    #expect(lab[1].disk.entries.map(\.kind) == [.configuration, .noop, .noop])
  }
}
