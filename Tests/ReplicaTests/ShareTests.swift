// ShareTests: no account can shut out the others by what it has waiting or recorded; the operator always gets in.

import Engine
import Raft
import Storage
import Testing

@testable import Replica

/// A cluster of one node whose disk is at once.
private final class LoneNode {
  var coordinator: Coordinator
  var effects = Effects()
  var now = GreetingTests.now
  private var number: UInt64 = 0

  init(_ settings: ReplicaSettings) throws {
    coordinator = try Coordinator(
      identity: GreetingTests.members[0], voters: [NodeID(1)], genesis: ClusterWorld.genesis,
      genesisHash: ClusterWorld.genesisHash, settings: settings, restored: RestoredReplica(),
      rows: MemoryStore(), seed: 1)
    for _ in 0..<200 where !coordinator.ready { turn() }
    for name in ["a", "b"] {
      let account = CreateAccount(
        name: name, permissions: .trade,
        limits: OrderLimits(per10Seconds: 1 << 20, perDay: 1 << 20),
        apiKey: String(repeating: name, count: 64), sealedSecret: [1])
      send([.createAccount(account)], KeyID.admin)
    }
  }

  func turn(_ step: Int64 = 10_000) {
    now.monotonic += step
    now.wall += step
    coordinator.tick(now, &effects)
    let writes = effects.writes
    effects.writes.removeAll()
    for write in writes { coordinator.logPersisted(write.sequence, now, &effects) }
    for run in effects.runs { coordinator.stored(upTo: run.lastIndex) }
    effects.runs.removeAll()
  }

  /// Submits, without a turn.
  func submit(_ commands: [Command], _ key: KeyID) {
    let submissions = commands.map { command in
      number += 1
      return Submission(
        ticket: number,
        request: Request(
          header: CommandHeader(
            requestID: RequestID(1, 1, 1, number), key: key, timestamp: now.wall,
            deadline: now.wall + 5_000_000), command: command))
    }
    coordinator.submit(submissions, now, &effects)
  }

  /// How many of the answers so far are replies, and how many refusals.
  func takeAnswers() -> (replies: Int, refused: Int) {
    let outcomes = effects.answers.map(\.outcome)
    effects.answers.removeAll()
    let refused = outcomes.filter { $0 == .overloaded }.count
    let replies = outcomes.filter { if case .reply = $0 { true } else { false } }.count
    return (replies, refused)
  }

  /// Submits one after the other, each answered before the next.
  @discardableResult
  func send(_ commands: [Command], _ key: KeyID) -> (replies: Int, refused: Int) {
    for command in commands {
      submit([command], key)
      turn()
    }
    for _ in 0..<3 { turn() }
    return takeAnswers()
  }
}

@Suite struct ShareTests {
  private static let first = KeyID(1)
  private static let second = KeyID(2)

  /// Something cheap that is recorded: a cancel of an order that does not exist.
  private static func work(_ count: Int, _ account: UInt64) -> [Command] {
    let cancel = CancelOrder(
      account: AccountID(account), symbol: SymbolID(1), orderID: OrderID(77),
      originalClientOrderID: .empty, cancelClientOrderID: .empty, restriction: .none)
    return [Command](repeating: .cancelOrder(cancel), count: count)
  }

  private static func adminWork(_ count: Int) -> [Command] {
    [Command](repeating: .revokeKey(RevokeKey(apiKey: "unknown")), count: count)
  }

  @Test func `an account that used up its share of the duplicate table is refused, and only it`()
    throws
  {
    var settings = ReplicaSettings()
    settings.duplicatesMax = 80
    let node = try LoneNode(settings)
    // The operator made both accounts and the genesis: those outcomes stand in the table too.
    let before = node.coordinator.machine.duplicatesCount
    #expect(node.send(Self.work(50, 1001), Self.first) == (20, 30))
    #expect(node.send(Self.work(10, 1002), Self.second) == (10, 0))
    #expect(node.coordinator.machine.duplicates(of: AccountID(1001)).count == 20)
    let room = 80 - before - 30
    #expect(node.send(Self.adminWork(room + 5), .admin) == (room, 5))
    #expect(node.coordinator.machine.duplicatesCount == 80)
    #expect(node.send(Self.work(1, 1002), Self.second) == (0, 1), "the table is full")
  }

  @Test func `a full table empties by itself, although nobody gets in to move the log's time`()
    throws
  {
    var settings = ReplicaSettings()
    settings.duplicatesMax = 80
    let node = try LoneNode(settings)
    #expect(node.send(Self.adminWork(100), .admin).refused > 20)
    #expect(node.coordinator.machine.duplicatesCount == 80)
    for _ in 0..<700 { node.turn(100_000) }
    #expect(node.coordinator.machine.duplicatesCount < 20)
    #expect(node.send(Self.work(5, 1001), Self.first) == (5, 0))
    let index = node.coordinator.commitIndex
    for _ in 0..<100 { node.turn(100_000) }
    #expect(node.coordinator.commitIndex == index, "no ticks without need")
  }

  @Test
  func `an account whose replies fill its share of the table's bytes is refused, and only it`()
    throws
  {
    var settings = ReplicaSettings()
    settings.duplicateBytesMax = 4096
    let node = try LoneNode(settings)
    let answers = node.send(Self.work(1024, 1001), Self.first)
    #expect(answers.refused > 0)
    #expect(node.coordinator.machine.duplicates(of: AccountID(1001)).replyBytes >= 1024)
    #expect(node.coordinator.machine.duplicates(of: AccountID(1001)).replyBytes < 1100)
    #expect(node.send(Self.work(5, 1002), Self.second) == (5, 0))
    #expect(node.send(Self.adminWork(5), .admin) == (5, 0))
  }

  @Test func `an account cannot take all the places of waiting writes`() throws {
    var settings = ReplicaSettings()
    settings.pendingMax = 40
    let node = try LoneNode(settings)
    node.submit(Self.work(30, 1001), Self.first)
    #expect(node.takeAnswers() == (0, 20))
    node.submit(Self.work(10, 1002), Self.second)
    #expect(node.takeAnswers() == (0, 0))
    node.submit(Self.adminWork(25), .admin)
    #expect(node.takeAnswers() == (0, 5))
    for _ in 0..<5 { node.turn() }
    #expect(node.takeAnswers() == (40, 0))
    #expect(node.coordinator.pending.tickets(of: AccountID(1001)) == 0)
    node.submit(Self.work(10, 1001), Self.first)
    #expect(node.takeAnswers() == (0, 0), "the places are free again")
  }
}
