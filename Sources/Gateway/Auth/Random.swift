// Random: unpredictable bytes from libcrypto, for ids and secrets that are drawn at the edge.
//
// Not here: randomness inside replicated state (there is none).

import COpenSSL

/// Cryptographic randomness.
public enum Random {
  /// `count` random bytes. Ends the process if the generator fails: no secret may ever be weak.
  public static func bytes(_ count: Int) -> [UInt8] {
    guard count > 0 else { return [] }
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let done = RAND_bytes(buffer.baseAddress, Int32(count))
      precondition(done == 1, "libcrypto has no randomness")
      initialized = count
    }
  }

  /// `count` characters of `[A-Za-z0-9]`, each equally likely.
  public static func alphanumeric(_ count: Int) -> String {
    String(decoding: letters(count), as: UTF8.self)
  }

  /// A random integer.
  public static func u64() -> UInt64 { bytes(8).reduce(0) { $0 << 8 | UInt64($1) } }

  /// `alphanumeric` as bytes.
  static func letters(_ count: Int) -> [UInt8] {
    var letters: [UInt8] = []
    letters.reserveCapacity(count)
    while letters.count < count {
      // 62 * 4 = 248: the bytes above would favour the first letters.
      for byte in bytes(count + count / 8 + 1) where byte < 248 && letters.count < count {
        letters.append(alphabet[Int(byte % 62)])
      }
    }
    return letters
  }

  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
}
