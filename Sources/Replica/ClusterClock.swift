// ClusterClock: the cluster's time: own monotonic clock, slewed by the median of the wall clocks of a quorum.
//
// Invariants:
//   * it never goes back while this node leads, whatever the wall clocks do
//   * while this node leads, wall clocks only slew it, by at most a tenth of the elapsed time, and only while
//     the clocks of a majority agree to within `agreementLimit`; else it advances by the monotonic clock alone
//   * a stamp is never more than `aheadLimit` past the median (except that it never decreases)
// Not here: reading clocks (Node), and the stamps of the log (Coordinator takes max(last stamp, stamp(now))).

import Raft

/// One node's idea of the cluster's time. All times are microseconds.
public struct ClusterClock: Sendable {
  /// Wall clocks further apart than this do not agree.
  public static let agreementLimit: Int64 = 500_000
  /// How far a stamp may be past the quorum's median.
  public static let aheadLimit: Int64 = 500_000
  /// A leader whose wall clock is further than this from the median hands over.
  public static let leaderLimit: Int64 = 1_000_000
  /// A sample older than this says nothing.
  static let sampleLife: Int64 = 3_000_000
  /// Half of a sample's window: the least delayed message of the last one to two of these counts.
  static let sampleWindow: Int64 = 1_000_000

  /// The wall clock was set, not slewed, if it moved by more than this between two calls.
  static let jumpLimit: Int64 = 50_000

  private struct Samples {
    var peer: NodeID
    /// The largest (peer's wall - own wall) of this window and of the one before. Delay only ever makes it smaller.
    var current: Int64
    var previous: Int64?
    var windowStart: Int64
    var last: Int64

    var offset: Int64 { max(current, previous ?? current) }
  }

  /// The own wall clock minus the monotonic one; a jump makes all samples worthless, as they compare with it.
  private var drift: Int64?
  /// Sorted by peer.
  private var samples: [Samples] = []
  private var majority: Int
  private var anchorTime: Int64?
  private var anchorMonotonic: Int64 = 0
  /// The own wall clock minus the median; `nil` while no majority agrees.
  public private(set) var offset: Int64?
  /// The median of the quorum's wall clocks minus the own wall clock, at the last `advance`.
  private var medianOffset: Int64?

  /// A clock for a cluster of `voters` nodes, this one included.
  public init(voters: Int) {
    precondition(voters > 0, "a cluster has voters")
    majority = voters / 2 + 1
  }

  /// Changes the number of clocks that make a majority.
  public mutating func resize(voters: Int) {
    precondition(voters > 0, "a cluster has voters")
    majority = voters / 2 + 1
  }

  /// Takes the wall clock that a message from `peer` carried.
  public mutating func sample(_ peer: NodeID, wall: Int64, _ now: Moment) {
    noticeJump(now)
    let (difference, overflow) = wall.subtractingReportingOverflow(now.wall)
    // A difference of more than a century is noise, and would overflow later sums.
    guard !overflow, difference.magnitude < 1 << 52 else { return }
    let place = samples.firstIndex { $0.peer >= peer } ?? samples.count
    guard place < samples.count, samples[place].peer == peer else {
      samples.insert(
        Samples(
          peer: peer, current: difference, previous: nil, windowStart: now.monotonic,
          last: now.monotonic), at: place)
      return
    }
    if now.monotonic - samples[place].windowStart >= Self.sampleWindow {
      let stale = now.monotonic - samples[place].last > Self.sampleWindow
      samples[place].previous = stale ? nil : samples[place].current
      samples[place].current = difference
      samples[place].windowStart = now.monotonic
    } else {
      samples[place].current = max(samples[place].current, difference)
    }
    samples[place].last = now.monotonic
  }

  /// Forgets all samples if the own wall clock was set.
  private mutating func noticeJump(_ now: Moment) {
    let present = now.wall &- now.monotonic
    if let drift, (present &- drift).magnitude > UInt64(Self.jumpLimit) { samples.removeAll() }
    drift = present
  }

  /// The wall clock of `peer` minus the own one, from recent messages.
  public func offset(of peer: NodeID, _ now: Moment) -> Int64? {
    samples.first { $0.peer == peer && now.monotonic - $0.last <= Self.sampleLife }?.offset
  }

  /// Moves the clock to `now`. Call it on every tick. `leading`: slew only; else a large difference is a step.
  public mutating func advance(_ now: Moment, leading: Bool) {
    noticeJump(now)
    medianOffset = agreedMedian(now)
    offset = medianOffset.map { -$0 }
    guard let anchor = anchorTime else {
      anchorTime = now.wall + (medianOffset ?? 0)
      anchorMonotonic = now.monotonic
      return
    }
    let elapsed = max(0, now.monotonic - anchorMonotonic)
    var time = anchor + elapsed
    if let medianOffset {
      let error = now.wall + medianOffset - time
      let slew = elapsed / 10
      if !leading && error.magnitude > UInt64(Self.agreementLimit / 5) {
        time += error
      } else {
        time += min(max(error, -slew), slew)
      }
    }
    anchorTime = time
    anchorMonotonic = max(anchorMonotonic, now.monotonic)
  }

  /// The cluster's time.
  public func time(_ now: Moment) -> Int64 {
    guard let anchorTime else { return now.wall }
    return anchorTime + max(0, now.monotonic - anchorMonotonic)
  }

  /// The time for a new entry: not past the median by more than `aheadLimit`.
  public func stamp(_ now: Moment) -> Int64 {
    guard let medianOffset else { return time(now) }
    return min(time(now), now.wall + medianOffset + Self.aheadLimit)
  }

  /// True if a majority agrees on a time that the own wall clock misses by more than `leaderLimit`.
  public var isOff: Bool { (offset ?? 0).magnitude > UInt64(Self.leaderLimit) }

  /// The lower median of the fresh clocks, if a majority of the cluster lies within `agreementLimit` of it.
  private func agreedMedian(_ now: Moment) -> Int64? {
    var offsets: [Int64] = [0]
    for sample in samples where now.monotonic - sample.last <= Self.sampleLife {
      offsets.append(sample.offset)
    }
    guard offsets.count >= majority else { return nil }
    offsets.sort()
    let median = offsets[(offsets.count - 1) / 2]
    let near = offsets.count { ($0 - median).magnitude <= UInt64(Self.agreementLimit) }
    return near >= majority ? median : nil
  }
}
