// StateMachineTests: what applying an entry means for time, repetition, faults and rows.

import Engine
import Raft
import Storage
import Testing
import Wire

@testable import Replica

@Suite struct StateMachineTests {
  static let stamp: Int64 = 1_800_000_000_000_000

  static func entry(
    _ index: UInt64, stamp: Int64, _ requests: [Request] = []
  ) -> Entry {
    let payload = EntryPayload.encode(stamp: stamp, requests: requests.map(Coordinator.encode))
    return Entry(
      id: EntryID(term: Term(1), index: LogIndex(index)), kind: .command, payload: payload)
  }

  static func request(
    _ number: UInt64, timestamp: Int64 = 0, deadline: Int64 = Int64.max, asset: String = "ABC"
  ) -> Request {
    Request(
      header: CommandHeader(
        requestID: RequestID(0, 0, 1, number), key: .admin, timestamp: timestamp,
        deadline: deadline), command: .addAsset(AddAsset(name: asset, scale: 2)))
  }

  /// A machine with the genesis of the tests at index 1.
  static func machine(newestLevel: UInt32 = Behaviour.newest) throws -> StateMachine {
    var machine = StateMachine(newestLevel: newestLevel)
    var genesis: [Request] = []
    for (i, request) in ClusterWorld.genesis.enumerated() {
      var copy = request
      copy.header.requestID = RequestID(0, 0, 0, UInt64(i))
      copy.header.deadline = Int64.max
      genesis.append(copy)
    }
    _ = try apply(&machine, entry(1, stamp: stamp, genesis))
    return machine
  }

  static func apply(
    _ machine: inout StateMachine, _ entry: Entry
  ) throws -> [AppliedOutcome] {
    var events = EventBatch()
    var outcomes = AppliedOutcomes()
    try machine.apply(entry, &events, &outcomes)
    return (0..<outcomes.count).map { outcomes.outcome($0) }
  }

  @Test func `a repetition gets the first reply, with its index and stamp`() throws {
    var machine = try Self.machine()
    let first = try Self.apply(&machine, Self.entry(2, stamp: Self.stamp + 5, [Self.request(1)]))
    let second = try Self.apply(
      &machine, Self.entry(3, stamp: Self.stamp + 9, [Self.request(1, asset: "OTHER")]))
    #expect(second.map(\.reply) == first.map(\.reply))
    #expect(second.map(\.index) == [2])
    #expect(second.map(\.stamp) == [Self.stamp + 5])
    #expect(machine.duplicatesAnswered == 1)
  }

  @Test func `a repetition past its deadline gets the recorded reply, not a refusal`() throws {
    var machine = try Self.machine()
    let request = Self.request(1, deadline: Self.stamp + 100)
    let first = try Self.apply(&machine, Self.entry(2, stamp: Self.stamp + 100, [request]))
    let later = try Self.apply(&machine, Self.entry(3, stamp: Self.stamp + 9_000_000, [request]))
    #expect(later.map(\.reply) == first.map(\.reply))
    #expect(first.first?.reply != .rejected(.deadlinePassed))
  }

  @Test func `a deadline that the stamp has passed refuses, and is recorded`() throws {
    var machine = try Self.machine()
    let request = Self.request(1, deadline: Self.stamp + 99)
    let outcomes = try Self.apply(&machine, Self.entry(2, stamp: Self.stamp + 100, [request]))
    #expect(outcomes.map(\.reply) == [.rejected(.deadlinePassed)])
    #expect(machine.outcome(of: request.header.requestID) != nil)
  }

  @Test func `a timestamp a second ahead of the stamp refuses`() throws {
    var machine = try Self.machine()
    let stamp = Self.stamp + 100
    let outcomes = try Self.apply(
      &machine,
      Self.entry(
        2, stamp: stamp,
        [
          Self.request(1, timestamp: stamp + 999_999, asset: "A"),
          Self.request(2, timestamp: stamp + 1_000_000, asset: "B"),
          Self.request(3, timestamp: Int64.max, asset: "C"),
        ]))
    #expect(outcomes[0].reply != .rejected(.timestampAhead))
    #expect(outcomes[1].reply == .rejected(.timestampAhead))
    #expect(outcomes[2].reply == .rejected(.timestampAhead))
  }

  @Test func `what cannot be decoded is a fault, and changes nothing`() throws {
    var machine = try Self.machine()
    var rows = RowBatch()
    machine.collectRows(into: &rows)
    let before = machine.marker
    var bytes = EntryPayload.encode(stamp: Self.stamp + 1, requests: [])
    bytes[3] = 77
    let id = EntryID(term: Term(1), index: LogIndex(2))
    for payload in [bytes, [], [0, 9]] {
      #expect(throws: ApplyFault.self) {
        try Self.apply(&machine, Entry(id: id, kind: .command, payload: payload))
      }
    }
    #expect(throws: ApplyFault.self) {
      try Self.apply(&machine, Entry(id: id, kind: .configuration, payload: [1]))
    }
    #expect(throws: ApplyFault.self) {
      try Self.apply(&machine, Self.entry(2, stamp: Self.stamp - 1))
    }
    #expect(machine.marker == before)
  }

  @Test func `noop and configuration entries advance the applied marker`() throws {
    var machine = try Self.machine()
    let noop = Entry(
      id: EntryID(term: Term(2), index: LogIndex(2)), kind: .noop, payload: [])
    #expect(try Self.apply(&machine, noop).isEmpty)
    #expect(machine.marker.applied == noop.id)
    let configuration = Configuration(voters: [Member(id: NodeID(1), incarnation: 4)])
    let change = Entry(
      id: EntryID(term: Term(2), index: LogIndex(3)), kind: .configuration,
      payload: configuration?.encoded ?? [])
    _ = try Self.apply(&machine, change)
    #expect(machine.marker.configuration == configuration)
    #expect(machine.marker.stamp == Self.stamp)
  }

  @Test func `rows alone rebuild the machine, and a missing row is noticed`() throws {
    var machine = try Self.machine()
    for index in 2...40 as ClosedRange<UInt64> {
      let request = Self.request(index, asset: "A\(index)")
      _ = try Self.apply(&machine, Self.entry(index, stamp: Self.stamp + Int64(index), [request]))
    }
    let store = MemoryStore()
    var rows = RowBatch()
    machine.collectRows(into: &rows)
    store.write(rows)
    var loaded = try StateMachine(loading: store)
    #expect(loaded.marker == machine.marker)
    let next = Self.entry(41, stamp: Self.stamp + 99_000_000, [Self.request(7), Self.request(999)])
    let here = try Self.apply(&machine, next).map(\.reply)
    #expect(try Self.apply(&loaded, next).map(\.reply) == here)
    var (a, b) = (RowBatch(), RowBatch())
    machine.collectRows(into: &a)
    loaded.collectRows(into: &b)
    #expect(loaded.marker.stateHash == machine.marker.stateHash)
    #expect(Set(a.changes.map(\.key)) == Set(b.changes.map(\.key)))

    var damage = RowBatch()
    damage.delete(atMost: OutcomeRows.keyBytes) { OutcomeRows.key(20, 0, into: &$0) }
    store.write(damage)
    #expect(throws: ReplicaError.self) { _ = try StateMachine(loading: store) }
  }

  @Test func `the genesis fixes identity, and a second one changes nothing`() throws {
    var machine = try Self.machine()
    #expect(machine.marker.genesisHash == ClusterWorld.genesisHash)
    #expect(machine.marker.clusterID == "world")
    let mark = Request(
      header: CommandHeader(
        requestID: RequestID(9, 9, 9, 9), key: .admin, timestamp: 0, deadline: Int64.max),
      command: .genesis(GenesisMark(clusterID: "other", hash: [UInt8](repeating: 1, count: 32))))
    let outcomes = try Self.apply(&machine, Self.entry(2, stamp: Self.stamp, [mark]))
    #expect(outcomes.map(\.reply) == [.rejected(.genesisRepeated)])
    #expect(machine.marker.genesisHash == ClusterWorld.genesisHash)
  }
}
