// AdminURL: where a node's admin port is.

/// `http://host:port`, as a host and a port.
struct AdminURL: Hashable, CustomStringConvertible {
  let host: String
  let port: UInt16

  var description: String {
    host.contains(":") ? "http://[\(host)]:\(port)" : "http://\(host):\(port)"
  }

  /// Takes `http://host:port`, `host:port` and `[::1]:port`, with or without a slash at the end.
  init?(_ text: String) {
    var rest = Substring(text)
    if rest.hasPrefix("http://") { rest = rest.dropFirst("http://".count) }
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]),
      port > 0
    else { return nil }
    var host = rest[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty, !host.contains("/") else { return nil }
    self.host = String(host)
    self.port = port
  }

  /// A comma-separated list; `nil` if it is empty or one of its parts is no address.
  static func list(_ text: String) -> [AdminURL]? {
    var urls: [AdminURL] = []
    for part in text.split(separator: ",") {
      guard let url = AdminURL(String(part.filter { $0 != " " })) else { return nil }
      urls.append(url)
    }
    return urls.isEmpty ? nil : urls
  }
}
