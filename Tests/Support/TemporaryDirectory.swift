// TemporaryDirectory: a directory of a test's own, removed when the test lets go of it.

import Glibc

/// A fresh directory under the system's temporary directory.
public final class TemporaryDirectory {
  public let path: String

  public init(_ name: String = "castle") {
    var template = Array("/tmp/\(name)-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil, "no temporary directory: errno \(errno)")
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { Self.removeAll(path) }

  /// A path inside it.
  public func file(_ name: String) -> String { path + "/" + name }

  private static func names(_ path: String) -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  private static func removeAll(_ path: String) {
    for name in names(path) {
      let child = path + "/" + name
      if unlink(child) != 0 { removeAll(child) }
    }
    rmdir(path)
  }
}
