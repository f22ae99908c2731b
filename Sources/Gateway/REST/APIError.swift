// APIError: an error answer in Binance's numbers and words.
//
// Clients match on code and text, so both are the protocol; the texts are Binance's, to the letter.
// Not here: engine refusals (ErrorCode).

/// What a client reads when a request fails.
public struct APIError: Error, Equatable, Sendable {
  /// HTTP status.
  public var status: Int
  /// Binance's negative code.
  public var code: Int
  public var message: String
  /// Seconds for the `Retry-After` header, if any.
  public var retryAfter: Int64?

  public init(_ status: Int, _ code: Int, _ message: String, retryAfter: Int64? = nil) {
    self.status = status
    self.code = code
    self.message = message
    self.retryAfter = retryAfter
  }
}

// MARK: Parameters

extension APIError {
  static let duplicateParameter = APIError(
    400, -1101, "Duplicate values for a parameter detected.")

  static let tooLarge = APIError(400, -1101, "Too many parameters sent for this endpoint.")

  static func tooMany(expected: Int, received: Int) -> APIError {
    APIError(
      400, -1101, "Too many parameters; expected '\(expected)' and received '\(received)'.")
  }

  static func notRead(read: Int, sent: Int) -> APIError {
    APIError(
      400, -1104,
      "Not all sent parameters were read; read '\(read)' parameter(s) but was sent '\(sent)'.")
  }

  static let illegalCharacters = APIError(
    400, -1100, "Illegal characters found in a parameter.")

  static func illegal(_ name: StaticString, range: String) -> APIError {
    APIError(
      400, -1100, "Illegal characters found in parameter '\(name)'; legal range is '\(range)'.")
  }

  static func missing(_ name: StaticString) -> APIError {
    APIError(
      400, -1102, "Mandatory parameter '\(name)' was not sent, was empty/null, or malformed.")
  }

  static func missing(_ one: StaticString, or other: StaticString) -> APIError {
    APIError(
      400, -1102, "Param '\(one)' or '\(other)' must be sent, but both were empty/null!")
  }

  static func empty(_ name: StaticString) -> APIError {
    APIError(400, -1105, "Parameter '\(name)' was empty.")
  }

  static func notRequired(_ name: StaticString) -> APIError {
    APIError(400, -1106, "Parameter '\(name)' sent when not required.")
  }

  static func overflowed(_ name: StaticString) -> APIError {
    APIError(400, -1108, "Parameter '\(name)' overflowed.")
  }

  static func tooPrecise(_ name: StaticString) -> APIError {
    APIError(400, -1111, "Parameter '\(name)' has too much precision.")
  }

  static func invalid(_ name: StaticString) -> APIError {
    APIError(400, -1130, "Data sent for parameter '\(name)' is not valid.")
  }

  static func tooGreat(_ name: StaticString, most: Int64) -> APIError {
    APIError(400, -1102, "'\(name)' contains unexpected value. Cannot be greater than \(most).")
  }

  static func together(_ one: StaticString, _ other: StaticString) -> APIError {
    APIError(400, -1128, "Fields [\(one), \(other)] must be sent together or omitted entirely.")
  }

  static let combination = APIError(400, -1128, "Combination of optional parameters invalid.")
  static let invalidInterval = APIError(400, -1120, "Invalid interval.")
  static let invalidSymbol = APIError(400, -1121, "Invalid symbol.")
  static let invalidSymbolStatus = APIError(400, -1122, "Invalid symbolStatus.")
  static let invalidTickerType = APIError(400, -1139, "Invalid ticker type.")
  static let repeatedSymbol = APIError(
    400, -1151, "Symbol is present multiple times in the list.")
  static let symbolStatusMismatch = APIError(
    400, -1220, "The symbol's status does not match the requested symbolStatus.")
  static let timeUnit = APIError(
    400, -1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")

  static let tooManyOpenOrders = APIError(
    400, -1101, "Too many open orders for one answer; send 'symbol' to list those of one symbol.")

  static func lookupTooWide(hours: Int) -> APIError {
    APIError(400, -1127, "More than \(hours) hours between startTime and endTime.")
  }
}

// MARK: Service

extension APIError {
  static let unexpected = APIError(
    500, -1000, "An unknown error occurred while processing the request.")
  static let notFound = APIError(404, -1000, "Path not found.")
  static let wrongMethod = APIError(405, -1000, "Request method is not supported for this path.")
  static let notSupported = APIError(400, -1020, "This operation is not supported.")
  static let retired = APIError(410, -1016, "This service is no longer available.")
}
