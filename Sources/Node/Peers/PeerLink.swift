// PeerLink: the dialled connection to one other node, for one purpose.
//
// Invariant: what cannot be sent now is dropped, so no buffer grows without bound.
// Not here: which nodes there are (PeerNetwork), the handshake (PeerConnections).

import Gateway
import Glibc
import Logging
import NIOCore
import NIOPosix
import Raft
import Replica
import Wire

extension PeerMessage {
  /// The connection that it belongs on.
  var lane: PeerLane { isBulk ? .bulk : .consensus }
}

/// The dialled connection to one other node.
final class PeerLink {
  /// What may wait for the socket; beyond it messages are dropped.
  private var bufferedBytesMax: Int { lane == .bulk ? 4 << 20 : 16 << 20 }
  private static let backoffMin = 20
  private static let backoffMax = 200

  private(set) var peer: PeerAddress
  private let lane: PeerLane
  private let context: PeerContext
  private unowned let network: PeerNetwork
  private var channel: (any Channel)?
  private var attempt: (any Channel)?
  private var buffered = 0
  private var dropped = 0
  private var backoff = PeerLink.backoffMin
  private static let heldMax = 8
  private var held: [Outgoing] = []
  private var stopped = false
  private var isDialling = false
  private var lastFailure = ""

  init(_ peer: PeerAddress, lane: PeerLane, context: PeerContext, network: PeerNetwork) {
    self.peer = peer
    self.lane = lane
    self.context = context
    self.network = network
  }

  /// What this node says on the connection.
  var introduction: PeerIntroduction { network.introduction(lane) }

  /// The node listens elsewhere now.
  func move(to address: NodeAddress) {
    guard address != peer.address else { return }
    context.log.notice("node \(peer.id) is at \(address) now, no longer at \(peer.address)")
    peer.address = address
    channel?.close(promise: nil)
    attempt?.close(promise: nil)
  }

  func dial() {
    guard !stopped else { return }
    isDialling = true
    let bound = NIOLoopBound(self, eventLoop: network.loop)
    let peers = context
    let peer = peer
    let lane = lane
    // TCP_USER_TIMEOUT (18): a connection whose packets go unanswered dies in seconds, not after the kernel's minutes.
    ClientBootstrap(group: network.loop)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.tcpOption(.init(rawValue: 18)), value: 3000)
      .connectTimeout(.seconds(1))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let link = bound.value
          link.attempt = channel
          try channel.pipeline.syncOperations.addHandlers([
            ByteToMessageHandler(PeerFrameDecoder()),
            DialledPeer(peers, to: peer, lane: lane, link: link),
          ])
        }
      }
      .connect(host: peer.address.host, port: peer.address.port)
      .whenFailure { error in
        bound.value.logFailure("cannot connect: \(Self.plain(error))")
        bound.value.redial()
      }
  }

  private static func plain(_ error: any Error) -> String {
    guard let connection = error as? NIOConnectionError else { return "\(error)" }
    guard let first = connection.connectionErrors.first?.error else { return "no such host" }
    return (first as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(first)"
  }

  private func redial() {
    isDialling = false
    held = []
    // A connection for bulk is made again when there is something to send.
    guard !stopped, lane == .consensus else { return }
    let bound = NIOLoopBound(self, eventLoop: network.loop)
    network.loop.scheduleTask(in: .milliseconds(Int64(backoff))) { bound.value.dial() }
    backoff = min(backoff * 2, Self.backoffMax)
  }

  func ready(_ channel: any Channel, _ said: PeerIntroduction) {
    self.channel = channel
    backoff = Self.backoffMin
    lastFailure = ""
    guard lane == .consensus else {
      let waiting = held
      held = []
      return send(waiting)
    }
    network.learn(PeerAddress(id: peer.id, address: said.address), book: said.book)
    network.connected.withLock { _ = $0.insert(peer.id) }
    context.log.info("connected to node \(peer.id) at \(peer.address)")
  }

  func closed() {
    if channel != nil {
      channel = nil
      if lane == .bulk { return closedForBulk() }
      network.connected.withLock { _ = $0.remove(peer.id) }
      if !stopped { context.log.info("connection to node \(peer.id) ended") }
    }
    attempt = nil
    redial()
  }

  private func closedForBulk() {
    attempt = nil
    isDialling = false
  }

  func logFailure(_ reason: String) {
    guard reason != lastFailure else { return }
    lastFailure = reason
    context.log.warning("node \(peer.id) at \(peer.address): \(reason)")
  }

  /// Sends those of `messages` that are for this node.
  func send(_ messages: [Outgoing]) {
    guard messages.contains(where: { $0.to == peer.id && $0.message.lane == lane }) else { return }
    guard let channel else {
      guard lane == .bulk else { return }
      // The first ones wait for the connection; the sender bounds how many are under way.
      let mine = messages.filter { $0.to == peer.id && $0.message.lane == lane }
      held.append(contentsOf: mine.prefix(Self.heldMax - min(held.count, Self.heldMax)))
      if !isDialling { dial() }
      return
    }
    var buffer = channel.allocator.buffer(capacity: 512)
    var writer = ByteWriter(capacity: 512)
    for outgoing in messages where outgoing.to == peer.id && outgoing.message.lane == lane {
      guard buffered + buffer.readableBytes <= bufferedBytesMax else {
        drop()
        continue
      }
      writer.removeAll()
      PeerCodec.encode(outgoing.message, into: &writer)
      PeerFrame.append(writer.bytes, to: &buffer)
      context.metrics.peerMessagesOut.add()
    }
    let size = buffer.readableBytes
    guard size > 0 else { return }
    buffered += size
    let bound = NIOLoopBound(self, eventLoop: network.loop)
    channel.writeAndFlush(buffer).whenComplete { _ in bound.value.buffered -= size }
  }

  private func drop() {
    dropped += 1
    // The sender of bulk bytes waits for answers, and sends again.
    guard lane == .consensus else { return }
    if dropped == 1 || dropped.isMultiple(of: 10_000) {
      context.log.warning("node \(peer.id) reads too slowly, \(dropped) messages dropped so far")
    }
  }

  func stop() {
    stopped = true
    channel?.close(promise: nil)
    attempt?.close(promise: nil)
  }
}
