// Client: blocking calls for the parts of exbench that are not the load itself (set-up, checks, replay).
//
// A call is sent over one of a few keep-alive connections to an address; many calls can be under way at once.
// Not here: what is asked (API), and which node to ask (Cluster).

import NIOCore
import NIOPosix

/// Blocking HTTP to one address. Used from the main thread; the connections live on one event loop.
final class Client {
  let address: Address
  private let loop: any EventLoop
  private var connections: [NIOLoopBound<Connection>] = []
  private let width: Int
  private var turn = 0

  init(_ address: Address, on loop: any EventLoop, width: Int = 1) {
    self.address = address
    self.loop = loop
    self.width = width
  }

  /// Sends all requests, spread over the connections, and waits for all answers. Broken connections are opened anew
  /// once; what still fails is returned as a failure, in the order of the requests.
  func exchange(_ requests: [[UInt8]], timeout: TimeAmount = .seconds(12)) -> [Result<
    HTTPReply, HTTPFailure
  >] {
    guard connect() else { return requests.map { _ in .failure(.closed) } }
    var futures: [EventLoopFuture<Result<HTTPReply, HTTPFailure>>] = []
    for request in requests {
      let bound = connections[turn % connections.count]
      turn += 1
      let promise = loop.makePromise(of: Result<HTTPReply, HTTPFailure>.self)
      loop.execute {
        bound.value.send(request, timeout: timeout) { promise.succeed($0) }
      }
      futures.append(promise.futureResult)
    }
    let all = EventLoopFuture.whenAllSucceed(futures, on: loop)
    let bounds = connections
    let timer = loop.scheduleTask(in: timeout) { for bound in bounds { bound.value.close() } }
    defer { timer.cancel() }
    do { return try all.wait() } catch { return requests.map { _ in .failure(.closed) } }
  }

  /// Sends one request.
  func call(_ request: [UInt8], timeout: TimeAmount = .seconds(12)) -> Result<
    HTTPReply, HTTPFailure
  > {
    exchange([request], timeout: timeout)[0]
  }

  /// Closes the connections; the next call opens new ones.
  func disconnect() {
    let bounds = connections
    connections = []
    loop.execute { for bound in bounds { bound.value.close() } }
  }

  /// A node that was killed closed all connections: they are opened anew until `width` of them are there.
  private func connect() -> Bool {
    let bounds = connections
    let open = try? loop.submit { bounds.map { $0.value.isOpen } }.wait()
    connections = zip(connections, open ?? []).filter { $0.1 }.map(\.0)
    while connections.count < width {
      guard
        let fresh = try? Connection.open(host: address.host, port: address.port, on: loop).wait()
      else { return !connections.isEmpty }
      connections.append(fresh)
    }
    return true
  }
}
