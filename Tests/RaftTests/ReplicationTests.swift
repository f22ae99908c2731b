// ReplicationTests: appends, conflicts, windows, lost messages and lost tails.

import Raft
import Testing

private func append(
  _ previous: EntryID, _ entries: [Entry], term: UInt64, commit: UInt64 = 0, to: UInt64 = 2
) -> Message {
  Message(
    from: NodeID(1), to: NodeID(to), term: Term(term),
    body: .append(
      Message.Append(
        previous: previous, entries: entries, commit: LogIndex(commit), cuttable: .zero)))
}

private func entry(
  _ term: UInt64, _ index: UInt64, _ kind: Entry.Kind = .command, _ payload: [UInt8] = [9]
) -> Entry {
  Entry(
    id: EntryID(term: Term(term), index: LogIndex(index)), kind: kind, payload: payload)
}

@Suite struct ReplicationTests {
  @Test func `a delayed short append removes nothing`() {
    let lab = Lab()
    lab.inject(append(.zero, [entry(1, 1), entry(1, 2), entry(1, 3)], term: 1))
    lab.inject(append(.zero, [entry(1, 1)], term: 1))
    #expect(lab.terms(2) == [1, 1, 1])
  }

  @Test func `a conflict removes the entry and all that follow`() {
    let lab = Lab()
    lab.inject(append(.zero, [entry(1, 1), entry(1, 2), entry(1, 3)], term: 1))
    lab.inject(append(entry(1, 1).id, [entry(2, 2)], term: 2))
    #expect(lab.terms(2) == [1, 2])
    #expect(lab[2].disk.entries.map(\.term.value) == [1, 2])
  }

  @Test func `a missing entry is answered with the best common guess`() {
    let lab = Lab()
    lab.inject(append(.zero, [entry(1, 1), entry(1, 2), entry(3, 3), entry(3, 4)], term: 3))
    lab.drop()
    lab.inject(append(entry(2, 4).id, [], term: 4))
    let hint = EntryID(term: Term(1), index: LogIndex(2))
    #expect(
      lab.pool.map(\.body) == [
        .appendResponse(.conflict(previous: LogIndex(4), hint: hint))
      ])
  }

  @Test func `a follower commits only what it compared with the leader's log`() {
    let lab = Lab()
    lab.inject(append(.zero, [entry(1, 1), entry(1, 2), entry(1, 3)], term: 1))
    lab.inject(append(entry(1, 1).id, [], term: 2, commit: 3))
    #expect(lab.commit(2) == 1, "entries 2 and 3 may not be the new leader's")
  }

  @Test func `an earlier leader's late write does not make the new leader's entries durable`() {
    let lab = Lab()
    lab.heldDisks = [NodeID(2)]
    let node = lab[2]
    lab.inject(append(.zero, [entry(1, 1), entry(1, 2)], term: 1))
    lab.inject(append(.zero, [entry(2, 1), entry(2, 2)], term: 2))
    #expect(node.disk.queue.count == 2)
    let first = node.disk.finishNext(now: 0)
    node.core?.logPersisted(first?.sequence ?? 0, &node.output)
    #expect(node.core?.durableIndex == .zero)
    lab.persist(2)
    #expect(node.core?.durableIndex == LogIndex(2))
  }

  @Test func `a follower with many wrong terms is repaired in few round trips`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.crash(1)
    var wrong: [Entry] = []
    for i in UInt64(3)...202 { wrong.append(entry(2 + i / 50, i)) }
    let previous = lab[3].shadow.last ?? .zero
    lab.inject(append(previous, wrong, term: 6, to: 3))
    lab.inject(append(previous, (3...102).map { entry(7, $0) }, term: 7, to: 2))
    lab.drop()
    lab.elect(2, [3])
    var trips = 0
    while lab.terms(3) != lab.terms(2), trips < 20 {
      lab.deliver(2, to: 3)
      lab.deliver(3, to: 2)
      trips += 1
    }
    #expect(lab.terms(3) == lab.terms(2))
    #expect(trips <= 6, "\(trips) round trips for 5 terms")
  }

  @Test func `messages in flight to a follower are bounded, and so is each message`() {
    let lab = Lab(
      settings: Settings(
        heartbeatTicks: 2, electionTicks: 10, entriesPerAppendMax: 3, bytesPerAppendMax: 100,
        inflightAppendsMax: 4))
    lab.elect(1, [2, 3])
    lab.exchange()
    for _ in 0..<50 { lab.propose(1, [UInt8](repeating: 1, count: 40)) }
    #expect(lab.pool.filter { $0.to == NodeID(2) }.count == 4)
    for _ in 0..<60 {
      for message in lab.pool {
        guard case .append(let append) = message.body else { continue }
        #expect(append.entries.count <= 3)
        #expect(append.entries.map(\.payload.count).reduce(0, +) <= 100)
      }
      lab.deliver(1, to: 2)
      lab.deliver(2, to: 1)
    }
    #expect(lab.terms(2) == lab.terms(1))
  }

  @Test func `a lost append is noticed by the next heartbeat`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.propose(1)
    lab.drop()
    lab.tick(1, 2)
    lab.exchange()
    #expect(lab.terms(2) == lab.terms(1))
    #expect(lab.terms(3) == lab.terms(1))
  }

  @Test func `a follower that comes back without its tail is refilled on an idle cluster`() {
    let lab = Lab()
    lab.elect(1, [2, 3])
    for _ in 0..<10 { lab.propose(1) }
    lab.exchange()
    lab.crash(3)
    lab[3].disk.lose(after: LogIndex(4))
    lab.start(3)
    #expect(lab.terms(3).count == 4)
    for _ in 0..<8 {
      lab.tick(1)
      lab.exchange()
    }
    #expect(lab.terms(3) == lab.terms(1))
    #expect(lab[1].core?.matchIndex(of: NodeID(3)) == lab[1].core?.lastIndex)
  }

  @Test func `a full window refuses proposals until entries are applied`() {
    let lab = Lab(
      settings: Settings(heartbeatTicks: 2, electionTicks: 10, windowBytesMax: 2000))
    lab.elect(1, [2, 3])
    lab.exchange()
    var accepted = 0
    while lab.propose(1, [UInt8](repeating: 1, count: 100)) != nil, accepted < 100 {
      accepted += 1
    }
    #expect(accepted > 5 && accepted < 20)
    lab.exchange()
    #expect(lab.propose(1, [UInt8](repeating: 1, count: 100)) == nil, "committed, not applied")
    lab.applyAll(1)
    #expect(lab.propose(1, [UInt8](repeating: 1, count: 100)) != nil)
  }

  @Test func `entries that left memory are fetched for a follower that lags`() {
    let lab = Lab(
      settings: Settings(heartbeatTicks: 2, electionTicks: 10, windowBytesMax: 1000))
    lab.elect(1, [2, 3])
    lab.exchange()
    lab.crash(3)
    for _ in 0..<40 {
      lab.propose(1, [UInt8](repeating: 1, count: 50))
      lab.exchange([1, 2])
      lab.tick(1, 2)
      lab.exchange([1, 2])
      lab.applyAll(1)
      lab.applyAll(2)
    }
    #expect(lab[1].core?.term(at: LogIndex(3)) == nil, "early entries must have left memory")
    lab.start(3)
    for _ in 0..<40 {
      lab.tick(1)
      lab.exchange()
      lab.answerFetches(1)
      lab.applyAll(3)
    }
    #expect(lab.terms(3) == lab.terms(1))
    #expect(lab.checker.violation == nil)
  }

  @Test func `a follower that does not apply holds the leader back instead of growing`() {
    let lab = Lab(
      settings: Settings(heartbeatTicks: 2, electionTicks: 10, windowBytesMax: 1000))
    lab.elect(1, [2, 3])
    lab.exchange()
    for _ in 0..<60 {
      lab.propose(1, [UInt8](repeating: 1, count: 50))
      lab.exchange()
      lab.tick(1, 2)
      lab.exchange()
      lab.applyAll(1)
    }
    #expect(lab.terms(2).count < 30)
    for _ in 0..<60 {
      lab.applyAll(1)
      lab.applyAll(2)
      lab.applyAll(3)
      lab.tick(1, 2)
      lab.exchange()
      lab.answerFetches(1)
    }
    #expect(lab.terms(2) == lab.terms(1))
  }

  @Test func `a configuration is in force on append, and truncation takes it back`() {
    let lab = Lab()
    let members = [1, 2, 3, 4].map { Member(id: NodeID($0), incarnation: $0 * 10) }
    let other = Configuration(voters: members, outgoing: lab.configuration.voters)
    #expect(other != nil)
    let change = entry(1, 2, .configuration, other?.encoded ?? [])
    lab.inject(append(.zero, [entry(1, 1), change], term: 1))
    #expect(lab[2].core?.configuration == other)
    lab.inject(append(entry(1, 1).id, [entry(2, 2)], term: 2))
    #expect(lab[2].core?.configuration == lab.configuration)
  }

  @Test func `a restarted node takes the latest configuration of its log`() {
    let lab = Lab()
    let members = [1, 2, 3, 4].map { Member(id: NodeID($0), incarnation: $0 * 10) }
    let other = Configuration(voters: members)
    lab.inject(
      append(.zero, [entry(1, 1, .configuration, other?.encoded ?? []), entry(1, 2)], term: 1))
    lab.crash(2)
    lab.start(2)
    #expect(lab[2].core?.configuration == other)
  }

  @Test func `an uncommitted tail is not committed by a restart`() {
    let lab = Lab()
    lab.inject(append(.zero, [entry(1, 1), entry(1, 2), entry(1, 3)], term: 1, commit: 1))
    #expect(lab.commit(2) == 1)
    lab.crash(2)
    lab.start(2)
    lab.tick(2)
    #expect(lab.commit(2) <= 1)
  }
}
