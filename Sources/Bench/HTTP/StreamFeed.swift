// StreamFeed: a WebSocket client on one node's market streams, keeping the last ticker and a local order book.
//
// Invariant: the local book is kept as Binance tells clients to keep it (snapshot, then diffs with U = previous u + 1);
// a gap is an error that the feed remembers.
// Not here: opening the snapshot (ReplayChecks fetches it over REST).

import Gateway
import NIOCore
import NIOPosix
import NIOWebSocket

/// One connection to `/ws`. Used on its event loop only.
final class StreamFeed: ChannelInboundHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundOut = WebSocketFrame

  private(set) var top: Top?
  private(set) var isOpen = true
  private(set) var error: String?
  private(set) var messages = 0
  /// Diffs that came before the snapshot, and the book after it.
  private var buffered: [JSONValue] = []
  private(set) var book: NaiveBook?
  private(set) var bookUpdate: Int64 = 0
  private var barriers: [Int64: EventLoopPromise<Void>] = [:]
  private var nextID: Int64 = 1
  private var channel: (any Channel)?

  /// Connects and upgrades; the future succeeds when the node has switched protocols.
  static func open(
    _ address: Address, path: String, on loop: any EventLoop
  ) -> EventLoopFuture<NIOLoopBound<StreamFeed>> {
    let upgraded = loop.makePromise(of: Void.self)
    return ClientBootstrap(group: loop)
      .channelOption(ChannelOptions.socketOption(.tcp_nodelay), value: 1)
      .connectTimeout(.seconds(2))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            UpgradeHandler(path: path, done: upgraded))
        }
      }
      .connect(host: address.host, port: address.port)
      .flatMapErrorThrowing { error in
        upgraded.fail(error)
        throw error
      }
      .flatMap { channel in upgraded.futureResult.map { channel } }
      .flatMapThrowing { channel in
        NIOLoopBound(
          try channel.pipeline.syncOperations.handler(type: StreamFeed.self),
          eventLoop: channel.eventLoop)
      }
  }

  func handlerAdded(context: ChannelHandlerContext) { channel = context.channel }

  func channelInactive(context: ChannelHandlerContext) {
    isOpen = false
    for id in barriers.keys.sorted() { barriers[id]?.fail(HTTPFailure.closed) }
    barriers = [:]
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    switch frame.opcode {
    case .text: receive(Array(frame.unmaskedData.readableBytesView))
    case .ping:
      let pong = WebSocketFrame(
        fin: true, opcode: .pong, maskKey: .random(), data: frame.unmaskedData)
      context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
    case .connectionClose: context.close(promise: nil)
    default: break
    }
  }

  func close() { channel?.close(promise: nil) }

  /// Succeeds once everything that the node had sent before it saw this call has arrived here.
  func barrier() -> EventLoopFuture<Void> {
    guard let channel, isOpen else {
      return channel?.eventLoop.makeFailedFuture(HTTPFailure.closed) ?? never()
    }
    let promise = channel.eventLoop.makePromise(of: Void.self)
    let id = nextID
    nextID += 1
    barriers[id] = promise
    let text = #"{"method":"LIST_SUBSCRIPTIONS","id":\#(id)}"#
    let frame = WebSocketFrame(
      fin: true, opcode: .text, maskKey: .random(), data: ByteBuffer(string: text))
    channel.writeAndFlush(frame, promise: nil)
    return promise.futureResult
  }

  private func never() -> EventLoopFuture<Void> {
    preconditionFailure("a feed is used only after it was added to a channel")
  }

  // MARK: Messages

  private func receive(_ bytes: [UInt8]) {
    messages += 1
    guard let json = try? JSONValue.parse(bytes) else { return fail("a message that is not JSON") }
    if let id = json["id"]?.integer {
      barriers.removeValue(forKey: id)?.succeed()
    } else if json["e"]?.text == "depthUpdate" {
      if book == nil {
        buffered.append(json)
      } else {
        apply(json)
      }
    } else if json["e"] == nil, let update = json["u"]?.integer {
      guard let bid = units(json["b"]), let bidQuantity = units(json["B"]),
        let ask = units(json["a"]), let askQuantity = units(json["A"])
      else { return fail("a malformed bookTicker") }
      if let top, top.update >= update {
        fail("bookTicker went back from \(top.update) to \(update)")
      }
      top = Top(
        update: update, bid: Level(price: bid, quantity: bidQuantity),
        ask: Level(price: ask, quantity: askQuantity))
    }
  }

  /// Starts the local book from a snapshot; diffs that came before are applied or dropped by their ids.
  func start(bids: [Level], asks: [Level], lastUpdate: Int64) {
    var fresh = NaiveBook()
    for level in bids { fresh.set(buy: true, level) }
    for level in asks { fresh.set(buy: false, level) }
    book = fresh
    bookUpdate = lastUpdate
    for json in buffered { apply(json) }
    buffered = []
  }

  private func apply(_ json: JSONValue) {
    guard let first = json["U"]?.integer, let last = json["u"]?.integer,
      let bids = levels(json["b"]),
      let asks = levels(json["a"])
    else { return fail("a malformed depthUpdate") }
    if last <= bookUpdate { return }
    guard first <= bookUpdate + 1 else {
      return fail("gap: \(bookUpdate) is followed by U=\(first)")
    }
    for level in bids { book?.set(buy: true, level) }
    for level in asks { book?.set(buy: false, level) }
    bookUpdate = last
  }

  private func fail(_ reason: String) {
    if error == nil { error = reason }
  }
}

/// Sends the upgrade request and, on 101, replaces itself by the WebSocket handlers.
private final class UpgradeHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let path: String
  private let done: EventLoopPromise<Void>
  private var received = ByteBuffer()

  init(path: String, done: EventLoopPromise<Void>) {
    self.path = path
    self.done = done
  }

  func channelActive(context: ChannelHandlerContext) {
    let request = """
      GET \(path) HTTP/1.1\r
      Host: castle\r
      Upgrade: websocket\r
      Connection: Upgrade\r
      Sec-WebSocket-Version: 13\r
      Sec-WebSocket-Key: Y2FzdGxlLWV4YmVuY2gtMQ==\r
      \r\n
      """
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) { done.fail(HTTPFailure.closed) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var buffer = unwrapInboundIn(data)
    received.writeBuffer(&buffer)
    let text = String(decoding: received.readableBytesView, as: UTF8.self)
    guard let end = text.firstRange(of: "\r\n\r\n") else { return }
    guard text.hasPrefix("HTTP/1.1 101") else {
      done.fail(BenchError("no upgrade: \(text.prefix { $0 != "\r\n" })"))
      context.close(promise: nil)
      return
    }
    received.moveReaderIndex(forwardBy: text[..<end.upperBound].utf8.count)
    let pipeline = context.pipeline.syncOperations
    do {
      try pipeline.addHandler(ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 24)))
      try pipeline.addHandler(WebSocketFrameEncoder())
      try pipeline.addHandler(StreamFeed())
    } catch {
      done.fail(error)
      context.close(promise: nil)
      return
    }
    if received.readableBytes > 0 { context.fireChannelRead(NIOAny(received)) }
    context.pipeline.syncOperations.removeHandler(self, promise: nil)
    done.succeed()
  }

}
