// SnapshotFormatTests: the bytes of manifests and pointers, and every flipped bit in them.
//
// If one of these fails because a format changed on purpose: raise its version, teach the reader both, store the new
// text.

import Raft
import TestSupport
import Testing
import Wire

@testable import Storage

@Suite struct SnapshotFormatTests {
  static let stored = """
    manifest 434153544c45534e 0001 0000000000000009 0000000000000005 0000000000000000000000000000abcd 0002 0102 \
    00000003 0000  00000001 0001 61 0000000000000004 000000000000000000000000000000ff 0f763034
    pointer 434153544c455054 0001 0016 73746174652d30303030303030303030303030303063 0000000000000009 \
    0000000000000005 fce13a31
    incoming 434153544c45494e 0001 0005 7374617465 00000057
    """

  static func manifest() throws -> SnapshotManifest {
    let member = Member(id: NodeID(1), incarnation: 7)
    return try SnapshotManifest(
      contents: SnapshotContents(
        applied: EntryID(term: Term(5), index: LogIndex(9)),
        configuration: Configuration(voters: [member]), stateHash: 0xABCD, genesisHash: [1, 2],
        level: 3), files: [SnapshotManifest.File(name: "a", bytes: 4, checksum: 0xFF)])
  }

  @Test func `every field is where the stored text says`() throws {
    let manifest = try Self.manifest()
    // The bytes of a configuration are Raft's.
    var plain = manifest.contents
    plain.configuration = nil
    let short = try SnapshotManifest(contents: plain, files: manifest.files)
    let pointer = StatePointer(
      name: "state-000000000000000c", installed: manifest.contents.applied)
    let incoming = IncomingSnapshot(name: "state", manifest: short)
    let lines = [
      "manifest "
        + spaced(
          short.encoded, [8, 2, 8, 8, 16, 2, 2, 4, 2, 0, 4, 2, 1, 8, 16, 4]),
      "pointer " + spaced(pointer.encoded, [8, 2, 2, 22, 8, 8, 4]),
      "incoming " + spaced(Array(incoming.encoded.prefix(21)), [8, 2, 2, 5, 4]),
    ]
    let text = lines.joined(separator: "\n")
    #expect(text == Self.stored, "a format changed without a new version:\n\(text)")
    #expect(try SnapshotManifest(decoding: manifest.encoded) == manifest)
    #expect(try StatePointer(decoding: pointer.encoded) == pointer)
    #expect(try IncomingSnapshot(decoding: incoming.encoded).manifest == short)
  }

  @Test func `no flipped bit and no missing byte goes unnoticed`() throws {
    let manifest = try Self.manifest()
    let pointer = StatePointer(name: "state", installed: .zero)
    let incoming = IncomingSnapshot(name: "state", manifest: manifest)
    func check(_ bytes: [UInt8], _ decode: ([UInt8]) throws(WireError) -> Void) {
      for bit in 0..<bytes.count * 8 {
        var damaged = bytes
        damaged[bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(throws: WireError.self, "bit \(bit)") { try decode(damaged) }
      }
      for count in 0..<bytes.count {
        #expect(throws: WireError.self) { try decode(Array(bytes[..<count])) }
      }
      #expect(throws: WireError.self) { try decode(bytes + [0]) }
    }
    check(manifest.encoded) { (bytes) throws(WireError) in _ = try SnapshotManifest(decoding: bytes)
    }
    check(pointer.encoded) { (bytes) throws(WireError) in _ = try StatePointer(decoding: bytes) }
    check(incoming.encoded) { (bytes) throws(WireError) in
      _ = try IncomingSnapshot(decoding: bytes)
    }
  }

  @Test func `a manifest names plain files, each once`() throws {
    let contents = try Self.manifest().contents
    for names in [["../x"], ["a/b"], [""], ["."], [".."], ["a", "a"], ["a\n"], ["é"]] {
      let files = names.map { SnapshotManifest.File(name: $0, bytes: 1, checksum: 1) }
      #expect(throws: WireError.self, "\(names)") {
        _ = try SnapshotManifest(contents: contents, files: files)
      }
    }
  }

  @Test func `sizes that no disk holds are refused, one by one or together`() throws {
    let contents = try Self.manifest().contents
    func manifest(_ sizes: [Int]) throws(WireError) -> SnapshotManifest {
      try SnapshotManifest(
        contents: contents,
        files: sizes.enumerated().map { .init(name: "f\($0)", bytes: $1, checksum: 0) })
    }
    let most = SnapshotManifest.fileBytesMax
    #expect(try manifest([most / 2, most / 2]).bytes == most)
    #expect(throws: WireError.self) { try manifest([most / 2, most / 2, 1]) }
    #expect(throws: WireError.self) { try manifest([.max, 1]) }
    #expect(throws: WireError.self) { try manifest([-1]) }
  }

  @Test func `the checksum of a file differs with each bit, its length and its order`() {
    var random = SeededRandom(8)
    let bytes = random.bytes(5000)
    var seen: Set<UInt128> = [FileChecksum.of(bytes), FileChecksum.of([])]
    for _ in 0..<500 {
      var other = bytes
      other[Int.random(in: 0..<5000, using: &random)] ^=
        1 << UInt8.random(in: 0..<8, using: &random)
      seen.insert(FileChecksum.of(other))
    }
    #expect(seen.count > 450)
    #expect(seen.insert(FileChecksum.of(bytes + [0])).inserted)
    #expect(seen.insert(FileChecksum.of(bytes.reversed())).inserted)
  }

  /// Hexadecimal fields.
  private func spaced(_ bytes: [UInt8], _ sizes: [Int]) -> String {
    var rest = bytes[...]
    var fields: [String] = []
    for size in sizes {
      fields.append(hex(rest.prefix(size)))
      rest = rest.dropFirst(size)
    }
    return (fields + (rest.isEmpty ? [] : ["and \(rest.count) bytes more"])).joined(separator: " ")
  }
}
