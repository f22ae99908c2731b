// PacedWriter: one client that sends an order every 5 ms, one at a time, and moves to the next node when its own dies.
//
// Invariants: everything runs on one event loop; every order sent is acknowledged, refused, or listed as unknown.
// Not here: killing nodes (FailoverCommand), resolving unknown orders (FailoverCommand).

import Gateway
import NIOCore
import NIOPosix

/// What a writer has seen.
struct WriterLog: Sendable {
  /// Times of acknowledgements, ascending.
  var acknowledgedAt: [NIODeadline] = []
  var acknowledged: [AcknowledgedOrder] = []
  var fills = 0
  /// Client ids of orders whose answer never came, or that were answered "unknown".
  var unknown: [String] = []
  /// Certainly not executed: shed, expired or without a leader.
  var refused: [String] = []
}

final class PacedWriter: @unchecked Sendable {  // bound to one event loop
  private let number: Int
  private let signer: Signer
  private let symbol: String
  private let addresses: [Address]
  private let pace: TimeAmount
  private let loop: any EventLoop
  private let tag: String
  private var at: Int
  private var connection: Connection?
  private var sent = 0
  private var lastSent = NIODeadline.uptimeNanoseconds(0)
  private var stopping: EventLoopPromise<Void>?
  private(set) var log = WriterLog()

  init(
    number: Int, signer: Signer, symbol: String, addresses: [Address], pace: TimeAmount,
    tag: String,
    loop: any EventLoop
  ) {
    self.number = number
    self.signer = signer
    self.symbol = symbol
    self.addresses = addresses
    self.pace = pace
    self.tag = tag
    self.loop = loop
    at = number % addresses.count
  }

  func start() { loop.execute { self.connect() } }

  /// Finishes the order under way and ends.
  func stop() -> EventLoopFuture<Void> {
    let promise = loop.makePromise(of: Void.self)
    loop.execute { self.stopping = promise }
    return promise.futureResult
  }

  private func connect() {
    if let stopping { return stopping.succeed() }
    let address = addresses[at]
    Connection.open(host: address.host, port: address.port, on: loop).whenComplete { result in
      switch result {
      case .success(let bound):
        self.connection = bound.value
        self.send()
      case .failure: self.moveOn()
      }
    }
  }

  private func moveOn() {
    connection?.close()
    connection = nil
    at = (at + 1) % addresses.count
    loop.scheduleTask(in: .milliseconds(1)) { self.connect() }
  }

  private func send() {
    if let stopping { return stopping.succeed() }
    guard let connection, connection.isOpen else { return moveOn() }
    sent += 1
    let clientID = "\(tag)-w\(number)-\(sent)"
    let side = (sent + number) % 2 == 0 ? "BUY" : "SELL"
    let request = signer.request(
      "POST", "/api/v3/order",
      "symbol=\(symbol)&side=\(side)&type=LIMIT&timeInForce=GTC&quantity=0.00100&price=60000.00"
        + "&newClientOrderId=\(clientID)&newOrderRespType=FULL")
    lastSent = .now()
    connection.send(request, timeout: .seconds(12)) { self.answered(clientID, $0) }
  }

  private func answered(_ clientID: String, _ outcome: Result<HTTPReply, HTTPFailure>) {
    guard case .success(let reply) = outcome else {
      log.unknown.append(clientID)
      return moveOn()
    }
    let json = try? JSONValue.parse(reply.body)
    if reply.status == 200, let id = json?["orderId"]?.integer {
      log.acknowledgedAt.append(.now())
      log.acknowledged.append(
        AcknowledgedOrder(account: number, symbol: 0, id: id, clientID: clientID))
      log.fills += json?["fills"]?.elements?.count ?? 0
      let next = lastSent + pace
      loop.scheduleTask(deadline: max(next, .now())) { self.send() }
      return
    }
    let code = json?["code"]?.integer
    if code == -1007 || code == -1006 || code == -1000 || json == nil {
      log.unknown.append(clientID)
    } else {
      log.refused.append("\(clientID): \(String(decoding: reply.body, as: UTF8.self))")
    }
    moveOn()
  }
}
