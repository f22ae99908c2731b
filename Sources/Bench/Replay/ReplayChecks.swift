// ReplayChecks: what every node shows after a diff must equal the recording. One comparison each, never until equal.
//
// Not here: sending orders (Player).

import Gateway
import Glibc
import NIOCore
import NIOPosix

/// One node as the checks see it.
final class WatchedNode {
  let name: String
  private let address: Address
  private let symbol: String
  private let client: Client
  private let loop: any EventLoop
  private var feed: NIOLoopBound<StreamFeed>?
  private(set) var messages = 0
  /// How often the stream had to be opened again (a killed node closes it).
  private(set) var reconnects = -1

  init(name: String, address: Address, symbol: String, on loop: any EventLoop) {
    self.name = name
    self.address = address
    self.symbol = symbol
    self.loop = loop
    client = Client(address, on: loop)
  }

  /// Opens the streams if they are not open. The first ticker after a reconnect is only known once the top changes.
  func connect() throws(BenchError) {
    if let feed, (try? loop.submit({ feed.value.isOpen }).wait()) == true { return }
    let lower = symbol.lowercased()
    let end = monotonicSeconds() + 30
    while monotonicSeconds() < end {
      let path = "/ws/\(lower)@bookTicker/\(lower)@depth@100ms"
      if let fresh = try? StreamFeed.open(address, path: path, on: loop).wait() {
        feed = fresh
        reconnects += 1
        let snapshot = try depth(from: 0)
        loop.execute {
          fresh.value.start(
            bids: snapshot.bids, asks: snapshot.asks, lastUpdate: snapshot.lastUpdate)
        }
        return
      }
      usleep(50_000)
    }
    throw BenchError("\(name): the stream did not open within 30 s")
  }

  /// A GET that reflects at least `index`; waits for the index, not for a value.
  private func get(_ path: String, from index: UInt64) throws(BenchError) -> JSONValue {
    let end = monotonicSeconds() + 30
    while monotonicSeconds() < end {
      if case .success(let reply) = client.call(publicRequest(path)), reply.status == 200,
        let shown = reply.index, shown >= index,
        let json = try? JSONValue.parse(reply.body, bytesMax: 1 << 24)
      {
        return json
      }
      usleep(500)
    }
    throw BenchError("\(name): index \(index) was not reached within 30 s")
  }

  /// Best bid and ask by REST, not older than `index`.
  func restTop(from index: UInt64) throws(BenchError) -> (bid: Level, ask: Level) {
    let json = try get("/api/v3/ticker/bookTicker?symbol=\(symbol)", from: index)
    guard let bid = units(json["bidPrice"]), let bidQuantity = units(json["bidQty"]),
      let ask = units(json["askPrice"]), let askQuantity = units(json["askQty"])
    else { throw BenchError("\(name): malformed bookTicker") }
    return (Level(price: bid, quantity: bidQuantity), Level(price: ask, quantity: askQuantity))
  }

  /// Full depth by REST, not older than `index`.
  func depth(from index: UInt64) throws(BenchError) -> (
    bids: [Level], asks: [Level], lastUpdate: Int64
  ) {
    let json = try get("/api/v3/depth?symbol=\(symbol)&limit=5000", from: index)
    guard let bids = levels(json["bids"]), let asks = levels(json["asks"]),
      let last = json["lastUpdateId"]?.integer
    else { throw BenchError("\(name): malformed depth") }
    return (bids, asks, last)
  }

  /// The last ticker of the stream, after everything that the node had sent before this call. `nil` after a reconnect,
  /// until the top changes.
  func streamTop() throws(BenchError) -> Top? {
    guard let feed else { throw BenchError("\(name): no stream") }
    do {
      // Twice: the node's event loop may read the first call before it has written what is queued for it.
      for _ in 0..<2 { try loop.flatSubmit { feed.value.barrier() }.wait() }
      let (top, error, count) = try loop.submit {
        (feed.value.top, feed.value.error, feed.value.messages)
      }.wait()
      messages = count
      if let error { throw BenchError("\(name): \(error)") }
      return top
    } catch let error as BenchError {
      throw error
    } catch {
      return nil
    }
  }

  /// The book kept from the diff stream once it has reached `update`; waits for the id, not for a value.
  func streamBook(reaching update: Int64) throws(BenchError) -> NaiveBook {
    guard let feed else { throw BenchError("\(name): no stream") }
    let end = monotonicSeconds() + 10
    while monotonicSeconds() < end {
      let state = try? loop.submit {
        (feed.value.book, feed.value.bookUpdate, feed.value.error)
      }.wait()
      if let error = state?.2 { throw BenchError("\(name): \(error)") }
      if let book = state?.0, let reached = state?.1, reached >= update { return book }
      usleep(2_000)
    }
    throw BenchError("\(name): the diff stream did not reach update \(update) within 10 s")
  }

  func disconnect() {
    client.disconnect()
    if let feed { loop.execute { feed.value.close() } }
  }
}

/// The comparisons, counted.
struct ReplayChecks {
  private(set) var topsCompared = 0
  private(set) var topsLeftOut = 0
  private(set) var booksCompared = 0
  private var namedBids: Set<Int64> = []
  private var namedAsks: Set<Int64> = []

  /// Remembers which prices the recording has named.
  mutating func name(bids: [Level], asks: [Level]) {
    for level in bids { namedBids.insert(level.price) }
    for level in asks { namedAsks.insert(level.price) }
  }

  /// The four values of REST and of the stream against the recorded ticker, on every node.
  mutating func compareTop(
    _ recording: Recording, update: Int64, index: UInt64, on nodes: [WatchedNode]
  ) throws(BenchError) {
    guard let wanted = recording.top(upTo: update), namedBids.contains(wanted.bid.price),
      namedAsks.contains(wanted.ask.price)
    else {
      topsLeftOut += 1
      return
    }
    for node in nodes {
      try node.connect()
      let rest = try node.restTop(from: index)
      guard rest.bid == wanted.bid, rest.ask == wanted.ask else {
        throw BenchError("\(node.name), update \(update): REST shows \(rest), recorded \(wanted)")
      }
      let stream = try node.streamTop()
      guard let stream else {
        if node.reconnects > 0 { continue }
        throw BenchError("\(node.name), update \(update): the stream has sent no ticker")
      }
      guard stream.bid == wanted.bid, stream.ask == wanted.ask else {
        throw BenchError(
          "\(node.name), update \(update): the stream shows \(stream), recorded \(wanted)")
      }
    }
    topsCompared += 1
  }

  /// Full depth by REST and the book from the diff stream against the target, on every node.
  mutating func compareBook(
    _ target: NaiveBook, index: UInt64, on nodes: [WatchedNode]
  ) throws(BenchError) {
    for node in nodes {
      try node.connect()
      let depth = try node.depth(from: index)
      guard depth.bids == Array(target.bids.prefix(5000)),
        depth.asks == Array(target.asks.prefix(5000))
      else { throw BenchError("\(node.name): depth differs from the target at index \(index)") }
      let book = try node.streamBook(reaching: depth.lastUpdate)
      guard book.bids == target.bids, book.asks == target.asks else {
        throw BenchError("\(node.name): the book from the diff stream differs at index \(index)")
      }
    }
    booksCompared += 1
  }
}
