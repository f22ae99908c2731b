// SnapshotStoreTests: real checkpoints of a real state store, made, read, sent, installed and opened again.
//
// Not here: crashes (SnapshotCrashTests) and formats (SnapshotFormatTests).

import Raft
import Storage
import TestSupport
import Testing
import Wire

@Suite struct SnapshotStoreTests {
  static let genesis = [UInt8](repeating: 7, count: 32)
  private static let marker: [UInt8] = [1, 0, 0]

  /// What the rows say: the marker, and the hash of all others.
  static func describe(_ rows: any RowReader) throws -> SnapshotContents {
    var reader = ByteReader(try rows.row(marker) ?? [])
    let index = LogIndex(try reader.u64())
    var hash: UInt128 = 0
    try rows.scan(from: [0x10], upTo: [0x80], reverse: false) { key, value in
      hash &+= RowHash.of(key: key, value: value)
      return true
    }
    return SnapshotContents(
      applied: EntryID(term: Term(1), index: index), configuration: nil, stateHash: hash,
      genesisHash: genesis, level: 1)
  }

  private func directory(_ path: String) throws -> DataDirectory {
    try DataDirectory.open(
      path: path, node: NodeID(1), genesisHash: Self.genesis, randomIncarnation: 5)
  }

  private func write(_ store: StateStore, upTo index: UInt64, rows: Int) throws {
    var batch = RowBatch()
    var random = SeededRandom(index)
    for row in 0..<rows {
      batch.put([0x10, UInt8(row >> 8), UInt8(row & 255)], random.bytes(100))
    }
    var writer = ByteWriter()
    writer.u64(index)
    batch.put(Self.marker, writer.bytes)
    try store.write(batch)
  }

  /// Sends a snapshot from one node to another, in pieces of `bytes`.
  private func send(
    _ snapshot: Snapshot, of source: SnapshotStore, to install: SnapshotInstall, bytes: Int
  ) throws {
    while !install.isComplete {
      for piece in try install.wanted(pieces: 4, bytes: bytes) {
        let data = try source.read(
          snapshot, file: piece.file, at: piece.offset, count: piece.count)
        let received = try install.receive(file: piece.file, offset: piece.offset, bytes: data)
        #expect(received == .taken || received == .fileDone)
      }
    }
    #expect(install.bytesMissing == 0)
  }

  @Test func `a snapshot taken under writes installs on another node, to the last row`() throws {
    let place = TemporaryDirectory()
    let sender = try directory(place.file("sender"))
    let state = try StateStore.open(path: sender.statePath)
    let snapshots = try SnapshotStore.open(directory: sender.snapshotsPath)
    try write(state, upTo: 10, rows: 2000)
    try state.flush()
    try write(state, upTo: 20, rows: 500)
    let first = try snapshots.make(of: state, describe: Self.describe)
    try write(state, upTo: 30, rows: 10)
    #expect(first.applied.index == LogIndex(20))
    #expect(snapshots.verify(first).isEmpty && snapshots.latest == first)
    #expect(!first.manifest.files.map(\.name).contains { $0.hasPrefix("LOG") || $0 == "LOCK" })

    do {
      let receiver = try directory(place.file("receiver"))
      #expect(receiver.installed == .zero)
      let install = try SnapshotInstall(receiver, manifest: first.manifest)
      #expect(install.bytesReused == 0 && install.bytesMissing == first.manifest.bytes)
      try send(first, of: snapshots, to: install, bytes: 10_000)
      try install.finish(reading: Self.describe)
    }
    let receiver = try directory(place.file("receiver"))
    #expect(receiver.installed == first.applied)
    let installed = try StateStore.open(path: receiver.statePath)
    #expect(try Self.describe(installed) == first.manifest.contents)
    try write(installed, upTo: 40, rows: 5)
    installed.close()

    // A newer snapshot of the same sender: the receiver has its old table files already.
    try state.flush()
    let second = try snapshots.make(of: state, describe: Self.describe)
    #expect(snapshots.snapshots.map(\.applied.index.value) == [30, 20])
    let again = try SnapshotInstall(receiver, manifest: second.manifest)
    #expect(again.bytesReused > second.manifest.bytes / 2)
    #expect(again.bytesReused + again.bytesMissing == second.manifest.bytes)
    try send(second, of: snapshots, to: again, bytes: SnapshotInstall.pieceBytesMax)
    try again.finish(reading: Self.describe)

    try snapshots.removeOld(keeping: 1)
    #expect(snapshots.snapshots == [second])
    #expect(try LinuxDisk().list(sender.snapshotsPath).count == 1)
    #expect(throws: StorageError.self) {
      _ = try snapshots.read(first, file: 0, at: 0, count: 1)
    }
    state.close()
  }

  @Test func `a state store with other rows than the manifest says is not swapped in`() throws {
    let place = TemporaryDirectory()
    let sender = try directory(place.file("sender"))
    let state = try StateStore.open(path: sender.statePath)
    try write(state, upTo: 10, rows: 100)
    let snapshots = try SnapshotStore.open(directory: sender.snapshotsPath)
    let snapshot = try snapshots.make(of: state, describe: Self.describe)
    var contents = snapshot.manifest.contents
    contents.stateHash &+= 1
    let lying = try SnapshotManifest(contents: contents, files: snapshot.manifest.files)
    let receiver = try directory(place.file("receiver"))
    let install = try SnapshotInstall(receiver, manifest: lying)
    let early = #expect(throws: StorageError.self) { try install.finish(reading: Self.describe) }
    #expect(early?.description.contains("not complete") == true)
    try send(snapshot, of: snapshots, to: install, bytes: SnapshotInstall.pieceBytesMax)
    let error = #expect(throws: StorageError.self) { try install.finish(reading: Self.describe) }
    #expect(error?.description.contains("state hash") == true)
    try install.discard()
    #expect(try LinuxDisk().list(receiver.path) == ["identity", "lock", "log", "state"])
    state.close()
  }

  @Test func `a snapshot of another cluster is refused with both names`() throws {
    let place = TemporaryDirectory()
    let receiver = try directory(place.file("receiver"))
    var contents = try SnapshotFormatTests.manifest().contents
    contents.genesisHash = [UInt8](repeating: 9, count: 32)
    let foreign = try SnapshotManifest(contents: contents, files: [])
    let error = #expect(throws: StorageError.self) {
      _ = try SnapshotInstall(receiver, manifest: foreign)
    }
    let text = try #require(error).description
    #expect(text.contains("0909") && text.contains("0707"), "\(text)")
  }

  @Test func `a fresh state store takes the place of a damaged one at the next start`() throws {
    let place = TemporaryDirectory()
    do {
      let data = try directory(place.file("data"))
      let state = try StateStore.open(path: data.statePath)
      try write(state, upTo: 10, rows: 10)
      try data.startFreshState()
      #expect(try state.row(Self.marker) != nil)
      state.close()
    }
    let data = try directory(place.file("data"))
    let state = try StateStore.open(path: data.statePath)
    #expect(try state.row(Self.marker) == nil)
    #expect(try !LinuxDisk().exists(place.file("data/state")))
    state.close()
  }
}
