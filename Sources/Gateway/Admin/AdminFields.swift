// AdminFields: the members of one JSON object that an operator wrote, taken out one by one.
//
// Invariant: a member that nobody took is an error, so a misspelt name never passes in silence.
// Not here: which members a request has (AdminAPI), what they mean (Engine).

/// Why the admin port refuses a request: a status code and one clear sentence.
struct AdminFailure: Error, Equatable {
  let status: Int
  let message: String

  init(_ status: Int, _ message: String) {
    self.status = status
    self.message = message
  }
}

/// The members of one JSON object, with errors that name them.
struct AdminFields {
  private let place: String
  private var members: [JSONValue.Field]

  /// `place` goes before the names in messages, for example `symbols[0].`; empty for the top level.
  init(_ value: JSONValue, place: String = "") throws(AdminFailure) {
    guard case .object(let members) = value else {
      let name = place.isEmpty ? "the body" : String(place.dropLast())
      throw AdminFailure(400, "\(name) must be a JSON object")
    }
    self.place = place
    self.members = members
  }

  /// The object that `bytes` hold.
  init(parsing bytes: [UInt8], bytesMax: Int = 65_536) throws(AdminFailure) {
    let value: JSONValue
    do throws(JSONValue.Failure) {
      value = try JSONValue.parse(bytes, bytesMax: bytesMax)
    } catch {
      throw AdminFailure(400, "not JSON: \(error.reason) at byte \(error.offset)")
    }
    try self.init(value)
  }

  /// Refuses members that were not taken.
  func finish() throws(AdminFailure) {
    guard let unknown = members.first else { return }
    throw AdminFailure(400, "unknown field \(label(unknown.name))")
  }

  // MARK: Members

  /// The member, or `nil` if it is absent or null.
  mutating func value(_ name: String) -> JSONValue? {
    guard let at = members.firstIndex(where: { $0.name == name }) else { return nil }
    let value = members.remove(at: at).value
    return value == .null ? nil : value
  }

  mutating func optionalText(_ name: String) throws(AdminFailure) -> String? {
    guard let value = value(name) else { return nil }
    guard let text = value.text else { throw wrong(name, "must be a string") }
    return text
  }

  mutating func text(_ name: String) throws(AdminFailure) -> String {
    guard let text = try optionalText(name) else { throw missing(name) }
    return text
  }

  mutating func optionalInteger(
    _ name: String, in range: ClosedRange<Int64>
  ) throws(AdminFailure) -> Int64? {
    guard let value = value(name) else { return nil }
    guard let integer = value.integer, range.contains(integer) else {
      throw wrong(name, "must be an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  mutating func integer(_ name: String, in range: ClosedRange<Int64>) throws(AdminFailure) -> Int64
  {
    guard let integer = try optionalInteger(name, in: range) else { throw missing(name) }
    return integer
  }

  mutating func optionalFlag(_ name: String) throws(AdminFailure) -> Bool? {
    guard let value = value(name) else { return nil }
    guard case .bool(let flag) = value else { throw wrong(name, "must be true or false") }
    return flag
  }

  mutating func flag(_ name: String) throws(AdminFailure) -> Bool {
    guard let flag = try optionalFlag(name) else { throw missing(name) }
    return flag
  }

  mutating func optionalElements(_ name: String) throws(AdminFailure) -> [JSONValue]? {
    guard let value = value(name) else { return nil }
    guard let elements = value.elements else { throw wrong(name, "must be an array") }
    return elements
  }

  /// An amount in units of 10^-scale, written as a decimal string (a JSON number is read literally too).
  mutating func optionalAmount(_ name: String, scale: Int) throws(AdminFailure) -> Int64? {
    let text: String
    switch value(name) {
    case nil: return nil
    case .string(let string): text = string
    case .number(let literal): text = literal
    default: throw wrong(name, "must be a decimal string")
    }
    do throws(Decimal.Failure) {
      return try Decimal.parse(text.utf8, scale: scale)
    } catch {
      switch error {
      case .malformed: throw wrong(name, "is no decimal number: \(text.prefix(40))")
      case .tooPrecise: throw wrong(name, "has more than \(scale) decimals")
      case .overflow: throw wrong(name, "is too large")
      }
    }
  }

  mutating func amount(_ name: String, scale: Int) throws(AdminFailure) -> Int64 {
    guard let amount = try optionalAmount(name, scale: scale) else { throw missing(name) }
    return amount
  }

  // MARK: Messages

  func wrong(_ name: String, _ reason: String) -> AdminFailure {
    AdminFailure(400, "\(label(name)) \(reason)")
  }

  func missing(_ name: String) -> AdminFailure { AdminFailure(400, "\(label(name)) is missing") }

  private func label(_ name: String) -> String { "\(place)\(name.prefix(64))" }
}
