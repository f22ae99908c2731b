// NodeAddress: a host and a port, as flags and files write them.
//
// Not here: resolving names (NIO does, when it binds or connects).

import Raft

/// `host:port`, with an IPv6 host in brackets.
struct NodeAddress: Hashable, CustomStringConvertible {
  var host: String
  var port: Int

  /// `nil` unless `text` is `host:port` with a port from 0 to 65535 (0 lets the system choose one; for tests).
  init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    var host = String(text[..<colon])
    let digits = text[text.index(after: colon)...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let port = Int(digits), (0...65535).contains(port)
    else { return nil }
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty, host.utf8.count <= 253,
      host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x2F })
    else { return nil }
    self.host = host
    self.port = port
  }

  var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// Only this machine can reach it.
  var isLoopback: Bool {
    if host == "localhost" || host == "::1" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }
}

/// A node of `--peers`.
struct PeerAddress: Hashable {
  var id: NodeID
  var address: NodeAddress
}
