// StorageError: why files could not be used. One sentence with the path and the system's own words.
//
// Invariant: the description is one line, fit to be the last line of a process.
// Not here: what to do about it (a write or sync error ends the process; the caller does that).

import Glibc

/// Why storage failed.
public struct StorageError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file or directory concerned.
  public let path: String
  /// What could not be done, or what is wrong with the file.
  public let message: String
  /// The system's error number; 0 if the system reported none.
  public let code: Int32

  public init(_ path: String, _ message: String, code: Int32 = 0) {
    self.path = path
    self.message = String(message.map { $0.isNewline ? " " : $0 })
    self.code = code
  }

  /// There is no space left (or no quota). Reads go on; writing may work again later.
  public var isFull: Bool { code == ENOSPC || code == EDQUOT }

  public var description: String {
    guard code != 0 else { return "\(path): \(message)" }
    return "\(path): \(message): \(String(cString: strerror(code))) (errno \(code))"
  }
}
