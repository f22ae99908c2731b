// SecretBoxTests: secrets survive a round trip, and nothing else does.

import Testing

@testable import Gateway

@Suite struct SecretBoxTests {
  let box = SecretBox(clusterKey: Array("a cluster key of the tests".utf8))
  let secret = Array(Edge.secret.utf8)

  @Test func `a sealed secret opens again, and never looks the same twice`() {
    let first = box.seal(secret)
    let second = box.seal(secret)
    #expect(first != second)
    #expect(first.count <= 256)
    #expect(box.open(first) == secret)
    #expect(box.open(second) == secret)
    #expect(box.open(box.seal([])) == [])
  }

  @Test func `every changed bit is noticed`() {
    let sealed = box.seal(secret)
    for position in sealed.indices {
      for bit in 0..<8 {
        var changed = sealed
        changed[position] ^= 1 << UInt8(bit)
        #expect(box.open(changed) == nil, "byte \(position), bit \(bit)")
      }
    }
  }

  @Test func `a cut or lengthened seal is refused`() {
    let sealed = box.seal(secret)
    for count in 0..<sealed.count { #expect(box.open(Array(sealed.prefix(count))) == nil) }
    #expect(box.open(sealed + [0]) == nil)
  }

  @Test func `another cluster key opens nothing`() {
    let other = SecretBox(clusterKey: Array("a cluster key of the testz".utf8))
    #expect(other.open(box.seal(secret)) == nil)
    #expect(other.signer(box.seal(secret)) == nil)
  }

  @Test func `the cached signer signs as the secret does`() {
    let sealed = box.seal(secret)
    let text = Array("some text".utf8)
    let expected = HMACKey(secret: secret).sign(text[...])
    #expect(box.signer(sealed)?.sign(text[...]) == expected)
    #expect(box.signer(sealed)?.sign(text[...]) == expected)
  }

  @Test func `random text is alphanumeric and does not repeat`() {
    let texts = (0..<200).map { _ in Random.alphanumeric(22) }
    #expect(Set(texts).count == 200)
    for text in texts {
      #expect(text.utf8.count == 22)
      #expect(text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) })
    }
    #expect(Random.alphanumeric(0).isEmpty)
    #expect(Random.bytes(32) != Random.bytes(32))
  }
}
