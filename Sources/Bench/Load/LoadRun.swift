// LoadRun: one timed round of signed orders over keep-alive connections to all nodes, open or closed loop.
//
// Latency counts from the moment a request was due. In a closed loop a connection's next request is due when its
// previous answer came. Any error or shed request is counted as a failure; a cancel that finds its order filled is not.
// Invariant: everything here runs on one event loop.
// Not here: what is sent (OrderFlow), the checks afterwards (Verification).

import Gateway
import Histogram
import NIOCore
import NIOPosix

/// What the replies of a round said.
struct LoadResult: Sendable {
  var seconds = 0.0
  var answered = 0
  var placed = 0
  var traded = 0
  var fills = 0
  var cancelled = 0
  var cancelledTooLate = 0
  var failures: [String] = []
  var failureCount = 0
  var latencyMicroseconds = Histogram<UInt32>(numberOfSignificantValueDigits: .three)

  mutating func fail(_ reason: String) {
    failureCount += 1
    if failures.count < 5 { failures.append(reason) }
  }
}

/// An acknowledged order, for the checks afterwards.
struct AcknowledgedOrder: Sendable {
  var account: Int
  var symbol: Int
  var id: Int64
  var clientID: String
}

final class LoadRun: @unchecked Sendable {  // bound to one event loop until its end
  struct Plan: Sendable {
    /// Requests a second, or `nil` for a closed loop.
    var rate: Double?
    var connections: Int
    var seconds: Double
    var warmUpSeconds: Double
    /// Whether every acknowledged order is kept for checks afterwards.
    var remembers = true
  }

  private let plan: Plan
  private let signers: [Signer]
  private let symbols: [String]
  private let loop: any EventLoop
  private var flow: OrderFlow
  private var idle: [Connection] = []
  private var all: [Connection] = []
  /// Due times of requests that wait for a free connection (open loop).
  private var due: [NIODeadline] = []
  private var dueHead = 0
  private var scheduled = 0
  private var outstanding = 0
  private var started = NIODeadline.now()
  private var measured: (from: NIODeadline, to: NIODeadline)
  private var timer: RepeatedTask?
  private var done: EventLoopPromise<Void>
  private(set) var result = LoadResult()
  private(set) var acknowledged: [AcknowledgedOrder] = []

  init(plan: Plan, signers: [Signer], symbols: [String], flow: OrderFlow, loop: any EventLoop) {
    self.plan = plan
    self.signers = signers
    self.symbols = symbols
    self.flow = flow
    self.loop = loop
    measured = (started, started)
    done = loop.makePromise()
  }

  /// Runs the round on `connections` and waits for its end.
  func run(_ connections: [NIOLoopBound<Connection>]) throws { try begin(connections).wait() }

  /// Begins the round; the future succeeds at its end.
  func begin(_ connections: [NIOLoopBound<Connection>]) -> EventLoopFuture<Void> {
    loop.execute { self.start(connections.map(\.value)) }
    return done.futureResult
  }

  /// Ends the round before its time: nothing more is sent, and what was sent is waited for.
  func end() {
    loop.execute { self.measured.to = min(self.measured.to, .now()) }
  }

  private func start(_ connections: [Connection]) {
    all = connections
    idle = connections
    started = .now()
    let warm = TimeAmount.nanoseconds(Int64(plan.warmUpSeconds * 1e9))
    let length = TimeAmount.nanoseconds(Int64(plan.seconds * 1e9))
    measured = (started + warm, started + warm + length)
    if plan.rate == nil {
      while let connection = idle.popLast() { send(on: connection, due: .now()) }
    }
    timer = loop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(1)) {
      [weak self] _ in
      self?.turn()
    }
  }

  /// Each millisecond: what became due, time-outs, the end.
  private func turn() {
    let now = NIODeadline.now()
    if let rate = plan.rate, now < measured.to {
      let elapsed = Double((now - started).nanoseconds) / 1e9
      while Double(scheduled) <= elapsed * rate {
        let offset = TimeAmount.nanoseconds(Int64(Double(scheduled) / rate * 1e9))
        due.append(started + offset)
        scheduled += 1
      }
    }
    while dueHead < due.count, let connection = idle.popLast() {
      let moment = due[dueHead]
      dueHead += 1
      send(on: connection, due: moment)
    }
    for connection in all { connection.expire(now: now) }
    if now >= measured.to, outstanding == 0, dueHead == due.count {
      timer?.cancel()
      result.seconds = Double((measured.to - measured.from).nanoseconds) / 1e9
      done.succeed()
    }
  }

  private func send(on connection: Connection, due: NIODeadline) {
    let (intent, method, parameters) = flow.next()
    let (account, symbol) =
      switch intent {
      case .place(let account, let symbol, _): (account, symbol)
      case .cancel(let account, let symbol, _): (account, symbol)
      }
    let request = signers[account].request(
      method, "/api/v3/order", "symbol=\(symbols[symbol])&\(parameters)")
    outstanding += 1
    connection.send(request, timeout: .seconds(12)) { [self] outcome in
      outstanding -= 1
      answer(intent, outcome, due: due)
      guard connection.isOpen else { return }
      if plan.rate == nil, NIODeadline.now() < measured.to {
        send(on: connection, due: .now())
      } else if dueHead < self.due.count {
        let moment = self.due[dueHead]
        dueHead += 1
        send(on: connection, due: moment)
      } else {
        idle.append(connection)
      }
    }
  }

  private func answer(_ intent: Intent, _ outcome: Result<HTTPReply, HTTPFailure>, due: NIODeadline)
  {
    let now = NIODeadline.now()
    guard case .success(let reply) = outcome else { return result.fail("\(outcome)") }
    guard let json = try? JSONValue.parse(reply.body) else { return result.fail("no JSON") }
    if due >= measured.from, due < measured.to {
      let micros = UInt64(max(0, (now - due).nanoseconds / 1000))
      result.latencyMicroseconds.record(micros)
      result.answered += 1
    }
    switch intent {
    case .place(let account, let symbol, let clientID):
      guard reply.status == 200, let id = json["orderId"]?.integer,
        let fills = json["fills"]?.elements, json["clientOrderId"]?.text == clientID
      else { return result.fail(String(decoding: reply.body, as: UTF8.self)) }
      result.placed += 1
      if !fills.isEmpty { result.traded += 1 }
      result.fills += fills.count
      if plan.remembers {
        acknowledged.append(
          AcknowledgedOrder(account: account, symbol: symbol, id: id, clientID: clientID))
      }
      if json["status"]?.text == "NEW" || json["status"]?.text == "PARTIALLY_FILLED" {
        flow.rests(RestingOrder(account: account, symbol: symbol, id: id))
      }
    case .cancel:
      if reply.status == 200, json["status"]?.text == "CANCELED" {
        result.cancelled += 1
      } else if json["code"]?.integer == -2011 {
        result.cancelledTooLate += 1
      } else {
        result.fail(String(decoding: reply.body, as: UTF8.self))
      }
    }
  }
}
