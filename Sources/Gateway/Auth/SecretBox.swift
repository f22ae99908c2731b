// SecretBox: keeps API secrets encrypted (AES-256-GCM) in the replicated state, under a key that only nodes hold.
//
// Sealed form: version 1, nonce (12 bytes), ciphertext, tag (16 bytes).
// Invariant: the plain secret never leaves the edge; opened keys are cached, and their number is bounded.
// Not here: where the cluster key comes from (Node).

import COpenSSL
import Synchronization

/// Seals and opens secrets. Shared by all event loops.
public final class SecretBox: Sendable {
  private static let version: UInt8 = 1
  private static let nonceCount = 12
  private static let tagCount = 16
  private static let keysMax = 65_536

  private let key: [UInt8]
  private let opened = Mutex<[[UInt8]: HMACKey]>([:])

  /// `clusterKey`: at least 16 bytes; it is hashed into the encryption key.
  public init(clusterKey: [UInt8]) {
    precondition(clusterKey.count >= 16, "a cluster key has at least 16 bytes")
    var hash = SHA256()
    hash.update("castle secret box 1".utf8)
    hash.update(clusterKey)
    key = hash.finish()
  }

  /// Encrypts a secret of at most 200 bytes. Every call gives another result.
  public func seal(_ secret: [UInt8]) -> [UInt8] {
    precondition(secret.count <= 200, "secrets have at most 200 bytes")
    let nonce = Random.bytes(Self.nonceCount)
    guard let sealed = Self.encrypt(secret, key: key, nonce: nonce) else {
      preconditionFailure("libcrypto has no AES-256-GCM")
    }
    return [Self.version] + nonce + sealed
  }

  /// The secret, or `nil` if `sealed` was made under another key, or changed since.
  public func open(_ sealed: [UInt8]) -> [UInt8]? {
    guard sealed.count >= 1 + Self.nonceCount + Self.tagCount, sealed[0] == Self.version else {
      return nil
    }
    let nonce = Array(sealed[1..<1 + Self.nonceCount])
    let tag = Array(sealed.suffix(Self.tagCount))
    let text = Array(sealed[(1 + Self.nonceCount)..<(sealed.count - Self.tagCount)])
    return Self.decrypt(text, tag: tag, key: key, nonce: nonce)
  }

  /// The keyed HMAC state of a sealed secret, cached; `nil` as for `open`.
  ///
  /// - Complexity: about 0.1 us when cached, 10 us otherwise.
  public func signer(_ sealed: [UInt8]) -> HMACKey? {
    if let known = opened.withLock({ $0[sealed] }) { return known }
    guard let secret = open(sealed) else { return nil }
    let signer = HMACKey(secret: secret)
    opened.withLock { cache in
      if cache.count >= Self.keysMax { cache.removeAll() }
      cache[sealed] = signer
    }
    return signer
  }

  private static func encrypt(_ text: [UInt8], key: [UInt8], nonce: [UInt8]) -> [UInt8]? {
    guard let context = EVP_CIPHER_CTX_new() else { return nil }
    defer { EVP_CIPHER_CTX_free(context) }
    var out = [UInt8](repeating: 0, count: text.count + tagCount)
    var count: Int32 = 0
    var last: Int32 = 0
    guard EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), key, nonce, nil) == 1,
      EVP_EncryptUpdate(context, &out, &count, text, Int32(text.count)) == 1
    else { return nil }
    let done = out.withUnsafeMutableBufferPointer { p -> Bool in
      guard let base = p.baseAddress else { return false }
      return EVP_EncryptFinal_ex(context, base + Int(count), &last) == 1
        && EVP_CIPHER_CTX_ctrl(
          context, EVP_CTRL_AEAD_GET_TAG, Int32(tagCount), base + text.count) == 1
    }
    return done ? out : nil
  }

  private static func decrypt(
    _ text: [UInt8], tag: [UInt8], key: [UInt8], nonce: [UInt8]
  ) -> [UInt8]? {
    guard let context = EVP_CIPHER_CTX_new() else { return nil }
    defer { EVP_CIPHER_CTX_free(context) }
    var tag = tag
    var out = [UInt8](repeating: 0, count: text.count + 16)
    var count: Int32 = 0
    var last: Int32 = 0
    guard EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), key, nonce, nil) == 1,
      EVP_DecryptUpdate(context, &out, &count, text, Int32(text.count)) == 1,
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag) == 1
    else { return nil }
    let end = Int(count)
    let done = out.withUnsafeMutableBufferPointer { p -> Bool in
      guard let base = p.baseAddress else { return false }
      return EVP_DecryptFinal_ex(context, base + end, &last) == 1
    }
    return done ? Array(out[..<text.count]) : nil
  }
}
