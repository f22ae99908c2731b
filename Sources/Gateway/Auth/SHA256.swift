// SHA256: digests by libcrypto, and HMAC from states that were keyed once.
//
// Invariant: a keyed state is only copied, never finished, so it may be shared between threads.
// Not here: which bytes are signed (Auth/SignedBytes), secrets at rest (SecretBox).

import COpenSSL

/// A running SHA-256.
public struct SHA256: Sendable {
  private var state = SHA256_CTX()

  public init() { SHA256_Init(&state) }

  /// Continues with `bytes`.
  public mutating func update(_ bytes: some Sequence<UInt8>) {
    let done: Void? = bytes.withContiguousStorageIfAvailable {
      SHA256_Update(&state, $0.baseAddress, $0.count)
    }
    if done == nil {
      let copy = Array(bytes)
      SHA256_Update(&state, copy, copy.count)
    }
  }

  /// Continues with an integer, big-endian.
  mutating func update(_ value: UInt64) {
    withUnsafeBytes(of: value.bigEndian) { _ = SHA256_Update(&state, $0.baseAddress, $0.count) }
  }

  /// The digest of everything so far, 32 bytes.
  public func finish() -> [UInt8] {
    var copy = state
    return [UInt8](unsafeUninitializedCapacity: 32) { buffer, initialized in
      SHA256_Final(buffer.baseAddress, &copy)
      initialized = 32
    }
  }

  /// The digest of `bytes`.
  public static func of(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finish()
  }
}

/// A secret, ready to sign: the two SHA-256 states of HMAC (RFC 2104) after their first block.
public struct HMACKey: Sendable {
  private let inner: SHA256
  private let outer: SHA256

  public init(secret: [UInt8]) {
    var block = secret.count > 64 ? SHA256.of(secret) : secret
    block.append(contentsOf: [UInt8](repeating: 0, count: 64 - block.count))
    var inner = SHA256()
    inner.update(block.map { $0 ^ 0x36 })
    var outer = SHA256()
    outer.update(block.map { $0 ^ 0x5C })
    self.inner = inner
    self.outer = outer
  }

  /// The code over all `parts`, one after another, 32 bytes.
  public func sign(_ parts: ArraySlice<UInt8>...) -> [UInt8] { sign(parts) }

  func sign(_ parts: [ArraySlice<UInt8>]) -> [UInt8] {
    var inner = self.inner
    for part in parts { inner.update(part) }
    var outer = self.outer
    outer.update(inner.finish())
    return outer.finish()
  }

  /// True if `hex` (either case) is the code over `parts`. Takes the same time for every wrong code
  /// of the right length.
  func verifies(hex: ArraySlice<UInt8>, _ parts: [ArraySlice<UInt8>]) -> Bool {
    guard hex.count == 64, let claimed = Hex.decode(hex) else { return false }
    return ConstantTime.equal(claimed, sign(parts))
  }
}

/// Comparison that does not tell by its duration where two secrets differ.
public enum ConstantTime {
  /// True if both are equal. Only their lengths may show in the time it takes.
  public static func equal(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
  }
}
