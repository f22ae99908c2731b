// SnapshotClient: fetches a snapshot from one peer after the other, until one is complete.
//
// Invariants:
//   * one transfer at a time, with a number that is never used again in this life
//   * at most `windowMax` pieces are asked for and not yet written; a lost one is asked for again, a few times
//   * a source that is silent, refuses, or sends what does not fit is left for the next; after all
//     were tried, there is a
//     pause that doubles, up to a limit
//   * what was written stays written: after a change of the source only what is missing is asked for (`begin`)
//   * it can be ended at any time until the driver has the word to swap (`finish`)
// Not here: which files are missing and whether they are sound (Storage), and why a snapshot is wanted (Coordinator).

import Raft

/// The fetching side. Times are monotonic microseconds.
struct SnapshotClient: Sendable {
  static let windowMax = 4
  static let answerMax: Int64 = 1_000_000
  static let attemptsMax = 3
  /// Between two questions to a source that makes its snapshot.
  static let preparePause: Int64 = 200_000
  static let pauseMin: Int64 = 500_000
  static let pauseMax: Int64 = 30_000_000
  /// How long a source may prepare, and how long the driver may take for a step.
  static let prepareMax: Int64 = 120_000_000
  static let stepMax: Int64 = 600_000_000

  /// How far it is.
  enum Stage: Equatable, Sendable {
    case idle
    /// Waits before the next round of sources.
    case pausing(until: Int64)
    /// Asked a source for its manifest.
    case asking(since: Int64, at: Int64)
    /// The driver looks what is missing.
    case beginning(since: Int64)
    case fetching
    /// The driver checks and swaps.
    case finishing(since: Int64)
  }

  private struct Asked: Sendable {
    var piece: SnapshotPiece
    var at: Int64
    var attempts = 1
    var isHere = false
  }

  private(set) var stage = Stage.idle
  private(set) var atLeast: UInt64 = 0
  private(set) var source: NodeID?
  private(set) var snapshot: EntryID?
  private var sources: [NodeID] = []
  private var nextSource = 0
  private var pause = SnapshotClient.pauseMin
  private var transfer: UInt64
  private var manifest: [UInt8] = []
  private var missing: [SnapshotPiece] = []
  private var next = 0
  private var asked: [Asked] = []
  private var preparesSince: Int64?
  private(set) var bytesWritten: UInt64 = 0
  private(set) var sourcesLeft: UInt64 = 0

  /// `seed` keeps the transfers of two lives apart.
  init(seed: UInt64) { transfer = seed >> 1 }

  var isActive: Bool { stage != .idle }

  /// A source's manifest is here, and more may be.
  var hasBegun: Bool {
    switch stage {
    case .idle, .pausing, .asking: false
    case .beginning, .fetching, .finishing: true
    }
  }

  /// Asks nobody at the moment.
  var isWaiting: Bool {
    if case .pausing = stage { return true }
    return stage == .idle
  }

  /// Begins, unless it is at it already. A later limit counts for the next source.
  mutating func want(atLeast: UInt64, from sources: [NodeID], _ now: Int64) {
    self.atLeast = max(self.atLeast, atLeast)
    if !sources.isEmpty { self.sources = sources }
    guard stage == .idle else { return }
    nextSource = 0
    pause = Self.pauseMin
    stage = .pausing(until: now)
  }

  /// The snapshot that the driver may put in the store's place at any moment.
  var installing: EntryID? {
    if case .finishing = stage { return snapshot }
    return nil
  }

  /// It is not needed any more. Nothing happens once the driver swaps: that cannot be called back.
  mutating func cancel(_ messages: inout [(NodeID, SnapshotMessage)]) {
    if case .finishing = stage { return }
    if let source { messages.append((source, .done(transfer: transfer))) }
    clear()
    stage = .idle
    atLeast = 0
  }

  private mutating func clear() {
    source = nil
    snapshot = nil
    manifest = []
    missing = []
    asked = []
    next = 0
    preparesSince = nil
  }

  // MARK: Messages

  mutating func receive(
    _ message: SnapshotMessage, from peer: NodeID, _ now: Int64,
    _ messages: inout [(NodeID, SnapshotMessage)], _ effects: inout [SnapshotEffect]
  ) {
    guard peer == source else { return }
    switch message {
    case .manifest(transfer, let id, let total, let offset, let bytes):
      take(id, Int(total), Int(offset), bytes, now, &messages, &effects)
    case .piece(transfer, let piece, let bytes): take(piece, bytes, now, &effects)
    case .refused(transfer, .preparing):
      guard case .asking(_, _) = stage else { return }
      let since = preparesSince ?? now
      preparesSince = since
      if now - since > Self.prepareMax { return leave(now) }
      stage = .asking(since: now, at: now + Self.preparePause)
    case .refused(transfer, _): leave(now)
    default: break
    }
  }

  private mutating func take(
    _ id: EntryID, _ total: Int, _ offset: Int, _ bytes: [UInt8], _ now: Int64,
    _ messages: inout [(NodeID, SnapshotMessage)], _ effects: inout [SnapshotEffect]
  ) {
    guard case .asking = stage, let source, offset == manifest.count,
      snapshot == nil || snapshot == id, total <= SnapshotMessage.manifestBytesMax,
      !bytes.isEmpty, offset + bytes.count <= total, id.index.value >= atLeast
    else { return leave(now) }
    snapshot = id
    manifest += bytes
    guard manifest.count == total else {
      stage = .asking(since: now, at: .max)
      messages.append((source, request))
      return
    }
    stage = .beginning(since: now)
    effects.append(.begin(source: source, snapshot: id, manifest: manifest))
    manifest = []
  }

  private var request: SnapshotMessage {
    .manifestRequest(transfer: transfer, atLeast: atLeast, offset: UInt32(manifest.count))
  }

  private mutating func take(
    _ piece: SnapshotPiece, _ bytes: [UInt8], _ now: Int64, _ effects: inout [SnapshotEffect]
  ) {
    guard stage == .fetching, let i = asked.firstIndex(where: { $0.piece == piece }),
      !asked[i].isHere
    else { return }
    guard bytes.count == Int(piece.count) else { return leave(now) }
    asked[i].isHere = true
    asked[i].at = now
    effects.append(.write(piece: piece, bytes: bytes))
  }

  // MARK: The driver

  /// These pieces are missing; perhaps none.
  mutating func began(
    _ pieces: [SnapshotPiece], _ now: Int64, _ messages: inout [(NodeID, SnapshotMessage)],
    _ effects: inout [SnapshotEffect]
  ) {
    guard case .beginning = stage else { return }
    stage = .fetching
    missing = pieces
    next = 0
    ask(now, &messages, &effects)
  }

  /// A piece is written. `again`: pieces to fetch once more, because their file turned out to be damaged.
  mutating func wrote(
    _ piece: SnapshotPiece, again: [SnapshotPiece], _ now: Int64,
    _ messages: inout [(NodeID, SnapshotMessage)], _ effects: inout [SnapshotEffect]
  ) {
    guard stage == .fetching, let i = asked.firstIndex(where: { $0.piece == piece }) else { return }
    asked.remove(at: i)
    bytesWritten += UInt64(piece.count)
    missing += again
    ask(now, &messages, &effects)
  }

  /// The install came to nothing: the next source.
  mutating func failed(_ now: Int64) {
    guard stage != .idle else { return }
    leave(now)
  }

  private mutating func ask(
    _ now: Int64, _ messages: inout [(NodeID, SnapshotMessage)],
    _ effects: inout [SnapshotEffect]
  ) {
    guard let source else { return }
    while asked.count < Self.windowMax, next < missing.count {
      asked.append(Asked(piece: missing[next], at: now))
      messages.append((source, .pieceRequest(transfer: transfer, piece: missing[next])))
      next += 1
    }
    guard asked.isEmpty else { return }
    messages.append((source, .done(transfer: transfer)))
    stage = .finishing(since: now)
    effects.append(.finish)
  }

  // MARK: Time

  mutating func tick(
    _ now: Int64, _ messages: inout [(NodeID, SnapshotMessage)],
    _ effects: inout [SnapshotEffect]
  ) {
    switch stage {
    case .idle: break
    case .pausing(let until):
      if now >= until { tryNext(now, &messages) }
    case .asking(let since, let at):
      if let source, now >= at {
        stage = .asking(since: now, at: .max)
        messages.append((source, request))
      } else if now - since > Self.answerMax, at == .max {
        leave(now)
      }
    case .beginning(let since), .finishing(let since):
      if now - since > Self.stepMax { leave(now) }
    case .fetching: repeatLost(now, &messages)
    }
  }

  private mutating func repeatLost(
    _ now: Int64, _ messages: inout [(NodeID, SnapshotMessage)]
  ) {
    guard let source else { return }
    for i in asked.indices where now - asked[i].at > Self.answerMax {
      // A driver that writes slowly has stepMax; a source that does not answer has a few attempts.
      if asked[i].isHere {
        if now - asked[i].at > Self.stepMax { return leave(now) }
        continue
      }
      guard asked[i].attempts < Self.attemptsMax else { return leave(now) }
      asked[i].attempts += 1
      asked[i].at = now
      messages.append((source, .pieceRequest(transfer: transfer, piece: asked[i].piece)))
    }
  }

  private mutating func tryNext(
    _ now: Int64, _ messages: inout [(NodeID, SnapshotMessage)]
  ) {
    guard !sources.isEmpty else {
      stage = .pausing(until: now + pause)
      return
    }
    let chosen = sources[nextSource % sources.count]
    nextSource += 1
    transfer += 1
    source = chosen
    stage = .asking(since: now, at: .max)
    messages.append((chosen, request))
  }

  /// Gives the source up.
  private mutating func leave(_ now: Int64) {
    sourcesLeft += 1
    clear()
    if nextSource >= sources.count {
      nextSource = 0
      stage = .pausing(until: now + pause)
      pause = min(2 * pause, Self.pauseMax)
    } else {
      stage = .pausing(until: now)
    }
  }
}
