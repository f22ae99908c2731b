// PendingTable: the writes of this node's clients that wait for their answer, in the order in which they came.
//
// Invariants:
//   * at most `limit` tickets, and `accountLimit` of each account but the operator's; one item a request id; every item
//     is in `places`
//   * `ticketsOf` counts the tickets of each account that has any
//   * items before `cursor` were handed over (to the leader or to the own proposal queue) since the last `rewind`;
//     items are always handed over in order
// Not here: who the leader is, and what the answers are (Coordinator).

import Engine

struct PendingTable {
  struct Item {
    var id: RequestID
    var account: AccountID
    var bytes: [UInt8]
    var deadline: Int64
    var tickets: [UInt64]
    /// When the first ticket came. Monotonic microseconds.
    var since: Int64
    /// When it was handed over last. Monotonic microseconds.
    var handedOver: Int64?
  }

  /// What became of a new submission.
  enum Added {
    case new, attached, full
  }

  let limit: Int
  let accountLimit: Int
  private var items: [Item?] = []
  /// The number of `items[0]`; numbers are never used again.
  private var first = 0
  /// Places before this one in `items` are empty, and the one here is not.
  private var head = 0
  private var cursor = 0
  private var places: [RequestID: Int] = [:]
  private(set) var tickets = 0
  private var ticketsOf: [AccountID: Int] = [:]

  init(limit: Int, accountLimit: Int) {
    self.limit = limit
    self.accountLimit = accountLimit
  }

  /// Items, not tickets.
  var count: Int { places.count }

  /// Tickets of one account.
  func tickets(of account: AccountID) -> Int { ticketsOf[account] ?? 0 }

  func contains(_ id: RequestID) -> Bool { places[id] != nil }

  /// Adds a ticket to the pending item of the same request, or a new item at the end.
  mutating func add(
    _ ticket: UInt64, _ request: Request, of account: AccountID, since: Int64,
    encode: (Request) -> [UInt8]
  ) -> Added {
    let id = request.header.requestID
    let known = places[id]
    let owner = known.flatMap { items[$0 - first]?.account } ?? account
    let share = owner == .operator ? limit : accountLimit
    guard tickets < limit, tickets(of: owner) < share else { return .full }
    tickets += 1
    ticketsOf[owner, default: 0] += 1
    if let place = known {
      items[place - first]?.tickets.append(ticket)
      return .attached
    }
    places[id] = first + items.count
    items.append(
      Item(
        id: id, account: account, bytes: encode(request), deadline: request.header.deadline,
        tickets: [ticket], since: since, handedOver: nil))
    return .new
  }

  /// Removes the item of a request and returns its tickets.
  mutating func remove(_ id: RequestID) -> [UInt64] {
    guard let place = places.removeValue(forKey: id) else { return [] }
    guard let item = items[place - first] else { preconditionFailure("a place without item") }
    items[place - first] = nil
    tickets -= item.tickets.count
    let rest = tickets(of: item.account) - item.tickets.count
    ticketsOf[item.account] = rest == 0 ? nil : rest
    trim()
    return item.tickets
  }

  /// Hands over items from the cursor on, in order, until `take` says no.
  mutating func handOver(_ now: Int64, _ take: (Item) -> Bool) {
    while cursor < first + items.count {
      if let item = items[cursor - first] {
        guard take(item) else { return }
        items[cursor - first]?.handedOver = now
      }
      cursor += 1
    }
  }

  /// Everything will be handed over again, in order.
  mutating func rewind() { cursor = first + head }

  /// True if an item waits to be handed over.
  var hasUnsent: Bool { cursor < first + items.count }

  /// When the oldest item was handed over last; `nil` if there is none or it was not.
  var oldestHandedOver: Int64? {
    guard head < items.count, cursor > first + head else { return nil }
    return items[head]?.handedOver
  }

  /// The items that came before `moment`, oldest first.
  func older(than moment: Int64) -> [RequestID] {
    var found: [RequestID] = []
    for item in items[head...] {
      guard let item else { continue }
      guard item.since < moment else { break }
      found.append(item.id)
    }
    return found
  }

  /// The items whose deadline is before `stamp`.
  func expired(at stamp: Int64) -> [RequestID] {
    items[head...].compactMap { item in item.flatMap { stamp > $0.deadline ? $0.id : nil } }
  }

  /// Drops the empty places at the front.
  private mutating func trim() {
    while head < items.count, items[head] == nil { head += 1 }
    cursor = max(cursor, first + head)
    // Moving the rest costs its length: wait until as much can be dropped as must be moved.
    guard head * 2 >= items.count else { return }
    items.removeFirst(head)
    first += head
    head = 0
  }
}
