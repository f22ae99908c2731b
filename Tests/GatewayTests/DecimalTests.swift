// DecimalTests: integers to decimal text and back, exactly, and JSON strings that need escaping.

import Testing

@testable import Gateway

@Suite struct DecimalTests {
  @Test func `amounts are printed with the digits that were asked for`() {
    for (units, scale, decimals, text) in [
      (0, 8, 8, "0.00000000"), (1, 8, 8, "0.00000001"), (-1, 8, 8, "-0.00000001"),
      (123_456_789, 8, 8, "1.23456789"), (Int64.max, 8, 8, "92233720368.54775807"),
      (Int64.min, 8, 8, "-92233720368.54775808"), (5, 0, 8, "5.00000000"), (5, 0, 0, "5"),
      (1_234_567, 6, 8, "1.23456700"), (1_234_567, 6, 3, "1.234"), (1_234_567, 6, 0, "1"),
      (Int64.max, 0, 8, "9223372036854775807.00000000"), (7, 25, 8, "0.00000000"),
    ] as [(Int64, Int, Int, String)] {
      #expect(Decimal.text(units, scale: scale, decimals: decimals) == text)
    }
  }

  @Test func `what is printed parses to the same integer`() throws {
    var generator = SeededGenerator(state: 11)
    for round in 0..<5000 {
      let units = Int64.random(in: 0...Int64.max, using: &generator) >> Int64(round % 63)
      let scale = Int.random(in: 0...8, using: &generator)
      let text = Decimal.text(units, scale: scale, decimals: scale)
      #expect(
        try Decimal.parse(text.utf8, scale: scale) == units, "seed 11, round \(round): \(text)")
    }
  }

  @Test func `strings are escaped as JSON asks`() throws {
    for text in [
      "plain", "", "say \"hi\"", "back\\slash", "line\nfeed", "\u{0}\u{1F}", "\u{1F600}\u{E9}",
    ] {
      var writer = JSONWriter()
      writer.string(text)
      #expect(try JSONValue.parse(writer.bytes).text == text)
    }
  }
}
