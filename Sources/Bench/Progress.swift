// Progress: a progress line on standard error, drawn only on a terminal and at most ten times a second.

import Glibc

/// Shows how far a long run is. Standard output stays free for the one JSON object.
struct Progress {
  private let label: String
  private let total: Int
  private let onTerminal = isatty(2) == 1
  private var drawn = 0.0

  init(_ label: String, total: Int) {
    self.label = label
    self.total = max(total, 1)
  }

  /// Draws the bar at `done` of `total`.
  mutating func show(_ done: Int) {
    guard onTerminal else { return }
    let now = monotonicSeconds()
    guard now - drawn >= 0.1 || done >= total else { return }
    drawn = now
    let width = 30
    let filled = min(width, done * width / total)
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
    say("\r\(label) [\(bar)] \(done)/\(total)", newline: done >= total)
  }
}

/// Writes a line to standard error.
func say(_ text: String, newline: Bool = true) {
  let bytes = Array((newline ? text + "\n" : text).utf8)
  _ = write(2, bytes, bytes.count)
}
