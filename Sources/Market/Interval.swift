// Interval: Binance's candle intervals, and where their periods begin.
//
// Invariants: periods of an interval tile time without gaps; a period of a coarser interval is a
// whole number of periods of its base. Calendar arithmetic is integer (proleptic Gregorian, from
// Howard Hinnant's "chrono-compatible low-level date algorithms").
// Not here: candles (Candle), and the text of time zones (Gateway).

/// How long a candle lasts. Raw values are stored: never renumber, only add.
public enum Interval: UInt8, Sendable, CaseIterable {
  case second1 = 1
  case minute1 = 2
  case minute3 = 3
  case minute5 = 4
  case minute15 = 5
  case minute30 = 6
  case hour1 = 7
  case hour2 = 8
  case hour4 = 9
  case hour6 = 10
  case hour8 = 11
  case hour12 = 12
  case day1 = 13
  case day3 = 14
  case week1 = 15
  case month1 = 16

  /// Binance's name, case sensitive ("1m" is a minute, "1M" a month).
  public var name: String {
    switch self {
    case .second1: "1s"
    case .minute1: "1m"
    case .minute3: "3m"
    case .minute5: "5m"
    case .minute15: "15m"
    case .minute30: "30m"
    case .hour1: "1h"
    case .hour2: "2h"
    case .hour4: "4h"
    case .hour6: "6h"
    case .hour8: "8h"
    case .hour12: "12h"
    case .day1: "1d"
    case .day3: "3d"
    case .week1: "1w"
    case .month1: "1M"
    }
  }

  /// The interval with this name.
  public init?(name: String) {
    guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  /// The intervals whose candles are stored, ascending; the others are put together from them.
  public static let bases: [Interval] = [.second1, .minute1, .minute15, .hour1, .hour4, .day1]

  /// Length in microseconds; `nil` for the month.
  public var length: Int64? {
    switch self {
    case .second1: 1_000_000
    case .minute1: 60_000_000
    case .minute3: 180_000_000
    case .minute5: 300_000_000
    case .minute15: 900_000_000
    case .minute30: 1_800_000_000
    case .hour1: Self.hour
    case .hour2: 2 * Self.hour
    case .hour4: 4 * Self.hour
    case .hour6: 6 * Self.hour
    case .hour8: 8 * Self.hour
    case .hour12: 12 * Self.hour
    case .day1: Self.day
    case .day3: 3 * Self.day
    case .week1: 7 * Self.day
    case .month1: nil
    }
  }

  /// The coarsest stored interval whose periods make up whole periods of this one on a grid shifted
  /// by `offset`.
  public func base(offset: Int64) -> Interval {
    // Months and weeks begin with a day.
    let length = length.map { $0 < Self.day ? $0 : Self.day } ?? Self.day
    let fitting = Self.bases.last { base in
      guard let unit = base.length, unit <= length else { return false }
      return length % unit == 0 && offset % unit == 0
    }
    return fitting ?? .second1
  }

  /// The stored intervals from which candles of this one are put together, coarsest first: each
  /// fills the ends of periods which the one before it does not reach. The last is the finest that
  /// holds everything.
  func ladder(offset: Int64) -> [Interval] {
    let base = base(offset: offset)
    let finest: Interval = self == .second1 ? .second1 : .minute1
    let top = partsOf(base) <= Self.partsMax ? base : coarser(than: base)
    return Self.bases.reversed().filter {
      $0.rawValue <= top.rawValue && $0.rawValue >= finest.rawValue
    }
  }

  /// About how many stored candles one candle of this interval is read from.
  public func rowsPerCandle(offset: Int64) -> Int {
    let base = base(offset: offset)
    guard partsOf(base) > Self.partsMax else { return Int(partsOf(base)) }
    var unit = coarser(than: base)
    var rows = Int(partsOf(unit)) + (unit == base ? 0 : 1)
    for finer in ladder(offset: offset).dropFirst() where unit.rawValue > base.rawValue {
      rows += Int((unit.length ?? 0) / (finer.length ?? 1))
      unit = finer
    }
    return rows
  }

  /// So many parts are read in one go rather than by looking for coarser ones.
  private static let partsMax: Int64 = 6

  private func partsOf(_ unit: Interval) -> Int64 {
    (length ?? 31 * Self.day) / (unit.length ?? Self.day)
  }

  /// The coarsest stored interval that is shorter than this one, and not finer than `base`.
  private func coarser(than base: Interval) -> Interval {
    Self.bases.last { $0.rawValue < rawValue && $0.rawValue >= base.rawValue } ?? base
  }

  /// When the period that holds `time` began, on the UTC grid moved by `offset` microseconds (a
  /// time zone east of Greenwich is positive: its days begin earlier). A week begins on Monday, a
  /// month on its first day; three days count from 1970-01-01.
  public func start(of time: Int64, offset: Int64 = 0) -> Int64 {
    let local = time + offset
    if let length {
      // 1970-01-01 was a Thursday; the Monday before it is three days earlier.
      let shift = self == .week1 ? -3 * Self.day : 0
      return Self.floor(local - shift, length) * length + shift - offset
    }
    let (year, month, _) = Self.civil(days: Self.floor(local, Self.day))
    return Self.days(year: year, month: month, day: 1) * Self.day - offset
  }

  /// When the period that began at `start` ends (the next one's start).
  public func end(of start: Int64, offset: Int64 = 0) -> Int64 {
    if let length { return start + length }
    let (year, month, _) = Self.civil(days: Self.floor(start + offset, Self.day))
    let next = month == 12 ? (year + 1, 1) : (year, month + 1)
    return Self.days(year: next.0, month: next.1, day: 1) * Self.day - offset
  }

  private static let hour: Int64 = 3_600_000_000
  private static let day: Int64 = 24 * hour

  static func floor(_ a: Int64, _ b: Int64) -> Int64 {
    let quotient = a / b
    return a % b < 0 ? quotient - 1 : quotient
  }

  /// Days since 1970-01-01 to year, month (1...12) and day (1...31).
  static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let z = days + 719_468
    let era = floor(z, 146_097)
    let dayOfEra = z - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shifted + 2) / 5 + 1)
  }

  /// Days from 1970-01-01 to a date.
  static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let y = month <= 2 ? year - 1 : year
    let era = floor(y, 400)
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
