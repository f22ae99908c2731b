// SmallFile: reads configuration files and secrets, with a size limit and, for secrets, a check of who may read them.
//
// Not here: the data directory (Storage).

import Glibc

/// Reads whole small files.
enum SmallFile {
  static let bytesMax = 1 << 20

  /// The bytes of a file of at most 1 MiB.
  static func read(_ path: String, what: String) throws(SettingError) -> [UInt8] {
    let descriptor = try open(path, what: what)
    defer { close(descriptor) }
    return try contents(descriptor, path: path, what: what)
  }

  /// The secret in a file that only its owner can read: the first line, 16 to 1024 bytes, without surrounding spaces.
  static func readSecret(_ path: String, what: String) throws(SettingError) -> [UInt8] {
    let descriptor = try open(path, what: what)
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw SettingError("cannot read the \(what) \(path): \(reason())")
    }
    guard status.st_mode & 0o077 == 0 else {
      let mode = String(status.st_mode & 0o777, radix: 8)
      throw SettingError("the \(what) \(path) has mode 0\(mode): others can read it, use 0600")
    }
    let bytes = try contents(descriptor, path: path, what: what)
    let line = bytes.prefix { $0 != 0x0A && $0 != 0x0D }
    let start = line.drop { $0 == 0x20 || $0 == 0x09 }
    let secret = Array(start.reversed().drop { $0 == 0x20 || $0 == 0x09 }.reversed())
    guard (16...1024).contains(secret.count) else {
      throw SettingError("the \(what) \(path) must hold 16 to 1024 bytes, it holds \(secret.count)")
    }
    return secret
  }

  private static func open(_ path: String, what: String) throws(SettingError) -> Int32 {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw SettingError("cannot read the \(what) \(path): \(reason())")
    }
    return descriptor
  }

  private static func contents(
    _ descriptor: Int32, path: String, what: String
  ) throws(SettingError) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw SettingError("cannot read the \(what) \(path): \(reason())") }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[0..<count])
      guard bytes.count <= bytesMax else {
        throw SettingError("the \(what) \(path) is larger than 1 MiB")
      }
    }
  }

  private static func reason() -> String { String(cString: strerror(errno)) }
}
