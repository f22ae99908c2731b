// Console: lines to standard output and standard error, whole and at once, also into a pipe.
// Not here: what they say.

import Glibc

enum Console {
  static func out(_ line: String) { put(line + "\n", 1) }
  static func error(_ line: String) { put(line + "\n", 2) }
  /// Without a new line.
  static func progress(_ text: String) { put(text, 2) }

  private static func put(_ text: String, _ descriptor: Int32) {
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
      let count = bytes[done...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      done += count
    }
  }
}
