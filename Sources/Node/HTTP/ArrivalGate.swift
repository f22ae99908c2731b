// ArrivalGate: lets bytes through to the decoder, a slice at a time and only while its connection has room.
//
// Requests are small and their decoded form is not: a read of 64 KiB may hold thousands. Waiting bytes are cheap, and
// their number is bounded, because nothing is read from the socket while some wait.
// Not here: what is decoded (HTTPConnection).

import NIOCore

/// The first handler of an HTTP pipeline.
final class ArrivalGate: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private static let slice = 4096

  private let connection: HTTPConnection
  private var context: ChannelHandlerContext?
  private var waiting = CircularBuffer<ByteBuffer>()

  init(_ connection: HTTPConnection) { self.connection = connection }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    waiting.removeAll()
  }

  /// True if no bytes wait.
  var isEmpty: Bool { waiting.isEmpty }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    connection.bytesArrived()
    waiting.append(Self.unwrapInboundIn(data))
    while !connection.isHolding, let slice = next() {
      context.fireChannelRead(Self.wrapInboundOut(slice))
    }
  }

  /// Lets one slice through as a read of its own; `false` if none waits.
  func forward() -> Bool {
    guard let context, let slice = next() else { return false }
    context.fireChannelRead(Self.wrapInboundOut(slice))
    context.fireChannelReadComplete()
    return true
  }

  private func next() -> ByteBuffer? {
    if connection.isRefused { waiting.removeAll() }
    while !waiting.isEmpty {
      let first = waiting.startIndex
      let length = min(Self.slice, waiting[first].readableBytes)
      if let slice = waiting[first].readSlice(length: length), length > 0 {
        if waiting[first].readableBytes == 0 { waiting.removeFirst() }
        return slice
      }
      waiting.removeFirst()
    }
    return nil
  }

  /// Whoever takes the connection over gets what waits.
  func removeHandler(
    context: ChannelHandlerContext, removalToken: ChannelHandlerContext.RemovalToken
  ) {
    while let slice = next() { context.fireChannelRead(Self.wrapInboundOut(slice)) }
    context.leavePipeline(removalToken: removalToken)
  }
}

/// Closes so that the last answer arrives: a close with unread input would make the kernel send a reset over it.
enum LingeringClose {
  static func close(_ channel: any Channel) {
    channel.close(mode: .output).whenComplete { _ in
      channel.eventLoop.scheduleTask(in: .milliseconds(500)) { channel.close(promise: nil) }
    }
  }
}
