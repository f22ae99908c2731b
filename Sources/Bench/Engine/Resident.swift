// Resident: how much memory this process holds, as the kernel counts it.

import Glibc

enum Resident {
  /// Mebibytes now, and at most so far.
  static func mebibytes() -> (now: Int, peak: Int) {
    (kilobytes("VmRSS:") / 1024, kilobytes("VmHWM:") / 1024)
  }

  private static func kilobytes(_ field: String) -> Int {
    guard let file = fopen("/proc/self/status", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(
        decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard text.hasPrefix(field) else { continue }
      return Int(text.dropFirst(field.count).filter { $0.isNumber }) ?? 0
    }
    return 0
  }
}
