// TimeUnit: in which unit the times of an answer are printed (header X-MBX-TIME-UNIT).
// Not here: times in requests, which may be in either unit (Parameters.time).

/// The unit of printed times. Inside, all times are microseconds.
public enum TimeUnit: Sendable {
  case millisecond
  case microsecond

  /// The unit that the header names; milliseconds without one.
  init(header: String?) throws(APIError) {
    switch header?.uppercased() {
    case nil, "MILLISECOND": self = .millisecond
    case "MICROSECOND": self = .microsecond
    default: throw APIError.timeUnit
    }
  }

  /// `microseconds` in this unit. Negative values mean "none" (-1) and stay as they are.
  public func print(_ microseconds: Int64) -> Int64 {
    self == .microsecond || microseconds < 0 ? microseconds : microseconds / 1000
  }
}

extension JSONWriter {
  /// A time field in the unit that the client asked for.
  public mutating func time(_ name: StaticString, _ microseconds: Int64, _ unit: TimeUnit) {
    field(name, unit.print(microseconds))
  }
}
