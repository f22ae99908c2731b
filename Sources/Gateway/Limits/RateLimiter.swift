// RateLimiter: what addresses may use, in calendar windows, and who is banned.
//
// State is local to a node. Time is cluster time in microseconds, passed in.
// Invariants: at most `addressesMax` addresses are tracked, the ones silent for longest are forgotten
// first; every call is O(1).
// Not here: ORDERS limits (replicated state of the account, Engine).

/// Counts request weight and raw requests per address.
public struct RateLimiter: Sendable {
  private struct Usage: Sendable {
    var minute: Int64 = 0
    var weight = 0
    var rawWindow: Int64 = 0
    var raw = 0
    /// Requests refused with 429 in this minute.
    var strikes = 0
    var bannedUntil: Int64 = 0
    var bans: Int64 = 0
  }

  /// The configured limits.
  public let settings: EdgeSettings
  // Two generations: an address that returns moves to the young one; when that is full the old one is forgotten.
  private var young: [String: Usage] = [:]
  private var old: [String: Usage] = [:]

  private static let minute: Int64 = 60_000_000
  private static let rawWindow: Int64 = 300_000_000

  public init(settings: EdgeSettings = EdgeSettings()) { self.settings = settings }

  /// How many addresses are tracked.
  public var trackedCount: Int { young.count + old.count }

  /// Counts one request.
  ///
  /// - Throws: 418 for a banned address, 429 above the raw limit; both with Retry-After.
  public mutating func admit(_ address: String, at time: Int64) throws(APIError) {
    var usage = take(address, at: time)
    defer { young[address] = usage }
    if usage.bannedUntil > time { throw Self.banned(usage, time) }
    usage.raw += 1
    guard usage.raw <= settings.rawRequestsPer5Minutes else {
      strike(&usage, at: time)
      throw APIError(
        429, -1003, "Too many requests queued.",
        retryAfter: Self.seconds(Self.rawWindow - time % Self.rawWindow))
    }
  }

  /// Uses `weight` if the minute has room for it, otherwise counts a strike towards a ban.
  ///
  /// - Throws: 429 (then 418) with Retry-After.
  public mutating func use(_ weight: Int, _ address: String, at time: Int64) throws(APIError) {
    var usage = take(address, at: time)
    defer { young[address] = usage }
    guard usage.weight + weight > settings.weightPerMinute else {
      usage.weight += weight
      return
    }
    strike(&usage, at: time)
    if usage.bannedUntil > time { throw Self.banned(usage, time) }
    throw APIError(
      429, -1003,
      "Too much request weight used; current limit is \(settings.weightPerMinute) request weight "
        + "per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API.",
      retryAfter: Self.seconds(Self.minute - time % Self.minute))
  }

  /// Adds weight that is owed whatever the limit says, and tells the weight used in this minute.
  public mutating func charge(_ weight: Int, _ address: String, at time: Int64) -> Int {
    var usage = take(address, at: time)
    usage.weight += weight
    young[address] = usage
    return usage.weight
  }

  // MARK: Windows

  private mutating func take(_ address: String, at time: Int64) -> Usage {
    var usage: Usage
    if let known = young[address] {
      usage = known
    } else {
      usage = old.removeValue(forKey: address) ?? Usage()
      if young.count >= max(1, settings.addressesMax / 2) {
        old = young
        young = [:]
      }
    }
    if time / Self.minute > usage.minute {
      usage.minute = time / Self.minute
      usage.weight = 0
      usage.strikes = 0
    }
    if time / Self.rawWindow > usage.rawWindow {
      usage.rawWindow = time / Self.rawWindow
      usage.raw = 0
    }
    return usage
  }

  private func strike(_ usage: inout Usage, at time: Int64) {
    usage.strikes += 1
    guard usage.strikes >= settings.strikesUntilBan else { return }
    let longest = settings.longestBanMilliseconds
    if time > usage.bannedUntil + longest * 1000 { usage.bans = 0 }
    let length = min(settings.firstBanMilliseconds << min(usage.bans, 20), longest)
    usage.bannedUntil = time + length * 1000
    usage.bans += 1
    usage.strikes = 0
  }

  private static func banned(_ usage: Usage, _ time: Int64) -> APIError {
    APIError(
      418, -1003,
      "Way too much request weight used; IP banned until \(usage.bannedUntil / 1000). Please use "
        + "WebSocket Streams for live updates to avoid bans.",
      retryAfter: seconds(usage.bannedUntil - time))
  }

  private static func seconds(_ microseconds: Int64) -> Int64 {
    max(1, (microseconds + 999_999) / 1_000_000)
  }
}
