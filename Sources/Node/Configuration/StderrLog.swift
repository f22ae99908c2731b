// StderrLog: the log handler: one line per message on standard error.
//
// Invariant: a line cannot be forged: control characters in messages and metadata are written as escapes.
// Not here: what is logged. Secrets, signatures and API keys are never given to the log.

import Glibc
import Logging

/// Writes `2026-11-21T03:05:17.123Z info  core: message key=value`.
struct StderrLog: LogHandler {
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  let label: String

  init(label: String, level: Logger.Level) {
    self.label = label
    logLevel = level
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var line = Self.timestamp(SystemClock.wall())
    line += " " + event.level.rawValue
    line += String(repeating: " ", count: max(0, 7 - event.level.rawValue.count))
    line += " " + label + ": " + Self.escaped(event.message.description)
    let all = metadata.merging(event.metadata ?? [:]) { _, newer in newer }
    for (key, value) in all.sorted(by: { $0.key < $1.key }) {
      line += " " + Self.escaped(key) + "=" + Self.escaped(value.description)
    }
    line += "\n"
    var bytes = Array(line.utf8)
    bytes.withUnsafeMutableBytes { p in
      _ = Glibc.write(2, p.baseAddress, p.count)
    }
  }

  /// Control characters (line ends among them) become `\xNN`; the text is cut at 2000 bytes.
  static func escaped(_ text: String) -> String {
    var out: [UInt8] = []
    let digits = Array("0123456789abcdef".utf8)
    for byte in text.utf8.prefix(2000) {
      if byte < 0x20 || byte == 0x7F {
        out += [0x5C, 0x78, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      } else {
        out.append(byte)
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// ISO 8601 with milliseconds, in UTC.
  static func timestamp(_ micros: Int64) -> String {
    var seconds = time_t(micros / 1_000_000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func pad(_ value: Int32, _ width: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    let milliseconds = Int32(micros % 1_000_000 / 1000)
    return "\(pad(parts.tm_year + 1900, 4))-\(pad(parts.tm_mon + 1, 2))-\(pad(parts.tm_mday, 2))"
      + "T\(pad(parts.tm_hour, 2)):\(pad(parts.tm_min, 2)):\(pad(parts.tm_sec, 2))"
      + ".\(pad(milliseconds, 3))Z"
  }
}
