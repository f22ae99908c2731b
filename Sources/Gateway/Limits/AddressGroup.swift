// AddressGroup: the name under which limits count an address.
//
// Whoever rents one machine gets 2^64 IPv6 addresses with it: counted one by one they would be no limit at all. An
// IPv4 address counts alone, also when it is written as an IPv6 one.
// Not here: counting (RateLimiter).

/// Groups addresses that one client can have all of.
public enum AddressGroup {
  /// The IPv4 address, or the first 64 bits of the IPv6 address as `xxxx:xxxx:xxxx:xxxx::/64`. What is no IPv6 address
  /// is answered as it is.
  public static func of(_ address: String) -> String {
    guard address.utf8.contains(UInt8(ascii: ":")) else { return address }
    let bare = address.prefix { $0 != "%" }
    if let point = bare.lastIndex(of: ":"), bare[point...].contains(".") {
      return String(bare[bare.index(after: point)...])
    }
    guard let words = words(bare) else { return address }
    // ::ffff:0:0/96 holds all IPv4 addresses.
    if words[..<5].allSatisfy({ $0 == 0 }), words[5] == 0xFFFF {
      return "\(words[6] >> 8).\(words[6] & 255).\(words[7] >> 8).\(words[7] & 255)"
    }
    return words[..<4].map { String($0, radix: 16) }.joined(separator: ":") + "::/64"
  }

  /// The eight words of an address without a dotted part; `nil` if it is none.
  private static func words(_ text: Substring) -> [UInt16]? {
    var head = text
    var tail: Substring = ""
    let gap = text.indices.first { text[$0...].hasPrefix("::") }
    if let gap {
      head = text[..<gap]
      tail = text[text.index(gap, offsetBy: 2)...]
    }
    guard let first = numbers(head), let last = numbers(tail) else { return nil }
    let missing = 8 - first.count - last.count
    guard gap == nil ? missing == 0 : missing > 0 else { return nil }
    return first + [UInt16](repeating: 0, count: missing) + last
  }

  private static func numbers(_ text: Substring) -> [UInt16]? {
    var numbers: [UInt16] = []
    for part in text.split(separator: ":") {
      guard let number = UInt16(part, radix: 16) else { return nil }
      numbers.append(number)
    }
    return numbers
  }
}
