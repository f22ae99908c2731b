// MembershipTests: every mistake gets its sentence, and a change is finished whoever leads.

import Raft
import Testing

/// A node of the lab as a member.
func member(_ id: UInt64, _ address: String = "") -> Member {
  Member(id: NodeID(id), incarnation: id * 10, address: address)
}

@Suite struct MembershipTests {
  private func ready(_ ids: ClosedRange<UInt64> = 1...3, spare: UInt64 = 0) -> Lab {
    let lab = Lab(ids, spare: spare)
    lab.elect(ids.lowerBound, Array(ids.dropFirst()))
    lab.exchange()
    lab.tick(1, 2)
    lab.exchange()
    return lab
  }

  private func refusal(_ lab: Lab, _ change: MembershipChange) -> MembershipRefusal.Reason? {
    let before = lab[1].core?.lastID
    let reason = lab.change(1, change)
    #expect(lab[1].core?.lastID == before || reason == nil, "a refusal changes nothing")
    return reason
  }

  @Test func `every mistake is refused with its reason`() {
    let lab = ready()
    #expect(lab.change(2, .remove(NodeID(3))) == .notLeader(leader: NodeID(1)))
    #expect(refusal(lab, .remove(NodeID(9))) == .unknown(NodeID(9)))
    #expect(refusal(lab, .promote(NodeID(9))) == .unknown(NodeID(9)))
    #expect(refusal(lab, .promote(NodeID(2))) == .alreadyVoter(NodeID(2)))
    #expect(refusal(lab, .promote(NodeID(1))) == .alreadyVoter(NodeID(1)))
    #expect(refusal(lab, .addLearner(member(2), promote: false)) == .alreadyMember(NodeID(2)))
    let copied = Member(id: NodeID(4), incarnation: 20)
    #expect(refusal(lab, .addLearner(copied, promote: true)) == .sameIncarnation(as: NodeID(2)))
    let blank = Member(id: NodeID(4), incarnation: 0)
    #expect(refusal(lab, .addLearner(blank, promote: true)) == .badMember(NodeID(4)))
    #expect(refusal(lab, .replace(NodeID(9), with: member(4))) == .unknown(NodeID(9)))
    #expect(refusal(lab, .replace(NodeID(3), with: member(2))) == .alreadyMember(NodeID(2)))
  }

  @Test
  func
    `who joins a cluster begun anew gets a state behind its beginning, and nothing from before it`()
    throws
  {
    let old = try #require(Configuration(voters: [member(1), member(2), member(3)]))
    let alone = try #require(Configuration(voters: [Member(id: NodeID(1), incarnation: 77)]))
    func id(_ term: UInt64, _ index: UInt64) -> EntryID {
      EntryID(term: Term(term), index: LogIndex(index))
    }
    let entries = [
      Entry(id: id(2, 6), kind: .command, payload: [1]),
      Entry(id: id(1002, 7), kind: .configuration, payload: alone.encoded),
    ]
    var node = Consensus(
      id: NodeID(1), settings: Settings(heartbeatTicks: 2, electionTicks: 10),
      restored: Restored(
        hardState: HardState(term: Term(1002), vote: NodeID(1), commit: LogIndex(6)),
        configuration: old, base: id(2, 5), entries: entries, logBase: id(2, 5)), seed: 1)
    var out = Output()
    var sent: [Message] = []
    func settle() {
      while let write = out.writes.last {
        sent += out.messages + out.writes.flatMap(\.afterDurable)
        out.writes.removeAll()
        out.messages.removeAll()
        node.logPersisted(write.sequence, &out)
      }
      sent += out.messages
      out.messages.removeAll()
    }
    for _ in 0..<30 {
      node.tick(&out)
      settle()
    }
    #expect(node.role == .leader && node.configuration == alone && node.commit == node.lastIndex)
    _ = try node.changeMembership(.addLearner(member(4), promote: true), &out)
    settle()
    // It holds nothing, and says so wherever it is asked.
    for _ in 0..<10 where out.snapshotsNeeded.isEmpty {
      node.tick(&out)
      settle()
      for case .append(let append) in sent.map(\.body) {
        #expect(append.previous.index >= LogIndex(7), "sent what came before")
        node.step(
          Message(
            from: NodeID(4), to: NodeID(1), term: node.term,
            body: .appendResponse(.conflict(previous: append.previous.index, hint: .zero))), &out)
        settle()
      }
      sent.removeAll()
    }
    #expect(out.snapshotsNeeded.map(\.base) == [id(1002, 7)])
  }

  @Test func `the last voter stays`() {
    let lab = Lab(1...1)
    lab.tick(1, 25)
    #expect(refusal(lab, .remove(NodeID(1))) == .lastVoter(NodeID(1)))
  }

  @Test func `a second change waits for the first`() {
    let lab = ready(spare: 5)
    #expect(refusal(lab, .addLearner(member(4), promote: true)) == nil)
    #expect(refusal(lab, .remove(NodeID(3))) == .changeInFlight)
    lab.exchange([1, 2, 3])
    #expect(refusal(lab, .remove(NodeID(3))) == .bringingUp(NodeID(4), replacing: nil))
    #expect(refusal(lab, .remove(NodeID(4))) == nil, "giving up the learner is allowed")
    lab.exchange([1, 2, 3])
    #expect(
      refusal(lab, .addLearner(member(4), promote: true))
        == .usedBefore(NodeID(4), highest: NodeID(4)))
    #expect(refusal(lab, .addLearner(member(5), promote: false)) == nil)
  }

  @Test func `two members cannot have one address, unless the second replaces the first`() {
    let lab = ready(spare: 5)
    #expect(refusal(lab, .addLearner(member(4, "a:1"), promote: false)) == nil)
    lab.exchange()
    let reason = refusal(lab, .addLearner(member(5, "a:1"), promote: false))
    #expect(reason == .sameAddress(as: NodeID(4), "a:1"))
  }

  @Test func `a learner that lags or is silent is not promoted`() {
    let lab = ready(spare: 4)
    #expect(refusal(lab, .addLearner(member(4), promote: false)) == nil)
    lab.exchange([1, 2, 3])
    guard case .lagging(NodeID(4), behind: _)? = refusal(lab, .promote(NodeID(4))) else {
      Issue.record("an empty learner was promoted")
      return
    }
    for _ in 0..<8 {
      lab.tick(1, 2)
      lab.exchange([1, 2, 3])
    }
    #expect(refusal(lab, .promote(NodeID(4))) == .silent(NodeID(4)))
    lab.tick(1, 2)
    lab.exchange()
    #expect(refusal(lab, .promote(NodeID(4))) == nil)
    lab.exchange()
    #expect(lab[1].core?.configuration?.voters.map(\.id.value) == [1, 2, 3, 4])
    #expect(lab[1].core?.configuration?.isJoint == false)
  }

  @Test func `a change that would leave no majority is refused`() {
    let lab = ready()
    for _ in 0..<8 {
      lab.tick(1, 2)
      lab.exchange([1, 2])
    }
    #expect(
      refusal(lab, .remove(NodeID(2)))
        == .noQuorum(voters: [NodeID(1), NodeID(3)], answering: [NodeID(1)]))
    #expect(refusal(lab, .remove(NodeID(3))) == nil)
    lab.exchange([1, 2])
    #expect(lab[1].core?.configuration?.voters.map(\.id.value) == [1, 2])
  }

  @Test func `a learner is promoted by itself once it has caught up`() {
    let lab = ready(spare: 4)
    for _ in 0..<20 { lab.propose(1) }
    lab.exchange()
    #expect(refusal(lab, .addLearner(member(4), promote: true)) == nil)
    lab.run(20)
    #expect(lab[4].core?.configuration?.voters.map(\.id.value) == [1, 2, 3, 4])
    #expect(lab[4].core?.configuration?.isJoint == false)
    #expect(lab.checker.violation == nil)
  }

  @Test func `a wiped node is replaced in one step`() {
    let lab = ready(spare: 4)
    lab.crash(3)
    lab.run(12)
    #expect(refusal(lab, .replace(NodeID(3), with: member(4))) == nil)
    lab.run(30)
    #expect(lab[2].core?.configuration?.voters.map(\.id.value) == [1, 2, 4])
    #expect(lab[2].core?.configuration?.isJoint == false)
    #expect(lab[2].core?.members.contains { $0.member.id == NodeID(3) } == false)
    #expect(lab.checker.violation == nil)
  }

  @Test func `a leader that removes itself hands over and falls silent`() {
    let lab = ready()
    #expect(refusal(lab, .remove(NodeID(1))) == nil)
    lab.run(20)
    #expect(lab.role(2) == .leader || lab.role(3) == .leader)
    let leader: UInt64 = lab.role(2) == .leader ? 2 : 3
    #expect(lab[leader].core?.configuration?.voters.map(\.id.value) == [2, 3])
    #expect(lab[leader].core?.configuration?.isJoint == false)
    let term = lab[leader].term
    lab.tick(1, 200)
    #expect(lab[1].term <= term)
    lab.exchange()
    #expect(lab.role(leader) == .leader)
    #expect(lab[leader].term == term)
  }

  /// The leader dies after `steps` deliveries of a replacement; whoever follows finishes it or never
  /// heard of it.
  @Test(arguments: 0..<60) func `a leader that dies at any step leaves no half change`(_ steps: Int)
  {
    let lab = ready(spare: 4)
    for _ in 0..<5 { lab.propose(1) }
    lab.exchange()
    #expect(refusal(lab, .replace(NodeID(3), with: member(4))) == nil)
    var left = steps
    while left > 0, lab.role(1) == .leader {
      if lab.pool.isEmpty { lab.tick(1) } else { lab.inject(lab.pool.removeFirst()) }
      left -= 1
    }
    lab.crash(1)
    lab.run(200)
    lab.start(1)
    lab.run(120)
    let configuration = lab[2].core?.configuration
    let voters = configuration?.voters.map(\.id.value)
    #expect(configuration?.isJoint == false)
    #expect(configuration?.promotion == nil)
    #expect(voters == [1, 2, 3] || voters == [1, 2, 4])
    #expect(lab.nodes.contains { $0.role == .leader })
    #expect(lab.checker.violation == nil)
    let commits = (1...2).map { lab.commit($0) }
    #expect(Set(commits).count == 1)
  }

  @Test func `a configuration survives its bytes, and the first version can still be read`() throws
  {
    let made = Configuration(
      voters: [member(1), member(2, "b:2")], learners: [member(7, "c:3")],
      promotion: Configuration.Promotion(learner: NodeID(7), replacing: NodeID(1)),
      highestID: NodeID(12))
    let configuration = try #require(made)
    #expect(try Configuration(decoding: configuration.encoded) == configuration)
    // Version 1: two voters, ids 1 and 2, incarnations 10 and 20.
    let first: [UInt8] =
      [0, 1, 0, 2] + [UInt64(1), 10, 2, 20].flatMap { [0, 0, 0, 0, 0, 0, 0, UInt8($0)] }
      + [0, 0, 0, 0]
    #expect(try Configuration(decoding: first).voters == [member(1), member(2)])
  }

  @Test func `sets that contradict each other make no configuration`() {
    let two = [member(1), member(2)]
    #expect(Configuration(voters: two, learners: [member(2)]) == nil)
    #expect(Configuration(voters: two, outgoing: [member(3)], learners: [member(3)]) == nil)
    let other = Member(id: NodeID(2), incarnation: 99)
    #expect(Configuration(voters: two, outgoing: [other]) == nil)
    let promotion = Configuration.Promotion(learner: NodeID(5))
    #expect(Configuration(voters: two, promotion: promotion) == nil)
    #expect(
      Configuration(voters: two, outgoing: two, learners: [member(5)], promotion: promotion) == nil)
  }
}
