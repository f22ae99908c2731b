// Connection: one keep-alive HTTP/1.1 connection for the load generator.
//
// Invariants: requests are answered in order; every request ends in exactly one call of its completion, on the
// connection's event loop. Replies must carry Content-Length (the node always sends it).
// Not here: signing (Signer), retries (the callers decide).

import NIOCore
import NIOPosix

/// One answer.
struct HTTPReply: Sendable {
  var status: Int
  /// The `X-Castle-Index` header.
  var index: UInt64?
  var retryAfterSeconds: Int?
  /// The server closes the connection after this answer.
  var closes = false
  var body: [UInt8]
}

/// Why there is no answer.
enum HTTPFailure: Error, CustomStringConvertible {
  case closed
  case timedOut
  case malformed

  var description: String {
    switch self {
    case .closed: "connection closed"
    case .timedOut: "no answer in time"
    case .malformed: "malformed answer"
    }
  }
}

/// Sends raw requests and matches the answers to them. Used on its event loop only.
final class Connection: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  typealias Completion = (Result<HTTPReply, HTTPFailure>) -> Void

  private var channel: (any Channel)?
  private var waiting: [(completion: Completion, deadline: NIODeadline)] = []
  private var head = 0
  private var received = ByteBuffer()
  private(set) var isOpen = false

  /// Connects; the connection is usable once the future succeeds.
  static func open(
    host: String, port: Int, on loop: any EventLoop
  ) -> EventLoopFuture<NIOLoopBound<Connection>> {
    ClientBootstrap(group: loop)
      .channelOption(ChannelOptions.socketOption(.tcp_nodelay), value: 1)
      .connectTimeout(.seconds(2))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Connection())
        }
      }
      .connect(host: host, port: port)
      .flatMapThrowing { channel in
        let connection = try channel.pipeline.syncOperations.handler(type: Connection.self)
        // The future may succeed before `channelActive` is told.
        connection.isOpen = channel.isActive
        return NIOLoopBound(connection, eventLoop: channel.eventLoop)
      }
  }

  func handlerAdded(context: ChannelHandlerContext) { channel = context.channel }

  func channelActive(context: ChannelHandlerContext) { isOpen = true }

  func channelInactive(context: ChannelHandlerContext) { fail(.closed) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  /// How many requests wait for their answer.
  var outstanding: Int { waiting.count - head }

  /// Sends a whole request. `completion` is called once, on the event loop.
  func send(_ request: [UInt8], timeout: TimeAmount, _ completion: @escaping Completion) {
    guard let channel, isOpen else { return completion(.failure(.closed)) }
    let deadline = NIODeadline.now() + timeout
    waiting.append((completion, deadline))
    channel.writeAndFlush(ByteBuffer(bytes: request), promise: nil)
  }

  /// Closes the connection if its oldest request has waited too long. The callers call it from a timer.
  func expire(now: NIODeadline) {
    guard head < waiting.count, waiting[head].deadline <= now else { return }
    fail(.timedOut)
  }

  func close() { fail(.closed) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var buffer = unwrapInboundIn(data)
    received.writeBuffer(&buffer)
    while head < waiting.count {
      guard let length = replyLength() else { return }
      guard length.head >= 0 else { return fail(.malformed) }
      guard received.readableBytes >= length.head + length.body else { return }
      finish(length)
    }
    received.discardReadBytes()
  }

  private func finish(_ length: (head: Int, body: Int, reply: HTTPReply)) {
    var reply = length.reply
    received.moveReaderIndex(forwardBy: length.head)
    reply.body = received.readBytes(length: length.body) ?? []
    if reply.closes { isOpen = false }
    let completion = waiting[head].completion
    head += 1
    if head == waiting.count {
      waiting.removeAll(keepingCapacity: true)
      head = 0
    }
    completion(.success(reply))
  }

  /// Lengths of head and body once the head is complete; `nil` before; a negative head if it is malformed.
  private func replyLength() -> (head: Int, body: Int, reply: HTTPReply)? {
    let view = received.readableBytesView
    var end: Int?
    var i = view.startIndex
    while i + 3 < view.endIndex {
      if view[i] == 13, view[i + 1] == 10, view[i + 2] == 13, view[i + 3] == 10 {
        end = i + 4
        break
      }
      i += 1
    }
    guard let end else { return nil }
    let lines = view[view.startIndex..<end - 4].split(separator: 10)
    var reply = HTTPReply(status: 0, index: nil, retryAfterSeconds: nil, body: [])
    var bodyLength = 0
    for (number, raw) in lines.enumerated() {
      let line = String(decoding: raw.last == 13 ? raw.dropLast() : raw, as: UTF8.self)
      if number == 0 {
        reply.status = Int(line.dropFirst(9).prefix(3)) ?? 0
        continue
      }
      guard let colon = line.firstIndex(of: ":") else { continue }
      let value = line[line.index(after: colon)...].drop { $0 == " " }
      switch line[..<colon].lowercased() {
      case "content-length": bodyLength = Int(value) ?? -1
      case "x-castle-index": reply.index = UInt64(value)
      case "retry-after": reply.retryAfterSeconds = Int(value)
      case "connection": reply.closes = value.lowercased() == "close"
      default: break
      }
    }
    let valid = reply.status >= 200 && bodyLength >= 0
    return (valid ? end - view.startIndex : -1, bodyLength, reply)
  }

  private func fail(_ failure: HTTPFailure) {
    isOpen = false
    let left = waiting[head...]
    waiting.removeAll()
    head = 0
    channel?.close(promise: nil)
    for (completion, _) in left { completion(.failure(failure)) }
  }
}
