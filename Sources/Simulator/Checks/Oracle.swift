// Oracle: replays the committed log with an exchange and a duplicate map of its own: each request
// takes effect once.
//
// Written against the promises, not the StateMachine: first occurrence of a request id in log order
// counts; its times are judged by the entry's stamp.
// Not here: how the log came about.

import Engine
import Raft
import Replica
import Wire

struct Oracle: ~Copyable {
  private(set) var exchange = Exchange()
  private(set) var executed: [RequestID: Checker.Told] = [:]
  private(set) var problems: [String] = []
  /// Each level above the first, and the index at which it came into force.
  private(set) var levels: [(level: UInt32, index: UInt64)] = []
  /// The level that the genesis left.
  private(set) var foundedAt: UInt32?
  private var stamp: Int64 = 0
  private var events = EventBatch()
  private var accepted: Set<[UInt64]> = []

  mutating func apply(_ entry: Entry) {
    guard entry.kind == .command else { return }
    let payload: EntryPayload
    do throws(EntryPayload.Fault) {
      payload = try EntryPayload(decoding: entry.payload)
    } catch {
      return problems.append("entry \(entry.id) cannot be read: \(error)")
    }
    if payload.stamp < stamp { problems.append("the stamp of \(entry.id) goes back") }
    stamp = payload.stamp
    events.removeAll()
    events.begin(index: entry.index.value, stamp: stamp)
    for request in payload.requests where executed[request.header.requestID] == nil {
      let reply = execute(request)
      executed[request.header.requestID] = Checker.Told(
        reply: reply, index: entry.index.value, stamp: stamp)
    }
    let level = exchange.settings.level
    foundedAt = foundedAt ?? level
    if level != levels.last?.level ?? Behaviour.first { levels.append((level, entry.index.value)) }
  }

  private mutating func execute(_ request: Request) -> Reply {
    if request.header.timestamp >= stamp + 1_000_000 { return .rejected(.timestampAhead) }
    if stamp > request.header.deadline { return .rejected(.deadlinePassed) }
    let reply = exchange.apply(request, stamp: stamp, &events)
    if case .placeOrder(let order) = request.command, case .placed = reply {
      let name = [order.account.value, order.clientOrderID.fingerprint]
      if !accepted.insert(name).inserted {
        problems.append("client order id \(order.clientOrderID.string) was accepted twice")
      }
    }
    return reply
  }

  /// The hash of the exchange's rows.
  mutating func hash() -> UInt128 {
    var rows = RowBatch()
    exchange.collectRows(into: &rows)
    return exchange.stateHash
  }
}
