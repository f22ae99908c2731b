// RequestWindow: when a signed request may run, from `timestamp` and `recvWindow`.
//
// Not here: the third check, just before execution: `apply` makes it, with `deadline`, on every replica.

/// The interval in which a signed request is valid.
public struct RequestWindow: Equatable, Sendable {
  /// The client's time, microseconds.
  public var timestamp: Int64
  /// timestamp + recvWindow, microseconds.
  public var deadline: Int64

  /// 2017-01-01, in microseconds: no market data is older.
  static let earliest: Int64 = 1_483_228_800_000_000
  private static let standardWindow: Int64 = 5_000_000
  /// How long after the deadline the replicas still know a request's outcome (they keep it a little longer).
  private static let outcomesKept: Int64 = 55_000_000
  private static let longestWindow: Int64 = 60_000_000

  /// Reads `timestamp` and `recvWindow` (milliseconds, up to three decimals).
  ///
  /// - Throws: -1102 without a timestamp, -1100, -1105, -1111, -1131 for malformed ones.
  init(_ parameters: Parameters) throws(APIError) {
    guard let sent = try parameters.integer("timestamp") else { throw .missing("timestamp") }
    timestamp = Self.microseconds(sent)
    let window = try parameters.decimal("recvWindow", scale: 3) ?? Self.standardWindow
    guard window <= Self.longestWindow else { throw .receiveWindowTooLong }
    let (end, overflow) = timestamp.addingReportingOverflow(window)
    guard !overflow else { throw .invalid("timestamp") }
    deadline = end
  }

  /// Refuses a request from the future or past its window.
  ///
  /// - Throws: -1021 with Binance's two texts.
  func check(at now: Int64) throws(APIError) {
    guard timestamp < now + 1_000_000 else { throw .timestampAhead }
    guard now <= deadline else { throw .outsideWindow }
  }

  /// Refuses a write from the future, or so late that its outcome is no longer kept. One that is only past its window
  /// goes on to the replicas: if it is the repetition of an executed request it gets the first answer, otherwise
  /// `apply` refuses it with the same -1021. Refusing it here would call a request failed that may have been executed.
  ///
  /// - Throws: -1021 with Binance's two texts.
  func checkWrite(at now: Int64) throws(APIError) {
    guard timestamp < now + 1_000_000 else { throw .timestampAhead }
    guard now <= deadline + Self.outcomesKept else { throw .outsideWindow }
  }

  /// A client's time in microseconds. Clients send milliseconds or microseconds; what would be beyond the year 5138 in
  /// milliseconds is microseconds.
  static func microseconds(_ sent: Int64) -> Int64 {
    sent >= 100_000_000_000_000 ? sent : sent * 1000
  }
}

extension APIError {
  static let timestampAhead = APIError(
    400, -1021, "Timestamp for this request was 1000ms ahead of the server's time.")
  static let outsideWindow = APIError(
    400, -1021, "Timestamp for this request is outside of the recvWindow.")
  static let receiveWindowTooLong = APIError(400, -1131, "recvWindow must be less than 60000.")
}
