// SettingSources: where settings come from, and which source wins: flag, environment, file, default.
//
// Invariant: a name means the same in all sources: `--data-dir`, `EXNODE_DATA_DIR`, `data-dir = ...`.
// Not here: what the values mean (NodeSettings).

import Glibc

/// Why the node cannot start with these settings. The message is one line for the operator.
struct SettingError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// Every setting. The raw value is the flag without dashes.
enum SettingName: String, CaseIterable {
  case id
  case dataDirectory = "data-dir"
  case clientListen = "client-listen"
  case peerListen = "peer-listen"
  case adminListen = "admin-listen"
  case peers
  case adminTokenFile = "admin-token-file"
  case clusterSecretFile = "cluster-secret-file"
  case genesis
  case config
  case logLevel = "log-level"
  case requestWeight = "request-weight-per-minute"
  case rawRequests = "raw-requests-per-5-minutes"
  case connectionAttempts = "websocket-attempts-per-5-minutes"
  case connections = "connections-per-address"
  case streamConnections = "websocket-connections-per-address"
  case streamMessages = "stream-messages-per-second"
  case outcomes = "outcomes-max"
  case addedSyncDelay = "added-sync-delay-us"
  case priority
  case lowSpace = "low-space-mib"
  case snapshotSpeed = "snapshot-mib-per-second"
  case clusterState = "cluster-state"

  /// `EXNODE_DATA_DIR`.
  var variable: String {
    "EXNODE_"
      + String(
        decoding: rawValue.utf8.map { byte -> UInt8 in
          switch byte {
          case UInt8(ascii: "-"): UInt8(ascii: "_")
          case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 32
          default: byte
          }
        }, as: UTF8.self)
  }
}

/// A value and the place it came from, for error messages.
struct SettingValue: Equatable {
  var text: String
  /// "--id", "EXNODE_ID" or "node.conf line 3".
  var origin: String
}

/// The merged sources.
struct SettingSources {
  private var values: [SettingName: SettingValue] = [:]

  init(
    flags: [SettingName: String], environment: [String: String],
    readFile: (String) throws(SettingError) -> String
  ) throws(SettingError) {
    var merged: [SettingName: SettingValue] = [:]
    for name in SettingName.allCases {
      if let text = flags[name] {
        merged[name] = SettingValue(text: text, origin: "--\(name.rawValue)")
      } else if let text = environment[name.variable], !text.isEmpty {
        merged[name] = SettingValue(text: text, origin: name.variable)
      }
    }
    if let file = merged[.config] {
      let parsed = try Self.parse(try readFile(file.text), file: file.text)
      merged.merge(parsed) { stronger, _ in stronger }
    }
    values = merged
  }

  subscript(name: SettingName) -> SettingValue? { values[name] }

  /// Lines of `key = value`; `#` starts a comment line; a value may stand in double quotes.
  static func parse(
    _ text: String, file: String
  ) throws(SettingError) -> [SettingName: SettingValue] {
    var found: [SettingName: SettingValue] = [:]
    for (number, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let line = trimmed(raw)
      if line.isEmpty || line.hasPrefix("#") { continue }
      let place = "\(file) line \(number + 1)"
      guard let equals = line.firstIndex(of: "=") else {
        throw SettingError("\(place): expected 'key = value'")
      }
      let key = trimmed(line[..<equals])
      var value = trimmed(line[line.index(after: equals)...])
      if value.count >= 2, value.hasPrefix("\""), value.hasSuffix("\"") {
        value = String(value.dropFirst().dropLast())
      }
      guard let name = SettingName(rawValue: key), name != .config else {
        throw SettingError("\(place): unknown setting '\(key)'")
      }
      guard found[name] == nil else { throw SettingError("\(place): '\(key)' is given twice") }
      found[name] = SettingValue(text: value, origin: place)
    }
    return found
  }

  private static func trimmed(_ text: some StringProtocol) -> String {
    let space: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" }
    let head = text.drop(while: space)
    return String(String(head.reversed()).drop(while: space).reversed())
  }
}
