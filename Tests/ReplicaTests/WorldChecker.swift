// WorldChecker: what must hold in every history of a ClusterWorld.
//
// The oracle replays the final log with an exchange and a duplicate map of its own, and every answer that any client
// got must fit it.
// Not here: making the history (ClusterWorld, WorldClients).

import Engine
import Raft
import Testing
import Wire

@testable import Replica

final class WorldChecker {
  private(set) var violations: [String] = []
  /// By log index: the stamp and the events, as first seen.
  private(set) var events: [UInt64: (Int64, [Event])] = [:]
  private var hashes: [UInt64: UInt128] = [:]
  private(set) var entriesSeen = 0
  /// `nil`: members change in this history.
  var configurationsExpected: Int? = 1
  private var clientsAsked: [RequestID] = []

  func note(_ violation: String) {
    if violations.count < 20 { violations.append(violation) }
  }

  /// A run leaves a node: its events equal everyone's, in this and in earlier lives; so does its hash.
  func see(_ run: Run, _ node: WorldNode) {
    for place in run.events.entries.indices {
      let entry = run.events.entries[place]
      let list = Array(run.events.events(of: place))
      entriesSeen += 1
      if let known = events[entry.index] {
        if known.0 != entry.stamp || known.1 != list {
          note("the events of index \(entry.index) differ at node \(node.id)")
        }
      } else {
        events[entry.index] = (entry.stamp, list)
      }
    }
    if let hash = hashes[run.lastIndex], hash != run.stateHash {
      note("the state hash of index \(run.lastIndex) differs at node \(node.id)")
    }
    hashes[run.lastIndex] = run.stateHash
    guard let life = node.life else { return }
    if run.lastIndex > life.coordinator.status(.init(monotonic: 0, wall: 0)).durableIndex {
      note("node \(node.id) hands out rows of \(run.lastIndex) before its log holds it")
    }
  }

  /// What the oracle knows of a request.
  struct Executed: Equatable {
    var reply: Reply
    var index: UInt64
    var stamp: Int64
  }

  /// Compares all nodes, which must be at rest, with the log and with the answers.
  func finish(_ world: ClusterWorld, _ clients: WorldClients) {
    guard let node = world.nodes.first, let life = node.life else { return note("node 1 is down") }
    let log = node.archive + node.log
    let hash = life.coordinator.stateHash
    for other in world.nodes {
      guard let life = other.life else { return note("node \(other.id) is down at the end") }
      if other.archive + other.log != log { note("the log of node \(other.id) differs") }
      if life.coordinator.appliedIndex != UInt64(log.count) {
        note("node \(other.id) applied \(life.coordinator.appliedIndex) of \(log.count)")
      }
      if life.coordinator.stateHash != hash { note("the state of node \(other.id) differs") }
      for broken in life.coordinator.machine.checkInvariants() {
        note("node \(other.id): \(broken)")
      }
      for (asset, sum) in life.coordinator.machine.conservation() where sum != 0 {
        note("node \(other.id): asset \(asset.value) sums to \(sum)")
      }
      for fault in life.coordinator.status(world.now(other)).faults {
        note("node \(other.id): \(fault)")
      }
      if life.coordinator.machine.marker.windowEnd != 0 { note("a depth window stays open") }
    }
    var oracle = Exchange()
    clientsAsked = clients.asked.map(\.request.header.requestID)
    let executed = replay(log, &oracle)
    if oracle.stateHash != life.coordinator.machine.exchange.stateHash {
      note("the exchange differs from a replay that executes each request once")
    }
    clients.check(executed, self)
  }

  /// What the log of the leader says of each request.
  func executed(_ world: ClusterWorld) throws -> [RequestID: Executed] {
    let leader = try #require(world.leader)
    var oracle = Exchange()
    return replay(leader.archive + leader.log, &oracle)
  }

  private func replay(_ log: [Entry], _ oracle: inout Exchange) -> [RequestID: Executed] {
    var executed: [RequestID: Executed] = [:]
    var stamp: Int64 = 0
    var configurations = 0
    var genesis = 0
    var batch = EventBatch()
    for entry in log {
      if entry.kind == .configuration { configurations += 1 }
      guard entry.kind == .command else { continue }
      guard let payload = try? EntryPayload(decoding: entry.payload) else {
        note("entry \(entry.id) cannot be decoded")
        continue
      }
      if payload.stamp < stamp { note("the stamp of \(entry.id) goes back") }
      stamp = payload.stamp
      batch.begin(index: entry.index.value, stamp: stamp)
      for request in payload.requests {
        if case .genesis = request.command { genesis += 1 }
        let id = request.header.requestID
        guard executed[id] == nil else { continue }
        let reply: Reply
        if request.header.timestamp >= stamp + 1_000_000 {
          reply = .rejected(.timestampAhead)
        } else if stamp > request.header.deadline {
          reply = .rejected(.deadlinePassed)
        } else {
          reply = oracle.apply(request, stamp: stamp, &batch)
        }
        executed[id] = Executed(reply: reply, index: entry.index.value, stamp: stamp)
      }
    }
    var rows = RowBatch()
    oracle.collectRows(into: &rows)
    let asked = Set(clientsAsked)
    for id in executed.keys where id.words.0 == 1 && !asked.contains(id) {
      note("the log holds a request that nobody asked: \(id)")
    }
    if let expected = configurationsExpected, configurations != expected {
      note("\(configurations) configuration entries")
    }
    if genesis != 1 { note("\(genesis) genesis marks") }
    return executed
  }
}
