// LimiterShards: the address limits, shared by all event loops.
//
// Limits count per address, and an address may have connections on several loops, so the counts
// cannot belong to a loop. Sharding by address keeps two loops from meeting at a lock unless the
// same address keeps both busy.
// Not here: what is counted (Gateway's RateLimiter).

import Gateway
import Synchronization

/// Rate limiters, one per group of addresses.
final class LimiterShards: Sendable {
  private final class Shard: Sendable {
    let limiter: Mutex<RateLimiter>
    init(_ settings: EdgeSettings) { limiter = Mutex(RateLimiter(settings: settings)) }
  }

  private static let count = 16
  private let shards: [Shard]

  init(_ settings: EdgeSettings) {
    var share = settings
    share.addressesMax = max(2, settings.addressesMax / Self.count)
    shards = (0..<Self.count).map { _ in Shard(share) }
  }

  /// Runs `body` with the limiter of `address`.
  func with<Result: Sendable>(
    _ address: String, _ body: (inout RateLimiter) -> sending Result
  ) -> Result {
    let hash = address.utf8.reduce(5381 as UInt32) { $0 &* 33 ^ UInt32($1) }
    return shards[Int(hash % UInt32(Self.count))].limiter.withLock { body(&$0) }
  }
}

/// How many WebSocket connections an address may open in five minutes.
final class AttemptLimiter: Sendable {
  private struct State {
    var window: Int64 = 0
    var counts: [String: Int] = [:]
  }

  private static let window: Int64 = 300_000_000
  private static let addressesMax = 10_000
  private let limit: Int
  private let state = Mutex(State())

  init(limit: Int) { self.limit = limit }

  /// Counts an attempt; `false` if the address had its share of this window.
  func admit(_ address: String, at time: Int64) -> Bool {
    state.withLock { state in
      if state.window != time / Self.window || state.counts.count >= Self.addressesMax {
        state = State(window: time / Self.window)
      }
      state.counts[address, default: 0] += 1
      return state.counts[address, default: 0] <= limit
    }
  }
}
