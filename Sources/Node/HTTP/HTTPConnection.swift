// HTTPConnection: one HTTP/1.1 connection: puts requests together, and sends answers in the order of the requests.
//
// Invariants: `slots` holds the unanswered requests, oldest first, at most `HTTPLimits.pipelined` (and a refusal); an
// answer leaves when all before it have left; what is decoded while there is no room waits in
// `parked` in its order, and the gate then lets no more bytes through; after a refusal nothing more
// of the connection is read.
// Not here: what a request means (services), and which connections are too slow (LoopState).

import Gateway
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Where an answer goes.
struct ReplySlot {
  let connection: HTTPConnection
  let number: UInt64

  /// Answers the request. Must be called once, on the connection's event loop.
  func send(_ response: HTTPResponse) { connection.answer(number, response) }
}

/// Something that answers the requests of a port.
protocol HTTPService: AnyObject, Sendable {
  /// Answers through `reply`, at once or later. Runs on the connection's event loop.
  func handle(_ request: HTTPRequest, _ reply: ReplySlot, on loop: LoopState, isRetry: Bool)
  /// The last touch on an answer, just before it is sent.
  func finish(_ response: HTTPResponse, address: String) -> HTTPResponse
}

/// The last handler of an HTTP pipeline.
final class HTTPConnection: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private enum Reading {
    case idle
    case body(HTTPRequestHead, [UInt8])
    /// A refusal is on its way; the rest is ignored.
    case refused
  }

  /// What the decoder said.
  private enum Arrival {
    case part(HTTPServerRequestPart)
    case refusal(Int)
  }

  private struct Slot {
    var keepAlive: Bool
    var omitBody: Bool
    var response: HTTPResponse?
  }

  private let service: any HTTPService
  private unowned let loop: LoopState
  /// What lets bytes through to the decoder.
  var gate: ArrivalGate?
  /// Makes the handler that may turn this connection into a WebSocket; `nil`: plain HTTP only.
  var makeUpgrade: ((HTTPConnection) -> HTTPServerUpgradeHandler)?
  /// The request that is now read was offered to an upgrader already.
  private var upgradeTried = false
  private var context: ChannelHandlerContext?
  private var reading = Reading.idle
  private var slots = CircularBuffer<Slot>()
  private var firstSlot: UInt64 = 0
  private var parked = CircularBuffer<Arrival>()
  private var address = ""
  private var needsFlush = false
  private var readHeld = false
  private var isReading = false
  private var isResuming = false
  /// Bytes were held back since the clock of the request that is arriving was set.
  private var wasHolding = false

  /// When the first byte of the request that is now arriving came; `nil` between requests.
  private(set) var requestStart: Int64?
  /// The last time that something happened.
  private(set) var lastActive: Int64
  /// Since when the client takes nothing.
  private(set) var blockedSince: Int64?

  init(service: any HTTPService, loop: LoopState) {
    self.service = service
    self.loop = loop
    lastActive = SystemClock.monotonic()
  }

  // MARK: Life

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    address = context.remoteAddress?.ipAddress ?? ""
    loop.add(self)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    // Both hold this object.
    gate = nil
    makeUpgrade = nil
    loop.remove(self)
  }

  func channelInactive(context: ChannelHandlerContext) {
    stopReading()
    context.fireChannelInactive()
  }

  /// Closes without another word.
  func close() { context?.close(promise: nil) }

  /// True if a request waits for its answer.
  var isBusy: Bool { !slots.isEmpty || !parked.isEmpty }

  /// True while there is no room for another request: too many are unanswered, or the client does not take its answers.
  private var isFull: Bool {
    slots.count >= HTTPLimits.pipelined || context?.channel.isWritable == false
  }

  /// True if no more bytes are to be decoded now.
  var isHolding: Bool { !parked.isEmpty || isFull }

  /// True if nothing that still comes in matters.
  var isRefused: Bool {
    if case .refused = reading { true } else { false }
  }

  /// Nothing more of this connection is looked at.
  private func stopReading() {
    reading = .refused
    requestStart = nil
    parked.removeAll()
  }

  /// Bytes came in, of whatever kind.
  func bytesArrived() {
    lastActive = SystemClock.monotonic()
    if requestStart == nil { requestStart = lastActive }
  }

  // MARK: Requests

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    isReading = true
    arrive(.part(Self.unwrapInboundIn(data)))
  }

  private func arrive(_ arrival: Arrival) {
    if isRefused { return }
    if isHolding { return parked.append(arrival) }
    take(arrival)
  }

  private func take(_ arrival: Arrival) {
    switch arrival {
    case .refusal(let status): refuse(status)
    case .part(let part): take(part)
    }
  }

  private func take(_ part: HTTPServerRequestPart) {
    switch part {
    case .head(let head): begin(head)
    case .body(let buffer): add(buffer)
    case .end: dispatch()
    }
  }

  private func begin(_ head: HTTPRequestHead) {
    if isRefused { return }
    if let status = HTTPHeadCheck.refusal(of: head) { return refuse(Int(status.code)) }
    if offerUpgrade(head) { return }
    if head.headers.contains(name: "expect") {
      guard head.headers["expect"].map({ $0.lowercased() }) == ["100-continue"] else {
        return refuse(417)
      }
      if slots.isEmpty, let context {
        let response = HTTPResponseHead(version: .http1_1, status: .continue)
        context.writeAndFlush(Self.wrapOutboundOut(.head(response)), promise: nil)
      }
    }
    reading = .body(head, [])
  }

  /// Lets an upgrader look at a request that asks for another protocol. Any request of a connection may: clients reuse
  /// an idle connection for it. A refused one comes back here as a plain request.
  private func offerUpgrade(_ head: HTTPRequestHead) -> Bool {
    guard head.headers.contains(name: "upgrade"), slots.isEmpty, parked.isEmpty, !upgradeTried,
      let makeUpgrade, let context
    else { return false }
    upgradeTried = true
    let handler = makeUpgrade(self)
    let pipeline = context.pipeline.syncOperations
    do {
      try pipeline.addHandler(handler, position: .before(self))
      let part = HTTPServerRequestPart.head(head)
      handler.channelRead(context: try pipeline.context(handler: handler), data: NIOAny(part))
      return true
    } catch {
      return false
    }
  }

  private func add(_ buffer: ByteBuffer) {
    guard case .body(let head, var bytes) = reading else { return }
    reading = .idle
    guard bytes.count + buffer.readableBytes <= HTTPLimits.bodyBytes else { return refuse(413) }
    bytes.append(contentsOf: buffer.readableBytesView)
    reading = .body(head, bytes)
  }

  private func dispatch() {
    guard case .body(let head, let body) = reading else { return }
    reading = .idle
    requestStart = nil
    let headers = head.headers
    // The decoder stops after a request that asks for another protocol, so the connection cannot go on.
    let keepAlive = head.isKeepAlive && !headers.contains(name: "upgrade")
    let number = firstSlot + UInt64(slots.count)
    slots.append(Slot(keepAlive: keepAlive, omitBody: head.method == .HEAD))
    if !keepAlive { stopReading() }
    let question = head.uri.utf8.firstIndex(of: UInt8(ascii: "?"))
    let path = question.map { String(head.uri[..<$0]) } ?? head.uri
    let query = question.map { Array(head.uri.utf8[$0...].dropFirst()) } ?? []
    let request = HTTPRequest(
      method: head.method == .HEAD ? "GET" : head.method.rawValue, path: path, query: query,
      body: body, apiKey: headers.first(name: "x-mbx-apikey"),
      timeUnit: headers.first(name: "x-mbx-time-unit"),
      authorization: headers.first(name: "authorization"), address: address)
    service.handle(request, ReplySlot(connection: self, number: number), on: loop, isRetry: false)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A refused upgrade is answered as the plain request that it also is.
    if error is NIOWebSocketUpgradeError { return }
    switch error {
    case HTTPParserError.headerOverflow: arrive(.refusal(431))
    case is HTTPParserError: arrive(.refusal(400))
    default: context.close(promise: nil)
    }
  }

  /// Answers with an error, after what is due before it, and closes.
  private func refuse(_ status: Int) {
    if isRefused { return }
    stopReading()
    loop.metrics.refusedRequests.add()
    let number = firstSlot + UInt64(slots.count)
    slots.append(Slot(keepAlive: false, omitBody: false))
    complete(number, ServiceReply.refusal(status))
    flushIfNeeded()
  }

  // MARK: Answers

  /// Takes the service's answer of a request.
  func answer(_ number: UInt64, _ response: HTTPResponse) {
    complete(number, service.finish(response, address: address))
  }

  /// Takes an answer; it leaves as soon as all earlier ones have.
  private func complete(_ number: UInt64, _ response: HTTPResponse) {
    guard number >= firstSlot, number - firstSlot < UInt64(slots.count) else { return }
    slots[offset: Int(number - firstSlot)].response = response
    while let first = slots.first, let response = first.response {
      slots.removeFirst()
      firstSlot += 1
      write(response, first)
      if !first.keepAlive { break }
    }
    if !isReading { loop.flushLater(self) }
    resume()
  }

  private func write(_ response: HTTPResponse, _ slot: Slot) {
    guard let context else { return }
    lastActive = SystemClock.monotonic()
    loop.metrics.count(status: response.status)
    // At shutdown a connection ends with the last answer that is due on it.
    let keepAlive = slot.keepAlive && (!loop.isDraining || isBusy)
    var head = HTTPResponseHead(
      version: .http1_1, status: HTTPResponseStatus(statusCode: response.status))
    for (name, value) in response.headers { head.headers.add(name: name, value: value) }
    head.headers.add(name: "Content-Length", value: String(response.body.count))
    head.headers.add(name: "Connection", value: keepAlive ? "keep-alive" : "close")
    context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
    if !slot.omitBody && !response.body.isEmpty {
      var buffer = context.channel.allocator.buffer(capacity: response.body.count)
      buffer.writeBytes(response.body)
      context.write(Self.wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
    }
    needsFlush = true
    guard keepAlive else {
      stopReading()
      slots.removeAll()
      let channel = context.channel
      context.writeAndFlush(Self.wrapOutboundOut(.end(nil))).whenComplete { _ in
        LingeringClose.close(channel)
      }
      return
    }
    context.write(Self.wrapOutboundOut(.end(nil)), promise: nil)
  }

  /// Sends what was written since the last flush.
  func flushIfNeeded() {
    guard needsFlush else { return }
    needsFlush = false
    context?.flush()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    flushIfNeeded()
    resume()
    context.fireChannelReadComplete()
  }

  // MARK: Back-pressure

  /// Asks the socket for more only while there is room for it.
  func read(context: ChannelHandlerContext) {
    if isHolding || gate?.isEmpty == false {
      readHeld = true
    } else {
      context.read()
    }
  }

  /// Goes on with what waits, oldest first, as far as there is room.
  private func resume() {
    guard !isReading, !isResuming, context != nil else { return }
    isResuming = true
    var moved = true
    while moved {
      while !isFull, let next = parked.popFirst() { take(next) }
      moved = !isHolding && gate?.forward() == true
    }
    isResuming = false
    // What this side held back does not count against the client; nothing else sets its clock anew.
    if isHolding {
      wasHolding = true
    } else if wasHolding {
      wasHolding = false
      if requestStart != nil { requestStart = SystemClock.monotonic() }
    }
    if needsFlush { loop.flushLater(self) }
    guard readHeld, !isHolding, gate?.isEmpty != false, let context else { return }
    readHeld = false
    context.read()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    blockedSince = context.channel.isWritable ? nil : SystemClock.monotonic()
    resume()
    context.fireChannelWritabilityChanged()
  }
}
