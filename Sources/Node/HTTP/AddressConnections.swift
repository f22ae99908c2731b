// AddressConnections: how many connections each address has open on the client port.
//
// Invariant: a connection counts once, as HTTP until it becomes a WebSocket, from its permit until its release.
// Not here: limits of requests (LimiterShards) and of all connections together (HTTPServer).

import Gateway
import Synchronization

/// The counts, shared by all event loops. As long as the list of open connections.
final class AddressConnections: Sendable {
  fileprivate struct Open {
    var http = 0
    var streams = 0
  }

  fileprivate let open = Mutex<[String: Open]>([:])
  private let httpMax: Int
  fileprivate let streamsMax: Int

  init(httpMax: Int, streamsMax: Int) {
    self.httpMax = httpMax
    self.streamsMax = streamsMax
  }

  /// Counts a new connection of an IP address; `nil` if its group has too many.
  func admit(_ address: String) -> ConnectionPermit? {
    let group = AddressGroup.of(address)
    let admitted = open.withLock { open in
      guard open[group]?.http ?? 0 < httpMax else { return false }
      open[group, default: Open()].http += 1
      return true
    }
    return admitted ? ConnectionPermit(group, self) : nil
  }
}

/// One connection's place among those of its address. Any thread.
final class ConnectionPermit: Sendable {
  private enum Kind {
    case http, stream, released
  }

  /// The `AddressGroup` under which it counts.
  let address: String
  private let all: AddressConnections
  private let kind = Mutex(Kind.http)

  fileprivate init(_ address: String, _ all: AddressConnections) {
    self.address = address
    self.all = all
  }

  /// Counts the connection as a WebSocket from now on; `false` if its address has too many of them.
  func becomeStream() -> Bool {
    kind.withLock { kind in
      guard case .http = kind else { return false }
      let moved = all.open.withLock { open in
        guard let own = open[address], own.streams < all.streamsMax else { return false }
        open[address] = .init(http: own.http - 1, streams: own.streams + 1)
        return true
      }
      if moved { kind = .stream }
      return moved
    }
  }

  /// The connection is closed.
  func release() {
    kind.withLock { kind in
      let was = kind
      kind = .released
      all.open.withLock { open in
        guard var own = open[address] else { return }
        switch was {
        case .http: own.http -= 1
        case .stream: own.streams -= 1
        case .released: return
        }
        open[address] = own.http + own.streams > 0 ? own : nil
      }
    }
  }
}
