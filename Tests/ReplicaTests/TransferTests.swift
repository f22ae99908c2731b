// TransferTests: the two sides of a snapshot transfer by themselves: bounds, throttle, silence, other sources.

import Raft
import Testing
import Wire

@testable import Replica

@Suite struct TransferTests {
  static let id = EntryID(term: Term(2), index: LogIndex(100))
  static let piece = SnapshotPiece(file: 1, offset: 0, count: 1000)

  static func server(_ bytesPerSecond: Int64 = 1 << 30, transfers: Int = 1) -> SnapshotServer {
    var server = SnapshotServer(transfersMax: transfers, bytesPerSecond: bytesPerSecond)
    server.made(.init(id: id, manifest: [1, 2, 3]))
    return server
  }

  static func ask(_ number: UInt64, atLeast: UInt64 = 90) -> SnapshotMessage {
    .manifestRequest(transfer: number, atLeast: atLeast, offset: 0)
  }

  @Test func `a server serves so many at a time, and the next once one is done or silent`() {
    var server = Self.server()
    var effects: [SnapshotEffect] = []
    let manifest = SnapshotMessage.manifest(
      transfer: 5, id: Self.id, total: 3, offset: 0, bytes: [1, 2, 3])
    #expect(
      server.receive(Self.ask(5), from: NodeID(2), stored: 100, .agreed, 0, &effects) == manifest)
    let busy = SnapshotMessage.refused(transfer: 6, .busy)
    #expect(server.receive(Self.ask(6), from: NodeID(3), stored: 100, .agreed, 0, &effects) == busy)
    #expect(server.inUse == [Self.id])
    server.tick(SnapshotServer.silenceMax + 1, &effects)
    #expect(server.inUse == [])
    _ = server.receive(Self.ask(6), from: NodeID(3), stored: 100, .agreed, 0, &effects)
    _ = server.receive(.done(transfer: 6), from: NodeID(3), stored: 100, .agreed, 0, &effects)
    #expect(server.isIdle)
  }

  @Test func `whoever asks again hears that none could be made, once`() {
    var server = Self.server()
    var effects: [SnapshotEffect] = []
    let preparing = SnapshotMessage.refused(transfer: 5, .preparing)
    let ask = Self.ask(5, atLeast: 200)
    #expect(server.receive(ask, from: NodeID(2), stored: 300, .agreed, 0, &effects) == preparing)
    server.failed()
    let unable = SnapshotMessage.refused(transfer: 5, .unable)
    #expect(server.receive(ask, from: NodeID(2), stored: 300, .agreed, 1, &effects) == unable)
    #expect(server.receive(ask, from: NodeID(2), stored: 300, .agreed, 2, &effects) == preparing)
    #expect(effects.count == 2)
  }

  @Test func `an old snapshot makes a new one, once; a wrong or late state serves nobody`() {
    var server = Self.server()
    var effects: [SnapshotEffect] = []
    for _ in 0..<2 {
      #expect(
        server.receive(
          Self.ask(5, atLeast: 101), from: NodeID(2), stored: 200, .agreed, 0, &effects)
          == .refused(transfer: 5, .preparing))
    }
    #expect(effects == [.make])
    for stored in [nil, 50] as [UInt64?] {
      #expect(
        server.receive(Self.ask(6), from: NodeID(2), stored: stored, .agreed, 0, &effects)
          == .refused(transfer: 6, .unable))
    }
  }

  @Test func `a state is compared before it is sent, or the voters are silent for long`() {
    var server = Self.server()
    var effects: [SnapshotEffect] = []
    func ask(_ trust: StateTrust, _ now: Int64) -> SnapshotMessage? {
      server.receive(Self.ask(5), from: NodeID(2), stored: 100, trust, now, &effects)
    }
    let preparing = SnapshotMessage.refused(transfer: 5, .preparing)
    let limit = SnapshotServer.compareMax
    #expect(server.wantsComparison == nil)
    #expect(ask(.open, 0) == preparing)
    #expect(server.wantsComparison == 100)
    #expect(ask(.open, limit - 1) == preparing)
    #expect(ask(.disputed, limit + 1) == .refused(transfer: 5, .unable))
    #expect(server.transferCount == 0)
    server.tick(limit + SnapshotServer.silenceMax + 2, &effects)
    #expect(server.wantsComparison == nil && server.isIdle)
    #expect(ask(.open, 3 * limit + SnapshotServer.silenceMax) == preparing, "it waits anew")
    _ = ask(.agreed, 3 * limit + SnapshotServer.silenceMax + 1)
    #expect(server.isAgreed(for: NodeID(2)) == true)
    #expect(server.wantsComparison == nil)
    var silent = Self.server()
    _ = silent.receive(Self.ask(5), from: NodeID(2), stored: 100, .open, 0, &effects)
    _ = silent.receive(Self.ask(5), from: NodeID(2), stored: 100, .open, limit, &effects)
    #expect(silent.isAgreed(for: NodeID(2)) == false)
    // What turns out wrong goes no further.
    let gone = SnapshotMessage.refused(transfer: 5, .gone)
    let piece = SnapshotMessage.pieceRequest(transfer: 5, piece: Self.piece)
    #expect(silent.receive(piece, from: NodeID(2), stored: nil, .open, limit, &effects) == gone)
  }

  @Test func `a transfer that nobody confirmed ends when it is contradicted`() {
    let piece = SnapshotMessage.pieceRequest(transfer: 5, piece: Self.piece)
    var effects: [SnapshotEffect] = []
    func begun() -> SnapshotServer {
      var server = Self.server()
      for time in [0, SnapshotServer.compareMax] {
        _ = server.receive(Self.ask(5), from: NodeID(2), stored: 100, .open, time, &effects)
      }
      _ = server.receive(piece, from: NodeID(2), stored: 100, .open, 0, &effects)
      return server
    }
    var server = begun()
    #expect(effects.count == 1 && server.unconfirmed == [Self.id])
    let refused = server.receive(piece, from: NodeID(2), stored: 100, .disputed, 0, &effects)
    #expect(refused == .refused(transfer: 5, .unable))
    #expect(effects.count == 1 && server.transferCount == 0)
    // Also between two requests, and what is being read does not leave any more.
    server = begun()
    server.contradicted(Self.id)
    let bytes = [UInt8](repeating: 0, count: 1000)
    #expect(server.read(NodeID(2), 5, Self.piece, bytes, 0) == nil)
    // What a majority has confirmed meanwhile goes on.
    server = begun()
    let count = effects.count
    let next = SnapshotPiece(file: 2, offset: 0, count: 1000)
    for (trust, piece) in [(StateTrust.agreed, Self.piece), (.disputed, next)] {
      let ask = SnapshotMessage.pieceRequest(transfer: 5, piece: piece)
      #expect(server.receive(ask, from: NodeID(2), stored: 100, trust, 0, &effects) == nil)
      server.contradicted(Self.id)
    }
    #expect(effects.count == count + 2 && server.transferCount == 1)
  }

  @Test func `voters that speak have their time for a newer snapshot, silent ones have had it`() {
    let limit = SnapshotServer.compareMax
    var effects: [SnapshotEffect] = []
    for speak in [true, false] {
      var server = Self.server()
      server.agreed(at: 50, 0)
      _ = server.receive(Self.ask(5), from: NodeID(2), stored: 200, .open, 1, &effects)
      server.agreed(at: speak ? 120 : 50, limit)
      server.made(.init(id: EntryID(term: Term(2), index: LogIndex(150)), manifest: [4]))
      func ask(_ now: Int64) -> SnapshotMessage? {
        server.receive(
          Self.ask(6, atLeast: 130), from: NodeID(2), stored: 200, .open, now, &effects)
      }
      let preparing = SnapshotMessage.refused(transfer: 6, .preparing)
      #expect((ask(limit + 1) == preparing) == speak)
      #expect((ask(2 * limit - 1) == preparing) == speak)
      #expect(ask(2 * limit) != preparing)
      #expect(server.transferCount == 1)
    }
  }

  @Test func `bytes leave no faster than the bucket fills`() {
    var server = Self.server(1_000_000)
    var effects: [SnapshotEffect] = []
    _ = server.receive(Self.ask(5), from: NodeID(2), stored: 100, .agreed, 0, &effects)
    let big = UInt32(SnapshotMessage.pieceBytesMax)
    for i in 0..<4 as Range<UInt32> {
      let piece = SnapshotPiece(file: i, offset: 0, count: big)
      _ = server.receive(
        .pieceRequest(transfer: 5, piece: piece), from: NodeID(2), stored: 100, .agreed, 0, &effects
      )
    }
    #expect(effects.count == 1, "the bucket begins with one piece")
    for step in 1...300 as ClosedRange<Int64> { server.tick(step * 10_000, &effects) }
    #expect(effects.count == 3, "three seconds give less than three pieces more")
  }

  @Test func `a piece that cannot be read ends the transfer and the snapshot`() {
    var server = Self.server()
    var effects: [SnapshotEffect] = []
    _ = server.receive(Self.ask(5), from: NodeID(2), stored: 100, .agreed, 0, &effects)
    #expect(server.read(NodeID(2), 5, Self.piece, nil, 0) == .refused(transfer: 5, .gone))
    #expect(server.latest == nil && server.isIdle)
  }

  // MARK: The client

  final class Fetch {
    var client = SnapshotClient(seed: 8)
    var messages: [(NodeID, SnapshotMessage)] = []
    var effects: [SnapshotEffect] = []
    var now: Int64 = 0

    init() { client.want(atLeast: 90, from: [NodeID(2), NodeID(3)], 0) }

    func tick(_ duration: Int64 = 10_000) {
      now += duration
      client.tick(now, &messages, &effects)
    }

    var transfer: UInt64 {
      for (_, message) in messages.reversed() {
        if case .manifestRequest(let number, _, _) = message { return number }
      }
      return 0
    }

    func hear(_ message: SnapshotMessage) {
      guard let source = client.source else { return }
      client.receive(message, from: source, now, &messages, &effects)
    }

    func begin(_ pieces: [SnapshotPiece]) {
      tick()
      hear(.manifest(transfer: transfer, id: id, total: 1, offset: 0, bytes: [7]))
      client.began(pieces, now, &messages, &effects)
    }

    var asked: [SnapshotPiece] {
      messages.compactMap { if case .pieceRequest(_, let piece) = $0.1 { piece } else { nil } }
    }
  }

  static let pieces = (0..<10).map { SnapshotPiece(file: 0, offset: UInt64($0) * 10, count: 10) }

  @Test func `a few pieces are asked for at a time, and the end comes when all are written`() {
    let fetch = Fetch()
    fetch.begin(Self.pieces)
    #expect(fetch.asked == Array(Self.pieces.prefix(SnapshotClient.windowMax)))
    for piece in Self.pieces {
      fetch.hear(
        .piece(
          transfer: fetch.transfer, piece: piece, bytes: [UInt8](repeating: 0, count: 10)))
      fetch.client.wrote(piece, again: [], fetch.now, &fetch.messages, &fetch.effects)
    }
    #expect(fetch.asked == Self.pieces)
    #expect(fetch.effects.last == .finish)
    #expect(fetch.effects.count { if case .write = $0 { true } else { false } } == 10)
  }

  @Test func `a silent source is left for the next, with what was written kept`() {
    let fetch = Fetch()
    fetch.begin(Self.pieces)
    #expect(fetch.client.source == NodeID(2))
    for _ in 0..<600 where fetch.client.source == NodeID(2) { fetch.tick() }
    fetch.tick()
    #expect(fetch.client.source == NodeID(3))
    #expect(fetch.asked.count == SnapshotClient.windowMax * SnapshotClient.attemptsMax)
  }

  @Test func `refusals pass on to the next source, and a full round is followed by a pause`() {
    let fetch = Fetch()
    fetch.tick()
    fetch.hear(.refused(transfer: fetch.transfer, .busy))
    fetch.tick()
    #expect(fetch.client.source == NodeID(3))
    fetch.hear(.refused(transfer: fetch.transfer, .unable))
    fetch.tick(SnapshotClient.pauseMin / 2)
    #expect(fetch.client.source == nil)
    fetch.tick(SnapshotClient.pauseMin)
    #expect(fetch.client.source == NodeID(2))
  }

  @Test func `what belongs to an earlier transfer, or does not fit, is not written`() {
    let fetch = Fetch()
    fetch.begin(Self.pieces)
    let before = fetch.effects.count
    fetch.hear(.piece(transfer: fetch.transfer - 1, piece: Self.pieces[0], bytes: [1]))
    #expect(fetch.effects.count == before)
    fetch.hear(.piece(transfer: fetch.transfer, piece: Self.pieces[0], bytes: [1]))
    #expect(fetch.effects.count == before)
    #expect(fetch.client.source == nil, "the source is left")
  }

  @Test func `a fetch can be ended until all is written`() {
    for pieces in 0..<4 {
      let fetch = Fetch()
      if pieces > 0 { fetch.begin(Array(Self.pieces.prefix(pieces - 1))) }
      let isSwapping = pieces == 1
      #expect((fetch.client.installing == Self.id) == isSwapping)
      fetch.client.cancel(&fetch.messages)
      #expect(fetch.client.isActive == isSwapping)
      if pieces > 1 {
        #expect(fetch.messages.last?.1 == .done(transfer: fetch.transfer))
        let late = SnapshotMessage.piece(
          transfer: fetch.transfer, piece: Self.pieces[0],
          bytes: [UInt8](repeating: 0, count: 10))
        let count = fetch.effects.count
        fetch.client.receive(late, from: NodeID(2), 0, &fetch.messages, &fetch.effects)
        fetch.client.wrote(
          Self.pieces[0], again: [], 0, &fetch.messages, &fetch.effects)
        #expect(fetch.effects.count == count)
      }
    }
  }

  @Test func `an old manifest is refused`() {
    let fetch = Fetch()
    fetch.tick()
    let old = EntryID(term: Term(1), index: LogIndex(89))
    fetch.hear(.manifest(transfer: fetch.transfer, id: old, total: 1, offset: 0, bytes: [7]))
    #expect(!fetch.effects.contains { if case .begin = $0 { true } else { false } })
    #expect(fetch.client.source == nil)
  }
}
