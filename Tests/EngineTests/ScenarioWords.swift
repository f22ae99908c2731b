// ScenarioWords: reading a scenario's words one after the other, and decimals in both directions.

import Engine

/// The words of a line, taken from the front.
struct Words {
  private var rest: ArraySlice<Substring>
  let place: String

  init(_ line: String, at place: String) {
    rest = line.split(separator: " ")[...]
    self.place = place
  }

  var isEmpty: Bool { rest.isEmpty }
  var next: String? { rest.first.map { String($0) } }

  func fail(_ what: String) -> ScenarioError { ScenarioError("\(place): \(what)") }

  mutating func word(_ what: String = "a word") throws -> String {
    guard let first = rest.popFirst() else { throw fail("\(what) is missing") }
    return String(first)
  }

  /// Takes the next word if it is this one.
  mutating func take(_ word: String) -> Bool {
    guard rest.first.map({ String($0) }) == word else { return false }
    rest.removeFirst()
    return true
  }

  mutating func number(_ what: String = "a number") throws -> Int64 {
    let text = try word(what)
    guard let value = Int64(text) else { throw fail("\(text) is not \(what)") }
    return value
  }

  /// A decimal in units of 10^-scale.
  mutating func amount(_ scale: UInt8) throws -> Int64 {
    let text = try word("an amount")
    guard let value = Decimals.parse(text, scale) else { throw fail("\(text) is not an amount") }
    return value
  }

  /// A rate such as `0.1%`, in 10^-8.
  mutating func rate() throws -> Int64 {
    let text = try word("a rate")
    guard text.hasSuffix("%"), let value = Decimals.parse(String(text.dropLast()), 6) else {
      throw fail("\(text) is not a rate in percent")
    }
    return value
  }

  func finish() throws {
    if let next { throw fail("\(next) is not understood") }
  }
}

enum Decimals {
  static func parse(_ text: String, _ scale: UInt8) -> Int64? {
    let isNegative = text.hasPrefix("-")
    let parts = (isNegative ? text.dropFirst() : text[...]).split(
      separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, let whole = parts.first, !whole.isEmpty else { return nil }
    let fraction = parts.count == 2 ? parts[1] : ""
    guard fraction.count <= Int(scale) else { return nil }
    let zeros = String(repeating: "0", count: Int(scale) - fraction.count)
    return Int64((isNegative ? "-" : "") + whole + fraction + zeros)
  }

  /// Without needless zeros.
  static func text(_ value: Int64, _ scale: UInt8) -> String {
    var digits = String(value.magnitude)
    while digits.count <= Int(scale) { digits = "0" + digits }
    var fraction = digits.suffix(Int(scale))
    while fraction.last == "0" { fraction.removeLast() }
    let whole = digits.dropLast(Int(scale))
    return (value < 0 ? "-" : "") + whole + (fraction.isEmpty ? "" : "." + fraction)
  }
}
