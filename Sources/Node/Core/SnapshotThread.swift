// SnapshotThread: makes snapshots of the state store, for operators and for nodes that lag too far behind.
//
// Invariants: what a snapshot says of itself is read from its finished files; a snapshot that is being sent stays
// until a newer one was sent.
// Not here: files (Storage), who needs one (Replica).

import Gateway
import Glibc
import Logging
import Raft
import Replica
import Storage
import Wire

/// For the snapshot thread.
enum SnapshotEvent: Sendable {
  /// An operator wants one.
  case save(ticket: UInt64)
  /// The store holds everything that was applied when it was asked for.
  case writtenOut
  /// The replica wants something; snapshots in use must stay.
  case effect(SnapshotEffect, inUse: [EntryID])
  case stop
}

/// What came of it, for the replica.
enum SnapshotResult: Sendable {
  case made(EntryID, manifest: [UInt8])
  case makeFailed
  case read(peer: NodeID, transfer: UInt64, piece: SnapshotPiece, bytes: [UInt8]?)
  case began(missing: [SnapshotPiece])
  case wrote(SnapshotPiece, again: [SnapshotPiece])
  case installFailed
}

/// The thread for everything about snapshots. Slow, and nobody on the order path waits for it.
final class SnapshotThread: @unchecked Sendable {  // used by its own thread only, after `init`
  private static let kept = 2
  private static let newestLevel = Drills.newestLevel()

  private let files: NodeFiles
  private let queues: NodeQueues
  private let shared: NodeShared
  private let loops: [LoopState]
  private var store: SnapshotStore?
  private var incoming: IncomingState?
  private var wanted: [Wanted] = []

  /// Who waits for the next snapshot.
  private enum Wanted {
    case `operator`(UInt64)
    /// The replica; these are in use.
    case peers([EntryID])
  }

  init(files: NodeFiles, queues: NodeQueues, shared: NodeShared, loops: [LoopState]) {
    self.files = files
    self.queues = queues
    self.shared = shared
    self.loops = loops
  }

  /// Runs until `.stop`.
  func run() {
    // This thread alone: checking and counting may take seconds, and customers go first.
    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
    var batch: [SnapshotEvent] = []
    while true {
      queues.snapshots.take(into: &batch, until: nil)
      for event in batch {
        switch event {
        case .save(let ticket): ask(.operator(ticket))
        case .writtenOut: makeForAll()
        case .effect(let effect, let inUse): carryOut(effect, inUse)
        case .stop: return
        }
      }
      batch.removeAll(keepingCapacity: true)
    }
  }

  private func carryOut(_ effect: SnapshotEffect, _ inUse: [EntryID]) {
    switch effect {
    case .make: ask(.peers(inUse))
    case .read(let peer, let transfer, let snapshot, let piece):
      let bytes = read(snapshot, piece)
      shared.metrics.snapshotBytesSent.add(UInt64(bytes?.count ?? 0))
      report(.read(peer: peer, transfer: transfer, piece: piece, bytes: bytes))
    case .begin(let source, let snapshot, let manifest): begin(source, snapshot, manifest)
    case .write(let piece, let bytes): write(piece, bytes)
    case .finish: finish()
    }
  }

  private func report(_ result: SnapshotResult) { queues.core.post(.snapshot(result)) }

  // MARK: Making and serving

  /// Rows wait in a buffer in front of the store: they must be in it first.
  private func ask(_ who: Wanted) {
    wanted.append(who)
    queues.publisher.post(.writeOut)
  }

  /// One snapshot for all who wait.
  private func makeForAll() {
    guard !wanted.isEmpty else { return }
    var inUse: [EntryID] = []
    for case .peers(let ids) in wanted { inUse += ids }
    let made: Result<Snapshot, any Error> = Result { try make(inUse) }
    if case .failure(let error) = made { shared.log.error("no snapshot was made: \(error)") }
    for who in wanted {
      switch (who, made) {
      case (.operator(let ticket), .success(let snapshot)):
        answer(
          ticket,
          .saved(
            directory: snapshot.directory, index: snapshot.applied.index.value,
            bytes: UInt64(snapshot.manifest.bytes)))
      case (.operator(let ticket), .failure(let error)):
        answer(ticket, .refused("no snapshot was made: \(error)"))
      case (.peers, .success(let snapshot)):
        report(.made(snapshot.applied, manifest: snapshot.manifest.encoded))
      case (.peers, .failure): report(.makeFailed)
      }
    }
    wanted.removeAll()
  }

  private func answer(_ ticket: UInt64, _ outcome: ControlOutcome) {
    loops[LoopState.index(of: ticket)].deliver([.control(ticket, outcome)])
  }

  private func read(_ id: EntryID, _ piece: SnapshotPiece) -> [UInt8]? {
    do {
      guard let snapshots = store,
        let found = snapshots.snapshots.first(where: { $0.applied == id })
      else { return nil }
      let bytes = try snapshots.read(
        found, file: Int(piece.file), at: Int(piece.offset), count: Int(piece.count))
      // A file that was damaged since it was made would be fetched for ever: it arrives wrong, and starts over.
      if piece.offset == 0, let damage = snapshots.damage(found, file: Int(piece.file)) {
        throw damage
      }
      return bytes
    } catch {
      shared.log.error("a snapshot cannot be read: \(error)")
      return nil
    }
  }

  /// A snapshot of now.
  private func make(_ inUse: [EntryID]) throws -> Snapshot {
    guard files.storeDamage == nil else {
      throw SettingError("the state store of this node is damaged")
    }
    let start = SystemClock.monotonic()
    let snapshots = try opened()
    let snapshot = try snapshots.make(of: files.state) { rows in
      let summary = try StateSummary(of: rows)
      guard !summary.marker.genesisHash.isEmpty else {
        throw SettingError("nothing is stored yet")
      }
      return SnapshotContents(summary)
    }
    let old = snapshots.snapshots.dropFirst(Self.kept)
    if !old.contains(where: { inUse.contains($0.applied) }) {
      try snapshots.removeOld(keeping: Self.kept)
    }
    let took = SystemClock.monotonic() - start
    shared.metrics.snapshots.add()
    shared.metrics.snapshotBytes.add(UInt64(snapshot.manifest.bytes))
    shared.metrics.snapshotMicroseconds.add(UInt64(took))
    shared.log.notice(
      "snapshot of index \(snapshot.applied.index): \(snapshot.manifest.bytes) bytes, \(took / 1000) ms"
    )
    return snapshot
  }

  // MARK: Installing

  /// A snapshot on its way in.
  private struct IncomingState {
    var install: SnapshotInstall
    /// Pieces that came before their turn. Few: the replica asks for a few at a time.
    var early: [SnapshotPiece: [UInt8]] = [:]
    var since = SystemClock.monotonic()
  }

  private func begin(_ source: NodeID, _ snapshot: EntryID, _ bytes: [UInt8]) {
    do {
      let manifest = try SnapshotManifest(decoding: bytes)
      guard manifest.contents.applied == snapshot else {
        throw SettingError("node \(source) announced another snapshot than its manifest names")
      }
      guard manifest.contents.level <= Self.newestLevel else {
        throw SettingError(
          "the snapshot of node \(source) has level \(manifest.contents.level), and this program applies"
            + " levels up to \(Self.newestLevel): it is too old")
      }
      incoming = nil
      let install = try SnapshotInstall(files.directory, manifest: manifest)
      // Empty files have no pieces to wait for.
      for piece in try install.wanted(pieces: .max) where piece.count == 0 {
        _ = try install.receive(file: piece.file, offset: 0, bytes: [])
      }
      incoming = IncomingState(install: install)
      let missing = try install.wanted(pieces: .max).map(Self.piece)
      shared.log.notice(
        "fetching a snapshot of index \(snapshot.index) from node \(source): \(install.bytesMissing) of \(manifest.bytes) bytes are missing"
      )
      report(.began(missing: missing))
    } catch {
      giveUp("\(error)")
    }
  }

  private static func piece(_ piece: SnapshotInstall.Piece) -> SnapshotPiece {
    SnapshotPiece(
      file: UInt32(piece.file), offset: UInt64(piece.offset), count: UInt32(piece.count))
  }

  private func write(_ piece: SnapshotPiece, _ bytes: [UInt8]) {
    guard incoming != nil else { return report(.installFailed) }
    incoming?.early[piece] = bytes
    do {
      while let next = try writeNext() { report(next) }
    } catch {
      giveUp("\(error)")
    }
  }

  /// Writes the piece whose turn it is, if it is here.
  private func writeNext() throws -> SnapshotResult? {
    guard let state = incoming else { return nil }
    for (piece, bytes) in state.early.sorted(by: { $0.key.offset < $1.key.offset }) {
      let received = try state.install.receive(
        file: Int(piece.file), offset: Int(piece.offset), bytes: bytes)
      switch received {
      case .ignored: continue
      case .taken, .fileDone:
        incoming?.early[piece] = nil
        shared.metrics.snapshotBytesReceived.add(UInt64(bytes.count))
        return .wrote(piece, again: [])
      case .fileWrong(let reason):
        incoming?.early[piece] = nil
        shared.log.warning("\(reason)")
        let again = try state.install.wanted(pieces: .max).filter { $0.file == Int(piece.file) }
        return .wrote(piece, again: again.map(Self.piece))
      }
    }
    return nil
  }

  /// Checks everything and swaps; then the node begins anew with it.
  private func finish() {
    guard let state = incoming else { return report(.installFailed) }
    do {
      try state.install.finish { SnapshotContents(try StateSummary(recounting: $0)) }
    } catch {
      if state.install.isSwapped { Fatal.disk(shared.log, "\(error)") }
      try? state.install.discard()
      return giveUp("\(error)")
    }
    let took = (SystemClock.monotonic() - state.since) / 1000
    shared.log.notice("the snapshot is installed after \(took) ms; this node begins anew with it")
    incoming = nil
    Restart.request()
  }

  private func giveUp(_ reason: String) {
    shared.log.error("the snapshot cannot be installed: \(reason)")
    incoming = nil
    report(.installFailed)
  }

  // MARK: Parts

  private func opened() throws -> SnapshotStore {
    if let store { return store }
    let opened = try SnapshotStore.open(directory: files.directory.snapshotsPath)
    for note in opened.ignored { shared.log.warning("\(note)") }
    store = opened
    return opened
  }
}

extension SnapshotContents {
  /// What a snapshot's rows say about themselves.
  fileprivate init(_ summary: StateSummary) {
    let marker = summary.marker
    self.init(
      applied: marker.applied, configuration: marker.configuration, stateHash: marker.stateHash,
      genesisHash: marker.genesisHash, level: summary.level)
  }
}
