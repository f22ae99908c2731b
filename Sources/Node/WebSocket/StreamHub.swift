// StreamHub: which WebSocket connections of one event loop wait for which streams.
//
// Invariants: touched on its own event loop only; what is subscribed here is counted in the node's `StreamFeed`.
// Not here: frames (StreamConnection), payloads (Gateway).

import Gateway
import NIOCore
import NIOWebSocket
import Synchronization

/// What the publisher has to render: the sum over all loops. The publisher owns the sum; here wait its changes.
final class StreamFeed: Sendable {
  private struct State {
    /// Since the publisher last looked. Opposite changes cancel out, so this is never longer than what is subscribed
    /// now and what was then.
    var changes: [StreamKey: Int] = [:]
    var byAddress: [String: Int] = [:]
    var total = 0
  }

  private let state = Mutex(State())
  private let subscriptions = Atomic<Int>(0)

  /// Counts a subscription of an address (an `AddressGroup`); `false` if it or the node has too many.
  func add(_ key: StreamKey, for address: String) -> Bool {
    let added = state.withLock { state in
      let own = state.byAddress[address] ?? 0
      guard state.total < StreamLimits.subscriptions,
        own < StreamLimits.subscriptionsPerAddress
      else { return false }
      state.total += 1
      state.byAddress[address] = own + 1
      Self.change(&state.changes, key, by: 1)
      return true
    }
    if added { subscriptions.wrappingAdd(1, ordering: .relaxed) }
    return added
  }

  func remove(_ key: StreamKey, for address: String) {
    state.withLock { state in
      state.total -= 1
      let own = (state.byAddress[address] ?? 1) - 1
      state.byAddress[address] = own > 0 ? own : nil
      Self.change(&state.changes, key, by: -1)
    }
    subscriptions.wrappingSubtract(1, ordering: .relaxed)
  }

  private static func change(_ changes: inout [StreamKey: Int], _ key: StreamKey, by count: Int) {
    let sum = (changes[key] ?? 0) + count
    changes[key] = sum == 0 ? nil : sum
  }

  /// How many subscriptions there are.
  var count: Int { subscriptions.load(ordering: .relaxed) }

  /// What changed since the last call.
  func takeChanges() -> [StreamKey: Int] {
    state.withLock { state in
      let changes = state.changes
      state.changes = [:]
      return changes
    }
  }
}

/// The connections of one loop.
final class StreamHub {
  let feed: StreamFeed
  private let metrics: Metrics
  private var connections: [ObjectIdentifier: StreamConnection] = [:]
  private var subscribers: [StreamKey: [ObjectIdentifier: StreamConnection]] = [:]

  init(feed: StreamFeed, metrics: Metrics) {
    self.feed = feed
    self.metrics = metrics
  }

  var count: Int { connections.count }

  func add(_ connection: StreamConnection) {
    connections[ObjectIdentifier(connection)] = connection
    metrics.streamConnections.add()
  }

  func remove(_ connection: StreamConnection, keys: [StreamKey]) {
    guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
    for key in keys { unsubscribe(connection, key) }
  }

  /// `false` if the connection's address or the node has too many subscriptions.
  func subscribe(_ connection: StreamConnection, _ key: StreamKey) -> Bool {
    let id = ObjectIdentifier(connection)
    guard subscribers[key]?[id] == nil else { return true }
    guard feed.add(key, for: connection.address) else { return false }
    subscribers[key, default: [:]][id] = connection
    return true
  }

  func unsubscribe(_ connection: StreamConnection, _ key: StreamKey) {
    guard subscribers[key]?.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
    if subscribers[key]?.isEmpty == true { subscribers[key] = nil }
    feed.remove(key, for: connection.address)
  }

  /// Sends each message to its subscribers, and flushes each of them once.
  func deliver(_ messages: [StreamMessage]) {
    var touched: [ObjectIdentifier: StreamConnection] = [:]
    for message in messages {
      guard let all = subscribers[message.key] else { continue }
      let raw = ByteBuffer(bytes: message.payload)
      var combined: ByteBuffer?
      for (id, connection) in all {
        if connection.isCombined {
          let wrapped = combined ?? ByteBuffer(bytes: message.combined())
          combined = wrapped
          connection.enqueue(wrapped)
        } else {
          connection.enqueue(raw)
        }
        touched[id] = connection
      }
      metrics.streamMessages.add(UInt64(all.count))
    }
    for connection in touched.values { connection.flush() }
  }

  func sweep(now: Int64) {
    for connection in Array(connections.values) { connection.sweep(now: now) }
  }

  func closeAll() {
    for connection in Array(connections.values) {
      connection.close(code: .goingAway, reason: "Server shutdown")
    }
  }
}
