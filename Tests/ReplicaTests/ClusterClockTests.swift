// ClusterClockTests: the cluster's time under clocks that disagree, jump and fall silent.

import Raft
import Testing

@testable import Replica

@Suite struct ClusterClockTests {
  static let wall: Int64 = 1_800_000_000_000_000

  /// A three-voter clock whose peers' walls differ from its own by `offsets`, after `seconds` of samples every 50 ms.
  static func clock(
    _ offsets: [Int64], leading: Bool = false, seconds: Int64 = 2
  ) -> (ClusterClock, Moment) {
    var clock = ClusterClock(voters: 3)
    var now = Moment(monotonic: 1_000, wall: wall)
    run(&clock, &now, offsets, leading: leading, seconds: seconds)
    return (clock, now)
  }

  static func run(
    _ clock: inout ClusterClock, _ now: inout Moment, _ offsets: [Int64], leading: Bool,
    seconds: Int64
  ) {
    for _ in 0..<(seconds * 20) {
      now.monotonic += 50_000
      now.wall += 50_000
      for (i, offset) in offsets.enumerated() {
        clock.sample(NodeID(UInt64(i) + 2), wall: now.wall + offset, now)
      }
      clock.advance(now, leading: leading)
    }
  }

  @Test func `without samples it follows the own clocks`() {
    let (clock, now) = Self.clock([])
    #expect(clock.time(now) == now.wall)
    #expect(clock.offset == nil)
  }

  @Test func `it takes the median of three clocks`() {
    let (clock, now) = Self.clock([200_000, 300_000])
    #expect(clock.time(now) == now.wall + 200_000)
    #expect(clock.offset == -200_000)
  }

  @Test func `a follower steps to a median that is far away`() {
    let (clock, now) = Self.clock([5_000_000, 5_000_000])
    #expect(clock.time(now) == now.wall + 5_000_000)
    #expect(clock.isOff)
  }

  @Test func `a leader is never stepped, only slewed by a tenth`() {
    var (clock, now) = Self.clock([0, 0], leading: true)
    let before = clock.time(now)
    Self.run(&clock, &now, [400_000, 400_000], leading: true, seconds: 1)
    #expect(clock.time(now) - before > 1_000_000)
    #expect(clock.time(now) - before <= 1_100_000)
    Self.run(&clock, &now, [400_000, 400_000], leading: true, seconds: 6)
    #expect(clock.time(now) == now.wall + 400_000)
  }

  @Test func `a leader's time does not go back when its wall clock does`() {
    var (clock, now) = Self.clock([0, 0], leading: true)
    var last = clock.time(now)
    now.wall -= 3_600_000_000
    for _ in 0..<100 {
      now.monotonic += 50_000
      now.wall += 50_000
      clock.sample(NodeID(2), wall: now.wall + 3_600_000_000, now)
      clock.sample(NodeID(3), wall: now.wall + 3_600_000_000, now)
      clock.advance(now, leading: true)
      #expect(clock.time(now) > last)
      last = clock.time(now)
    }
  }

  @Test func `clocks that do not agree leave the time to the monotonic clock`() {
    var (clock, now) = Self.clock([0, 0], leading: true)
    let before = clock.time(now)
    now.wall += 7_200_000_000
    Self.run(&clock, &now, [-9_000_000, 12_000_000], leading: true, seconds: 5)
    #expect(clock.offset == nil)
    #expect(clock.time(now) == before + 5_000_000)
    #expect(!clock.isOff)
  }

  @Test func `a stamp is at most half a second past the median`() {
    var (clock, now) = Self.clock([0, 0], leading: true)
    Self.run(&clock, &now, [-2_000_000, -2_000_000], leading: true, seconds: 2)
    #expect(clock.stamp(now) <= now.wall - 2_000_000 + ClusterClock.aheadLimit)
    #expect(clock.isOff)
  }

  @Test func `old samples count for nothing`() {
    var (clock, now) = Self.clock([100_000, 100_000])
    #expect(clock.offset == -100_000)
    Self.run(&clock, &now, [], leading: false, seconds: 5)
    #expect(clock.offset == nil)
  }

  @Test func `the least delayed message of the last second counts`() {
    var clock = ClusterClock(voters: 3)
    var now = Moment(monotonic: 0, wall: Self.wall)
    for i in 0..<40 as Range<Int64> {
      now.monotonic += 50_000
      now.wall += 50_000
      let delay = i % 10 == 0 ? 1_000 : 80_000
      clock.sample(NodeID(2), wall: now.wall - Int64(delay), now)
      clock.advance(now, leading: false)
    }
    #expect(clock.offset(of: NodeID(2), now) == -1_000)
  }

  @Test func `an absurd wall clock is ignored`() {
    var clock = ClusterClock(voters: 3)
    let now = Moment(monotonic: 0, wall: Self.wall)
    clock.sample(NodeID(2), wall: Int64.min, now)
    clock.sample(NodeID(3), wall: Int64.max, now)
    clock.advance(now, leading: true)
    #expect(clock.offset == nil)
  }
}
