// PeerNetwork: every connection to and from the other nodes, on one event loop.
//
// Invariants: one dialled connection per other node, redialled 20 to 200 ms after it ends; what cannot be sent now is
// dropped (consensus repeats itself), so no buffer grows without bound.
// Not here: the bytes (PeerFrames, PeerHandshake), and what messages mean (Replica).

import Gateway
import Glibc
import Logging
import NIOCore
import NIOPosix
import Raft
import Replica
import Synchronization
import Wire

/// The peers' transport. Its members are touched on its event loop only, except where said.
final class PeerNetwork: @unchecked Sendable {  // loop-bound, see above
  private static let pendingMax = 64

  let loop: any EventLoop
  private let context: PeerContext
  private var links: [NodeID: PeerLink] = [:]
  private var inbound: [NodeID: any Channel] = [:]
  private var pending: [ObjectIdentifier: any Channel] = [:]
  private var nextConnection: UInt64 = 1
  private var server: (any Channel)?
  private var lastRefusal: [NodeID: String] = [:]
  /// Which nodes this one can send to; readable from any thread.
  let connected = Mutex<Set<NodeID>>([])

  init(loop: any EventLoop, context: PeerContext, others: [PeerAddress]) {
    self.loop = loop
    self.context = context
    for peer in others { links[peer.id] = PeerLink(peer, context: context, network: self) }
  }

  /// Binds the listener. Blocking; before the loop is busy.
  func listen(_ address: NodeAddress) throws {
    let bootstrap = ServerBootstrap(group: loop)
      .serverChannelOption(.backlog, value: 64)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { [self] channel in
        channel.eventLoop.makeCompletedFuture { try self.accept(channel) }
      }
    server = try bootstrap.bind(host: address.host, port: address.port).wait()
  }

  private func accept(_ channel: any Channel) throws {
    guard pending.count < Self.pendingMax else {
      throw PeerError("too many connections that have not introduced themselves")
    }
    pending[ObjectIdentifier(channel)] = channel
    let decoder = PeerFrameDecoder()
    let handler = AcceptedPeer(
      context, decoder: decoder, connection: nextConnection, network: self)
    nextConnection += 1
    try channel.pipeline.syncOperations.addHandlers([ByteToMessageHandler(decoder), handler])
  }

  /// Starts dialling. Any thread.
  func start() {
    loop.execute { [self] in
      for link in self.links.values { link.dial() }
    }
  }

  /// Sends messages, in order per node; drops those for nodes that cannot be reached now. Any thread.
  func send(_ messages: [Outgoing]) {
    guard !messages.isEmpty else { return }
    loop.execute { [self] in
      for link in self.links.values { link.send(messages) }
    }
  }

  /// Closes everything. Any thread.
  func stop() {
    loop.execute { [self] in
      self.server?.close(promise: nil)
      for link in self.links.values { link.stop() }
      for channel in self.inbound.values { channel.close(promise: nil) }
      for channel in self.pending.values { channel.close(promise: nil) }
    }
  }

  func knows(_ node: NodeID) -> Bool { links[node] != nil }

  func accepted(_ node: NodeID, _ channel: any Channel) {
    pending[ObjectIdentifier(channel)] = nil
    lastRefusal[node] = nil
    if let old = inbound.updateValue(channel, forKey: node) { old.close(promise: nil) }
  }

  func closed(_ node: NodeID, _ channel: any Channel) {
    if let current = inbound[node], current === channel { inbound[node] = nil }
  }

  func forgetPending(_ channel: any Channel) { pending[ObjectIdentifier(channel)] = nil }

  /// One line per reason, not one per attempt.
  func logRefusal(of node: NodeID, _ reason: String) {
    guard lastRefusal.updateValue(reason, forKey: node) != reason else { return }
    context.log.warning("refused node \(node): \(reason)")
  }
}

/// The dialled connection to one other node.
final class PeerLink {
  /// What may wait for the socket; beyond it messages are dropped.
  private static let bufferedBytesMax = 16 << 20
  private static let backoffMin = 20
  private static let backoffMax = 200

  private let peer: PeerAddress
  private let context: PeerContext
  private unowned let network: PeerNetwork
  private var channel: (any Channel)?
  private var attempt: (any Channel)?
  private var buffered = 0
  private var dropped = 0
  private var backoff = PeerLink.backoffMin
  private var stopped = false
  private var lastFailure = ""

  init(_ peer: PeerAddress, context: PeerContext, network: PeerNetwork) {
    self.peer = peer
    self.context = context
    self.network = network
  }

  func dial() {
    guard !stopped else { return }
    let bound = NIOLoopBound(self, eventLoop: network.loop)
    let peers = context
    let id = peer.id
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
            ByteToMessageHandler(PeerFrameDecoder()), DialledPeer(peers, to: id, link: link),
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
    guard !stopped else { return }
    let bound = NIOLoopBound(self, eventLoop: network.loop)
    network.loop.scheduleTask(in: .milliseconds(Int64(backoff))) { bound.value.dial() }
    backoff = min(backoff * 2, Self.backoffMax)
  }

  func ready(_ channel: any Channel) {
    self.channel = channel
    backoff = Self.backoffMin
    lastFailure = ""
    network.connected.withLock { _ = $0.insert(peer.id) }
    context.log.info("connected to node \(peer.id) at \(peer.address)")
  }

  func closed() {
    if channel != nil {
      channel = nil
      network.connected.withLock { _ = $0.remove(peer.id) }
      if !stopped { context.log.info("connection to node \(peer.id) ended") }
    }
    attempt = nil
    redial()
  }

  func logFailure(_ reason: String) {
    guard reason != lastFailure else { return }
    lastFailure = reason
    context.log.warning("node \(peer.id) at \(peer.address): \(reason)")
  }

  /// Sends those of `messages` that are for this node.
  func send(_ messages: [Outgoing]) {
    guard let channel else { return }
    var buffer = channel.allocator.buffer(capacity: 512)
    var writer = ByteWriter(capacity: 512)
    for outgoing in messages where outgoing.to == peer.id {
      guard buffered + buffer.readableBytes <= Self.bufferedBytesMax else {
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
