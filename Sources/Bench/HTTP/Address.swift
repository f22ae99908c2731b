// Address: where a node listens, parsed from a URL such as `http://127.0.0.1:8081`.

/// Host and port of a node.
struct Address: Hashable, Sendable, CustomStringConvertible {
  var host: String
  var port: Int

  init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// `nil` unless the text is `[http://]host:port[/]`.
  init?(url: some StringProtocol) {
    var text = String(url)
    if text.hasPrefix("http://") { text.removeFirst("http://".count) }
    while text.hasSuffix("/") { text.removeLast() }
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (1...65535).contains(port), colon != text.startIndex
    else { return nil }
    self.init(host: String(text[..<colon]), port: port)
  }

  /// Parses a comma-separated list; `nil` if one of them is no URL.
  static func list(_ text: String) -> [Address]? {
    let parts = text.split(separator: ",")
    let addresses = parts.compactMap { Address(url: $0) }
    return addresses.count == parts.count && !parts.isEmpty ? addresses : nil
  }

  var description: String { "http://\(host):\(port)" }
}
