// StreamHub: which WebSocket connections of one event loop wait for which streams.
//
// Invariants: touched on its own event loop only; what is subscribed here is counted in the node's `StreamFeed`.
// Not here: frames (StreamConnection), payloads (Gateway).

import Gateway
import NIOCore
import NIOWebSocket
import Synchronization

/// What the publisher has to render: the sum over all loops.
final class StreamFeed: Sendable {
  private let interest = Mutex(StreamInterest())
  private let subscriptions = Atomic<Int>(0)

  func add(_ key: StreamKey) {
    interest.withLock { $0.add(key) }
    subscriptions.wrappingAdd(1, ordering: .relaxed)
  }

  func remove(_ key: StreamKey) {
    interest.withLock { $0.remove(key) }
    subscriptions.wrappingSubtract(1, ordering: .relaxed)
  }

  var isIdle: Bool { subscriptions.load(ordering: .relaxed) == 0 }
  var snapshot: StreamInterest { interest.withLock { $0 } }
}

/// The connections of one loop.
final class StreamHub {
  private let feed: StreamFeed
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

  func subscribe(_ connection: StreamConnection, _ key: StreamKey) {
    let id = ObjectIdentifier(connection)
    guard subscribers[key, default: [:]].updateValue(connection, forKey: id) == nil else { return }
    feed.add(key)
  }

  func unsubscribe(_ connection: StreamConnection, _ key: StreamKey) {
    guard subscribers[key]?.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
    if subscribers[key]?.isEmpty == true { subscribers[key] = nil }
    feed.remove(key)
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
