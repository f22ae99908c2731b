// SignedBytes: the raw bytes that a signature covers: query and body as sent, without the signature pair.
//
// Binance signs the bytes themselves, with nothing between query and body; nothing is decoded or sorted here.
// Not here: decoded parameters (REST/Parameters).

/// The signature of a request, and what it signs.
struct SignedBytes {
  /// The parts to hash one after another.
  let parts: [ArraySlice<UInt8>]
  /// The value of `signature` as sent (the query's, if both have one), or `nil`.
  let signature: ArraySlice<UInt8>?

  init(query: [UInt8], body: [UInt8]) {
    let first = Self.cut(query)
    let second = Self.cut(body)
    parts = [first.before, first.after, second.before, second.after]
    signature = first.signature ?? second.signature
  }

  private static let name = Array("signature=".utf8)

  /// Splits `raw` around its signature pair, dropping the `&` that joined it.
  private static func cut(
    _ raw: [UInt8]
  ) -> (before: ArraySlice<UInt8>, after: ArraySlice<UInt8>, signature: ArraySlice<UInt8>?) {
    var start = 0
    while start < raw.count {
      let end = raw[start...].firstIndex(of: UInt8(ascii: "&")) ?? raw.count
      if raw[start..<end].starts(with: name) {
        let value = raw[(start + name.count)..<end]
        if start == 0 { return ([], raw[min(end + 1, raw.count)...], value) }
        return (raw[..<(start - 1)], raw[end...], value)
      }
      start = end + 1
    }
    return (raw[...], [], nil)
  }

  /// Names the request for duplicate suppression: SHA-256 of key, method, path and the signed bytes. The lengths keep
  /// the fields apart.
  func requestID(key: UInt64, method: String, path: String) -> [UInt8] {
    var hash = SHA256()
    hash.update(key)
    hash.update(UInt64(method.utf8.count) << 32 | UInt64(path.utf8.count))
    hash.update(method.utf8)
    hash.update(path.utf8)
    for part in parts { hash.update(part) }
    return hash.finish()
  }
}
