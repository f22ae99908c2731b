// StreamPath: the address of a market stream connection: which names it carries and whether
// payloads are wrapped.
//
// `/ws`, `/ws/<name>/...` are raw; `/stream?streams=<name>/...` is combined. ccxt opens `/ws/0`,
// `/ws/1` and so on, so any tail is taken as a name. `/stream/ws/...` means `/ws/...` (ccxt pro
// recognises a spot address by `/stream`).
// Not here: what the names mean (StreamName).

struct StreamPath {
  let combined: Bool
  let names: [String]

  /// `nil` if the path (as sent) is no stream endpoint.
  init?(_ path: String) {
    let isStream = path.hasPrefix("/stream")
    let rest = isStream ? path.dropFirst("/stream".count) : path[...]
    if isStream, rest.isEmpty || rest == "/" {
      combined = true
      names = []
      return
    }
    guard rest.hasPrefix("/ws") else { return nil }
    let tail = rest.dropFirst("/ws".count)
    guard tail.isEmpty || tail.hasPrefix("/") else { return nil }
    combined = false
    names = Self.names(Array(tail.utf8))
  }

  /// `streams` and `timeUnit` of a query; other parameters are ignored.
  static func query(
    _ query: [UInt8]
  ) throws(APIError) -> (streams: [String], timeUnit: String?) {
    guard query.count <= StreamSession.messageBytesMax else { throw .tooLarge }
    var streams: [String] = []
    var timeUnit: String?
    for pair in query.split(separator: UInt8(ascii: "&")) {
      let parts = pair.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { continue }
      switch String(decoding: parts[0], as: UTF8.self) {
      case "streams": streams += names(Array(parts[1]))
      case "timeUnit": timeUnit = decoded(parts[1]) ?? ""
      default: continue
      }
    }
    return (streams, timeUnit)
  }

  /// Names separated by `/`, which may be percent-encoded too.
  private static func names(_ text: [UInt8]) -> [String] {
    guard let all = decoded(text[...]) else { return [""] }
    return all.split(separator: "/").map(String.init)
  }

  private static func decoded(_ text: ArraySlice<UInt8>) -> String? {
    var bytes: [UInt8] = []
    var at = text.startIndex
    while at < text.endIndex {
      if text[at] == UInt8(ascii: "%") {
        guard at + 2 < text.endIndex, let high = Hex.value(text[at + 1]),
          let low = Hex.value(text[at + 2])
        else { return nil }
        bytes.append(high << 4 | low)
        at += 3
      } else {
        bytes.append(text[at])
        at += 1
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
