// ReadTests: ReadIndex rounds: who confirms what, and when a read must wait or fail.

import Raft
import Testing

@Suite struct ReadTests {
  @Test func `a read at the leader is confirmed by one round of answers`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.read(1, 7)
    #expect(lab.readsReady.isEmpty)
    lab.exchange([1, 2])
    #expect(lab.readsReady[7] == LogIndex(lab.commit(1)))
  }

  @Test func `a new leader answers no read before it has committed in its term`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.read(1, 7)
    // Heartbeats are answered, but appends are lost.
    lab.pool.removeAll { if case .append = $0.body { true } else { false } }
    lab.tick(1, 2)
    let heartbeats = lab.pool.filter { if case .heartbeat = $0.body { true } else { false } }
    lab.drop()
    for message in heartbeats { lab.inject(message) }
    lab.pool.removeAll { if case .append = $0.body { true } else { false } }
    lab.deliver(2, to: 1)
    lab.deliver(3, to: 1)
    #expect(lab.readsReady.isEmpty)
    lab.exchange()
    #expect(lab.readsReady[7] == LogIndex(lab.commit(1)))
  }

  @Test func `a leader without its quorum fails its reads when it steps down`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.read(1, 7)
    lab.read(1, 8)
    lab.tick(1, 15)
    #expect(lab.readsReady.isEmpty)
    #expect(lab.readsFailed.sorted() == [7, 8])
  }

  @Test func `a follower's read is answered with the leader's commit index`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.propose(1)
    lab.exchange()
    lab.read(2, 5)
    lab.exchange()
    #expect(lab.readsReady[5] == LogIndex(lab.commit(1)))
  }

  @Test func `a follower's read fails when its question is lost or its leader is gone`() {
    let lab = Lab()
    lab.read(2, 1)
    #expect(lab.readsFailed == [1], "there is no leader yet")
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.read(2, 2)
    lab.drop()
    lab.tick(2, 11)
    #expect(lab.readsFailed == [1, 2])
    lab.exchange()
    lab.tick(1, 2)
    lab.exchange()
    lab.read(2, 3)
    lab.peerLost(2, 1)
    #expect(lab.readsFailed == [1, 2, 3])
  }

  @Test func `an answer is taken once, and only for the question of this life`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.read(2, 5)
    lab.deliver(2, to: 1)
    lab.exchange([1, 3])
    let answers = lab.pool.filter { if case .readResponse = $0.body { true } else { false } }
    #expect(answers.count == 1)
    for answer in answers { lab.inject(answer) }
    #expect(lab.readsReady.count == 1)
    lab.crash(2)
    lab.start(2)
    lab.tick(1, 2)
    lab.exchange()
    lab.readsReady = [:]
    lab.read(2, 5)
    for answer in answers { lab.inject(answer) }
    #expect(lab.readsReady.isEmpty)
  }

  @Test func `reads asked during a round share the next one`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.read(1, 1)
    for ticket in UInt64(2)...50 { lab.read(1, ticket) }
    #expect(lab.pool.count == 2, "one heartbeat to each follower")
    lab.exchange()
    #expect(lab.readsReady.count == 50)
  }

  @Test func `a single voter confirms its reads at once`() {
    let lab = Lab(1...1)
    lab.tick(1, 25)
    lab.read(1, 3)
    #expect(lab.readsReady[3] == LogIndex(lab.commit(1)))
  }
}
