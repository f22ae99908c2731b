// SnapshotServer: one node's snapshots for others: whom it serves, how fast, and when it makes one.
//
// Invariants:
//   * at most `transfersMax` transfers at a time; one that is silent for `silenceMax`, or lasts
//     longer than `lifeMax`, ends
//   * bytes leave no faster than a token bucket fills; what waits for it is bounded, and waits in order
//   * one snapshot is made at a time
//   * none leaves before a majority had the same state hash at its index or later, unless the voters
//     are silent for `compareMax` while it, or one before it, is asked for: no majority agrees on
//     any newer state; none begins, or goes on unconfirmed, that as many voters contradict as confirm
// Not here: files (Node, Storage), who needs a snapshot (Consensus), what the voters say (HashAgreement).

import Raft

/// The serving side of snapshot transfers. Times are monotonic microseconds.
struct SnapshotServer: Sendable {
  static let silenceMax: Int64 = 10_000_000
  static let lifeMax: Int64 = 1_800_000_000
  static let makingMax: Int64 = 600_000_000
  /// How long the voters have for comparing their states with a snapshot that is asked for.
  static let compareMax: Int64 = 5_000_000
  /// Pieces of one transfer that may wait for the bucket.
  static let waitingMax = 16

  /// A finished snapshot of this node.
  struct Offered: Sendable {
    var id: EntryID
    var manifest: [UInt8]
  }

  private struct Transfer: Sendable {
    var peer: NodeID
    var number: UInt64
    var snapshot: EntryID
    var began: Int64
    var heard: Int64
    /// A majority had its state, before it began or since.
    var isAgreed: Bool
    var waiting: [SnapshotPiece] = []
  }

  let transfersMax: Int
  let bytesPerSecond: Int64
  private(set) var latest: Offered?
  private(set) var makingSince: Int64?
  /// The last one that was to be made came to nothing, and nobody was told so yet.
  private var hasFailed = false
  /// Since when the voters have been silent while a snapshot was asked for that they had not compared
  /// yet, and when it was asked for last. Not of one snapshot: where the log is cut fast each would
  /// be too old before its time is over.
  private var uncompared: (since: Int64, last: Int64)?
  /// The newest index at which a majority agreed on a state.
  private var agreed: UInt64 = 0
  private var transfers: [Transfer] = []
  private var tokens: Int64
  private var filledAt: Int64 = 0
  private(set) var bytesSent: UInt64 = 0

  init(transfersMax: Int, bytesPerSecond: Int64) {
    precondition(transfersMax > 0 && bytesPerSecond > 0, "a server serves someone")
    self.transfersMax = transfersMax
    self.bytesPerSecond = bytesPerSecond
    tokens = Int64(SnapshotMessage.pieceBytesMax)
  }

  /// The snapshots that must not be removed now.
  var inUse: [EntryID] { transfers.map(\.snapshot) }
  var isIdle: Bool { transfers.isEmpty && makingSince == nil && uncompared == nil }
  var transferCount: Int { transfers.count }
  /// The index at which, or behind which, the voters should compare their states, because somebody
  /// waits for it.
  var wantsComparison: UInt64? { uncompared == nil ? nil : latest?.id.index.value }

  /// Whether what the peer is being sent was confirmed by a majority; `nil`: it is sent nothing.
  func isAgreed(for peer: NodeID) -> Bool? { transfers.first { $0.peer == peer }?.isAgreed }

  /// The snapshot that the peer is being sent.
  func sent(to peer: NodeID) -> EntryID? { transfers.first { $0.peer == peer }?.snapshot }

  /// The snapshots that are being sent although no majority has confirmed them.
  var unconfirmed: [EntryID] { transfers.filter { !$0.isAgreed }.map(\.snapshot) }

  /// A majority of the voters agrees on the state at this index. Where that is news they are not
  /// silent, and have all their time to compare a snapshot that is newer.
  mutating func agreed(at index: UInt64, _ now: Int64) {
    guard index > agreed else { return }
    agreed = index
    uncompared?.since = now
  }

  /// The voters contradict this snapshot: whom it was promised to gets no more of it.
  mutating func contradicted(_ snapshot: EntryID) {
    transfers.removeAll { $0.snapshot == snapshot && !$0.isAgreed }
  }

  mutating func made(_ offered: Offered) {
    makingSince = nil
    hasFailed = false
    if latest.map({ $0.id.index <= offered.id.index }) ?? true { latest = offered }
  }

  mutating func failed() {
    makingSince = nil
    hasFailed = true
  }

  /// Asks for a new snapshot, unless one is being made.
  mutating func make(_ now: Int64, _ effects: inout [SnapshotEffect]) {
    guard makingSince == nil else { return }
    makingSince = now
    effects.append(.make)
  }

  // MARK: Messages

  /// Answers a client. `stored`: how far the own store reaches; `nil`: it must not be used. `trust`:
  /// what the voters say of `latest`, or, of a piece, of the snapshot that the peer is being sent.
  mutating func receive(
    _ message: SnapshotMessage, from peer: NodeID, stored: UInt64?, _ trust: StateTrust,
    _ now: Int64, _ effects: inout [SnapshotEffect]
  ) -> SnapshotMessage? {
    switch message {
    case .manifestRequest(let number, let atLeast, let offset):
      return begin(number, peer, atLeast, offset, stored, trust, now, &effects)
    case .pieceRequest(let number, let piece):
      // A state that turns out wrong on its way goes no further.
      if stored == nil { transfers.removeAll() }
      guard let i = place(peer, number), transfers[i].waiting.count < Self.waitingMax else {
        return .refused(transfer: number, .gone)
      }
      if trust == .agreed { transfers[i].isAgreed = true }
      if trust == .disputed, !transfers[i].isAgreed {
        transfers.remove(at: i)
        return .refused(transfer: number, .unable)
      }
      transfers[i].heard = now
      if !transfers[i].waiting.contains(piece) { transfers[i].waiting.append(piece) }
      release(now, &effects)
      return nil
    case .done(let number):
      if let i = place(peer, number) { transfers.remove(at: i) }
      return nil
    case .needed, .manifest, .piece, .refused, .compare:
      return nil
    }
  }

  private func place(_ peer: NodeID, _ number: UInt64) -> Int? {
    transfers.firstIndex { $0.peer == peer && $0.number == number }
  }

  private mutating func begin(
    _ number: UInt64, _ peer: NodeID, _ atLeast: UInt64, _ offset: UInt32, _ stored: UInt64?,
    _ trust: StateTrust, _ now: Int64, _ effects: inout [SnapshotEffect]
  ) -> SnapshotMessage? {
    guard let stored, stored >= atLeast else { return .refused(transfer: number, .unable) }
    if place(peer, number) == nil {
      // A client has one transfer at a time: a new one ends the old.
      transfers.removeAll { $0.peer == peer }
      guard transfers.count < transfersMax else { return .refused(transfer: number, .busy) }
      guard let latest, latest.id.index.value >= atLeast else {
        // Whoever asks again hears of a failure, and goes to another source; the next try may do.
        let failed = hasFailed
        hasFailed = false
        make(now, &effects)
        return .refused(transfer: number, failed ? .unable : .preparing)
      }
      if let refusal = refusal(trust, now) { return .refused(transfer: number, refusal) }
      transfers.append(
        Transfer(
          peer: peer, number: number, snapshot: latest.id, began: now, heard: now,
          isAgreed: trust == .agreed))
    }
    guard let i = place(peer, number), let latest, latest.id == transfers[i].snapshot,
      offset < latest.manifest.count
    else { return .refused(transfer: number, .gone) }
    transfers[i].heard = now
    let end = min(latest.manifest.count, Int(offset) + SnapshotMessage.pieceBytesMax)
    return .manifest(
      transfer: number, id: latest.id, total: UInt32(latest.manifest.count), offset: offset,
      bytes: Array(latest.manifest[Int(offset)..<end]))
  }

  /// Why `latest` is not sent yet, or must not be.
  private mutating func refusal(_ trust: StateTrust, _ now: Int64) -> SnapshotMessage.Refusal? {
    if trust == .agreed {
      uncompared = nil
      return nil
    }
    let since = uncompared?.since ?? now
    uncompared = (since, now)
    if trust == .disputed { return .unable }
    return now - since < Self.compareMax ? .preparing : nil
  }

  /// What became of a read: the message for the client.
  mutating func read(
    _ peer: NodeID, _ number: UInt64, _ piece: SnapshotPiece, _ bytes: [UInt8]?, _ now: Int64
  ) -> SnapshotMessage? {
    guard let i = place(peer, number) else { return nil }
    guard let bytes, bytes.count == Int(piece.count) else {
      // Its files are gone or damaged: nobody is served from it again.
      if latest?.id == transfers[i].snapshot { latest = nil }
      transfers.remove(at: i)
      return .refused(transfer: number, .gone)
    }
    transfers[i].heard = now
    bytesSent += UInt64(bytes.count)
    return .piece(transfer: number, piece: piece, bytes: bytes)
  }

  // MARK: Time

  /// Fills the bucket, lets pieces go, ends what is silent.
  mutating func tick(_ now: Int64, _ effects: inout [SnapshotEffect]) {
    if let since = makingSince, now - since > Self.makingMax { makingSince = nil }
    if let last = uncompared?.last, now - last > Self.silenceMax { uncompared = nil }
    guard !transfers.isEmpty else { return }
    transfers.removeAll { now - $0.heard > Self.silenceMax || now - $0.began > Self.lifeMax }
    release(now, &effects)
  }

  private mutating func release(_ now: Int64, _ effects: inout [SnapshotEffect]) {
    let elapsed = min(max(0, now - filledAt), 1_000_000)
    let burst = max(Int64(SnapshotMessage.pieceBytesMax), bytesPerSecond / 20)
    tokens = min(burst, tokens + elapsed * bytesPerSecond / 1_000_000)
    filledAt = now
    for i in transfers.indices {
      while let piece = transfers[i].waiting.first, tokens >= Int64(piece.count) {
        tokens -= Int64(piece.count)
        transfers[i].waiting.removeFirst()
        effects.append(
          .read(
            peer: transfers[i].peer, transfer: transfers[i].number,
            snapshot: transfers[i].snapshot, piece: piece))
      }
    }
  }
}
