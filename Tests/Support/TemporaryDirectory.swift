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

  /// Copies a directory's regular files (not its subdirectories) as they are at the moment.
  public static func copy(_ source: String, to target: String) {
    precondition(mkdir(target, 0o700) == 0, "cannot make \(target)")
    for name in names(source) {
      let from = open(source + "/" + name, O_RDONLY)
      guard from >= 0 else { continue }
      let to = open(target + "/" + name, O_WRONLY | O_CREAT | O_EXCL, 0o600)
      precondition(to >= 0, "cannot make \(target)/\(name)")
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        let n = read(from, &buffer, buffer.count)
        if n <= 0 { break }
        precondition(write(to, buffer, n) == n, "cannot write \(target)/\(name)")
      }
      close(from)
      close(to)
    }
  }

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
