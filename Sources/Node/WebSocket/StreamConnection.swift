// StreamConnection: one WebSocket client of the market streams.
//
// Invariants: at most 1 MiB waits for the client, then it is cut; every rule it breaks ends the connection with a code.
// Not here: what its messages mean (Gateway's StreamSession).

import Gateway
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Limits of WebSocket connections. Times in microseconds.
enum StreamLimits {
  static let bufferedBytes = 1 << 20
  static let frameBytes = 64 << 10
  static let pingEvery: Int64 = 20_000_000
  static let pongWithin: Int64 = 60_000_000
  static let life: Int64 = 24 * 3_600_000_000
  static let connectionsPerLoop = 8192
  /// Subscriptions of all clients of the node, and of one address.
  static let subscriptions = 200_000
  static let subscriptionsPerAddress = 50_000
}

/// The last handler of a WebSocket pipeline.
final class StreamConnection: ChannelInboundHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundOut = WebSocketFrame

  private var session: StreamSession
  private unowned let loop: LoopState
  /// The client's `AddressGroup`.
  let address: String
  private var context: ChannelHandlerContext?
  private let opened = SystemClock.monotonic()
  private var lastPing: Int64
  private var lastPong: Int64
  private var pingPayload = ByteBuffer()
  /// Written, and not yet taken by the socket.
  private var buffered = 0
  private var needsFlush = false
  private var closing = false

  init(_ session: StreamSession, loop: LoopState, address: String) {
    self.session = session
    self.loop = loop
    self.address = address
    lastPing = opened
    lastPong = opened
  }

  /// The upgrader for one event loop: answers 101 for stream paths and leaves everything else to HTTP.
  static func upgrader(
    _ loop: LoopState, _ permit: ConnectionPermit, attempts: AttemptLimiter,
    messagesPerSecond: Int, metrics: Metrics
  ) -> NIOWebSocketServerUpgrader {
    NIOWebSocketServerUpgrader(
      maxFrameSize: StreamLimits.frameBytes,
      shouldUpgrade: { channel, head in
        let allowed =
          HTTPHeadCheck.refusal(of: head) == nil && session(head, messagesPerSecond) != nil
          && loop.streams.count < StreamLimits.connectionsPerLoop
          && attempts.admit(permit.address, at: SystemClock.monotonic())
          && permit.becomeStream()
        if !allowed { metrics.streamsCutPolicy.add() }
        return channel.eventLoop.makeSucceededFuture(allowed ? HTTPHeaders() : nil)
      },
      upgradePipelineHandler: { channel, head in
        channel.eventLoop.makeCompletedFuture {
          guard let session = session(head, messagesPerSecond) else { throw ChannelError.eof }
          try channel.pipeline.syncOperations.addHandlers([
            FrameCheck(metrics: metrics),
            NIOWebSocketFrameAggregator(
              minNonFinalFragmentSize: 1, maxAccumulatedFrameCount: 64,
              maxAccumulatedFrameSize: StreamLimits.frameBytes),
            StreamConnection(session, loop: loop, address: permit.address),
          ])
        }
      })
  }

  private static func session(
    _ head: HTTPRequestHead, _ messagesPerSecond: Int
  ) -> StreamSession? {
    let question = head.uri.utf8.firstIndex(of: UInt8(ascii: "?"))
    let path = question.map { String(head.uri[..<$0]) } ?? head.uri
    let query = question.map { Array(head.uri.utf8[$0...].dropFirst()) } ?? []
    return try? StreamSession(path: path, query: query, framesPerSecondMax: messagesPerSecond)
  }

  var isCombined: Bool { session.combined }

  // MARK: Life

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    loop.streams.add(self)
    for key in session.keys where !loop.streams.subscribe(self, key) { return refuse() }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    loop.streams.remove(self, keys: session.keys)
    self.context = nil
  }

  /// What was read with the last bytes may still follow, and must not subscribe to anything: nobody would end it.
  func channelInactive(context: ChannelHandlerContext) {
    closing = true
    loop.streams.remove(self, keys: session.keys)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    loop.metrics.streamsCutPolicy.add()
    closing = true
    context.close(promise: nil)
  }

  /// Pings, and cuts who does not answer or has lived a day.
  func sweep(now: Int64) {
    guard !closing else { return }
    if now - opened > StreamLimits.life {
      return close(code: .goingAway, reason: "24 hours are over")
    }
    if lastPing > lastPong, now - lastPong > StreamLimits.pongWithin {
      loop.metrics.streamsCutPolicy.add()
      return close(code: .policyViolation, reason: "No pong")
    }
    if now - lastPing >= StreamLimits.pingEvery {
      lastPing = now
      pingPayload = ByteBuffer(string: String(SystemClock.wall() / 1000))
      write(WebSocketFrame(fin: true, opcode: .ping, data: pingPayload))
      flush()
    }
  }

  // MARK: In

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !closing else { return }
    let frame = Self.unwrapInboundIn(data)
    let now = SystemClock.monotonic()
    switch frame.opcode {
    case .text: obey(session.receive(Array(frame.unmaskedData.readableBytesView), time: now))
    case .ping:
      obey(session.receivedControlFrame(time: now))
      if !closing { write(WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData)) }
    case .pong:
      if frame.unmaskedData == pingPayload { lastPong = now }
      obey(session.receivedControlFrame(time: now))
    case .connectionClose:
      closing = true
      var echo = frame.unmaskedData
      let code = echo.readSlice(length: min(2, echo.readableBytes)) ?? ByteBuffer()
      finish(WebSocketFrame(fin: true, opcode: .connectionClose, data: code), context)
    default:
      loop.metrics.streamsCutPolicy.add()
      close(code: .unacceptableData, reason: "Text frames only")
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    flush()
    context.fireChannelReadComplete()
  }

  private func obey(_ outputs: [StreamSession.Output]) {
    for output in outputs where !closing {
      switch output {
      case .subscribe(let key):
        guard loop.streams.subscribe(self, key) else { return refuse() }
      case .unsubscribe(let key): loop.streams.unsubscribe(self, key)
      case .send(let text): enqueue(ByteBuffer(bytes: text))
      case .close(let code, let reason):
        loop.metrics.streamsCutPolicy.add()
        return close(code: .init(codeNumber: Int(code)), reason: reason)
      }
    }
  }

  private func refuse() {
    loop.metrics.streamsCutPolicy.add()
    close(code: Self.tryAgainLater, reason: "Too many subscriptions")
  }

  // MARK: Out

  /// IANA's registry of WebSocket close codes.
  private static let tryAgainLater = WebSocketErrorCode(codeNumber: 1013)

  /// Queues a text frame; `flush` sends it. Cuts the client if too much waits already.
  func enqueue(_ text: ByteBuffer) {
    guard !closing else { return }
    guard buffered + text.readableBytes <= StreamLimits.bufferedBytes else {
      loop.metrics.streamsCutSlow.add()
      return close(code: .policyViolation, reason: "Too slow")
    }
    write(WebSocketFrame(fin: true, opcode: .text, data: text))
  }

  /// Queues a frame, and counts it until the socket took it.
  private func write(_ frame: WebSocketFrame) {
    guard let context else { return }
    let size = frame.data.readableBytes + 10
    buffered += size
    needsFlush = true
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.write(Self.wrapOutboundOut(frame)).whenComplete { _ in bound.value.buffered -= size }
  }

  /// Sends what was queued.
  func flush() {
    guard needsFlush else { return }
    needsFlush = false
    context?.flush()
  }

  /// Ends the connection with a close frame.
  func close(code: WebSocketErrorCode, reason: String) {
    guard !closing, let context else { return }
    closing = true
    var data = context.channel.allocator.buffer(capacity: 2 + reason.utf8.count)
    data.write(webSocketErrorCode: code)
    data.writeString(reason)
    finish(WebSocketFrame(fin: true, opcode: .connectionClose, data: data), context)
  }

  private func finish(_ frame: WebSocketFrame, _ context: ChannelHandlerContext) {
    loop.streams.remove(self, keys: session.keys)
    let channel = context.channel
    context.writeAndFlush(Self.wrapOutboundOut(frame), promise: nil)
    // A client that takes nothing does not get more than this for its last frame.
    context.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
  }
}

/// Refuses frames that a client did not mask (RFC 6455, section 5.1) and reserved bits, as no extension was agreed on
/// (section 5.2), before fragments are joined.
private final class FrameCheck: ChannelInboundHandler {
  typealias InboundIn = WebSocketFrame
  typealias InboundOut = WebSocketFrame
  typealias OutboundOut = WebSocketFrame

  private let metrics: Metrics
  private var refused = false

  init(metrics: Metrics) { self.metrics = metrics }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !refused else { return }
    let frame = Self.unwrapInboundIn(data)
    guard frame.maskKey != nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
      refused = true
      metrics.streamsCutPolicy.add()
      var reason = context.channel.allocator.buffer(capacity: 2)
      reason.write(webSocketErrorCode: .protocolError)
      let closing = WebSocketFrame(fin: true, opcode: .connectionClose, data: reason)
      let channel = context.channel
      context.writeAndFlush(Self.wrapOutboundOut(closing)).whenComplete { _ in
        channel.close(promise: nil)
      }
      return
    }
    context.fireChannelRead(data)
  }
}
