// GreetingTests: who is let in at first boot and later, by the rules of identity.

import Engine
import Raft
import Storage
import Testing
import Wire

@testable import Replica

@Suite struct GreetingTests {
  static let now = Moment(monotonic: 1_000_000, wall: ClusterWorld.wallStart)

  static func coordinator(
    _ id: UInt64 = 1, voters: [UInt64] = [1, 2, 3], restored: RestoredReplica = RestoredReplica(),
    rows: MemoryStore = MemoryStore(), mayFound: Bool = true
  ) throws -> Coordinator {
    var settings = ReplicaSettings()
    settings.mayFound = mayFound
    return try Coordinator(
      identity: Member(id: NodeID(id), incarnation: id * 10), voters: voters.map { NodeID($0) },
      genesis: ClusterWorld.genesis, genesisHash: ClusterWorld.genesisHash,
      settings: settings, restored: restored, rows: rows, seed: 1)
  }

  static func hello(
    _ id: UInt64, incarnation: UInt64? = nil, empty: Bool = true,
    configuration: Configuration? = nil, hash: [UInt8] = ClusterWorld.genesisHash
  ) -> PeerHello {
    PeerHello(
      genesisHash: hash, node: NodeID(id), incarnation: incarnation ?? id * 10, isNew: empty,
      configuration: configuration)
  }

  static let members = (1...3 as ClosedRange<UInt64>).map {
    Member(id: NodeID($0), incarnation: $0 * 10)
  }

  static func faults(_ coordinator: borrowing Coordinator) -> String {
    coordinator.status(now).faults.joined(separator: "\n")
  }

  @Test func `a node starts only once every configured peer reported an empty log`() throws {
    var node = try Self.coordinator()
    var effects = Effects()
    #expect(Self.faults(node).contains("waiting to hear from nodes [2, 3]"))
    #expect(node.greet(Self.hello(2), Self.now, &effects) == .accept)
    #expect(node.configuration == nil)
    #expect(node.greet(Self.hello(3), Self.now, &effects) == .accept)
    #expect(node.configuration?.voters == Self.members)
    #expect(Self.faults(node) == "")
  }

  /// Found by the simulator: the first peer that had ever said hello decided, for good.
  @Test func `a new node joins although an older hello does not name it`() throws {
    var node = try Self.coordinator(4, voters: [1, 2, 3, 4])
    var effects = Effects()
    let old = try #require(Configuration(voters: Self.members))
    let new = try #require(
      Configuration(
        voters: Self.members, learners: [Member(id: NodeID(4), incarnation: 40)]))
    _ = node.greet(Self.hello(2, empty: false, configuration: old), Self.now, &effects)
    #expect(node.configuration == nil)
    _ = node.greet(Self.hello(3, empty: false, configuration: new), Self.now, &effects)
    #expect(node.configuration == new)
    #expect(Self.faults(node) == "")
  }

  /// Found by the simulator: a member that lags refused the new leader, and could never catch up.
  @Test func `a member that lags lets those in who joined later, but not those who left`() throws {
    var node = try Self.coordinator()
    var effects = Effects()
    for id in [2, 3] as [UInt64] { _ = node.greet(Self.hello(id), Self.now, &effects) }
    try #require(node.configuration != nil)
    let newcomer = Member(id: NodeID(4), incarnation: 40)
    let newer = try #require(Configuration(voters: [Self.members[0], Self.members[1], newcomer]))
    let joined = Self.hello(4, empty: false, configuration: newer)
    #expect(node.greet(joined, Self.now, &effects) == .accept)
    let elsewhere = try #require(Configuration(voters: [Self.members[1], newcomer]))
    let refused = [
      Self.hello(4, empty: false), Self.hello(4, empty: false, configuration: elsewhere),
      Self.hello(4, incarnation: 41, empty: false, configuration: newer),
    ]
    for hello in refused {
      #expect(node.greet(hello, Self.now, &effects) != .accept)
    }
    // A node that left knows an older configuration with both; its id was given before.
    var later = try Self.coordinator(2, voters: [1, 2, 3])
    let left = Self.hello(3, empty: false, configuration: Configuration(voters: Self.members))
    let shrunk = try #require(
      Configuration(voters: Array(Self.members[..<2]), highestID: NodeID(3)))
    _ = later.greet(Self.hello(1, empty: false, configuration: shrunk), Self.now, &effects)
    #expect(later.configuration == shrunk)
    #expect(later.greet(left, Self.now, &effects) != .accept)
  }

  @Test func `a peer that knows no configuration is told the one in force`() throws {
    var node = try Self.coordinator()
    var effects = Effects()
    func told() -> [NodeID] {
      effects.messages.compactMap { outgoing in
        guard case .hello(let hello) = outgoing.message.body else { return nil }
        return hello.configuration?.voters == Self.members ? outgoing.to : nil
      }
    }
    _ = node.greet(Self.hello(2), Self.now, &effects)
    _ = node.greet(Self.hello(3), Self.now, &effects)
    #expect(told() == [NodeID(2), NodeID(3)])
    effects.removeAll()
    // The news of the activation were lost: the connection to node 3 was still being made.
    #expect(node.greet(Self.hello(3), Self.now, &effects) == .accept)
    #expect(told() == [NodeID(3)])
    effects.removeAll()
    let informed = Self.hello(3, configuration: node.configuration)
    #expect(node.greet(informed, Self.now, &effects) == .accept)
    #expect(told() == [])
  }

  @Test func `without a configuration a node neither votes nor writes`() throws {
    var node = try Self.coordinator()
    var effects = Effects()
    _ = node.greet(Self.hello(2), Self.now, &effects)
    let request = Message(
      from: NodeID(2), to: NodeID(1), term: Term(5),
      body: .voteRequest(last: .zero, transfer: false))
    node.receive(PeerMessage(wall: 1, .raft(request)), from: NodeID(2), Self.now, &effects)
    for _ in 0..<500 { node.tick(Self.now, &effects) }
    #expect(effects.writes.isEmpty)
    #expect(effects.messages.isEmpty)
    #expect(node.role == .follower)
  }

  @Test func `an empty node stays out when a peer has a log`() throws {
    var node = try Self.coordinator()
    var effects = Effects()
    _ = node.greet(Self.hello(2), Self.now, &effects)
    _ = node.greet(Self.hello(3, empty: false), Self.now, &effects)
    #expect(node.configuration == nil)
    #expect(Self.faults(node).contains("exctl member replace"))
  }

  /// Found by the simulator: the first three nodes, all replaced and wiped since, founded an empty
  /// cluster of their own beside the one that lived.
  @Test func `wiped nodes found nothing beside a cluster that one of them was told of`() throws {
    var node = try Self.coordinator()
    var effects = Effects()
    func toldToBeNew() -> [Bool] {
      effects.messages.compactMap { outgoing in
        guard case .hello(let hello) = outgoing.message.body else { return nil }
        return hello.isNew
      }
    }
    #expect(node.hello.isNew)
    _ = node.greet(Self.hello(2), Self.now, &effects)
    // One that took a first node's place dials them all, and is refused by those that do not know it.
    let present = try #require(
      Configuration(voters: (5...7).map { Member(id: NodeID($0), incarnation: $0 * 10) }))
    let member = Self.hello(5, empty: false, configuration: present)
    #expect(node.greet(member, Self.now, &effects) != .accept)
    #expect(!node.hello.isNew)
    #expect(toldToBeNew() == [false], "the peer that believed it to be new has to hear otherwise")
    _ = node.greet(Self.hello(3), Self.now, &effects)
    for _ in 0..<500 { node.tick(Self.now, &effects) }
    #expect(node.configuration == nil)
    #expect(Self.faults(node).contains("exctl member add"))
    // The peers that were not told do not go on without it.
    var other = try Self.coordinator(2)
    _ = other.greet(Self.hello(3), Self.now, &effects)
    _ = other.greet(node.hello, Self.now, &effects)
    #expect(other.configuration == nil)
    // A cluster of another genesis says nothing about this one.
    var stranger = member
    stranger.genesisHash = [UInt8](repeating: 0xAB, count: 32)
    var unrelated = try Self.coordinator()
    #expect(unrelated.greet(stranger, Self.now, &effects) != .accept)
    #expect(unrelated.hello.isNew)
  }

  @Test(arguments: [[1, 2, 3], [1]] as [[UInt64]])
  func `a node that may only join founds nothing, and joins`(voters: [UInt64]) throws {
    var node = try Self.coordinator(voters: voters, mayFound: false)
    var effects = Effects()
    node.tick(Self.now, &effects)
    #expect(Self.faults(node).contains("is to join a cluster that exists"))
    for id in voters.dropFirst() { _ = node.greet(Self.hello(id), Self.now, &effects) }
    #expect(node.configuration == nil)
    #expect(!node.hello.isNew)
    guard voters.count > 1 else { return }
    let naming = Self.hello(2, empty: false, configuration: Configuration(voters: Self.members))
    #expect(node.greet(naming, Self.now, &effects) == .accept)
    #expect(node.configuration?.voters == Self.members)
    #expect(Self.faults(node) == "")
  }

  @Test func `a configuration that lists this incarnation starts it, another keeps it out`() throws
  {
    var effects = Effects()
    var listed = try Self.coordinator()
    let configuration = Configuration(voters: Self.members)
    let known = Self.hello(2, empty: false, configuration: configuration)
    #expect(listed.greet(known, Self.now, &effects) == .accept)
    #expect(listed.configuration == configuration)

    var wiped = try Self.coordinator()
    let other = Configuration(
      voters: [Member(id: NodeID(1), incarnation: 777)] + Self.members[1...])
    _ = wiped.greet(
      Self.hello(2, empty: false, configuration: other), Self.now, &effects)
    _ = wiped.greet(Self.hello(3), Self.now, &effects)
    #expect(wiped.configuration == nil)
    #expect(Self.faults(wiped).contains("exctl member replace"))
    wiped.submit(
      [Submission(ticket: 1, request: EntryPayloadTests.request)], Self.now, &effects)
    #expect(effects.answers.map(\.outcome) == [.overloaded])
  }

  @Test func `another genesis is refused with both hashes`() throws {
    var node = try Self.coordinator()
    var effects = Effects()
    let other = [UInt8](repeating: 0xAB, count: 32)
    guard case .refuse(let reason) = node.greet(Self.hello(2, hash: other), Self.now, &effects)
    else { return #expect(Bool(false), "it was let in") }
    #expect(reason.contains(hexadecimal(other)))
    #expect(reason.contains(hexadecimal(ClusterWorld.genesisHash)))
  }

  @Test func `another incarnation of a known node is refused with both numbers`() throws {
    var node = try Self.coordinator()
    var effects = Effects()
    _ = node.greet(Self.hello(2), Self.now, &effects)
    _ = node.greet(Self.hello(3), Self.now, &effects)
    guard
      case .refuse(let reason) = node.greet(
        Self.hello(3, incarnation: 0xBEEF), Self.now, &effects)
    else { return #expect(Bool(false), "it was let in") }
    #expect(reason.contains("000000000000beef"))
    #expect(reason.contains(hexadecimal(30 as UInt64)))
  }

  @Test func `the own id and strangers are refused`() throws {
    var node = try Self.coordinator()
    var effects = Effects()
    for id in [1, 9] as [UInt64] {
      #expect(node.greet(Self.hello(id), Self.now, &effects) != .accept)
    }
  }

  @Test func `a late node learns from a peer that already started`() throws {
    var two = try Self.coordinator(2)
    var effects = Effects()
    _ = two.greet(Self.hello(1), Self.now, &effects)
    let update = Self.hello(1, configuration: Configuration(voters: Self.members))
    two.receive(PeerMessage(wall: 1, .hello(update)), from: NodeID(1), Self.now, &effects)
    #expect(two.configuration?.voters == Self.members)
  }

  @Test func `a node that is alone founds its cluster at once`() throws {
    var node = try Self.coordinator(1, voters: [1])
    var effects = Effects()
    var now = Self.now
    var log: [Entry] = []
    for _ in 0..<300 where !node.ready {
      now.monotonic += 10_000
      now.wall += 10_000
      node.tick(now, &effects)
      let writes = effects.writes
      effects.removeAll()
      for write in writes {
        log += write.entries
        node.logPersisted(write.sequence, now, &effects)
      }
    }
    #expect(node.ready == true)
    #expect(log.count == 3)
    #expect(Set(log.map(\.kind)) == [.noop, .configuration, .command])
  }

  @Test func `a store that is ahead of its log is refused`() throws {
    let store = MemoryStore()
    var marker = AppliedMarker.initial
    marker.applied = EntryID(term: Term(1), index: LogIndex(5))
    marker.stateHash = marker.logicalHash
    var rows = RowBatch()
    rows.put(ReplicaRows.markerKey, ReplicaRows.markerValue(marker))
    store.write(rows)
    #expect(throws: (any Error).self) { _ = try Self.coordinator(rows: store) }
  }

  @Test func `rows that do not add up are told apart from parts that do not fit`() throws {
    let store = MemoryStore()
    var marker = AppliedMarker.initial
    marker.applied = EntryID(term: Term(1), index: LogIndex(5))
    marker.stateHash = marker.logicalHash &+ 1
    var rows = RowBatch()
    rows.put(ReplicaRows.markerKey, ReplicaRows.markerValue(marker))
    store.write(rows)
    let damage = #expect(throws: StateDamage.self) { _ = try Self.coordinator(rows: store) }
    #expect(try #require(damage).description.contains("do not add up"))
  }

  @Test func `a peer's hello tells its priority`() throws {
    var node = try Self.coordinator()
    var effects = Effects()
    for id: UInt64 in 2...3 {
      var hello = Self.hello(id)
      hello.priority = UInt8(id)
      #expect(node.greet(hello, Self.now, &effects) == .accept)
    }
    #expect(node.status(Self.now).members.map(\.priority) == [100, 2, 3])
  }

  @Test func `a genesis without its mark is refused`() throws {
    #expect(throws: ReplicaError.self) {
      _ = try Coordinator(
        identity: Self.members[0], voters: [NodeID(1)], genesis: [],
        genesisHash: ClusterWorld.genesisHash, settings: ReplicaSettings(),
        restored: RestoredReplica(), rows: MemoryStore(), seed: 1)
    }
  }
}
