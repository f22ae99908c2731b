// PeerConnections: the two ends of a peer connection as NIO handlers. The dialling end sends, the
// accepting end receives.
//
// One connection per direction, because then a closed connection says one thing: the node that sent its heartbeats over
// it is gone (fast failover counts only that), and no rule is needed for which of two crossing connections survives.
//
// Invariant: nothing of a connection reaches the core before the handshake and the core's own verdict.
// Not here: who is dialled when (PeerNetwork).

import Gateway
import Logging
import NIOCore
import Raft

/// What the transport needs of the rest of the node. All are callable from the peers' event loop.
struct PeerHooks: Sendable {
  /// This node's encoded `PeerHello`, as of now.
  var hello: @Sendable () -> [UInt8]
  /// A node introduced itself, and said where it listens, with a proven hello; `connection` is
  /// `nil` on the dialling end.
  /// `verdict` may be called on any thread, with `nil` for yes or the reason for no.
  var greet:
    @Sendable (
      _ from: PeerAddress, _ hello: [UInt8], _ connection: UInt64?,
      _ verdict: @escaping @Sendable (String?) -> Void
    ) -> Void
  var receive: @Sendable (_ from: NodeID, _ connection: UInt64, _ payload: [UInt8]) -> Void
  /// The other side closed an accepted connection.
  var lost: @Sendable (_ from: NodeID, _ connection: UInt64) -> Void
}

/// Values that all peer connections share.
struct PeerContext: Sendable {
  let id: NodeID
  let secret: PeerSecret
  let hooks: PeerHooks
  let metrics: Metrics
  let log: Logger
  static let handshakeTimeout = TimeAmount.seconds(3)
}

/// The accepting end: challenges, verifies, then delivers every frame to the core.
final class AcceptedPeer: ChannelInboundHandler {
  typealias InboundIn = [UInt8]
  typealias OutboundOut = ByteBuffer

  private enum State {
    case challenged
    case judged
    case open(NodeID, PeerLane)
    case closed
  }

  private let peers: PeerContext
  private let decoder: PeerFrameDecoder
  private let connection: UInt64
  private weak var network: PeerNetwork?
  private let nonce = Random.bytes(PeerHandshake.nonceBytes)
  private var state = State.challenged
  private var timeout: Scheduled<Void>?

  init(_ peers: PeerContext, decoder: PeerFrameDecoder, connection: UInt64, network: PeerNetwork) {
    self.peers = peers
    self.decoder = decoder
    self.connection = connection
    self.network = network
  }

  func channelActive(context: ChannelHandlerContext) {
    send(PeerHandshake.challenge(nonce: nonce), context)
    let channel = context.channel
    timeout = context.eventLoop.scheduleTask(in: PeerContext.handshakeTimeout) {
      channel.close(promise: nil)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let payload = Self.unwrapInboundIn(data)
    switch state {
    case .challenged: judge(payload, context)
    case .open(let node, .consensus): peers.hooks.receive(node, connection, payload)
    case .open(let node, .bulk):
      // What belongs to no connection of the other lane any more is not read.
      if let connection = network?.connection(of: node) {
        peers.hooks.receive(node, connection, payload)
      }
    case .judged: fail(PeerError("it sends before it is welcome"), context)
    case .closed: break
    }
  }

  private func judge(_ payload: [UInt8], _ context: ChannelHandlerContext) {
    let call: PeerHandshake.Call
    let said: PeerIntroduction
    do {
      call = try PeerHandshake.read(call: payload, nonce: nonce, secret: peers.secret)
      network?.forgetPending(context.channel)
      guard call.to == peers.id else {
        return refuse("this is node \(peers.id), you called node \(call.to)", call, context)
      }
      said = try PeerIntroduction(decoding: call.hello)
    } catch {
      return fail(error, context)
    }
    state = .judged
    if said.lane == .bulk {
      let isWelcome = network?.connection(of: call.from) != nil
      return finish(
        call, said, isWelcome ? nil : "a connection for bulk comes after the other", context)
    }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let loop = context.eventLoop
    let from = PeerAddress(id: call.from, address: said.address)
    peers.hooks.greet(from, said.hello, connection) { reason in
      loop.execute {
        let (handler, context) = bound.value
        handler.finish(call, said, reason, context)
      }
    }
  }

  private func finish(
    _ call: PeerHandshake.Call, _ said: PeerIntroduction, _ reason: String?,
    _ context: ChannelHandlerContext
  ) {
    guard case .judged = state, let network else { return }
    if let reason { return refuse(reason, call, context) }
    timeout?.cancel()
    decoder.limit = PeerFrame.payloadBytesMax
    state = .open(call.from, said.lane)
    switch said.lane {
    case .consensus:
      network.accepted(call.from, context.channel, connection)
      network.learn(PeerAddress(id: call.from, address: said.address), book: said.book)
    case .bulk: network.acceptedBulk(call.from, context.channel)
    }
    let hello = network.introduction(said.lane).encoded
    send(PeerHandshake.welcome(call, hello: hello, secret: peers.secret), context)
  }

  private func refuse(
    _ reason: String, _ call: PeerHandshake.Call, _ context: ChannelHandlerContext
  ) {
    network?.logRefusal(of: call.from, reason)
    send(PeerHandshake.refusal(reason), context)
    state = .closed
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    timeout?.cancel()
    if case .open(let node, let lane) = state {
      if lane == .consensus { peers.hooks.lost(node, connection) }
      network?.closed(node, context.channel)
    }
    network?.forgetPending(context.channel)
    state = .closed
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }

  private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
    if case .closed = state { return }
    let address = context.remoteAddress?.description ?? "unknown"
    peers.log.info("peer connection from \(address) closed: \(error)")
    context.close(promise: nil)
  }

  private func send(_ payload: [UInt8], _ context: ChannelHandlerContext) {
    var buffer = context.channel.allocator.buffer(capacity: payload.count + PeerFrame.headerBytes)
    PeerFrame.append(payload, to: &buffer)
    context.writeAndFlush(Self.wrapOutboundOut(buffer), promise: nil)
  }
}

/// The dialling end: answers the challenge, then is told `ready`, and from there on only sends.
final class DialledPeer: ChannelInboundHandler {
  typealias InboundIn = [UInt8]
  typealias OutboundOut = ByteBuffer

  private enum State {
    case waiting
    case called(nonces: [UInt8])
    case judged
    case open
    case closed
  }

  private let peers: PeerContext
  private let to: PeerAddress
  private let lane: PeerLane
  private weak var link: PeerLink?
  private var state = State.waiting
  private var timeout: Scheduled<Void>?

  init(_ peers: PeerContext, to: PeerAddress, lane: PeerLane, link: PeerLink) {
    self.peers = peers
    self.to = to
    self.lane = lane
    self.link = link
  }

  func channelActive(context: ChannelHandlerContext) {
    let channel = context.channel
    timeout = context.eventLoop.scheduleTask(in: PeerContext.handshakeTimeout) {
      channel.close(promise: nil)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    do {
      try advance(Self.unwrapInboundIn(data), context)
    } catch {
      fail(error, context)
    }
  }

  private func advance(_ payload: [UInt8], _ context: ChannelHandlerContext) throws {
    switch state {
    case .waiting:
      guard let link else { throw PeerError("this node stops") }
      let call = try PeerHandshake.call(
        answering: payload, nonce: Random.bytes(PeerHandshake.nonceBytes), from: peers.id,
        to: to.id, hello: link.introduction.encoded, secret: peers.secret)
      state = .called(nonces: call.nonces)
      var buffer = context.channel.allocator.buffer(capacity: call.bytes.count + 8)
      PeerFrame.append(call.bytes, to: &buffer)
      context.writeAndFlush(Self.wrapOutboundOut(buffer), promise: nil)
    case .called(let nonces):
      let hello = try PeerHandshake.read(
        welcome: payload, nonces: nonces, from: peers.id, to: to.id, secret: peers.secret)
      let said = try PeerIntroduction(decoding: hello)
      state = .judged
      if lane == .bulk { return finish(said, nil, context) }
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      let loop = context.eventLoop
      peers.hooks.greet(PeerAddress(id: to.id, address: said.address), said.hello, nil) { reason in
        loop.execute {
          let (handler, context) = bound.value
          handler.finish(said, reason, context)
        }
      }
    case .judged, .open: throw PeerError("it sends on a connection that is ours to send on")
    case .closed: break
    }
  }

  private func finish(
    _ said: PeerIntroduction, _ reason: String?, _ context: ChannelHandlerContext
  ) {
    guard case .judged = state else { return }
    if let reason { return fail(PeerError("this node refuses it: \(reason)"), context) }
    timeout?.cancel()
    state = .open
    link?.ready(context.channel, said)
  }

  func channelInactive(context: ChannelHandlerContext) {
    timeout?.cancel()
    state = .closed
    link?.closed()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }

  private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
    if error is PeerError { link?.logFailure("\(error)") }
    context.close(promise: nil)
  }
}
