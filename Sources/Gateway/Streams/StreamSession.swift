// StreamSession: one WebSocket connection to the market streams, as pure state.
//
// Invariants: at most 1,024 streams; a name under which nothing is served is accepted, as Binance
// does, and forgotten at once: nothing is ever sent for it, so nothing needs to remember it; every
// control message gets exactly one answer that carries its `id` as it was sent; a refused message
// changes nothing.
// Not here: sockets, PING and PONG frames (Node), payloads (StreamRenderer), wording of refusals
// (StreamRefusal).

/// The subscriptions and properties of a connection. Time is passed in.
public struct StreamSession: Sendable {
  /// Streams of one connection.
  public static let streamsMax = 1024
  /// Incoming frames in one second, PING and PONG included; one more ends the connection.
  public let framesPerSecondMax: Int
  /// Bytes of an incoming message.
  public static let messageBytesMax = 65_536

  /// What the connection's owner has to do, in order.
  public enum Output: Equatable, Sendable {
    case subscribe(StreamKey)
    case unsubscribe(StreamKey)
    /// Send this text frame.
    case send([UInt8])
    /// Send a close frame with this code, then close.
    case close(code: UInt16, reason: String)
  }

  /// True if payloads are wrapped in `{"stream":...,"data":...}`.
  public private(set) var combined: Bool
  /// The unit of the times in payloads.
  public let unit: TimeUnit
  /// Names of served streams as subscribed, oldest first.
  public private(set) var streams: [String] = []

  private var known: Set<String> = []
  private var second: Int64 = 0
  private var frames = 0

  /// Opens a session for a request's path (as sent) and query.
  ///
  /// - Throws: 404 for a path that is no stream endpoint, -1194 for a bad `timeUnit`, -1100 and
  /// -1101 for bad or too many
  ///   names.
  public init(
    path: String, query: [UInt8], framesPerSecondMax: Int = 5
  ) throws(APIError) {
    precondition(framesPerSecondMax > 0, "a client that may say nothing")
    self.framesPerSecondMax = framesPerSecondMax
    guard let endpoint = StreamPath(path) else { throw .notFound }
    combined = endpoint.combined
    let sent = try StreamPath.query(query)
    unit = try TimeUnit(header: sent.timeUnit)
    for name in endpoint.names + sent.streams where !known.contains(name) {
      guard StreamName.isWellFormed(name) else { throw .illegalCharacters }
      guard StreamName(name) != nil else { continue }
      guard streams.count < Self.streamsMax else { throw .tooLarge }
      add(name)
    }
  }

  /// True if a WebSocket upgrade of this path belongs to the market streams.
  public static func serves(path: String) -> Bool { StreamPath(path) != nil }

  /// The renderings that the connection waits for now.
  public var keys: [StreamKey] { streams.map { StreamKey(name: $0, unit: unit) } }

  /// Counts a frame that is no message: PING or PONG. `time` in microseconds.
  public mutating func receivedControlFrame(time: Int64) -> [Output] { count(time) }

  /// Takes a text message in. `time` in microseconds.
  public mutating func receive(_ text: [UInt8], time: Int64) -> [Output] {
    let over = count(time)
    guard over.isEmpty else { return over }
    guard text.count <= Self.messageBytesMax else {
      return [.close(code: 1009, reason: "Message too long")]
    }
    do throws(StreamRefusal) {
      return try handle(StreamRequest(text))
    } catch {
      return [.send(error.json)]
    }
  }

  private mutating func count(_ time: Int64) -> [Output] {
    let now = time / 1_000_000
    if now != second {
      second = now
      frames = 0
    }
    frames += 1
    guard frames > framesPerSecondMax else { return [] }
    return [.close(code: 1008, reason: "Too many requests")]
  }

  // MARK: Methods

  private mutating func handle(_ request: StreamRequest) throws(StreamRefusal) -> [Output] {
    switch request.method {
    case .subscribe: return try subscribe(request)
    case .unsubscribe: return try unsubscribe(request)
    case .listSubscriptions:
      return [answer(request) { json in json.array { for name in streams { $0.string(name) } } }]
    case .setProperty:
      try setProperty(request)
      return [answer(request) { $0.null() }]
    case .getProperty:
      try request.checkProperty(parameters: 1)
      return [answer(request) { $0.bool(combined) }]
    }
  }

  private mutating func subscribe(_ request: StreamRequest) throws(StreamRefusal) -> [Output] {
    var fresh: [String] = []
    // A message holds ten thousand names: comparing each with all before it would hold the event loop for a second.
    var seen = known
    for name in try request.names() where StreamName(name) != nil && seen.insert(name).inserted {
      fresh.append(name)
    }
    guard streams.count + fresh.count <= Self.streamsMax else {
      throw request.refusal(2, "Invalid request: too many streams; at most \(Self.streamsMax)")
    }
    for name in fresh { add(name) }
    return [answer(request) { $0.null() }]
      + fresh.map { .subscribe(StreamKey(name: $0, unit: unit)) }
  }

  private mutating func unsubscribe(_ request: StreamRequest) throws(StreamRefusal) -> [Output] {
    var gone: [String] = []
    for name in try request.names() where known.remove(name) != nil { gone.append(name) }
    if !gone.isEmpty { streams.removeAll { !known.contains($0) } }
    return gone.map { .unsubscribe(StreamKey(name: $0, unit: unit)) }
      + [answer(request) { $0.null() }]
  }

  private mutating func setProperty(_ request: StreamRequest) throws(StreamRefusal) {
    try request.checkProperty(parameters: 2)
    guard case .bool(let value)? = request.parameters.dropFirst().first else {
      throw request.refusal(1, "Invalid value type: expected Boolean")
    }
    combined = value
  }

  private mutating func add(_ name: String) {
    known.insert(name)
    streams.append(name)
  }

  private func answer(_ request: StreamRequest, _ result: (inout JSONWriter) -> Void) -> Output {
    var json = JSONWriter(capacity: 64)
    json.object {
      $0.key("result")
      result(&$0)
      $0.key("id")
      $0.raw(request.id)
    }
    return .send(json.bytes)
  }
}
