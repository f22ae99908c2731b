// IntervalTests: where periods begin.

import Testing

@testable import Market

@Suite struct IntervalTests {
  private let hour: Int64 = 3_600_000_000

  @Test func `names are Binance's, and case matters`() {
    let names = Interval.allCases.map(\.name)
    #expect(
      names == [
        "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w",
        "1M",
      ])
    #expect(Interval(name: "1M") == .month1)
    #expect(Interval(name: "1m") == .minute1)
    #expect(Interval(name: "1H") == nil)
    #expect(Interval(name: "") == nil)
  }

  @Test func `weeks begin on Monday and months on their first day`() {
    // 2026-11-21 was a Saturday.
    let time: Int64 = 1_795_237_445_000_000
    #expect(Interval.day1.start(of: time) == 1_795_219_200_000_000)
    #expect(Interval.week1.start(of: time) == 1_794_787_200_000_000)
    #expect(Interval.month1.start(of: time) == 1_793_491_200_000_000)
    #expect(Interval.month1.end(of: 1_793_491_200_000_000) == 1_796_083_200_000_000)
    // February of a leap year, and December.
    #expect(Interval.month1.end(of: 1_706_745_600_000_000) == 1_709_251_200_000_000)
    #expect(Interval.month1.end(of: 1_701_388_800_000_000) == 1_704_067_200_000_000)
  }

  @Test func `a time zone moves the grid`() {
    let time: Int64 = 1_795_237_445_000_000  // 05:04:05 UTC on the 21st
    let east = Interval.day1.start(of: time, offset: 8 * hour)
    #expect(east == 1_795_219_200_000_000 - 8 * hour)
    let west = Interval.day1.start(of: time, offset: -8 * hour)
    #expect(west == 1_795_219_200_000_000 - 16 * hour)
    let half = Interval.hour1.start(of: time, offset: hour / 2)
    #expect(half == 1_795_219_200_000_000 + 4 * hour + hour / 2)
  }

  @Test(arguments: Interval.allCases)
  func `periods tile time without gaps`(interval: Interval) {
    var random = Seeded(UInt64(interval.rawValue))
    for _ in 0..<500 {
      let time = random.below(4_000_000_000_000_000)
      let offset = (random.below(27 * 4) - 48) * 900_000_000
      let start = interval.start(of: time, offset: offset)
      let end = interval.end(of: start, offset: offset)
      #expect(start <= time && time < end)
      #expect(interval.start(of: start, offset: offset) == start)
      #expect(interval.start(of: end, offset: offset) == end)
      #expect(interval.start(of: end - 1, offset: offset) == start)
    }
  }

  @Test(arguments: Interval.allCases)
  func `a period is a whole number of its base's periods`(interval: Interval) {
    var random = Seeded(7)
    let quarters = 5 * hour + 45 * 60_000_000
    for offset in [0, hour, 8 * hour, -5 * hour, hour / 2, quarters, -420_000_000] {
      let base = interval.base(offset: offset)
      for _ in 0..<50 {
        let start = interval.start(of: random.below(4_000_000_000_000_000), offset: offset)
        #expect(base.start(of: start) == start || base == .second1)
      }
      #expect(Interval.bases.contains(base))
    }
  }
}
