// RefusalTests: "refused" is only said of a write that nobody has seen.

import Engine
import Raft
import Storage
import Testing

@testable import Replica

@Suite struct RefusalTests {
  private static func submission(_ ticket: UInt64, _ number: UInt64) -> Submission {
    var request = QueueTests.request(number)
    request.header.deadline = ClusterWorld.wallStart + 60_000_000
    return Submission(ticket: ticket, request: request)
  }

  @Test func `a repetition of a waiting write joins it, also at a node that takes nothing new`()
    throws
  {
    var node = try GreetingTests.coordinator()
    var effects = Effects()
    node.submit([Self.submission(1, 7)], GreetingTests.now, &effects)
    node.refuseWrites()
    node.submit([Self.submission(2, 7)], GreetingTests.now, &effects)
    #expect(effects.answers.isEmpty)
    node.submit([Self.submission(3, 8)], GreetingTests.now, &effects)
    #expect(effects.answers.map(\.outcome) == [.overloaded])
    effects.removeAll()
    let late = Moment(
      monotonic: GreetingTests.now.monotonic + 20_000_000, wall: GreetingTests.now.wall)
    node.tick(late, &effects)
    #expect(effects.answers.map(\.ticket) == [1, 2])
    #expect(effects.answers.map(\.outcome) == [.unknown, .unknown])
  }

  @Test func `a repetition for which there is no room is unknown, not refused`() throws {
    var node = try GreetingTests.coordinator()
    node.pending = PendingTable(limit: 1, accountLimit: 1)
    var effects = Effects()
    node.submit(
      [Self.submission(1, 7), Self.submission(2, 7), Self.submission(3, 8)], GreetingTests.now,
      &effects)
    #expect(effects.answers.map(\.ticket) == [2, 3])
    #expect(effects.answers.map(\.outcome) == [.unknown, .overloaded])
  }

  @Test func `what a peer's client has under way here is unknown to a drained leader's own`()
    throws
  {
    var node = try GreetingTests.coordinator()
    var effects = Effects()
    _ = node.queue.add(RequestID(0, 0, 0, 7), [1])
    node.refuseWrites()
    node.submit(
      [Self.submission(1, 7), Self.submission(2, 8)], GreetingTests.now, &effects)
    #expect(effects.answers.map(\.outcome) == [.unknown, .overloaded])
  }

  @Test func `a command that no replica could read is refused before the log`() throws {
    var node = try GreetingTests.coordinator(1, voters: [1])
    var effects = Effects()
    var now = GreetingTests.now
    func turn() {
      now.monotonic += 10_000
      now.wall += 10_000
      node.tick(now, &effects)
      let writes = effects.writes
      effects.writes.removeAll()
      for write in writes { node.logPersisted(write.sequence, now, &effects) }
    }
    for _ in 0..<200 where !node.ready { turn() }
    let isReady = node.ready
    #expect(isReady)
    var long = Self.submission(1, 7)
    long.request.command = .revokeKey(RevokeKey(apiKey: String(repeating: "k", count: 200)))
    node.submit([long], now, &effects)
    for _ in 0..<20 { turn() }
    #expect(effects.answers.map(\.outcome) == [.overloaded])
    #expect(GreetingTests.faults(node) == "")
  }

  @Test func `a genesis that no replica could read is refused before the log`() {
    var genesis = ClusterWorld.genesis
    genesis[1].command = .addAsset(AddAsset(name: String(repeating: "B", count: 300), scale: 2))
    let error = #expect(throws: ReplicaError.self) {
      _ = try Coordinator(
        identity: GreetingTests.members[0], voters: [NodeID(1)], genesis: genesis,
        genesisHash: ClusterWorld.genesisHash, settings: ReplicaSettings(),
        restored: RestoredReplica(), rows: MemoryStore(), seed: 1)
    }
    #expect(error?.description == "command 1 of the genesis could not be read back from the log")
  }
}
